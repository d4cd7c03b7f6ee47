"""All subscribers: joined a few at a time, measured together, closed together."""

import asyncio
import os
import resource
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import cycle

from ticker import clock
from ticker.errors import SetupError
from ticker_load.inbox import Inbox
from ticker_load.subscriber import Subscriber, Tally, Wish

JOINING_MAX = 32  # at a time: below any listener's backlog
JOIN_S = 10.0
CLOSE_S = 5.0
LOOK_S = 0.2  # between two looks at the clock, the connections and the terminal
BEHIND_S = 1.0
PING_EVERY_S = 1.0
PINGS_PER_S_MAX = 1000  # so that ten thousand clients are not measured by their pings
ANSWER_S = 0.01  # between two looks at who has answered
OTHER_FILES = 64  # descriptors for all that is not a connection


@dataclass(frozen=True, slots=True)
class Counts:
    """What all sessions have counted so far, and what that cost us."""

    now_s: float
    cpu_s: float
    ticks: int
    messages: int
    bytes: int
    behind: int
    """Clients that are more than `BEHIND_S` of tape behind the one that is furthest."""


class Swarm:
    """The subscribers of one run. `stopped` ends whatever goes on, early."""

    def __init__(self, wish: Wish, watch: Callable[["Swarm", str], None]) -> None:
        self.tally = Tally()
        self.members: list[Subscriber] = []
        self.open = 0
        self.lost = 0
        """Members whose connection ended before we hung up."""
        self.closes: Counter[int] = Counter()
        """How the connections of members ended, by close code."""
        self.refused: Counter[str] = Counter()
        """Why clients could not join, and how many for each reason."""
        self.stopped = False
        self.late_s = 0.0
        """The longest that this process itself was late in the measured window."""
        self._closing = False
        self._wish = wish
        self._inbox = Inbox()
        self._watch = watch

    async def join(self, count: int) -> None:
        """Open so many subscribers. Raises SetupError where not even the first can be: none will fare better."""
        await self._join_one()
        places = iter(range(count - 1))
        await asyncio.gather(*(self._fill(places) for _ in range(JOINING_MAX)))

    async def measure(self, duration_s: float) -> tuple[Counts, Counts]:
        """Let them listen; return the counts before and after. Ends early when stopped, or when nobody is left."""
        pinging = asyncio.create_task(self._ping_in_turn())
        before = self.count()
        end_s = before.now_s + duration_s
        self.tally.latencies.recording = True
        while not self.stopped and self.open and (left_s := end_s - clock.monotonic_s()) > 0:
            self._watch(self, f"measuring, {left_s:.0f} s left")
            await self._sleep(min(LOOK_S, left_s))
        self.tally.latencies.recording = False
        after = self.count()
        pinging.cancel()
        await self._all_answered()
        return before, after

    async def close(self) -> None:
        """Hang up on all sides, and wait a little for the answers."""
        self._closing = True
        self._watch(self, "closing")
        for member in self.members:
            member.close()
        await self._all_left()
        for member in self.members:
            member.abort()
        await self._all_left()

    async def _all_left(self) -> None:
        waiting = [member.left for member in self.members if not member.left.done()]
        if waiting:
            await asyncio.wait(waiting, timeout=CLOSE_S)

    def count(self) -> Counts:
        """Return the counts as of now."""
        sessions = [member.session for member in self.members]
        times = os.times()
        newest = max((session.seq for session in sessions), default=0)
        behind_steps = BEHIND_S * 1e6 / self.tally.latencies.step_us
        return Counts(
            now_s=clock.monotonic_s(),
            cpu_s=times.user + times.system,
            ticks=sum(session.ticks for session in sessions),
            messages=sum(session.messages for session in sessions),
            bytes=self.tally.bytes,
            behind=sum(session.seq < newest - behind_steps for session in sessions),
        )

    async def _fill(self, places: Iterator[int]) -> None:
        for _ in places:
            if self.stopped or self.refused.total() >= JOINING_MAX:  # so many are not bad luck
                return
            try:
                await self._join_one()
            except SetupError as error:
                self.refused[str(error)] += 1

    async def _join_one(self) -> None:
        """Open a subscriber and wait until it has what it asked for. Raises SetupError."""
        url = self._wish.url
        try:
            async with asyncio.timeout(JOIN_S):
                subscriber = await self._dial()
        except TimeoutError:
            raise SetupError(f"{url} did not answer within {JOIN_S:.0f} s") from None
        except OSError as error:
            raise SetupError(f"cannot connect to {url}: {_reason(error)}") from None
        self.members.append(subscriber)
        self.open += 1
        subscriber.left.add_done_callback(self._count_out)
        self._watch(self, "joining")

    def _count_out(self, left: asyncio.Future[int]) -> None:
        self.open -= 1
        self.closes[left.result()] += 1
        self.lost += not self._closing

    async def _dial(self) -> Subscriber:
        """Connect and subscribe. Raises SetupError, OSError."""
        uri = self._wish.uri
        _, subscriber = await asyncio.get_running_loop().create_connection(
            lambda: Subscriber(self._wish, self.tally, self._inbox), uri.host, uri.port, ssl=uri.secure or None
        )
        try:
            await subscriber.joined
        except BaseException:  # refused, or out of time
            subscriber.abort()
            raise
        return subscriber

    async def _ping_in_turn(self) -> None:
        """Ping every client once a second, evenly spread, and less often where they are very many."""
        rate_hz = min(len(self.members) / PING_EVERY_S, PINGS_PER_S_MAX)
        started_s = clock.monotonic_s()
        for sent, member in enumerate(cycle(self.members)):
            member.ping()
            early_s = started_s + (sent + 1) / rate_hz - clock.monotonic_s()
            if early_s > 0:
                await asyncio.sleep(early_s)

    async def _sleep(self, seconds: float) -> None:
        """Sleep, and note how late we woke: a tester that is late itself finds every server late."""
        due_s = clock.monotonic_s() + seconds
        await asyncio.sleep(seconds)
        self.late_s = max(self.late_s, clock.monotonic_s() - due_s)

    async def _all_answered(self) -> None:
        """Wait for the pings under way: a server need not answer what comes together with a close frame."""
        for _ in range(round(CLOSE_S / ANSWER_S)):
            if not self.open or len(self.tally.pings_us) >= self.tally.pings_sent:
                return
            await asyncio.sleep(ANSWER_S)


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
