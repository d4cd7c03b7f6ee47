"""What travels: positions on the tape, and batches of ticks. Types only.

A batch is what happened in one step of the market. Its ticks are numpy structured arrays, one per channel; prices
are whole ticks of the instrument's grid, times are integer microseconds since 1970. The order of the tape inside a
batch is channel by channel in the order of `CHANNELS` (quote and book stand before the trades that hit them, bars and
statistics have those trades in them), and within a channel by instrument and `n`.
"""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Self, get_args

import numpy as np
from numpy.typing import NDArray

from ticker.errors import Refusal

STATUS = "status"
QUOTES = "quotes"
BOOK = "book"
TRADES = "trades"
BARS_1S = "bars.1s"
BARS_1M = "bars.1m"
STATS = "stats"
CHANNELS = (STATUS, QUOTES, BOOK, TRADES, BARS_1S, BARS_1M, STATS)

Rows = NDArray[Any]
"""A structured array of shape (k,) with one of the dtypes below."""

BUY, SELL = 0, 1
BID, ASK = 0, 1
LEVELS = 10
"""How many levels a side the book shows."""
NO_CRC = -1
"""Stands where a change of the book is not the last one of its step."""

State = Literal["pre_open", "auction", "trading", "halted", "frozen", "closed"]
Reason = Literal[
    "schedule",
    "halt",
    "resume",
    "shock",
    "regime",
    "fat_finger",
    "correction",
    "quote_stuffing",
    "freeze",
    "thaw",
]
STATES: tuple[str, ...] = get_args(State)
REASONS: tuple[str, ...] = get_args(Reason)
"""What the numbers in `state` and `reason` of a status stand for."""

_HEAD = [("instrument", "<i4"), ("n", "<i8"), ("t", "<i8")]
_OHLC = [("open_ticks", "<i8"), ("high_ticks", "<i8"), ("low_ticks", "<i8")]
_BAR = np.dtype(
    [*_HEAD, *_OHLC, ("close_ticks", "<i8"), ("volume", "<i8"), ("turnover", "<i8"), ("trades", "<i8"), ("done", "<i1")]
)

DTYPES = {
    STATUS: np.dtype(
        [
            *_HEAD,
            ("state", "<i1"),
            ("reason", "<i1"),
            ("price_ticks", "<i8"),
            ("size", "<i8"),
            ("value_ppm", "<i8"),
            ("ref", "<i8"),
        ]
    ),
    QUOTES: np.dtype([*_HEAD, ("bid_ticks", "<i8"), ("bid_size", "<i8"), ("ask_ticks", "<i8"), ("ask_size", "<i8")]),
    BOOK: np.dtype(
        [*_HEAD, ("side", "<i1"), ("price_ticks", "<i8"), ("size", "<i8"), ("crc", "<i8"), ("fresh", "<i1")]
    ),
    TRADES: np.dtype([*_HEAD, ("price_ticks", "<i8"), ("size", "<i8"), ("side", "<i1")]),
    BARS_1S: _BAR,
    BARS_1M: _BAR,
    STATS: np.dtype(
        [
            *_HEAD,
            *_OHLC,
            ("last_ticks", "<i8"),
            ("previous_ticks", "<i8"),
            ("volume", "<i8"),
            ("turnover", "<i8"),
            ("trades", "<i8"),
        ]
    ),
}
"""Per channel: `instrument` index, `n` counting that instrument's rows on the channel, `t` market time in
microseconds since 1970, prices in ticks, sizes in units of the instrument.

- status: `state` and `reason` by number; where they are not 0: `price_ticks` and `size` (of an auction as it stands,
  of the trade concerned), `value_ppm` (a shock's size, a regime's factor, in millionths), `ref` the `n` of the trade.
- book: a row is one level whose `size` is new, 0 where it is no longer among the ten best of its `side` (BID or ASK);
  `crc` is the checksum of the book once all rows of the step are applied, on the last of them, else NO_CRC; `fresh`
  is 1 where the levels known so far are to be forgotten first.
- trades: `side` of the aggressor (BUY or SELL).
- bars: `t` is when the bar opened, `turnover` the sum of price x size, `done` whether it is finished.
- stats: of the trading day; `last_ticks` is the newest price, `previous_ticks` the close of the day before.
"""

EMPTY: dict[str, Rows] = {channel: np.empty(0, dtype) for channel, dtype in DTYPES.items()}
"""Per channel, no rows: the one array that all batches without any share."""


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
