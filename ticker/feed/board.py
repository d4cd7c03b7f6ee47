"""The newest value of everything: one row per channel and instrument.

Batches are only noted as they pass, and put in their places when somebody looks, or when there is time (`settle`).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ticker.ticks import DTYPES, Batch, Rows


class Board:
    """Rows of the newest tick by channel, shape (instruments,); `n` is 0 where there was none yet."""

    def __init__(self, instruments: int) -> None:
        self.instruments = instruments
        self._noted: list[Batch] = []
        self._rows = {channel: np.zeros(instruments, dtype) for channel, dtype in DTYPES.items()}

    def update(self, batch: Batch) -> None:
        """Take in a batch; of several ticks of an instrument the last one stays."""
        self._noted.append(batch)

    def settle(self) -> None:
        """Put what was noted in its place."""
        for batch in self._noted:
            for channel, rows in batch.rows.items():
                if len(rows):  # in order, and a fraction of what rows[...] = costs
                    self._rows[channel].put(rows["instrument"], rows)
        self._noted.clear()

    def newest(self, channel: str, instruments: Sequence[int] | NDArray[np.intp]) -> Rows:
        """Return a copy of the newest rows of these instruments, without those that never ticked."""
        self.settle()
        rows = self._rows[channel][instruments]
        return rows[rows["n"] > 0]

    def counts(self, channel: str) -> NDArray[np.int64]:
        """Return how many ticks each instrument has had: a view, shape (instruments,), good until the next batch."""
        self.settle()
        counts: NDArray[np.int64] = self._rows[channel]["n"]
        return counts
