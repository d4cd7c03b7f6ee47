"""All subscribers: joined a few at a time, measured together, closed together."""

import asyncio
import os
import resource
import socket
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import cycle

from ticker import clock
from ticker.errors import SetupError
from ticker_load.subscriber import Subscriber, Tally, Wish

JOINING_MAX = 64  # at a time: below any listener's backlog
JOIN_S = 10.0
CLOSE_S = 5.0
LOOK_S = 0.2  # between two looks at the clock, the connections and the terminal
PING_EVERY_S = 1.0
PINGS_PER_S_MAX = 1000  # so that ten thousand clients are not measured by their pings
OTHER_FILES = 64  # descriptors for all that is not a connection


@dataclass(frozen=True, slots=True)
class Counts:
    """What all sessions have counted so far, and what that cost us."""

    now_s: float
    cpu_s: float
    ticks: int
    messages: int
    bytes: int


class Swarm:
    """The subscribers of one run. `stopped` ends whatever goes on, early."""

    def __init__(self, wish: Wish, watch: Callable[["Swarm", str], None]) -> None:
        self.tally = Tally()
        self.members: list[Subscriber] = []
        self.refused: Counter[str] = Counter()
        """Why clients could not join, and how many for each reason."""
        self.stopped = False
        self._wish = wish
        self._watch = watch

    async def join(self, count: int) -> None:
        """Open so many subscribers. Raises SetupError where not even the first can be: none will fare better."""
        await self._join_one()
        places = iter(range(count - 1))
        await asyncio.gather(*(self._fill(places, count) for _ in range(JOINING_MAX)))

    async def measure(self, duration_s: float) -> tuple[Counts, Counts]:
        """Let them listen; return the counts before and after. Ends early when stopped, or when nobody is left."""
        pinging = asyncio.create_task(self._ping_in_turn())
        before = self.count()
        end_s = before.now_s + duration_s
        self.tally.latencies.recording = True
        while not self.stopped and self.tally.open and (left_s := end_s - clock.monotonic_s()) > 0:
            self._watch(self, f"measuring, {left_s:.0f} s left")
            await asyncio.sleep(min(LOOK_S, left_s))
        self.tally.latencies.recording = False
        after = self.count()
        pinging.cancel()
        return before, after

    async def close(self) -> None:
        """Hang up on all sides, and wait a little for the answers."""
        self._watch(self, "closing")
        for member in self.members:
            member.close()
        waiting = [member.left for member in self.members if not member.left.done()]
        if waiting:
            _, late = await asyncio.wait(waiting, timeout=CLOSE_S)
            for member in self.members:
                if member.left in late:
                    member.abort()
        await asyncio.sleep(0)  # an aborted transport says so a moment later

    def count(self) -> Counts:
        """Return the counts as of now."""
        sessions = [member.session for member in self.members]
        times = os.times()
        return Counts(
            now_s=clock.monotonic_s(),
            cpu_s=times.user + times.system,
            ticks=sum(session.ticks for session in sessions),
            messages=sum(session.messages for session in sessions),
            bytes=self.tally.bytes,
        )

    async def _fill(self, places: "object", count: int) -> None:
        raise NotImplementedError

    async def _ping_in_turn(self) -> None:
        """Ping every client once a second, evenly spread, and less often where they are very many."""
        gap_s = max(PING_EVERY_S / len(self.members), 1 / PINGS_PER_S_MAX)
        for member in cycle(self.members):
            member.ping()
            await asyncio.sleep(gap_s)
