"""Everyone who is owed the very same bytes.

A batch is rendered once per dialect, a message is joined and framed once per audience, and each reader costs one
`offer`. An audience has no cursor of its own: everybody in it has had all that it ever sent.
"""

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Protocol

from ticker.feed.board import Board
from ticker.feed.leap import Leap
from ticker.feed.newest import Newest
from ticker.feed.rendering import Dialect, Selection, form_of
from ticker.feed.tape import Entry
from ticker.interest import Interest
from ticker.metrics import Metrics


class Reader(Protocol):
    """What the feed asks of somebody at the end of a line."""

    @property
    def waits(self) -> bool:
        """Tell whether it may be served a little later than others: then it asks for what is due before all else."""

    def offer(self, frame: bytes, seq: int) -> None:
        """Take a message that is ready to be written and reaches a position."""

    def leapt(self, leap: Leap) -> None:
        """Learn that the tape goes on after steps that nobody will have."""

    def failed(self, error: Exception) -> None:
        """Give up: it could not be served, and the others are to be."""


class Waiting(Protocol):
    """What the feed asks of somebody who waits for something."""

    def flushed(self) -> None:
        """Learn that what was waited for has happened (`Feed.await_flush`, `Feed.await_slot`)."""

    def failed(self, error: Exception) -> None:
        """Give up: it could not be served, and the others are to be."""


Frame = Callable[[bytes, int], bytes]
"""Wraps a message, which reaches a `seq`, for the way it travels."""


class Audience:
    """Readers with the same dialect, framing and interest, who want every tick."""

    __slots__ = ("_form", "_frame", "_selection", "interest", "key", "live", "merged", "messages")

    def __init__(self, dialect: Dialect, frame: Frame, interest: Interest, instruments: int) -> None:
        self.key: Hashable = (dialect, frame, interest)
        self.interest = interest
        self.live: dict[Reader, None] = {}
        self.messages = 0
        """How many messages went out, so that a reader knows its share without counting."""
        self.merged = 0
        """How many ticks were merged into newer ones."""
        self._frame = frame
        self._selection = Selection(interest, instruments)
        self._form = form_of(dialect, self._selection, instruments)

    def render(self, entries: Iterable[Entry], bytes_max: int | None = None) -> tuple[bytes | None, int, int]:
        """Return a framed message (None where nothing is wanted), its ticks, and the `seq` it reaches.

        It ends at the first entry that fills `bytes_max`.
        """
        parts, ticks, size = [], 0, 0
        entry = None
        for entry in entries:
            part, count, weight = self._form.part(entry)
            if count:
                parts.append(part)
                ticks += count
                size += weight
                if bytes_max is not None and size >= bytes_max:
                    break
        if entry is None:
            raise ValueError("nothing to render")
        seq = entry.batch.seq
        if not ticks:
            return None, 0, seq
        return self._frame(self._form.message(seq, entry.emitted_us, parts), seq), ticks, seq

    def count(self, entries: Iterable[Entry]) -> int:
        """Return how many ticks of these entries this audience is owed."""
        return self._selection.count([entry.batch for entry in entries])

    def prepare(self, entry: Entry) -> None:
        """Render what is going to be wanted of an entry."""
        self._form.prepare(entry)

    def compose(self, entries: Sequence[Entry]) -> tuple[bytes | None, int, int]:
        """Return a framed message of all these entries, as `render` does."""
        if len(entries) > 1:
            return self.render(entries)
        entry = entries[0]  # as nearly always, and there may be a thousand audiences
        message, ticks = self._form.single(entry)
        seq = entry.batch.seq
        return None if message is None else self._frame(message, seq), ticks, seq

    def send(self, frame: bytes, ticks: int, seq: int, metrics: Metrics) -> None:
        """Send a message that reaches a position to every live reader."""
        self.serve(tuple(self.live), frame, seq)  # a reader may leave while it is written to
        self._sent(ticks, len(frame), metrics)

    def send_some(self, frame: bytes, ticks: int, seq: int, metrics: Metrics, count: int) -> dict[Reader, None]:
        """Send it to so many of those that may wait, and all others; return those that are still to have it."""
        waiting = [reader for reader in self.live if reader.waits]
        self.serve([reader for reader in self.live if not reader.waits] + waiting[:count], frame, seq)
        self._sent(ticks, len(frame), metrics)
        return dict.fromkeys(waiting[count:])

    def serve(self, readers: Iterable[Reader], frame: bytes, seq: int) -> None:
        """Send a message to some readers."""
        for reader in readers:
            try:
                reader.offer(frame, seq)
            except Exception as error:
                reader.failed(error)

    def _sent(self, ticks: int, size_bytes: int, metrics: Metrics) -> None:
        self.messages += 1
        readers = len(self.live)
        metrics.sent(readers, ticks * readers, size_bytes * readers)

    def failed(self, error: Exception) -> None:
        """Give up its readers: what they are owed cannot be made."""
        for reader in tuple(self.live):
            reader.failed(error)


def tell(waiting: Iterable[Waiting]) -> None:
    """Tell all of them that what they waited for has happened."""
    for reader in waiting:
        try:
            reader.flushed()
        except Exception as error:
            reader.failed(error)


class LatestAudience(Audience):
    """Readers who want the newest only, at one rate; `seq` is where they stand."""

    __slots__ = ("_board", "newest", "rate_hz", "seq")

    def __init__(
        self, dialect: Dialect, frame: Frame, interest: Interest, rate_hz: float, board: Board, seq: int
    ) -> None:
        super().__init__(dialect, frame, interest, board.instruments)
        self.key = (dialect, frame, interest, rate_hz)
        self.rate_hz = rate_hz
        self.seq = seq
        self.newest = Newest(interest, board)
        self._board = board

    def catch_up(self, newest: Newest, seq: int, emitted_us: int) -> tuple[bytes | None, int, int]:
        """Return a framed message of what is new (None if nothing is), its ticks, and how many were merged into it."""
        table, ticks, merged = newest.take(self._board)
        if not ticks:
            return None, 0, 0
        return self._frame(self._form.newest(seq, emitted_us, table), seq), ticks, merged

    def flush_newest(self, seq: int, emitted_us: int, metrics: Metrics) -> None:
        """Send what is new to every live reader."""
        frame, ticks, merged = self.catch_up(self.newest, seq, emitted_us)
        self.seq = seq
        self.merged += merged
        if frame is not None:
            self.send(frame, ticks, seq, metrics)
            metrics.ticks_conflated += merged * len(self.live)
