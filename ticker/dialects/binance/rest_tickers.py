"""What is answered over HTTP about windows of time and touches: Binance Spot API, "24hr ticker" and its kin.

One pair by `symbol` is an object, several by `symbols` an array in the order they were asked for, and where neither is
sent all of them, in the order of the universe. A window of minutes, hours or days begins with a minute and ends now;
a trading day is from midnight to midnight in a time zone.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import Any

from ticker.dialects.binance import faults
from ticker.dialects.binance.calls import Call
from ticker.dialects.binance.intervals import HOUR_US, MINUTE_US, bars
from ticker.dialects.binance.symbols import Symbol, percent
from ticker.venue import BAR, DAY_US, QUOTE, SUMMARY

NAMED_MAX = 100
"""Symbols that may be asked for at once where each costs a computation."""
FULL, MINI = "FULL", "MINI"
WINDOWS = {"m": (MINUTE_US, 59), "h": (HOUR_US, 23), "d": (DAY_US, 7)}
"""By the letter of a unit: its length, and how many of it at most."""
_WINDOW = re.compile(r"([1-9][0-9]?)([mhd])", re.ASCII)

Figures = dict[str, int]
"""A row of SUMMARY or BAR by its fields."""
Fields = dict[str, Any]


def day(call: Call) -> Any:
    """Tell of the last 24 hours."""
    spell = partial(_mini, call.unit) if _type(call) == MINI else partial(_day, call.unit)
    return _each(call, _wanted(call), partial(_summaries, DAY_US), spell)


def window(call: Call) -> Any:
    """Tell of a window that was asked for."""
    spell = partial(_mini if _type(call) == MINI else _full, call.unit)
    length_us = _length_us(call)
    return _each(call, _wanted(call, NAMED_MAX), partial(_summaries, length_us), spell)


def trading_day(call: Call) -> Any:
    """Tell of today."""
    spell = partial(_mini if _type(call) == MINI else _full, call.unit)
    return _each(call, _wanted(call, NAMED_MAX), partial(_today, call.ahead_us()), spell)


def price(call: Call) -> Any:
    """Tell the last prices."""
    return _each(call, _wanted(call), partial(_summaries, DAY_US), _price)


def touch(call: Call) -> Any:
    """Tell the best prices; those of a side that is empty are 0."""
    return _each(call, _wanted(call), _quotes, _touch)


def _wanted(call: Call, most: int | None = None) -> Symbol | list[Symbol]:
    """Return one pair or several; with `most` the endpoint has no answer about all. Raises Fault."""
    query = call.query
    if query.has("symbol") and query.has("symbols"):
        raise faults.bad_combination()
    if query.has("symbol"):
        return call.pair()
    if query.has("symbols"):
        return call.named(most)
    if most is not None:
        raise faults.either("symbol", "symbols")
    return call.in_status(call.pairs())


def _each(
    call: Call,
    wanted: Symbol | list[Symbol],
    look: Callable[[Call, list[Symbol]], list[Figures]],
    spell: Callable[[Symbol, Figures], Fields],
) -> Fields | list[Fields]:
    """Spell what is known of one pair, or of each of several."""
    several = wanted if isinstance(wanted, list) else [wanted]
    found = [spell(symbol, figures) for symbol, figures in zip(several, look(call, several), strict=True)]
    return found if isinstance(wanted, list) else found[0]


def _type(call: Call) -> str:
    return call.query.choice("type", (FULL, MINI), faults.bad_ticker_type()) or FULL


def _length_us(call: Call) -> int:
    found = _WINDOW.fullmatch(call.query.text("windowSize") or "1d")
    length_us, most = WINDOWS[found[2]] if found else (0, 0)
    if not found or int(found[1]) > most:
        raise faults.invalid("windowSize")
    return int(found[1]) * length_us


def _summaries(window_us: int, call: Call, pairs: list[Symbol]) -> list[Figures]:
    assert SUMMARY.names
    rows = call.market.summaries([symbol.index for symbol in pairs], window_us)
    return [dict(zip(SUMMARY.names, row, strict=True)) for row in rows.tolist()]


def _quotes(call: Call, pairs: list[Symbol]) -> list[Figures]:
    assert QUOTE.names
    nothing = dict.fromkeys(QUOTE.names, 0)
    rows = [call.market.quote(symbol.index).tolist() for symbol in pairs]
    return [dict(zip(QUOTE.names, row[0], strict=True)) if row else nothing for row in rows]


def _today(ahead_us: int, call: Call, pairs: list[Symbol]) -> list[Figures]:
    return [_day_of(call, symbol, ahead_us) for symbol in pairs]


def _day_of(call: Call, symbol: Symbol, ahead_us: int) -> Figures:
    """Return the bar of today, with the names of SUMMARY: without a trade, all of its prices are the last one."""
    assert BAR.names
    study = bars("1d", ahead_us)
    since = (call.market.t - study.offset_us) // DAY_US * DAY_US + study.offset_us
    rows = call.market.bars(symbol.index, study, 1).tolist()
    found = dict(zip(BAR.names, rows[-1], strict=True)) if rows else dict.fromkeys(BAR.names, 0)
    if found["t"] != since:
        last = found["close_ticks"]
        found = dict.fromkeys(BAR.names, 0) | {"first": -1, "last": -1}
        found |= dict.fromkeys(("open_ticks", "high_ticks", "low_ticks", "close_ticks"), last)
    return found | {"since": since, "until": since + DAY_US - call.unit}


def _day(unit: int, s: Symbol, w: Figures) -> Fields:
    prices, sizes = s.prices, s.sizes
    return {
        **_change(s, w),
        "prevClosePrice": prices[w["before_ticks"]],
        "lastPrice": prices[w["close_ticks"]],
        "lastQty": sizes[w["last_size"]],
        **_sides(s, w),
        "openPrice": prices[w["open_ticks"]],
        "highPrice": prices[w["high_ticks"]],
        "lowPrice": prices[w["low_ticks"]],
        **_sums(unit, s, w),
    }


def _full(unit: int, s: Symbol, w: Figures) -> Fields:
    return {**_change(s, w), **_mini(unit, s, w)}


def _mini(unit: int, s: Symbol, w: Figures) -> Fields:
    return {
        "symbol": s.name,
        "openPrice": s.prices[w["open_ticks"]],
        "highPrice": s.prices[w["high_ticks"]],
        "lowPrice": s.prices[w["low_ticks"]],
        "lastPrice": s.prices[w["close_ticks"]],
        **_sums(unit, s, w),
    }


def _change(s: Symbol, w: Figures) -> Fields:
    ticks = w["close_ticks"] - w["open_ticks"]
    return {
        "symbol": s.name,
        "priceChange": s.prices[ticks],
        "priceChangePercent": percent(ticks, w["open_ticks"]),
        "weightedAvgPrice": s.mean(w["turnover"], w["volume"]),
    }


def _sums(unit: int, s: Symbol, w: Figures) -> Fields:
    return {
        "volume": s.sizes[w["volume"]],
        "quoteVolume": s.turnover(w["turnover"]),
        "openTime": w["since"] // unit,
        "closeTime": w["until"] // unit,
        "firstId": w["first"],
        "lastId": w["last"],
        "count": w["trades"],
    }


def _sides(s: Symbol, w: Figures) -> Fields:
    return {
        "bidPrice": s.prices[w["bid_ticks"]],
        "bidQty": s.sizes[w["bid_size"]],
        "askPrice": s.prices[w["ask_ticks"]],
        "askQty": s.sizes[w["ask_size"]],
    }


def _price(s: Symbol, w: Figures) -> Fields:
    return {"symbol": s.name, "price": s.prices[w["close_ticks"]]}


def _touch(s: Symbol, w: Figures) -> Fields:
    return {"symbol": s.name, **_sides(s, w)}
