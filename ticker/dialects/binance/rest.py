"""Binance Spot REST API, public endpoints (https://developers.binance.com/docs/binance-spot-api-docs/rest-api).

Paths, what each takes, what it weighs, and how an answer leaves: JSON with the weight that its address has used in the
last minute. What is said is in `rest_answers`, `rest_tickers` and `exchange_info`, how a request is read in `query`,
what is wrong with one in `faults`. There are no accounts, no orders and no signatures here.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import orjson

from ticker.dialects.binance import faults, query, rest_answers, rest_tickers
from ticker.dialects.binance.calls import Call
from ticker.dialects.binance.exchange_info import exchange_info
from ticker.dialects.binance.faults import Fault
from ticker.dialects.binance.query import Query
from ticker.dialects.binance.symbols import Symbols
from ticker.dialects.binance.weights import Weights
from ticker.instruments import Universe
from ticker.venue import Answer, Asked, Market, Now

JSON = "application/json;charset=UTF-8"
UNIT_HEADER = "x-mbx-time-unit"
METHODS = ("GET", "HEAD")
UNITS_US = {"": 1000, "MILLISECOND": 1000, "MICROSECOND": 1}
NO_STORE = {"Cache-Control": "no-cache, no-store, must-revalidate"}

Weigh = Callable[[Query], int]
"""What a request weighs; it may be asked about parameters that nobody has checked."""


class Endpoint(NamedTuple):
    """What a path takes, what it weighs at least, and what else by its parameters, and what answers."""

    takes: tuple[str, ...]
    least: int
    answer: Callable[[Call], Any]
    weigh: Weigh | None = None


class Rest:
    """Answers requests over one universe."""

    def __init__(self, universe: Universe, *, strict: bool) -> None:
        self._symbols = Symbols(universe)
        self._weights = Weights(strict=strict)

    def answer(self, asked: Asked, market: Market, now: Now) -> Answer:
        """Answer a request; what is wrong with it is said in the venue's words."""
        read = _read(asked)
        weight = read.weight if isinstance(read, _Read) else _weight_of(asked.path)
        used, refused = self._weights.charge(asked.address, weight, now)
        headers = {"X-MBX-USED-WEIGHT": str(used), "X-MBX-USED-WEIGHT-1M": str(used), **NO_STORE}
        try:
            body = self._answer(refused or read, market, now)
        except Fault as fault:
            return Answer(fault.body(), fault.status, JSON, {**headers, **fault.headers})
        return Answer(body, 200, JSON, headers)

    def _answer(self, read: "Fault | _Read", market: Market, now: Now) -> bytes:
        if isinstance(read, Fault):
            raise read
        call = Call(read.query, market, now, read.unit, self._symbols)
        return orjson.dumps(read.endpoint.answer(call))


class _Read(NamedTuple):
    """A request that could be read."""

    endpoint: Endpoint
    query: Query
    unit: int
    weight: int


def _read(asked: Asked) -> Fault | _Read:
    """Read a request, or return what is wrong with it."""
    endpoint = ENDPOINTS.get(asked.path)
    if endpoint is None:
        return faults.nothing_there(asked.path, asked.method)
    if asked.method not in METHODS:
        return faults.not_that_way(asked.path, asked.method)
    try:
        unit = UNITS_US.get(asked.header(UNIT_HEADER).strip().upper())
        if unit is None:
            raise faults.bad_unit()
        sent = query.read(asked.query, endpoint.takes)
    except Fault as fault:
        return fault
    return _Read(endpoint, sent, unit, endpoint.weigh(sent) if endpoint.weigh else endpoint.least)


def _weight_of(path: str) -> int:
    endpoint = ENDPOINTS.get(path)
    return endpoint.least if endpoint else 1


def _by_limit(sent: Query) -> int:
    """Weigh a book by how many levels are asked for."""
    text = sent.raw("limit")[:20]
    limit = int(text) if text.isascii() and text.isdigit() else rest_answers.DEPTH
    return next((weight for most, weight in ((100, 5), (500, 25), (1000, 50)) if limit <= most), 250)


def _by_day(sent: Query) -> int:
    """Weigh tickers of a day by how many are asked for: all are many."""
    if sent.has("symbol"):
        return 2
    count = _count(sent)
    return 80 if not count or count > 100 else 40 if count > 20 else 2


def _by_window(sent: Query) -> int:
    """Weigh windows: four each, as for fifty at most."""
    return min(4 * max(1, _count(sent)), 200)


def _by_one(sent: Query) -> int:
    return 2 if sent.has("symbol") else 4


def _count(sent: Query) -> int:
    """Return how many symbols are asked for by `symbols`, as far as can be seen from the commas."""
    text = sent.raw("symbols")
    return text.count(",") + 1 if text else 0


_SOME = ("symbol", "symbols", "symbolStatus")
_KLINES = ("symbol", "interval", "startTime", "endTime", "timeZone", "limit")

ENDPOINTS = {
    f"/api/v3/{path}": endpoint
    for path, endpoint in {
        "ping": Endpoint((), 1, rest_answers.ping),
        "time": Endpoint((), 1, rest_answers.time),
        "exchangeInfo": Endpoint((*_SOME, "permissions", "showPermissionSets"), 20, exchange_info),
        "depth": Endpoint(("symbol", "limit", "symbolStatus"), 5, rest_answers.depth, _by_limit),
        "trades": Endpoint(("symbol", "limit"), 25, rest_answers.trades),
        "historicalTrades": Endpoint(("symbol", "limit", "fromId"), 25, rest_answers.trades),
        "aggTrades": Endpoint(("symbol", "fromId", "startTime", "endTime", "limit"), 4, rest_answers.aggregates),
        "klines": Endpoint(_KLINES, 2, rest_answers.klines),
        "uiKlines": Endpoint(_KLINES, 2, rest_answers.klines),
        "avgPrice": Endpoint(("symbol",), 2, rest_answers.average),
        "ticker/24hr": Endpoint((*_SOME, "type"), 2, rest_tickers.day, _by_day),
        "ticker/tradingDay": Endpoint((*_SOME, "timeZone", "type"), 4, rest_tickers.trading_day, _by_window),
        "ticker": Endpoint((*_SOME, "windowSize", "type"), 4, rest_tickers.window, _by_window),
        "ticker/price": Endpoint(_SOME, 2, rest_tickers.price, _by_one),
        "ticker/bookTicker": Endpoint(_SOME, 2, rest_tickers.touch, _by_one),
    }.items()
}
"""Every path there is."""
