"""A reader of the book that only sets and deletes, and proves what it has by the checksum, as the protocol says."""

import zlib
from dataclasses import dataclass, field
from typing import NamedTuple

from ticker.session.messages import Book
from ticker.ticks import ASK, BID, LEVELS, NO_CRC

Side = dict[int, int]
"""Size by price in ticks."""


class Change(NamedTuple):
    """One row of the channel."""

    instrument: int
    n: int
    side: int
    price: int
    size: int
    crc: int
    fresh: bool

    @classmethod
    def of(cls, instrument: int, tick: Book, units: int = 100) -> "Change":
        """Return what a tick says; `units` is how many ticks of a price are one in money."""
        side, price = ASK if tick.side == "ask" else BID, round(tick.px * units)
        crc = tick.crc if isinstance(tick.crc, int) else NO_CRC
        return cls(instrument, tick.n, side, price, tick.sz, crc, bool(tick.fresh))


@dataclass
class Standing:
    """One instrument's book, by side, as of `n`; `shown` while an image of it is being read."""

    n: int
    shown: bool
    sides: tuple[Side, Side] = field(default_factory=lambda: ({}, {}))

    @property
    def checksum(self) -> int:
        asks, bids = sorted(self.sides[ASK].items()), sorted(self.sides[BID].items(), reverse=True)
        sides = [[*levels, *[(0, 0)] * (LEVELS - len(levels))] for levels in (asks, bids)]
        text = "".join(f"{price:08x}{size:08x}" for levels in sides for price, size in levels)
        assert len(text) == 2 * LEVELS * 16, "at most ten levels a side"
        return zlib.crc32(text.encode())


class BookReader:
    """The books of all instruments that are known: since they were shown, and as long as no `n` is missing."""

    def __init__(self) -> None:
        self.books: dict[int, Standing] = {}
        self.proved = 0
        """How many checksums were right."""

    def take(self, change: Change) -> Standing | None:
        """Take a row; return the book if that row proves it."""
        book = self._follow(change)
        if book is None:
            return None
        book.n = change.n
        side = book.sides[change.side]
        side.pop(change.price, None)
        if change.size:
            side[change.price] = change.size
        if change.crc == NO_CRC:
            return None
        book.shown = False
        assert book.checksum == change.crc, (change, book)
        self.proved += 1
        return book

    def _follow(self, change: Change) -> Standing | None:
        """Return the book that a row belongs to, None where it is unknown or has had that row."""
        book = self.books.get(change.instrument)
        if change.fresh:
            assert book is None or change.n >= book.n, "an image is of now"
            book = self.books[change.instrument] = Standing(change.n, shown=True)
        elif book is None and change.n == 1:
            book = self.books[change.instrument] = Standing(0, shown=False)
        elif book is not None and change.n > book.n + 1:
            del self.books[change.instrument]
            return None
        elif book is not None and change.n <= book.n and not (book.shown and change.n == book.n):
            return None
        return book
