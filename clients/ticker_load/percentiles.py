"""What so many measured values were at most."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Percentiles:
    """What so many values were at most: observed values, none interpolated."""

    count: int
    min: int
    p50: int
    p90: int
    p99: int
    p99_9: int
    max: int

    @classmethod
    def of(cls, values: Iterable[int] | NDArray[np.int64]) -> Self | None:
        """Return the percentiles of integers, None where there are none."""
        ordered = np.sort(values if isinstance(values, np.ndarray) else np.fromiter(values, np.int64))
        count = len(ordered)
        if not count:
            return None
        ranks = [max(1, -(-count * share // 1000)) for share in (0, 500, 900, 990, 999, 1000)]  # in integers: exact
        return cls(count, *ordered[np.array(ranks) - 1].tolist())
