"""A tape and everybody who reads every step of it: live in an audience, or behind with a position of their own.

Rules: `publish` adds a step, `flush` hands out all steps since the last flush. A reader is either live (it has had
everything up to `flushed`, and is in its audience) or behind, and reads the tape. Where very many are live, those that
may wait are served a little later, so many at once: between two lots others have a word. Each of them asks for what is
`due` to it before anything else is done for it, so that to itself it was served with the first.
"""

from collections.abc import Callable, Hashable, Iterator
from itertools import islice
from typing import Any, NamedTuple, Protocol

from ticker.feed.audience import Audience, Frame, Reader, Waiting, tell
from ticker.feed.leap import Leap
from ticker.feed.rendering import Dialect
from ticker.feed.tape import Entry, Tape
from ticker.interest import Interest
from ticker.metrics import Metrics
from ticker.ticks import Batch, Position

AT_ONCE = 400  # readers that are written to before others have a word: some 4 ms
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


class Due(NamedTuple):
    """A message that some readers of an audience are still to have."""

    audience: Audience
    frame: bytes
    seq: int
    readers: dict[Reader, None]


class Line:
    """A tape of so many instruments, and its audiences."""

    def __init__(self, tape: Tape, instruments: int, metrics: Metrics) -> None:
        self.tape = tape
        self.flushed = tape.head
        self.laggards: dict[Laggard, None] = {}
        self.followers: list[Follower] = []
        self.soon: Callable[[Callable[[], None]], object] | None = None
        """Has something done a little later; without it all are served at once."""
        self.unsent: list[Due] = []
        """What is still to be sent, which `soon` will see to."""
        self._called = False
        self._instruments = instruments
        self._metrics = metrics
        self._audiences: dict[Hashable, Audience] = {}
        self._spare: Audience | None = None
        self._awaiting: list[Waiting] = []

    @property
    def audiences(self) -> int:
        """How many sets of readers are owed the same bytes."""
        return len(self._audiences)

    @property
    def position(self) -> Position:
        return Position(self.tape.epoch, self.tape.head)

    def publish(self, batch: Batch, emitted_us: int) -> None:
        """Add the next step."""
        self._make_room(batch)
        self._drop(self.tape.append(batch, emitted_us))

    def _make_room(self, batch: Batch) -> None:
        if self.flushed < self.tape.head and self.tape.oldest_with(batch) > self.flushed + 1:
            self.flush()  # nothing leaves the tape before it was handed out

    def _drop(self, gone: list[Entry]) -> None:
        for entry in gone:
            for laggard in tuple(self.laggards):
                try:
                    laggard.dropped(entry)
                except Exception as error:
                    laggard.failed(error)

    def flush(self) -> list[Entry]:
        """Hand out every step since the last flush, and return them."""
        self.finish()
        entries = list(self.tape.since(self.flushed))
        if not entries:
            return entries
        self.flushed = self.tape.head
        left = AT_ONCE
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
                    count = len(audience.live)
                    if count <= left or self.soon is None:
                        audience.send(frame, ticks, seq, self._metrics)
                    else:
                        later = audience.send_some(frame, ticks, seq, self._metrics, max(0, left))
                        if later:
                            self.unsent.append(Due(audience, frame, seq, later))
                    left -= count
        self._go_on_soon()
        for follower in self.followers:
            follower(entries)
        awaiting, self._awaiting = self._awaiting, []
        tell(awaiting)
        return entries

    def due(self, reader: Reader) -> None:
        """Send a reader what it is still to have: before it is told anything else, or leaves."""
        for due in self.unsent:
            if reader in due.readers:
                del due.readers[reader]
                due.audience.serve((reader,), due.frame, due.seq)

    def _send_more(self) -> None:
        """Serve some of those that wait."""
        self._called = False
        left = AT_ONCE
        while self.unsent and left > 0:
            due = self.unsent[0]
            lot = list(islice(due.readers, left))
            left -= len(lot)
            for reader in lot:  # which may leave on the way
                if reader in due.readers:
                    del due.readers[reader]
                    due.audience.serve((reader,), due.frame, due.seq)
            if not due.readers:
                self.unsent.pop(0)
        self._go_on_soon()

    def _go_on_soon(self) -> None:
        if self.unsent and self.soon is not None and not self._called:
            self._called = True
            self.soon(self._send_more)

    def finish(self) -> None:
        """Serve everybody who waits."""
        unsent, self.unsent = self.unsent, []
        for due in unsent:
            due.audience.serve(tuple(due.readers), due.frame, due.seq)

    def await_flush(self, reader: Waiting) -> None:
        """Have `reader.flushed()` called once, after the next flush."""
        self._awaiting.append(reader)

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

    def _register(self, audience: Audience) -> dict[Hashable, Any]:  # noqa: ARG002  # one for all
        return self._audiences
