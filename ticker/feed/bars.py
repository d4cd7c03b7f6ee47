"""The history of finished bars, as the market finished them.

Batches are only noted as they pass; their finished bars are put away once there are enough of them and there is time,
or when somebody asks.
"""

from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np

from ticker.ticks import BARS_1M, BARS_1S, DTYPES, Batch, Rows

CHANNELS_OF = {"1s": BARS_1S, "1m": BARS_1M}
"""The channel of an interval."""
NOTED_MAX = 100  # steps with bars that may wait: they are looked through in 20 us


class Bars:
    """The last `kept` finished bars of each instrument and interval, as far as batches were noted or it was told."""

    def __init__(self, kept: int) -> None:
        self._noted: dict[str, list[Rows]] = {channel: [] for channel in CHANNELS_OF.values()}
        self._finished: dict[str, deque[Rows]] = {channel: deque(maxlen=kept) for channel in CHANNELS_OF.values()}
        """The bars that opened at one time, an array for each time."""

    def note(self, batch: Batch) -> None:
        """Take in the bars of a batch."""
        for channel, noted in self._noted.items():
            rows = batch.rows[channel]
            if len(rows):
                noted.append(rows)

    def settle(self) -> None:
        """Put finished bars away, if many batches have been noted."""
        for channel, noted in self._noted.items():
            if len(noted) > NOTED_MAX:
                self._put_away(channel)

    def newest(self, interval: str, instrument: int, limit: int) -> Rows:
        """Return at most `limit` finished bars of an instrument, oldest first: rows of the interval's channel."""
        channel = CHANNELS_OF[interval]
        self._put_away(channel)
        found: list[Rows] = []
        for rows in reversed(self._finished[channel]):
            place = int(np.searchsorted(rows["instrument"], instrument))
            if place < len(rows) and rows["instrument"][place] == instrument:
                found.append(rows[place : place + 1])
                if len(found) == limit:
                    break
        return np.concatenate(found[::-1]) if found else np.empty(0, DTYPES[channel])

    def finished(self) -> dict[str, list[Rows]]:
        """Return all that are kept, by channel: arrays that nobody changes, those of one time each, oldest first."""
        for channel in self._finished:
            self._put_away(channel)
        return {channel: list(parts) for channel, parts in self._finished.items()}

    def restore(self, finished: Mapping[str, Sequence[Rows]]) -> None:
        """Go on with these, in any number of parts, oldest first."""
        for channel, parts in finished.items():
            for rows in parts:
                self._finished[channel].extend(np.split(rows, np.flatnonzero(np.diff(rows["t"])) + 1))

    def _put_away(self, channel: str) -> None:
        noted, self._noted[channel] = self._noted[channel], []
        bars = np.frombuffer(b"".join([rows.tobytes() for rows in noted]), DTYPES[channel])  # 20 x concatenate
        bars = bars[bars["done"] == 1]
        for opened in np.unique(bars["t"]):
            self._finished[channel].append(bars[bars["t"] == opened])
