"""What was traded in each slot of market time, a second or a minute, as far back as is kept.

Trades are taken in many at once. A slot is there when market time has been in it, whether something traded or not:
over a night there are none. Figures lie in arrays of shape (slots, instruments), the oldest slot written over.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ticker.ticks import BUY, Rows

Ints = NDArray[np.int64]

NONE_LOW = np.iinfo(np.int64).max
FIGURES = 11
OPEN, HIGH, LOW, CLOSE, VOLUME, TURNOVER, TRADES, TAKER_VOLUME, TAKER_TURNOVER, LAST, BROKEN = range(FIGURES)
"""Of each slot: `CLOSE` and `LAST` (the number of the last trade) are carried on where nothing trades; `BROKEN` is how
many trades are in it that no other figure has any more, but for `LAST`."""
NO_TRADE = np.array([0, 0, NONE_LOW, 0, 0, 0, 0, 0, 0, 0, 0], np.int64)[:, None]
GAP_SLOTS = 120  # of slots that one step may have passed through; a longer jump of market time is a night


class Past:
    """The last `kept` slots of `length_us`."""

    def __init__(self, instruments: int, length_us: int, kept: int, t: int) -> None:
        """Begin at market time `t`: nothing is known of what was before."""
        self.length_us = length_us
        self.kept = kept
        self._figures = np.empty((kept, FIGURES, instruments), np.int64)
        self._figures.fill(0)  # so that memory is taken now, and not more and more of it
        self._starts = np.empty(kept, np.int64)
        self.count = 0
        """How many slots there have been: the newest has the number `count - 1`."""
        self.amends = 0
        """How often slots have been amended."""
        self.amended: list[tuple[int, int]] = []
        """What was amended by the newest step: an instrument, and when the slot began."""
        self._close: Ints = np.zeros(instruments, np.int64)
        self._last: Ints = np.zeros(instruments, np.int64)
        self._open(t // length_us * length_us)

    @property
    def oldest(self) -> int:
        """The number of the oldest slot that is kept."""
        return max(0, self.count - self.kept)

    @property
    def start(self) -> int:
        """When the newest slot began."""
        return self.start_of(self.count - 1)

    def start_of(self, slot: int) -> int:
        """Return when a slot began."""
        return int(self._starts[slot % self.kept])

    def first_from(self, t: int) -> int:
        """Return the number of the first slot that began at `t` or later: `count` where none has."""
        low, high = self.oldest, self.count
        while low < high:
            middle = (low + high) // 2
            if self.start_of(middle) < t:
                low = middle + 1
            else:
                high = middle
        return low

    def figures(self, slot: int) -> Ints:
        """Return a slot's figures: a view, shape (FIGURES, instruments)."""
        found: Ints = self._figures[slot % self.kept]
        return found

    def starts_of(self, slots: Ints) -> Ints:
        """Return when these slots began."""
        found: Ints = self._starts[slots % self.kept]
        return found

    def column(self, slots: Ints, instrument: int) -> Ints:
        """Return one instrument's figures in these slots: shape (slots, FIGURES)."""
        found: Ints = self._figures[slots % self.kept, :, instrument]
        return found

    def slot_at(self, t: int) -> int | None:
        """Return the number of the slot that a market time is in, None where it is not kept."""
        start = t // self.length_us * self.length_us
        slot = self.first_from(start)
        return slot if slot < self.count and self.start_of(slot) == start else None

    def amend(self, slot: int, instrument: int, trades: Rows, broken: int) -> bool:
        """Have a slot be of these trades of an instrument, after so many others in it have been broken.

        Nothing is done where these are not all that there were. The price is 0 where there is none any more.
        """
        kept = self._figures[slot % self.kept, :, instrument]
        before = int(self._figures[(slot - 1) % self.kept, CLOSE, instrument]) if slot > self.oldest else 0
        if kept[TRADES] + kept[BROKEN] != len(trades) + broken:
            return False
        kept[:] = [*_figures_of(trades, before), kept[LAST], broken]
        self._carry(slot, instrument, int(kept[CLOSE]))
        self.amends += 1
        self.amended.append((instrument, self.start_of(slot)))
        return True

    def _carry(self, slot: int, instrument: int, close: int) -> None:
        """Carry a last price on, up to where something trades again."""
        for later in range(slot + 1, self.count):
            kept = self._figures[later % self.kept, :, instrument]
            if kept[TRADES]:
                return
            kept[CLOSE] = close
        self._close[instrument] = close

    def take(self, times: Sequence[int], trades: Rows) -> None:
        """Take in the market times at which steps ended, ascending, and their trades, in the order of the tape."""
        slots = trades["t"] // self.length_us
        if len(slots) and (slots[1:] < slots[:-1]).any():  # by instrument, in a step that reaches into another slot
            order = np.argsort(slots, kind="stable")
            trades, slots = trades[order], slots[order]
        passed = np.union1d(np.array(times, np.int64) // self.length_us, slots)
        edges = np.searchsorted(slots, passed, side="right").tolist()
        for slot, begin, end in zip(passed.tolist(), [0, *edges], edges, strict=False):
            self._reach(slot * self.length_us)
            if begin < end:
                self._add(trades[begin:end])

    def _reach(self, start: int) -> None:
        """Open all slots up to one."""
        gap = (start - self.start) // self.length_us
        if gap > GAP_SLOTS:
            self._open(start)
            return
        for _ in range(gap):
            self._open(self.start + self.length_us)

    def _open(self, start: int) -> None:
        place = self.count % self.kept
        self._starts[place] = start
        self._figures[place] = NO_TRADE
        self._figures[place, CLOSE] = self._close
        self._figures[place, LAST] = self._last
        self.count += 1

    def _add(self, trades: Rows) -> None:
        """Add trades of one slot: the newest, or, where a step was late for them, the one they belong to."""
        slot = self.count - 1
        order = np.argsort(trades["instrument"], kind="stable")
        trades = trades[order]
        who = trades["instrument"]
        starts = np.flatnonzero(np.append(True, who[1:] != who[:-1]))
        ends = np.append(starts[1:], len(who)) - 1
        who = who[starts]
        price, size = trades["price_ticks"], trades["size"]
        taken = size * (trades["side"] == BUY)
        kept = self._figures[slot % self.kept]
        new = kept[TRADES, who] == 0
        kept[OPEN, who[new]] = price[starts[new]]
        kept[HIGH, who] = np.maximum(kept[HIGH, who], np.maximum.reduceat(price, starts))
        kept[LOW, who] = np.minimum(kept[LOW, who], np.minimum.reduceat(price, starts))
        for place, values in ((VOLUME, size), (TURNOVER, size * price), (TAKER_VOLUME, taken)):
            kept[place, who] += np.add.reduceat(values, starts)
        kept[TAKER_TURNOVER, who] += np.add.reduceat(taken * price, starts)
        kept[TRADES, who] += ends - starts + 1
        self._close[who] = kept[CLOSE, who] = price[ends]
        self._last[who] = kept[LAST, who] = trades["n"][ends]


def _figures_of(trades: Rows, before: int) -> list[int]:
    """Return what trades of one instrument come to, up to `LAST`; without any, the price is the one before."""
    if not len(trades):
        return [0, 0, NONE_LOW, before, 0, 0, 0, 0, 0]
    price, size = trades["price_ticks"], trades["size"]
    taken = size * (trades["side"] == BUY)
    prices = price[0], price.max(), price.min(), price[-1]
    return [*map(int, (*prices, size.sum(), (size * price).sum(), len(trades), taken.sum(), (taken * price).sum()))]


class Sum(NamedTuple):
    """Some slots as one: figures of shape (FIGURES, instruments), and the last price before them, 0 for none."""

    figures: Ints
    before: Ints


def summed(past: Past, first: int, end: int) -> Sum:
    """Return the slots from `first` up to, not including, `end` as one; those no longer kept are left out."""
    first = max(first, past.oldest)
    instruments = past.figures(past.count - 1).shape[1]
    before = past.figures(first - 1)[CLOSE].copy() if first > past.oldest else np.zeros(instruments, np.int64)
    if first >= end:
        nothing = np.repeat(NO_TRADE, instruments, axis=1)
        if first > past.oldest:
            nothing[CLOSE], nothing[LAST] = past.figures(first - 1)[CLOSE], past.figures(first - 1)[LAST]
        return Sum(nothing, before)
    all_of_them = np.stack([past.figures(slot) for slot in range(first, end)])
    figures = all_of_them.sum(axis=0)
    figures[HIGH] = all_of_them[:, HIGH].max(axis=0)
    figures[LOW] = all_of_them[:, LOW].min(axis=0)
    figures[CLOSE], figures[LAST] = all_of_them[-1, CLOSE], all_of_them[-1, LAST]
    opened = (all_of_them[:, TRADES] > 0).argmax(axis=0)
    figures[OPEN] = all_of_them[opened, OPEN, np.arange(instruments)]
    return Sum(figures, before)


def joined(earlier: Sum, later: Ints) -> Sum:
    """Return a sum with the slot that follows it: its figures."""
    had = earlier.figures
    figures = had + later
    figures[OPEN] = np.where(had[TRADES] > 0, had[OPEN], later[OPEN])
    figures[HIGH], figures[LOW] = np.maximum(had[HIGH], later[HIGH]), np.minimum(had[LOW], later[LOW])
    figures[CLOSE], figures[LAST] = later[CLOSE], later[LAST]
    return Sum(figures, earlier.before)


class Window:
    """The sum of a stretch of slots up to now, of which all but the newest are added up once."""

    def __init__(self, past: Past) -> None:
        self._past = past
        self._key = (-1, -1, -1)
        self._whole: Sum | None = None

    def upto_now(self, first: int) -> Sum:
        """Return the sum of the slots from `first` on, the newest as it is now."""
        past = self._past
        newest = past.count - 1
        if self._key != (first, newest, past.amends) or self._whole is None:
            self._key, self._whole = (first, newest, past.amends), self._grown(first, newest)
        return joined(self._whole, past.figures(newest))

    def _grown(self, first: int, newest: int) -> Sum:
        if self._whole is not None and self._key == (first, newest - 1, self._past.amends):
            return joined(self._whole, self._past.figures(newest - 1))
        return summed(self._past, first, newest)
