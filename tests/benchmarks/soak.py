"""Hours of the plan `soak`: does memory, do descriptors or tasks grow, and do the good clients miss anything?

What is bounded fills up first, the tape and the bars: that is the warm-up, which is shown and not judged but for the
good clients. `--flags "--feed.tape-bytes N --feed.bars-kept N"` makes it short.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from contestants import BUILT, Contestant
from scrape import descriptors, gauges
from stopwatch import Failed, Server, cores, prepare, run_command, running, serving

PERIOD_S = 10.0
TENTHS = 10
GROWTH_MIB = 5.0
"""From the first tenth of what is judged to the last."""
MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Sample:
    """The server at one moment."""

    second: float
    rss_bytes: int
    descriptors: int
    tasks: int
    connections: int


def sample(server: Server, begun_s: float) -> Sample:
    """Returns how the server is now."""
    said = gauges(server.port)
    return Sample(
        round(time.monotonic() - begun_s, 1),
        server.process.rss_bytes(),
        descriptors(server.process.child.pid),
        int(said["tasks"]),
        int(said["connections"]),
    )


def print_tenths(title: str, samples: list[Sample]) -> None:
    """Prints what was seen, a tenth of the time a line: medians."""
    print(title)
    print(f"{'until':>8} {'RSS MiB':>8} {'descriptors':>12} {'tasks':>6} {'connections':>12}")
    for tenth in tenths(samples):
        rss, held, tasks, connections = (
            median(getattr(found, name) for found in tenth)
            for name in ("rss_bytes", "descriptors", "tasks", "connections")
        )
        print(f"{tenth[-1].second:>7.0f}s {rss / MIB:>8.1f} {held:>12.0f} {tasks:>6.0f} {connections:>12.0f}")


def tenths(samples: list[Sample]) -> list[list[Sample]]:
    """Returns the samples in ten parts, in order."""
    size = max(1, len(samples) // TENTHS)
    return [samples[start : start + size] for start in range(0, size * TENTHS, size) if samples[start : start + size]]


def check(samples: list[Sample], report: dict[str, Any]) -> None:
    """Raises Failed where something grew, or a good client missed something."""
    parts = tenths(samples)
    grown = median(found.rss_bytes for found in parts[-1]) - median(found.rss_bytes for found in parts[0])
    if grown > GROWTH_MIB * MIB:
        raise Failed(f"memory grew by {grown / MIB:.1f} MiB from the first tenth to the last")
    if samples[-1].tasks > samples[0].tasks:
        raise Failed("tasks were left")
    # A storm cuts clients off on purpose: what counts is that they missed nothing.
    if wrong := {name: count for name, count in report["faults"].items() if count}:
        raise Failed(f"the good clients had {wrong}")


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3600.0, help="how long, after the warm-up (3600)")
    parser.add_argument("--warmup", type=float, default=600.0, help="seconds until what is bounded is full (600)")
    parser.add_argument("--clients", type=int, default=100, help="how many, one in twenty of them bad (100)")
    parser.add_argument("--flags", default="", help='flags of the server: "--speed 60"')
    parser.add_argument("--python", default=sys.executable, help="the interpreter of ticker")
    parser.add_argument("--json", type=Path, help="also write every sample and the load tester's report to this file")
    arguments = parser.parse_args()
    prepare()
    flags = arguments.flags.split()
    command = (arguments.python, "-m", "ticker", "serve", "--port", "0", *flags)
    report = BUILT / "soak.json"
    samples: list[Sample] = []
    with serving(Contestant("ticker_soak", command, "", "")) as server:
        stream = f"ws://127.0.0.1:{server.port}{server.path}"
        load: tuple[str, ...] = (
            arguments.python,
            "-m",
            "ticker",
            "load",
            "--plan",
            "soak",
            "--url",
            stream,
            "--json",
            str(report),
        )
        load += (
            "--duration",
            str(arguments.warmup + arguments.seconds),
            "--clients",
            str(arguments.clients),
            "--processes",
            "1",
        )
        begun_s = time.monotonic()
        samples.append(sample(server, begun_s))
        with running("soak", load, cores()[1]) as tester:
            while tester.child.poll() is None:
                time.sleep(PERIOD_S)
                if tester.child.poll() is None:
                    samples.append(sample(server, begun_s))
        time.sleep(PERIOD_S)
        last = sample(server, begun_s)
        log = server.process.log.read_text(errors="replace")
    warm = [found for found in samples[1:] if found.second < arguments.warmup]
    judged = [found for found in samples[1:] if found.second >= arguments.warmup]
    for title, part in (("warm-up", warm), ("judged", judged)):
        if part:
            print_tenths(title, part)
    print(f"after: RSS {last.rss_bytes / MIB:.1f} MiB, descriptors {samples[0].descriptors} -> {last.descriptors}")
    print(f"log: {len(log):,} bytes, {len(re.findall('Traceback', log))} tracebacks")
    said: dict[str, Any] = json.loads(report.read_text())
    print(f"good clients: {said['delivered']['ticks']:,} ticks; faults {said['faults']}; closes {said['closes']}")
    if arguments.json:
        everything = {"samples": [asdict(found) for found in samples], "report": said}
        arguments.json.write_text(json.dumps(everything) + "\n")
    check([*judged, last], said)
    if last.descriptors > samples[0].descriptors:
        raise Failed("descriptors were not given back")


if __name__ == "__main__":
    run_command(main)
