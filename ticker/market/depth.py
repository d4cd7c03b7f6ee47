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

from ticker.market.checksums import EMPTY_CRC, PLACES, terms
from ticker.market.levels import EMPTY_LEVEL, KEY_BITS, SIZE_MASK, Ints
from ticker.ticks import ASK, BID, BOOK, DTYPES, EMPTY, LEVELS, NO_CRC, Rows

_SIDES = np.repeat(np.array([ASK, BID, ASK, BID], np.int8), LEVELS)  # by place among a book's 40 possible rows


class Depth:
    """The book of every instrument as published: ten asks and ten bids, levels as in `levels`."""

    def __init__(self, instruments: int) -> None:
        self._levels = np.full((instruments, PLACES), EMPTY_LEVEL, np.int64)
        self._terms = np.zeros(instruments * PLACES, np.uint32)
        self._crc = np.full(instruments, EMPTY_CRC, np.uint32)
        self._n = np.zeros(instruments, np.int64)

    def rows(self, who: Ints, levels: Ints, t: Ints) -> Rows:
        """Publish the books of these instruments (ascending, each once) and return what changed: dtype of BOOK.

        `levels` has ten asks and then ten bids of each, best first, shape (instruments, 20); `t` is the market time of
        each instrument's rows.
        """
        if not len(who):
            return EMPTY[BOOK]
        before = self._levels.take(who, 0)
        differs = before ^ levels
        found = np.flatnonzero(differs != 0)
        if not len(found):
            return EMPTY[BOOK]
        self._keep(who, levels, found)
        changed = _changed(before, levels, differs, found)
        # All rows that there might be, in their order, of which those are taken that changed.
        chosen = np.flatnonzero(changed)
        book, place = np.divmod(chosen, len(_SIDES))
        told = np.stack((before & ~SIZE_MASK, levels), axis=1).reshape(-1).take(chosen)
        return self._rows(who, t, np.bincount(book, minlength=len(who)), _SIDES.take(place), told)

    def state(self) -> dict[str, Any]:
        """Return all that later rows depend on."""
        return {"levels": self._levels.copy(), "n": self._n.copy()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on as whoever returned this state."""
        self._n = state["n"].copy()
        self._terms[:], self._crc[:] = 0, EMPTY_CRC
        self._keep(np.arange(len(self._n)), state["levels"], np.arange(state["levels"].size))

    def _keep(self, who: Ints, levels: Ints, found: Ints) -> None:
        """Keep the books of these instruments, and their sums: `found` are the places in `levels` that changed."""
        self._levels[who] = levels
        rank, place = np.divmod(found, PLACES)
        now = terms(place, _printed(levels.reshape(-1).take(found)))
        where = who.take(rank) * PLACES + place
        change = self._terms.take(where) ^ now
        self._terms[where] = now
        starts = np.flatnonzero(rank[1:] != rank[:-1]) + 1
        starts = np.concatenate(([0], starts))
        self._crc[who.take(rank.take(starts))] ^= np.bitwise_xor.reduceat(change, starts)

    def _rows(self, who: Ints, t: Ints, counts: Ints, sides: NDArray[np.int8], levels: Ints) -> Rows:
        """Return rows of these sides and levels, so many of each of these instruments."""
        ends = counts.cumsum()
        rows = np.empty(len(levels), DTYPES[BOOK])
        rows["instrument"] = who.repeat(counts)
        rows["n"] = (self._n[who] - ends + counts).repeat(counts) + np.arange(1, len(levels) + 1)
        rows["t"] = t.repeat(counts)
        rows["side"] = sides
        rows["price_ticks"] = np.abs(levels >> KEY_BITS)
        rows["size"] = levels & SIZE_MASK
        rows["crc"] = NO_CRC
        rows["fresh"] = 0
        there = np.flatnonzero(counts)
        rows["crc"][ends[there] - 1] = self._crc[who[there]]
        self._n[who] += counts
        return rows


def levels_of(ask_ticks: Ints, ask_sizes: Ints, bid_ticks: Ints, bid_sizes: Ints) -> Ints:
    """Return books as `rows` takes them, from prices in ticks and sizes of shape (instruments, 10), best first.

    A size of 0 is no level; prices are below 2**31, sizes below 2**32.
    """
    sides = ((ask_ticks, ask_sizes), (-bid_ticks, bid_sizes))
    return np.hstack([np.where(sizes > 0, keys << KEY_BITS | sizes, EMPTY_LEVEL) for keys, sizes in sides])


def _printed(levels: Ints) -> NDArray[np.uint64]:
    """Return levels as the checksum has them: `price << 32 | size`, 0 for none."""
    there = levels != EMPTY_LEVEL
    printed: Ints = (np.abs(levels >> KEY_BITS) << KEY_BITS | levels & SIZE_MASK) * there
    return printed.view(np.uint64)


def _changed(before: Ints, levels: Ints, differs: Ints, found: Ints) -> NDArray[np.bool_]:
    """Return which levels are deleted and which are set: shape (books, 40), those of `before`, then those of `levels`.

    `found` are the places that differ.
    """
    books = len(levels)
    changed = np.zeros((books, 2, 2, LEVELS), np.bool_)
    # Where a side's prices are what they were, place by place, no more is to be looked at.
    changed[:, 1] = (differs != 0).reshape(-1, 2, LEVELS)
    moving = np.zeros(2 * books, np.bool_)
    moving[found[differs.reshape(-1).take(found) >> KEY_BITS != 0] // LEVELS] = True
    moved = np.flatnonzero(moving)
    book, side = moved >> 1, moved & 1
    # Places of a side stand side by side in the last axis: numpy is quick along that one.
    old, new = (np.ascontiguousarray(all_.reshape(-1, LEVELS).take(moved, 0).T) for all_ in (before, levels))
    old_keys, new_keys = ((some >> KEY_BITS).astype(np.int32) for some in (old, new))
    kept = (old_keys[:, None] == new_keys[None, :]).any(axis=1)
    same = (old[:, None] == new[None, :]).any(axis=0)
    changed[book, 0, side] = ((old != EMPTY_LEVEL) & ~kept).T
    changed[book, 1, side] = ((new != EMPTY_LEVEL) & ~same).T
    return changed.reshape(books, -1)
