"""What the model knows of each instrument, as arrays in the order of the universe."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ticker.instruments import Universe
from ticker.market.exact import Floats


@dataclass(frozen=True, slots=True)
class Traits:
    """Arrays of shape (instruments,).

    `volatility` is the standard deviation of a day's relative return, `orders_per_s` the mean rate of market orders,
    `touch_size` the mean size at the best level, `lot` what all sizes are multiples of.
    """

    symbols: list[str]
    sectors: list[str]
    reference_ticks: NDArray[np.int64]
    lot: NDArray[np.int64]
    volatility: Floats
    beta: Floats
    orders_per_s: Floats
    touch_size: Floats

    def __len__(self) -> int:
        return len(self.symbols)

    @classmethod
    def of(cls, universe: Universe) -> "Traits":
        """Return those of a universe."""
        return cls(
            symbols=[instrument.symbol for instrument in universe],
            sectors=[instrument.sector for instrument in universe],
            reference_ticks=np.array([instrument.reference_ticks for instrument in universe], np.int64),
            lot=np.array([instrument.lot for instrument in universe], np.int64),
            volatility=np.array([instrument.volatility for instrument in universe], np.float64),
            beta=np.array([instrument.beta for instrument in universe], np.float64),
            orders_per_s=np.array([instrument.orders_per_s for instrument in universe], np.float64),
            touch_size=np.array([instrument.touch_size for instrument in universe], np.float64),
        )
