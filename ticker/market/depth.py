"""The published book: what of it changed in a step, as rows for the tape.

Whoever makes the market says how the ten best levels of some instruments look now; here that is held against what was
published last. Rules: a row sets one level of one side; a level that is no longer among the ten best is set to 0, so
that a reader who only sets and deletes has the same levels; deletions stand before the rest, asks before bids, best
first; the last row of an instrument carries the checksum.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ticker.market.checksums import PLACES, checksums, terms
from ticker.ticks import ASK, BID, BOOK, DTYPES, EMPTY, LEVELS, NO_CRC, Rows

_HALF = np.uint64(32)
_SIZE = np.uint64((1 << 32) - 1)
_SIDES = np.repeat(np.array([ASK, BID, ASK, BID], np.int8), LEVELS)  # by place among a book's 40 possible rows


class Depth:
    """The book of every instrument as published: `price << 32 | size` of ten asks and ten bids, 0 for no level."""

    def __init__(self, instruments: int) -> None:
        self._keys = np.zeros((instruments, PLACES), np.uint64)
        self._terms = np.zeros((instruments, PLACES), np.uint32)
        self._n = np.zeros(instruments, np.int64)

    def rows(
        self,
        who: NDArray[np.intp],
        bid_ticks: NDArray[np.int64],
        bid_sizes: NDArray[np.int64],
        ask_ticks: NDArray[np.int64],
        ask_sizes: NDArray[np.int64],
        t: NDArray[np.int64],
    ) -> Rows:
        """Publish the books of these instruments (ascending, each once) and return what changed: dtype of BOOK.

        Prices in ticks and sizes have shape (instruments, 10), best first, size 0 where there is no level, and are
        below 2**32; `t` is the market time of each instrument's rows.
        """
        if not len(who):
            return EMPTY[BOOK]
        keys = _keys_of(ask_ticks, ask_sizes, bid_ticks, bid_sizes)
        before = self._keys[who]
        differs = before ^ keys
        changed = _changed(before, keys, differs)
        # All rows that there might be, in their order, of which those are taken that changed.
        found = np.flatnonzero(changed)
        if not len(found):
            return EMPTY[BOOK]
        self._keep(who, keys, differs)
        levels = np.stack((before & ~_SIZE, keys), axis=1).reshape(-1).take(found)
        book, place = np.divmod(found, len(_SIDES))
        return self._rows(who, t, np.bincount(book, minlength=len(who)), _SIDES.take(place), levels)

    def state(self) -> dict[str, Any]:
        """Return all that later rows depend on."""
        return {"keys": self._keys.copy(), "n": self._n.copy()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on as whoever returned this state."""
        self._keys, self._n = state["keys"].copy(), state["n"].copy()
        places = np.tile(np.arange(PLACES), len(self._n))
        self._terms = terms(places, self._keys.reshape(-1)).reshape(self._keys.shape)

    def _keep(self, who: NDArray[np.intp], keys: NDArray[np.uint64], differs: NDArray[np.uint64]) -> None:
        self._keys[who] = keys
        found = np.flatnonzero(differs)
        rank, place = np.divmod(found, PLACES)
        self._terms[who[rank], place] = terms(place, keys.reshape(-1).take(found))

    def _rows(
        self,
        who: NDArray[np.intp],
        t: NDArray[np.int64],
        counts: NDArray[np.intp],
        sides: NDArray[np.int8],
        levels: NDArray[np.uint64],
    ) -> Rows:
        """Return rows of these sides and levels, so many of each of these instruments."""
        ends = counts.cumsum()
        rows = np.empty(len(levels), DTYPES[BOOK])
        rows["instrument"] = who.repeat(counts)
        rows["n"] = (self._n[who] - ends + counts).repeat(counts) + np.arange(1, len(levels) + 1)
        rows["t"] = t.repeat(counts)
        rows["side"] = sides
        rows["price_ticks"] = levels >> _HALF
        rows["size"] = levels & _SIZE
        rows["crc"] = NO_CRC
        rows["fresh"] = 0
        there = np.flatnonzero(counts)
        rows["crc"][ends[there] - 1] = checksums(self._terms[who[there]])
        self._n[who] += counts
        return rows


def _keys_of(
    ask_ticks: NDArray[np.int64],
    ask_sizes: NDArray[np.int64],
    bid_ticks: NDArray[np.int64],
    bid_sizes: NDArray[np.int64],
) -> NDArray[np.uint64]:
    """Return books as they are kept."""
    keys = np.empty((len(ask_ticks), PLACES), np.int64)
    for place, ticks, sizes in ((0, ask_ticks, ask_sizes), (LEVELS, bid_ticks, bid_sizes)):
        keys[:, place : place + LEVELS] = ((ticks << 32) | sizes) * (sizes > 0)
    return keys.view(np.uint64)


def _changed(before: NDArray[np.uint64], keys: NDArray[np.uint64], differs: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Return which levels are deleted and which are set: shape (books, 40), those of `before`, then those of `keys`."""
    changed = np.zeros((len(keys), 2, 2, LEVELS), np.bool_)
    changed[:, 1] = (differs != 0).reshape(-1, 2, LEVELS)
    # Where a side's prices are what they were, place by place, no more is to be looked at.
    moved = np.nonzero(np.bitwise_or.reduce(differs.reshape(-1, 2, LEVELS), axis=2) >> _HALF)
    # Sides stand side by side in the last axis: numpy is quick along that one.
    old, new = (np.ascontiguousarray(all_.reshape(-1, 2, LEVELS)[moved].T) for all_ in (before, keys))
    old_ticks, new_ticks = ((levels >> _HALF).astype(np.uint32) for levels in (old, new))
    kept = (old_ticks[:, None] == new_ticks[None, :]).any(axis=1)
    same = (old[:, None] == new[None, :]).any(axis=0)
    changed[moved[0], 0, moved[1]] = ((old != 0) & ~kept).T
    changed[moved[0], 1, moved[1]] = ((new != 0) & ~same).T
    return changed.reshape(len(keys), -1)
