"""Answers over HTTP: the newest trade, quote, bar or book, the past, and all of it together.

An instrument that we have not, or that has not traded, is left out of an answer about several.
"""

import re
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from ticker.dialects.alpaca.asking import Query, Unfit, checked, timeframe
from ticker.dialects.alpaca.codec import Json
from ticker.dialects.alpaca.credentials import credentials_of
from ticker.dialects.alpaca.crypto import CryptoWords
from ticker.dialects.alpaca.feeds import Feed, feeds_of
from ticker.dialects.alpaca.newyork import DAY_OFFSET_US
from ticker.dialects.alpaca.pages import bars_of, paged, trades_of
from ticker.dialects.alpaca.shelf import Shelf, Spelled
from ticker.dialects.alpaca.stocks import StockWords
from ticker.instruments import Universe
from ticker.venue import Answer, Asked, Market

_encode = msgspec.json.Encoder().encode
_SYMBOL = r"(?P<symbol>[A-Z0-9][A-Z0-9._-]*)"
_STOCKS = re.compile(
    rf"/v2/stocks(?:/{_SYMBOL})?/(?:(?P<newest>quotes|trades|bars)/latest|(?P<past>trades|bars)|(?P<all>snapshots?))"
)
_CRYPTO = re.compile(
    r"/v1beta3/crypto/(?:us|us-1|eu-1)"
    r"/(?:latest/(?P<newest>quotes|trades|bars|orderbooks)|(?P<past>trades|bars)|(?P<all>snapshots))"
)
_STOCK_FEEDS = ("sip", "iex", "delayed_sip")


class Historian:
    """What is known of the past of a universe, and of now."""

    def __init__(self, universe: Universe, *, strict: bool) -> None:
        codec, feeds = Json(), feeds_of(universe)
        self._shelves = {
            name: Shelf(feeds[f"/v2/{name}"], StockWords(universe, codec, iex=name == "iex"), DAY_OFFSET_US)
            for name in _STOCK_FEEDS
        }
        crypto = CryptoWords(universe, codec)
        self._crypto = Shelf(feeds["/v1beta3/crypto/us"], crypto, 0, book=crypto.book, empty=True)
        self._strict = strict

    def answer(self, asked: Asked, market: Market) -> Answer:
        """Answer a request, or refuse it in a sentence."""
        stocks, crypto = _STOCKS.fullmatch(asked.path), _CRYPTO.fullmatch(asked.path)
        route = stocks or crypto
        if not route:
            return refusal(404, "Not Found")
        if asked.method not in ("GET", "HEAD"):
            return refusal(405, "Method Not Allowed")
        if self._strict and not _has_keys(asked):
            return refusal(401, "unauthorized")
        try:
            query = Query(asked.query)
            shelf = self._shelf(query) if stocks else self._crypto
            symbol = route["symbol"] if stocks else None
            asks = _Ask(shelf, market, query, checked(symbol, shelf.feed) if symbol else None)
            return Answer(_encode(_told(asks, route)))
        except Unfit as error:
            return refusal(error.status, error.message)

    def _shelf(self, query: Query) -> Shelf:
        feed = query.get("feed", _STOCK_FEEDS[0])
        if feed not in self._shelves:
            raise Unfit(f"invalid feed: {feed[:32]}")
        return self._shelves[feed]


def refusal(status: int, message: str) -> Answer:
    """Return the answer that says why there is none."""
    return Answer(_encode({"message": message}), status)


def _has_keys(asked: Asked) -> bool:
    credentials = credentials_of(asked)
    return credentials is not None and all(credentials)


class _Ask:
    """One request: about one symbol, or about those of its query."""

    def __init__(self, shelf: Shelf, market: Market, query: Query, symbol: str | None) -> None:
        self.shelf, self.market, self.query, self.symbol = shelf, market, query, symbol
        self._feed: Feed = shelf.feed
        self.symbols = [symbol] if symbol else query.symbols(shelf.feed)

    def instruments(self) -> list[tuple[str, int]]:
        """Return those symbols that there are, with their instruments."""
        known = [(symbol, self._feed.symbols[symbol]) for symbol in self.symbols if symbol in self._feed.symbols]
        return [(symbol, i) for symbol, i in known if self.market.permits(i)]


def _told(ask: _Ask, route: re.Match[str]) -> dict[str, Any]:
    if route["newest"]:
        return _newest(ask, route["newest"])
    if route["past"]:
        return _past(ask, route["past"])
    if (route["all"] == "snapshot") != bool(ask.symbol):
        raise Unfit("Not Found", 404)
    found = _each(ask.instruments(), lambda i: ask.shelf.snapshot(ask.market, i))
    if ask.symbol:
        return {"symbol": ask.symbol, **_only(found, ask.symbol, "snapshot")}
    return {"snapshots": found} if ask.shelf.empty else found


def _newest(ask: _Ask, what: str) -> dict[str, Any]:
    found = _each(ask.instruments(), lambda i: ask.shelf.newest(ask.market, what, i))
    one = what.removesuffix("s")
    return {"symbol": ask.symbol, one: _only(found, ask.symbol, one)} if ask.symbol else {what: found}


def _past(ask: _Ask, what: str) -> dict[str, Any]:
    shelf, market = ask.shelf, ask.market
    page = ask.query.page(market.t, shelf.day_offset_us)
    spelled: Spelled = shelf.words.trade
    fetch = trades_of(market, page)
    if what == "bars":
        bars = timeframe(ask.query.get("timeframe"), shelf.day_offset_us)
        spelled = shelf.words.daily_bar if shelf.is_long(bars) else shelf.words.bar
        fetch = bars_of(market, bars, page, empty=shelf.empty)
    rows, token = paged(ask.instruments(), page, fetch)
    found = {symbol: shelf.facts_of(some, spelled) for symbol, some in rows.items()}
    told = {"symbol": ask.symbol, what: found.get(ask.symbol, [])} if ask.symbol else {what: found}
    return {**told, "next_page_token": token}


def _each(instruments: Iterable[tuple[str, int]], told: Callable[[int], dict[str, Any] | None]) -> dict[str, Any]:
    """Return what there is to tell, by symbol."""
    found = {symbol: told(i) for symbol, i in instruments}
    return {symbol: about for symbol, about in found.items() if about is not None}


def _only(found: dict[str, Any], symbol: str, what: str) -> Any:
    if symbol not in found:
        raise Unfit(f"no {what} found for {symbol}", 404)
    return found[symbol]
