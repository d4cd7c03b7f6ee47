"""Runs a market in process and keeps what the statistics need: best quotes and trades of continuous trading.

Rows are kept as compact columns in chunks, so that memory is 28 bytes a quote and 21 a trade, and bounded.
"""

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Protocol

import numpy as np

from ticker.errors import SetupError
from ticker.instruments import Universe
from ticker.scorecard.estimators import Numbers
from ticker.scorecard.sessions import Session
from ticker.ticks import BUY, QUOTES, STATES, STATUS, TRADES, Batch, Rows

ROWS_MAX = 40_000_000
"""Of a channel: about 1 GB of quotes."""
WAIT_STEPS_MAX = 10_000_000
"""Steps without continuous trading before we give up on a market that never opens."""
CHUNK = 1 << 17

_TRADING, _CLOSED = STATES.index("trading"), STATES.index("closed")
_KEPT = {
    QUOTES: np.dtype(
        [("instrument", "<i4"), ("t", "<i8"), *((n, "<u4") for n in ("bid_ticks", "bid_size", "ask_ticks", "ask_size"))]
    ),
    TRADES: np.dtype([("instrument", "<i4"), ("t", "<i8"), ("price_ticks", "<u4"), ("size", "<u4"), ("side", "<i1")]),
}


class Source(Protocol):
    """A market: what `ticker.market.market.Market` is."""

    @property
    def universe(self) -> Universe: ...
    @property
    def step_us(self) -> int: ...
    def step(self) -> Batch: ...


class Columns:
    """The rows of a channel so far, in chunks of a compact dtype."""

    def __init__(self, channel: str) -> None:
        self.channel = channel
        self._dtype = _KEPT[channel]
        self._full: list[Rows] = []
        self._open = np.empty(CHUNK, self._dtype)
        self._used = 0
        self.count = 0

    def take(self, rows: Rows) -> None:
        """Keep some rows. Raises SetupError where that would be too many."""
        self.count += len(rows)
        if self.count > ROWS_MAX:
            raise SetupError(f"more than {ROWS_MAX:,} {self.channel}: ask for fewer --instruments or --hours")
        while len(rows):
            if self._used == CHUNK:
                self._full.append(self._open)
                self._open, self._used = np.empty(CHUNK, self._dtype), 0
            some = rows[: CHUNK - self._used]
            target = self._open[self._used : self._used + len(some)]
            for name in self._dtype.names or ():
                target[name] = some[name]
            self._used += len(some)
            rows = rows[len(some) :]

    def column(self, name: str) -> Numbers:
        """Return one column, in the order in which it came."""
        return np.concatenate([*(chunk[name] for chunk in self._full), self._open[name][: self._used]])


class Collector:
    """Takes batches, and keeps the quotes and trades of instruments that are in continuous trading.

    A market that never tells a state trades all the time.
    """

    def __init__(self, instruments: int, step_us: int) -> None:
        self.quotes, self.trades = Columns(QUOTES), Columns(TRADES)
        self.open_us: int | None = None
        self.last_us = 0
        self.steps = 0
        self._step_us = step_us
        self._trading = np.ones(instruments, bool)
        self._closed = np.zeros(instruments, bool)
        self._all = True

    def take(self, batch: Batch) -> None:
        """Keep what counts of one step."""
        self.steps += 1
        changes = batch.rows.get(STATUS)
        if changes is not None and len(changes):
            self._trading[changes["instrument"]] = changes["state"] == _TRADING
            self._closed[changes["instrument"]] = changes["state"] == _CLOSED
            self._all = bool(self._trading.all())
        if self.open_us is None:
            if not self._trading.any():
                return
            self.open_us = batch.t - self._step_us
        if not self.is_over:
            self.last_us = batch.t
        for channel, columns in ((QUOTES, self.quotes), (TRADES, self.trades)):
            rows = batch.rows[channel]
            if len(rows):
                columns.take(rows if self._all else rows[self._trading[rows["instrument"]]])

    @property
    def seconds(self) -> float:
        """How much of continuous trading has been seen."""
        return 0.0 if self.open_us is None else (self.last_us - self.open_us) / 1e6

    @property
    def is_over(self) -> bool:
        """Whether the day has closed after it had opened."""
        return self.open_us is not None and bool(self._closed.all())

    def sessions(self, universe: Universe) -> list[Session]:
        """Return one session for each instrument."""
        quotes, trades = _by_instrument(self.quotes, len(universe)), _by_instrument(self.trades, len(universe))
        return [
            _session(self, one.symbol, one.tick_units / 10**one.decimals, day_s(universe), quote, trade)
            for one, quote, trade in zip(universe, quotes, trades, strict=True)
        ]


def _by_instrument(columns: Columns, count: int) -> Iterator[dict[str, Numbers]]:
    """Yield each instrument's columns, in order of time."""
    instrument = columns.column("instrument")
    order = np.argsort(instrument, kind="stable")
    ends = np.searchsorted(instrument[order], np.arange(count + 1))
    sorted_ = {name: columns.column(name)[order] for name in _KEPT[columns.channel].names or () if name != "instrument"}
    for start, end in pairwise(ends):
        yield {name: values[start:end] for name, values in sorted_.items()}


def _session(
    collector: Collector,
    symbol: str,
    tick_value: float,
    whole_s: float | None,
    quotes: dict[str, Numbers],
    trades: dict[str, Numbers],
) -> Session:
    since = collector.open_us or 0
    return Session(
        trade_s=(trades["t"] - since) / 1e6,
        price_ticks=trades["price_ticks"].astype(np.int64),
        size=trades["size"].astype(np.int64),
        side=np.where(trades["side"] == BUY, 1, -1),
        quote_s=(quotes["t"] - since) / 1e6,
        bid_ticks=quotes["bid_ticks"].astype(np.int64),
        bid_size=quotes["bid_size"].astype(np.int64),
        ask_ticks=quotes["ask_ticks"].astype(np.int64),
        ask_size=quotes["ask_size"].astype(np.int64),
        tick_value=tick_value,
        length_s=collector.seconds,
        day_s=whole_s,
        symbol=symbol,
    )


def day_s(universe: Universe) -> float | None:
    """Return the seconds of continuous trading in a day; None where the market never closes."""
    return universe.hours.trading_s if universe.hours else None


def collect(market: Source, seconds: float, say: Callable[[float], None] = lambda _share: None) -> Collector:
    """Run a market until `seconds` of continuous trading are over, or the day is. Raises SetupError.

    `say` is told the share that is done, about once in a hundredth.
    """
    collector = Collector(len(market.universe), market.step_us)
    told = 0.0
    while collector.seconds < seconds and not collector.is_over:
        collector.take(market.step())
        if collector.open_us is None and collector.steps > WAIT_STEPS_MAX:
            raise SetupError(f"the market has not opened in {WAIT_STEPS_MAX:,} steps")
        if collector.seconds >= told * seconds:
            say(min(1.0, collector.seconds / seconds))
            told += 0.01
    return collector
