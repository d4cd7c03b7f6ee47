"""Rows of somebody's own file, sorted out: what is a trade, what a quote, and what neither, counted by its reason.

On the way all is learnt that a tape needs to know before its first step: symbols, how fine prices and sizes are, the
minutes in which anything happens.
"""

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ticker.links import own_data_cells as cells
from ticker.links.own_data_cells import Place, Times
from ticker.links.own_data_files import Block
from ticker.links.own_data_grid import Fineness, Grid
from ticker.links.own_data_store import Store
from ticker.links.own_data_symbols import SYMBOLS_MAX, Symbols
from ticker.ticks import Rows

MINUTE_US = 60_000_000
START_MAX_US = 7_258_118_400_000_000  # the year 2200, as everywhere
_HEAD: list[Any] = [("t", "<i8"), ("i", "<i4")]
TRADE = np.dtype([*_HEAD, ("side", "<i1"), ("px", "<f8"), ("sz", "<f8")])
QUOTE = np.dtype([*_HEAD, ("bid", "<f8"), ("bsz", "<f8"), ("ask", "<f8"), ("asz", "<f8")])
TRADES_ARE = {"trade", "trades", "t", "tick"}
QUOTES_ARE = {"quote", "quotes", "q", "bbo", "nbbo"}
STRICT = ("ch", "channel")
"""Columns whose words are kinds of rows whatever they say; others may be called `type` for another reason."""

Bools = NDArray[np.bool_]


class Sieve:
    """What the rows of one file come to."""

    def __init__(self, file: str, row: str, columns: dict[str, str], symbol: str, grid: Grid | None) -> None:
        self.symbols = Symbols(file)
        self.trades, self.quotes = Store(TRADE), Store(QUOTE)
        self.left_out: Counter[str] = Counter()
        self.first_out: dict[str, int] = {}
        """Of each reason, the number of the first row."""
        self.passed_over: Counter[str] = Counter()
        """Rows that are neither trades nor quotes, by what they say they are."""
        self.minutes: dict[int, int] = {}
        """Those in which anything happens, since 1970: the time of the first row of each."""
        self.times = Times()
        self.prices = Fineness(SYMBOLS_MAX)
        self.rounded = 0
        self.unsided = 0
        self.first_px = np.full(SYMBOLS_MAX, np.nan)
        self._first_t = np.full(SYMBOLS_MAX, np.iinfo(np.int64).max)
        self._file, self._row = file, row
        self._columns = columns
        self._symbol = symbol
        self._grid = grid
        self._typed: bool | None = None

    @property
    def wanted(self) -> list[str]:
        """The columns that are read."""
        return list(dict.fromkeys(self._columns.values()))

    def take(self, block: Block) -> None:
        """Sort out some rows. Raises ConfigError for a cell that is nothing that can stand there."""
        t = self.times.read(self._cells(block, "time"), self._cells(block, "date"), self._place(block, "time"))
        who = self._who(block)
        px, bid, ask = (self._numbers(block, part) for part in ("price", "bid", "ask"))
        trade, quote = self._kinds(block, px, bid, ask)
        timed = (t > 0) & (t < START_MAX_US)
        self._drop("no time", ~timed & (trade | quote), block)
        self._take_trades(block, t, who, px, trade & timed)
        self._take_quotes(block, t, who, bid, ask, quote & timed)

    def settle(self) -> None:
        """Have everything in the order of its time."""
        self.trades.settle()
        self.quotes.settle()

    # Columns.

    def _cells(self, block: Block, part: str) -> Any:
        return block.cells[self._columns[part]] if part in self._columns else None

    def _place(self, block: Block, part: str) -> Place:
        return Place(self._file, self._row, block.first, self._columns[part])

    def _numbers(self, block: Block, part: str, missing: float = np.nan) -> NDArray[np.float64]:
        if part not in self._columns:
            return np.full(block.count, missing)
        return cells.numbers(self._cells(block, part), self._place(block, part))

    def _who(self, block: Block) -> NDArray[np.int32]:
        if "symbol" not in self._columns:
            return np.full(block.count, self.symbols.number(self._symbol), np.int32)
        found = cells.texts(self._cells(block, "symbol"))
        numbers = {text: self.symbols.number(text) if text.strip() else -1 for text in dict.fromkeys(found)}
        return np.array([numbers[text] for text in found], np.int32)

    def _kinds(self, block: Block, px: Any, bid: Any, ask: Any) -> tuple[Bools, Bools]:
        """Return which rows are trades, and which are quotes; note what the others are."""
        if "type" in self._columns and self._typed is not False:
            found = [text.strip().lower() for text in cells.texts(self._cells(block, "type"))]
            words = Counter(found)
            if self._typed is None:
                known = bool(words.keys() & (TRADES_ARE | QUOTES_ARE))
                self._typed = known or self._columns["type"].lower() in STRICT
            if self._typed:
                trade = np.array([text in TRADES_ARE for text in found], np.bool_)
                quote = np.array([text in QUOTES_ARE for text in found], np.bool_)
                for word in sorted(words.keys() - TRADES_ARE - QUOTES_ARE):
                    self.passed_over[word or "nothing"] += words[word]
                return trade & ("price" in self._columns), quote & ("bid" in self._columns)
        quote = ~np.isnan(bid) | ~np.isnan(ask)
        return ~np.isnan(px) | ~quote, quote

    # Rows.

    def _take_trades(self, block: Block, t: Any, who: Any, px: Any, these: Bools) -> None:
        size = self._numbers(block, "size", 1.0)
        here = self._but(block, these, {"no symbol": who < 0, "no price": ~np.isfinite(px)})
        here = self._but(block, here, {"a price of 0 or less": ~(px > 0)})
        here = self._but(block, here, {"no size": ~np.isfinite(size), "a size of 0 or less": ~(size > 0)})
        snapped = self._snap(px, here)
        here = self._but(block, here, {"a price below the tick": ~(snapped > 0)})
        places = np.flatnonzero(here)
        rows = np.empty(len(places), TRADE)
        rows["t"], rows["i"], rows["px"] = t[places], who[places], snapped[places]
        rows["sz"] = _round(size[places])
        rows["side"] = self._sides(block)[places]
        self.unsided += int((rows["side"] == cells.UNKNOWN).sum())
        self.prices.note(rows["i"], rows["px"], rows["sz"])
        self.prices.note_sizes(rows["sz"])
        self._begin(rows, "px")
        self.trades.add(rows)

    def _take_quotes(self, block: Block, t: Any, who: Any, bid: Any, ask: Any, these: Bools) -> None:
        if not these.any():
            return
        bid_size, ask_size = self._numbers(block, "bid_size", 1.0), self._numbers(block, "ask_size", 1.0)
        one_sided = ~(np.isfinite(bid) & np.isfinite(ask)) | (bid == 0) | (ask == 0)
        here = self._but(block, these, {"no symbol": who < 0, "a quote of one side": one_sided})
        here = self._but(block, here, {"a price of 0 or less": ~((bid > 0) & (ask > 0))})
        sizes = np.isfinite(bid_size) & np.isfinite(ask_size)
        here = self._but(block, here, {"no size": ~sizes, "a size of 0 or less": ~((bid_size > 0) & (ask_size > 0))})
        bids, asks = self._snap(bid, here), self._snap(ask, here)
        here = self._but(block, here, {"bid and ask crossed": ~(bids < asks), "a price below the tick": ~(bids > 0)})
        places = np.flatnonzero(here)
        rows = np.empty(len(places), QUOTE)
        rows["t"], rows["i"] = t[places], who[places]
        rows["bid"], rows["ask"] = bids[places], asks[places]
        rows["bsz"], rows["asz"] = _round(bid_size[places]), _round(ask_size[places])
        for price, size in (("bid", "bsz"), ("ask", "asz")):
            self.prices.note(rows["i"], rows[price], None)
            self.prices.note_sizes(rows[size])
        self._begin(rows, "bid")
        self.quotes.add(rows)

    def _but(self, block: Block, these: Bools, reasons: dict[str, Any]) -> Bools:
        """Return these rows without those that must be left out, which are counted by the first reason that applies."""
        for reason, wrong in reasons.items():
            self._drop(reason, these & wrong, block)
            these = these & ~wrong
        return these

    def _drop(self, reason: str, wrong: Bools, block: Block) -> None:
        count = int(wrong.sum())
        if count:
            self.left_out[reason] += count
            self.first_out.setdefault(reason, block.first + int(np.argmax(wrong)))

    def _snap(self, prices: NDArray[np.float64], these: Bools) -> NDArray[np.float64]:
        """Return prices on the grid, or as fine as any may be."""
        if self._grid is None:
            return _round(prices)
        snapped = self._grid.snap(prices)
        with np.errstate(invalid="ignore"):
            self.rounded += int((these & (np.abs(snapped - prices) > 1e-9 * prices)).sum())
        return snapped

    def _sides(self, block: Block) -> NDArray[np.int8]:
        for part, known in (("side", cells.SIDES), ("maker", cells.MAKERS)):
            if part in self._columns:
                return cells.sides(self._cells(block, part), self._place(block, part), known)
        return np.full(block.count, cells.UNKNOWN, np.int8)

    def _begin(self, rows: Rows, price: str) -> None:
        """Note the minutes, and where each symbol begins: a trade counts before any quote."""
        if not len(rows):
            return
        order = np.argsort(rows["t"], kind="stable")
        times = rows["t"][order]
        minutes, places = np.unique(times // MINUTE_US, return_index=True)
        for minute, first in zip(minutes.tolist(), times[places].tolist(), strict=True):
            self.minutes[minute] = min(first, self.minutes.get(minute, first))
        who, places = np.unique(rows["i"][order], return_index=True)
        # What is in doubt is later than any trade.
        begun = times[places] + (0 if price == "px" else np.int64(2) ** 61)
        earlier = begun < self._first_t[who]
        self._first_t[who[earlier]] = begun[earlier]
        self.first_px[who[earlier]] = rows[price][order][places][earlier]


def _round(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values to eight decimals: there are no finer ones."""
    rounded: NDArray[np.float64] = np.rint(values * 1e8) / 1e8
    return np.where(np.abs(values) < 1e7, rounded, values)
