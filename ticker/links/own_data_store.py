"""Rows on the disk while a file of somebody's own is played: in the order of their time, read a piece at a time.

Rows are added as they come. Those that came out of order are put in their places once, which takes 16 bytes of memory
a row; else nothing is kept in memory. The file has no name: whatever happens, nothing stays behind.
"""

import tempfile
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from ticker.ticks import Rows

PIECE = 65_536  # rows


class Store:
    """Rows of one dtype, which has a time `t`. Raises OSError where the disk is full."""

    def __init__(self, dtype: np.dtype[np.void]) -> None:
        self.dtype = dtype
        self.count = 0
        self.late = 0
        """How many rows came after one of a later time."""
        self._newest = np.int64(0)
        self._file = _fresh()

    def add(self, rows: Rows) -> None:
        """Add rows, in any order."""
        if not len(rows):
            return
        before = np.maximum.accumulate(np.concatenate([[self._newest], rows["t"]]))
        self.late += int((rows["t"] < before[:-1]).sum())
        self._newest = before[-1]
        self._file.write(rows.tobytes())
        self.count += len(rows)

    def settle(self) -> None:
        """Put all rows in the order of their time; those of one time stay as they came."""
        self._file.flush()
        if not self.late:
            return
        times = np.concatenate([self.read(first, PIECE)["t"] for first in range(0, self.count, PIECE)])
        order: NDArray[np.intp] = np.argsort(times, kind="stable")
        del times
        rows = np.memmap(self._file, self.dtype, "r", shape=(self.count,))
        sorted_file = _fresh()
        for first in range(0, self.count, PIECE):
            sorted_file.write(rows[order[first : first + PIECE]].tobytes())
        sorted_file.flush()
        self._file.close()
        self._file = sorted_file

    def read(self, first: int, count: int) -> Rows:
        """Return the rows from one on, as many as there are."""
        self._file.seek(first * self.dtype.itemsize)
        return np.frombuffer(self._file.read(count * self.dtype.itemsize), self.dtype)

    def close(self) -> None:
        self._file.close()


class Cursor:
    """A place in a store, which goes on with time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._read = 0
        self._rows: Rows = np.empty(0, store.dtype)
        self._times: NDArray[np.int64] = np.empty(0, np.int64)

    def ahead(self, rows: int) -> int | None:
        """Return the time of the row so many from here, None where there are not so many within reach."""
        if len(self._times) <= rows:
            self._fill()
        return int(self._times[rows]) if len(self._times) > rows else None

    def upto(self, t_us: int) -> Rows:
        """Return the rows up to a time."""
        parts = []
        while True:
            count = int(np.searchsorted(self._times, t_us, "right"))
            parts.append(self._rows[:count])
            self._rows, self._times = self._rows[count:], self._times[count:]
            if len(self._rows) or not self._fill():
                break
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _fill(self) -> bool:
        """Read on; tell whether there was more."""
        rows = self._store.read(self._read, PIECE)
        self._read += len(rows)
        if len(rows):
            self._rows = np.concatenate([self._rows, rows]) if len(self._rows) else rows
            self._times = np.ascontiguousarray(self._rows["t"])
        return len(rows) > 0


def _fresh() -> BinaryIO:
    return cast(BinaryIO, tempfile.TemporaryFile(prefix="ticker-replay-"))
