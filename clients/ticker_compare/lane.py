"""One lane: a feed over one transport, somebody who reads it, and what that has come to."""

import asyncio
from dataclasses import dataclass
from typing import Self

from ticker import clock
from ticker.errors import SetupError
from ticker.session.messages import Ticks
from ticker.ticks import BARS_1M, BARS_1S
from ticker_client import ConnectionEnded, Refused, connect
from ticker_compare.plan import Kind, Plan
from ticker_compare.samples import Samples

BARS = {BARS_1S, BARS_1M}


@dataclass(frozen=True, slots=True)
class Count:
    """What went over the wire and what came of it, from the beginning to a moment."""

    now_s: float
    requests: int
    connections: int
    bytes_up: int
    bytes_down: int
    ticks: int

    def __sub__(self, other: Self) -> "Count":
        return Count(
            self.now_s - other.now_s,
            self.requests - other.requests,
            self.connections - other.connections,
            self.bytes_up - other.bytes_up,
            self.bytes_down - other.bytes_down,
            self.ticks - other.ticks,
        )


class Lane:
    """A subscription over one transport; it does not come back after a loss, which would be no fair comparison."""

    def __init__(self, plan: Plan, kind: Kind) -> None:
        self.kind = kind
        self.samples = Samples(bars=not BARS.isdisjoint(plan.channels))
        self.ended: str | None = None
        """Why the connection ended before we hung up."""
        self.feed = connect(
            plan.url,
            transport=kind.transport,
            reconnect=False,
            poll_every_s=kind.poll_every_s or 0.0,
            books=False,  # to check them would make the other lanes late
        )
        self._plan = plan
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Connect, subscribe and begin to read. Raises SetupError."""
        try:
            await self.feed.__aenter__()
            self._task = asyncio.create_task(self._read())
            await self.feed.subscribe(*self._plan.symbols, channels=self._plan.channels)
        except (ConnectionEnded, Refused) as error:
            await self.close()
            raise SetupError(str(error)) from None

    async def close(self) -> None:
        """Hang up."""
        await self.feed.close()
        if self._task is not None:
            await self._task

    @property
    def reading(self) -> asyncio.Task[None]:
        """What goes on as long as there is a connection, of a lane that is open."""
        assert self._task is not None
        return self._task

    def count(self) -> Count:
        """Return what has come and gone so far."""
        traffic = self.feed.traffic
        return Count(
            clock.monotonic_s(),
            traffic.requests,
            traffic.connections,
            traffic.bytes_sent,
            traffic.bytes_received,
            self.feed.session.ticks,
        )

    async def _read(self) -> None:
        feed, samples = self.feed, self.samples
        try:
            async for message in feed.batches():
                if isinstance(message, Ticks):
                    samples.take(message, feed.traffic.received_us, last=not feed.waiting)
        except ConnectionEnded as error:
            self.ended = str(error)
