"""Rows, laid side by side in blocks of memory of one size.

A tape of arrays each of its own size, the older ones smaller or larger than the newer, leaves holes behind that nothing
fits into: within two days of market time they come to a third of what it holds. A block is never written twice, and is
given back, for another block, when nobody holds an array in it any more.
"""

import numpy as np

from ticker.ticks import Rows

BLOCK_BYTES = 1 << 20
LARGE_BYTES = BLOCK_BYTES // 8
"""Rows of more than this are left as they are: what stays empty at the end of a block is less."""


class Blocks:
    """The block that is being filled."""

    __slots__ = ("_block", "_used")

    def __init__(self) -> None:
        self._block = np.empty(0, np.uint8)
        self._used = 0

    @property
    def free_bytes(self) -> int:
        """How much of the block is empty."""
        return len(self._block) - self._used

    def lay(self, rows: Rows) -> Rows:
        """Return a copy of rows that lies in a block; the rows themselves where there are none, or very many."""
        size = rows.nbytes
        if not 0 < size <= LARGE_BYTES:
            return rows
        if size > self.free_bytes:
            self._block, self._used = np.empty(BLOCK_BYTES, np.uint8), 0
        place = self._used
        self._used += size
        # As bytes: numpy would copy the rows field by field, at ten times the cost.
        self._block[place : self._used] = np.ascontiguousarray(rows).view(np.uint8)
        laid: Rows = np.ndarray(rows.shape, rows.dtype, self._block, place)
        return laid
