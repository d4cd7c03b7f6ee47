"""What so many measured values were at most."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ticker_load.histogram import Histogram

SHARES = (0.5, 0.9, 0.99, 0.999, 0.9999)


@dataclass(frozen=True, slots=True)
class Percentiles:
    """What so many values were at most, to three significant digits; `min` and `max` are exact."""

    count: int
    min: int
    p50: int
    p90: int
    p99: int
    p99_9: int
    p99_99: int
    max: int

    @classmethod
    def of(cls, values: Iterable[int] | NDArray[np.int64]) -> Self | None:
        """Return the percentiles of integers, None where there are none."""
        return cls.among(Histogram.of(values))

    @classmethod
    def among(cls, found: Histogram) -> Self | None:
        """Return the percentiles of what was counted, None where that is nothing."""
        if found.min is None or found.max is None:
            return None
        p50, p90, p99, p99_9, p99_99 = (max(found.min, value) for value in found.at(SHARES))
        return cls(found.count, found.min, p50, p90, p99, p99_9, p99_99, found.max)
