"""The order book of every instrument, as levels: what rests at each price, best first.

A row is one side of one instrument, `2 * instrument + side`. Its levels are sorted by key, which is the price on the
ask side and the price times -1 on the bid side: on both a smaller key is a better price. A level is one number,
`key << 32 | size`, so that levels are moved and compared as a whole. Rules: sizes change only by `add` (a limit order),
`cancel`, `remove` and `pull` (orders are taken back), `take` (market orders), `resize` (small orders that come and go
at the touch) and, when a day begins, `clear` and `fill`; what is taken away from one side is nowhere added without an
order. Prices and sizes are below 2**31.
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

EMPTY_LEVEL = FAR << 32
"""A level that is not there: it sorts behind all others."""

KEY_BITS = 32
SIZE_MASK = (1 << KEY_BITS) - 1

Ints = NDArray[np.int64]

_WIDTH = DEPTH + 1
_COLUMNS = np.arange(DEPTH)
# Where each column's level comes from: by the rank at which one goes in, is taken out, or by how many are taken out.
_INSERTED = _COLUMNS - (np.arange(DEPTH)[:, None] < _COLUMNS)
_REMOVED = _COLUMNS + (np.arange(DEPTH)[:, None] <= _COLUMNS)
_PULLED = np.minimum(_COLUMNS + np.arange(_WIDTH)[:, None], DEPTH)


class Levels:
    """Levels of shape (rows, DEPTH + 1): the last column is always empty. `keys` and `sizes` are views of them."""

    def __init__(self, instruments: int) -> None:
        self._levels = np.full((2 * instruments, _WIDTH), EMPTY_LEVEL, "<i8")
        halves = self._levels.view("<i4")
        self.sizes: NDArray[np.int32] = halves[:, 0::2]
        self.keys: NDArray[np.int32] = halves[:, 1::2]
        self.counts = np.zeros(2 * instruments, np.int64)
        """How many levels each row has."""
        self._flat: Ints = self._levels.reshape(-1)

    def state(self) -> Ints:
        """Return all levels."""
        return self._levels.copy()

    def restore(self, state: Ints) -> None:
        """Go on from a state."""
        self._levels[:] = state
        self._count()

    @property
    def best(self) -> NDArray[np.int32]:
        """The best key of each row, FAR where nothing rests."""
        return self.keys[:, 0]

    def touch(self, rows: Ints) -> Ints:
        """Return the best levels of these rows."""
        return self._flat.take(rows * _WIDTH)

    def take(self, rows: Ints, got: Ints) -> None:
        """Let market orders trade with the best levels of these rows: together no more than what rests there."""
        np.subtract.at(self._flat, rows * _WIDTH, got)

    def resize(self, rows: Ints, sizes: NDArray[np.int32]) -> None:
        """Let orders join the best levels of these distinct rows, or leave them, so that so much rests there."""
        self.sizes[rows, 0] = sizes

    def cancel(self, rows: Ints, ranks: Ints, sizes: Ints) -> None:
        """Take back orders of a level of each of these distinct rows: at most what rests there."""
        places = rows * _WIDTH + ranks
        found = self._flat.take(places)
        self._flat[places] = found - np.minimum(found & SIZE_MASK, sizes)

    def pull(self, rows: Ints, keys: Ints) -> None:
        """Take back all orders of these distinct rows at better keys than these."""
        starts = rows * _WIDTH
        better = self._places(starts, keys << KEY_BITS) - starts
        self._move(rows, starts, _PULLED.take(better, 0))
        self.counts[rows] -= better

    def remove(self, rows: Ints, ranks: Ints) -> None:
        """Remove one level of each of these distinct rows, with all that rests there."""
        starts = rows * _WIDTH
        self.counts[rows] -= self._flat.take(starts + ranks) != EMPTY_LEVEL
        self._move(rows, starts, _REMOVED.take(ranks, 0))

    def add(self, rows: Ints, keys: Ints, sizes: Ints) -> None:
        """Add a limit order to each of these distinct rows."""
        starts, bare = rows * _WIDTH, keys << KEY_BITS
        places = self._places(starts, bare)
        found = self._flat.take(places)
        there = found >> KEY_BITS == keys
        joins = np.flatnonzero(there)
        self._flat[places[joins]] = np.minimum(found[joins] + sizes[joins], bare[joins] + SIZE_MAX)
        ranks = places - starts
        fresh = np.flatnonzero(~there & (ranks < DEPTH))
        rows, places = rows[fresh], places[fresh]
        self._move(rows, starts[fresh], _INSERTED.take(ranks[fresh], 0))
        self._flat[places] = (bare + sizes)[fresh]
        self.counts[rows] = np.minimum(self.counts[rows] + 1, DEPTH)

    def clear(self) -> None:
        """Take back everything."""
        self._levels[:] = EMPTY_LEVEL
        self._count()

    def fill(self, side: int, keys: Ints, sizes: Ints) -> None:
        """Place on one side of all instruments, where nothing rests, the best of these orders, in any order.

        Shape (instruments, orders), no two of them at one price; an order of size 0 is none.
        """
        orders = np.where(sizes > 0, keys << KEY_BITS | sizes, EMPTY_LEVEL)
        self._levels[side::2, :DEPTH] = np.sort(orders, axis=1)[:, :DEPTH]
        self._count()

    def top(self, instruments: Ints) -> Ints:
        """Return the ten best levels of these: ten asks, then ten bids, shape (instruments, 20)."""
        both = self._levels.reshape(-1, 2 * _WIDTH).take(instruments, 0)
        found = np.empty((len(instruments), 2 * LEVELS), np.int64)
        found[:, :LEVELS] = both[:, _WIDTH : _WIDTH + LEVELS]
        found[:, LEVELS:] = both[:, :LEVELS]
        return found

    def _places(self, starts: Ints, levels: Ints) -> Ints:
        """Return where in each row, that starts there, the first level stands that is not less than these."""
        places = starts.copy()
        stride = DEPTH
        while stride > 1:
            stride //= 2
            places += stride * (self._flat.take(places + (stride - 1)) < levels)
        places += self._flat.take(places) < levels
        return places

    def _move(self, rows: Ints, starts: Ints, source: Ints) -> None:
        """Move the levels of each of these rows: `source` has the column that each column's level comes from."""
        source += starts[:, None]
        self._levels[rows, :DEPTH] = self._flat.take(source)

    def _count(self) -> None:
        self.counts[:] = np.count_nonzero(self._levels != EMPTY_LEVEL, axis=1)
