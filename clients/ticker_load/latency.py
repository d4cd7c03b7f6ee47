"""How late messages were, measured from when they were due.

The server tells no schedule, so it is read off the messages: position `seq` was due at `anchor + seq * step`, where the
anchor is the smallest `ts - seq * step` that any client saw. Whoever is late, market, server, network or this process,
is late against that. A message may carry several steps, all that a stalled server has to make up for, and its
`seq` is that of the newest: what is measured is the age of its *oldest* tick. Market time advances by a step a
step, so a tick's `t` tells its step; but a bar's tells when it opened, and a message of nothing else is taken for one
step. Both anchors are known only at the end: until then values are kept uncorrected, or where they become too many,
corrected by the anchors as they are, which have long settled by then.
"""

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ticker_load.histogram import Histogram
from ticker_load.proof import Step

KEPT_MAX = 2_000_000  # values of 8 bytes
Slice = tuple[int, str]
"""A second of the measured window, and a transport."""


@dataclass(slots=True)
class Anchors:
    """Wall clock at which position 0 was due, and its market time."""

    wall_us: int | None = None
    market_us: int | None = None

    def learn(self, step: Step, step_us: int) -> None:
        """Learn from a message, whenever it comes."""
        since_us = step.seq * step_us
        wall_us = step.ts - since_us
        if self.wall_us is None or wall_us < self.wall_us:
            self.wall_us = wall_us
        if step.newest_us and (self.market_us is None or step.newest_us - since_us > self.market_us):
            self.market_us = step.newest_us - since_us  # smaller where the newest steps had no ticks for us

    def join(self, other: "Anchors") -> None:
        """Learn what another process has learnt."""
        if other.wall_us is not None:
            self.wall_us = other.wall_us if self.wall_us is None else min(self.wall_us, other.wall_us)
        if other.market_us is not None:
            self.market_us = other.market_us if self.market_us is None else max(self.market_us, other.market_us)

    def correction_us(self, dated: bool) -> int:
        """Return what makes an uncorrected value a latency."""
        assert self.wall_us is not None
        return (self.market_us or 0) - self.wall_us if dated else -self.wall_us


@dataclass(slots=True)
class Latencies:
    """One value per message and reader, in microseconds."""

    step_us: int = 0
    anchors: Anchors = field(default_factory=Anchors)
    _kept: dict[tuple[Slice, bool], list[NDArray[np.int64]]] = field(default_factory=lambda: defaultdict(list))
    _folded: dict[Slice, Histogram] = field(default_factory=dict)
    _count: int = 0

    def take(self, step: Step, received_us: NDArray[np.int64], second: int) -> None:
        """Take note of a message, received at these wall times in that second."""
        dated = bool(step.oldest_us)
        since_us = step.oldest_us if dated else step.seq * self.step_us
        self._kept[(second, step.kind), dated].append(received_us - since_us)
        self._count += len(received_us)
        if self._count > KEPT_MAX:
            self._fold()

    def join(self, other: "Latencies") -> None:
        """Take over what another process has seen."""
        self.step_us = self.step_us or other.step_us
        self.anchors.join(other.anchors)
        for key, values in other._kept.items():
            self._kept[key] += values
        for second, found in other._folded.items():
            self._folded.setdefault(second, Histogram()).add(found)

    def pack(self) -> None:
        """Make it small to be sent to another process."""
        self._kept = {key: [np.concatenate(values)] for key, values in self._kept.items()}

    def slices(self) -> dict[Slice, Histogram]:
        """Return the latencies of each second and transport, by the schedule as known now."""
        self._fold()
        return self._folded

    def _fold(self) -> None:
        for (second, dated), values in self._kept.items():
            found = np.concatenate(values) + self.anchors.correction_us(dated)
            self._folded.setdefault(second, Histogram()).record(found)
        self._kept = defaultdict(list)
        self._count = 0
