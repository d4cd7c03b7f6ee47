"""What is counted in a run of any length, in memory that is bounded."""

from array import array
from dataclasses import dataclass, field

import numpy as np

from ticker_load.histogram import Histogram

NOTED_MAX = 10_000
POSITIONS_MAX = 1 << 15
SAMPLES_MAX = 1024


@dataclass(slots=True)
class Durations:
    """Microseconds, one after the other; all but the latest are in a histogram."""

    histogram: Histogram = field(default_factory=Histogram)
    _noted: "array[int]" = field(default_factory=lambda: array("q"))

    def __len__(self) -> int:
        return self.histogram.count + len(self._noted)

    def append(self, us: int) -> None:
        self._noted.append(us)
        if len(self._noted) > NOTED_MAX:
            self._fold()

    def all(self) -> Histogram:
        """Return them all."""
        self._fold()
        return self.histogram

    def join(self, other: "Durations") -> None:
        self.histogram.add(other.all())

    def _fold(self) -> None:
        self.histogram.record(np.frombuffer(self._noted, np.int64))
        self._noted = array("q")


@dataclass(slots=True)
class Spread:
    """By position, who had it first, who last, and how many had it.

    Of very many positions every second one is kept, then every fourth: the same ones in every process.
    """

    every: int = 1
    _found: dict[int, tuple[int, int, int]] = field(default_factory=dict)

    def take(self, seq: int, first_us: int, last_us: int, count: int) -> None:
        """Note that so many readers had a position."""
        if seq % self.every:
            return
        known = self._found.get(seq)
        if known is not None:
            first_us, last_us, count = min(known[0], first_us), max(known[1], last_us), known[2] + count
        self._found[seq] = (first_us, last_us, count)
        if len(self._found) > POSITIONS_MAX:
            self._thin(self.every * 2)

    def join(self, other: "Spread") -> None:
        """Take over what another process has seen."""
        self._thin(max(self.every, other.every))
        for seq, found in other._found.items():
            self.take(seq, *found)

    def all(self) -> Histogram:
        """Return how long after the first reader the last one had each position, where there were several."""
        return Histogram.of([last - first for first, last, count in self._found.values() if count > 1])

    def _thin(self, every: int) -> None:
        if every > self.every:
            self.every = every
            self._found = {seq: found for seq, found in self._found.items() if seq % every == 0}


def thin(samples: "array[int]") -> None:
    """Leave out every second one of samples that have become too many."""
    if len(samples) >= SAMPLES_MAX:
        samples[:] = samples[::2]
