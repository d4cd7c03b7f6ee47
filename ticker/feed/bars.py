"""Finished bars, made from the trades on the tape: open, high, low, close, volume and turnover of an interval.

Rules: a trade at market time `t` belongs to the bar that opened at the last multiple of the interval since 1970; a
bar is finished when market time reaches its end; an interval without a trade has no bar. Trades are only noted as
they pass, and joined once an interval, when there is time or somebody asks; longer bars are made from shorter ones.
"""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from ticker.ticks import DTYPES, TRADES, Batch, Rows

INTERVALS_US = {"1s": 1_000_000, "1m": 60_000_000}
"""Shortest first, each a multiple of the one before it."""

BAR = np.dtype(
    [
        ("instrument", "<i4"),
        ("trades", "<i4"),
        ("t", "<i8"),
        ("open_ticks", "<i8"),
        ("high_ticks", "<i8"),
        ("low_ticks", "<i8"),
        ("close_ticks", "<i8"),
        ("volume", "<i8"),
        ("turnover", "<i8"),
    ]
)
"""`t` is when the bar opened, in microseconds since 1970; prices are in ticks, `turnover` the sum of price x size."""


class Bars:
    """The last `kept` finished bars of each instrument and interval, as far as trades were noted since the start."""

    def __init__(self, kept: int) -> None:
        self._trades: list[Rows] = []
        self._now_us = -1
        self._due_us = 0
        self._levels = [_Level(length_us, kept) for length_us in INTERVALS_US.values()]

    def note(self, batch: Batch) -> None:
        """Take in the trades of a batch."""
        self.settle()  # of the batches before it, if nobody had the time
        rows = batch.rows[TRADES]
        if len(rows):
            self._trades.append(rows)
        self._now_us = batch.t

    def settle(self) -> None:
        """Do what noting has left to do: now and then, once the ticks are on their way."""
        if self._now_us >= self._due_us:
            self._finish(self._now_us)

    def newest(self, interval: str, instrument: int, limit: int) -> Rows:
        """Return at most `limit` finished bars of an instrument, oldest first: dtype BAR, shape (bars,)."""
        self.settle()
        return self._levels[list(INTERVALS_US).index(interval)].newest(instrument, limit)

    def _finish(self, now_us: int) -> None:
        """Close every bar that ends at or before `now_us`."""
        shortest_us = self._levels[0].length_us
        self._due_us = now_us - now_us % shortest_us + shortest_us
        # Numpy looks at every field of every array it joins; bytes are bytes.
        bars = _of_trades(np.frombuffer(b"".join([rows.tobytes() for rows in self._trades]), DTYPES[TRADES]))
        self._trades = []
        for level in self._levels:
            bars = level.take(bars, now_us)


class _Level:
    """Bars of one length: those still growing, and the finished ones by the time they opened."""

    def __init__(self, length_us: int, kept: int) -> None:
        self.length_us = length_us
        self._growing = np.zeros(0, BAR)
        self._finished: deque[Rows] = deque(maxlen=kept)

    def take(self, parts: Rows, now_us: int) -> Rows:
        """Add parts of bars; return the bars that are finished now."""
        bars = _joined(np.concatenate([self._growing, parts]), self.length_us)
        done = bars["t"] + self.length_us <= now_us
        self._growing = bars[~done]
        finished: Rows = bars[done]
        for opened in np.unique(finished["t"]):
            self._finished.append(finished[finished["t"] == opened])
        return finished

    def newest(self, instrument: int, limit: int) -> Rows:
        found: list[Rows] = []
        for rows in reversed(self._finished):
            place = int(np.searchsorted(rows["instrument"], instrument))
            if place < len(rows) and rows["instrument"][place] == instrument:
                found.append(rows[place : place + 1])
                if len(found) == limit:
                    break
        return np.concatenate(found[::-1]) if found else np.zeros(0, BAR)


def _of_trades(trades: Rows) -> Rows:
    """Return a bar for each trade."""
    bars = np.empty(len(trades), BAR)
    bars["instrument"] = trades["instrument"]
    bars["trades"] = 1
    bars["t"] = trades["t"]
    for name in ("open_ticks", "high_ticks", "low_ticks", "close_ticks"):
        bars[name] = trades["price_ticks"]
    bars["volume"] = trades["size"]
    bars["turnover"] = trades["price_ticks"] * trades["size"]
    return bars


def _joined(bars: Rows, length_us: int) -> Rows:
    """Join parts of bars, which are in order of time, into bars of a length, in order of time and instrument."""
    if not len(bars):
        return bars
    bars["t"] -= bars["t"] % length_us
    order = np.lexsort((bars["instrument"], bars["t"]))  # stable: parts of one bar stay in order
    bars = bars[order]
    new: NDArray[np.bool_] = np.ones(len(bars), np.bool_)
    new[1:] = (bars["instrument"][1:] != bars["instrument"][:-1]) | (bars["t"][1:] != bars["t"][:-1])
    starts = np.flatnonzero(new)
    joined = bars[starts]
    joined["close_ticks"] = bars["close_ticks"][np.append(starts[1:], len(bars)) - 1]
    joined["high_ticks"] = np.maximum.reduceat(bars["high_ticks"], starts)
    joined["low_ticks"] = np.minimum.reduceat(bars["low_ticks"], starts)
    for name in ("trades", "volume", "turnover"):
        joined[name] = np.add.reduceat(bars[name], starts)
    return joined
