"""A client's order books, rebuilt from the rows of the `book` channel, and the proof that they are the server's.

A row sets one level of one side; size 0 takes it away. Rows are counted by `n`: the next one joins, one that is known
already is left out, one beyond the next is a hole, and what follows a hole is not taken. A row that is `fresh` begins
the book anew, and all rows up to the next checksum then have its `n`. A book of which nothing has come is empty, and
its first row is number 1.

The checksum stands on the last row of a step. It is the CRC-32 (zlib, ISO 3309) of 320 ASCII characters: the ten asks,
best first, then the ten bids, best first, each as the price in ticks and the size in 8 lower-case hexadecimal digits
each; a level that is not there is 16 zeros.

A book that turned out wrong is to be asked for anew, once: where that does not help, it is the server that is wrong.
"""

import struct
from collections.abc import Collection, Iterable, Sequence
from enum import Enum
from itertools import chain
from typing import NamedTuple
from zlib import crc32

from msgspec import UNSET

from ticker.session.kinds import Book as BookTick
from ticker.session.kinds import Tick
from ticker.session.messages import Listing
from ticker.ticks import ASK, BID, LEVELS, NO_CRC, Rows

PROOFS_TO_ASK_AGAIN = 100
"""Checks in a row after which a book that was asked for anew has earned to be asked for another time."""
_SIDE = struct.Struct(f">{2 * LEVELS}I")  # whose bytes in hexadecimal are the text of a side
_BLANKS = [(0,) * (2 * (LEVELS - count)) for count in range(LEVELS + 1)]
_FIELDS = ["instrument", "n", "t", "side", "price_ticks", "size", "crc", "fresh"]


class Level(NamedTuple):
    """A price in ticks, and how much is wanted or offered there."""

    price_ticks: int
    size: int


class Change(NamedTuple):
    """A row of the `book` channel: one level of one side, BID or ASK; `crc` is NO_CRC where none stands there."""

    n: int
    t: int
    side: int
    price_ticks: int
    size: int
    crc: int
    fresh: int


class Verdict(Enum):
    """What a row told of the book: nothing, that it is right, that it is wrong, or that rows before it are missing."""

    NOTHING = 0
    PROVED = 1
    WRONG = 2
    HOLE = 3


def checksum(asks: Sequence[tuple[int, int]], bids: Sequence[tuple[int, int]]) -> int:
    """Return the CRC-32 of levels, price in ticks and size, best first, of which the first ten of each side count.

    NO_CRC where a number does not fit into 8 digits.
    """
    try:
        return crc32((_side_text(asks[:LEVELS]) + _side_text(bids[:LEVELS])).encode())
    except struct.error:
        return NO_CRC


def _side_text(levels: Sequence[tuple[int, int]]) -> str:
    return _SIDE.pack(*chain.from_iterable(levels), *_BLANKS[len(levels)]).hex()


class Book:
    """The levels of one symbol; `n` and `t` are those of the newest row."""

    __slots__ = ("_beginning", "_sides", "n", "t", "verified", "whole")

    def __init__(self) -> None:
        self.n = 0
        self.t = 0
        self.whole = True
        """Whether no row is missing, and no checksum was wrong."""
        self.verified = False
        """Whether a checksum has proved the book as it stands."""
        self._sides: tuple[dict[int, int], dict[int, int]] = ({}, {})  # by BID and ASK: size by price
        self._beginning = False  # between a fresh row and its checksum, where `n` does not rise

    @property
    def bids(self) -> list[Level]:
        """What is wanted, best first."""
        return [Level(*level) for level in sorted(self._sides[BID].items(), reverse=True)]

    @property
    def asks(self) -> list[Level]:
        """What is offered, best first."""
        return [Level(*level) for level in sorted(self._sides[ASK].items())]

    @property
    def best_bid(self) -> Level | None:
        """The highest that somebody would pay."""
        side = self._sides[BID]
        return Level(price := max(side), side[price]) if side else None

    @property
    def best_ask(self) -> Level | None:
        """The lowest that somebody would sell at."""
        side = self._sides[ASK]
        return Level(price := min(side), side[price]) if side else None

    def checksum(self) -> int:
        """Return the CRC-32 of the book as it stands."""
        return checksum(sorted(self._sides[ASK].items()), sorted(self._sides[BID].items(), reverse=True))

    def verify(self, crc: int) -> bool:
        """Note, and tell, whether the book has this checksum, and no level beyond the ten of a side."""
        self.verified = self.whole and max(map(len, self._sides)) <= LEVELS and self.checksum() == crc
        self.whole = self.verified
        return self.verified

    def lose(self) -> None:
        """Take nothing more until the book begins anew."""
        self.whole = self.verified = False

    def take(self, change: Change) -> Verdict:
        """Take a row in, if it is news and joins what is known."""
        if not self._joins(change):
            return Verdict.NOTHING
        if not self.whole:
            return Verdict.HOLE
        self.n, self.t = change.n, change.t
        self.verified = False
        side = self._sides[change.side]
        if change.size:
            side[change.price_ticks] = change.size
        else:
            side.pop(change.price_ticks, None)
        if change.crc == NO_CRC:
            return Verdict.NOTHING
        self._beginning = False
        return Verdict.PROVED if self.verify(change.crc) else Verdict.WRONG

    def _joins(self, change: Change) -> bool:
        """Tell whether a row is news to a book that is whole; one beyond the next has it be whole no more."""
        if change.fresh and change.n >= self.n:
            for side in self._sides:
                side.clear()
            self.whole = self._beginning = True
            return True
        if not self.whole or change.n < self.n + (not self._beginning):
            return False
        if change.n > self.n + (not self._beginning):
            self.lose()
        return True


class Grid(NamedTuple):
    """Where prices lie: one of k ticks is k x units / scale in money."""

    units: int
    scale: int

    def money(self, price_ticks: int) -> float:
        """Return a price in money."""
        return price_ticks * self.units / self.scale

    def ticks(self, money: float) -> int:
        """Return a price in ticks."""
        return round(money * self.scale / self.units)


class Books:
    """The books of all symbols of which rows have come.

    `passed` and `failed` count the checksums that were right and wrong, `holes` how often rows were missing.
    """

    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0
        self.holes = 0
        self._books: dict[str, Book] = {}
        self._symbols: list[str] = []
        self.grids: dict[str, Grid] = {}
        """Where the prices of each symbol lie; nothing until somebody has said it."""
        self._wrong: dict[str, None] = {}  # in their order
        self._asked: dict[str, int] = {}  # for anew, and how many proofs are due since then

    def learn(self, listing: Listing) -> None:
        """Have the instruments numbered, and their prices lie, like this from now on."""
        self._symbols = listing.symbols
        scales = [10**digits for digits in listing.decimals]
        units = [round(size * scale) for size, scale in zip(listing.tick_sizes, scales, strict=True)]
        self.grids = dict(zip(listing.symbols, map(Grid, units, scales), strict=True))

    def find(self, symbol: str) -> Book | None:
        """Return a symbol's book; None where nothing of it has come."""
        return self._books.get(symbol)

    def keep(self, symbols: Collection[str]) -> None:
        """Forget the books of all other symbols: what is subscribed again later begins anew."""
        self._books = {symbol: book for symbol, book in self._books.items() if symbol in symbols}
        self._wrong = {symbol: None for symbol in self._wrong if symbol in symbols}

    def clear(self) -> None:
        """Begin anew: it is another tape."""
        self._books.clear()
        self._wrong.clear()
        self._asked.clear()

    def to_ask_anew(self) -> list[str]:
        """Return, once, the symbols whose book turned out wrong and should be asked for from a snapshot on."""
        wrong, self._wrong = list(self._wrong), {}
        return wrong

    def take(self, ticks: Iterable[Tick]) -> None:
        """Take in those ticks that are about books, in the order of the tape."""
        for tick in ticks:
            if isinstance(tick, BookTick):
                grid = self.grids.get(tick.sym)
                if grid is None:  # nobody has said where its prices lie
                    self._books.setdefault(tick.sym, Book()).lose()
                    self._note_wrong(tick.sym)
                else:
                    self._take(tick.sym, _change(tick, grid))

    def take_rows(self, rows: Rows) -> None:
        """Take in rows of the book in the order of the tape. Raises IndexError for an instrument that nobody listed."""
        for number, *fields in rows[_FIELDS].tolist():
            self._take(self._symbols[number], Change(*fields))

    def _take(self, symbol: str, change: Change) -> None:
        book = self._books.get(symbol)
        if book is None:
            book = self._books[symbol] = Book()
        verdict = book.take(change)
        if verdict is Verdict.PROVED:
            self.passed += 1
            if symbol in self._asked:
                self._count_proof(symbol)
        elif verdict is not Verdict.NOTHING:
            self.failed += verdict is Verdict.WRONG
            self.holes += verdict is Verdict.HOLE
            self._note_wrong(symbol)

    def _count_proof(self, symbol: str) -> None:
        self._asked[symbol] -= 1
        if not self._asked[symbol]:
            del self._asked[symbol]

    def _note_wrong(self, symbol: str) -> None:
        if symbol not in self._asked:
            self._wrong[symbol] = None
        self._asked[symbol] = PROOFS_TO_ASK_AGAIN


def _change(tick: BookTick, grid: Grid) -> Change:
    return Change(
        tick.n,
        tick.t,
        ASK if tick.side == "ask" else BID,
        grid.ticks(tick.px),
        tick.sz,
        NO_CRC if tick.crc is UNSET else tick.crc,
        tick.fresh is True,
    )
