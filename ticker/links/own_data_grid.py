"""How fine the prices and sizes of somebody's own file are, and the whole numbers that they become.

Rules: a price has as many decimals as the prices of its symbol need, eight at most, or those of a grid that was asked
for. Sizes are counted in one unit for the whole file, a power of ten that leaves none out; it is coarser where the sum
of price x size would not fit into 64 bits.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ticker.errors import ConfigError

DECIMALS_MAX = 8
TICKS_MAX = 2**53  # what JavaScript's numbers hold
TURNOVER_MAX = 4e18  # of a symbol over the whole file, in ticks x units: half of what 64 bits hold
_NOISE = 4 * np.finfo(np.float64).eps
_SCALES = 10.0 ** np.arange(DECIMALS_MAX + 1)


class Grid(NamedTuple):
    """Prices are multiples of `units / 10**decimals`."""

    decimals: int
    units: int

    @classmethod
    def parse(cls, text: str) -> "Grid":
        """Return the grid of a decimal such as 0.05. Raises ConfigError for one of 0."""
        if not float(text):
            raise ConfigError(f"replay.tick: must be more than 0, got {text!r}")
        return cls(len(text.partition(".")[2]), int(text.replace(".", "")))

    def ticks(self, prices: NDArray[np.float64]) -> NDArray[np.int64]:
        found: NDArray[np.int64] = np.rint(prices * (10**self.decimals / self.units)).astype(np.int64)
        return found

    def snap(self, prices: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the nearest prices on the grid."""
        ticks: NDArray[np.float64] = np.rint(prices * (10**self.decimals / self.units))
        return ticks * self.units / 10.0**self.decimals

    def __str__(self) -> str:
        return f"{self.units / 10**self.decimals:.{self.decimals}f}"


class Fineness:
    """What the prices of so many symbols need, and the sizes of all."""

    def __init__(self, symbols: int) -> None:
        self.decimals = np.zeros(symbols, np.int64)
        self.most = np.zeros(symbols)
        self.turnover = np.zeros(symbols)
        self.size_decimals = 0
        self.size_most = 0.0
        self.volume = np.zeros(symbols)

    def note(self, who: NDArray[np.int32], prices: NDArray[np.float64], sizes: NDArray[np.float64] | None) -> None:
        """Take in prices; `sizes` those of trades."""
        if not len(who):
            return
        np.maximum.at(self.decimals, who, _decimals(prices))
        np.maximum.at(self.most, who, prices)
        if sizes is not None:
            np.add.at(self.turnover, who, prices * sizes)
            np.add.at(self.volume, who, sizes)

    def note_sizes(self, sizes: NDArray[np.float64]) -> None:
        """Take in sizes."""
        if len(sizes):
            self.size_decimals = max(self.size_decimals, int(_decimals(sizes).max()))
            self.size_most = max(self.size_most, float(sizes.max()))

    def grids(self, names: list[str], given: Grid | None) -> list[Grid]:
        """Return the grid of each symbol. Raises ConfigError where its prices are too large for it."""
        grids = [given or Grid(int(self.decimals[number]), 1) for number in range(len(names))]
        for number, (name, grid) in enumerate(zip(names, grids, strict=True)):
            if self.most[number] * 10**grid.decimals / grid.units >= TICKS_MAX:
                prices = f"the prices of {name}, up to {self.most[number]:g}"
                raise ConfigError(f"replay.tick: {prices}, are too large for a tick of {grid}: give a coarser one")
        return grids

    def power(self, names: list[str], grids: list[Grid]) -> int:
        """Return how many decimals of a size count. Raises ConfigError where not even whole sizes would fit."""
        ticks = np.array([10**grid.decimals / grid.units for grid in grids])
        turnover, volume = self.turnover[: len(names)] * ticks, self.volume[: len(names)]
        for power in range(self.size_decimals, -1, -1):
            scale = 10.0**power
            if max(float(volume.max()), self.size_most) * scale < TICKS_MAX and turnover.max() * scale < TURNOVER_MAX:
                return power
        name = names[int(np.argmax(turnover))]
        raise ConfigError(
            f"replay.tick: price times size of {name} does not fit into 64 bits with a tick of "
            f"{grids[int(np.argmax(turnover))]}: give a coarser one"
        )


def _decimals(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return how many decimals each value has, eight at most."""
    found = np.zeros(len(values), np.int64)
    left = np.arange(len(values))
    for decimals, scale in enumerate(_SCALES):
        scaled = values[left] * scale
        left = left[np.abs(scaled - np.rint(scaled)) > _NOISE * np.maximum(scaled, 1.0)]
        if not len(left):
            break
        found[left] = min(decimals + 1, DECIMALS_MAX)
    return found
