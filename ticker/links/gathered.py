"""A picture of the whole market, put together of snapshots channel by channel and of the ticks that come in between."""

from collections.abc import Collection

import numpy as np

from ticker.feed.board import Board
from ticker.ticks import CHANNELS, Batch, Rows


class Gathered:
    """What has been shown so far; `seq` is the newest step in it."""

    def __init__(self, instruments: int, channels: Collection[str]) -> None:
        self.seq = 0
        self._board = Board(instruments)
        self._missing = set(channels)
        self._shown = {channel: np.zeros(instruments, bool) for channel in CHANNELS}

    @property
    def complete(self) -> bool:
        """Whether every channel has been shown."""
        return not self._missing

    def knows(self, channel: str, rows: Rows) -> bool:
        """Tell whether any of these has been shown already: then everything is shown anew."""
        return bool(self._shown[channel][rows["instrument"]].any())

    def show(self, seq: int, channel: str, rows: Rows) -> None:
        """Take in a snapshot of some instruments on a channel."""
        self._shown[channel][rows["instrument"]] = True
        self._missing.discard(channel)
        self.note(seq, {channel: rows})

    def note(self, seq: int, rows: dict[str, Rows]) -> None:
        """Take in what happened up to a step."""
        self.seq = max(self.seq, seq)
        self._board.update(Batch(seq, 0, rows))

    def rows(self) -> dict[str, Rows]:
        """Return the picture."""
        everybody = range(self._board.instruments)
        return {channel: self._board.newest(channel, everybody) for channel in CHANNELS}
