"""The newest of every instrument as columns of numbers: a message is taken in at once, however many ticks it has.

Pure: it is told what came and what time it is.
"""

from dataclasses import dataclass, fields
from math import exp
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ticker.ticks import BARS_1M, BARS_1S, CHANNELS, QUOTES, STATS, STATUS, TRADES, Rows
from ticker_client.arrays import Arrays
from ticker_client.columns import money
from ticker_client.instruments import Instruments
from ticker_watch.trend import Trend

Column = NDArray[Any]

ACTIVITY_S = 5.0  # activity is a mean over about so long
UNKNOWN = -1
_TIMELY = (STATUS, QUOTES, TRADES, STATS)  # channels whose `t` is when it happened; a bar's is when it opened
_NUMBERS = {
    QUOTES: {"bid_size": "bid_size", "ask_size": "ask_size"},
    TRADES: {"size": "size"},
    STATS: {"volume": "volume", "trades": "trades"},
    STATUS: {"state": "state", "reason": "reason"},
}
_PRICES = {
    QUOTES: {"bid": "bid_ticks", "ask": "ask_ticks"},
    STATS: {"high": "high_ticks", "low": "low_ticks", "previous": "previous_ticks"},
}
"""By channel, which of our columns is which of its: numbers as they are, and prices."""


@dataclass
class Columns:
    """One value an instrument, of shape (count,); NaN, or UNKNOWN in words, where nothing was said."""

    last: Column
    first: Column
    previous: Column
    bid: Column
    ask: Column
    bid_size: Column
    ask_size: Column
    size: Column
    volume: Column
    trades: Column
    high: Column
    low: Column
    way: Column
    moved_s: Column
    state: Column
    reason: Column
    activity: Column
    """Ticks a second."""
    heard: Column
    """Whether anything has come of it."""
    traded: Column

    @classmethod
    def of(cls, count: int) -> "Columns":
        """Return columns of which nothing is known."""
        kinds: dict[str, tuple[type, object]] = {
            "way": (np.int8, 0),
            "state": (np.int8, UNKNOWN),
            "reason": (np.int8, UNKNOWN),
        }
        kinds |= {"heard": (np.bool_, False), "traded": (np.bool_, False), "activity": (np.float64, 0)}
        made = {each.name: kinds.get(each.name, (np.float64, np.nan)) for each in fields(cls)}
        return cls(**{name: np.full(count, empty, dtype) for name, (dtype, empty) in made.items()})


class Board:
    """What is known of the instruments of one tape."""

    def __init__(self, instruments: Instruments, cell_us: int) -> None:
        self.instruments = instruments
        self.now = Columns.of(len(instruments))
        self.trend = Trend(len(instruments), cell_us)
        self.t = 0
        """Market time."""
        self._n = {channel: np.zeros(len(instruments), np.int64) for channel in CHANNELS}
        self._events = np.zeros(len(instruments))
        self._settled_s: float | None = None
        self._weight = 0.0

    def take(self, message: Arrays, now_s: float) -> None:
        """Take in a message received now."""
        for channel, rows in message.rows.items():
            who = rows["instrument"]
            self.now.heard[who] = True
            self._count(channel, rows, live=message.kind == "ticks")
            for ours, theirs in _NUMBERS.get(channel, {}).items():
                getattr(self.now, ours)[who] = rows[theirs]
            for ours, theirs in _PRICES.get(channel, {}).items():
                getattr(self.now, ours)[who] = money(rows, theirs, self.instruments)
            self._price(channel, rows, now_s)
        times = [int(rows["t"].max()) for channel, rows in message.rows.items() if channel in _TIMELY and len(rows)]
        self.t = max(self.t, *times, 0)
        if self.t:
            self.trend.note(self.t, self.now.last)

    def settle(self, now_s: float) -> None:
        """Bring the means of activity up to date."""
        if self._settled_s is not None and now_s > self._settled_s:
            span_s = now_s - self._settled_s
            self._weight += (1 - self._weight) * (1 - exp(-span_s / ACTIVITY_S))
            share = (1 - exp(-span_s / ACTIVITY_S)) / self._weight  # the first seconds are not means over more
            self.now.activity += (self._events / span_s - self.now.activity) * share
        self._settled_s = now_s
        self._events[:] = 0

    def shown(self) -> list[int]:
        """Return the instruments of which anything has come."""
        found: list[int] = np.flatnonzero(self.now.heard).tolist()
        return found

    @property
    def change(self) -> Column:
        """How far prices are from the close before, in percent, or where that is not known from the first one seen."""
        base = np.where(np.isnan(self.now.previous), self.now.first, self.now.previous)
        return 100 * (self.now.last / np.where(base > 0, base, np.nan) - 1)

    def copy(self) -> "Board":
        """Return a picture of this moment: it does not change."""
        twin = Board(self.instruments, self.trend.cell_us)
        twin.now = Columns(**{each.name: getattr(self.now, each.name).copy() for each in fields(Columns)})
        twin.trend, twin.t = self.trend.copy(), self.t
        return twin

    def _count(self, channel: str, rows: Rows, *, live: bool) -> None:
        """Count events by `n`: those that were merged into newer ones are among them."""
        who, known = rows["instrument"], self._n[channel]
        before = known[who]
        known[who] = rows["n"]
        if live:  # where an instrument comes twice, both sums are the same
            self._events[who] += np.where(before > 0, known[who] - before, 1)

    def _price(self, channel: str, rows: Rows, now_s: float) -> None:
        who = rows["instrument"]
        if channel == TRADES:
            self.now.traded[who] = True
            self._move(who, money(rows, "price_ticks", self.instruments), now_s)
        elif channel in (STATS, BARS_1S, BARS_1M):
            rows = rows[~self.now.traded[who]]
            column = "last_ticks" if channel == STATS else "close_ticks"
            self._move(rows["instrument"], money(rows, column, self.instruments), now_s)

    def _move(self, who: Column, prices: Column, now_s: float) -> None:
        columns = self.now
        before = columns.last[who]
        columns.last[who] = prices
        columns.first[who] = np.where(np.isnan(columns.first[who]), prices, columns.first[who])
        steps = columns.last[who] - before
        moved = np.abs(steps) > 0
        columns.way[who[moved]] = np.sign(steps[moved])
        columns.moved_s[who[moved]] = now_s
