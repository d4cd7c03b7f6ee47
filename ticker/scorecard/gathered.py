"""Trades and quotes read from a file, symbol by symbol, until they become sessions.

A session is one symbol's day (UTC), and begins with the day's first tick of any symbol. Prices become whole ticks of
the coarsest grid that they all lie on.
"""

from array import array
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from ticker.errors import ConfigError
from ticker.scorecard.estimators import Floats, Ints
from ticker.scorecard.sessions import US_DAY_S, Session

DAY_S = 86_400.0
DECIMALS_MAX = 8
NEVER_CLOSES_S = 10 * 3600.0
"""Who trades longer than this in a day has no opening and no close that could be measured."""


class Gathered:
    """Columns of one symbol: of trades (time, price, size, side), of quotes (time, bid, size, ask, size)."""

    def __init__(self) -> None:
        self.trades = [array("d") for _ in range(4)]
        self.quotes = [array("d") for _ in range(5)]

    def trade(self, *values: float) -> None:
        for column, value in zip(self.trades, values, strict=True):
            column.append(value)

    def quote(self, *values: float) -> None:
        for column, value in zip(self.quotes, values, strict=True):
            column.append(value)


def sessions(file: Path, found: dict[str, Gathered]) -> list[Session]:
    """Return the sessions of a file, by symbol and day. Raises ConfigError where there is nothing in it."""
    times = [np.array(kind[0]) for one in found.values() for kind in (one.trades, one.quotes) if len(kind[0])]
    if not times:
        raise ConfigError(f"{file}: no trade in it")
    everything = np.concatenate(times)
    days = np.unique(everything // DAY_S)
    spans = {day: _span(everything[everything // DAY_S == day]) for day in days}
    return [
        _session(file, symbol, one, day, *spans[day])
        for symbol, one in found.items()
        for day in days
        if any((np.array(kind[0]) // DAY_S == day).any() for kind in (one.trades, one.quotes))
    ]


def _span(times: Floats) -> tuple[float, float]:
    return float(times.min()), float(times.max())


def _session(file: Path, symbol: str, one: Gathered, day: float, first: float, last: float) -> Session:
    trade_s, price, size, side = _of_day(one.trades, day)
    quote_s, bid, bid_size, ask, ask_size = _of_day(one.quotes, day)
    tick = _grid(np.concatenate([price, bid, ask]), f"{file}: {symbol}: price")
    unit = _grid(np.concatenate([size, bid_size, ask_size]), f"{file}: {symbol}: size")
    return Session(
        trade_s=trade_s - first,
        price_ticks=_whole(price, tick),
        size=_whole(size, min(unit, 1.0)),
        side=side.astype(np.int64),
        quote_s=quote_s - first,
        bid_ticks=_whole(bid, tick),
        bid_size=_whole(bid_size, min(unit, 1.0)),
        ask_ticks=_whole(ask, tick),
        ask_size=_whole(ask_size, min(unit, 1.0)),
        tick_value=tick,
        size_unit=min(unit, 1.0),
        length_s=last - first,
        day_s=None if last - first > NEVER_CLOSES_S else US_DAY_S,
        symbol=symbol,
        day=datetime.fromtimestamp(day * DAY_S, UTC).date().isoformat(),
    )


def _of_day(columns: "list[array[float]]", day: float) -> list[Floats]:
    """Return the columns of one day in order of time."""
    arrays = [np.array(column) for column in columns]
    order = np.argsort(arrays[0], kind="stable")
    mine = order[arrays[0][order] // DAY_S == day]
    return [values[mine] for values in arrays]


def _grid(values: Floats, what: str) -> float:
    """Return the coarsest step that all values are multiples of, a power of ten or a multiple of one."""
    values = values[values != 0]
    for decimals in range(DECIMALS_MAX + 1):
        scaled = values * 10.0**decimals
        whole = np.round(scaled)
        if np.all(np.abs(scaled - whole) < 1e-4):
            return float(np.gcd.reduce(whole.astype(np.int64)) or 1) / 10.0**decimals
    raise ConfigError(f"{what}: more than {DECIMALS_MAX} decimals")


def _whole(values: Floats, unit: float) -> Ints:
    return np.round(values / unit).astype(np.int64)
