"""Coinbase Exchange's market data by REST: https://docs.cdp.coinbase.com/exchange/reference/exchangerestapi_getproducts.

Whatever is not known is `{"message":"NotFound"}` with 404, what is asked for wrongly a sentence with 400. Newest first,
where there is an order. A book has the ten levels a side that there are; a level is one order here.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import orjson

from ticker.dialects.coinbase.listing import Listing
from ticker.dialects.coinbase.products import Product, Products
from ticker.dialects.coinbase.spelling import MAKERS, resting_id
from ticker.ticks import ASK, BID, STATES
from ticker.venue import Answer, Asked, Bars, Market, Now
from ticker.wire.moments import rfc3339

SECOND_US = 1_000_000
GRANULARITIES = (60, 300, 900, 3600, 21600, 86400)
CANDLES_MAX = 300
TRADES_MAX = 1000
NOT_FOUND = "NotFound"
TOO_MANY_CANDLES = "granularity too small for the requested time range. Count of aggregations requested exceeds 300"
_DIGITS = 18  # of a number in a query

Query = Mapping[str, str]


class Wrong(Exception):
    """A request that is answered with a sentence and a status."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class Rest:
    """Answers requests for market data."""

    def __init__(self, products: Products, listing: Listing) -> None:
        self._products = products
        self._listing = listing
        self._of_a_product: dict[str, Callable[[Product, Query, Market], Answer]] = {
            "": self._product,
            "book": self._book,
            "ticker": self._ticker,
            "trades": self._trades,
            "candles": self._candles,
            "stats": self._stats,
        }

    def answer(self, asked: Asked, market: Market, now: Now) -> Answer:
        """Answer a request."""
        try:
            if asked.method not in ("GET", "HEAD"):
                raise Wrong(NOT_FOUND, 404)
            return self._answer(asked.path.strip("/").split("/"), asked.query, market, now)
        except Wrong as wrong:
            return refused(str(wrong), wrong.status)

    def _answer(self, path: list[str], query: str, market: Market, now: Now) -> Answer:
        match path:
            case ["products"]:
                permitted = [one for one in self._products.listed if market.permits(one.index)]
                return _json([self._listing.product(one, market.state(one.index)) for one in permitted])
            case ["products", product_id, *rest] if len(rest) < 2:
                product, about = self._products.find(product_id), self._of_a_product.get("".join(rest))
                if product is not None and about is not None and market.permits(product.index):
                    return about(product, _query(query), market)
            case ["currencies", *names] if len(names) < 2:
                told = self._listing.currencies(market.permits)
                if not names:
                    return _json(told)
                for currency in told:
                    if currency["id"] == names[0]:
                        return _json(currency)
            case ["time"]:
                return _time(now.market_us)
        raise Wrong(NOT_FOUND, 404)

    def _product(self, product: Product, query: Query, market: Market) -> Answer:  # noqa: ARG002
        return _json(self._listing.product(product, market.state(product.index)))

    def _book(self, product: Product, query: Query, market: Market) -> Answer:
        level = query.get("level", "1")
        if level not in ("1", "2", "3"):
            raise Wrong("Invalid level")
        book = market.book(product.index)
        n = sum(row[1] for row in market.trades(product.index, 1).tolist())
        depth = 1 if level == "1" else None
        auction = STATES[market.state(product.index)] == "auction"
        sides = _side(product, BID, book.bids[:depth], level), _side(product, ASK, book.asks[:depth], level)
        return _json(
            {
                **{"bids": sides[0], "asks": sides[1], "sequence": n + book.n, "auction_mode": auction},
                **{"auction": None, "time": rfc3339(book.t)},
            }
        )

    def _ticker(self, product: Product, query: Query, market: Market) -> Answer:  # noqa: ARG002
        for _, n, t, price, size, *_ in market.trades(product.index, 1).tolist():
            book, (row,) = market.book(product.index), market.summaries([product.index])
            return _json(
                {
                    **{"ask": _best(product, book.asks), "bid": _best(product, book.bids)},
                    "volume": product.sizes[int(row["volume"])],
                    "trade_id": n,
                    **{"price": product.trimmed_prices[price], "size": product.trimmed_sizes[size]},
                    **{"time": rfc3339(t), "rfq_volume": product.sizes[0]},
                }
            )
        raise Wrong(NOT_FOUND, 404)

    def _stats(self, product: Product, query: Query, market: Market) -> Answer:  # noqa: ARG002
        (row,) = market.summaries([product.index]).tolist()
        _, _, _, _, _, opened, high, low, last, volume, *_ = row
        p, month = product.trimmed_prices, row[18]
        return _json(
            {
                **{"open": p[opened], "high": p[high], "low": p[low], "last": p[last]},
                **{"volume": product.sizes[volume], "volume_30day": product.sizes[month]},
            }
        )

    def _trades(self, product: Product, query: Query, market: Market) -> Answer:
        """Tell trades, newest first, and in headers the first and the last of them, to go on from."""
        limit = min(max(_whole(query, "limit", TRADES_MAX), 1), TRADES_MAX)
        after, before = _whole(query, "after", 0), _whole(query, "before", 0)
        if after:
            first = max(after - limit, 1)
            rows = market.trades(product.index, limit, first=first).tolist()
        else:
            rows = market.trades(product.index, limit).tolist()
        told = [row for row in reversed(rows) if row[1] > before and (not after or row[1] < after)]
        headers = {"cb-before": str(told[0][1]), "cb-after": str(told[-1][1])} if told else {}
        return _json([_trade(product, row) for row in told], headers)

    def _candles(self, product: Product, query: Query, market: Market) -> Answer:
        """Tell bars that have a trade, newest first; only a start or only an end is as good as neither."""
        granularity = _whole(query, "granularity", GRANULARITIES[0])
        if granularity not in GRANULARITIES:
            raise Wrong("Unsupported granularity")
        bars, since_us, until_us = Bars(granularity * SECOND_US), _moment(query, "start"), _moment(query, "end")
        if since_us is None or until_us is None:
            rows = market.bars(product.index, bars, CANDLES_MAX)
        elif until_us < since_us:
            raise Wrong("start must be before end")
        elif until_us - since_us > CANDLES_MAX * bars.length_us:
            raise Wrong(TOO_MANY_CANDLES)
        else:
            rows = market.bars(product.index, bars, CANDLES_MAX + 1, since_us, until_us)
        told = [_candle(product, row) for row in reversed(rows[rows["trades"] > 0].tolist())]
        return Answer(f"[{','.join(told)}]".encode())


def refused(message: str, status: int) -> Answer:
    """Return an answer that says what is wrong."""
    return _json({"message": message}, status=status)


def _json(document: Any, headers: Mapping[str, str] | None = None, status: int = 200) -> Answer:
    return Answer(orjson.dumps(document), status, headers=headers or {})


def _query(text: str) -> Query:
    try:
        return dict(parse_qsl(text, keep_blank_values=True))
    except ValueError:
        raise Wrong("Invalid query") from None


def _whole(query: Query, name: str, default: int) -> int:
    text = query.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS):
        raise Wrong(f"Invalid {name}")
    return int(text)


def _moment(query: Query, name: str) -> int | None:
    """Return a time of a query, in microseconds since 1970: ISO 8601, or seconds since then."""
    text = query.get(name, "")
    if not text:
        return None
    if text.isascii() and text.isdigit() and len(text) <= 10:
        return int(text) * SECOND_US
    try:
        moment = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        raise Wrong(f"Invalid {name}") from None
    since = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86400 + since.seconds) * SECOND_US + since.microseconds


def _time(us: int) -> Answer:
    seconds, part = divmod(us // 1000, 1000)
    return Answer(f'{{"iso":"{rfc3339(us)[:-4]}Z","epoch":{seconds}.{part:03d}}}'.encode())


def _best(product: Product, side: list[tuple[int, int]]) -> str:
    return product.prices[side[0][0] if side else 0]


def _side(product: Product, side: int, levels: list[tuple[int, int]], level: str) -> list[list[Any]]:
    p, q = product.prices, product.sizes
    if level == "3":
        return [[p[price], q[size], resting_id(product.id, side, price)] for price, size in levels]
    return [[p[price], q[size], 1] for price, size in levels]


def _trade(product: Product, row: list[int]) -> dict[str, Any]:
    _, n, t, price, size, side, _ = row
    return {
        **{"trade_id": n, "side": MAKERS[side], "size": product.sizes[size], "price": product.prices[price]},
        "time": rfc3339(t),
    }


def _candle(product: Product, row: list[int]) -> str:
    """Spell [time, low, high, open, close, volume], whose numbers are JSON's."""
    _, _, t, _, _, opened, high, low, closed, volume, *_ = row
    p = product.trimmed_prices
    return f"[{t // SECOND_US},{p[low]},{p[high]},{p[opened]},{p[closed]},{product.trimmed_sizes[volume]}]"
