"""How long `ticker serve` takes from the command to its first answer (bar 11)."""

from __future__ import annotations

import argparse
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from statistics import median

from findings import Finding, at_most, tell
from stopwatch import START_TIMEOUT_S, Failed, cores, run_command, running

ASK_EVERY_S = 0.005


def free_port() -> int:
    """Returns a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def first_answer_s() -> float:
    """Returns the seconds from the command until the newest of every symbol was answered."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/v1/snapshot?symbols=*"
    begun_s = time.monotonic()
    with running("start", (sys.executable, "-m", "ticker", "serve", "--port", str(port)), cores()[0]) as server:
        while time.monotonic() < begun_s + START_TIMEOUT_S:
            try:
                with urllib.request.urlopen(url, timeout=START_TIMEOUT_S) as answer:
                    answer.read()
                    return time.monotonic() - begun_s
            except urllib.error.URLError:
                time.sleep(ASK_EVERY_S)
        raise Failed(f"no answer: {server.last_words()}")


def run(rounds: int) -> Iterator[Finding]:
    """Starts so many servers, one after the other."""
    took_s = [first_answer_s() for _ in range(rounds)]
    print("answered after", " ".join(f"{seconds:.2f}" for seconds in took_s), "s", file=sys.stderr)
    yield at_most(11, "`ticker serve` to its first answer", 1, median(took_s), " s")


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="starts (5)")
    tell(run(parser.parse_args().rounds))


if __name__ == "__main__":
    run_command(main)
