"""What all readers of one process saw."""

from array import array
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from ticker_load.counts import Durations, Spread
from ticker_load.latency import Latencies
from ticker_load.proof import Gap, Step

PUSHED = ("ws", "sse")
SLICES_MAX, SLICE_S_MIN = 300, 0.25


def slice_s(seconds: float) -> float:
    """Return how long a slice of a window is."""
    return max(SLICE_S_MIN, seconds / SLICES_MAX)


@dataclass(slots=True)
class Seen:
    """Counts that only grow. `missed` to `merged` are ticks, but `reordered` also counts messages without any."""

    ticks: int = 0
    messages: int = 0
    bytes: int = 0
    missed: int = 0
    repeated: int = 0
    reordered: int = 0
    lagged: int = 0
    merged: int = 0
    lags: int = 0

    def take(self, step: Step, times: int) -> None:
        """Count a step that so many readers made."""
        self.ticks += times * step.ticks
        self.messages += times * (step.ts > 0)
        self.bytes += times * step.size
        self.missed += times * step.missed
        self.repeated += times * step.repeated
        self.reordered += times * step.reordered
        self.lagged += times * step.lagged
        self.merged += times * step.merged
        self.lags += times * bool(step.lagged or step.merged)

    def add(self, other: "Seen") -> None:
        """Count all that another one has counted."""
        for name in self.__slots__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(slots=True)
class Findings:
    """What is left of a run, small enough to be sent to another process and joined there."""

    latencies: Latencies = field(default_factory=Latencies)
    seen: Seen = field(default_factory=Seen)
    """Of the whole run."""
    window: Seen = field(default_factory=Seen)
    ticks: Counter[tuple[int, str]] = field(default_factory=Counter)
    messages: Counter[tuple[int, str]] = field(default_factory=Counter)
    bytes: Counter[tuple[int, str]] = field(default_factory=Counter)
    """By slice of the window and transport, as the two above."""
    members: Counter[str] = field(default_factory=Counter)
    """By transport."""
    spread: Spread = field(default_factory=Spread)
    """Of what was pushed."""
    offsets_us: "dict[str, array[int]]" = field(default_factory=dict)
    """By transport and client: the median of its uncorrected latencies."""
    first_ticks_us: Durations = field(default_factory=Durations)
    connects_us: Durations = field(default_factory=Durations)
    subscribes_us: Durations = field(default_factory=Durations)
    pings_us: Durations = field(default_factory=Durations)
    pings_sent: int = 0
    resumed: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    closes: Counter[int] = field(default_factory=Counter)
    bad_closes: Counter[str] = field(default_factory=Counter)
    bad: Counter[str] = field(default_factory=Counter)
    connected: int = 0
    without_ticks: int = 0
    lost: int = 0
    behind: int = 0
    audible: int = 0
    """Clients that were to vanish and could not."""
    first_gap: Gap | None = None
    tapes: set[tuple[str, float]] = field(default_factory=set)

    def join(self, other: "Findings") -> None:
        """Take over what another process has seen."""
        self.latencies.join(other.latencies)
        self.seen.add(other.seen)
        self.window.add(other.window)
        self.first_gap = self.first_gap or other.first_gap
        self.tapes |= other.tapes
        self.spread.join(other.spread)
        for kind, offsets in other.offsets_us.items():
            self.offsets_us.setdefault(kind, array("q")).extend(offsets)
        for name in ("ticks", "messages", "bytes", "members", "errors", "refused", "closes", "bad_closes", "bad"):
            getattr(self, name).update(getattr(other, name))
        for name in ("first_ticks_us", "connects_us", "subscribes_us", "pings_us"):
            getattr(self, name).join(getattr(other, name))
        for name in ("pings_sent", "resumed", "connected", "without_ticks", "lost", "behind", "audible"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Tally:
    """Takes note of each step with one append; what follows from that is worked out now and then."""

    def __init__(self, seconds: float) -> None:
        """Be ready for a window of so many seconds."""
        self.found = Findings()
        self.newest_seq = 0
        self._slice_us = round(slice_s(seconds) * 1e6)
        self._touched: list[Step] = []
        self._began_us = 0
        self._recording = False

    def take(self, step: Step, received_us: int) -> None:
        """Note that a reader made a step."""
        if not step.received_us:
            self._touched.append(step)
        step.received_us.append(received_us)

    def begin(self, now_us: int) -> None:
        """Let the measured window begin."""
        self.digest()
        self._began_us, self._recording = now_us, True

    def end(self) -> None:
        """Let the measured window end."""
        self.digest()
        self._recording = False

    def digest(self) -> None:
        """Work out what was noted."""
        touched, self._touched = self._touched, []
        for step in touched:
            self._digest(step)

    def _digest(self, step: Step) -> None:
        found = self.found
        times = np.array(step.received_us, np.int64)
        del step.received_us[:]
        found.seen.take(step, len(times))
        found.first_gap = found.first_gap or step.gap
        if step.ts:
            found.latencies.anchors.learn(step, found.latencies.step_us)
            self.newest_seq = max(self.newest_seq, step.seq)
        if self._recording:
            found.window.take(step, len(times))
            if step.ts and step.ticks:
                self._record(step, times)

    def _record(self, step: Step, times: "np.typing.NDArray[np.int64]") -> None:
        found, first_us = self.found, int(times.min())
        place = self._place(first_us)
        found.latencies.take(step, times, place)
        found.ticks[place, step.kind] += len(times) * step.ticks
        found.messages[place, step.kind] += len(times)
        found.bytes[place, step.kind] += len(times) * step.size
        if step.kind in PUSHED:
            found.spread.take(step.seq, first_us, int(times.max()), len(times))

    def frame(self, kind: str, size: int, received_us: int) -> None:
        """Count bytes that came around messages."""
        if self._recording:
            self.found.bytes[self._place(received_us), kind] += size
            self.found.window.bytes += size

    def _place(self, received_us: int) -> int:
        return max(0, (received_us - self._began_us) // self._slice_us)
