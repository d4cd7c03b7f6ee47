"""The books as changes make them: ten slots a side and instrument, in no order until somebody looks.

Changes are noted as they pass and put in their places later, many at once: of all that was said of a price on one side
only the last word counts. Rules of the channel: a size of 0 deletes a level, any other sets it, a step has one word
about a price on a side, and after it at most ten levels a side are left.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ticker.ticks import ASK, BID, BOOK, DTYPES, LEVELS, NO_CRC, Rows

NOTED_MAX = 4096  # rows that may wait: a millisecond for whoever looks
_HALF = np.uint64(32)
_ONE = np.uint64(1)
_SIZE = np.uint64((1 << 32) - 1)
_SIDES = np.repeat(np.array([ASK, BID], np.int8), LEVELS)  # by place in an image


class Books:
    """Levels as `price << 32 | size`, 0 in a slot that is free: shape (2 x instruments, 10), sides BID and ASK."""

    def __init__(self, instruments: int) -> None:
        self._slots = np.zeros((2 * instruments, LEVELS), np.uint64)
        self._noted: list[Rows] = []
        self._waiting = 0

    def note(self, rows: Rows) -> None:
        """Take in changes."""
        self._noted.append(rows)
        self._waiting += len(rows)

    def settle(self) -> None:
        """Put what was noted in its place, if it has become much."""
        if self._waiting > NOTED_MAX:
            self._apply()

    def images(self, newest: Rows) -> Rows:
        """Return the levels of these instruments, each of which has had its `newest` row, as a snapshot shows them."""
        self._apply()
        levels = self._ordered(newest["instrument"])
        empty = np.flatnonzero(~levels.any(axis=1))
        shown = levels != 0
        shown[empty, 0] = True  # what was there last is not there any more
        levels[empty, 0] = newest["price_ticks"][empty].astype(np.uint64) << _HALF
        sides = np.tile(_SIDES, (len(newest), 1))
        sides[empty, 0] = newest["side"][empty]
        counts = np.count_nonzero(shown, axis=1)
        rows = np.zeros(counts.sum(), DTYPES[BOOK])
        for name in ("instrument", "n", "t"):
            rows[name] = newest[name].repeat(counts)
        rows["side"] = sides[shown]
        rows["price_ticks"] = levels[shown] >> _HALF
        rows["size"] = levels[shown] & _SIZE
        ends = counts.cumsum()
        rows["fresh"][ends - counts] = 1
        rows["crc"] = NO_CRC
        rows["crc"][ends - 1] = newest["crc"]
        return rows

    def _ordered(self, instruments: NDArray[np.int32]) -> NDArray[np.uint64]:
        """Return ten asks, then ten bids, best first: shape (instruments, 20)."""
        levels = np.empty((len(instruments), 2 * LEVELS), np.uint64)
        # One less, so that what is free comes after all prices.
        levels[:, :LEVELS] = np.sort(self._slots[2 * instruments + ASK] - _ONE, axis=1) + _ONE
        levels[:, LEVELS:] = np.sort(self._slots[2 * instruments + BID], axis=1)[:, ::-1]
        return levels

    def _apply(self) -> None:
        if not self._noted:
            return
        rows = self._noted[0] if len(self._noted) == 1 else _last_words(self._noted)
        self._noted, self._waiting = [], 0
        places = 2 * rows["instrument"] + rows["side"]
        prices = rows["price_ticks"].astype(np.uint64)
        sizes = rows["size"].astype(np.uint64)
        there = (self._slots[places] >> _HALF) == prices[:, None]
        known = there.any(axis=1)
        slots = self._slots.reshape(-1)
        found = places * LEVELS + there.argmax(axis=1)
        slots[found[known]] = np.where(sizes[known] > 0, prices[known] << _HALF | sizes[known], 0)
        new = ~known & (sizes > 0)
        self._insert(places[new], prices[new] << _HALF | sizes[new])

    def _insert(self, places: NDArray[np.int32], levels: NDArray[np.uint64]) -> None:
        """Put levels that are new into free slots, those of one side one after the other."""
        order = np.argsort(places, kind="stable")
        places, levels = places[order], levels[order]
        ranks = np.arange(len(places)) - np.searchsorted(places, places)
        nth_free = (self._slots[places] == 0).cumsum(axis=1)
        self._slots[places, (nth_free == ranks[:, None] + 1).argmax(axis=1)] = levels


def _last_words(noted: Sequence[Rows]) -> Rows:
    """Return, of rows in the order of the tape, the last one of each price on a side."""
    rows: Rows = np.frombuffer(b"".join([part.tobytes() for part in noted]), DTYPES[BOOK])  # 20 x concatenate
    sides = 2 * rows["instrument"].astype(np.uint64) + rows["side"].astype(np.uint64)
    keys = sides << _HALF | rows["price_ticks"].astype(np.uint64)
    order = np.argsort(keys, kind="stable")
    last = np.append(keys[order][1:] != keys[order][:-1], True)
    words: Rows = rows[order[last]]
    return words
