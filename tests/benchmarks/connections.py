"""Memory per idle subscribed connection, and whether a few active ones lose anything meanwhile: see README.md."""

from __future__ import annotations

import argparse
import json
import re
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from contestants import CONTESTANTS, Contestant, Unavailable
from findings import Finding, at_most, tell
from stopwatch import RAMP_TIMEOUT_S, Failed, Window, measured, prepare, receiving, run_command, serving

SETTLE_S = 3.0
SPARE_FILES = 200
"""What a server or the receiver may have open besides its connections."""


@dataclass(frozen=True, slots=True)
class Held:
    """What holding the idle connections cost one server."""

    server: str
    idle: int
    rss_before_bytes: int
    rss_after_bytes: int
    rss_end_bytes: int
    active: Window

    @property
    def kib_per_connection(self) -> float:
        """Growth of resident memory for one idle connection, in KiB."""
        return (self.rss_after_bytes - self.rss_before_bytes) / 1024 / self.idle


def parse_arguments() -> argparse.Namespace:
    """Returns the command's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--idle", type=int, default=10_000, help="idle subscribed connections (10000)")
    parser.add_argument("--active", type=int, default=50, help="connections that receive every tick (50)")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of the measured window (5)")
    parser.add_argument("--only", default="ticker,bun,node_ws,broadcast", help="a choice of: %(default)s")
    parser.add_argument("--python", default=sys.executable, help="the interpreter of ticker and broadcast")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    return parser.parse_args()


def check_limits(connections: int) -> None:
    """Refuses more connections than this machine lets one process open."""
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if files != resource.RLIM_INFINITY and connections + SPARE_FILES > files:
        raise Failed(f"{connections} connections need more than the {files} open files allowed here (ulimit -Hn)")


def hold(contestant: Contestant, idle: int, active: int, seconds: float) -> Held:
    """Opens the idle connections, reads what they weigh, then measures the active ones beside them."""
    with serving(contestant) as server:
        time.sleep(SETTLE_S)
        before = server.process.rss_bytes()
        with receiving(server, clients=active, seconds=seconds, warmup_s=1.0, idle=idle) as receiver:
            receiver.wait_for(re.compile("^idle ready"), RAMP_TIMEOUT_S)
            time.sleep(SETTLE_S)
            after = server.process.rss_bytes()
            receiver.say()
            window = measured(server, receiver, seconds)
            return Held(contestant.name, idle, before, after, server.process.rss_bytes(), window)


def hold_all(arguments: argparse.Namespace) -> list[Held]:
    """Measures the contestants asked for; one that cannot run or fails is told and left out."""
    held = []
    for name in arguments.only.split(","):
        if name not in CONTESTANTS or name == "loop":  # the C loop has no idle subscribers
            raise SystemExit(f"no contestant for this is called {name!r}")
        print(f"{name}: {arguments.idle} idle, {arguments.active} active", file=sys.stderr)
        try:
            contestant = CONTESTANTS[name](arguments.python)
            held.append(hold(contestant, arguments.idle, arguments.active, arguments.seconds))
        except (Failed, Unavailable) as error:
            print(f"{name} is left out: {error}", file=sys.stderr)
    return held


def print_table(rows: list[Held]) -> None:
    """Prints one line a server."""
    head = (
        "server",
        "idle",
        "RSS MiB before",
        "after",
        "end",
        "KiB/idle",
        "µs/tick",
        "CPU %",
        "p99 ms",
        "gaps",
        "lost",
    )
    print("{:<10} {:>7} {:>15} {:>8} {:>8} {:>9} {:>8} {:>6} {:>8} {:>5} {:>5}".format(*head))
    for held in rows:
        active, mib = held.active, 1 << 20
        gaps = active.seq_gaps + active.seq_disorder
        print(
            f"{held.server:<10} {held.idle:>7} {held.rss_before_bytes / mib:>15.1f} {held.rss_after_bytes / mib:>8.1f}"
            f" {held.rss_end_bytes / mib:>8.1f}"
            f" {held.kib_per_connection:>9.2f} {active.us_per_tick:>8.2f} {100 * active.cpu_s / active.seconds:>6.1f}"
            f" {active.latency_us['p99'] / 1000:>8.2f} {gaps:>5} {active.disconnects:>5}"
        )


def findings(rows: list[Held]) -> Iterator[Finding]:
    """Yields what our idle connections weigh, and what active ones missed beside them (bar 5)."""
    for held in rows:
        if held.server == "ticker":
            yield at_most(5, f"{held.idle:,} idle connections, each", 4.5, held.kib_per_connection, " KiB")
            what = f"{held.active.connections} active ones beside them, gaps and losses"
            yield at_most(5, what, 0, held.active.faults, digits=0)


def write_json(path: Path, rows: list[Held]) -> None:
    """Writes the figures of every server."""
    figures = [{**asdict(held), "kib_per_connection": held.kib_per_connection} for held in rows]
    path.write_text(json.dumps(figures, indent=1) + "\n")


def main() -> None:
    """Runs the command."""
    arguments = parse_arguments()
    prepare()
    check_limits(arguments.idle + arguments.active)
    held = hold_all(arguments)
    print_table(held)
    tell(findings(held))
    if arguments.json:
        write_json(arguments.json, held)


if __name__ == "__main__":
    run_command(main)
