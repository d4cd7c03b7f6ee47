"""The one place every tick passes: on to the tape, the board and the bars, then out to every audience.

It is a line that remembers the newest of everything: who wants that only is served in slots of time, from the board.
"""

from collections.abc import Callable, Hashable
from itertools import islice
from typing import Any

from ticker.feed.audience import Audience, Frame, LatestAudience, Waiting
from ticker.feed.bars import Bars
from ticker.feed.board import Board
from ticker.feed.leap import Leap
from ticker.feed.line import CHUNK, Line
from ticker.feed.rendering import Dialect
from ticker.feed.slots import Slots
from ticker.feed.tape import UNBOUNDED, Entry, Tape
from ticker.interest import Interest
from ticker.metrics import Metrics
from ticker.ticks import Batch


class Feed(Line):
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
        super().__init__(Tape(epoch, steps_max, bytes_max, seq, t), instruments, metrics)
        self.board = Board(instruments)
        self.bars = Bars(bars_kept)
        self.flushed_us = 0
        """The wall clock at the last flush."""
        self.leaps: list[Callable[[], None]] = []
        """Told that the tape goes on after a hole, once it does."""
        self._slots: dict[float, Slots] = {}
        self._ahead: Entry | None = None

    @property
    def audiences(self) -> int:
        """How many sets of readers are owed the same bytes."""
        return super().audiences + sum(len(slots.audiences) for slots in self._slots.values())

    def publish(self, batch: Batch, emitted_us: int) -> None:
        """Add the next step."""
        self._make_room(batch)
        ahead, self._ahead = self._ahead, None
        gone = self.tape.append(batch, emitted_us, ahead.renderings if ahead and ahead.batch is batch else None)
        self.board.update(batch)
        self.bars.note(batch)
        self._metrics.steps += 1
        self._drop(gone)

    def leap(self, shown: Batch) -> None:
        """Go on after a step although those before it will never come: `shown` is the newest of everything there.

        Everybody who is owed some of what is missing is told how much that is: `n` counts without a hole.
        """
        self.flush()
        self.finish()
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
        for told in self.leaps:
            told()

    def prepare(self, batch: Batch) -> None:
        """Do, when there is time, what need not wait for the next step, nor the next step for it."""
        self.board.settle()
        self.bars.settle()
        self._ahead = Entry(batch, 0)
        for audience in islice(self._audiences.values(), CHUNK):
            audience.prepare(self._ahead)

    def flush(self) -> list[Entry]:
        """Hand out every step since the last flush, and return them."""
        entries = super().flush()
        if entries:
            self.settle(entries[-1].emitted_us)
        return entries

    def settle(self, now_us: int) -> None:
        """Serve those who want the newest only, where it is time: after a flush, and when nothing comes any more."""
        self.flushed_us = now_us
        if not self._slots or self.flushed != self.tape.head:
            return
        for rate_hz, slots in tuple(self._slots.items()):
            slots.flush(self.flushed, now_us, self._metrics)
            if slots.idle:
                del self._slots[rate_hz]

    def await_slot(self, reader: Waiting, rate_hz: float) -> None:
        """Have `reader.flushed()` called once, when the next slot of a rate begins."""
        self._slots_of(rate_hz).awaiting[reader] = None

    def forgo_slot(self, reader: Waiting, rate_hz: float) -> None:
        """Await a slot no longer: one of a low rate may be far off."""
        if rate_hz in self._slots:
            self._slots[rate_hz].awaiting.pop(reader, None)

    def latest(self, dialect: Dialect, frame: Frame, interest: Interest, rate_hz: float) -> LatestAudience:
        """Return the audience of those who want the newest at a rate, made if there is none.

        Only in a slot of that rate: its readers are to have all up to now.
        """
        found = self._slots_of(rate_hz).audiences.get((dialect, frame, interest, rate_hz))
        return found or LatestAudience(dialect, frame, interest, rate_hz, self.board, self.flushed)

    def _register(self, audience: Audience) -> dict[Hashable, Any]:
        return self._slots_of(audience.rate_hz).audiences if isinstance(audience, LatestAudience) else self._audiences

    def _slots_of(self, rate_hz: float) -> Slots:
        slots = self._slots.get(rate_hz)
        if slots is None:
            slots = self._slots[rate_hz] = Slots(rate_hz, self.flushed_us)
        return slots
