"""All the bars in one run: every benchmark that has one, and the tables that the README quotes, in Markdown.

    python tests/benchmarks/bars.py [--rounds 3] [--seconds 5] [--only 1 7 11] [--markdown FILE]

About forty minutes. Quick ones come first; a benchmark that fails is told, and the others go on.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import acks
import client
import connections
import fanout
import findings
import start
from findings import Finding
from stopwatch import Failed, prepare, run_command
from works import WORKS

import market

Table = Callable[[str], None]
"""Takes a further table."""
SPREAD = [100, 500, 1000]
"""Clients of the work that all peers are compared on."""
NAMES = {"ticker": "Ticker", "loop": "a bare C `send()` loop", "bun": "Bun (uWebSockets)", "node_ws": "Node `ws`"}


def options(arguments: argparse.Namespace, **others: object) -> argparse.Namespace:
    """Returns what a benchmark is told: what we were told, and some of its own."""
    return argparse.Namespace(**{**vars(arguments), "python": sys.executable, "warmup": 1.0, "only": None, **others})


def fan_out(name: str, clients: list[int], arguments: argparse.Namespace, also: Table) -> Iterator[Finding]:
    """Yields the bars of one work; shows every server's cost as a table where there are several numbers of clients."""
    work = WORKS[name]
    told = options(arguments, clients=clients)
    results = fanout.run_all(list(fanout.chosen(work, None, told.python)), told)
    fanout.print_table(results, clients, work)
    if clients == SPREAD:
        also(costs(results))
    yield from fanout.findings(results, clients, work)


def costs(results: fanout.Results) -> str:
    """Returns server CPU a delivered tick by clients and server: medians, in microseconds."""
    servers = [name for name in NAMES if (name, SPREAD[0]) in results]
    lines = [f"| clients | {' | '.join(NAMES[name] for name in servers)} |", "|---" * (len(servers) + 1) + "|"]
    for count in SPREAD:
        found = [[window.us_per_tick for window in results[name, count].values()] for name in servers]
        cells = [f"{median(rounds):.2f}" if rounds else "-" for rounds in found]
        lines.append(f"| {count:,} | {' | '.join(cells)} |")
    return "\n".join(lines)


def idle(arguments: argparse.Namespace) -> Iterator[Finding]:
    """Yields what ten thousand idle connections take."""
    told = options(arguments, idle=10_000, active=50, only="ticker,bun")
    connections.check_limits(told.idle + told.active)
    held = connections.hold_all(told)
    connections.print_table(held)
    yield from connections.findings(held)


def acknowledged(arguments: argparse.Namespace) -> Iterator[Finding]:
    """Yields what acks take."""
    rounds = list(acks.run(options(arguments, clients=100)))
    acks.print_table(rounds)
    yield from acks.findings(rounds)


def made(arguments: argparse.Namespace) -> Iterator[Finding]:
    """Yields how fast the market is."""
    yield from market.run(options(arguments, universe="large", activity=10.0, step_ms=20.0, steps=1500))


def taken(arguments: argparse.Namespace) -> Iterator[Finding]:
    """Yields how fast the Python client is."""
    yield from client.run(options(arguments, ticks=2_000_000, sizes=[1000], window=64))


def benchmarks(arguments: argparse.Namespace, also: Table) -> dict[tuple[int, ...], Callable[[], Iterator[Finding]]]:
    """Returns the benchmarks by the bars that they measure."""
    return {
        (11,): lambda: start.run(arguments.rounds),
        (8,): lambda: acknowledged(arguments),
        (5,): lambda: idle(arguments),
        (7,): lambda: made(arguments),
        (2,): lambda: fan_out("own", [500], arguments, also),
        (4,): lambda: fan_out("compressed", [100, 200], arguments, also),
        (9,): lambda: taken(arguments),
        (1, 3, 6, 10): lambda: fan_out("same", SPREAD, arguments, also),
    }


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="runs of everything (3)")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of a measured window (5)")
    parser.add_argument("--only", type=int, nargs="+", help="the numbers of some bars (all)")
    parser.add_argument("--markdown", type=Path, help="also write the tables to this file")
    arguments = parser.parse_args()
    prepare()
    found: list[Finding] = []
    tables: list[str] = []
    for bars, measured in benchmarks(arguments, tables.append).items():
        if arguments.only and not set(arguments.only) & set(bars):
            continue
        try:
            news = list(measured())
        except Failed as error:
            print(f"bar {bars[0]}: {error}", file=sys.stderr)
            continue
        findings.tell(news)
        found += news
    said = "\n\n".join([*tables, findings.table(found)]) + "\n"
    print(f"\n{said}")
    if arguments.markdown:
        arguments.markdown.write_text(said)


if __name__ == "__main__":
    run_command(main)
