"""The measurement, in three parts.

Side by side, all lanes listen to the same ticks: what each saw of them, and what that took. Then each is asked to
change what it listens to. Then one lane after the other has the server for itself, because a processor shared by all
of them tells nothing of any one; what the server spends when nobody listens is measured before and after, and taken
off.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

from ticker import clock
from ticker.errors import SetupError
from ticker.session.messages import Welcome
from ticker_client import ConnectionEnded
from ticker_compare.cpu import SelfWatch, ServerClock, Spent
from ticker_compare.lane import Count, Lane
from ticker_compare.plan import Kind, Plan
from ticker_compare.talk import Talk, talk, two_symbols

SETTLE_S = 0.5  # between subscribing and measuring: the first answers are larger than the rest
SIDE_BY_SIDE = "side by side"
OPENING_MAX = 32  # at a time: below any listener's backlog


@dataclass
class Findings:
    """What has been measured so far; `tester` has the name of a part, our share of a core in it, and our lateness."""

    welcome: Welcome | None = None
    lanes: list[Lane] = field(default_factory=list)
    windows: list[Count] = field(default_factory=list)
    totals: list[Count] = field(default_factory=list)
    talks: dict[str, Talk] = field(default_factory=dict)
    idle_shares: list[float] = field(default_factory=list)
    spent: dict[str, Spent] = field(default_factory=dict)
    tester: dict[str, tuple[float, float]] = field(default_factory=dict)
    told_cpu: bool = True
    """Whether the server tells its processor time."""
    troubles: list[str] = field(default_factory=list)
    interrupted: bool = False


def alone(kind: Kind) -> str:
    """Return the name of the part in which a lane has the server for itself."""
    return f"{kind.name} alone"


class Comparison:
    """One run; `say` is told what goes on."""

    def __init__(self, plan: Plan, say: Callable[[str], None]) -> None:
        self.found = Findings()
        self._plan = plan
        self._say = say
        self._task: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Measure all there is, or until stopped. Raises SetupError where nothing can be."""
        self._task = asyncio.current_task()
        try:
            await self._side_by_side()
            for part in (self._talk_back, self._one_by_one):
                if not self.found.interrupted and not all(lane.ended for lane in self.found.lanes):
                    await self._attempt(part)
        except asyncio.CancelledError:
            if not self.found.interrupted or self._task is None:
                raise
            self._task.uncancel()

    async def _attempt(self, part: Callable[[], Awaitable[None]]) -> None:
        """Measure one part more; where that fails, what has been measured stays."""
        try:
            await part()
        except (SetupError, ConnectionEnded) as error:
            self.found.troubles.append(str(error))

    def stop(self) -> None:
        """End what goes on; what has been measured stays."""
        self.found.interrupted = True
        if self._task is not None:
            self._task.cancel()

    async def _side_by_side(self) -> None:
        plan, lanes = self._plan, [Lane(self._plan, kind) for kind in self._plan.kinds]
        self._say(f"{SIDE_BY_SIDE}: {len(lanes)} lanes, {plan.duration_s:g} s")
        try:
            await _open(lanes)
            self.found.welcome = lanes[0].feed.session.welcome
            await asyncio.sleep(SETTLE_S)
            tester, before = SelfWatch(), [lane.count() for lane in lanes]
            for lane in lanes:
                lane.samples.recording = True
            await self._listen(lanes)
            for lane in lanes:
                lane.samples.recording = False
            self.found.lanes, self.found.totals = lanes, [lane.count() for lane in lanes]
            self.found.windows = [after - start for after, start in zip(self.found.totals, before, strict=True)]
            self.found.tester[SIDE_BY_SIDE] = tester.end(), tester.late_s
        finally:
            await _close(lanes)

    async def _listen(self, lanes: list[Lane]) -> None:
        """Let time pass while anybody listens; an interruption ends it early, and no more than that."""
        try:
            await asyncio.wait([lane.reading for lane in lanes], timeout=self._plan.duration_s)
        except asyncio.CancelledError:
            if not self.found.interrupted or self._task is None:
                raise
            self._task.uncancel()

    async def _talk_back(self) -> None:
        self._say("talking back: another symbol, while listening")
        symbols = await two_symbols(self._plan)
        if symbols is None:
            return
        kinds = self._plan.kinds
        talks = await asyncio.gather(*(talk(self._plan, kind, *symbols) for kind in kinds))
        self.found.talks = {kind.name: said for kind, said in zip(kinds, talks, strict=True) if said is not None}

    async def _one_by_one(self) -> None:
        found, server = self.found, ServerClock(self._plan.url)
        try:
            found.told_cpu = await server.read_s() is not None
            if not found.told_cpu:
                return
            await self._be_idle(server)
            for kind in self._plan.kinds:
                await self._alone(server, kind)
            await self._be_idle(server)
        finally:
            server.close()

    async def _be_idle(self, server: ServerClock) -> None:
        self._say(f"nobody listens, {self._plan.alone_s:g} s")
        spent = await self._spend(server, [])
        if spent is not None:
            self.found.idle_shares.append(spent.cpu_s / spent.seconds)

    async def _alone(self, server: ServerClock, kind: Kind) -> None:
        plan = self._plan
        self._say(f"{alone(kind)}: {plan.crowd}, {plan.alone_s:g} s")
        lanes = [Lane(plan, kind) for _ in range(plan.clients)]
        try:
            await _open(lanes, (kind.poll_every_s or 0.0) / plan.clients)  # or many polls come at once
            await asyncio.sleep(SETTLE_S)
            tester = SelfWatch()
            spent = await self._spend(server, lanes)
            self.found.tester[alone(kind)] = tester.end(), tester.late_s
            self.found.troubles += _losses(kind, lanes)
        finally:
            await _close(lanes)
        if spent is not None:
            self.found.spent[kind.name] = spent

    async def _spend(self, server: ServerClock, lanes: list[Lane]) -> Spent | None:
        """Return what the server spends for a while, and what it does for these lanes."""
        began_s, before_s, before = clock.monotonic_s(), await server.read_s(), _work(lanes)
        await asyncio.sleep(self._plan.alone_s)
        seconds, after_s, after = clock.monotonic_s() - began_s, await server.read_s(), _work(lanes)
        if before_s is None or after_s is None:
            return None
        return Spent(after_s - before_s, seconds, after[0] - before[0], after[1] - before[1], len(lanes))


def _work(lanes: list[Lane]) -> tuple[int, int]:
    """Return how many ticks have come, and how many requests were made."""
    return sum(lane.feed.session.ticks for lane in lanes), sum(lane.feed.traffic.requests for lane in lanes)


def _losses(kind: Kind, lanes: list[Lane]) -> Iterator[str]:
    """Yield what did not go well with the clients of one lane."""
    ended = [lane.ended for lane in lanes if lane.ended]
    if ended:
        yield f"{alone(kind)}: {len(ended)} of {len(lanes)} clients lost their connection: {ended[0]}"
    if left_out := sum(lane.feed.session.lagged + lane.feed.session.missed for lane in lanes):
        yield f"{alone(kind)}: {left_out:,} ticks did not come: this tester is too slow for so many clients."


async def _open(lanes: list[Lane], apart_s: float = 0.0) -> None:
    """Open lanes, a few at a time, so many seconds apart. Raises SetupError where one cannot be."""
    room = asyncio.Semaphore(OPENING_MAX)

    async def one(place: int, lane: Lane) -> None:
        await asyncio.sleep(place * apart_s)
        async with room:
            await lane.open()

    results = await asyncio.gather(*(one(*numbered) for numbered in enumerate(lanes)), return_exceptions=True)
    for error in results:
        if isinstance(error, BaseException):
            raise error


async def _close(lanes: list[Lane]) -> None:
    await asyncio.gather(*(lane.close() for lane in lanes), return_exceptions=True)
