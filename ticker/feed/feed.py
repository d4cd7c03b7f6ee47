"""The one place every tick passes: on to the tape, the board and the bars, then out to every audience.

Rules: `publish` adds a step, `flush` hands out all steps since the last flush. A reader is either live (it has had
everything up to `flushed`, and is in its audience) or behind (it has a position of its own, and reads the tape).
"""

from collections.abc import Iterator
from typing import Protocol

from ticker.feed.audience import Audience, Dialect, Frame, Reader
from ticker.feed.bars import Bars
from ticker.feed.board import Board
from ticker.feed.tape import UNBOUNDED, Entry, Tape
from ticker.interest import Interest
from ticker.metrics import Metrics
from ticker.ticks import Batch, Position


class Laggard(Protocol):
    """A reader that is behind."""

    def dropped(self, entry: Entry) -> None:
        """Learn that an entry is no longer kept."""


class Feed:
    """Tape, board, bars and audiences of one market of so many instruments.

    The last `steps_max` steps are kept on the tape, fewer where they weigh more than `bytes_max`, and the last
    `bars_kept` bars of an interval.
    """

    def __init__(
        self,
        epoch: str,
        instruments: int,
        steps_max: int,
        bars_kept: int,
        metrics: Metrics,
        bytes_max: int = UNBOUNDED,
    ) -> None:
        self.tape = Tape(epoch, steps_max, bytes_max)
        self.board = Board(instruments)
        self.bars = Bars(bars_kept)
        self.flushed = 0
        self.laggards: dict[Laggard, None] = {}
        self._instruments = instruments
        self._metrics = metrics
        self._audiences: dict[tuple[Dialect, Frame, Interest], Audience] = {}
        self._made: Audience | None = None
        self._awaiting: list[Reader] = []

    @property
    def audiences(self) -> int:
        """How many sets of readers are owed the same bytes."""
        return len(self._audiences)

    @property
    def position(self) -> Position:
        return Position(self.tape.epoch, self.tape.head)

    def publish(self, batch: Batch, emitted_us: int) -> None:
        """Add the next step."""
        if self.flushed < self.tape.head and self.tape.oldest_with(batch) > self.flushed + 1:
            self.flush()  # nothing leaves the tape before it was handed out
        gone = self.tape.append(batch, emitted_us)
        self.board.update(batch)
        self.bars.note(batch)
        self._metrics.steps += 1
        for entry in gone:
            for laggard in tuple(self.laggards):
                laggard.dropped(entry)

    def flush(self) -> None:
        """Hand out every step since the last flush."""
        entries = list(self.tape.since(self.flushed))
        if not entries:
            return
        self.flushed = self.tape.head
        for audience in tuple(self._audiences.values()):
            audience.flush(entries, self._metrics)
        awaiting, self._awaiting = self._awaiting, []
        for reader in awaiting:
            reader.flushed()

    def await_flush(self, reader: Reader) -> None:
        """Have `reader.flushed()` called once, after the next flush."""
        self._awaiting.append(reader)

    def between(self, seq: int, until: int) -> Iterator[Entry]:
        """Yield the entries after `seq` up to `until`. Raises LookupError where the next one is gone."""
        for entry in self.tape.since(seq):
            if entry.batch.seq > until:
                return
            yield entry

    def audience(self, dialect: Dialect, frame: Frame, interest: Interest) -> Audience:
        """Return the audience of those who are owed these bytes, made if there is none."""
        key = (dialect, frame, interest)
        audience = self._audiences.get(key)
        if audience is not None:
            return audience
        if self._made is None or self._made.key != key:  # a slow reader alone asks for its own again and again
            self._made = Audience(dialect, frame, interest, self._instruments)
        return self._made

    def join(self, reader: Reader, audience: Audience) -> None:
        """Make a reader live that has had everything up to `flushed`."""
        self._audiences[audience.key] = audience
        audience.live[reader] = None

    def leave(self, reader: Reader, audience: Audience) -> None:
        """Take a reader out of its audience; an empty audience is forgotten."""
        del audience.live[reader]
        if not audience.live:
            del self._audiences[audience.key]
            self._made = None
