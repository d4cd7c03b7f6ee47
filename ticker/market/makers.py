"""Orders that rest: who quotes around the price that the market is worth, deeper and shallower, and takes it back.

On each side the best price follows the worth and the half-spread with hysteresis: a better price is set, a stale one is
pulled, both a moment late. Sizes at the touch are refreshed towards a draw that leans with the place of the worth
between the two sides, which is what makes the imbalance of the touch tell the next move. Deeper levels come and go.
Prices of a side are keys as in `levels`: the smaller, the better.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ticker.market.draws import keys, pieces, words
from ticker.market.exact import Floats, exp
from ticker.market.levels import DEPTH, FAR, SIZE_MAX, Ints, Levels
from ticker.market.tables import COUNT, FARTHEST, level, lognormal
from ticker.market.traits import Traits

Hits = NDArray[np.bool_]

HYSTERESIS_TICKS, HYSTERESIS_SHARE = 0.22, 0.08
"""How far off a best price may be: in ticks, and as a share of the half-spread."""
IMPROVE_S, PULL_S = 0.06, 0.05
"""Mean time until a better price is set, and until a stale one is pulled."""
REFRESHES, PLACEMENTS = 4.2, 1.2
"""Of a side, for every market order of an ordinary moment."""
ROUND_SIZE = 100
TOWARDS = 0.16
"""Share of the way to the draw that a refresh goes."""
SIZE_DEVIATION = 0.97
LEAN, LEAN_TICKS = 1.08, 0.8
"""Logarithm of the size where the worth is so far off the middle, by which it counts as fully on one side."""
LEVELS_KEPT = 11
"""About how many levels a side there are: with more, more is taken back."""
ALWAYS = 2 * COUNT  # more than any draw
_WORST = np.array([-1, FAR])  # the key of a best price: a bid is one tick at least

_PARTS = 257
_LEANS = exp(LEAN * np.linspace(-1.0, 1.0, _PARTS))


@dataclass(frozen=True, slots=True)
class Chances:
    """What happens to each row in a step: which rows, or a truth for each."""

    refreshed: Ints
    improve: Hits
    pull: Hits
    place: Hits
    cancelled: Ints
    draws: NDArray[np.uint16]
    """Two numbers for each of cancel, place and refresh: shape (3, 2, rows)."""


class Makers:
    """Those who quote every instrument, in steps of `step_s`."""

    def __init__(self, seed: int, traits: Traits, levels: Levels, step_s: float) -> None:
        self._keys = keys(seed, "makers", traits.symbols)
        self._levels = levels
        self._lot = traits.lot
        self._touch_size = traits.touch_size / traits.lot / ROUND_SIZE
        self._step_s = step_s
        self._improve, self._pull = (
            np.uint32(COUNT * (1 - float(exp(-step_s / mean_s)))) for mean_s in (IMPROVE_S, PULL_S)
        )
        self._sides = np.tile(np.array([-1.0, 1.0]), len(traits))

    def settle_in(self, rate: Floats, stuffed: Hits | None, quiet: Hits) -> None:
        """Take note of how often things happen from now on, by market orders a second.

        The touch of the `stuffed` is refreshed in every step; nobody quotes the `quiet`.
        """
        often = np.repeat(rate * (self._step_s * COUNT), 2)
        self._refreshes = np.minimum(REFRESHES * often, 0.9 * COUNT).astype(np.uint32)
        self._places = np.minimum(PLACEMENTS * often, 0.8 * COUNT).astype(np.uint32)
        if stuffed is not None:
            self._refreshes[np.repeat(stuffed, 2)] = ALWAYS
            self._places[np.repeat(stuffed, 2)] = ALWAYS
        acting = np.repeat(~quiet, 2)
        self._refreshes *= acting
        self._places *= acting
        self._improves, self._pulls = self._improve * acting, self._pull * acting

    def chances(self, drawn: NDArray[np.uint16]) -> Chances:
        """Return the chances of a step by draws of shape (5, instruments, 4)."""
        first, second = drawn[0, :, :2].reshape(-1), drawn[0, :, 2:].reshape(-1)
        third, fourth = drawn[1, :, :2].reshape(-1), drawn[1, :, 2:].reshape(-1)
        draws = drawn[2:].reshape(3, -1, 2, 2).transpose(0, 2, 1, 3).reshape(3, 2, -1)
        return Chances(
            refreshed=np.flatnonzero(first < self._refreshes),
            improve=second < self._improves,
            pull=second < self._pulls,
            place=third < self._places,
            cancelled=np.flatnonzero(fourth < self._places),
            draws=draws,
        )

    def clear(self, rows: Ints) -> None:
        """Remove the best levels of these rows, where nothing is left."""
        self._levels.remove(rows, np.zeros(len(rows), np.int64))

    def pull(self, edge: Floats, slack: Floats, rows: Ints) -> None:
        """Take back what is quoted better than it should be.

        `edge` is the key that each row's best should have, `slack` how far off it may be.
        """
        self._levels.pull(rows, np.ceil(edge[rows] - slack[rows]).astype(np.int64))

    def cancel(self, draws: NDArray[np.uint16], rows: Ints) -> Ints:
        """Take back orders behind the touch, here and there; return the rows where it was done."""
        sizes = self._levels.sizes
        chosen, how = draws[0].take(rows), draws[1].take(rows)
        count = self._levels.counts.take(rows)
        some = (count > 1) & (count * (COUNT // LEVELS_KEPT) > how)
        rows, count, chosen, how = rows[some], count[some], chosen[some].astype(np.int64), how[some]
        ranks = 1 + ((count - 1) * chosen // COUNT)
        lot = self._lot[rows >> 1]
        less = sizes[rows, ranks] // lot // 2 * lot
        half = (how & 1 == 1) & (less > 0)
        self._levels.cancel(rows[half], ranks[half], less[half])
        self._levels.remove(rows[~half], ranks[~half])
        return rows

    def add(
        self, draws: NDArray[np.uint16], rows: Ints, better: Hits, edge: Floats, slack: Floats, worth: Floats
    ) -> None:
        """Place an order in each of these rows: at a better price where `better`, else behind the touch.

        None is placed at the best price of the other side or beyond, and none below one tick.
        """
        best = self._levels.best
        far, size = draws[0].take(rows), draws[1].take(rows)
        behind = level()[far]
        # The other side's best, as a key of this one: what is not above it would cross or lock.
        limit = -best[rows ^ 1].astype(np.int64)
        wanted = np.maximum(np.ceil(edge[rows] + slack[rows]).astype(np.int64), limit + 1)
        wanted = np.minimum(wanted, _WORST[rows & 1])
        own = best[rows].astype(np.int64)
        better = better | (own == FAR)
        key = np.where(better, np.minimum(wanted, own - 1), own + behind)
        shape = _SHAPE[behind]
        first = np.flatnonzero(better)
        lean = self._lean(rows[first], 0.5 * (key + limit)[first] * self._sides[rows[first]], worth)
        shape[first] = np.where(limit[first] == -FAR, 1.0, lean)
        mean = self._touch_size[rows >> 1] * shape
        lots = np.maximum(1.0, np.rint(mean * lognormal(SIZE_DEVIATION)[size]))
        good = (key > limit) & ((key > 0) == (rows & 1 == 1)) & (key != 0) & (key < FAR // 2)
        unit = ROUND_SIZE * self._lot[rows >> 1]
        self._levels.add(rows[good], key[good], np.minimum(lots.astype(np.int64) * unit, SIZE_MAX)[good])

    def refresh(self, draws: NDArray[np.uint16], rows: Ints, worth: Floats) -> Ints:
        """Change sizes at the touch; return the rows where they changed."""
        best = self._levels.best
        size = draws[0, rows]
        own, other = best[rows].astype(np.int64), -best[rows ^ 1].astype(np.int64)
        there = (own != FAR) & (other != -FAR)
        if not there.all():
            rows, own, other, size = rows[there], own[there], other[there], size[there]
        half = 0.5 * (own - other)
        lean = self._lean(rows, 0.5 * (own + other) * self._sides[rows], worth, half)
        before = self._levels.sizes[rows, 0]
        unit = ROUND_SIZE * self._lot[rows >> 1]
        aim = self._touch_size[rows >> 1] * lean * lognormal(SIZE_DEVIATION)[size] * unit
        lots = np.maximum(1.0, np.rint((before + TOWARDS * (aim - before)) / unit))
        after = np.minimum(lots * unit, SIZE_MAX).astype(np.int32)
        changed = after != before
        where: Ints = rows[changed]
        self._levels.resize(where, after[changed])
        return where

    def _lean(self, rows: Ints, middle: Floats, worth: Floats, half: Floats | float = LEAN_TICKS) -> Floats:
        """Return the factor on sizes of these rows: above one on the side that the worth is away from."""
        place = (worth[rows >> 1] - middle) / np.minimum(half, LEAN_TICKS) * -self._sides[rows]
        found: Floats = _LEANS[((np.minimum(1.0, np.maximum(-1.0, place)) + 1) * (_PARTS // 2)).astype(np.int64)]
        return found

    def seed(self, step: int, edge: Floats, slack: Floats, worth: Floats) -> None:
        """Fill up the book: a price on each side that has none, and as many orders behind as there is room for."""
        rows = np.arange(len(edge))
        for turn in range(DEPTH):
            drawn = pieces(words(self._keys, step * DEPTH + turn, 1))[0]
            draws = drawn.reshape(-1, 2, 2).transpose(1, 0, 2).reshape(2, -1)
            self.add(draws, rows, self._levels.best == FAR, edge, slack, worth)


_DISTANCE = np.arange(FARTHEST + 1)
# Sizes rise to the eighth tick behind the touch, and fall again.
_SHAPE = (1 + 0.35 * np.minimum(_DISTANCE, 8)) * np.sqrt(np.minimum(1.0, 8 / np.maximum(_DISTANCE, 1)))
