"""Sums of trades as rows: bars and summaries, as `ticker.venue` has them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ticker.feed.ledger import Ledger
from ticker.feed.past import (
    BROKEN,
    CLOSE,
    HIGH,
    LAST,
    LOW,
    OPEN,
    TAKER_TURNOVER,
    TAKER_VOLUME,
    TRADES,
    TURNOVER,
    VOLUME,
    Ints,
    Past,
    Sum,
)
from ticker.ticks import Rows
from ticker.venue import BAR, MONTH, SUMMARY, Bars

Instruments = NDArray[np.intp] | Sequence[int]
_1970 = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_TOUCH = ("bid_ticks", "bid_size", "ask_ticks", "ask_size")
_NO_BARS = np.empty(0, BAR)
_COUNTED = (("volume", VOLUME), ("turnover", TURNOVER), ("trades", TRADES))
_TAKEN = (("taker_volume", TAKER_VOLUME), ("taker_turnover", TAKER_TURNOVER))


def opened(bars: Bars, t: int) -> int:
    """Return when the bar opened that market time `t` is in."""
    if bars.length_us != MONTH:
        return (t - bars.offset_us) // bars.length_us * bars.length_us + bars.offset_us
    local = _1970 + (t - bars.offset_us) * _MICROSECOND
    return (local.replace(day=1, hour=0, minute=0, second=0, microsecond=0) - _1970) // _MICROSECOND + bars.offset_us


def until_of(bars: Bars, start: int) -> int:
    """Return when a bar ends that opened at `start`: the first moment that is not in it."""
    if bars.length_us != MONTH:
        return start + bars.length_us
    return opened(bars, start + 40 * 86_400_000_000)  # in the next month, whatever the length of this one


def bar_rows(total: Sum | None, who: Instruments, start: int, until: int, at: int, *, done: bool) -> Rows:
    """Return one bar of each of these instruments, none where there is no sum."""
    if total is None or not len(who):
        return _NO_BARS
    rows = np.empty(len(who), BAR)
    rows["instrument"], rows["t"], rows["until"], rows["at"], rows["done"] = who, start, until, at, done
    fill_prices(rows, total.figures[:, who], total.before[who])
    return rows


def fill_prices(rows: Rows, figures: Ints, before: Ints) -> None:
    """Write into rows what sums of shape (FIGURES, rows) come to; `before` are the prices before them."""
    some = figures[TRADES] > 0
    still = np.where(before > 0, before, figures[CLOSE])
    rows["open_ticks"] = np.where(some, figures[OPEN], still)
    rows["high_ticks"] = np.where(some, figures[HIGH], still)
    rows["low_ticks"] = np.where(some, figures[LOW], still)
    rows["close_ticks"] = np.where(some, figures[CLOSE], still)
    for name, place in (*_COUNTED, *(_TAKEN if "taker_volume" in (rows.dtype.names or ()) else ())):
        rows[name] = figures[place]
    rows["n"] = figures[LAST]
    rows["first"] = np.where(some, figures[LAST] - figures[TRADES] - figures[BROKEN] + 1, -1)
    rows["last"] = np.where(some, figures[LAST], -1)


class Seen(Protocol):
    """What summaries show besides the sums."""

    ledger: Ledger
    quotes: Rows
    book_n: NDArray[np.int64]


def summary_rows(seen: Seen, total: Sum, month: Sum, who: NDArray[np.intp], since: int, t: int) -> Rows:
    """Return one summary of each of these instruments, of the window from `since` to `t`."""
    rows = np.empty(len(who), SUMMARY)
    rows["instrument"], rows["t"], rows["since"], rows["until"] = who, t, since, t
    fill_prices(rows, total.figures[:, who], total.before[who])
    rows["before_ticks"] = total.before[who]
    rows["month_volume"] = month.figures[VOLUME, who]
    newest = seen.ledger.newest(who, rows["n"])
    for name, known in (("last_size", "size"), ("last_side", "side"), ("last_t", "t")):
        rows[name] = newest[known]
    for name in _TOUCH:
        rows[name] = seen.quotes[name][who]
    rows["book_n"] = seen.book_n[who]
    return rows


def history(past: Past, instrument: int, bars: Bars, t: int) -> Rows:
    """Return all bars of an instrument that are known, oldest first, the last of them running."""
    slots = np.arange(past.oldest, past.count)
    starts, figures = past.starts_of(slots), past.column(slots, instrument)
    keys = np.array([opened(bars, start) for start in starts.tolist()]) if bars.length_us == MONTH else None
    if keys is None:
        keys = (starts - bars.offset_us) // bars.length_us * bars.length_us + bars.offset_us
    edges = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))
    ends = np.append(edges[1:], len(keys)) - 1
    sums = np.add.reduceat(figures, edges, axis=0)
    sums[:, HIGH] = np.maximum.reduceat(figures[:, HIGH], edges)
    sums[:, LOW] = np.minimum.reduceat(figures[:, LOW], edges)
    sums[:, CLOSE], sums[:, LAST] = figures[ends, CLOSE], figures[ends, LAST]
    traded = np.flatnonzero(figures[:, TRADES] > 0)
    first = np.searchsorted(traded, edges)
    sums[:, OPEN] = figures[traded[np.minimum(first, len(traded) - 1)], OPEN] if len(traded) else 0
    rows = np.empty(len(edges), BAR)
    rows["instrument"], rows["t"], rows["at"] = instrument, keys[edges], t
    rows["until"] = [until_of(bars, start) for start in keys[edges].tolist()]
    rows["done"] = rows["until"] <= t
    fill_prices(rows, sums.T, np.append(0, sums[:-1, CLOSE]))
    known: Rows = rows[rows["close_ticks"] > 0]
    return known
