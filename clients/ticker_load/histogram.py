"""Counts of values in buckets as HdrHistogram has them: three significant digits from 0 to hours of microseconds.

Two histograms are added bucket by bucket, so that what many processes saw is as exact as what one saw.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from numpy.typing import NDArray

HALF_BITS = 10
HALF = 1 << HALF_BITS  # values below twice this have a bucket each; above, buckets are 0.1 % wide at most
TOP = 1 << 40
BUCKETS = (40 - HALF_BITS) * HALF + HALF


def _bucket(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the bucket of each value."""
    exponent = np.frexp(values.astype(np.float64))[1].astype(np.int64)
    shift = np.maximum(exponent - HALF_BITS - 1, 0)
    bucket: NDArray[np.int64] = shift * HALF + (values >> shift)
    return bucket


def _highest(bucket: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the greatest value of each bucket."""
    shift = np.maximum(bucket // HALF - 1, 0)
    highest: NDArray[np.int64] = ((bucket - shift * HALF + 1) << shift) - 1
    return highest


@dataclass(frozen=True, slots=True)
class Packed:
    """A histogram without its empty buckets: some kilobytes in place of a quarter of a megabyte."""

    places: NDArray[np.uint16]
    counts: NDArray[np.int64]
    min: int | None
    max: int | None


@dataclass(slots=True)
class Histogram:
    """So many values, all from 0 on; what is less counts as 0, but `min` remembers it."""

    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(BUCKETS, np.int64))
    min: int | None = None
    max: int | None = None

    @classmethod
    def of(cls, values: Iterable[int] | NDArray[np.int64]) -> Self:
        made = cls()
        made.record(values if isinstance(values, np.ndarray) else np.fromiter(values, np.int64))
        return made

    @property
    def count(self) -> int:
        return int(self.counts.sum())

    def record(self, values: NDArray[np.int64]) -> None:
        """Count values."""
        if len(values):
            self._extend(int(values.min()), int(values.max()))
            self.counts += np.bincount(_bucket(np.clip(values, 0, TOP - 1)), minlength=BUCKETS)

    def add(self, other: "Histogram | Packed | None") -> Self:
        """Count all that another one has counted."""
        if other is not None and other.min is not None and other.max is not None:
            self._extend(other.min, other.max)
            if isinstance(other, Packed):
                self.counts[other.places] += other.counts
            else:
                self.counts += other.counts
        return self

    def packed(self) -> Packed:
        """Return the same, small."""
        places = np.flatnonzero(self.counts)
        return Packed(places.astype(np.uint16), self.counts[places], self.min, self.max)

    def at(self, shares: Iterable[float]) -> list[int]:
        """Return what so large shares (0 to 1) of the values are at most; nothing may be asked of an empty one."""
        total = np.cumsum(self.counts)
        ranks = [max(1, int(np.ceil(share * int(total[-1]) - 1e-9))) for share in shares]
        tops = _highest(np.searchsorted(total, ranks).astype(np.int64))
        return [min(int(top), self.max or 0) for top in tops]

    def filled(self) -> Iterable[tuple[int, int]]:
        """Yield the greatest value of each bucket that is not empty, and its count."""
        places = np.flatnonzero(self.counts)
        return zip(_highest(places).tolist(), self.counts[places].tolist(), strict=True)

    def _extend(self, least: int, most: int) -> None:
        self.min = least if self.min is None else min(self.min, least)
        self.max = most if self.max is None else max(self.max, most)
