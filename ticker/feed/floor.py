"""Where venues stand: what they know of the tape together, and a desk for each, at which its clients are served.

A venue's channels are studies of the tape. What they say of a step is a step of the venue's own tape, which has the
same numbers: audiences, laggards and back-pressure are those of every line. Nothing is made that nobody wants: a desk
without clients is idle, and its tape goes on where the market stands when somebody comes.
"""

from collections.abc import Callable, Iterable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ticker.feed.feed import Feed
from ticker.feed.ledger import Ledger
from ticker.feed.line import Line
from ticker.feed.pages import Pages
from ticker.feed.past import Window
from ticker.feed.studies import Working, begin
from ticker.feed.tape import Entry, Tape
from ticker.interest import Interest
from ticker.metrics import Metrics
from ticker.ticks import BOOK, DTYPES, QUOTES, Batch, Rows
from ticker.venue import Study

TAPE_BYTES = 16 * 1024 * 1024  # of a desk, where the feed's may weigh more; it has as many steps, if they weigh less


class Member(Protocol):
    """A client at a desk."""

    def lost(self, reason: str) -> None:
        """Go: what is owed cannot be had any more."""


class Floor:
    """What all venues know: trades and sums, and, while somebody is there, quotes and books as they stand."""

    def __init__(self, feed: Feed, instruments: int, size_bytes: int, fault: Callable[[Exception], None]) -> None:
        self.feed = feed
        self.instruments = instruments
        past = list(feed.between(feed.tape.oldest - 1, feed.flushed))  # what is not handed out yet comes by `follow`
        self.ledger = Ledger(instruments, past[0].batch.t if past else feed.tape.t, size_bytes)
        self.ledger.follow(past)
        self.pages = Pages()
        self.quotes: Rows = np.zeros(instruments, DTYPES[QUOTES])
        self.book_n: NDArray[np.int64] = np.zeros(instruments, np.int64)
        self._size_bytes = size_bytes
        self._fault = fault
        self._desks: list[Desk] = []
        self._active: list[Desk] = []
        self._book_readers = np.zeros(instruments, np.int64)
        self._windows: dict[int, Window] = {}
        feed.followers.append(self.follow)
        feed.leaps.append(self.leapt)

    def desk(self, study: Callable[[str], Study], metrics: Metrics) -> "Desk":
        """Return a desk for a venue whose channels are these studies."""
        desk = Desk(self, study, metrics)
        self._desks.append(desk)
        return desk

    def follow(self, entries: Iterable[Entry]) -> None:
        """Take in steps that were handed out, and hand out what the desks make of them."""
        for entry in entries:
            self.ledger.follow((entry,))
            if self._active:
                self._take(entry.batch)
                for desk in tuple(self._active):
                    self._tried(desk, lambda desk=desk, entry=entry: desk.take(entry))  # type: ignore[misc]
        for desk in tuple(self._active):
            self._tried(desk, desk.line.flush)

    def _tried(self, desk: "Desk", act: Callable[[], object]) -> None:
        """Have a desk do something; where it fails its clients are lost, and nobody else."""
        try:
            act()
        except Exception as error:
            self._fault(error)
            desk.lose("fault")

    def _take(self, batch: Batch) -> None:
        books, quotes = batch.rows[BOOK], batch.rows[QUOTES]
        self.pages.take(books)
        if len(books):
            self.book_n[books["instrument"]] = books["n"]
        if len(quotes):
            self.quotes.put(quotes["instrument"], quotes)

    def leapt(self) -> None:
        """Begin anew after a hole in the tape."""
        self.ledger = Ledger(self.instruments, self.feed.tape.t, self._size_bytes)
        self._windows.clear()
        for desk in self._desks:
            desk.lose("source")

    def window(self, window_us: int) -> Window:
        """Return the sums of a length of time, in minutes, kept between those who ask."""
        found = self._windows.get(window_us)
        if found is None:
            found = self._windows[window_us] = Window(self.ledger.minutes)
        return found

    def standing_quotes(self) -> Rows:
        """Return the newest quote of each instrument at the head of the tape, `n` 0 where there was none."""
        quotes: Rows = np.zeros(self.instruments, DTYPES[QUOTES])
        rows = self.feed.board.newest(QUOTES, np.arange(self.instruments))
        quotes.put(rows["instrument"], rows)
        return quotes

    def activate(self, desk: "Desk") -> None:
        """Have a desk at work from now on."""
        if not self._active:
            self.quotes = self.standing_quotes()
            self.book_n[:] = self.feed.board.counts(BOOK)
        self._active.append(desk)

    def rest(self, desk: "Desk") -> None:
        """Have a desk idle."""
        self._active.remove(desk)

    def read_books(self, instruments: list[int]) -> None:
        """Follow these books."""
        for i in instruments:
            self._book_readers[i] += 1
            if self._book_readers[i] == 1:
                self.pages.open(i, self.feed.board.newest(BOOK, [i]))

    def leave_books(self, instruments: list[int]) -> None:
        """Follow them no longer, where nobody else reads them."""
        for i in instruments:
            self._book_readers[i] -= 1
            if not self._book_readers[i]:
                self.pages.close(i)


class Channel:
    """A study that somebody wants: how many want each instrument."""

    def __init__(self, study: Study, working: Working, instruments: int) -> None:
        self.study = study
        self.working = working
        self.readers = np.zeros(instruments, np.int64)
        self.who = np.zeros(instruments, np.bool_)

    def count(self, instruments: list[int], by: int) -> list[int]:
        """Count readers of instruments in or out; return those that are wanted now and were not, or the reverse."""
        self.readers[instruments] += by
        edge = 1 if by > 0 else 0
        self.who = self.readers > 0
        return [i for i in instruments if self.readers[i] == edge]


class Desk:
    """A venue's tape, and what is on it."""

    def __init__(self, floor: Floor, study: Callable[[str], Study], metrics: Metrics) -> None:
        whole = floor.feed.tape
        tape = Tape(whole.epoch, whole.steps_max, min(TAPE_BYTES, whole.bytes_max), whole.head, whole.t)
        self.line = Line(tape, floor.instruments, metrics)
        self.members: dict[Member, None] = {}
        self._floor = floor
        self._study = study
        self._channels: dict[str, Channel] = {}

    def change(self, before: Interest, after: Interest) -> None:
        """Note that somebody wants something else from the head of the tape on, which has been handed out."""
        added, removed = after - before, before - after
        if added and not self._channels:
            self._wake()
        for channel in added.channels:
            self._want(channel, added.indices(channel))
        for channel in removed.channels:
            self._forgo(channel, removed.indices(channel))
        if removed and not self._channels:
            self._floor.rest(self)

    def take(self, entry: Entry) -> None:
        """Put what the studies say of a step on the tape."""
        batch = entry.batch
        rows = {name: channel.working.rows(batch, channel.who) for name, channel in self._channels.items()}
        self.line.publish(Batch(batch.seq, batch.t, rows), entry.emitted_us)

    def lose(self, reason: str) -> None:
        """Send everybody away."""
        for member in tuple(self.members):
            member.lost(reason)

    def _wake(self) -> None:
        tape = self._floor.feed.tape
        self.line.tape.leap(tape.head, tape.t)
        self.line.flushed = tape.head
        self._floor.activate(self)

    def _want(self, name: str, instruments: list[int]) -> None:
        channel = self._channels.get(name)
        if channel is None:
            study = self._study(name)
            working = begin(study, self._floor, self._floor.feed.tape.t)
            channel = self._channels[name] = Channel(study, working, self._floor.instruments)
        new = channel.count(instruments, 1)
        if channel.study.channel == BOOK:
            self._floor.read_books(new)

    def _forgo(self, name: str, instruments: list[int]) -> None:
        channel = self._channels[name]
        gone = channel.count(instruments, -1)
        if channel.study.channel == BOOK:
            self._floor.leave_books(gone)
        if not channel.who.any():
            del self._channels[name]
