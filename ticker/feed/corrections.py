"""Trades that were printed badly, and what becomes of each: who is told of one is told the same.

A status row of reason `fat_finger` says by how much a trade is off, the `correction` that follows it only which trade
it was. A trade with an even number is corrected, by what its fat finger said; an odd one is broken, and so is one whose
fat finger was before anything that is remembered.
"""

import numpy as np

from ticker.ticks import REASONS, Rows
from ticker.venue import PPM

KEPT, KEPT_EACH = 1000, 4
"""So many fat fingers are remembered, and so many more for each instrument: the newest."""
_FAT_FINGER, _CORRECTION = REASONS.index("fat_finger"), REASONS.index("correction")


class Corrections:
    """What status rows have said of trades that were printed badly."""

    def __init__(self, instruments: int) -> None:
        self.kept = KEPT + KEPT_EACH * instruments
        self._values: dict[tuple[int, int], int] = {}

    def note(self, rows: Rows) -> None:
        """Remember by how much trades are off; one that is yet to be printed has no number."""
        said = rows[(rows["reason"] == _FAT_FINGER) & (rows["ref"] > 0)]
        for instrument, ref, value in said[["instrument", "ref", "value_ppm"]].tolist():
            self._values[instrument, ref] = value
        while len(self._values) > self.kept:
            del self._values[next(iter(self._values))]

    def told(self, rows: Rows) -> Rows:
        """Return status rows with what becomes of a trade in the `value_ppm` of those that correct one."""
        places = np.flatnonzero(rows["reason"] == _CORRECTION)
        if not len(places):
            return rows
        found = rows.copy()
        found["value_ppm"][places] = [self._decided(*which) for which in rows[["instrument", "ref"]][places].tolist()]
        return found

    def of(self, rows: Rows) -> Rows:
        """Return those that correct a trade, with what becomes of it."""
        return self.told(rows[rows["reason"] == _CORRECTION])

    def _decided(self, instrument: int, ref: int) -> int:
        """Return by how much a trade is off that is corrected, 0 where it is broken."""
        value = self._values.get((instrument, ref), 0)
        return value if ref % 2 == 0 and value > -PPM else 0
