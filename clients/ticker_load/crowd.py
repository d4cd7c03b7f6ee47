"""The clients of one process: who is there, who is lost, who leaves and comes back."""

import asyncio
import random
from array import array
from collections import Counter
from statistics import median_low

from ticker.errors import SetupError
from ticker_load.dialling import Line, connected, dial
from ticker_load.member import Member
from ticker_load.misfit import Misfit
from ticker_load.tally import Findings

CLOSE_S = 5.0
SAMPLES_MAX = 500  # clients looked at a time


class Crowd:
    """Who is connected, good and bad; what happens to them is counted in `found`."""

    def __init__(self, found: Findings, chance: random.Random) -> None:
        self.lines: dict[Member, Line] = {}
        self.misfits: list[Misfit] = []
        self.open = 0
        self._found = found
        self._chance = chance
        self._leaving: set[Member] = set()
        self._closing = False

    async def take(self, member: Member) -> None:
        """Connect a client. Raises SetupError."""
        self.lines[member] = await dial(member)
        member.open = True
        self.open += 1
        member.left.add_done_callback(lambda left: self._count_out(member, left.result()))

    async def take_misfit(self, member: Member, kind: str, bytes_per_s: int) -> None:
        """Connect a client that misbehaves. Raises SetupError."""
        self.misfits.append(await connected(member.terms, lambda: Misfit(member, kind, bytes_per_s)))
        self._found.bad[kind] += 1

    def part(self, share: float) -> list[Member]:
        """Return so large a share of the clients, by chance."""
        return self._chance.sample(list(self.lines), round(len(self.lines) * share))

    def leave(self, member: Member) -> None:
        """Let a client hang up for good."""
        self._leaving.add(member)
        self._keep(member)
        member.waive()
        self.lines.pop(member).close()

    async def cut_off(self, members: list[Member]) -> None:
        """Cut clients off at once, and let them go on where they were."""
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
            await self.take(member)
            self._found.resumed += 1
        except SetupError as error:
            self.lines.pop(member, None)
            self._keep(member)
            self._found.refused[str(error)] += 1
            self._found.lost += 1

    def sample(self) -> None:
        """Note how late some of the clients are."""
        members = list(self.lines)
        if len(members) > SAMPLES_MAX:
            members = self._chance.sample(members, SAMPLES_MAX)
        for member in members:
            member.sample()

    async def close(self) -> None:
        """Hang up on all sides, and wait a little for the answers."""
        self._closing = True
        for line in self.lines.values():
            line.close()
        await self._all_left()
        for line in self.lines.values():
            line.abort()
        await self._all_left()
        self._found.bad_closes.update(Counter(f"{misfit.kind} {misfit.end}" for misfit in self.misfits))
        self._found.audible += sum(misfit.audible for misfit in self.misfits)
        for misfit in self.misfits:
            misfit.abort()

    def keep_all(self) -> None:
        """Keep what all clients have seen that are still here."""
        for member in self.lines:
            self._keep(member)

    async def _all_left(self) -> None:
        waiting = [member.left for member in self.lines if not member.left.done()]
        if waiting:
            await asyncio.wait(waiting, timeout=CLOSE_S)

    def _keep(self, member: Member) -> None:
        found = self._found
        found.without_ticks += not member.ticked
        if member.offsets_us:
            found.offsets_us.setdefault(member.kind, array("q")).append(median_low(member.offsets_us))

    def _count_out(self, member: Member, code: int) -> None:
        self.open -= 1
        member.open = False
        if member in self._leaving:
            return
        self._found.closes[code] += 1
        self._found.lost += not self._closing
