"""What polling costs: a thousand held long polls on quiet symbols, and short polls a second beside a static file."""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from contestants import Contestant, ticker
from stopwatch import Failed, Server, cores, prepare, run_command, running, serving

QUIET = "/v1/ticks?symbols=*&channels=quotes&wait=25"  # under configs/load.toml no quote follows the opening ones
HEAD = "GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
SETTLE_S = 1.0
CONNECTIONS = 32
NGINX = """daemon off; worker_processes 1; pid {0}/pid; error_log {0}/error.log;
events {{ worker_connections 1024; }}
http {{ access_log off; default_type application/json; keepalive_requests 1000000;
  client_body_temp_path {0}/a; proxy_temp_path {0}/b; fastcgi_temp_path {0}/c;
  uwsgi_temp_path {0}/d; scgi_temp_path {0}/e;
  server {{ listen 127.0.0.1:{1}; root {0}; }} }}
"""


def parse_arguments() -> argparse.Namespace:
    """Returns the command's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--waiters", type=int, default=1000, help="long polls held at once (1000)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each (3)")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of a measured window (5)")
    parser.add_argument("--python", default=sys.executable, help="the interpreter of ticker")
    return parser.parse_args()


async def hold(port: int) -> None:
    """Asks for what does not come, again and again, until it is cancelled."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        while True:
            writer.write(HEAD.format(QUIET).encode())
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"Content-Length: (\d+)", head)
            await reader.readexactly(int(length[1]) if length else 0)
    finally:
        writer.close()


async def held_cpu_share(server: Server, waiters: int, seconds: float) -> float:
    """Returns the share of a core that the server uses while so many wait."""
    crowd = [asyncio.create_task(hold(server.port)) for _ in range(waiters)]
    await asyncio.sleep(SETTLE_S)
    before_s, started_s = server.process.cpu_s(), time.monotonic()
    await asyncio.sleep(seconds)
    share = (server.process.cpu_s() - before_s) / (time.monotonic() - started_s)
    for task in crowd:
        task.cancel()
    await asyncio.gather(*crowd, return_exceptions=True)
    return share


def measure_waiters(contestant: Contestant, waiters: int, rounds: int, seconds: float) -> None:
    """Prints the CPU of a market nobody reads, and of the same with a crowd that waits in vain."""
    found: dict[int, list[float]] = {0: [], waiters: []}
    with serving(contestant) as server:
        for _ in range(rounds):
            for count, shares in found.items():
                shares.append(asyncio.run(held_cpu_share(server, count, seconds)))
    for count, shares in found.items():
        print(f"{count:>6} waiters on quiet symbols: {100 * median(shares):5.2f} % of a core")


@contextmanager
def static(body: bytes) -> Iterator[int]:
    """Runs nginx with one file to serve, on the server's core; yields its port."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if program is None:
        raise Failed("nginx is not installed: apt-get install nginx-light wrk")
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "ticks").write_bytes(body)
        port = 18_765
        Path(folder, "nginx.conf").write_text(NGINX.format(folder, port))
        command = (program, "-p", folder, "-c", f"{folder}/nginx.conf", "-g", "user root;")
        with running("nginx", command, cores()[0]):
            time.sleep(SETTLE_S)
            yield port


def requests_per_s(url: str, seconds: float) -> float:
    """Returns what wrk gets answered in a second, from the other core."""
    command = ["taskset", "-c", str(cores()[1]), "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:g}s", url]
    if shutil.which("wrk") is None:
        raise Failed("wrk is not installed: apt-get install wrk")
    text = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 30).stdout
    if "Non-2xx" in text:
        raise Failed(f"not every answer was a good one: {text}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", text)
    return float(found[1]) if found else 0.0


def measure_short_polls(contestant: Contestant, rounds: int, seconds: float) -> None:
    """Prints short polls a second, and the same answer from a file for scale."""
    ours, files, spent_us = [], [], []
    with serving(contestant) as server:
        time.sleep(SETTLE_S)
        origin = f"http://127.0.0.1:{server.port}"
        with urllib.request.urlopen(f"{origin}/readyz", timeout=5) as answer:
            epoch = json.load(answer)["epoch"]
        target = f"/v1/ticks?symbols=*&since={epoch}:0&limit=1"
        with urllib.request.urlopen(origin + target, timeout=5) as answer:
            body = answer.read()
        with static(body) as port:
            for _ in range(rounds):
                before_s = server.process.cpu_s()
                ours.append(requests_per_s(origin + target, seconds))
                spent_us.append((server.process.cpu_s() - before_s) / (ours[-1] * seconds) * 1e6)
                files.append(requests_per_s(f"http://127.0.0.1:{port}/ticks", seconds))
    print(f"short polls ({len(body)} bytes): {median(ours):,.0f} a second, {median(spent_us):.0f} µs of CPU each")
    print(f"the same from a file, by nginx: {median(files):,.0f} a second ({median(files) / median(ours):.1f} times)")


def main() -> None:
    """Runs the command."""
    arguments = parse_arguments()
    prepare()
    contestant = ticker(arguments.python)
    measure_waiters(contestant, arguments.waiters, arguments.rounds, arguments.seconds)
    measure_short_polls(contestant, arguments.rounds, arguments.seconds)


if __name__ == "__main__":
    run_command(main)
