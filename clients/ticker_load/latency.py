"""How late messages were, measured from when they were due.

The server tells no schedule, so it is read off the messages: position `seq` was due at `anchor + seq * step`, where the
anchor is the smallest `ts - seq * step` that any client saw. Whoever is late, market, server, network or this process,
is late against that. A message may carry several steps, all that a stalled server has to make up for, and its
`seq` is that of the newest: what is measured is the age of its *oldest* tick. Market time advances by a step a
step, so a tick's `t` tells its step; but a bar's tells when it opened, and a message of nothing else is taken for one
step. Both anchors are known only at the end: until then values are kept uncorrected.
"""

from array import array
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from ticker.session.kinds import BarTick, Tick
from ticker.session.messages import Ticks


class Latencies:
    """One value per message, in microseconds; all clients' messages go through `take`, in any order."""

    def __init__(self) -> None:
        self.recording = False
        """Messages always settle the schedule, but are counted only inside the measured window."""
        self.step_us = 0
        self._wall_us: int | None = None  # wall clock at which position 0 was due
        self._market_us: int | None = None  # market time of position 0
        self._uncorrected_us = array("q")  # by market time
        self._undated_us = array("q")  # by position

    def take(self, message: Ticks, received_us: int) -> None:
        """Take note of a message received at this wall time."""
        since_us = message.seq * self.step_us
        wall_us = message.ts - since_us
        if self._wall_us is None or wall_us < self._wall_us:
            self._wall_us = wall_us
        if not message.data:
            return
        oldest, newest = _first(message.data), _first(reversed(message.data))
        if oldest is None or newest is None:
            if self.recording:
                self._undated_us.append(received_us - since_us)
            return
        market_us = newest.t - since_us
        if self._market_us is None or market_us > self._market_us:  # smaller where the newest steps had no ticks for us
            self._market_us = market_us
        if self.recording:
            self._uncorrected_us.append(received_us - oldest.t)

    def values_us(self) -> NDArray[np.int64]:
        """Return the latencies of shape (messages,), by the schedule as known now."""
        if self._wall_us is None:
            return np.zeros(0, np.int64)
        undated = np.array(self._undated_us, np.int64) - self._wall_us
        if self._market_us is None:
            return undated
        return np.concatenate([np.array(self._uncorrected_us, np.int64) + (self._market_us - self._wall_us), undated])


def _first(ticks: Iterable[Tick]) -> Tick | None:
    """Return the first tick whose `t` is when it happened."""
    return next((tick for tick in ticks if not isinstance(tick, BarTick)), None)
