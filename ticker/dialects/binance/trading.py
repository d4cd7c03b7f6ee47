"""Trades, quotes and candlesticks: Binance Spot WebSocket Streams, one message a row.

An aggregate trade is one trade here: the tape has no more of it than the venue tells. A candlestick closes one unit of
time before the next opens.
"""

from functools import partial

from ticker.dialects.binance.manner import Manner, Renderer
from ticker.ticks import SELL, Rows
from ticker.wire.frames import text_frame

_TRUTHS = ("false", "true")


def trades(manner: Manner, rows: Rows) -> list[bytes]:
    """Spell `trade`: the buyer is the maker where the aggressor sold."""
    symbols, heads, tail, unit = manner
    return [
        text_frame(
            f'{heads[i]}{{"e":"trade","E":{t},"s":"{s.name}","t":{n},"p":"{s.prices[price]}","q":"{s.sizes[size]}",'
            f'"T":{t},"m":{_TRUTHS[side == SELL]},"M":true}}{tail}'.encode()
        )
        for i, n, us, price, size, side, _ in rows.tolist()
        for s, t in [(symbols[i], us // unit)]
    ]


def aggregates(manner: Manner, rows: Rows) -> list[bytes]:
    """Spell `aggTrade`."""
    symbols, heads, tail, unit = manner
    return [
        text_frame(
            f'{heads[i]}{{"e":"aggTrade","E":{t},"s":"{s.name}","a":{n},"p":"{s.prices[price]}","q":"{s.sizes[size]}",'
            f'"f":{n},"l":{n},"T":{t},"m":{_TRUTHS[side == SELL]},"M":true}}{tail}'.encode()
        )
        for i, n, us, price, size, side, _ in rows.tolist()
        for s, t in [(symbols[i], us // unit)]
    ]


def quotes(manner: Manner, rows: Rows) -> list[bytes]:
    """Spell `bookTicker`, which has no time: a price of 0 stands where a side is empty."""
    symbols, heads, tail, _ = manner
    return [
        text_frame(
            f'{heads[i]}{{"u":{book_n},"s":"{s.name}","b":"{s.prices[bid]}","B":"{s.sizes[bid_size]}",'
            f'"a":"{s.prices[ask]}","A":"{s.sizes[ask_size]}"}}{tail}'.encode()
        )
        for i, _, _, bid, bid_size, ask, ask_size, book_n in rows.tolist()
        for s in [symbols[i]]
    ]


def klines(interval: str) -> Renderer:
    """Return what spells `kline_<interval>`."""
    return partial(_klines, interval)


def _klines(interval: str, manner: Manner, rows: Rows) -> list[bytes]:
    symbols, heads, tail, unit = manner
    return [
        text_frame(
            f'{heads[i]}{{"e":"kline","E":{at // unit},"s":"{s.name}","k":{{"t":{t // unit},"T":{until // unit - 1},'
            f'"s":"{s.name}","i":"{interval}","f":{first},"L":{last},"o":"{s.prices[opened]}",'
            f'"c":"{s.prices[closed]}","h":"{s.prices[high]}","l":"{s.prices[low]}","v":"{s.sizes[volume]}",'
            f'"n":{count},"x":{_TRUTHS[done]},"q":"{s.turnover(turnover)}","V":"{s.sizes[bought]}",'
            f'"Q":"{s.turnover(paid)}","B":"0"}}}}{tail}'.encode()
        )
        for i, _, t, until, at, opened, high, low, closed, *sums, first, last, done in rows.tolist()
        for s, (volume, turnover, count, bought, paid) in [(symbols[i], sums)]
    ]
