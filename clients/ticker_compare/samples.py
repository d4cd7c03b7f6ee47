"""What one lane saw, message by message, and whether all saw the same.

Little is done while messages come: work for one lane makes the next one's ticks look late. A tick is remembered as its
hash and its market time; everything else is worked out when it is over. The market time of a step is that of its ticks;
but a bar's is when it opened, and then the newest that came before it stands for it.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ticker.session.messages import Ticks
from ticker_load.percentiles import Percentiles

Integers = NDArray[np.int64]


class Samples:
    """The messages of one lane in the measured window."""

    def __init__(self, *, bars: bool = False) -> None:
        """Begin with nothing; `bars` where there may be some among the ticks."""
        self.recording = False
        self.arrivals = 0
        """How often ticks came: messages that came together are one arrival."""
        self._received_us = array("q")
        self._late_us = array("q")
        self._counts = array("q")
        self._hashes = array("q")
        self._market_us = array("q")
        self._bars = bars

    def take(self, message: Ticks, received_us: int, *, last: bool) -> None:
        """Take note of a message received at this wall time; `last` where no other came together with it."""
        if not self.recording:
            return
        self.arrivals += last
        self._received_us.append(received_us)
        self._late_us.append(received_us - message.ts)
        self._counts.append(len(message.data))
        self._hashes.extend(map(hash, message.data))
        self._market_us.extend([tick.t for tick in message.data])

    @property
    def messages(self) -> int:
        return len(self._counts)

    @property
    def ticks(self) -> int:
        return len(self._hashes)

    @property
    def staleness_us(self) -> Percentiles | None:
        """How old ticks were when they came: a value per tick."""
        return Percentiles.of(np.repeat(np.array(self._late_us, np.int64), np.array(self._counts, np.int64)))

    def comings(self, after_us: int, until_us: int) -> list[tuple[float, int]]:
        """Return when ticks came in a span of wall time, in seconds after its beginning, and how many at once."""
        received_us, first = np.unique(np.array(self._received_us, np.int64), return_index=True)
        if not len(first):
            return []
        counts = np.add.reduceat(np.array(self._counts, np.int64), first)
        shown = (received_us > after_us) & (received_us <= until_us)
        seconds = (received_us[shown] - after_us) / 1e6
        return list(zip(seconds.round(4).tolist(), counts[shown].tolist(), strict=True))

    @property
    def began_us(self) -> int:
        """The wall clock when the first ticks came, 0 where there were none."""
        return self._received_us[0] if self._received_us else 0

    @property
    def span_us(self) -> tuple[int, int] | None:
        """Market times: all that was traded after the first of them and up to the second must have been seen."""
        if not self._counts:
            return None
        times_us = self._times_us
        if not self._bars:
            return int(times_us[self._counts[0] - 1]), int(times_us[-1])
        known = np.unique(times_us)  # of the first and the last some bars may not have been seen
        return (int(known[1]), int(known[-2])) if len(known) > 2 else None

    @property
    def _times_us(self) -> Integers:
        """Return the market time of the step of every tick."""
        return np.maximum.accumulate(np.array(self._market_us, np.int64))

    def within(self, after_us: int, until_us: int) -> Integers:
        """Return the hashes of the ticks of a span of market time, as they came."""
        times_us = self._times_us
        return np.array(self._hashes, np.int64)[(times_us > after_us) & (times_us <= until_us)]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How many different ticks any lane saw where all looked, and how many of them each did not see just so."""

    ticks: int
    differing: list[int]

    @property
    def complete(self) -> bool:
        """Whether there was something to see and all saw the same."""
        return self.ticks > 0 and not any(self.differing)


def agreement(lanes: Sequence[Samples]) -> Agreement:
    """Compare what lanes saw, tick by tick and in its order, over the span that all of them cover."""
    spans = [lane.span_us for lane in lanes if lane.span_us is not None]
    if len(spans) < len(lanes) or not lanes:
        return Agreement(0, [0] * len(lanes))
    after_us, until_us = max(span[0] for span in spans), min(span[1] for span in spans)
    seen = [lane.within(after_us, until_us) for lane in lanes]
    union = np.unique(np.concatenate(seen))
    longest = max(seen, key=len)
    return Agreement(len(union), [_differing(ticks, longest, len(union)) for ticks in seen])


def _differing(ticks: Integers, reference: Integers, known: int) -> int:
    """Return how many are missing; where none is, and order or number are not right, how many places differ."""
    if np.array_equal(ticks, reference) and len(ticks) == known:
        return 0
    missing = known - len(np.unique(ticks))
    shared = min(len(ticks), len(reference))
    misplaced = int(np.count_nonzero(ticks[:shared] != reference[:shared])) + len(reference) - shared
    return missing or max(misplaced, len(ticks) - known)
