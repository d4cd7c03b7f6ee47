"""A hole in the tape: steps that nobody will ever have, because whoever handed them on had lost them."""

import numpy as np
from numpy.typing import NDArray

from ticker.feed.board import Board
from ticker.interest import Interest
from ticker.ticks import CHANNELS, Batch


class Leap:
    """The tape goes on after step `until` where it stood at `after`; `shown` is the newest of everything there."""

    def __init__(self, after: int, shown: Batch, board: Board) -> None:
        """Compare with the board as it stands at `after`."""
        self.after = after
        self.until = shown.seq
        self._missing: dict[str, NDArray[np.int64]] = {}
        for channel in CHANNELS:
            rows, before = shown.rows[channel], board.counts(channel)
            now = before.copy()
            now[rows["instrument"]] = rows["n"]
            self._missing[channel] = np.maximum(now - before, 0)

    def count(self, interest: Interest) -> int:
        """Return how many ticks of an interest are missing."""
        return sum(
            int(self._missing[channel][interest.indices(channel)].sum())
            for channel in CHANNELS
            if interest.mask(channel)
        )
