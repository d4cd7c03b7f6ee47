"""The load tester itself: what a core of it takes in, what a client of it weighs, and whether it times as C does."""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from contestants import Contestant, ticker
from hdrh.histogram import HdrHistogram
from stopwatch import Failed, Process, Server, cores, measured, prepare, receiving, run_command, running, serving
from works import own_ticker

TRADES = ("--channels", "trades")
QUIET = ("--channels", "status")
JOIN_S = 2.0
WARMUP_S = 2.0
END_TIMEOUT_S = 120.0
FULL = 0.85  # of a core: what the tester takes in here is about all that it can


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the tester in one process, pinned to its own core."""

    what: str
    clients: int
    report: dict[str, Any]

    @property
    def process(self) -> dict[str, Any]:
        """What its only process says of itself."""
        found: dict[str, Any] = self.report["processes"][0]
        return found

    @property
    def ticks_per_core_s(self) -> float:
        """Ticks it would take in with all of a core, at what it spent on each."""
        return float(self.process["ticks_per_s"] / self.process["cpu_share"])

    @property
    def us_per_message(self) -> float:
        """Its CPU for a message and client."""
        return 1e6 * float(self.process["cpu_share"] / self.report["delivered"]["messages_per_s"])


@dataclass(frozen=True, slots=True)
class Agreement:
    """Latencies (µs) in the same window: the tester's, and the C receiver's."""

    clients: int
    first: bool
    """Whether the tester joined first."""
    tester_us: dict[str, int]
    receiver_us: dict[str, int]


def parse_arguments() -> argparse.Namespace:
    """Returns the command's options."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clients", type=int, nargs="+", default=[100, 500, 1000], help="who hear the same")
    parser.add_argument("--own", type=int, default=200, help="clients with 20 instruments of their own (%(default)s)")
    parser.add_argument("--idle", type=int, default=5000, help="clients that hear nothing (%(default)s)")
    parser.add_argument("--agree", type=int, nargs="+", default=[50, 200], help="beside as many in C")
    parser.add_argument("--rounds", type=int, default=3, help="runs beside the C receiver (%(default)s)")
    parser.add_argument("--seconds", type=float, default=6.0, help="length of a measured window (%(default)s)")
    parser.add_argument("--python", default=sys.executable, help="the interpreter of both server and tester")
    parser.add_argument("--json", type=Path, help="also write all reports to this file")
    return parser.parse_args()


def command(server: Server, python: str, clients: int, seconds: float, file: Path, *flags: str) -> tuple[str, ...]:
    """Returns the tester's command line."""
    url = f"ws://127.0.0.1:{server.port}{server.path}"
    size = ("--clients", str(clients), "--duration", str(seconds), "--processes", "1", "--json", str(file))
    return (python, "-m", "ticker", "load", "--url", url, *size, *flags)


def finish(tester: Process, file: Path) -> dict[str, Any]:
    """Waits for the tester's end, and returns its report."""
    tester.wait_for(re.compile("^(Passed|Failed)"), END_TIMEOUT_S)
    tester.child.wait(END_TIMEOUT_S)
    found: dict[str, Any] = json.loads(file.read_bytes())
    return found


def load(what: str, contestant: Contestant, clients: int, arguments: argparse.Namespace, *flags: str) -> Run:
    """Runs the tester against a server of its own."""
    with tempfile.TemporaryDirectory() as folder, serving(contestant) as server:
        file = Path(folder) / "report.json"
        line = command(server, arguments.python, clients, arguments.seconds, file, *flags)
        with running("tester", line, cores()[1]) as tester:
            return Run(what, clients, finish(tester, file))


def within(log: str, began_s: float, seconds: float) -> dict[str, int]:
    """Returns percentiles (µs) of the intervals of a HdrHistogram log that lie within a window of wall-clock time."""
    start = re.search(r"StartTime: ([\d.]+)", log)
    if start is None:
        raise Failed("the log does not say when it began")
    whole = HdrHistogram(1, 1 << 40, 3)
    for line in log.splitlines():
        if line[:1].isdigit():
            at_s, length_s, _, counts = line.split(",")
            from_s = float(start[1]) + float(at_s) - began_s
            if from_s >= 0 and from_s + float(length_s) <= seconds:
                whole.decode_and_add(counts)
    shares = {"p50": 50, "p99": 99, "max": 100}
    return {name: int(whole.get_value_at_percentile(share)) for name, share in shares.items()}


def beside(contestant: Contestant, clients: int, arguments: argparse.Namespace, *, first: bool) -> Agreement:
    """Runs the tester and the C receiver on one core; returns what both found in the receiver's window.

    Who joined `first` is served first in every flush, and seems quicker for it: the tester, or the receiver.
    """
    seconds: float = arguments.seconds
    began_s: list[float] = []
    with tempfile.TemporaryDirectory() as folder, serving(contestant) as server, ExitStack() as stack:
        file, log = Path(folder) / "report.json", Path(folder) / "report.hlog"
        whole_s = seconds + 2 * WARMUP_S + JOIN_S
        line = command(server, arguments.python, clients, whole_s, file, *TRADES, "--hdr", str(log))
        warmup_s = WARMUP_S if first else JOIN_S + WARMUP_S

        def enter(process: AbstractContextManager[Process], pause_s: float) -> Process:
            begun = stack.enter_context(process)
            time.sleep(pause_s)
            return begun

        if first:
            tester = enter(running("tester", line, cores()[1]), JOIN_S)
        receiver = enter(receiving(server, clients=clients, seconds=seconds, warmup_s=warmup_s), 0 if first else 1)
        if not first:
            tester = enter(running("tester", line, cores()[1]), 0)
        window = measured(server, receiver, seconds, on_ready=lambda: began_s.append(time.time()))
        finish(tester, file)
        if window.faults:
            raise Failed("the receiver missed something")
        return Agreement(clients, first, within(log.read_text(), began_s[0], seconds), window.latency_us)


def print_ceiling(runs: list[Run]) -> None:
    """Prints what the tester took in, and what that took."""
    print("clients           N     ticks/s messages/s core % µs/message ticks/s a core late ms    MiB KiB each")
    for run in runs:
        process, delivered = run.process, run.report["delivered"]
        heard = delivered["messages"] > 0
        print(
            f"{run.what:<12} {run.clients:>6,} {delivered['ticks_per_s']:>11,.0f} {delivered['messages_per_s']:>10,.0f}"
            f" {100 * process['cpu_share']:>6.0f}"
            f" {run.us_per_message if heard else float('nan'):>10.1f} {run.ticks_per_core_s if heard else 0:>14,.0f}"
            f" {1000 * process['late_s']:>7.1f} {process['rss_bytes'] / 2**20:>6.0f}"
            f" {(process['rss_bytes'] - runs[0].process['rss_bytes']) / 1024 / run.clients:>8.1f}"
        )
        if any(run.report["faults"][name] for name in ("gaps", "duplicates", "reorderings", "lost_connections")):
            raise Failed(f"{run.what}: something was missed")
        if process["cpu_share"] > FULL:
            print(f"{'':<12} the tester is at its ceiling here")


def print_agreement(runs: list[Agreement]) -> None:
    """Prints what tester and receiver say of the same server at the same time."""
    names = ("N", "joined first", "p50 ms", "p99 ms", "max ms")
    print("{:>6} {:>12} {:>16} {:>16} {:>16}   {}".format(*names, "tester / C: p50, p99"))
    for run in runs:
        tester, receiver = run.tester_us, run.receiver_us
        cells = [f"{tester[name] / 1000:.2f} / {receiver[name] / 1000:.2f}" for name in ("p50", "p99", "max")]
        ratios = ", ".join(f"{tester[name] / max(receiver[name], 1):.2f}" for name in ("p50", "p99"))
        order = "tester" if run.first else "C"
        print(f"{run.clients:>6} {order:>12} {cells[0]:>16} {cells[1]:>16} {cells[2]:>16}   {ratios}")


def main() -> None:
    """Runs the command."""
    arguments = parse_arguments()
    prepare()
    same = ticker(arguments.python)
    runs = [load("one", same, 1, arguments, *TRADES)]
    runs += [load("the same", same, clients, arguments, *TRADES) for clients in arguments.clients]
    own = replace(own_ticker(arguments.python), name="ticker_own")
    runs.append(load("their own", own, arguments.own, arguments, *TRADES, "--mix", "random", "--mix-symbols", "20"))
    runs.append(load("idle", same, arguments.idle, arguments, *QUIET))
    print_ceiling(runs)
    found = [
        beside(same, clients, arguments, first=number % 2 == 0)
        for clients in arguments.agree
        for number in range(arguments.rounds)
    ]
    print_agreement(found)
    if arguments.json:
        every = [*map(asdict, runs), *map(asdict, found)]
        arguments.json.write_text(json.dumps(every, indent=1) + "\n")


if __name__ == "__main__":
    run_command(main)
