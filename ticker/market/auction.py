"""The opening auction: orders gather at limit prices, then all that can trade does so at one price.

That price is the one at which most is traded; of several the one that leaves the least over, then the one nearest to
the middle. What does not trade stays as the book that the day begins with: nothing is lost, and bids and asks do not
meet, because at the price itself only one side has anything left.
"""

from typing import Any, NamedTuple

import numpy as np

from ticker.market.draws import keys, pieces, words
from ticker.market.exact import exp
from ticker.market.levels import SIZE_MAX, Ints
from ticker.market.makers import ROUND_SIZE
from ticker.market.tables import lognormal
from ticker.market.traits import Traits

REACH = 24
"""Limit prices lie at most so many ticks off the middle."""
CROSSING, BEHIND = 2.0, 12.0
"""How fast orders become rare, in ticks: those that would pay more than the middle, and those that would not."""
TRICKLE_S = 20.0
"""A second of waiting brings one part in so many of the orders that gathered overnight."""
_DEVIATION = 0.9
_PRICES = 2 * REACH + 1
# Places by their distance from the middle, which is preferred.
_NEAREST = np.argsort(np.abs(np.arange(_PRICES) - REACH), kind="stable")


class Uncrossed(NamedTuple):
    """What an auction comes to, an instrument a row: its price, what is traded, and what is left over.

    `prices`, and `bids` and `asks` that are left there, have shape (instruments, prices).
    """

    price_ticks: Ints
    volume: Ints
    prices: Ints
    bids: Ints
    asks: Ints


class Auction:
    """Orders at limit prices around a middle of each instrument: shape (2, instruments, prices)."""

    def __init__(self, seed: int, traits: Traits, step_s: float) -> None:
        self._keys = keys(seed, "auction", traits.symbols)
        self._lot = traits.lot
        self._mean = traits.touch_size / traits.lot / ROUND_SIZE
        self._step_s = step_s
        self._middle = np.zeros(len(traits), np.int64)
        self.orders = np.zeros((2, len(traits), _PRICES), np.int64)
        off = np.arange(_PRICES) - REACH
        bids = np.where(off <= 0, exp(-np.abs(off) / BEHIND), 0.8 * exp(-np.abs(off) / CROSSING))
        self._shape = np.stack([bids, bids[::-1]])

    def state(self) -> dict[str, Any]:
        """Return all that is gathered."""
        return {"middle": self._middle.copy(), "orders": self.orders.copy()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self._middle, self.orders = state["middle"].copy(), state["orders"].copy()

    def begin(self, step: int, middle: Ints) -> None:
        """Begin anew with the orders of the night, around these prices in ticks."""
        self._middle = np.maximum(middle, REACH + 2)
        self.orders[:] = 0
        self._gather(step, 1.0)

    def follow(self, who: Ints, middle: Ints) -> None:
        """Have the orders of these instruments stand around other prices from now on, as far off as they were."""
        self._middle[who] = np.maximum(middle, REACH + 2)

    def gather(self, step: int) -> None:
        """Take in what comes in a step."""
        self._gather(step, min(1.0, self._step_s / TRICKLE_S))

    def _gather(self, step: int, share: float) -> None:
        """Add orders: at each price a draw, of which only whole lots come, by a chance of their own."""
        count = 2 * _PRICES
        drawn = pieces(words(self._keys, step * count, count))
        size = lognormal(_DEVIATION)[drawn[:, :, 0]].T.reshape(-1, 2, _PRICES).transpose(1, 0, 2)
        chance = drawn[:, :, 1].T.reshape(-1, 2, _PRICES).transpose(1, 0, 2)
        mean = self._mean[None, :, None] * self._shape[:, None, :] * size * share
        lots = np.floor(mean + chance / 65536.0).astype(np.int64)
        unit = ROUND_SIZE * self._lot[None, :, None]
        most = np.maximum(1, SIZE_MAX // _PRICES // unit) * unit
        self.orders = np.minimum(self.orders + lots * unit, most)

    def uncross(self) -> Uncrossed:
        """Return what would trade now, and what would be left."""
        bids, asks = self.orders
        demand = np.cumsum(bids[:, ::-1], axis=1)[:, ::-1]
        supply = np.cumsum(asks, axis=1)
        volume = np.minimum(demand, supply)
        # In round lots, below 2**31 each: most volume first, then the least surplus.
        unit = ROUND_SIZE * self._lot[:, None]
        score = (volume // unit << 31) - np.abs(demand - supply) // unit
        place = _NEAREST[score[:, _NEAREST].argmax(1)]
        at = np.arange(len(place))
        traded = volume[at, place]
        left = _filled(bids[:, ::-1], traded)[:, ::-1], _filled(asks, traded)
        prices = self._middle[:, None] + np.arange(_PRICES) - REACH
        return Uncrossed(prices[at, place], traded, prices, *left)


def _filled(orders: Ints, traded: Ints) -> Ints:
    """Return what is left of orders, best price first, when so much is traded."""
    before = np.cumsum(orders, axis=1) - orders
    left: Ints = orders - np.clip(traded[:, None] - before, 0, orders)
    return left
