"""What the Python client takes in: ticks a second of its own CPU, from JSON and packed, singly and as arrays (bar 9).

A recorded conversation is served from memory on the first core, as fast as the client takes it; the client runs whole,
on the second: socket, frames, decoding, proof by `n`, acknowledgements, iteration.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

from findings import Finding, at_least, tell
from stopwatch import ADDRESS, cores, run_command, running

from ticker_client import Feed, connect
from ticker_client.instruments import Instrument, Instruments

RECORDED = Path(__file__).parent / "peers" / "recorded.py"
RECORD_TIMEOUT_S = 120.0
KINDS = (("json", "ticks"), ("json", "batches"), ("json", "arrays"), ("packed", "arrays"), ("packed", "ticks"))
BARS = {("json", "ticks"): 300_000, ("packed", "arrays"): 3_000_000}
"""Ticks a second on one core, in messages of a thousand."""


def parse_arguments() -> argparse.Namespace:
    """Returns the command's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ticks", type=int, default=2_000_000, help="in a record (2000000)")
    parser.add_argument("--sizes", type=int, nargs="+", default=[1000, 10], help="ticks a message (1000 10)")
    parser.add_argument("--rounds", type=int, default=3, help="readings of each record (3)")
    parser.add_argument("--window", type=int, default=64, help="the client's window (64)")
    parser.add_argument("--only", help="ENCODING-FACE, such as packed-arrays")
    parser.add_argument("--read", help=argparse.SUPPRESS)
    return parser.parse_args()


async def take(feed: Feed, face: str, until: int) -> int:
    """Takes in so many ticks one way or the other; returns how many."""
    count = 0
    if face == "ticks":
        async for _ in feed:
            count += 1
            if count >= until:
                break
    elif face == "batches":
        async for batch in feed.batches():
            count += len(batch.data)
            if count >= until:
                break
    else:
        async for arrays in feed.arrays():
            count += arrays.size
            if count >= until:
                break
    return count


async def read(url: str, encoding: str, face: str, ticks: int, window: int) -> dict[str, float]:
    """Returns what a whole record took."""
    async with connect(url, encoding=encoding, window=window) as feed:
        if face == "arrays" and encoding == "json":
            feed._inbox.instruments = numbered()  # a record does not answer over HTTP
        before_s, begun_s = time.process_time(), time.monotonic()
        await feed.subscribe("*")
        count = await take(feed, face, ticks)
        spent_s, took_s = time.process_time() - before_s, time.monotonic() - begun_s
        session = feed.session
        assert (session.missed, session.repeated, session.ticks) == (0, 0, ticks), "not all of it"
        return {"count": count, "cpu_s": spent_s, "wall_s": took_s}


def numbered() -> Instruments:
    """Returns the instruments of a record."""
    return Instruments([Instrument(f"SYM{index:04d}", 0.01, 2) for index in range(1000)])


def measure(encoding: str, face: str, size: int, arguments: argparse.Namespace) -> Iterator[Finding]:
    """Prints ticks a second of CPU, and of time; yields the bar that holds here, if one does."""
    ticks = arguments.ticks - arguments.ticks % size
    record = (str(RECORDED), "--encoding", encoding, "--instruments", str(size), "--ticks", str(ticks))
    rates, paces = [], []
    with running("recorded", (sys.executable, *record), cores()[0]) as server:
        found = server.wait_for(ADDRESS, RECORD_TIMEOUT_S)
        task = json.dumps([found[0], encoding, face, ticks, arguments.window])
        for _ in range(arguments.rounds):
            with running("reader", (sys.executable, __file__, "--read", task), cores()[1]) as reader:
                taken = json.loads(reader.wait_for(re.compile(r"\{.*\}"), RECORD_TIMEOUT_S)[0])
            rates.append(taken["count"] / taken["cpu_s"])
            paces.append(taken["count"] / taken["wall_s"])
    print(
        f"{encoding:>6}, {face:<7} {size:>5} a message: {median(rates):>12,.0f} ticks/s of CPU,"
        f" {median(paces):>12,.0f} ticks/s",
        flush=True,
    )
    bar = BARS.get((encoding, face)) if size >= 1000 else None
    if bar:
        yield at_least(9, f"{encoding} as {face}", bar / 1e6, median(rates) / 1e6, " M ticks/s of CPU")


def run(arguments: argparse.Namespace) -> Iterator[Finding]:
    """Measures what was asked for."""
    for encoding, face in KINDS:
        for size in arguments.sizes:
            if arguments.only in (None, f"{encoding}-{face}"):
                yield from measure(encoding, face, size, arguments)


def main() -> None:
    """Runs the command."""
    arguments = parse_arguments()
    if arguments.read:
        print(json.dumps(asyncio.run(read(*json.loads(arguments.read)))))
        return
    tell(list(run(arguments)))


if __name__ == "__main__":
    run_command(main)
