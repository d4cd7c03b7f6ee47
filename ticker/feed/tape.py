"""The numbered tape: the most recent batches, each with the wall time it was emitted at.

Rules: entries are consecutive; whoever wants the past asks by `seq` and learns whether it is still kept.
"""

from collections import deque
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from ticker.ticks import Batch


@dataclass(slots=True)
class Entry:
    """A batch on the tape; `emitted_us` is the wall clock in microseconds since 1970."""

    batch: Batch
    emitted_us: int
    renderings: dict[Hashable, Any] | None = field(default_factory=dict)
    """What the batch looks like in a dialect: made once while the entry is fresh, None when it is kept no longer."""


class Tape:
    """A ring of the last `steps_max` entries."""

    FRESH_STEPS = 64  # about as far back as several readers may want the same rendering

    def __init__(self, epoch: str, steps_max: int) -> None:
        self.epoch = epoch
        self.head = 0
        self.steps_max = steps_max
        self._entries: deque[Entry] = deque()

    @property
    def oldest(self) -> int:
        """The lowest `seq` that is still kept; head + 1 while nothing is."""
        return self.head - len(self._entries) + 1

    def append(self, batch: Batch, emitted_us: int) -> Entry | None:
        """Add the next batch and return the entry that had to go, if any. Raises ValueError out of order."""
        if self._entries and batch.seq != self.head + 1:
            raise ValueError(f"batch {batch.seq} does not follow {self.head}")
        self._entries.append(Entry(batch, emitted_us))
        self.head = batch.seq
        if len(self._entries) > self.FRESH_STEPS:
            self._entries[-self.FRESH_STEPS - 1].renderings = None
        return self._entries.popleft() if len(self._entries) > self.steps_max else None

    def since(self, seq: int) -> Iterator[Entry]:
        """Yield the entries after `seq`, oldest first. Raises LookupError where the next one is gone."""
        first = seq + 1
        if first < self.oldest:
            raise LookupError(f"position {seq} is gone, {self.oldest - 1} is the oldest")
        count = self.head - seq
        if count <= len(self._entries) // 2:  # a deque is walked from its nearer end
            return reversed([entry for entry, _ in zip(reversed(self._entries), range(count), strict=False)])
        return islice(self._entries, first - self.oldest, None)

    def emitted_us(self, seq: int) -> int | None:
        """Return when a step was emitted, None where it is not kept."""
        back = self.head - seq
        return self._entries[-1 - back].emitted_us if 0 <= back < len(self._entries) else None
