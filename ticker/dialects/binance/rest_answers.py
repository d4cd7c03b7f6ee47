"""What is answered over HTTP about one pair: Binance Spot API, "Market data endpoints".

Books, trades and candlesticks, oldest first. An aggregate trade is one trade here: the tape has no more of it than the
venue tells. A candlestick closes one unit of time before the next opens. Prices and quantities are texts of eight
decimals, made from whole numbers.
"""

from typing import Any

from ticker.dialects.binance import faults
from ticker.dialects.binance.calls import Call
from ticker.dialects.binance.intervals import LENGTHS_US, MINUTE_US, bars
from ticker.dialects.binance.symbols import Symbol
from ticker.ticks import SELL, Rows

DEPTH, DEPTH_MAX = 100, 5000
"""Levels a side that are asked for: there are ten at most, whatever was asked for."""
ROWS, ROWS_MAX = 500, 1000
AVERAGE_MINUTES = 5


def ping(call: Call) -> dict[str, Any]:  # noqa: ARG001  # as all endpoints are asked
    return {}


def time(call: Call) -> dict[str, int]:
    """Tell the time of the market: what the times of everything else are to be held against."""
    return {"serverTime": call.now.market_us // call.unit}


def depth(call: Call) -> dict[str, Any]:
    symbol = call.pair()
    limit = call.query.limit(DEPTH, DEPTH_MAX)
    image = call.market.book(symbol.index)
    prices, sizes = symbol.prices, symbol.sizes
    bids, asks = ([[prices[px], sizes[sz]] for px, sz in side[:limit]] for side in (image.bids, image.asks))
    return {"lastUpdateId": image.n, "bids": bids, "asks": asks}


def trades(call: Call) -> list[dict[str, Any]]:
    """Tell the newest trades, or those from `fromId` on."""
    symbol = call.pair()
    first, limit = call.query.number("fromId"), call.query.limit(ROWS, ROWS_MAX)
    return [
        {
            "id": n,
            "price": symbol.prices[price],
            "qty": symbol.sizes[size],
            "quoteQty": symbol.turnover(price * size),
            "time": t // call.unit,
            "isBuyerMaker": side == SELL,
            "isBestMatch": True,
        }
        for _, n, t, price, size, side, _ in call.market.trades(symbol.index, limit, first).tolist()
    ]


def aggregates(call: Call) -> list[dict[str, Any]]:
    """Tell the newest trades, or those from a number or a time on, up to a time."""
    symbol = call.pair()
    first, span, limit = call.query.number("fromId"), call.query.span(), call.query.limit(ROWS, ROWS_MAX)
    if first is not None and span != (None, None):
        raise faults.bad_combination()
    return [
        {
            "a": n,
            "p": symbol.prices[price],
            "q": symbol.sizes[size],
            "f": n,
            "l": n,
            "T": t // call.unit,
            "m": side == SELL,
            "M": True,
        }
        for _, n, t, price, size, side, _ in call.market.trades(symbol.index, limit, first, *span).tolist()
    ]


def klines(call: Call) -> list[list[Any]]:
    """Tell candlesticks by when they opened; the last of the newest is still running."""
    symbol = call.pair()
    interval = call.query.needed("interval")
    if interval not in LENGTHS_US:
        raise faults.bad_interval()
    study = bars(interval, call.ahead_us())
    span, limit = call.query.span(), call.query.limit(ROWS, ROWS_MAX)
    return _candles(symbol, call.market.bars(symbol.index, study, limit, *span), call.unit)


def _candles(symbol: Symbol, rows: Rows, unit: int) -> list[list[Any]]:
    prices, sizes = symbol.prices, symbol.sizes
    return [
        [
            t // unit,
            prices[opened],
            prices[high],
            prices[low],
            prices[closed],
            sizes[volume],
            until // unit - 1,
            symbol.turnover(turnover),
            count,
            sizes[bought],
            symbol.turnover(paid),
            "0",
        ]
        for _, _, t, until, _, opened, high, low, closed, *sums, _, _, _ in rows.tolist()
        for volume, turnover, count, bought, paid in [sums]
    ]


def average(call: Call) -> dict[str, Any]:
    """Tell the mean price of five minutes: the last price where nothing was traded in them."""
    symbol = call.pair()
    [row] = call.market.summaries([symbol.index], AVERAGE_MINUTES * MINUTE_US)
    turnover, volume = int(row["turnover"]), int(row["volume"])
    mean = symbol.mean(turnover, volume) if volume else symbol.prices[int(row["close_ticks"])]
    return {"mins": AVERAGE_MINUTES, "price": mean, "closeTime": int(row["last_t"]) // call.unit}
