"""One process of a run: it does as it is told over a pipe, and sends back what it saw."""

import asyncio
import gc
import os
import resource
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import import_module
from multiprocessing.connection import Connection

from ticker import clock
from ticker.errors import SetupError
from ticker_client.address import Address
from ticker_client.options import secured, tokened
from ticker_load.histogram import Packed
from ticker_load.member import Terms
from ticker_load.plan import Plan
from ticker_load.roles import Share
from ticker_load.swarm import Swarm
from ticker_load.tally import Findings, Seen

LOOK_S = 0.02
TELL_S = 0.5
KIB = 1024  # what Linux counts ru_maxrss in


@dataclass(frozen=True, slots=True)
class Status:
    """How it goes, while it does."""

    joined: int = 0
    open: int = 0
    seen: Seen = field(default_factory=Seen)
    lost: int = 0
    resumed: int = 0
    latest: Packed | None = None
    """Some of the newest latencies."""


@dataclass(frozen=True, slots=True)
class Result:
    """What one process saw, and what that cost it in the measured window."""

    findings: Findings
    window_s: float
    cpu_share: float
    late_s: float
    rss_bytes: int


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Return what makes the fastest event loop there is."""
    try:
        return import_module("uvloop").new_event_loop  # type: ignore[no-any-return]
    except ImportError:
        return asyncio.new_event_loop


def terms(plan: Plan) -> Terms:
    """Return what all clients of a plan have in common. Raises SetupError."""
    try:
        address = Address.of(plan.url, secured(plan.url, None, plan.cafile or None), tokened(plan.token or None))
    except ValueError as error:  # it begins with the option's name
        raise SetupError(f"--{error}") from None
    return Terms(
        address,
        plan.acks,
        plan.acks_number,
        plan.window,
        plan.pace,
        plan.rate_hz,
        plan.poll_every_s,
    )


def main(pipe: Connection, plan: Plan, share: Share, listed: list[str]) -> None:
    """Run the clients of one process; ends when the pipe does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started us tells us when to stop
    gc.disable()  # nothing here is in a circle, and a collection would make everybody late
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(_Worker(pipe, plan, share, listed).run())


class _Worker:
    def __init__(self, pipe: Connection, plan: Plan, share: Share, listed: list[str]) -> None:
        self._pipe = pipe
        self._plan = plan
        self._late_s = 0.0
        self._go = asyncio.Event()
        self._share = share
        self._listed = listed

    async def run(self) -> None:
        swarm = Swarm(self._plan, self._share, terms(self._plan), self._listed)
        loop = asyncio.get_running_loop()
        loop.add_reader(self._pipe.fileno(), self._listen, swarm)
        os.set_blocking(self._pipe.fileno(), True)  # uvloop has changed that: a long result goes in pieces
        telling = asyncio.create_task(self._tell(swarm))
        watching = asyncio.create_task(self._watch())
        try:
            await swarm.join_first()
            await swarm.join(self._plan.first)
            self._say("joined")
            await self._go.wait()
            self._late_s, began = 0.0, (clock.monotonic_s(), clock.cpu_s())
            await swarm.measure()
            window_s = clock.monotonic_s() - began[0]
            share, late_s = (clock.cpu_s() - began[1]) / max(window_s, 1e-9), self._late_s
            await swarm.close()
            telling.cancel()
            self._say(Result(swarm.tally.found, window_s, share, late_s, rss_bytes_max()))
        except SetupError as error:
            await swarm.close()
            self._say(error)
        finally:
            telling.cancel()
            watching.cancel()
            loop.remove_reader(self._pipe.fileno())

    def _say(self, word: object) -> None:
        with suppress(OSError):  # whoever started us has gone
            self._pipe.send(word)

    def _listen(self, swarm: Swarm) -> None:
        """Take a word from whoever started us, or its end."""
        try:
            word = self._pipe.recv()
        except (EOFError, OSError):
            word = "stop"
            asyncio.get_running_loop().remove_reader(self._pipe.fileno())
        if word == "stop":
            swarm.stopped = True
        self._go.set()

    async def _tell(self, swarm: Swarm) -> None:
        while True:
            self._say(_status(swarm))
            await asyncio.sleep(TELL_S)

    async def _watch(self) -> None:
        """Note how late we wake: a tester that is late itself finds every server late."""
        while True:
            due_s = clock.monotonic_s() + LOOK_S
            await asyncio.sleep(LOOK_S)
            self._late_s = max(self._late_s, clock.monotonic_s() - due_s)


def rss_bytes_max() -> int:
    """Return the most memory that this process has ever had resident."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB


def _status(swarm: Swarm) -> Status:
    found = swarm.tally.found
    return Status(
        joined=swarm.joined,
        open=swarm.crowd.open,
        seen=found.seen,
        lost=found.lost,
        resumed=found.resumed,
        latest=found.latencies.latest(),
    )
