"""All clients of one process: joined, measured together, closed together."""

import asyncio
import random
import resource
import socket
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from itertools import accumulate, count
from statistics import median_low
from typing import NamedTuple, TypeVar

import numpy as np

from ticker import clock
from ticker.errors import SetupError
from ticker_load.inbox import Inbox
from ticker_load.member import Member, Terms
from ticker_load.misfit import Misfit
from ticker_load.plan import Plan
from ticker_load.proof import Ways
from ticker_load.requests import Listener
from ticker_load.subscriber import Subscriber
from ticker_load.tally import SLICES_MAX, Tally

JOINING_MAX = 32  # at a time: below any listener's backlog
JOIN_S = 10.0
CLOSE_S = 5.0
LOOK_S = 0.1
BEHIND_S = 1.0
PING_EVERY_S = 1.0
PINGS_PER_S_MAX = 500  # of a process, so that ten thousand clients are not measured by their pings
SAMPLES_MAX = 500  # clients looked at a time
ANSWER_S = 0.01  # between two looks at who has answered
OTHER_FILES = 64  # descriptors for all that is not a connection
POLITE = 1000
Line = Subscriber | Listener
AnyLine = TypeVar("AnyLine", bound=asyncio.Protocol)


class Share(NamedTuple):
    """Which clients of a run are those of one process: every `processes`-th, from `place` on."""

    place: int
    processes: int

    def of(self, clients: int) -> int:
        """Return how many of so many clients are ours."""
        return max(0, (clients - self.place + self.processes - 1) // self.processes)


class Swarm:
    """The clients of one process. `stopped` ends whatever goes on, early."""

    def __init__(self, plan: Plan, share: Share, terms: Terms, listed: list[str]) -> None:
        self.plan = plan
        self.tally = Tally(max(1.0, plan.seconds / SLICES_MAX))
        self.lines: dict[Member, Line] = {}
        self.misfits: list[Misfit] = []
        self.stopped = False
        self.open = 0
        self._share = share
        self._terms = terms
        self._listed = listed
        self._random = random.Random(plan.seed * 1009 + share.place)
        self._ways: dict[tuple[str, ...], Ways] = defaultdict(lambda: Ways(merging=plan.pace == "latest"))
        self._inbox = Inbox()
        self._numbers = count(share.place, share.processes)
        self._closing = False
        self._wanted = 0
        self._herds: list[Member] = []
        self._leaving: set[Member] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    # Joining.

    async def join_first(self) -> None:
        """Open the first client. Raises SetupError where not even that can be: none will fare better."""
        if not self._share.of(self.plan.phases[0].clients):
            return
        if "ws" not in self.plan.transports:
            await self._look_at_tape()
        self._wanted = 1
        await self._join_one(next(self._numbers))

    async def _look_at_tape(self) -> None:
        """Learn how long a step is, which only a WebSocket is told."""
        member = Member(self._terms, "ws", self.plan.symbols, self.plan.channels, Ways(), Tally(1.0), self._inbox)
        line = await self._connected(lambda: Subscriber(member))
        try:
            async with asyncio.timeout(JOIN_S):
                await member.joined
        except TimeoutError:
            raise SetupError(f"{self._terms.address.url} did not answer within {JOIN_S:.0f} s") from None
        finally:
            line.abort()
        self.tally.found.latencies.step_us = member.tally.found.latencies.step_us

    async def join(self, clients: int) -> None:
        """Open clients until there are so many."""
        wanted = self._share.of(clients) - self._wanted
        self._wanted += max(wanted, 0)
        places = iter(range(wanted))
        await asyncio.gather(*(self._fill(places) for _ in range(min(JOINING_MAX, max(wanted, 0)))))

    @property
    def joined(self) -> int:
        return len(self.lines) + len(self.misfits)

    async def _fill(self, places: Iterator[int]) -> None:
        for place in places:
            if self.stopped or self.tally.found.refused.total() >= JOINING_MAX:  # so many are not bad luck
                return
            if self.plan.connects_per_s and place >= JOINING_MAX:
                await asyncio.sleep(JOINING_MAX * self._share.processes / self.plan.connects_per_s)
            try:
                await self._join_one(next(self._numbers))
            except SetupError as error:
                self.tally.found.refused[str(error)] += 1

    async def _join_one(self, number: int) -> None:
        kind, bad = _kind(number, self.plan.transports), _bad(number, self.plan.bad)
        symbols = self._symbols()
        ways = self._ways[(*symbols, "|", *self.plan.channels)]
        member = Member(self._terms, kind, symbols, self.plan.channels, ways, self.tally, self._inbox)
        if bad and bad != "herd":
            await self._dial_misfit(member, bad)
            return
        await self._dial(member)
        self.tally.found.connected += 1
        self.tally.found.members[kind] += 1
        if bad:
            self._herds.append(member)

    def _symbols(self) -> list[str]:
        if self.plan.mix == "same" or not self._listed:
            return list(self.plan.symbols)
        many = min(self.plan.mix_symbols, len(self._listed))
        if self.plan.mix == "random":
            return sorted(self._random.sample(self._listed, many))
        weights = list(accumulate(1 / rank for rank in range(1, len(self._listed) + 1)))
        chosen: set[str] = set()
        while len(chosen) < many:
            chosen.update(self._random.choices(self._listed, cum_weights=weights, k=1))
        return sorted(chosen)

    async def _dial(self, member: Member) -> None:
        """Connect a client and wait until it has what it asked for. Raises SetupError."""
        line: Line = await self._connected(lambda: _line(member))
        try:
            async with asyncio.timeout(JOIN_S):
                await member.joined
        except BaseException as error:  # refused, or out of time
            line.abort()
            if isinstance(error, TimeoutError):
                raise SetupError(f"{self._terms.address.url} did not answer within {JOIN_S:.0f} s") from None
            raise
        self.lines[member] = line
        member.open = True
        self.open += 1
        member.left.add_done_callback(lambda left: self._count_out(member, left.result()))

    async def _connected(self, make: Callable[[], AnyLine]) -> AnyLine:
        address = self._terms.address
        try:
            async with asyncio.timeout(JOIN_S):
                _, line = await asyncio.get_running_loop().create_connection(
                    make, address.host, address.port, ssl=self._terms.tls
                )
        except TimeoutError:
            raise SetupError(f"{address.url} did not answer within {JOIN_S:.0f} s") from None
        except OSError as error:
            raise SetupError(f"cannot connect to {address.url}: {_reason(error)}") from None
        return line

    async def _dial_misfit(self, member: Member, kind: str) -> None:
        await self._connected(lambda: self._misfit(member, kind))
        self.tally.found.connected += 1
        self.tally.found.bad[kind] += 1

    def _misfit(self, member: Member, kind: str) -> Misfit:
        self.misfits.append(Misfit(member, kind, self.plan.slow_bytes_per_s))
        return self.misfits[-1]

    def _count_out(self, member: Member, code: int) -> None:
        self.open -= 1
        member.open = False
        if member in self._leaving:
            return
        self.tally.found.closes[code] += 1
        self.tally.found.lost += not self._closing

    # The measured window.

    async def measure(self) -> None:
        """Let them listen, come and go as planned. Ends early when stopped, or when nobody is left."""
        began_s = clock.monotonic_s()
        self.tally.begin(clock.wall_us())
        for work in (self._ping_in_turn, self._storm, self._herd, self._ack_at_times):
            self._tasks.add(asyncio.create_task(work()))
        while not self.stopped and self.open and (now_s := clock.monotonic_s() - began_s) < self.plan.seconds:
            await self._adjust(self.plan.members_at(now_s))
            await asyncio.sleep(max(0.0, min(LOOK_S, began_s + self.plan.seconds - clock.monotonic_s())))
            self.tally.digest()
            self._sample()
        self.tally.end()
        self.tally.found.behind = self._behind()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._all_answered()

    async def _adjust(self, clients: int) -> None:
        """Have so many clients."""
        wanted = self._share.of(clients)
        if wanted > self._wanted:
            await self.join(clients)
        elif wanted < self._wanted:
            self._wanted = wanted
            leaving = list(self.lines)[max(1, wanted - len(self.misfits)) :]
            for member in leaving:
                self._leave(member)

    def _leave(self, member: Member) -> None:
        self._leaving.add(member)
        self._keep(member)
        member.waive()
        self.lines.pop(member).close()

    def _keep(self, member: Member) -> None:
        """Keep what a client has seen that goes away."""
        found = self.tally.found
        found.without_ticks += not member.ticked
        if member.offsets_us:
            found.offsets_us.append(median_low(member.offsets_us))

    def _sample(self) -> None:
        members = list(self.lines)
        if len(members) > SAMPLES_MAX:
            members = self._random.sample(members, SAMPLES_MAX)
        for member in members:
            member.sample()

    def _behind(self) -> int:
        step_us = self.tally.found.latencies.step_us
        least = self.tally.newest_seq - (BEHIND_S * 1e6 / step_us if step_us else 0)
        return sum(member.open and member.kind in ("ws", "sse") and member.place.seq < least for member in self.lines)

    async def _ping_in_turn(self) -> None:
        """Ping every client once a second, evenly spread, and less often where they are very many."""
        while True:
            lines = [line for member, line in self.lines.items() if member.kind == "ws" and member.open]
            rate_hz = min(max(1, len(lines)) / PING_EVERY_S, PINGS_PER_S_MAX)
            due_s = clock.monotonic_s()
            for line in lines:
                line.ping()
                due_s += 1 / rate_hz
                await asyncio.sleep(max(0.0, due_s - clock.monotonic_s()))
            if not lines:
                await asyncio.sleep(LOOK_S)

    async def _ack_at_times(self) -> None:
        """Acknowledge after every interval, or late."""
        plan = self.plan
        while plan.acks in ("interval", "late"):
            await asyncio.sleep(plan.acks_number)
            for line in list(self.lines.values()):
                line.ack()

    async def _storm(self) -> None:
        """Cut a share of the clients off at once, now and then, and have them resume."""
        while self.plan.storm_every_s:
            await asyncio.sleep(self.plan.storm_every_s)
            members = list(self.lines)
            await self._return(self._random.sample(members, round(len(members) * self.plan.storm_share)))

    async def _herd(self) -> None:
        """Have those that always come together leave and come back together."""
        while self.plan.bad.get("herd"):
            await asyncio.sleep(self.plan.herd_every_s)
            await self._return(self._herds)

    async def _return(self, members: list[Member]) -> None:
        """Cut clients off, and let them go on where they were."""
        here = [member for member in members if member in self.lines and member.open]
        self._leaving.update(here)
        for member in here:
            member.waive()
            self.lines[member].abort()
        await asyncio.gather(*(member.left for member in here))
        self._leaving.difference_update(here)
        await asyncio.gather(*(self._come_back(member) for member in here))

    async def _come_back(self, member: Member) -> None:
        member.renew()
        try:
            await self._dial(member)
            self.tally.found.resumed += 1
        except SetupError as error:
            self.lines.pop(member, None)
            self._keep(member)
            self.tally.found.refused[str(error)] += 1
            self.tally.found.lost += 1

    async def _all_answered(self) -> None:
        """Wait for the pings under way: a server need not answer what comes together with a close frame."""
        found = self.tally.found
        for _ in range(round(CLOSE_S / ANSWER_S)):
            if not self.open or len(found.pings_us) >= found.pings_sent:
                return
            await asyncio.sleep(ANSWER_S)

    # The end.

    async def close(self) -> None:
        """Hang up on all sides, and wait a little for the answers."""
        self._closing = True
        for line in self.lines.values():
            line.close()
        await self._all_left()
        for line in self.lines.values():
            line.abort()
        await self._all_left()
        ends = Counter(f"{misfit.kind} {misfit.end}" for misfit in self.misfits)
        self.tally.found.bad_closes.update(ends)
        for misfit in self.misfits:
            misfit.abort()
        self.tally.digest()
        for member in self.lines:
            self._keep(member)

    async def _all_left(self) -> None:
        waiting = [member.left for member in self.lines if not member.left.done()]
        if waiting:
            await asyncio.wait(waiting, timeout=CLOSE_S)


def _line(member: Member) -> Line:
    """Return what a client is connected by."""
    return Subscriber(member) if member.kind == "ws" else Listener(member)


def _kind(number: int, shares: dict[str, float]) -> str:
    """Return the transport of a client: shares are kept as evenly as they can be at any number of clients."""
    return _turn(number, shares) or next(iter(shares))


def _bad(number: int, shares: dict[str, float]) -> str:
    """Return how a client misbehaves, empty where it does not; the first one never does."""
    good = {"": 1 - sum(shares.values()), **shares}
    return _turn(number * 7919 + 13, good) if number else ""


def _turn(number: int, shares: dict[str, float]) -> str:
    """Return whose turn it is, by the golden ratio: every run of clients has about the shares."""
    place = number * 0.6180339887498949 % 1.0
    edges = np.cumsum(list(shares.values()))
    found = int(np.searchsorted(edges, place * edges[-1], side="right"))
    return list(shares)[min(found, len(shares) - 1)]


def allow_open_files(clients: int, each: int = 1) -> None:
    """Take all the file descriptors we may have. Raises SetupError where they are too few for so many each."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if hard != resource.RLIM_INFINITY and clients * each + OTHER_FILES > hard:
        raise SetupError(f"--clients: {clients} need {clients * each} open files, and `ulimit -Hn` allows {hard}")


def _reason(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "no such host"
    if isinstance(error, ConnectionRefusedError) or "Connect call failed" in str(error):
        return "connection refused: is the server running?"
    return error.strerror or str(error)
