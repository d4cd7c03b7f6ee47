"""How late messages were, measured from when they were due.

The server tells no schedule, so it is read off the messages: position `seq` was due at `anchor + seq * step`, where the
anchor is the smallest `ts - seq * step` that any client saw. Whoever is late, market, server, network or this process,
is late against that. A message may carry several steps, all that a stalled server has to make up for, and its
`seq` is that of the newest: what is measured is the age of its *oldest* tick. Market time advances by a step a
step, so a tick's `t` tells its step; but a bar's tells when it opened, and a message of nothing else is taken for one
step. Both anchors are known only at the end: until then values are kept uncorrected, or where they become too many,
corrected by the anchors as they are, which have long settled by then.
"""

from array import array
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ticker_load.histogram import Histogram, Packed
from ticker_load.proof import Step

KEPT_MAX = 2_000_000  # values of 8 bytes
LATEST_MAX = 10_000
Slice = tuple[int, str, bool]
"""A slice of the measured window, a transport, and whether its values are dated by ticks."""


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
    _kept: "dict[Slice, array[int]]" = field(default_factory=dict)
    _lanes: dict[str, Histogram] = field(default_factory=lambda: defaultdict(Histogram))
    _slices: dict[int, Packed] = field(default_factory=dict)
    _count: int = 0

    def take(self, step: Step, received_us: NDArray[np.int64], place: int) -> None:
        """Take note of a message, received at these wall times in that slice."""
        dated = bool(step.oldest_us)
        since_us = step.oldest_us if dated else step.seq * self.step_us
        self._keep((place, step.kind, dated), (received_us - since_us).tobytes())
        self._count += len(received_us)
        if self._count > KEPT_MAX:
            self._fold()

    def join(self, other: "Latencies") -> None:
        """Take over what another process has seen."""
        self.step_us = self.step_us or other.step_us
        self.anchors.join(other.anchors)
        for key, values in other._kept.items():
            self._keep(key, values.tobytes())
        for kind, found in other._lanes.items():
            self._lanes[kind].add(found)
        for place, packed in other._slices.items():
            self._slices[place] = Histogram().add(self._slices.get(place)).add(packed).packed()

    def lanes(self) -> dict[str, Histogram]:
        """Return the latencies of each transport, by the schedule as known now."""
        self._fold()
        return self._lanes

    def slices(self) -> dict[int, Packed]:
        """Return the latencies of each slice of the window, by the schedule as known now."""
        self._fold()
        return self._slices

    def latest(self) -> Packed:
        """Return some of the latencies of the newest slice, by the schedule as known by now."""
        newest, found = max((place for place, _, _ in self._kept), default=0), Histogram()
        for (place, _, dated), values in self._kept.items():
            if place == newest:
                found.record(np.array(values[-LATEST_MAX:], np.int64) + self.anchors.correction_us(dated))
        return found.packed()

    def _keep(self, key: Slice, values: bytes) -> None:
        if key not in self._kept:
            self._kept[key] = array("q")
        self._kept[key].frombytes(values)

    def _fold(self) -> None:
        for (place, kind, dated), values in self._kept.items():
            found = Histogram.of(np.frombuffer(values, np.int64) + self.anchors.correction_us(dated))
            self._lanes[kind].add(found)
            self._slices[place] = found.add(self._slices.get(place)).packed()
        self._kept = {}
        self._count = 0
