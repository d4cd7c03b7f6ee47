"""Trades: what orders at market take of the touch, print by print, and numbered as they stand on the tape."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ticker.market.levels import Ints, Levels
from ticker.market.orders import Arrived
from ticker.ticks import BUY, DTYPES, EMPTY, SELL, TRADES, Rows

NOBODY: Ints = np.zeros(0, np.int64)


class Prints:
    """The trades of every instrument; sizes are multiples of `lot`."""

    def __init__(self, lot: NDArray[np.int64], levels: Levels) -> None:
        self._lot = lot
        self._levels = levels
        self.n = np.zeros(len(lot), np.int64)
        """How many trades each instrument has had."""
        self.traded: Ints = NOBODY
        """Rows of the book that traded since they were published."""
        self.emptied: Ints = NOBODY
        """Those of them whose best level is empty now."""

    def state(self) -> dict[str, Any]:
        """Return all that later trades depend on."""
        return {"n": self.n.copy(), "traded": self.traded.copy(), "emptied": self.emptied.copy()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.n, self.traded, self.emptied = (state[name].copy() for name in ("n", "traded", "emptied"))

    def forget(self) -> None:
        """Take note that all of it has been seen to."""
        self.traded = self.emptied = NOBODY

    def fill(self, arrived: Arrived, count: Ints, t: Ints) -> tuple[Rows, Ints]:
        """Let each order in turn take what it can of the touch; return the prints, and what is left of the first ones.

        `count` is how many orders each instrument has, `t` the market time of each order.
        """
        who, buys, size = arrived.who, arrived.buys, arrived.size
        rows = 2 * who + buys
        bought, sold = size * buys, size * ~buys
        before = np.where(buys, _before(bought, arrived.first, count), _before(sold, arrived.first, count))
        got = np.minimum(size, np.maximum(0, self._levels.sizes[rows, 0] - before))
        self._levels.take(rows, got)
        rest = (size - got)[arrived.first]
        some = np.flatnonzero(got)
        who, got, rows = who[some], got[some], rows[some]
        self.traded = rows
        empty = np.zeros(len(self._levels.best), np.bool_)
        empty[rows[self._levels.sizes[rows, 0] == 0]] = True
        self.emptied = np.flatnonzero(empty)
        lot = 100 * self._lot[who]
        prints = np.maximum(1, np.minimum(arrived.prints[some], got // lot))
        each = np.where(prints == 1, got, got // prints // lot * lot)
        found = np.empty(int(prints.sum()), DTYPES[TRADES])
        found["instrument"] = who.repeat(prints)
        found["size"] = each.repeat(prints)
        found["size"][np.cumsum(prints) - prints] += got - each * prints
        found["price_ticks"] = np.abs(self._levels.keys[rows, 0]).repeat(prints)
        found["side"] = np.where(buys[some], BUY, SELL).repeat(prints)
        found["t"] = t[some].repeat(prints)
        return found, rest

    def number(self, parts: list[Rows]) -> Rows:
        """Return trades in the order of the tape, by instrument, and numbered."""
        if not parts:
            return EMPTY[TRADES]
        rows = parts[0]
        if len(parts) > 1:
            rows = np.concatenate(parts)
            rows = rows[np.argsort(rows["instrument"], kind="stable")]
        who = rows["instrument"]
        if not len(who):
            return EMPTY[TRADES]
        new = np.empty(len(who), np.bool_)
        new[0] = True
        np.not_equal(who[1:], who[:-1], out=new[1:])
        starts = np.flatnonzero(new)
        counts = np.diff(np.append(starts, len(who)))
        rows["n"] = self.n[who] + 1 + np.arange(len(who)) - starts.repeat(counts)
        self.n[who[starts]] += counts
        return rows


def _before(sizes: Ints, first: Ints, count: Ints) -> Ints:
    """Return what the orders before each one want, of the same instrument."""
    before = np.cumsum(sizes) - sizes
    return np.asarray(before - before[first].repeat(count), np.int64)
