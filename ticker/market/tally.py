"""Bars and statistics, made from the trades of each step.

Rules: a trade at market time `t` belongs to the bar that opened at the last multiple of its length since 1970, so one
at the very end of a bar belongs to the next; a bar is finished in the step that reaches its end, and an interval
without a trade has none. A running bar, and the day's statistics, are sent when an instrument has traded since, at
most once in so many microseconds of market time, in the steps that the instrument's own key names: not all at once, and
whatever other instruments there are. Statistics begin anew with a day.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ticker.ticks import BARS_1M, BARS_1S, DTYPES, EMPTY, STATS, Rows

LENGTHS_US = (1_000_000, 60_000_000)
"""Of the bars, each a multiple of the one before it."""
APART_US = (250_000, 1_000_000, 1_000_000)
"""How often an instrument's running bars and statistics are sent, at most."""
_CHANNELS = (BARS_1S, BARS_1M, STATS)
_DAY = 2
"""The place of what is summed up over a day, after that of the bars."""

_FIGURES = 7  # of each: open, high, low, close, volume, turnover, trades
_OPEN, _HIGH, _LOW, _CLOSE, _VOLUME, _TURNOVER, _TRADES = range(_FIGURES)
_NOTHING = np.array([0, 0, np.iinfo(np.int64).max, 0, 0, 0, 0], np.int64)
_HEAD: list[Any] = [("instrument", "<i4"), ("n", "<i8"), ("t", "<i8")]
# The same bytes as in DTYPES, with the figures as one field.
_BAR = np.dtype([*_HEAD, ("figures", "<i8", (_FIGURES,)), ("done", "<i1")])
_STATS = np.dtype([*_HEAD, ("prices", "<i8", (4,)), ("previous_ticks", "<i8"), ("sums", "<i8", (3,))])


class Tally:
    """What every instrument's trades come to: in the bars of now, and today."""

    def __init__(
        self, instruments: int, step_us: int, previous_ticks: NDArray[np.int64], keys: NDArray[np.int64]
    ) -> None:
        """`previous_ticks` is where the day before closed; `keys` are any whole numbers, one an instrument."""
        self._figures = np.tile(_NOTHING[:, None, None], (1, 3, instruments))
        self._news = np.zeros((3, instruments), np.bool_)
        self._n = np.zeros((3, instruments), np.int64)
        self._previous = previous_ticks.astype(np.int64)
        self._opened = [-LENGTHS_US[0], -LENGTHS_US[1]]
        self._day: int | None = None
        self._due = [_by_turn(keys, max(1, -(-apart_us // step_us))) for apart_us in APART_US]

    def rows(self, seq: int, t_us: int, day: int, trades: Rows) -> dict[str, Rows]:
        """Take in the trades of step `seq`, which reaches `t_us`; return its rows by channel.

        `trades` have the dtype of TRADES and stand in the order of the tape.
        """
        if day != self._day:
            self._begin(day)
        pieces: tuple[list[Rows], ...] = ([], [], [])
        if t_us < self._opened[0] + LENGTHS_US[0]:
            self._add(trades)
        else:
            self._turn(t_us, trades, pieces)
        for place, due in enumerate(self._due):
            who = due[seq % len(due)]
            who = who[self._news[place, who]]
            if len(who):
                pieces[place].append(self._stats(who, t_us) if place == _DAY else self._bars(place, who, done=False))
        return {channel: self._number(place, pieces[place]) for place, channel in enumerate(_CHANNELS)}

    def state(self) -> dict[str, Any]:
        """Return all that later rows depend on."""
        arrays = {"figures": self._figures, "news": self._news, "n": self._n, "previous": self._previous}
        numbers = {"opened_1s": self._opened[0], "opened_1m": self._opened[1], "day": self._day}
        return {**{name: array.copy() for name, array in arrays.items()}, **numbers}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on as whoever returned this state."""
        self._figures, self._news = state["figures"].copy(), state["news"].copy()
        self._n, self._previous = state["n"].copy(), state["previous"].copy()
        self._opened = [state["opened_1s"], state["opened_1m"]]
        self._day = state["day"]

    def _begin(self, day: int) -> None:
        """Begin a day: the last price becomes the one before."""
        self._day = day
        today = self._figures[:, _DAY]
        self._previous = np.where(today[_TRADES] > 0, today[_CLOSE], self._previous)
        today[:] = _NOTHING[:, None]
        self._news[_DAY] = False

    def _turn(self, t_us: int, trades: Rows, pieces: tuple[list[Rows], ...]) -> None:
        """Take in trades of a step in which bars end: those before the end, then those after it."""
        seconds = trades["t"] // LENGTHS_US[0]
        for second in np.unique(seconds).tolist():
            self._reach(second * LENGTHS_US[0], pieces)
            self._add(trades[seconds == second])
        self._reach(t_us, pieces)

    def _reach(self, t_us: int, pieces: tuple[list[Rows], ...]) -> None:
        """Finish the bars that end by then."""
        for place, length_us in enumerate(LENGTHS_US):
            if t_us >= self._opened[place] + length_us:
                who = np.flatnonzero(self._figures[_TRADES, place])
                if len(who):
                    pieces[place].append(self._bars(place, who, done=True))
                    self._figures[:, place, who] = _NOTHING[:, None]
                self._opened[place] = t_us - t_us % length_us

    def _add(self, trades: Rows) -> None:
        """Add trades, all of them of the bars of now."""
        if not len(trades):
            return
        who, added = _summed_up(trades)
        figures = self._figures.take(who, 2)
        figures[_OPEN] = np.where(figures[_TRADES] == 0, added[_OPEN], figures[_OPEN])
        np.maximum(figures[_HIGH], added[_HIGH], out=figures[_HIGH])
        np.minimum(figures[_LOW], added[_LOW], out=figures[_LOW])
        figures[_CLOSE] = added[_CLOSE]
        figures[_VOLUME:] += added[_VOLUME:, None]
        self._figures[:, :, who] = figures
        self._news[:, who] = True

    def _bars(self, place: int, who: NDArray[np.intp], *, done: bool) -> Rows:
        rows = np.empty(len(who), _BAR)
        rows["instrument"] = who
        rows["t"] = self._opened[place]
        rows["figures"] = self._figures[:, place].take(who, 1).T
        rows["done"] = done
        self._news[place, who] = False
        return rows.view(DTYPES[BARS_1S])

    def _stats(self, who: NDArray[np.intp], t_us: int) -> Rows:
        rows = np.empty(len(who), _STATS)
        figures = self._figures[:, _DAY].take(who, 1).T
        rows["instrument"] = who
        rows["t"] = t_us
        rows["prices"] = figures[:, :_VOLUME]
        rows["previous_ticks"] = self._previous[who]
        rows["sums"] = figures[:, _VOLUME:]
        self._news[_DAY, who] = False
        return rows.view(DTYPES[STATS])

    def _number(self, place: int, pieces: list[Rows]) -> Rows:
        """Return rows, joined and in the order of the tape, with their `n`."""
        if not pieces:
            return EMPTY[_CHANNELS[place]]
        if len(pieces) == 1:  # as nearly always: one row an instrument
            rows = pieces[0]
            self._n[place, rows["instrument"]] += 1
            rows["n"] = self._n[place, rows["instrument"]]
            return rows
        rows = np.concatenate(pieces)
        rows = rows[np.argsort(rows["instrument"], kind="stable")]  # those of one instrument stay in order
        starts = _starts(rows["instrument"])
        who, counts = rows["instrument"][starts], np.diff(starts, append=len(rows))
        rows["n"] = (self._n[place, who] - starts).repeat(counts) + np.arange(1, len(rows) + 1)
        self._n[place, who] += counts
        return rows


def _by_turn(keys: NDArray[np.int64], steps: int) -> list[NDArray[np.intp]]:
    """Return who is due in which of so many steps, ascending."""
    return [np.flatnonzero((keys - turn) % steps == 0) for turn in range(steps)]


def _starts(who: NDArray[np.int32]) -> NDArray[np.intp]:
    """Return where each instrument's rows begin."""
    first = np.empty(len(who), np.bool_)
    first[0] = True
    np.not_equal(who[1:], who[:-1], out=first[1:])
    return np.flatnonzero(first)


def _summed_up(trades: Rows) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return who traded, ascending, and the figures of those trades, shape (7, instruments)."""
    starts = _starts(trades["instrument"])
    price, size = np.ascontiguousarray(trades["price_ticks"]), np.ascontiguousarray(trades["size"])
    ends = np.empty(len(starts), np.int64)
    ends[:-1], ends[-1] = starts[1:], len(price)
    added = np.empty((_FIGURES, len(starts)), np.int64)
    added[_OPEN], added[_CLOSE], added[_TRADES] = price[starts], price[ends - 1], ends - starts
    if len(starts) == len(trades):
        added[_HIGH] = added[_LOW] = price
        added[_VOLUME], added[_TURNOVER] = size, price * size
    else:
        added[_HIGH], added[_LOW] = np.maximum.reduceat(price, starts), np.minimum.reduceat(price, starts)
        added[_VOLUME], added[_TURNOVER] = np.add.reduceat(size, starts), np.add.reduceat(price * size, starts)
    return trades["instrument"][starts], added
