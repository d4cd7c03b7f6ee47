"""The order book of every instrument, as levels: what rests at each price, best first.

A row is one side of one instrument, `2 * instrument + side`. Its levels are sorted by key, which is the price on the
ask side and the price times -1 on the bid side: on both a smaller key is a better price. Rules: sizes change only by
`add` (a limit order), `cancel`, `remove` and `pull` (orders are taken back), `take` (market orders), `resize` (small
orders that come and go at the touch) and, when a day begins, `clear` and `fill`; what is taken away from one side is
nowhere added without an order. Levels are int32: prices and sizes below 2**31.
"""

import numpy as np
from numpy.typing import NDArray

from ticker.ticks import LEVELS

DEPTH = 16
"""Levels kept a side; where one more would not fit, the orders furthest from the touch are cancelled."""

SIZE_MAX = 10**9
"""No level holds more: an order that would make it so is cut."""

FAR = 2**31 - 1
"""The key of a level that is not there; its size is 0."""

Ints = NDArray[np.int64]

_WIDTH = DEPTH + 1
_COLUMNS = np.arange(DEPTH)


class Levels:
    """Keys and sizes, of shape (rows, DEPTH + 1): the last column is always empty."""

    def __init__(self, instruments: int) -> None:
        self.keys = np.full((2 * instruments, DEPTH + 1), FAR, np.int32)
        self.sizes = np.zeros((2 * instruments, DEPTH + 1), np.int32)
        self._flat_keys, self._flat_sizes = self.keys.ravel(), self.sizes.ravel()

    @property
    def best(self) -> NDArray[np.int32]:
        """The best key of each row, FAR where nothing rests."""
        return self.keys[:, 0]

    def take(self, rows: Ints, got: Ints) -> None:
        """Let market orders trade with the best levels of these rows: together no more than what rests there."""
        np.subtract.at(self._flat_sizes, rows * _WIDTH, got.astype(np.int32))

    def resize(self, rows: Ints, sizes: NDArray[np.int32]) -> None:
        """Let orders join the best levels of these distinct rows, or leave them, so that so much rests there."""
        self.sizes[rows, 0] = sizes

    def cancel(self, rows: Ints, ranks: Ints, sizes: Ints) -> None:
        """Take back orders of a level of each of these distinct rows: at most what rests there."""
        self.sizes[rows, ranks] -= np.minimum(self.sizes[rows, ranks], sizes).astype(np.int32)

    def pull(self, rows: Ints, keys: Ints) -> None:
        """Take back all orders of these distinct rows at better keys than these."""
        stale = self.keys[rows, 0] < keys
        while stale.any():
            rows, keys = rows[stale], keys[stale]
            self.remove(rows, np.zeros(len(rows), np.int64))
            stale = self.keys[rows, 0] < keys

    def remove(self, rows: Ints, ranks: Ints) -> None:
        """Remove one level of each of these distinct rows, with all that rests there."""
        source = rows[:, None] * _WIDTH + (_COLUMNS + (ranks[:, None] <= _COLUMNS))
        self.keys[rows, :DEPTH] = self._flat_keys.take(source)
        self.sizes[rows, :DEPTH] = self._flat_sizes.take(source)

    def add(self, rows: Ints, keys: Ints, sizes: Ints) -> None:
        """Add a limit order to each of these distinct rows."""
        known = self.keys.take(rows, 0)
        ranks = (known < keys.astype(np.int32)[:, None]).sum(1)
        places = rows * _WIDTH + ranks
        there = self._flat_keys.take(places) == keys
        joined = self._flat_sizes[places[there]] + sizes[there]
        self._flat_sizes[places[there]] = np.minimum(joined, SIZE_MAX)
        fresh = ~there & (ranks < DEPTH)
        rows, ranks, places = rows[fresh], ranks[fresh], places[fresh]
        source = rows[:, None] * _WIDTH + (_COLUMNS - (ranks[:, None] < _COLUMNS))
        self.keys[rows, :DEPTH] = self._flat_keys.take(source)
        self.sizes[rows, :DEPTH] = self._flat_sizes.take(source)
        self._flat_keys[places] = keys[fresh]
        self._flat_sizes[places] = sizes[fresh]

    def clear(self) -> None:
        """Take back everything."""
        self.keys[:], self.sizes[:] = FAR, 0

    def fill(self, side: int, keys: Ints, sizes: Ints) -> None:
        """Place on one side of all instruments, where nothing rests, the best of these orders, in any order.

        Shape (instruments, orders), no two of them at one price; an order of size 0 is none.
        """
        keys = np.where(sizes > 0, keys, FAR)
        best = np.argsort(keys, axis=1, kind="stable")[:, :DEPTH]
        self.keys[side::2, :DEPTH] = np.take_along_axis(keys, best, 1)
        self.sizes[side::2, :DEPTH] = np.take_along_axis(sizes, best, 1)

    def top(self, instruments: Ints) -> tuple[Ints, Ints, Ints, Ints]:
        """Return the ten best levels: bid ticks, bid sizes, ask ticks, ask sizes, each of shape (instruments, 10)."""
        bids, asks = 2 * instruments, 2 * instruments + 1
        tables = (
            self.keys[bids, :LEVELS],
            self.sizes[bids, :LEVELS],
            self.keys[asks, :LEVELS],
            self.sizes[asks, :LEVELS],
        )
        bid_ticks, bid_sizes, ask_ticks, ask_sizes = (table.astype(np.int64) for table in tables)
        return -bid_ticks, bid_sizes, ask_ticks, ask_sizes
