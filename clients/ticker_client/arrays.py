"""Ticks as numpy arrays: a message of many rows without an object a tick, and the way from one form to the other."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, overload

import numpy as np
from numpy.typing import NDArray

from ticker.session.messages import Listing, Quote, Snapshot, Tick, Ticks, Trade
from ticker.ticks import CHANNELS, QUOTES, TRADES, Rows
from ticker.wire import packed

_SIDES: tuple[Literal["buy"], Literal["sell"]] = ("buy", "sell")  # by ticks.BUY and ticks.SELL
_PRICES = {QUOTES: ("bid_ticks", "ask_ticks"), TRADES: ("price_ticks",)}
_KINDS = {packed.TICKS: "ticks", packed.SNAPSHOT: "snapshot"}


class Instrument(NamedTuple):
    """One thing that is traded: prices are multiples of `tick_size`, with at most so many `decimals`."""

    symbol: str
    tick_size: float
    decimals: int


class Instruments(Sequence[Instrument]):
    """What the numbers in arrays stand for: `instruments[number]` has the symbol."""

    def __init__(self, instruments: Sequence[Instrument] = ()) -> None:
        self._instruments = list(instruments)
        self.symbols = [instrument.symbol for instrument in self._instruments]
        self.numbers = {symbol: number for number, symbol in enumerate(self.symbols)}
        """The number of each symbol."""
        self.scales = np.array([10.0**instrument.decimals for instrument in self._instruments])
        sizes = np.array([instrument.tick_size for instrument in self._instruments])
        self.units = np.rint(sizes * self.scales)  # a tick, in units of the last decimal: exact

    @classmethod
    def of(cls, listing: Listing) -> "Instruments":
        """Return what a server listed."""
        rows = zip(listing.symbols, listing.tick_sizes, listing.decimals, strict=True)
        return cls([Instrument(*row) for row in rows])

    def joined(self, others: "Instruments") -> "Instruments":
        """Return these, and after them the others that are not among them."""
        return Instruments([*self, *(other for other in others if other.symbol not in self.numbers)])

    @overload
    def __getitem__(self, number: int) -> Instrument: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[Instrument]: ...
    def __getitem__(self, number: int | slice) -> Instrument | Sequence[Instrument]:
        return self._instruments[number]

    def __len__(self) -> int:
        return len(self._instruments)

    def __repr__(self) -> str:
        return f"Instruments({self._instruments!r})"


class Arrays(NamedTuple):
    """A message of ticks, or a snapshot, as arrays.

    `kind` is "ticks" or "snapshot", `seq` the newest step in it, `ts` when it was emitted (microseconds since 1970, of
    a snapshot 0). `rows` has a structured array of shape (k,) for each channel of which there are ticks, dtype
    `ticker.wire.packed.ROWS[channel]`: `seq`, the step of the row (where ticks come as JSON: the message's), then the
    fields of `ticker.ticks.DTYPES[channel]`. The number in `instrument` is one of `instruments`.
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

        `field` is "price_ticks" of trades, "bid_ticks" or "ask_ticks" of quotes. No rows where the channel is not
        there. Raises KeyError for anything else.
        """
        if field not in _PRICES[channel]:
            raise KeyError(f"{field} is no price of {channel}: {', '.join(_PRICES[channel])}")
        if channel not in self.rows:
            return np.empty(0)
        rows = self.rows[channel]
        who = rows["instrument"]
        money: NDArray[np.float64] = rows[field] * self.instruments.units[who] / self.instruments.scales[who]
        return money

    def messages(self) -> list[Ticks | Snapshot]:
        """Return the same as JSON would have it: one message, of a snapshot one a channel."""
        ticks = {channel: self._ticks(channel) for channel in CHANNELS if channel in self.rows}
        if self.kind == "snapshot":
            return [Snapshot(seq=self.seq, channel=channel, data=data) for channel, data in ticks.items()]
        data = [tick for found in ticks.values() for tick in found]
        if len(ticks) > 1:
            steps = np.concatenate([self.rows[channel]["seq"] for channel in ticks])
            if (steps != self.seq).any():  # the order of the tape is by step, then by channel
                data = [data[place] for place in np.argsort(steps, kind="stable").tolist()]
        return [Ticks(seq=self.seq, ts=self.ts, data=data)]

    def _ticks(self, channel: str) -> list[Tick]:
        rows, symbols = self.rows[channel], self.instruments.symbols
        names = [symbols[number] for number in rows["instrument"].tolist()]
        head = (names, rows["n"].tolist(), rows["t"].tolist())
        prices = [self.prices(channel, field).tolist() for field in _PRICES[channel]]
        if channel == TRADES:
            sides = [_SIDES[side] for side in rows["side"].tolist()]
            return list(map(Trade, *head, *prices, rows["size"].tolist(), sides))
        bids, asks = prices
        return list(map(Quote, *head, bids, rows["bid_size"].tolist(), asks, rows["ask_size"].tolist()))


def unpacked(data: bytes, instruments: Instruments) -> Arrays:
    """Read a packed message. Raises ValueError where it is none, or has instruments that nobody listed."""
    kind, seq, ts, rows = packed.unpack(data)
    for channel, found in rows.items():
        if len(found) and np.maximum.reduce(found["instrument"].view("<u4")) >= len(instruments):
            raise ValueError(f"{channel} of an instrument beyond the {len(instruments)} that were listed")
    return Arrays(_KINDS[kind], seq, ts, rows, instruments)


def gathered(message: Ticks | Snapshot, instruments: Instruments) -> Arrays:
    """Return ticks that came one by one as arrays. Raises KeyError for a symbol that is not among the instruments."""
    rows: dict[str, Rows] = {}
    quotes = [tick for tick in message.data if isinstance(tick, Quote)]
    trades = [tick for tick in message.data if isinstance(tick, Trade)]
    shown = message.channel if isinstance(message, Snapshot) else None
    if quotes or shown == QUOTES:
        rows[QUOTES] = found = _rows(QUOTES, message.seq, quotes, instruments)
        for name, prices in (("bid", [t.bid for t in quotes]), ("ask", [t.ask for t in quotes])):
            found[f"{name}_ticks"] = _in_ticks(prices, found["instrument"], instruments)
        found["bid_size"] = [tick.bsz for tick in quotes]
        found["ask_size"] = [tick.asz for tick in quotes]
    if trades or shown == TRADES:
        rows[TRADES] = found = _rows(TRADES, message.seq, trades, instruments)
        found["price_ticks"] = _in_ticks([tick.px for tick in trades], found["instrument"], instruments)
        found["size"] = [tick.sz for tick in trades]
        found["side"] = [tick.side != "buy" for tick in trades]
    ts = message.ts if isinstance(message, Ticks) else 0
    return Arrays("snapshot" if shown else "ticks", message.seq, ts, rows, instruments)


def _rows(channel: str, seq: int, ticks: Sequence[Tick], instruments: Instruments) -> Rows:
    """Return rows with all but what a channel has for itself."""
    numbers = instruments.numbers
    rows: Rows = np.empty(len(ticks), packed.ROWS[channel])
    rows["seq"] = seq
    rows["instrument"] = [numbers[tick.sym] for tick in ticks]
    rows["n"] = [tick.n for tick in ticks]
    rows["t"] = [tick.t for tick in ticks]
    return rows


def _in_ticks(prices: list[float], who: NDArray[Any], instruments: Instruments) -> NDArray[np.float64]:
    in_ticks: NDArray[np.float64] = np.rint(np.array(prices) * instruments.scales[who] / instruments.units[who])
    return in_ticks
