"""What a root has made and not got rid of yet, and a little more: NATS may lose what it has acknowledged.

A NATS server that is killed may have kept less than it said. So the newest items stay here for some seconds after
their acknowledgement, and whoever connects compares what is here with what is there (`resume`).
"""

import asyncio
from collections import deque
from dataclasses import dataclass, field

KEPT_S = 15.0


@dataclass(slots=True)
class Item:
    """Steps from `first` to `last`, or an incident: then both are the step before it."""

    first: int
    last: int
    data: bytes
    made_s: float
    incident: int | None = None
    """The number of what was caused, counted from 0."""
    stored: bool = False
    done: asyncio.Future[None] | None = None
    """Resolved when it is stored, where somebody waits for that."""


@dataclass(slots=True)
class Backlog:
    """Items in the order of the tape; `bytes_max` bounds all of them. `lost` is the newest step that had to go."""

    bytes_max: int
    items: deque[Item] = field(default_factory=deque)
    bytes: int = 0
    lost: int = 0
    dropped: int = 0
    """How many steps have been lost."""
    sent: int = 0
    """How many of the items are on their way, or stored."""
    attempt: int = 0
    """Part of the messages' names where NATS takes them for others than they are."""

    @property
    def waiting(self) -> int:
        """How many items are to be sent."""
        return len(self.items) - self.sent

    @property
    def bytes_waiting(self) -> int:
        """The bytes that nobody has acknowledged."""
        return sum(len(item.data) for item in self.items if not item.stored)

    def add(self, item: Item) -> None:
        """Add the newest; the oldest make room."""
        self.items.append(item)
        self.bytes += len(item.data)
        self._trim(item.made_s)
        while self.bytes > self.bytes_max and len(self.items) > 1:
            self._drop()

    def fill(self, items: list[Item]) -> None:
        """Put items in front of all others: they are still to be sent, and some are not needed any more."""
        self.items.extendleft(reversed(items))
        self.bytes += sum(len(item.data) for item in items)

    def next(self) -> Item:
        """Return the next one to send, which from then on is on its way."""
        item = self.items[self.sent]
        self.sent += 1
        return item

    def resume(self, seq: int, incidents: int) -> None:
        """Send again, from the first that is not there: steps up to `seq` are, and so many incidents."""
        for item in self.items:
            item.stored = item.last <= seq if item.incident is None else item.incident < incidents
        self.sent = next((at for at, item in enumerate(self.items) if not item.stored), len(self.items))

    def clear(self) -> None:
        """Forget everything."""
        self.items.clear()
        self.bytes = self.sent = self.lost = 0

    def _trim(self, now_s: float) -> None:
        while self.items and self.items[0].stored and self.items[0].made_s < now_s - KEPT_S:
            self._drop()

    def _drop(self) -> None:
        item = self.items.popleft()
        self.bytes -= len(item.data)
        self.sent = max(0, self.sent - 1)
        if not item.stored and item.incident is None:
            self.lost = item.last
            self.dropped += item.last - item.first + 1
