"""Steps of a tape from somebody's own rows: bins of the file's time, with bars and statistics of the trades.

A step covers the time up to its own `t` (included), a multiple of its length since 1970. A minute of the clock in which
nothing happens is passed over, as nights are on our own tapes: steps go on to the end of the last minute in which
something did, so that its bars are finished, and from the first row after it. Everybody trades from the first step on.
There is no book: quotes say nothing of what lies behind them. A trade without a side was a buyer's where the price
rose, a seller's where it fell, and whoever's the last was where it stood (the tick rule).
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ticker.links.own_data_cells import UNKNOWN
from ticker.links.own_data_grid import Grid
from ticker.links.own_data_store import Cursor, Store
from ticker.ticks import BOOK, BUY, CHANNELS, DTYPES, EMPTY, QUOTES, REASONS, SELL, STATES, STATUS, TRADES, Batch, Rows

MINUTE_US = 60_000_000
DAY_US = 86_400_000_000
STEPS_AT_ONCE = 256
ROWS_AT_ONCE = 4096  # about a millisecond for whoever waits
NOTHING = {channel: EMPTY[channel] for channel in (STATUS, QUOTES, BOOK, TRADES)}


class Tally(Protocol):
    """Bars and statistics of the trades of each step."""

    def rows(self, seq: int, t_us: int, day: int, trades: Rows) -> dict[str, Rows]: ...


class Span(NamedTuple):
    """Steps without a silence: number `seq` ends at `first` x step, and so on to `last`."""

    seq: int
    first: int
    last: int


class Timetable:
    """Which step ends when."""

    def __init__(self, minutes: dict[int, int], step_us: int) -> None:
        """`minutes` are those in which anything happens, with the time of the first row of each."""
        self.step_us = step_us
        self.spans: list[Span] = []
        seq, begun, before = 1, 0, -1
        for minute in [*sorted(minutes), -1]:
            if minute != before + 1 or before < 0:
                if before >= 0:
                    span = Span(seq, begun, -(-(before + 1) * MINUTE_US // step_us))
                    self.spans.append(span)
                    seq += span.last - span.first + 1
                begun = -(-minutes.get(minute, 0) // step_us)
            before = minute
        self.last = seq - 1
        self._seqs = [span.seq for span in self.spans]
        self._ends = [span.last * step_us for span in self.spans]

    def time_us(self, seq: int) -> int:
        """Return when a step ends; of step 0, when the first one begins."""
        span = self.spans[max(0, bisect_right(self._seqs, seq) - 1)]
        return (span.first + seq - span.seq) * self.step_us

    def reached(self, t_us: int) -> int:
        """Return the first step that ends at a time or later; one after the last where there is none."""
        at = bisect_left(self._ends, t_us)
        if at == len(self.spans):
            return self.last + 1
        span = self.spans[at]
        return span.seq + max(0, -(-t_us // self.step_us) - span.first)


class Shape(NamedTuple):
    """How rows become ticks."""

    places: NDArray[np.int32]
    """The number on the tape, by that of a symbol in the file; all else is by number on the tape."""
    grids: Sequence[Grid]
    power: int
    """A size is counted in units of 10**-power."""
    reference_ticks: NDArray[np.int64]


def steps(trades: Store, quotes: Store, table: Timetable, shape: Shape, tally: Tally) -> Iterator[Batch]:
    """Yield all steps from the first on."""
    making = _Making(shape, table.step_us)
    bought, quoted = Cursor(trades), Cursor(quotes)
    for span in table.spans:
        at = span.first
        while at <= span.last:
            upto = min(at + STEPS_AT_ONCE - 1, span.last)
            for cursor in (bought, quoted):
                ahead = cursor.ahead(ROWS_AT_ONCE)
                if ahead is not None:
                    upto = max(at, min(upto, ahead // table.step_us))
            limit_us = upto * table.step_us
            found = (making.trades(bought.upto(limit_us), at, upto), making.quotes(quoted.upto(limit_us), at, upto))
            for index in range(upto - at + 1):
                seq = span.seq + at - span.first + index
                yield _batch(seq, (at + index) * table.step_us, [rows[index] for rows in found], tally, making)
            at = upto + 1


def _batch(seq: int, t_us: int, found: list[Rows], tally: Tally, making: "_Making") -> Batch:
    trades, quotes = found
    rows = dict(NOTHING)
    if seq == 1:
        rows[STATUS] = making.opening(t_us)
    if len(quotes):
        rows[QUOTES] = quotes
    if len(trades):
        rows[TRADES] = trades
    rows.update(tally.rows(seq, t_us, (t_us - 1) // DAY_US, rows[TRADES]))
    return Batch(seq, t_us, {channel: rows[channel] for channel in CHANNELS})


class _Making:
    """What is counted and remembered from step to step."""

    def __init__(self, shape: Shape, step_us: int) -> None:
        self._places, self._step_us = shape.places, step_us
        self._factors = np.array([10**grid.decimals / grid.units for grid in shape.grids])
        self._scale = 10.0**shape.power
        self._counts = {channel: np.zeros(len(shape.grids), np.int64) for channel in (TRADES, QUOTES)}
        self._last = shape.reference_ticks.copy()
        self._way = np.ones(len(shape.grids), np.int64)

    def opening(self, t_us: int) -> Rows:
        """Return the status of everybody in the first step."""
        rows = np.zeros(len(self._last), DTYPES[STATUS])
        rows["instrument"] = np.arange(len(rows))
        rows["n"], rows["t"] = 1, t_us
        rows["state"], rows["reason"] = STATES.index("trading"), REASONS.index("schedule")
        return rows

    def trades(self, found: Rows, first: int, last: int) -> list[Rows]:
        """Return the trades of the steps from one to another."""
        rows, factors, order = self._begun(TRADES, found)
        rows["price_ticks"] = np.rint(found["px"] * factors)[order]
        rows["size"] = self._units(found["sz"])[order]
        self._side(rows, found["side"][order])
        return self._apart(rows, found, order, first, last)

    def quotes(self, found: Rows, first: int, last: int) -> list[Rows]:
        """Return the quotes of the steps from one to another."""
        rows, factors, order = self._begun(QUOTES, found)
        for price, size, name in (("bid", "bsz", "bid"), ("ask", "asz", "ask")):
            rows[f"{name}_ticks"] = np.rint(found[price] * factors)[order]
            rows[f"{name}_size"] = self._units(found[size])[order]
        return self._apart(rows, found, order, first, last)

    def _begun(self, channel: str, found: Rows) -> tuple[Rows, NDArray[np.float64], NDArray[np.intp]]:
        """Return rows with their instrument, `n` and `t`, how their prices become ticks, and the order of the tape."""
        who = self._places[found["i"]]
        order = np.lexsort((who, self._bins(found)))
        rows = np.zeros(len(found), DTYPES[channel])
        rows["instrument"] = who[order]
        rows["t"] = found["t"][order]
        counts = self._counts[channel]
        by_instrument = np.argsort(rows["instrument"], kind="stable")
        numbers = rows["instrument"][by_instrument]
        starts = np.flatnonzero(np.diff(numbers, prepend=-1))
        lengths = np.diff(starts, append=len(numbers))
        rows["n"][by_instrument] = np.arange(1, len(rows) + 1) + np.repeat(counts[numbers[starts]] - starts, lengths)
        counts[numbers[starts]] += lengths
        return rows, self._factors[who], order

    def _bins(self, found: Rows) -> NDArray[np.int64]:
        """Return which multiple of the step's length each row's step ends at."""
        bins: NDArray[np.int64] = -(-found["t"] // self._step_us)
        return bins

    def _units(self, sizes: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.maximum(1.0, np.rint(sizes * self._scale))

    def _side(self, rows: Rows, sides: NDArray[np.int8]) -> None:
        """Set the sides: as they are given, else by the tick rule."""
        if not len(rows):
            return
        order = np.argsort(rows["instrument"], kind="stable")
        who, prices = rows["instrument"][order], rows["price_ticks"][order]
        starts = np.flatnonzero(np.diff(who, prepend=-1))
        before = np.concatenate([prices[:1], prices[:-1]])
        before[starts] = self._last[who[starts]]
        ways = np.sign(prices - before)
        ways[starts] = np.where(ways[starts] == 0, self._way[who[starts]], ways[starts])
        ways = ways[np.maximum.accumulate(np.where(ways != 0, np.arange(len(ways)), 0))]
        ends = np.append(starts[1:], len(who)) - 1
        self._last[who[ends]], self._way[who[ends]] = prices[ends], ways[ends]
        guessed = np.empty(len(rows), np.int8)
        guessed[order] = np.where(ways > 0, BUY, SELL)
        rows["side"] = np.where(sides == UNKNOWN, guessed, sides)

    def _apart(self, rows: Rows, found: Rows, order: NDArray[np.intp], first: int, last: int) -> list[Rows]:
        """Return the rows of each step."""
        if not len(rows):
            return [rows] * (last - first + 1)
        edges: list[Any] = np.searchsorted(self._bins(found)[order], np.arange(first, last + 2)).tolist()
        return [rows[begin:end] for begin, end in pairwise(edges)]
