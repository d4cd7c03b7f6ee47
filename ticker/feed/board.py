"""The newest value of everything: one row per channel and instrument, and the levels of every book.

Batches are only noted as they pass, and put in their places when somebody looks, or when there is time (`settle`).
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ticker.feed.books import Books
from ticker.ticks import BOOK, DTYPES, Batch, Rows


class Board:
    """Rows of the newest tick by channel, shape (instruments,); `n` is 0 where there was none yet."""

    def __init__(self, instruments: int) -> None:
        self.instruments = instruments
        self._noted: list[Batch] = []
        self._rows = {channel: np.zeros(instruments, dtype) for channel, dtype in DTYPES.items()}
        self._books = Books(instruments)

    def update(self, batch: Batch) -> None:
        """Take in a batch; of several ticks of an instrument the last one stays."""
        self._noted.append(batch)

    def replace(self, shown: Batch) -> None:
        """Show this from now on: the newest rows of everything, as `newest` returns them."""
        self.settle()
        self._books = Books(self.instruments)
        self.update(shown)
        self.settle()

    def settle(self) -> None:
        """Put what was noted in its place."""
        for batch in self._noted:
            for channel, rows in batch.rows.items():
                if len(rows):  # in order, and a fraction of what rows[...] = costs
                    self._rows[channel].put(rows["instrument"], rows)
                    if channel == BOOK:
                        self._books.note(rows)
        self._noted.clear()
        self._books.settle()

    def newest(self, channel: str, instruments: Sequence[int] | NDArray[np.intp]) -> Rows:
        """Return a copy of the newest rows of these instruments, without those that never ticked.

        Of the book that is the levels as they stand: asks, then bids, best first, the first of them `fresh`, the last
        with the checksum, all with the newest `n`; one row of size 0 where there is no level any more.
        """
        self.settle()
        rows = self._rows[channel][instruments]
        rows = rows[rows["n"] > 0]
        return self._books.images(rows) if channel == BOOK else rows

    def counts(self, channel: str) -> NDArray[np.int64]:
        """Return how many ticks each instrument has had: a view, shape (instruments,), good until the next batch."""
        self.settle()
        counts: NDArray[np.int64] = self._rows[channel]["n"]
        return counts
