"""The numbered tape: the most recent batches, each with the wall time it was emitted at.

Rules: entries are consecutive; whoever wants the past asks by `seq` and learns whether it is still kept. The tape is
bounded by steps and by bytes, but for two blocks that are in part others'; what is kept for readers of the fresh end,
the renderings, is counted apart.
"""

from collections import deque
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from ticker.feed.blocks import Blocks
from ticker.ticks import Batch

UNBOUNDED = 1 << 62
"""A `bytes_max` that no tape reaches."""

ENTRY_BYTES = 488
"""What CPython 3.11 takes for an entry besides its rows: Entry and Batch 112, a dict 272, integers 96, a place 8."""
ROWS_BYTES = 112
"""And for each of its arrays that has rows, which are views: what they show lies in a block (`feed.blocks`). Those
without rows are one array for all batches (`ticks.EMPTY`)."""


def weigh(batch: Batch) -> int:
    """Return about how many bytes of memory a batch takes on the tape."""
    return ENTRY_BYTES + sum([ROWS_BYTES + rows.nbytes for rows in batch.rows.values() if len(rows)])


@dataclass(slots=True)
class Entry:
    """A batch on the tape; `emitted_us` is the wall clock in microseconds since 1970."""

    batch: Batch
    emitted_us: int
    renderings: dict[Hashable, Any] | None = field(default_factory=dict)
    """What the batch looks like in a dialect: made once while the entry is fresh, None when it is kept no longer."""


class Tape:
    """A ring of the last entries: at most `steps_max`, and as many as weigh `bytes_max`, but always the newest."""

    FRESH_STEPS = 64  # about as far back as several readers may want the same rendering

    def __init__(self, epoch: str, steps_max: int, bytes_max: int, head: int = 0, t: int = 0) -> None:
        """Begin after step `head`, which ended at market time `t`, and of which nothing is kept."""
        self.epoch = epoch
        self.head = head
        self.t = t
        """The market time of the head, in microseconds since 1970."""
        self.steps_max = steps_max
        self.bytes_max = bytes_max
        self.bytes = 0
        """What the entries weigh, renderings not counted."""
        self.ticks = 0
        """How many rows the entries hold."""
        self._entries: deque[Entry] = deque()
        self.blocks = Blocks()

    @property
    def oldest(self) -> int:
        """The lowest `seq` that is still kept; head + 1 while nothing is."""
        return self.head - len(self._entries) + 1

    @property
    def seconds(self) -> float:
        """The market time between the oldest and the newest entry."""
        return (self._entries[-1].batch.t - self._entries[0].batch.t) / 1e6 if self._entries else 0.0

    @property
    def rendered_bytes(self) -> int:
        """What the renderings of the fresh entries take, added up now."""
        fresh = islice(reversed(self._entries), self.FRESH_STEPS)
        return sum(rendering.size_bytes for entry in fresh for rendering in (entry.renderings or {}).values())

    def oldest_with(self, batch: Batch) -> int:
        """Return what `oldest` is going to be when this batch is appended."""
        return self.oldest + self._excess(weigh(batch))

    def append(self, batch: Batch, emitted_us: int, renderings: dict[Hashable, Any] | None = None) -> list[Entry]:
        """Add the next batch, with what has been rendered of it; return the entries that had to go, oldest first.

        Raises ValueError out of order.
        """
        if self._entries and batch.seq != self.head + 1:
            raise ValueError(f"batch {batch.seq} does not follow {self.head}")
        weight = weigh(batch)
        gone = [self._drop() for _ in range(self._excess(weight))]
        kept = Batch(batch.seq, batch.t, {channel: self.blocks.lay(rows) for channel, rows in batch.rows.items()})
        self._entries.append(Entry(kept, emitted_us, {} if renderings is None else renderings))
        self.head, self.t = batch.seq, batch.t
        self.bytes += weight
        self.ticks += _rows_of(batch)
        if len(self._entries) > self.FRESH_STEPS:
            self._entries[-self.FRESH_STEPS - 1].renderings = None
        return gone

    def leap(self, head: int, t: int) -> None:
        """Begin anew after a later step: nothing before it is kept."""
        self._entries.clear()
        self.head, self.t = head, t
        self.bytes = self.ticks = 0

    def _excess(self, weight: int) -> int:
        """Return how many of the oldest entries have to go for one more of this weight."""
        size = self.bytes + weight
        least = len(self._entries) + 1 - self.steps_max
        if least <= 0 and size <= self.bytes_max:
            return 0
        count = 0
        for entry in self._entries:
            if count >= least and size <= self.bytes_max:
                break
            size -= weigh(entry.batch)
            count += 1
        return count

    def _drop(self) -> Entry:
        entry = self._entries.popleft()
        self.bytes -= weigh(entry.batch)
        self.ticks -= _rows_of(entry.batch)
        return entry

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


def _rows_of(batch: Batch) -> int:
    return sum(map(len, batch.rows.values()))
