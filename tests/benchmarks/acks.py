"""What 10,000 acks a second cost the server, single and ten a packet, beside the same ticks without them."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median

from contestants import Contestant, ticker
from findings import Finding, at_most, tell
from stopwatch import Failed, Window, measured, prepare, receiving, run_command, serving

WINDOW = 64
WITHOUT = "no acks"
BATCHES = {WITHOUT: 0, "single": 1, "ten a packet": 10}
"""How many acks go out in one packet, by what it is called."""
Rounds = list[dict[str, Window]]


def parse_arguments() -> argparse.Namespace:
    """Returns the command's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, default=100, help="connections; each acks 100 messages a second (100)")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each kind (3)")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of a measured window (5)")
    parser.add_argument("--python", default=sys.executable, help="the interpreter of ticker")
    parser.add_argument("--json", type=Path, help="also write every run to this file")
    return parser.parse_args()


def acknowledging(contestant: Contestant, batch: int) -> Contestant:
    """Returns the server with clients that open a window and ack every message, or as it is for none."""
    return replace(contestant, receiver={"window": WINDOW, "ack-batch": batch}) if batch else contestant


def measure(contestant: Contestant, clients: int, seconds: float) -> Window:
    """Returns one window of a server of its own."""
    with (
        serving(contestant) as server,
        receiving(server, clients=clients, seconds=seconds, warmup_s=1.0) as receiver,
    ):
        window = measured(server, receiver, seconds)
    if window.faults:
        raise Failed(f"{window.seq_gaps} gaps, {window.seq_disorder} out of order, {window.disconnects} lost")
    return window


def run(arguments: argparse.Namespace) -> Iterator[dict[str, Window]]:
    """Yields the windows of each round by kind, in turning order against drift."""
    contestant = ticker(arguments.python)
    for number in range(arguments.rounds):
        order = list(BATCHES) if number % 2 == 0 else list(BATCHES)[::-1]
        found = {}
        for name in order:
            found[name] = measure(acknowledging(contestant, BATCHES[name]), arguments.clients, arguments.seconds)
            cpu = 100 * found[name].cpu_s / found[name].seconds
            print(f"round {number + 1}  {name:<12} {cpu:6.1f} % of a core", file=sys.stderr)
        yield found


def acks_per_s(window: Window) -> float:
    """Returns the rate at which acks were sent."""
    return window.acks / window.seconds


def share(window: Window) -> float:
    """Returns the server's share of a core, as a percentage."""
    return 100 * window.cpu_s / window.seconds


def print_table(rounds: Rounds) -> None:
    """Prints the medians over the rounds; what the acks cost is told round by round before."""
    print(f"{'acks':<12} {'acks/s':>9} {'ticks/s':>9} {'CPU %':>7} {'of it acks %':>13} {'µs/ack':>7} {'recv %':>7}")
    for name in BATCHES:
        windows = [found[name] for found in rounds]
        extra = median(share(found[name]) - share(found[WITHOUT]) for found in rounds)
        rate = median(acks_per_s(window) for window in windows)
        cells = f"{extra:>13.1f} {extra * 1e4 / rate:>7.2f}" if rate else f"{'':>13} {'':>7}"
        ticks = median(window.ticks_per_s for window in windows)
        busy = max(100 * window.receiver_cpu_s / window.seconds for window in windows)
        cpu = median(share(window) for window in windows)
        print(f"{name:<12} {rate:>9,.0f} {ticks:>9,.0f} {cpu:>7.1f} {cells} {busy:>7.0f}")


def findings(rounds: Rounds) -> Iterator[Finding]:
    """Yields what the acks alone take, for each way of sending them (bar 8)."""
    for name in BATCHES:
        if name != WITHOUT:
            extra = median(share(found[name]) - share(found[WITHOUT]) for found in rounds)
            rate = median(acks_per_s(found[name]) for found in rounds)
            yield at_most(8, f"{rate:,.0f} acks/s, {name}", 15, extra, " % of a core", 1)


def write_json(path: Path, rounds: Rounds) -> None:
    """Writes every window."""
    runs = [
        {"acks_by": name, "round": number, "cpu_percent": share(window), **asdict(window)}
        for number, found in enumerate(rounds)
        for name, window in found.items()
    ]
    path.write_text(json.dumps(runs, indent=1) + "\n")


def main() -> None:
    """Runs the command."""
    arguments = parse_arguments()
    prepare()
    rounds = list(run(arguments))
    print_table(rounds)
    tell(findings(rounds))
    if arguments.json:
        write_json(arguments.json, rounds)


if __name__ == "__main__":
    run_command(main)
