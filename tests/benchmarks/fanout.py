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

from contestants import CONTESTANTS, Contestant, Unavailable
from stopwatch import Failed, Window, measured, prepare, receiving, run_command, serving

OURS = "ticker"
Key = tuple[str, int]
"""A contestant's name and its number of clients."""
Results = dict[Key, dict[int, Window]]
"""The windows of each key, by round."""


def parse_arguments() -> argparse.Namespace:
    """Returns the command's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, nargs="+", default=[100, 500], help="numbers of clients (100 500)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each server and N (3)")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of the measured window (5)")
    parser.add_argument("--warmup", type=float, default=1.0, help="seconds between the last client and the window (1)")
    parser.add_argument("--only", default=",".join(CONTESTANTS), help="a comma-separated choice of: %(default)s")
    parser.add_argument("--python", default=sys.executable, help="the interpreter of ticker and broadcast")
    parser.add_argument("--json", type=Path, help="also write every run to this file")
    return parser.parse_args()


def chosen(names: str, python: str) -> Iterator[Contestant]:
    """Yields the contestants asked for that can run here, and says which cannot."""
    for name in names.split(","):
        if name not in CONTESTANTS:
            raise SystemExit(f"no contestant is called {name!r}: {', '.join(CONTESTANTS)}")
        try:
            yield CONTESTANTS[name](python)
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
        label = f"round {number + 1}  N={count:<5} {contestant.name:<10}"
        try:
            window = measure(contestant, count, arguments)
        except Failed as error:
            print(f"{label} failed: {error}", file=sys.stderr)
            continue
        results[contestant.name, count][number] = window
        print(f"{label} {window.us_per_tick:6.2f} µs/tick {window.ticks_per_s:10,.0f} ticks/s", file=sys.stderr)
    return results


def ratio(results: Results, over: Key, under: Key) -> float | None:
    """Returns the median over the rounds of one key's µs/tick divided by another's."""
    above, below = results.get(over, {}), results.get(under, {})
    ratios = [above[number].us_per_tick / below[number].us_per_tick for number in above.keys() & below.keys()]
    return median(ratios) if ratios else None


def row(results: Results, key: Key) -> str:
    """Returns one line of the table."""
    windows = list(results[key].values())
    costs = [window.us_per_tick for window in windows]
    cost = f"{median(costs):.2f} ({min(costs):.2f}-{max(costs):.2f})"
    ours = ratio(results, (OURS, key[1]), key)
    delivered = median(window.ticks_per_s for window in windows)
    p50, p99 = (median(window.latency_us[name] for window in windows) / 1000 for name in ("p50", "p99"))
    faults = sum(window.seq_gaps + window.seq_disorder + window.disconnects for window in windows)
    shown = "" if ours is None else f"{ours:.2f}"
    return f"{key[0]:<10} {key[1]:>6} {cost:>22} {delivered:>12,.0f} {shown:>7} {p50:>9.2f} {p99:>9.2f} {faults:>7}"


def print_table(results: Results, clients: list[int]) -> None:
    """Prints the medians, and how our cost grows with N (bar 10) when two N were asked for."""
    head = ("server", "N", "µs/tick median (range)", "ticks/s", "ours/it", "p50 ms", "p99 ms", "faults")
    print("{:<10} {:>6} {:>22} {:>12} {:>7} {:>9} {:>9} {:>7}".format(*head))
    for count in clients:
        for key in results:
            if key[1] == count:
                print(row(results, key))
    few, many = min(clients), max(clients)
    growth = ratio(results, (OURS, many), (OURS, few)) if few < many else None
    if growth is not None:
        print(f"growth of {OURS}: µs/tick at {many} = {growth:.2f} x at {few} (bar 10: at most 1.2 from 100 to 1,000)")


def write_json(path: Path, results: Results) -> None:
    """Writes every window with what it belongs to."""
    runs = [
        {"server": name, "clients": count, "round": number, "us_per_tick": window.us_per_tick, **asdict(window)}
        for (name, count), windows in results.items()
        for number, window in windows.items()
    ]
    path.write_text(json.dumps(runs, indent=1) + "\n")


def main() -> None:
    """Runs the command."""
    arguments = parse_arguments()
    prepare()
    results = run_all(list(chosen(arguments.only, arguments.python)), arguments)
    print_table(results, arguments.clients)
    if arguments.json:
        write_json(arguments.json, results)


if __name__ == "__main__":
    run_command(main)
