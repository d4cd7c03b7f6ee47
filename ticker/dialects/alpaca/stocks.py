"""What a row of the tape is as a message about a stock.

The tape has no exchanges, tapes or conditions: they follow from an instrument's symbol, a row's number and its size,
always the same ones. Bands (LULD) are of the mean price of five minutes, weighted by size, which the venue's is not.
"""

from collections.abc import Callable
from statistics import median
from typing import Any
from zlib import crc32

from ticker.dialects.alpaca.codec import Codec, Numbers
from ticker.dialects.alpaca.newyork import midnight_us
from ticker.dialects.alpaca.shapes import (
    Bar,
    CancelError,
    Correction,
    DailyBar,
    Imbalance,
    Luld,
    Status,
    StockQuote,
    StockTrade,
)
from ticker.dialects.alpaca.statuses import status_of
from ticker.dialects.alpaca.words import BarWords
from ticker.instruments import Instrument, Universe
from ticker.ticks import REASONS, STATES
from ticker.venue import undone

ROUND_LOT = 100
_EXCHANGES = "NPQTZKJYUBXV"
_IEX = "V"
_NOBODY = " "
_SPREAD = 2_654_435_761  # numbers in a row land apart (Knuth's multiplicative hash)
_CYCLE = 1 << 10
_ORDINARY, _ODD_LOT = ["@"], ["@", "I"]
_QUOTED = ["R"]
_TAPES = "ABC"
_INTRADAY = "B"  # of LULD bands: an update during the day
_GATHERING = frozenset(STATES.index(name) for name in ("pre_open", "auction"))
_SCHEDULE, _CORRECTION = REASONS.index("schedule"), REASONS.index("correction")


class StockWords(BarWords):
    """Messages about the stocks of a universe: all under their own symbols, but for what `names` calls otherwise."""

    def __init__(self, universe: Universe, codec: Codec, *, iex: bool, names: dict[int, str] | None = None) -> None:
        renamed = names or {}
        symbols = [renamed.get(i, one.symbol) for i, one in enumerate(universe)]
        super().__init__(universe, codec, symbols, [_size_writer(codec, one.size_decimals) for one in universe])
        self._tapes = [tape_of(one.symbol) for one in universe]
        self._lots = [ROUND_LOT * 10**one.size_decimals for one in universe]
        self._tier_percents = tiers(universe)
        exchanges = _IEX if iex else _EXCHANGES
        self._exchanges = [exchanges[(n * _SPREAD >> 16) % len(exchanges)] for n in range(_CYCLE)]

    def trade(self, i: int, n: int, t: int, price: int, size: int, _side: int, _book_n: int) -> StockTrade:
        x, p, s = self._exchanges[n % _CYCLE], self._prices[i][price], self._sizes[i](size)
        c = _ORDINARY if size >= self._lots[i] else _ODD_LOT
        return StockTrade(self._symbols[i], n, x, p, s, c, self._tapes[i], self._moment(t))

    def quote(
        self, i: int, n: int, t: int, bid: int, bid_size: int, ask: int, ask_size: int, _book_n: int
    ) -> StockQuote:
        p, lot = self._prices[i], self._lots[i]
        bx = self._exchanges[n % _CYCLE] if bid else _NOBODY
        ax = self._exchanges[(n + 1) % _CYCLE] if ask else _NOBODY
        bids, asks = bid_size // lot or min(1, bid_size), ask_size // lot or min(1, ask_size)
        z, when = self._tapes[i], self._moment(t)
        return StockQuote(self._symbols[i], bx, p[bid], bids, ax, p[ask], asks, _QUOTED, z, when)

    def bar(self, *row: int) -> Bar:
        return Bar(*self._bar(*row))

    def today(self, *row: int) -> DailyBar | None:
        """Return a day that is under way: that it is over is known when the next one begins, and nothing new."""
        return None if row[-1] else self.daily_bar(*row)

    def daily_bar(self, *row: int) -> DailyBar:
        """Return a day, which begins at midnight in New York."""
        bar = DailyBar(*self._bar(*row))
        bar.t = self._moment(midnight_us(row[2]))
        return bar

    def status(self, i: int, _n: int, t: int, _state: int, reason: int, *_about: int) -> Status | None:
        told = status_of(self._tapes[i], REASONS[reason])
        return Status(self._symbols[i], *told, self._moment(t), self._tapes[i]) if told else None

    def cancel_error(
        self, i: int, _n: int, t: int, _state: int, reason: int, price: int, size: int, value: int, ref: int
    ) -> CancelError | None:
        """Return a trade that is broken, as an error; it is no more, so there is no other in its place."""
        if reason != _CORRECTION or value:
            return None
        told = self._symbols[i], ref, self._exchange(ref), self._prices[i][price], self._sizes[i](size), "E"
        return CancelError(*told, self._moment(t), self._tapes[i])

    def correction(
        self, i: int, _n: int, t: int, _state: int, reason: int, price: int, size: int, value: int, ref: int
    ) -> Correction | None:
        """Return a trade whose price was off by so many millionths, and the price that it should have had."""
        if reason != _CORRECTION or not value:
            return None
        corrected = undone(price, value)
        sized, conditions = self._sizes[i](size), self._conditions(i, size)
        return Correction(
            *(self._symbols[i], self._exchange(ref)),
            *(ref, self._prices[i][price], sized, conditions),
            *(ref, self._prices[i][corrected], sized, conditions),
            *(self._moment(t), self._tapes[i]),
        )

    def imbalance(
        self, i: int, _n: int, t: int, state: int, reason: int, price: int, size: int, *_about: int
    ) -> Imbalance | None:
        """Return what an auction would come to, where it would come to anything."""
        if reason != _SCHEDULE or state not in _GATHERING or not (price and size):
            return None
        return Imbalance(self._symbols[i], self._prices[i][price], self._tapes[i], self._moment(t))

    def luld(self, i: int, _n: int, t: int, _since: int, _until: int, *row: int) -> Luld | None:
        """Return the bands around what was paid in five minutes, or last."""
        closed, volume, turnover = row[3:6]
        reference = (2 * turnover + volume) // (2 * volume) if volume else closed
        if not reference:
            return None
        unit, decimals = self._grids[i]
        percent = band_percent(reference * unit * 100 // 10**decimals, self._tier_percents[i])
        up, down = ((2 * reference * (100 + way * percent) + 100) // 200 for way in (1, -1))
        p = self._prices[i]
        return Luld(self._symbols[i], p[up], p[down], _INTRADAY, self._moment(t), self._tapes[i])

    def _exchange(self, n: int) -> str:
        return self._exchanges[n % _CYCLE]

    def _conditions(self, i: int, size: int) -> list[str]:
        return _ORDINARY if size >= self._lots[i] else _ODD_LOT


def _size_writer(codec: Codec, decimals: int) -> Callable[[int], Any]:
    """Return what writes sizes: shares are whole."""
    return Numbers(codec, decimals).__getitem__ if decimals else int


def tape_of(symbol: str) -> str:
    """Return the tape that a symbol is on."""
    return _TAPES[crc32(symbol.encode()) % len(_TAPES)]


def tiers(universe: Universe) -> list[int]:
    """Return the width of each instrument's bands: 5 % for the livelier half, which stands for tier 1, else 10 %."""
    worth = [_liveliness(one) for one in universe]
    middle = median(worth) if worth else 0.0
    return [5 if one >= middle else 10 for one in worth]


def _liveliness(one: Instrument) -> float:
    price = one.reference_ticks * one.tick_units / float(10**one.decimals)
    return one.orders_per_s * one.touch_size * price


def band_percent(cents: int, tier_percent: int) -> int:
    """Return the width of bands around a price, in percent: above 3 dollars that of its tier."""
    return tier_percent if cents > 300 else 20 if cents >= 75 else 75
