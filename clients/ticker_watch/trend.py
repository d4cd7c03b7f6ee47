"""The last minutes of prices, a cell for every few seconds of market time, and their picture in blocks. Pure."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Prices = NDArray[np.float64]

CELLS = 96
BLOCKS = " ▁▂▃▄▅▆▇█"
_STEPS = len(BLOCKS) - 1


class Trend:
    """Prices of `count` instruments, of shape (count, CELLS): a ring of cells of `cell_us` of market time each.

    A cell has the price that stood at its end; NaN where none was known yet.
    """

    def __init__(self, count: int, cell_us: int) -> None:
        self.cell_us = cell_us
        self._newest = -1
        self._prices: Prices = np.full((count, CELLS), np.nan)

    @property
    def begun(self) -> bool:
        """Whether there is a time to which prices belong."""
        return self._newest >= 0

    def note(self, t: int, prices: Prices) -> None:
        """Note what all prices, shape (count,), are at a market time; what is older than the newest cell is no news."""
        cell = t // self.cell_us
        if not self.begun:
            self._newest = cell
        elif cell > self._newest:
            between = np.arange(max(self._newest + 1, cell - CELLS + 1), cell + 1) % CELLS
            self._prices[:, between] = self._prices[:, [self._newest % CELLS]]
            self._newest = cell
        self._prices[:, self._newest % CELLS] = prices

    def fill(self, instrument: int, times: Sequence[int], prices: Sequence[float]) -> None:
        """Fill in what was before, from closes of bars by their market time, oldest first."""
        places = np.arange(self._newest - CELLS + 1, self._newest + 1)
        known = self._prices[instrument, places % CELLS]
        cells = np.asarray(times, np.int64) // self.cell_us
        at = np.searchsorted(cells, places, side="right") - 1
        closes = np.asarray(prices, np.float64)
        if len(closes):
            known = np.where(np.isnan(known) & (at >= 0), closes[at], known)
            self._prices[instrument, places % CELLS] = known

    def newest(self, instrument: int, width: int) -> list[float]:
        """Return the newest cells of an instrument, oldest first: at most so many."""
        ring: list[float] = self._prices[instrument].tolist()
        first = (self._newest + 1) % CELLS
        return (ring[first:] + ring[:first])[-width:]

    def copy(self) -> "Trend":
        """Return another one with the same prices."""
        twin = Trend(0, self.cell_us)
        twin._newest, twin._prices = self._newest, self._prices.copy()
        return twin


def picture(prices: Sequence[float], height: int = 1) -> list[str]:
    """Return prices as so many lines of blocks, the highest first; blank where none is known."""
    known = _known(prices)
    if not known:
        return [" " * len(prices)] * height
    low, span = min(known), max(known) - min(known)
    most = height * _STEPS - 1
    scale = most / span if span > 0 else 0.0
    middle = 0.0 if scale else most / 2  # prices that do not move are in the middle
    levels = [int(1.5 + middle + (price - low) * scale) if price == price else 0 for price in prices]
    if height == 1:
        return ["".join([BLOCKS[level] for level in levels])]
    floors = range((height - 1) * _STEPS, -1, -_STEPS)
    return ["".join([BLOCKS[min(max(level - floor, 0), _STEPS)] for level in levels]) for floor in floors]


def way(prices: Sequence[float]) -> int:
    """Return 1 where prices have risen, -1 where they have fallen, else 0."""
    known = _known(prices)
    return (known[-1] > known[0]) - (known[-1] < known[0]) if known else 0


def _known(prices: Sequence[float]) -> list[float]:
    return [price for price in prices if price == price]  # NaN is not
