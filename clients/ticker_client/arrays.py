"""Ticks as numpy arrays: a message of many rows without an object a tick, and the way from one form to the other."""

from collections.abc import Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ticker.session.kinds import Tick
from ticker.session.messages import Snapshot, Ticks
from ticker.ticks import CHANNELS, Rows
from ticker.wire import packed
from ticker_client.columns import columns_of, money, rows_of, ticks_of
from ticker_client.instruments import Instruments

if TYPE_CHECKING:
    import pandas
    import polars

_PRICES = {
    channel: [name for name in dtype.names or () if name.endswith("_ticks")] for channel, dtype in packed.ROWS.items()
}
_KINDS = {packed.TICKS: "ticks", packed.SNAPSHOT: "snapshot"}


class Arrays(NamedTuple):
    """A message of ticks, or a snapshot, as arrays.

    `kind` is "ticks" or "snapshot", `seq` the newest step in it, `ts` when it was emitted (microseconds since 1970, of
    a snapshot 0). `rows` has a structured array of shape (k,) for each channel of which there are ticks, dtype
    `ticker.wire.packed.ROWS[channel]`: `seq`, the step of the row (where ticks come as JSON: the message's), then the
    fields of `ticker.ticks.DTYPES[channel]`. The number in `instrument` is one of `instruments`. The `turnover` of
    bars and statistics that come as JSON is as near as their mean price is printed.
    """

    kind: str
    seq: int
    ts: int
    rows: dict[str, Rows]
    instruments: Instruments

    @property
    def size(self) -> int:
        """How many ticks there are."""
        return sum([len(rows) for rows in self.rows.values()])

    def prices(self, channel: str, field: str = "price_ticks") -> NDArray[np.float64]:
        """Return prices in money, float64 of shape (k,), the very numbers that JSON has.

        `field` is a column of prices in ticks: "price_ticks" of trades, book and status (there 0 where there is none),
        "bid_ticks" of quotes, "close_ticks" of bars, "last_ticks" of statistics, and so on. No rows where the channel
        is not there. Raises KeyError for anything else.
        """
        if field not in _PRICES[channel]:
            raise KeyError(f"{field} is no price of {channel}: {', '.join(_PRICES[channel])}")
        return money(self.rows[channel], field, self.instruments) if channel in self.rows else np.empty(0)

    def table(self, channel: str) -> dict[str, Any]:
        """Return the columns of a channel by the names that ticks in JSON have, all of the same length.

        Prices are in money, words are words, `t` is numpy's datetime64[us] in UTC; what a tick leaves out is None. No
        columns where the channel is not there.
        """
        return columns_of(channel, self.rows[channel], self.instruments) if channel in self.rows else {}

    def pandas(self, channel: str) -> "pandas.DataFrame":
        """Return `table` as a frame of pandas. Raises ImportError where that is not installed."""
        frame: pandas.DataFrame = _library("pandas").DataFrame(self.table(channel))
        return frame

    def polars(self, channel: str) -> "polars.DataFrame":
        """Return `table` as a frame of polars. Raises ImportError where that is not installed."""
        frame: polars.DataFrame = _library("polars").DataFrame(self.table(channel))
        return frame

    def messages(self) -> list[Ticks | Snapshot]:
        """Return the same as JSON would have it: one message, of a snapshot one a channel."""
        ticks = {c: ticks_of(c, self.rows[c], self.instruments) for c in CHANNELS if c in self.rows}
        if self.kind == "snapshot":
            return [Snapshot(seq=self.seq, channel=channel, data=data) for channel, data in ticks.items()]
        data = [tick for found in ticks.values() for tick in found]
        if len(ticks) > 1:
            steps = np.concatenate([self.rows[channel]["seq"] for channel in ticks])
            if (steps != self.seq).any():  # the order of the tape is by step, then by channel
                data = [data[place] for place in np.argsort(steps, kind="stable").tolist()]
        return [Ticks(seq=self.seq, ts=self.ts, data=data)]


def unpacked(data: bytes, instruments: Instruments) -> Arrays:
    """Read a packed message. Raises ValueError where it is none, or has instruments that nobody listed."""
    kind, seq, ts, rows = packed.unpack(data)
    for channel, found in rows.items():
        if len(found) and np.maximum.reduce(found["instrument"].view("<u4")) >= len(instruments):
            raise ValueError(f"{channel} of an instrument beyond the {len(instruments)} that were listed")
    return Arrays(_KINDS[kind], seq, ts, rows, instruments)


def gathered(message: Ticks | Snapshot, instruments: Instruments) -> Arrays:
    """Return ticks that came one by one as arrays. Raises KeyError for a symbol that is not among the instruments."""
    ticks: dict[str, list[Tick]] = {message.channel: []} if isinstance(message, Snapshot) else {}
    for tick in message.data:
        ticks.setdefault(tick.channel, []).append(tick)
    rows = {c: rows_of(c, message.seq, ticks[c], instruments) for c in CHANNELS if c in ticks}
    if isinstance(message, Ticks):
        return Arrays("ticks", message.seq, message.ts, rows, instruments)
    return Arrays("snapshot", message.seq, 0, rows, instruments)


def joined(pieces: Sequence[Arrays], instruments: Instruments) -> Arrays:
    """Return messages of ticks, in their order, as one; `instruments` are those of the first, at least."""
    rows: dict[str, list[Rows]] = {}
    for piece in pieces:
        instruments = instruments.joined(piece.instruments)
        for channel, found in piece.rows.items():
            rows.setdefault(channel, []).append(_renumbered(found, piece.instruments, instruments))
    whole = {channel: np.concatenate(rows[channel]) for channel in CHANNELS if channel in rows}
    last = pieces[-1] if pieces else Arrays("ticks", 0, 0, {}, instruments)
    return Arrays("ticks", last.seq, last.ts, whole, instruments)


def _renumbered(rows: Rows, old: Instruments, new: Instruments) -> Rows:
    """Return rows with the numbers that the same symbols have elsewhere: on another tape they may differ."""
    if new.symbols[: len(old)] == old.symbols:
        return rows
    rows = rows.copy()
    rows["instrument"] = np.array([new.numbers[symbol] for symbol in old.symbols])[rows["instrument"]]
    return rows


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise ImportError(f"{name} is not installed: pip install {name}") from None
