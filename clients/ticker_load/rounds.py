"""What happens to clients again and again while they are measured: pings, acks, storms, herds."""

import asyncio
from typing import Self

from ticker import clock
from ticker_load.crowd import Crowd
from ticker_load.member import Late, Member
from ticker_load.plan import Plan

LOOK_S = 0.1
LATE_LOOK_S = 0.005
PING_EVERY_S = 1.0
PINGS_PER_S_MAX = 500  # of a process, so that ten thousand clients are not measured by their pings


class Rounds:
    """Goes on for as long as its block; `herd` are those that always leave and come back together."""

    def __init__(self, plan: Plan, crowd: Crowd, late: Late) -> None:
        self.herd: list[Member] = []
        self._plan = plan
        self._crowd = crowd
        self._late = late
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        rounds = (self._ping_in_turn, self._storm, self._return_together, self._ack_at_times, self._ack_late)
        self._tasks = [asyncio.create_task(each()) for each in rounds]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _ping_in_turn(self) -> None:
        """Ping every client once a second, evenly spread, and less often where they are very many."""
        while True:
            lines = [line for member, line in self._crowd.lines.items() if member.kind == "ws" and member.open]
            rate_hz = min(max(1, len(lines)) / PING_EVERY_S, PINGS_PER_S_MAX)
            due_s = clock.monotonic_s()
            for line in lines:
                line.ping()
                due_s += 1 / rate_hz
                await asyncio.sleep(max(0.0, due_s - clock.monotonic_s()))
            if not lines:
                await asyncio.sleep(LOOK_S)

    async def _ack_at_times(self) -> None:
        """Acknowledge all that has come, after every interval."""
        while self._plan.acks == "interval":
            await asyncio.sleep(self._plan.acks_number)
            for line in list(self._crowd.lines.values()):
                line.ack()

    async def _ack_late(self) -> None:
        """Acknowledge each message so many seconds after it came."""
        while self._plan.acks == "late":
            await asyncio.sleep(LATE_LOOK_S)
            self._late.ack_due(clock.wall_us())

    async def _storm(self) -> None:
        """Cut a share of the clients off at once, now and then, and have them resume."""
        while self._plan.storm_every_s:
            await asyncio.sleep(self._plan.storm_every_s)
            await self._crowd.cut_off(self._crowd.part(self._plan.storm_share))

    async def _return_together(self) -> None:
        """Have the herd leave and come back together."""
        while self._plan.bad.get("herd"):
            await asyncio.sleep(self._plan.herd_every_s)
            await self._crowd.cut_off(self.herd)
