"""Server CPU per delivered tick, ours and the peers', side by side and round by round: see README.md."""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from statistics import median

from contestants import Contestant, Unavailable
from findings import Finding, at_most, tell
from stopwatch import Failed, Window, measured, prepare, receiving, run_command, serving
from works import WORKS, Work

Key = tuple[str, int]
"""A contestant's name and its number of clients."""
Results = dict[Key, dict[int, Window]]
"""The windows of each key, by round."""


def parse_arguments() -> argparse.Namespace:
    """Returns the command's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", choices=WORKS, default="same", help="what they are compared on (same)")
    parser.add_argument("--clients", type=int, nargs="+", help="numbers of clients (those the work is meant for)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each server and N (3)")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of the measured window (5)")
    parser.add_argument("--warmup", type=float, default=1.0, help="seconds between the last client and the window (1)")
    parser.add_argument("--only", help="some of the work's servers, separated by commas (all)")
    parser.add_argument("--python", default=sys.executable, help="the interpreter of ticker and broadcast")
    parser.add_argument("--json", type=Path, help="also write every run to this file")
    arguments = parser.parse_args()
    arguments.clients = arguments.clients or list(WORKS[arguments.work].clients)
    return arguments


def chosen(work: Work, names: str | None, python: str) -> Iterator[Contestant]:
    """Yields the contestants asked for that can run here, and says which cannot."""
    known = work.contestants
    for name in names.split(",") if names else known:
        if name not in known:
            raise SystemExit(f"no contestant for this work is called {name!r}: {', '.join(known)}")
        try:
            yield known[name](python)
        except Unavailable as error:
            print(f"{name} is left out: {error}", file=sys.stderr)


def schedule(contestants: list[Contestant], clients: list[int], rounds: int) -> Iterator[tuple[int, int, Contestant]]:
    """Yields (round, N, contestant) so that what is compared runs close together, in turning order against drift."""
    for number in range(rounds):
        turned = contestants if number % 2 == 0 else contestants[::-1]
        yield from ((number, count, contestant) for count in clients for contestant in turned)


def measure(contestant: Contestant, clients: int, arguments: argparse.Namespace) -> Window:
    """Starts a server and its clients and returns one window."""
    seconds: float = arguments.seconds
    with (
        serving(contestant) as server,
        receiving(server, clients=clients, seconds=seconds, warmup_s=arguments.warmup) as receiver,
    ):
        return measured(server, receiver, seconds)


def run_all(contestants: list[Contestant], arguments: argparse.Namespace) -> Results:
    """Measures everything; a run that fails is told and left out."""
    results: Results = defaultdict(dict)
    for number, count, contestant in schedule(contestants, arguments.clients, arguments.rounds):
        label = f"round {number + 1}  N={count:<5} {contestant.name:<15}"
        try:
            window = measure(contestant, count, arguments)
        except Failed as error:
            print(f"{label} failed: {error}", file=sys.stderr)
            continue
        results[contestant.name, count][number] = window
        print(f"{label} {window.us_per_tick:6.2f} µs/tick {window.ticks_per_s:10,.0f} ticks/s", file=sys.stderr)
    return results


def ratio(results: Results, over: Key, under: Key, measure: str = "us_per_tick") -> float | None:
    """Returns the median over the rounds of one key's figure divided by another's."""
    above, below = results.get(over, {}), results.get(under, {})
    both = above.keys() & below.keys()
    ratios = [getattr(above[number], measure) / getattr(below[number], measure) for number in both]
    return median(ratios) if ratios else None


def row(results: Results, key: Key, ours: str) -> str:
    """Returns one line of the table."""
    windows = list(results[key].values())
    costs = [window.us_per_tick for window in windows]
    cost = f"{median(costs):.2f} ({min(costs):.2f}-{max(costs):.2f})"
    compared = ratio(results, (ours, key[1]), key)
    delivered = median(window.ticks_per_s for window in windows)
    size = median(window.bytes_per_tick for window in windows)
    p50, p99 = (median(window.latency_us[name] for window in windows) / 1000 for name in ("p50", "p99"))
    busy = max(100 * window.receiver_cpu_s / window.seconds for window in windows)
    faults = sum(window.faults for window in windows)
    shown = "" if compared is None else f"{compared:.2f}"
    return (
        f"{key[0]:<15} {key[1]:>6} {cost:>22} {shown:>7} {delivered:>11,.0f} {size:>7.1f} {p50:>9.2f} {p99:>9.2f}"
        f" {faults:>7} {busy:>6.0f}"
    )


def print_table(results: Results, clients: list[int], work: Work) -> None:
    """Prints the medians."""
    names = ("server", "N", "µs/tick median (range)", "ours/it", "ticks/s", "B/tick", "p50 ms", "p99 ms")
    head = (*names, "faults", "recv %")
    print("{:<15} {:>6} {:>22} {:>7} {:>11} {:>7} {:>9} {:>9} {:>7} {:>6}".format(*head))
    for count in clients:
        for key in results:
            if key[1] == count:
                print(row(results, key, work.ours))


def findings(results: Results, clients: list[int], work: Work) -> Iterator[Finding]:
    """Yields the ratios that have a bar, and how our cost grows with N (bar 10) when two N were asked for."""
    for bar in work.bars:
        for count in clients if not bar.clients else [bar.clients]:
            found = ratio(results, (bar.over, count), (bar.under, count), bar.measure)
            if found is not None:
                what = f"{bar.measure} of {bar.over} / {bar.under}, {count:,} clients"
                yield at_most(bar.number, what, bar.at_most, found, digits=3)
    few, many = min(clients), max(clients)
    growth = ratio(results, (work.ours, many), (work.ours, few)) if few < many else None
    if growth is not None:
        yield at_most(10, f"us_per_tick of {work.ours}, {many:,} clients / {few:,}", 1.2, growth, digits=3)


def write_json(path: Path, results: Results) -> None:
    """Writes every window with what it belongs to."""
    figures = ("us_per_tick", "bytes_per_tick", "ticks_per_s")
    runs = [
        {"server": name, "clients": count, "round": number, **asdict(window)}
        | {figure: getattr(window, figure) for figure in figures}
        for (name, count), windows in results.items()
        for number, window in windows.items()
    ]
    path.write_text(json.dumps(runs, indent=1) + "\n")


def main() -> None:
    """Runs the command."""
    arguments = parse_arguments()
    prepare()
    work = WORKS[arguments.work]
    results = run_all(list(chosen(work, arguments.only, arguments.python)), arguments)
    print_table(results, arguments.clients, work)
    tell(findings(results, arguments.clients, work))
    if arguments.json:
        write_json(arguments.json, results)


if __name__ == "__main__":
    run_command(main)
