"""How a measurement is taken: a server on one core, the receiver on the other, CPU and memory read from /proc.

Every process started here is stopped by its own group id when its `with` block ends, however it ends.
"""

from __future__ import annotations

import json
import os
import queue
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from contestants import BUILT, REPOSITORY, Contestant
from contestants import receiver as receiver_program

START_TIMEOUT_S = 20.0
RAMP_TIMEOUT_S = 300.0
STOP_TIMEOUT_S = 5.0
ADDRESS = re.compile(r"ws://127\.0\.0\.1:(\d+)(/[^\s\"']*)")


class Failed(Exception):
    """A process ended, or said nothing in time, before the measurement was done."""


class Process:
    """A child process pinned to one core, whose lines are waited for and whose /proc entries are read."""

    def __init__(self, name: str, command: tuple[str, ...], core: int) -> None:
        BUILT.mkdir(exist_ok=True)
        self.name = name
        self.log = BUILT / f"{name}.log"
        with self.log.open("wb") as errors:
            self.child = subprocess.Popen(
                ("taskset", "-c", str(core), *command),
                cwd=REPOSITORY,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                start_new_session=True,  # so that Ctrl-C reaches us only, and the group can be stopped whole
            )
        self.lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        threading.Thread(target=self._pump, daemon=True).start()

    def _pump(self) -> None:
        """Moves the child's lines to the queue, so that a chatty child never blocks on its pipe."""
        assert self.child.stdout is not None
        for line in self.child.stdout:
            self.lines.put(line)
        self.lines.put(None)

    def wait_for(self, pattern: re.Pattern[str], timeout_s: float) -> re.Match[str]:
        """Returns the first match in the lines to come."""
        deadline_s = time.monotonic() + timeout_s
        while True:
            try:
                line = self.lines.get(timeout=max(0.0, deadline_s - time.monotonic()))
            except queue.Empty:
                raise Failed(f"{self.name}: nothing like {pattern.pattern!r} within {timeout_s:.0f} s") from None
            if line is None:
                raise Failed(f"{self.name} ended: {self.last_words()}")
            if found := pattern.search(line):
                return found

    def last_words(self) -> str:
        """Returns the end of what the process wrote to stderr."""
        return self.log.read_text(errors="replace").strip()[-600:] or "it left no message"

    def say(self) -> None:
        """Writes an empty line to the child's stdin."""
        assert self.child.stdin is not None
        self.child.stdin.write("\n")
        self.child.stdin.flush()

    def cpu_s(self) -> float:
        """Returns user plus system time of all threads so far, in seconds."""
        fields = Path(f"/proc/{self.child.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_bytes(self) -> int:
        """Returns resident memory in bytes."""
        found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self.child.pid}/status").read_text())
        if found is None:
            raise Failed(f"{self.name} ended: {self.last_words()}")
        return int(found[1]) * 1024

    def stop(self) -> None:
        """Ends the process and whatever it started, politely and then not."""
        for sign in (signal.SIGTERM, signal.SIGKILL):
            if self.child.poll() is not None:
                break
            os.killpg(self.child.pid, sign)
            try:
                self.child.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                continue


@dataclass(frozen=True, slots=True)
class Server:
    """A contestant that is running and listens."""

    contestant: Contestant
    process: Process
    port: int
    path: str


@dataclass(frozen=True, slots=True)
class Window:
    """What one measured window of the receiver saw, with the server's CPU in it."""

    connections: int
    ticks: int
    messages: int
    bytes: int
    seconds: float
    latency_us: dict[str, int]
    deflated: int
    acks: int
    receiver_cpu_s: float
    seq_gaps: int
    seq_disorder: int
    disconnects: int
    foreign: int
    """Ticks of instruments that the client had not asked for."""
    missing: int
    """Instruments asked for of which no tick came."""
    cpu_s: float

    @property
    def us_per_tick(self) -> float:
        """Server CPU for one delivered tick, in microseconds."""
        return self.cpu_s * 1e6 / self.ticks if self.ticks else float("nan")

    @property
    def bytes_per_tick(self) -> float:
        """What the clients read from their sockets for one tick, framing included."""
        return self.bytes / self.ticks if self.ticks else float("nan")

    @property
    def p50_us(self) -> int:
        """Median lateness of a tick at its client, in microseconds."""
        return self.latency_us["p50"]

    @property
    def p99_us(self) -> int:
        """Lateness that 99 of 100 ticks stay below, in microseconds."""
        return self.latency_us["p99"]

    @property
    def faults(self) -> int:
        """Whatever should not have happened."""
        return self.seq_gaps + self.seq_disorder + self.disconnects + self.foreign + self.missing

    @property
    def ticks_per_s(self) -> float:
        """Ticks delivered a second, over all clients."""
        return self.ticks / self.seconds


def prepare() -> None:
    """Raises the limit of open files for all children, and makes a polite kill unwind like Ctrl-C."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, _unwind)


def run_command(main: Callable[[], None]) -> None:
    """Runs a command; what failed is one line, and Ctrl-C an exit code."""
    try:
        main()
    except Failed as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)


def _unwind(_signal: int, _frame: FrameType | None) -> None:
    for sign in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sign, signal.SIG_IGN)  # a second one would cut the stopping short
    raise KeyboardInterrupt


def cores() -> tuple[int, int]:
    """Returns the server's core and the receiver's."""
    usable = sorted(os.sched_getaffinity(0))
    if len(usable) < 2:
        raise Failed("two cores are needed: one for the server, one for the receiver")
    return usable[0], usable[1]


@contextmanager
def running(name: str, command: tuple[str, ...], core: int) -> Iterator[Process]:
    """Runs a process for as long as the block."""
    process = Process(name, command, core)
    try:
        yield process
    finally:
        process.stop()


@contextmanager
def serving(contestant: Contestant) -> Iterator[Server]:
    """Runs a contestant for as long as the block, from the moment it listens."""
    with running(contestant.name, contestant.command, cores()[0]) as process:
        found = process.wait_for(ADDRESS, START_TIMEOUT_S)
        yield Server(contestant, process, int(found[1]), found[2])


@contextmanager
def receiving(server: Server, *, clients: int, seconds: float, warmup_s: float, idle: int = 0) -> Iterator[Process]:
    """Runs the receiver against a server for as long as the block."""
    contestant = server.contestant
    options: dict[str, object] = {
        "port": server.port,
        "path": contestant.events or server.path,
        "clients": clients,
        "message": contestant.subscribe,
        "warmup": warmup_s,
        "seconds": seconds,
        "idle": idle,
        "idle-message": contestant.subscribe_idle,
        "step-ticks": contestant.step_ticks,
        "seq-step": int(contestant.step_ticks > 0),
        "step-us": contestant.step_us,
        **contestant.receiver,
    }
    if contestant.protocol:
        options["protocol"] = contestant.protocol
    flags = [word for name, value in options.items() for word in (f"--{name}", str(value))]
    if contestant.events:
        flags.append("--events")
    with running("receiver", (receiver_program(), *flags), cores()[1]) as process:
        yield process


def measured(server: Server, receiver: Process, seconds: float, on_ready: Callable[[], None] = lambda: None) -> Window:
    """Waits for the receiver's window, in which `on_ready` is called first; returns it with the server's CPU in it."""
    receiver.wait_for(re.compile("^ready"), RAMP_TIMEOUT_S)
    before_s = server.process.cpu_s()
    on_ready()
    line = receiver.wait_for(re.compile(r"^\{.*\}"), seconds + START_TIMEOUT_S)
    spent_s = server.process.cpu_s() - before_s
    counted: dict[str, Any] = json.loads(line[0])
    return Window(**counted, cpu_s=spent_s)
