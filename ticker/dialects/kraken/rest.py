"""Kraken's public REST API: https://docs.kraken.com/api/docs/rest-api/get-server-time (and its siblings).

Every answer is `{"error":[…],"result":{…}}` with status 200, whatever is wrong. Numbers are strings with a pair's
decimals and times those of the market. A pair may be named in any of its ways: XBTUSD, XXBTZUSD, XBT/USD, BTC/USD; what
has a slash is answered under the name it was asked by, all else under its id.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import numpy as np
import orjson

from ticker.dialects.kraken.listing import Listing
from ticker.dialects.kraken.pairs import Pair, Pairs
from ticker.dialects.kraken.updates import INTERVALS, MINUTE_US, bars
from ticker.venue import BAR, DAY_US, Answer, Asked, Bars, Image, Market, Now
from ticker.wire.moments import rfc3339

PUBLIC = "/0/public/"
UNKNOWN_PAIR = "EQuery:Unknown asset pair"
UNKNOWN_METHOD = "EGeneral:Unknown method"
INVALID = "EGeneral:Invalid arguments"
TOO_MANY = "EGeneral:Too many requests"
BARS_MAX = 720
TRADES_MAX = 1000
DEPTH_MAX, DEPTH_DEFAULT = 500, 100
SECOND_US = 1_000_000
_SECONDS_MAX = 10**11  # a `since` of Trades above it is in nanoseconds
_DIGITS = 20  # of a number in a query

Query = Mapping[str, str]


class Wrong(Exception):
    """A request that is answered with an error alone."""


class Rest:
    """Answers what is below /0/public/."""

    def __init__(self, pairs: Pairs) -> None:
        self._pairs = pairs
        self._listing = Listing(pairs)
        self._methods: dict[str, Callable[[Query, Market, Now], str]] = {
            "Time": self._time,
            "SystemStatus": self._status,
            "Assets": self._assets,
            "AssetPairs": self._asset_pairs,
            "Ticker": self._ticker,
            "Depth": self._depth,
            "OHLC": self._bars,
            "Trades": self._trades,
        }

    def answer(self, asked: Asked, market: Market, now: Now) -> Answer:
        """Answer a request: 404 only for what is not below the API's own path."""
        if not asked.path.startswith("/0/"):
            return wrong("EGeneral:Unknown method", 404)
        method = self._methods.get(asked.path.removeprefix(PUBLIC))
        if method is None:
            return wrong(UNKNOWN_METHOD)
        try:
            query = dict(parse_qsl(asked.query, keep_blank_values=True))
            return Answer(f'{{"error":[],"result":{method(query, market, now)}}}'.encode())
        except Wrong as error:
            return wrong(str(error))
        except ValueError:  # what parse_qsl makes nothing of
            return wrong(INVALID)

    def _time(self, query: Query, market: Market, now: Now) -> str:  # noqa: ARG002
        seconds = now.market_us // SECOND_US
        # Names of days and months are English: strftime's are whatever the locale has.
        moment = datetime.fromtimestamp(seconds, UTC)
        day, month = _DAYS[moment.weekday()], _MONTHS[moment.month - 1]
        return f'{{"unixtime":{seconds},"rfc1123":"{day}, {moment:%d} {month} {moment:%y %H:%M:%S} +0000"}}'

    def _status(self, query: Query, market: Market, now: Now) -> str:  # noqa: ARG002
        return f'{{"status":"online","timestamp":"{rfc3339(now.market_us)[:-8]}Z"}}'

    def _assets(self, query: Query, market: Market, now: Now) -> str:  # noqa: ARG002
        return _or_wrong(self._listing.assets(query.get("asset"), market.permits), "EQuery:Unknown asset")

    def _asset_pairs(self, query: Query, market: Market, now: Now) -> str:  # noqa: ARG002
        asked = query.get("pair")
        pairs = self._everything(market) if asked is None else self._named(asked, market)
        told = (f"{_text(name)}:{self._listing.pair(pair, market.state(pair.index))}" for name, pair in pairs)
        return f"{{{','.join(told)}}}"

    def _ticker(self, query: Query, market: Market, now: Now) -> str:  # noqa: ARG002
        asked = query.get("pair")
        pairs = self._everything(market) if asked is None else self._named(asked, market)
        indices = [pair.index for _, pair in pairs]
        rows = zip(pairs, market.summaries(indices).tolist(), strict=True)
        told = (f"{_text(name)}:{_summary(pair, _today(pair, market), row)}" for (name, pair), row in rows)
        return f"{{{','.join(told)}}}"

    def _depth(self, query: Query, market: Market, now: Now) -> str:  # noqa: ARG002
        name, pair = self._one(query, market)
        count = _whole(query, "count", DEPTH_DEFAULT, 1, DEPTH_MAX)
        book = market.book(pair.index)
        asks, bids = _levels(pair, book, book.asks[:count]), _levels(pair, book, book.bids[:count])
        return f'{{{_text(name)}:{{"asks":[{asks}],"bids":[{bids}]}}}}'

    def _bars(self, query: Query, market: Market, now: Now) -> str:  # noqa: ARG002
        name, pair = self._one(query, market)
        minutes = _whole(query, "interval", 1, 1, INTERVALS[-1])
        since_us = _whole(query, "since", 0, 0, _SECONDS_MAX) * SECOND_US
        if minutes not in INTERVALS:
            raise Wrong(INVALID)
        rows = market.bars(pair.index, bars(minutes), BARS_MAX)
        told = (
            [_bar(pair, row) for row in rows[rows["t"] > since_us].tolist()]
            if since_us
            else [_bar(pair, row) for row in rows.tolist()]
        )
        running_us = int(rows["t"][-1]) if len(rows) else market.t // (minutes * MINUTE_US) * (minutes * MINUTE_US)
        last = (running_us - minutes * MINUTE_US) // SECOND_US
        return f'{{{_text(name)}:[{",".join(told)}],"last":{last}}}'

    def _trades(self, query: Query, market: Market, now: Now) -> str:  # noqa: ARG002
        """Tell trades after `since`. The `last` of an answer is its last trade's time in nanoseconds plus how many
        trades of that very microsecond have been told, so that asking on from there misses and repeats none."""
        name, pair = self._one(query, market)
        count = _whole(query, "count", TRADES_MAX, 1, TRADES_MAX)
        since = _whole(query, "since", 0, 0, 10**19)
        since_us, told = divmod(since, 1000) if since > _SECONDS_MAX else (since * SECOND_US, 0)
        found = market.trades(pair.index, count + told, since_us=since_us if since else None).tolist()
        known = sum(1 for row in found[:told] if row[2] == since_us)
        rows = found[known:][:count] if since else found[-count:]
        last = str(since or market.t * 1000)
        if rows:
            t = rows[-1][2]
            same = sum(1 for row in rows if row[2] == t) + (known if t == since_us else 0)
            last = str(t * 1000 + min(same, 999))
        return f'{{{_text(name)}:[{",".join(_trade(pair, row) for row in rows)}],"last":"{last}"}}'

    def _everything(self, market: Market) -> list[tuple[str, Pair]]:
        return [(self._listing.ids[pair.index], pair) for pair in self._pairs.listed if market.permits(pair.index)]

    def _named(self, names: str, market: Market) -> list[tuple[str, Pair]]:
        """Return pairs by name, with the name that each is answered under."""
        found = {}
        for name in names.split(","):
            pair = self._listing.find(name)
            if pair is None or not market.permits(pair.index):
                raise Wrong(UNKNOWN_PAIR)
            found[name if "/" in name else self._listing.ids[pair.index]] = pair
        return list(found.items())

    def _one(self, query: Query, market: Market) -> tuple[str, Pair]:
        if "pair" not in query:
            raise Wrong(INVALID)
        pairs = self._named(query["pair"], market)
        if len(pairs) != 1:
            raise Wrong(UNKNOWN_PAIR)
        return pairs[0]


def wrong(error: str, status: int = 200) -> Answer:
    """Return an answer that says what is wrong, and nothing else."""
    return Answer(orjson.dumps({"error": [error]}), status)


def _or_wrong(text: str | None, error: str) -> str:
    if text is None:
        raise Wrong(error)
    return text


def _whole(query: Query, name: str, default: int, least: int, most: int) -> int:
    """Return a whole number of a query, cut to what is allowed."""
    text = query.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise Wrong(INVALID)
    return min(max(int(text), least), most)


def _text(name: str) -> str:
    return orjson.dumps(name).decode()


def _today(pair: Pair, market: Market) -> Sequence[Any]:
    """Return the bar of the day, of which the first fields are those of a summary."""
    rows = market.bars(pair.index, Bars(DAY_US), 1, market.t // DAY_US * DAY_US)
    (row,) = (rows if len(rows) else np.zeros(1, BAR)).tolist()
    return row


def _summary(pair: Pair, today: Sequence[Any], row: Sequence[Any]) -> str:
    """Spell a ticker: of today, since midnight, and of the last 24 hours."""
    p, q = pair.prices, pair.sizes
    *_, last_size, _, _, _, bid, bid_size, ask, ask_size, _ = row
    sums = [(p[low], p[high], q[v], pair.mean(money, v), n) for low, high, v, money, n in map(_figures, (today, row))]
    lows, highs, volumes, means, counts = zip(*sums, strict=True)
    return (
        f'{{"a":["{p[ask]}","{_whole_lots(q[ask_size])}","{q[ask_size]}"],'
        f'"b":["{p[bid]}","{_whole_lots(q[bid_size])}","{q[bid_size]}"],"c":["{p[row[8]]}","{q[last_size]}"],'
        f'"v":["{volumes[0]}","{volumes[1]}"],"p":["{means[0]}","{means[1]}"],"t":[{counts[0]},{counts[1]}],'
        f'"l":["{lows[0]}","{lows[1]}"],"h":["{highs[0]}","{highs[1]}"],"o":"{p[today[5]]}"}}'
    )


def _figures(row: Sequence[Any]) -> tuple[int, int, int, int, int]:
    _, _, _, _, _, _, high, low, _, volume, turnover, trades, *_ = row
    return low, high, volume, turnover, trades


def _whole_lots(quantity: str) -> str:
    return quantity.partition(".")[0]


def _levels(pair: Pair, book: Image, levels: list[tuple[int, int]]) -> str:
    p, q, seconds = pair.prices, pair.sizes, book.t // SECOND_US
    return ",".join(f'["{p[price]}","{q[size]}",{seconds}]' for price, size in levels)


def _bar(pair: Pair, row: list[int]) -> str:
    _, _, t, _, _, opened, high, low, closed, volume, turnover, trades, *_ = row
    p = pair.prices
    return (
        f'[{t // SECOND_US},"{p[opened]}","{p[high]}","{p[low]}","{p[closed]}","{pair.mean(turnover, volume)}",'
        f'"{pair.sizes[volume]}",{trades}]'
    )


def _trade(pair: Pair, row: list[int]) -> str:
    _, n, t, price, size, side, _ = row
    seconds, part = divmod(t, SECOND_US)
    return f'["{pair.prices[price]}","{pair.sizes[size]}",{seconds}.{part:06d},"{"bs"[side]}","m","",{n}]'


_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
