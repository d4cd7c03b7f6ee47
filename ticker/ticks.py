"""What travels: positions on the tape, and batches of ticks. Types only.

A batch is what happened in one step of the market. Its ticks are numpy structured arrays, one per channel; prices
are whole ticks of the instrument's grid, times are integer microseconds since 1970. The order of the tape inside a
batch is channel by channel in the order of `CHANNELS` (a quote stands before the trades that hit it), and within a
channel by instrument and `n`.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from ticker.errors import Refusal

QUOTES = "quotes"
TRADES = "trades"
CHANNELS = (QUOTES, TRADES)

Rows = NDArray[Any]
"""A structured array of shape (k,) with one of the dtypes below."""

BUY, SELL = 0, 1

DTYPES = {
    QUOTES: np.dtype(
        [
            ("instrument", "<i4"),
            ("n", "<i8"),
            ("t", "<i8"),
            ("bid_ticks", "<i8"),
            ("bid_size", "<i8"),
            ("ask_ticks", "<i8"),
            ("ask_size", "<i8"),
        ]
    ),
    TRADES: np.dtype(
        [
            ("instrument", "<i4"),
            ("n", "<i8"),
            ("t", "<i8"),
            ("price_ticks", "<i8"),
            ("size", "<i8"),
            ("side", "<i1"),
        ]
    ),
}
"""Per channel: `instrument` index, `n` counting that instrument's events on the channel, `t` market time in
microseconds since 1970, prices in ticks, sizes in units of the instrument, `side` of the aggressor (BUY or SELL)."""


class Position(NamedTuple):
    """A place on a tape: everything up to and including step `seq` of the tape named `epoch`."""

    epoch: str
    seq: int

    def __str__(self) -> str:
        return f"{self.epoch}:{self.seq}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `epoch:seq`; raise `Refusal` (bad_position) for anything else."""
        epoch, colon, digits = text.rpartition(":")
        # 16 digits hold every integer that JavaScript can, and keep int() cheap.
        if not (colon and epoch and digits.isascii() and digits.isdigit() and len(digits) <= 16):
            raise Refusal("bad_position", f"a position is written epoch:seq, not {text[:64]!r}")
        return cls(epoch, int(digits))


@dataclass(frozen=True, slots=True)
class Batch:
    """Everything that happened in step `seq`, up to market time `t`: rows by channel, in the order of the tape."""

    seq: int
    t: int
    rows: dict[str, Rows]
