"""Orders at market: when they come, on which side, how large, and what they tell the price.

Arrivals are a self-exciting (Hawkes) process with three exponential kernels. Signs come from metaorders of Pareto
length that are worked in pieces (Lillo, Mike and Farmer, 2005); some orders follow what the market has done and this
price has not yet. Impact is measured against what was to be expected, so that predictable signs leave the price a
martingale. A remainder that found nothing at the touch goes on at the next price, a step later.
"""

from dataclasses import dataclass
from math import ceil, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ticker.market.draws import keys, pieces, words, words_at
from ticker.market.exact import Floats, exp, power
from ticker.market.levels import Ints
from ticker.market.tables import COUNT, order_size, pareto
from ticker.market.traits import Traits

KERNELS = ((0.15, 0.32), (3.0, 0.22), (60.0, 0.10))
"""Time constants in seconds, and how many orders an order brings about through each."""
SPONTANEOUS = 1 - sum(share for _, share in KERNELS)
METAORDERS = (0.6, 0.25, 0.15)
"""Worked at once for each instrument; their shares in its orders."""
LENGTH_EXPONENT, LENGTH_MAX = 1.5, 3000
FOLLOWERS = 0.15
"""Share of orders that follow the market."""
IMPACT_EXPONENT, IMPACT_MAX = 0.9, 14.0
"""Impact of an order of size v: (v / 100)**exponent, at most so much."""
ROUNDS_MAX, ROUND_S = 8, 0.02
"""Orders of an instrument in one step, at most; a short step has two, and one more for so many seconds of it."""
PRINTS = (0.68, 0.18, 0.09, 0.05)
"""How often an order meets one, two, three or four others at a price."""

_WORDS = 2  # drawn for an order
_EDGES = np.cumsum(METAORDERS)[:-1] * COUNT


@dataclass(frozen=True, slots=True)
class Arrived:
    """The orders of a step, an instrument's one after the other: `who` ascends, `number` counts from 0 in each.

    `first` has the place of each instrument's first. `buys` bool; `size` as much as it wants; `surprise` is its sign
    times its impact less what was expected, in units of an ordinary order, and 0 for the rest of an earlier one;
    `prints` is how many it meets at most.
    """

    who: Ints
    number: Ints
    first: Ints
    buys: NDArray[np.bool_]
    size: Ints
    surprise: Floats
    prints: Ints


class Orders:
    """The traders of every instrument, in steps of `step_s`."""

    def __init__(self, seed: int, traits: Traits, step_s: float) -> None:
        count = len(traits)
        self._step_s = step_s
        self.rounds_max = min(ROUNDS_MAX, 2 + ceil(step_s / ROUND_S))
        """Orders of an instrument in a step, at most."""
        self._keys = keys(seed, "orders", traits.symbols)
        self._lot = traits.lot
        self._decay = exp(np.array([-step_s / tau_s for tau_s, _ in KERNELS]))[:, None]
        # So that an order brings about as many others in steps as it would in continuous time.
        self._kick = np.array([[share] for _, share in KERNELS]) * (1 - self._decay) / step_s
        self._excited = np.zeros((len(KERNELS), count))
        first = pieces(words(keys(seed, "metaorders", traits.symbols), 0, len(METAORDERS)))
        self._sign = np.where(first[:, :, 0] & 1, 1, -1).astype(np.int8)
        # Of an order that is met on its way, the rest is longer than an order's length: Pareto with one less.
        self._left = pareto(LENGTH_EXPONENT - 1, LENGTH_MAX)[first[:, :, 1]]
        self.pending = np.zeros(count, np.int64)
        """What is left of an order that goes on at the next price, below 0 of one that sells."""
        weights = power(order_size() / 100.0, IMPACT_EXPONENT)
        weights = np.minimum(IMPACT_MAX, weights)
        self._impact = weights / sqrt(sum((weights * weights).tolist()) / COUNT)
        self._mean_impact = sum(self._impact.tolist()) / COUNT
        planned = (1 - FOLLOWERS) * (1 - FOLLOWERS) * sum(share * share for share in METAORDERS)
        self.scale = 1 / sqrt(1 - self._mean_impact * self._mean_impact * planned)
        """What makes the variance of a surprise one."""

    def state(self) -> dict[str, Any]:
        """Return all that later orders depend on."""
        parts: dict[str, NDArray[Any]] = {
            "excited": self._excited,
            "sign": self._sign,
            "left": self._left,
            "pending": self.pending,
        }
        return {name: array.copy() for name, array in parts.items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self._excited, self._sign = state["excited"].copy(), state["sign"].copy()
        self._left, self.pending = state["left"].copy(), state["pending"].copy()

    def calm(self) -> None:
        """Forget what was going on: a day begins."""
        self._excited[:] = 0.0
        self.pending[:] = 0

    def count(self, rate: Floats, chance: Floats) -> Ints:
        """Return how many orders come in a step; `rate` is orders a second, `chance` uniform in [0, 1)."""
        excited = self._excited
        expected = (rate * SPONTANEOUS + excited[0] + excited[1] + excited[2]) * self._step_s
        return np.asarray(expected + chance, np.int64)

    def expected(self, trend: Ints) -> Floats:
        """Return the mean sign of the next order of each instrument, impact included; `trend` has followers' signs."""
        sign = self._sign
        planned = METAORDERS[0] * sign[0] + METAORDERS[1] * sign[1] + METAORDERS[2] * sign[2]
        return np.asarray(self._mean_impact * ((1 - FOLLOWERS) * planned + FOLLOWERS * trend), np.float64)

    def fade(self) -> None:
        """Let a step pass."""
        self._excited *= self._decay

    def excite(self, arrived: Arrived) -> None:
        """Take note of orders: more are going to follow."""
        new = np.bincount(arrived.who[arrived.surprise != 0], minlength=self._excited.shape[1])
        self._excited += self._kick * new

    def arrive(self, step: int, who: Ints, count: Ints, expected: Floats, trend: Ints) -> Arrived:
        """Return so many orders of each of these instruments (ascending): what is left of one goes first."""
        at = who.repeat(count)
        first = np.cumsum(count) - count
        number = np.arange(len(at)) - first.repeat(count)
        counter = (step * ROUNDS_MAX + number) * _WORDS
        drawn = pieces(words_at(self._keys[at], np.stack([counter, counter + 1])))
        which, follows, length, coin = drawn[0].T
        pick = np.searchsorted(_EDGES, which, side="right")
        rest = np.where(number == 0, self.pending[at], 0)
        new = rest == 0
        trends = (follows < FOLLOWERS * COUNT) & (trend[at] != 0)
        sign = np.where(trends, trend[at], self._sign[pick, at])
        worked = np.flatnonzero(new & ~trends)
        self._work(pick[worked] * len(self._keys) + at[worked], length[worked], coin[worked])
        buys = np.where(new, sign > 0, rest > 0)
        size = drawn[1, :, 0]
        surprise = np.where(new, sign * self._impact[size] - expected[at], 0.0)
        wanted = np.where(new, order_size()[size] * self._lot[at], np.abs(rest))
        return Arrived(at, number, first, buys, wanted, surprise, _PRINTS[drawn[1, :, 1]])

    def _work(self, places: Ints, length: NDArray[np.uint16], coin: NDArray[np.uint16]) -> None:
        """Take a piece off the metaorders that were worked; one that is done is followed by another."""
        left, sign = self._left.reshape(-1), self._sign.reshape(-1)
        np.subtract.at(left, places, 1)
        done = left[places] <= 0
        if done.any():
            places = places[done]
            left[places] = pareto(LENGTH_EXPONENT, LENGTH_MAX)[length[done]]
            sign[places] = np.where(coin[done] & 1, 1, -1)


_PRINTS = np.searchsorted(np.cumsum(PRINTS)[:-1] * COUNT, np.arange(COUNT), side="right") + 1
