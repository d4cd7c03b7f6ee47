"""Clients that connect, subscribe, hear something and leave, a hundred thousand times: is anything left of them?"""

from __future__ import annotations

import argparse
import json
import random
import socket
import struct
import sys
import time

from attacks import EVENTS, HEAD, SHAKE
from contestants import ticker
from misfits import CLOSE, TEXT, masked
from scrape import descriptors, gauges
from stopwatch import Failed, Server, prepare, run_command, serving

WARM = 2000
GROWTH_MIB = 5.0
MIB = 1 << 20
ABORT = struct.pack("ii", 1, 0)
SETTLE_S = 8.0


def wishes(dice: random.Random) -> bytes:
    """Returns a subscription of any kind."""
    symbols = [f"SYM{number:04d}" for number in dice.sample(range(10), dice.randrange(1, 10))]
    wish: dict[str, object] = {"op": "subscribe", "channels": dice.choice([["trades"], ["quotes", "trades"]])}
    wish |= {"symbols": dice.choice([["*"], symbols]), "snapshot": dice.random() < 0.5}
    if dice.random() < 0.3:
        wish |= {"pace": "latest", "rate_hz": dice.choice([1, 10, 50])}
    window = masked(TEXT, json.dumps({"op": "window", "size": dice.randrange(1, 64)}).encode())
    return (window if dice.random() < 0.3 else b"") + masked(TEXT, json.dumps(wish).encode())


def cycle(server: Server, dice: random.Random) -> None:
    """One client's life: most leave as they should, some hang up or reset; one in ten asks by HTTP."""
    with socket.create_connection(("127.0.0.1", server.port), 30) as client:
        if dice.random() < 0.1:
            client.sendall(dice.choice([HEAD, EVENTS]))
            client.recv(4096)
            return
        client.sendall(SHAKE)
        client.recv(4096)
        client.sendall(wishes(dice))
        client.recv(4096)
        end = dice.random()
        if end < 0.6:
            client.sendall(masked(CLOSE, struct.pack("!H", 1000)))
        elif end < 0.8:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)


def settled(server: Server, base: int) -> int:
    """Waits until nothing is open that was not before, and returns how much still is."""
    until_s = time.monotonic() + SETTLE_S
    while (left := descriptors(server.process.child.pid) - base) > 0 and time.monotonic() < until_s:
        time.sleep(0.1)
    return left


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cycles", type=int, default=100_000, help="how many (100000)")
    parser.add_argument("--loop", default="uvloop", help="event loop of the server (uvloop)")
    parser.add_argument("--python", default=sys.executable, help="the interpreter of ticker")
    arguments = parser.parse_args()
    prepare()
    contestant = ticker(arguments.python)
    dice = random.Random(1)
    command = (*contestant.command, "--server.loop", arguments.loop, "--feed.tape-s", "5")
    with serving(type(contestant)(contestant.name, command, "", "")) as server:
        base = descriptors(server.process.child.pid)
        for _ in range(WARM):
            cycle(server, dice)
        settled(server, base)
        before, tasks = server.process.rss_bytes(), gauges(server.port)["tasks"]
        begun_s = time.monotonic()
        for number in range(1, arguments.cycles + 1):
            cycle(server, dice)
            if number % 20_000 == 0:
                print(f"{number:,}: RSS {server.process.rss_bytes() / MIB:.1f} MiB", file=sys.stderr, flush=True)
        took_s = time.monotonic() - begun_s
        left = settled(server, base)
        said = gauges(server.port)
        grown = server.process.rss_bytes() - before
        print(
            f"{arguments.cycles:,} cycles in {took_s:.0f} s ({arguments.loop}): "
            f"RSS {before / MIB:.1f} MiB {grown / MIB:+.1f}, "
            f"{left:+} descriptors, {said['tasks'] - tasks:+.0f} tasks, {said['audiences']:.0f} audiences, "
            f"{said['windows']:.0f} windows, {said['laggards']:.0f} laggards"
        )
    kept = grown <= GROWTH_MIB * MIB and left <= 0
    if not kept or said["audiences"] or said["windows"] or said["laggards"] or said["tasks"] > tasks:
        raise Failed("something is left")


if __name__ == "__main__":
    run_command(main)
