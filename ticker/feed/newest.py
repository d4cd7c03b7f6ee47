"""What of an interest has been sent to those who want the newest only: a count for each instrument, against the board.

`n` counts an instrument's ticks on a channel without a hole: what is new is where the board's `n` is ahead of the one
that was sent, and what was merged into it is the rest of the difference.
"""

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ticker.feed.board import Board
from ticker.feed.rendering import Table
from ticker.interest import Interest
from ticker.ticks import CHANNELS, Batch


class Newest:
    """An interest that has been sent all up to where the board stands now."""

    __slots__ = ("_had", "_places", "interest")

    def __init__(self, interest: Interest, board: Board) -> None:
        self.interest = interest
        self._places: dict[str, NDArray[np.intp]] = {
            channel: np.array(interest.indices(channel), np.intp) for channel in CHANNELS if interest.mask(channel)
        }
        self._had = {channel: board.counts(channel)[places] for channel, places in self._places.items()}

    def copy(self) -> Self:
        """Return the same for somebody who goes on alone."""
        twin = object.__new__(type(self))
        twin.interest = self.interest
        twin._places = self._places
        twin._had = {channel: had.copy() for channel, had in self._had.items()}
        return twin

    def changed(self, interest: Interest, board: Board) -> "Newest":
        """Return another interest: what is kept goes on, what is added begins where the board stands now."""
        changed = Newest(interest, board)
        for channel, places in changed._places.items():
            before = self._places.get(channel)
            if before is not None:
                _, new, old = np.intersect1d(places, before, assume_unique=True, return_indices=True)
                changed._had[channel][new] = self._had[channel][old]
        return changed

    def owe(self, batches: Sequence[Batch], interest: Interest) -> None:
        """Take batches back: what of them was of this interest has not been sent after all."""
        for channel, places in self._places.items():
            numbers = [rows["instrument"] for batch in batches if len(rows := batch.rows[channel])]
            if numbers and interest.mask(channel):
                counts = np.bincount(np.concatenate(numbers), minlength=int(places[-1]) + 1)[places]
                wanted = np.isin(places, interest.indices(channel))
                self._had[channel] -= np.where(wanted, counts, 0)

    def owed(self, board: Board) -> int:
        """Return how many ticks have come since."""
        return sum(
            int((board.counts(channel)[places] - self._had[channel]).sum()) for channel, places in self._places.items()
        )

    def take(self, board: Board) -> tuple[Table, int, int]:
        """Return the newest rows of each instrument with something new, how many rows, and how many were merged.

        Of a book all levels are newest; they have one `n`, and what is merged is all others that have come since.
        """
        table: Table = {}
        count = merged = 0
        for channel, places in self._places.items():
            now = board.counts(channel)[places]
            ahead = now - self._had[channel]
            fresh = places[ahead > 0]
            if len(fresh):
                table[channel] = board.newest(channel, fresh)
                self._had[channel] = now
                count += len(table[channel])
                merged += int(ahead.sum()) - len(fresh)
        return table, count, merged
