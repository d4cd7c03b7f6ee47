"""Statistics of a window that moves: Binance Spot WebSocket Streams, tickers, mini tickers and average prices.

A message a row, or one array of all rows that are rendered at once, which is sent with the last of them.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from ticker.dialects.binance.manner import Manner, Renderer
from ticker.dialects.binance.symbols import Symbol, percent
from ticker.ticks import Rows
from ticker.wire.frames import text_frame

ARRAY_ROWS = 1000
"""A longer array is sent in parts: a symbol takes up to 700 bytes, a message at most 1 MiB."""


class _Window(NamedTuple):
    """The fields of a row of SUMMARY, in their order."""

    instrument: int
    n: int
    t: int
    since: int
    until: int
    open_ticks: int
    high_ticks: int
    low_ticks: int
    close_ticks: int
    volume: int
    turnover: int
    trades: int
    first: int
    last: int
    before_ticks: int
    last_size: int
    last_side: int
    last_t: int
    month_volume: int
    bid_ticks: int
    bid_size: int
    ask_ticks: int
    ask_size: int
    book_n: int


_Spell = Callable[[Symbol, _Window, int], str]
"""Spells a payload; times are in units of so many microseconds."""


def tickers(window: str = "") -> _Spell:
    """Return what spells `ticker`, or `ticker_<window>`."""
    return partial(_windowed, window) if window else _ticker


def mini(s: Symbol, w: _Window, unit: int) -> str:
    """Spell `miniTicker`."""
    prices = s.prices
    return (
        f'{{"e":"24hrMiniTicker","E":{w.t // unit},"s":"{s.name}","c":"{prices[w.close_ticks]}",'
        f'"o":"{prices[w.open_ticks]}","h":"{prices[w.high_ticks]}","l":"{prices[w.low_ticks]}",'
        f'"v":"{s.sizes[w.volume]}","q":"{s.turnover(w.turnover)}"}}'
    )


def average(s: Symbol, w: _Window, unit: int) -> str:
    """Spell `avgPrice`: the last price where nothing was traded lately."""
    mean = s.mean(w.turnover, w.volume) if w.volume else s.prices[w.close_ticks]
    return f'{{"e":"avgPrice","E":{w.t // unit},"s":"{s.name}","i":"5m","w":"{mean}","T":{w.last_t // unit}}}'


def _ticker(s: Symbol, w: _Window, unit: int) -> str:
    prices, sizes = s.prices, s.sizes
    change, change_percent = _change(s, w)
    return (
        f'{{"e":"24hrTicker","E":{w.t // unit},"s":"{s.name}","p":"{change}","P":"{change_percent}",'
        f'"w":"{s.mean(w.turnover, w.volume)}","x":"{prices[w.before_ticks]}","c":"{prices[w.close_ticks]}",'
        f'"Q":"{sizes[w.last_size]}","b":"{prices[w.bid_ticks]}","B":"{sizes[w.bid_size]}",'
        f'"a":"{prices[w.ask_ticks]}","A":"{sizes[w.ask_size]}","o":"{prices[w.open_ticks]}",'
        f'"h":"{prices[w.high_ticks]}","l":"{prices[w.low_ticks]}",{_sums(s, w, unit)}}}'
    )


def _windowed(window: str, s: Symbol, w: _Window, unit: int) -> str:
    prices = s.prices
    change, change_percent = _change(s, w)
    return (
        f'{{"e":"{window}Ticker","E":{w.t // unit},"s":"{s.name}","p":"{change}","P":"{change_percent}",'
        f'"o":"{prices[w.open_ticks]}","h":"{prices[w.high_ticks]}","l":"{prices[w.low_ticks]}",'
        f'"c":"{prices[w.close_ticks]}","w":"{s.mean(w.turnover, w.volume)}",{_sums(s, w, unit)}}}'
    )


def _change(s: Symbol, w: _Window) -> tuple[str, str]:
    ticks = w.close_ticks - w.open_ticks
    return s.prices[ticks], percent(ticks, w.open_ticks)


def _sums(s: Symbol, w: _Window, unit: int) -> str:
    """Spell what tickers of all windows end with: volumes, from when to when, which trades."""
    return (
        f'"v":"{s.sizes[w.volume]}","q":"{s.turnover(w.turnover)}","O":{w.since // unit},"C":{w.until // unit},'
        f'"F":{w.first},"L":{w.last},"n":{w.trades}'
    )


def each(spell: _Spell) -> Renderer:
    """Return what renders a message a row."""
    return partial(_each, spell)


def array(spell: _Spell, only: int | None) -> Renderer:
    """Return what renders one array of all rows, or of those whose instruments' bits are set."""
    return partial(_array, spell, only)


def _each(spell: _Spell, manner: Manner, rows: Rows) -> list[bytes]:
    symbols, heads, tail, unit = manner
    return [
        text_frame(f"{heads[w.instrument]}{spell(symbols[w.instrument], w, unit)}{tail}".encode())
        for w in map(_Window._make, rows.tolist())
    ]


def _array(spell: _Spell, only: int | None, manner: Manner, rows: Rows) -> list[bytes]:
    pieces = [b""] * len(rows)
    windows: list[tuple[int, Any]] = list(enumerate(map(_Window._make, rows.tolist())))
    wanted = [(place, w) for place, w in windows if only is None or only >> w.instrument & 1]
    for start in range(0, len(wanted), ARRAY_ROWS):
        part = wanted[start : start + ARRAY_ROWS]
        place, last = part[-1]
        payloads = ",".join([spell(manner.symbols[w.instrument], w, manner.unit) for _, w in part])
        pieces[place] = text_frame(f"{manner.heads[last.instrument]}[{payloads}]{manner.tail}".encode())
    return pieces
