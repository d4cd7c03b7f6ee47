"""All clients of one process: joined, measured together, closed together."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Iterator
from itertools import count

from ticker import clock
from ticker.errors import SetupError
from ticker_load import roles
from ticker_load.crowd import CLOSE_S, Crowd
from ticker_load.dialling import dial
from ticker_load.inbox import Inbox
from ticker_load.member import Member, Terms
from ticker_load.plan import Plan
from ticker_load.proof import Ways
from ticker_load.roles import Share
from ticker_load.rounds import Rounds
from ticker_load.tally import Tally

JOINING_MAX = 32  # at a time: below any listener's backlog
LOOK_S = 0.1
BEHIND_S = 1.0
ANSWER_S = 0.01  # between two looks at who has answered
POLITE = 1000


class Swarm:
    """The clients of one process. `stopped` ends whatever goes on, early."""

    def __init__(self, plan: Plan, share: Share, terms: Terms, listed: list[str]) -> None:
        self.plan = plan
        self.tally = Tally(plan.seconds)
        self.stopped = False
        self._chance = random.Random(plan.seed * 1009 + share.place)
        self.crowd = Crowd(self.tally.found, self._chance)
        self._rounds = Rounds(plan, self.crowd, terms.late)
        self._share = share
        self._terms = terms
        self._listed = listed
        self._ways: dict[tuple[str, ...], Ways] = defaultdict(lambda: Ways(merging=plan.pace == "latest"))
        self._inbox = Inbox()
        self._numbers = count(share.place, share.processes)
        self._wanted = 0

    @property
    def joined(self) -> int:
        return len(self.crowd.lines) + len(self.crowd.misfits)

    # Joining.

    async def join_first(self) -> None:
        """Open the first client. Raises SetupError where not even that can be: none will fare better."""
        if "ws" not in self.plan.transports:
            await self._look_at_tape()
        if not self._share.of(self.plan.first):
            return
        self._wanted = 1
        await self._join_one(next(self._numbers))

    async def _look_at_tape(self) -> None:
        """Learn how long a step is, which only a WebSocket is told."""
        member = Member(self._terms, "ws", self.plan.symbols, self.plan.channels, Ways(), Tally(1.0), self._inbox)
        (await dial(member)).abort()
        self.tally.found.latencies.step_us = member.tally.found.latencies.step_us

    async def join(self, clients: int) -> None:
        """Open clients until there are so many."""
        wanted = self._share.of(clients) - self._wanted
        self._wanted += max(wanted, 0)
        places, began_s = iter(range(wanted)), clock.monotonic_s()
        await asyncio.gather(*(self._fill(places, began_s) for _ in range(min(JOINING_MAX, max(wanted, 0)))))

    async def _fill(self, places: Iterator[int], began_s: float) -> None:
        """Open clients, none before its turn by the rate of joining."""
        for place in places:
            if self.stopped or self.tally.found.refused.total() >= JOINING_MAX:  # so many are not bad luck
                return
            if self.plan.connects_per_s:
                due_s = began_s + place * self._share.processes / self.plan.connects_per_s
                await asyncio.sleep(max(0.0, due_s - clock.monotonic_s()))
            try:
                await self._join_one(next(self._numbers))
            except SetupError as error:
                self.tally.found.refused[str(error)] += 1

    async def _join_one(self, number: int) -> None:
        plan, found = self.plan, self.tally.found
        kind, bad = roles.transport(number, plan.transports), roles.badness(number, plan.bad)
        symbols = roles.symbols(plan, self._listed, self._chance)
        ways = self._ways[(*symbols, "|", *plan.channels)]
        member = Member(self._terms, kind, symbols, plan.channels, ways, self.tally, self._inbox)
        if bad and bad != "herd":
            await self.crowd.take_misfit(member, bad, plan.slow_bytes_per_s)
            found.connected += 1
            return
        await self.crowd.take(member)
        found.connected += 1
        found.members[kind] += 1
        if bad:
            self._rounds.herd.append(member)

    # The measured window.

    async def measure(self) -> None:
        """Let them listen, come and go as planned. Ends early when stopped, or when nobody is left who came."""
        began_s = clock.monotonic_s()
        self.tally.begin(clock.wall_us())
        async with self._rounds:
            while (now_s := clock.monotonic_s() - began_s) < self.plan.seconds:
                if self.stopped or (self._wanted and not self.crowd.open):
                    break
                await self._adjust(self.plan.members_at(now_s))
                await asyncio.sleep(max(0.0, min(LOOK_S, began_s + self.plan.seconds - clock.monotonic_s())))
                self.tally.digest()
                self.crowd.sample()
            self.tally.end()
            self.tally.found.behind = self._behind()
        await self._all_answered()

    async def _adjust(self, clients: int) -> None:
        """Have so many clients."""
        wanted = self._share.of(clients)
        if wanted > self._wanted:
            await self.join(clients)
        elif wanted < self._wanted:
            self._wanted = wanted
            staying = max(min(wanted, 1), wanted - len(self.crowd.misfits))
            for member in list(self.crowd.lines)[staying:]:
                self.crowd.leave(member)

    def _behind(self) -> int:
        step_us = self.tally.found.latencies.step_us
        least = self.tally.newest_seq - (BEHIND_S * 1e6 / step_us if step_us else 0)
        return sum(
            member.open and member.kind in ("ws", "sse") and member.place.seq < least for member in self.crowd.lines
        )

    async def _all_answered(self) -> None:
        """Wait for the pings under way: a server need not answer what comes together with a close frame."""
        found = self.tally.found
        for _ in range(round(CLOSE_S / ANSWER_S)):
            if not self.crowd.open or len(found.pings_us) >= found.pings_sent:
                return
            await asyncio.sleep(ANSWER_S)

    async def close(self) -> None:
        """Hang up on all sides."""
        await self.crowd.close()
        self.tally.digest()
        self.crowd.keep_all()
