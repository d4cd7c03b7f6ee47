"""Healthy clients beside bad ones of every kind, and the same without these: see README.md."""

from __future__ import annotations

import argparse
import json
import os
import re
import shlex
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from contestants import HERE, Contestant, ticker
from misfits import KINDS
from scrape import Counters, counters, descriptors
from stopwatch import (
    START_TIMEOUT_S,
    Failed,
    Process,
    Server,
    Window,
    cores,
    measured,
    prepare,
    receiving,
    run_command,
    running,
    serving,
)

SAMPLE_S = 0.1
SETTLE_S = 1.0
BASE_TIMEOUT_S = 10.0
MIB = 1 << 20
BUDGET_BYTES, PER_CLIENT_BYTES, PER_STALLED_BYTES = 45_000_000, 16_000, 256 * 1024
STALLED = ("never_read", "slow", "ping_flood", "vanish")
"""The kinds for which bytes may wait."""


@dataclass(frozen=True, slots=True)
class Run:
    """One server's run, with the bad clients or without them."""

    misfits: int
    healthy: Window
    rss_start_bytes: int
    rss_max_bytes: int
    rss_end_bytes: int
    budget_bytes: int
    descriptors_start: int
    descriptors_end: int
    said: Counters
    saw: dict[str, dict[str, Any]]
    """What the bad clients saw, by kind."""


class Watched:
    """The most memory a process was seen with."""

    def __init__(self, process: Process) -> None:
        self.rss_max_bytes = 0
        self._process = process
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._done.wait(SAMPLE_S):
            self.rss_max_bytes = max(self.rss_max_bytes, self._process.rss_bytes())

    def __enter__(self) -> Watched:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._done.set()
        self._thread.join()


def parse_arguments() -> argparse.Namespace:
    """Returns the command's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--healthy", type=int, default=50, help="clients that read (50)")
    parser.add_argument("--each", type=int, default=40, help="bad clients of each kind (40)")
    parser.add_argument("--rounds", type=int, default=3, help="runs with them and runs without (3)")
    parser.add_argument("--seconds", type=float, default=30.0, help="length of a measured window (30)")
    parser.add_argument("--tape-s", type=float, default=10.0, help="seconds of tape the server keeps (10)")
    parser.add_argument("--ack-deadline-s", type=float, default=5.0, help="the server's patience for an ack (5)")
    parser.add_argument("--slow-bytes-per-s", type=int, default=8000, help="what each slow one reads (8000)")
    parser.add_argument("--flags", default="", help='further flags of the server: "--stream.stall-s 20"')
    parser.add_argument("--python", default=sys.executable, help="the interpreter of ticker")
    parser.add_argument("--json", type=Path, help="also write every run to this file")
    return parser.parse_args()


@contextmanager
def misbehaving(server: Server, each: int, slow_bytes_per_s: int) -> Iterator[dict[str, Process]]:
    """Runs a process of bad clients of each kind for as long as the block, from the moment all are connected."""
    options: tuple[str, ...] = ("--port", str(server.port), "--path", server.path, "--count", str(each))
    options += ("--slow-bytes-per-s", str(slow_bytes_per_s))
    with ExitStack() as stack:
        processes = {}
        for kind in KINDS if each else ():
            command = (sys.executable, str(HERE / "misfits.py"), *options, "--kind", kind)
            processes[kind] = stack.enter_context(running(f"misfits_{kind}", command, cores()[1]))
        for process in processes.values():
            process.wait_for(re.compile("^connected"), START_TIMEOUT_S)
        yield processes


def begin(misfits: dict[str, Process]) -> None:
    """Has them misbehave; those who are to vanish are stopped where they stand."""
    for process in misfits.values():
        process.say()
    for kind, process in misfits.items():
        process.wait_for(re.compile("^begun"), START_TIMEOUT_S)
        if kind == "vanish":
            os.kill(process.child.pid, signal.SIGSTOP)


def end(misfits: dict[str, Process]) -> dict[str, dict[str, Any]]:
    """Has them say what they saw; those who vanished have nothing to say."""
    able = {kind: process for kind, process in misfits.items() if kind != "vanish"}
    for process in able.values():
        process.say()
    return {
        kind: json.loads(process.wait_for(re.compile(r"^\{.*\}"), START_TIMEOUT_S)[0]) for kind, process in able.items()
    }


def back_to_base(server: Server, base: int) -> int:
    """Waits until the server holds no more descriptors than it began with, and returns how many it holds."""
    deadline_s = time.monotonic() + BASE_TIMEOUT_S
    while (held := descriptors(server.process.child.pid)) > base and time.monotonic() < deadline_s:
        time.sleep(SAMPLE_S)
    return held


def run(contestant: Contestant, each: int, arguments: argparse.Namespace) -> Run:
    """Returns what one server did to its healthy clients beside so many bad ones of each kind."""
    healthy, seconds = arguments.healthy, arguments.seconds
    with serving(contestant) as server:
        counters(server.port)  # so that what the first scrape makes is there before
        time.sleep(SETTLE_S)
        rss, base = server.process.rss_bytes(), descriptors(server.process.child.pid)
        with (
            Watched(server.process) as watched,
            misbehaving(server, each, arguments.slow_bytes_per_s) as misfits,
            receiving(server, clients=healthy, seconds=seconds, warmup_s=1.0) as receiver,
        ):
            window = measured(server, receiver, seconds, on_ready=lambda: begin(misfits))
            saw = end(misfits)
            said = counters(server.port)
            if "vanish" in misfits:
                misfits["vanish"].child.kill()
        held = back_to_base(server, base)
        budget = BUDGET_BYTES + PER_CLIENT_BYTES * (healthy + each * len(misfits))
        budget += PER_STALLED_BYTES * each * len(misfits.keys() & set(STALLED))
        at_end = server.process.rss_bytes()
        return Run(each * len(misfits), window, rss, watched.rss_max_bytes, at_end, budget, base, held, said, saw)


def run_all(arguments: argparse.Namespace) -> list[Run]:
    """Runs with and without the bad clients in turn."""
    base = ticker(arguments.python)
    flags = ("--feed.tape-s", str(arguments.tape_s), "--stream.ack-deadline-s", str(arguments.ack_deadline_s))
    contestant = replace(base, command=(*base.command, *flags, *shlex.split(arguments.flags)))
    runs = []
    for number in range(arguments.rounds):
        for each in (0, arguments.each) if number % 2 == 0 else (arguments.each, 0):
            print(f"round {number + 1}: {each} bad clients of each kind", file=sys.stderr)
            runs.append(run(contestant, each, arguments))
    return runs


def print_healthy(runs: list[Run]) -> None:
    """Prints what the healthy clients and the server had of it: medians, but the worst of memory and faults."""
    names = ("bad", "ticks/s", "faults", "p50 ms", "p99 ms", "max ms", "CPU %")
    memory = ("RSS MiB start", "max", "end", "budget", "descriptors")
    print("{:>4} {:>9} {:>7} {:>8} {:>8} {:>8} {:>6} {:>14} {:>6} {:>6} {:>7} {:>12}".format(*names, *memory))
    for misfits in sorted({found.misfits for found in runs}):
        same = [found for found in runs if found.misfits == misfits]
        windows = [found.healthy for found in same]
        late = [median(window.latency_us[name] for window in windows) / 1000 for name in ("p50", "p99", "max")]
        rss = [max(getattr(found, f"rss_{name}_bytes") for found in same) / MIB for name in ("start", "max", "end")]
        print(
            f"{misfits:>4} {median(window.ticks_per_s for window in windows):>9,.0f}"
            f" {sum(window.faults for window in windows):>7} {late[0]:>8.2f} {late[1]:>8.2f} {late[2]:>8.2f}"
            f" {100 * median(window.cpu_s / window.seconds for window in windows):>6.1f}"
            f" {rss[0]:>14.1f} {rss[1]:>6.1f} {rss[2]:>6.1f} {same[0].budget_bytes / MIB:>7.1f}"
            f" {same[-1].descriptors_start:>5} -> {same[-1].descriptors_end:>3}"
        )


def spelled(counts: dict[str, int]) -> str:
    """Returns what was counted as words, most first."""
    return ", ".join(f"{name} {count:,}" for name, count in Counter(counts).most_common()) or "nothing"


def print_misfits(found: Run) -> None:
    """Prints what became of the bad clients, as they saw it and as the server counted it."""
    for kind in KINDS:
        if kind not in found.saw:
            print(f"{kind:<11} stopped (SIGSTOP), and killed at the end: only the server can say")
            continue
        seen = found.saw[kind]
        when = "" if seen["end_s"] is None else f" after {seen['end_s']} s"
        print(f"{kind:<11} {spelled(seen['ends'])}{when}; saw {spelled(seen['saw'])}")
    print(f"the server: closes {spelled(found.said.closes)}; lags {spelled(found.said.lags)}")


def check(runs: list[Run]) -> None:
    """Raises Failed where what is promised did not hold."""
    calm = max(found.rss_max_bytes for found in runs if not found.misfits)
    for found in runs:
        if found.healthy.faults:
            raise Failed("a healthy client missed something, or was lost")
        if found.rss_max_bytes - calm > found.budget_bytes - BUDGET_BYTES:
            raise Failed("the bad clients took more memory than the budget has for clients")
        if found.descriptors_end > found.descriptors_start:
            raise Failed("descriptors were not given back")


def main() -> None:
    """Runs the command."""
    arguments = parse_arguments()
    prepare()
    runs = run_all(arguments)
    print(f"{arguments.healthy} healthy clients, 1,000 ticks/s each; {arguments.each} bad ones of each kind")
    print_healthy(runs)
    print_misfits(next(found for found in reversed(runs) if found.misfits))
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(found) for found in runs], indent=1) + "\n")
    check(runs)


if __name__ == "__main__":
    run_command(main)
