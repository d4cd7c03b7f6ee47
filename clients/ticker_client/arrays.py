"""Ticks as numpy arrays: a message of many rows without an object a tick, and the way from one form to the other."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ticker.session.kinds import Tick
from ticker.session.messages import Snapshot, Ticks
from ticker.ticks import CHANNELS, Rows
from ticker.wire import packed
from ticker_client.columns import money, rows_of, ticks_of
from ticker_client.instruments import Instruments

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
