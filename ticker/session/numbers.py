"""The proof that nothing is missing: `n` counts every symbol's ticks on a channel without a hole.

The newest `n` of each symbol is kept as a table by symbol, for ticks that come one by one, or as an array by the number
of the instrument, for rows that come in arrays; it goes from one form into the other when the other is asked for. Zero
stands for a symbol of which nothing has come. A negative `n` is one that need not be followed by the next one: a jump
was announced. Either form finds the same: a hole is a `Gap`, whatever does not rise is a repeat. The rows of an image
of a book, which its first row announces (`fresh`), have one `n` and count as one.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ticker.session.kinds import KINDS, Book, Tick
from ticker.ticks import BOOK, CHANNELS, Rows

EVERYTHING = "*"


class Gap(NamedTuple):
    """Ticks of a symbol that were not received: those after `after_n` and before `before_n`."""

    channel: str
    symbol: str
    after_n: int
    before_n: int


class Numbers:
    """The newest `n` of every symbol on every channel.

    `missed` counts the ticks proved missing, `repeated` those that came twice or late, `merged` those left out on
    purpose, in favour of newer ones.
    """

    def __init__(self) -> None:
        self.missed = 0
        self.repeated = 0
        self.merged = 0
        self.gaps: list[Gap] = []
        self.merging = False
        """Whether only the newest is wanted: then a jump is a merge, and nothing else is looked at."""
        self._symbols: list[str] = []
        self._tables: dict[type[Tick], dict[str, int]] = {kind: {} for kind in KINDS.values()}
        self._arrays: dict[str, NDArray[np.int64]] = {}
        """By channel; empty while the tables are what counts."""

    def number(self, symbols: list[str]) -> None:
        """Have instruments numbered like this from now on."""
        if symbols != self._symbols:
            self._by_symbol()
            self._symbols = symbols

    def clear(self) -> None:
        """Begin anew."""
        self._arrays = {}
        for table in self._tables.values():
            table.clear()

    def loosen(self) -> None:
        """Let every symbol go on with any `n`, once."""
        for channel, array in self._arrays.items():
            self._arrays[channel] = -np.abs(array)
        for kind, table in self._tables.items():
            self._tables[kind] = {symbol: -abs(n) for symbol, n in table.items()}

    def keep(self, subscriptions: dict[str, list[str]]) -> None:
        """Forget all but these symbols, by channel: what is subscribed again later begins anew."""
        tables = self._by_symbol()
        for channel, kind in KINDS.items():
            kept = set(subscriptions.get(channel, ()))
            if EVERYTHING not in kept:
                tables[kind] = {symbol: n for symbol, n in tables[kind].items() if symbol in kept}

    # Ticks one by one.

    def news(self, ticks: list[Tick]) -> list[Tick]:
        """Return those that are not known yet."""
        tables = self._by_symbol()
        return [tick for tick in ticks if tick.n > abs(tables[type(tick)].get(tick.sym, 0))]

    def follow(self, ticks: list[Tick]) -> None:
        """Take note of ticks in the order of the tape."""
        tables = self._by_symbol()
        image: Book | None = None  # a book's, which the last row belongs to
        for tick in ticks:
            table = tables[type(tick)]
            symbol, n = tick.sym, tick.n
            if isinstance(tick, Book):
                if image is not None and not tick.fresh and (n, symbol) == (image.n, image.sym):
                    continue
                image = tick if tick.fresh else None
            last = table.get(symbol, 0)
            if n - last == 1 or last <= 0 or self._judge(tick.channel, symbol, last, n):
                table[symbol] = n

    def show(self, ticks: list[Tick]) -> None:
        """Take note of the newest ticks: what lies between them and the last ones we had was not received."""
        tables = self._by_symbol()
        for tick in ticks:
            table = tables[type(tick)]
            last = table.get(tick.sym, 0)
            if last > 0 and tick.n > last + 1:
                self._judge(tick.channel, tick.sym, last, tick.n)
            table[tick.sym] = max(tick.n, abs(last))

    def _judge(self, channel: str, symbol: str, last: int, n: int) -> bool:
        """Take note of a tick that is not the next one; tell whether the following ones are counted from it."""
        if n > last:
            if self.merging:
                self.merged += n - last - 1
            else:
                self.missed += n - last - 1
                self.gaps.append(Gap(channel, symbol, last, n))
        elif not self.merging:
            self.repeated += 1
        return n > last

    def _by_symbol(self) -> dict[type[Tick], dict[str, int]]:
        for channel, array in self._arrays.items():
            table = self._tables[KINDS[channel]]
            for number in np.flatnonzero(array).tolist():
                table[self._symbols[number]] = int(array[number])
        self._arrays = {}
        return self._tables

    # Rows in arrays.

    def news_in(self, channel: str, rows: Rows) -> Rows:
        """Return those rows that are not known yet."""
        news: Rows = rows[rows["n"] > np.abs(self._by_number()[channel][rows["instrument"]])]
        return news

    def follow_rows(self, channel: str, rows: Rows) -> None:
        """Take note of rows in the order of the tape. Raises IndexError for an instrument without a symbol."""
        if channel == BOOK:
            rows = _images_as_one(rows)
        array = self._by_number()[channel]
        who, n = rows["instrument"], rows["n"]
        if not np.logical_and.reduce(who[1:] > who[:-1]):
            order = np.argsort(who, kind="stable")
            who, n = who[order], n[order]
            last = array[who]
            again = np.flatnonzero(who[1:] == who[:-1]) + 1
            last[again] = n[again - 1]
        else:
            last = array[who]
        wrong = n != last + 1
        if np.logical_or.reduce(wrong) and np.logical_or.reduce(wrong := wrong & (last > 0)):
            self._follow_singly(channel, array, rows, np.isin(rows["instrument"], who[wrong]))
        else:
            array[who] = n  # the last one stays, where there are several

    def _follow_singly(self, channel: str, array: NDArray[np.int64], rows: Rows, doubted: NDArray[np.bool_]) -> None:
        """Take note of rows; those in doubt are looked at one by one."""
        sure = rows[~doubted]
        array[sure["instrument"]] = sure["n"]
        for number, n in rows[["instrument", "n"]][doubted].tolist():
            last = int(array[number])
            if n - last == 1 or last <= 0 or self._judge(channel, self._symbols[number], last, n):
                array[number] = n

    def show_rows(self, channel: str, rows: Rows) -> None:
        """Take note of the newest rows, one an instrument or an image of its book."""
        if channel == BOOK:
            rows = _images_as_one(rows)
        array = self._by_number()[channel]
        who, n = rows["instrument"], rows["n"]
        last = array[who]
        for place in np.flatnonzero((last > 0) & (n > last + 1)).tolist():
            self._judge(channel, self._symbols[who[place]], int(last[place]), int(n[place]))
        array[who] = np.maximum(n, np.abs(last))

    def _by_number(self) -> dict[str, NDArray[np.int64]]:
        if not self._arrays:
            self._arrays = {channel: self._numbered(self._tables[KINDS[channel]]) for channel in CHANNELS}
            for table in self._tables.values():
                table.clear()
        return self._arrays

    def _numbered(self, table: dict[str, int]) -> NDArray[np.int64]:
        if not table:
            return np.zeros(len(self._symbols), np.int64)
        return np.array([table.get(symbol, 0) for symbol in self._symbols], np.int64)


def _images_as_one(rows: Rows) -> Rows:
    """Return rows of books, of each image the first one only."""
    if not np.logical_or.reduce(rows["fresh"]):
        return rows
    first = np.ones(len(rows), np.bool_)
    first[1:] = (rows["instrument"][1:] != rows["instrument"][:-1]) | (rows["n"][1:] != rows["n"][:-1])
    first |= rows["fresh"] != 0
    image = rows["fresh"][first][np.cumsum(first) - 1] != 0
    counted: Rows = rows[first | ~image]
    return counted
