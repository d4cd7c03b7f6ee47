"""The one place every tick passes: on to the tape, the board and the bars, then out to every audience.

Rules: `publish` adds a step, `flush` hands out all steps since the last flush. A reader is either live (it has had
everything up to `flushed`, and is in its audience) or behind (it has a position of its own, and reads the tape). Who
wants the newest only is served in slots of time, from the board.
"""

from collections.abc import Callable, Hashable, Iterator
from itertools import islice
from typing import Any, Protocol

from ticker.feed.audience import Audience, Frame, LatestAudience, Reader, Waiting, tell
from ticker.feed.bars import Bars
from ticker.feed.board import Board
from ticker.feed.leap import Leap
from ticker.feed.rendering import Dialect
from ticker.feed.slots import Slots
from ticker.feed.tape import UNBOUNDED, Entry, Tape
from ticker.interest import Interest
from ticker.metrics import Metrics
from ticker.ticks import Batch, Position

CHUNK = 32  # audiences composed before the first of them is sent: the kernel leaves little of ours in the caches


Follower = Callable[[list[Entry]], None]
"""Hears of every step once it was handed out. What fails there is its own to deal with."""


class Laggard(Protocol):
    """A reader that is behind."""

    def dropped(self, entry: Entry) -> None:
        """Learn that an entry is no longer kept."""

    def leapt(self, leap: Leap) -> None:
        """Learn that the tape goes on after steps that nobody will have; those up to them are still kept now."""

    def failed(self, error: Exception) -> None:
        """Give up: it could not be served, and the others are to be."""


class Feed:
    """Tape, board, bars and audiences of one market of so many instruments.

    It goes on after step `seq`. The last `steps_max` steps are kept on the tape, fewer where they weigh more than
    `bytes_max`, and the last `bars_kept` bars of an interval.
    """

    def __init__(
        self,
        epoch: str,
        instruments: int,
        steps_max: int,
        bars_kept: int,
        metrics: Metrics,
        bytes_max: int = UNBOUNDED,
        seq: int = 0,
        t: int = 0,
    ) -> None:
        self.tape = Tape(epoch, steps_max, bytes_max, seq, t)
        self.board = Board(instruments)
        self.bars = Bars(bars_kept)
        self.flushed = seq
        self.flushed_us = 0
        """The wall clock at the last flush."""
        self.laggards: dict[Laggard, None] = {}
        self.followers: list[Follower] = []
        self._instruments = instruments
        self._metrics = metrics
        self._audiences: dict[Hashable, Audience] = {}
        self._spare: Audience | None = None
        self._slots: dict[float, Slots] = {}
        self._awaiting: list[Waiting] = []
        self._ahead: Entry | None = None

    @property
    def audiences(self) -> int:
        """How many sets of readers are owed the same bytes."""
        return len(self._audiences) + sum(len(slots.audiences) for slots in self._slots.values())

    @property
    def position(self) -> Position:
        return Position(self.tape.epoch, self.tape.head)

    def publish(self, batch: Batch, emitted_us: int) -> None:
        """Add the next step."""
        if self.flushed < self.tape.head and self.tape.oldest_with(batch) > self.flushed + 1:
            self.flush()  # nothing leaves the tape before it was handed out
        ahead, self._ahead = self._ahead, None
        gone = self.tape.append(batch, emitted_us, ahead.renderings if ahead and ahead.batch is batch else None)
        self.board.update(batch)
        self.bars.note(batch)
        self._metrics.steps += 1
        for entry in gone:
            for laggard in tuple(self.laggards):
                try:
                    laggard.dropped(entry)
                except Exception as error:
                    laggard.failed(error)

    def leap(self, shown: Batch) -> None:
        """Go on after a step although those before it will never come: `shown` is the newest of everything there.

        Everybody who is owed some of what is missing is told how much that is: `n` counts without a hole.
        """
        self.flush()
        leap = Leap(self.tape.head, shown, self.board)
        laggards = tuple(self.laggards)
        for reader in [reader for audience in self._audiences.values() for reader in audience.live] + [*laggards]:
            try:
                reader.leapt(leap)
            except Exception as error:
                reader.failed(error)
        self._ahead = None
        self.tape.leap(shown.seq, shown.t)
        self.flushed = shown.seq
        self.board.replace(shown)

    def prepare(self, batch: Batch) -> None:
        """Do, when there is time, what need not wait for the next step, nor the next step for it."""
        self.board.settle()
        self.bars.settle()
        self._ahead = Entry(batch, 0)
        for audience in islice(self._audiences.values(), CHUNK):
            audience.prepare(self._ahead)

    def flush(self) -> None:
        """Hand out every step since the last flush."""
        entries = list(self.tape.since(self.flushed))
        if not entries:
            return
        self.flushed = self.tape.head
        audiences = tuple(self._audiences.values())
        for start in range(0, len(audiences), CHUNK):
            composed = []
            for audience in audiences[start : start + CHUNK]:
                try:
                    composed.append((audience, *audience.compose(entries)))
                except Exception as error:
                    audience.failed(error)
            for audience, frame, ticks, seq in composed:
                if frame is not None:
                    audience.send(frame, ticks, seq, self._metrics)
        for follower in self.followers:
            follower(entries)
        awaiting, self._awaiting = self._awaiting, []
        tell(awaiting)
        self.settle(entries[-1].emitted_us)

    def settle(self, now_us: int) -> None:
        """Serve those who want the newest only, where it is time: after a flush, and when nothing comes any more."""
        self.flushed_us = now_us
        if not self._slots or self.flushed != self.tape.head:
            return
        for rate_hz, slots in tuple(self._slots.items()):
            slots.flush(self.flushed, now_us, self._metrics)
            if slots.idle:
                del self._slots[rate_hz]

    def await_flush(self, reader: Waiting) -> None:
        """Have `reader.flushed()` called once, after the next flush."""
        self._awaiting.append(reader)

    def await_slot(self, reader: Waiting, rate_hz: float) -> None:
        """Have `reader.flushed()` called once, when the next slot of a rate begins."""
        self._slots_of(rate_hz).awaiting[reader] = None

    def forgo_slot(self, reader: Waiting, rate_hz: float) -> None:
        """Await a slot no longer: one of a low rate may be far off."""
        if rate_hz in self._slots:
            self._slots[rate_hz].awaiting.pop(reader, None)

    def between(self, seq: int, until: int) -> Iterator[Entry]:
        """Yield the entries after `seq` up to `until`. Raises LookupError where the next one is gone."""
        for entry in self.tape.since(seq):
            if entry.batch.seq > until:
                return
            yield entry

    def audience(self, dialect: Dialect, frame: Frame, interest: Interest, own: Audience | None = None) -> Audience:
        """Return the audience of those who are owed these bytes: if there is none, the reader's `own` or a new one."""
        key = (dialect, frame, interest)
        audience = self._audiences.get(key)
        if audience is not None:
            return audience
        if own is not None and own.key == key:
            return own
        if self._spare is None or self._spare.key != key:  # a slow reader alone asks for its own again and again
            self._spare = Audience(dialect, frame, interest, self._instruments)
        return self._spare

    def latest(self, dialect: Dialect, frame: Frame, interest: Interest, rate_hz: float) -> LatestAudience:
        """Return the audience of those who want the newest at a rate, made if there is none.

        Only in a slot of that rate: its readers are to have all up to now.
        """
        found = self._slots_of(rate_hz).audiences.get((dialect, frame, interest, rate_hz))
        return found or LatestAudience(dialect, frame, interest, rate_hz, self.board, self.flushed)

    def join(self, reader: Reader, audience: Audience) -> None:
        """Make a reader live that has had everything its audience has."""
        self._register(audience)[audience.key] = audience
        audience.live[reader] = None

    def leave(self, reader: Reader, audience: Audience) -> None:
        """Take a reader out of its audience; an empty audience is forgotten."""
        del audience.live[reader]
        if not audience.live:
            del self._register(audience)[audience.key]
            self._spare = None

    def _register(self, audience: Audience) -> dict[Hashable, Any]:
        return self._slots_of(audience.rate_hz).audiences if isinstance(audience, LatestAudience) else self._audiences

    def _slots_of(self, rate_hz: float) -> Slots:
        slots = self._slots.get(rate_hz)
        if slots is None:
            slots = self._slots[rate_hz] = Slots(rate_hz, self.flushed_us)
        return slots
