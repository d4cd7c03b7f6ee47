"""alpaca-py as it comes, for so many seconds: `alpaca_client.py DEED HOST:PORT [SECONDS or FEED]`.

What it has received is printed as one JSON object, "ready" on standard error once it has subscribed. It runs in the
client's own environment, and imports nothing of ours.
"""

import json
import logging
import os
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

from alpaca.data.historical import CryptoHistoricalDataClient, StockHistoricalDataClient
from alpaca.data.live import CryptoDataStream, StockDataStream
from alpaca.data.requests import (
    CryptoBarsRequest,
    CryptoLatestBarRequest,
    CryptoLatestOrderbookRequest,
    CryptoLatestQuoteRequest,
    CryptoLatestTradeRequest,
    CryptoSnapshotRequest,
    StockBarsRequest,
    StockLatestBarRequest,
    StockLatestQuoteRequest,
    StockLatestTradeRequest,
    StockSnapshotRequest,
    StockTradesRequest,
)
from alpaca.data.timeframe import TimeFrame

KEY, SECRET = "key", os.environ.get("ALPACA_SECRET", "secret")
PATIENCE_S = 60.0
"""So much longer than it was told, a client waits for what it has not received."""
SETTLING_S = 2.0
"""What was answered has come by the stream too."""


class Log(logging.Handler):
    """What the client says of itself."""

    def __init__(self) -> None:
        super().__init__()
        self.connected = 0
        self.complaints: list[str] = []
        self.acknowledged: list[str] = []
        root = logging.getLogger("alpaca")
        root.setLevel(logging.INFO)
        root.addHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        said = record.getMessage()
        self.connected += said.startswith("connected to")
        if said.startswith("subscribed to"):
            self.acknowledged.append(said)
            print("ready", file=sys.stderr, flush=True)
        if record.levelno >= logging.WARNING:
            self.complaints.append(said if not record.exc_info else f"{said}: {record.exc_info[1]!r}")


class Seen:
    """What has been received: how much of each kind, one of each, and what is wrong with it."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.counts: Counter[str] = Counter()
        self.kinds: dict[str, str] = {}
        self.samples: dict[str, Any] = {}
        self.symbols: defaultdict[str, set[str]] = defaultdict(set)
        self.wrong: list[str] = []
        self.bars: dict[str, Any] = {}
        self.statuses: list[str] = []
        self._last: dict[Any, int] = {}

    def handler(self, channel: str, *checks: Callable[[Any], None]) -> Any:
        """Return what hears a channel."""

        async def hear(message: Any) -> None:
            self.counts[channel] += 1
            self.kinds[channel] = type(message).__name__
            self.samples.setdefault(channel, message.model_dump(mode="json"))
            self.symbols[channel].add(message.symbol)
            for check in checks:
                check(message)

        return hear

    def numbered(self, trade: Any) -> None:
        """Check that no trade is missing between two of one connection."""
        key = self._log.connected, trade.symbol
        before = self._last.get(key)
        if before is not None and trade.id != before + 1:
            self.wrong.append(f"{trade.symbol}: trade {trade.id} after {before}")
        self._last[key] = trade.id

    def quoted(self, quote: Any) -> None:
        """Check that a quote is none of a crossed market."""
        if quote.bid_price and quote.ask_price and quote.bid_price >= quote.ask_price:
            self.wrong.append(f"{quote.symbol}: {quote.bid_price} >= {quote.ask_price}")

    def kept(self, bar: Any) -> None:
        """Keep finished minutes, to be compared."""
        self.bars[f"{self._log.connected} {bar.symbol} {bar.timestamp.isoformat()}"] = figures(bar)

    def updated(self, bar: Any) -> None:
        """Keep a minute that is told again, and check that it was told before and is another now."""
        key = f"{self._log.connected} {bar.symbol} {bar.timestamp.isoformat()}"
        if key in self.bars and self.bars[key] == figures(bar):
            self.wrong.append(f"{bar.symbol}: {bar.timestamp} is told again, and the same")
        self.kept(bar)

    def status(self, status: Any) -> None:
        self.statuses.append(f"{status.symbol} {status.status_code} {status.reason_code} {status.tape}")

    def told(self) -> dict[str, Any]:
        return {
            "connected": self._log.connected,
            "complaints": self._log.complaints,
            "acknowledged": self._log.acknowledged,
            "counts": self.counts,
            "kinds": self.kinds,
            "samples": self.samples,
            "symbols": {channel: sorted(symbols) for channel, symbols in self.symbols.items()},
            "wrong": self.wrong[:20],
            "statuses": self.statuses,
        }


class Books:
    """Books kept as the stream tells them."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._sides: dict[str, tuple[dict[float, float], dict[float, float]]] = {}
        self.states: set[int] = set()
        """Hashes of all that there were: they are many."""
        self.resets = 0

    def take(self, message: Any) -> None:
        if message.reset:
            self._sides[message.symbol] = ({}, {})
            self.resets += 1
        if message.symbol not in self._sides:
            self._seen.wrong.append(f"{message.symbol}: a change of a book that was not told")
            return
        for side, levels in zip(self._sides[message.symbol], (message.bids, message.asks), strict=True):
            for level in levels:
                if level.size:
                    side[level.price] = level.size
                elif side.pop(level.price, None) is None:
                    self._seen.wrong.append(f"{message.symbol}: a level taken away that was not there")
        bids, asks = self._sides[message.symbol]
        if bids and asks and max(bids) >= min(asks):
            self._seen.wrong.append(f"{message.symbol}: the book is crossed")
        self.states.add(hash((message.symbol, *sorted(bids.items(), reverse=True), *sorted(asks.items()))))

    def has(self, book: Any) -> bool:
        """Tell whether a book as it was answered is one that the stream told."""
        levels = [(level.price, level.size) for side in (book.bids, book.asks) for level in side]
        return hash((book.symbol, *levels)) in self.states


def figures(bar: Any) -> list[float]:
    return [bar.open, bar.high, bar.low, bar.close, bar.volume, bar.trade_count, bar.vwap]


def run(stream: Any, seconds: float, enough: Callable[[], bool], ask: Callable[[], None] = lambda: None) -> None:
    """Let a stream run in a thread, as its users do, until there is enough of it, and stop it."""
    thread = threading.Thread(target=stream.run, daemon=True)
    thread.start()
    begun = time.monotonic()
    while (passed := time.monotonic() - begun) < seconds or (passed < seconds + PATIENCE_S and not enough()):
        time.sleep(0.5)
        ask()
    time.sleep(SETTLING_S)
    stream.stop()
    thread.join(10)


def compared(seen: Seen, log: Log, past: dict[str, list[Any]]) -> dict[str, int]:
    """Compare the minutes of the last connection with those that are answered."""
    known = {
        f"{log.connected} {symbol} {bar.timestamp.isoformat()}": figures(bar) for symbol in past for bar in past[symbol]
    }
    both = known.keys() & seen.bars.keys()
    return {"compared": len(both), "different": sum(known[key] != seen.bars[key] for key in both)}


def stocks(place: str, seconds: str) -> dict[str, Any]:
    log = Log()
    seen = Seen(log)
    stream = StockDataStream(KEY, SECRET, url_override=f"ws://{place}/v2/iex")
    stream.subscribe_trades(seen.handler("trades", seen.numbered), "AAPL", "MSFT")
    stream.subscribe_quotes(seen.handler("quotes", seen.quoted), "AAPL")
    stream.subscribe_bars(seen.handler("bars", seen.kept), "*")
    stream.subscribe_updated_bars(seen.handler("updatedBars", seen.updated), "*")
    stream.subscribe_daily_bars(seen.handler("dailyBars"), "AAPL", "MSFT")
    stream.subscribe_trading_statuses(seen.handler("statuses", seen.status), "*")
    stream.register_trade_corrections(seen.handler("corrections"))
    stream.register_trade_cancels(seen.handler("cancelErrors"))
    client = StockHistoricalDataClient(KEY, SECRET, url_override=f"http://{place}")

    def enough() -> bool:
        """Tell whether it has come back and heard all there is: a minute that can be compared, for one."""
        kinds = {"trades", "quotes", "updatedBars", "dailyBars", "statuses", "corrections", "cancelErrors"}
        heard = seen.counts.keys() >= kinds
        return heard and len(seen.statuses) >= 4 and any(key.startswith("2 AAPL") for key in seen.bars)

    run(stream, float(seconds), enough)
    asked = StockBarsRequest(symbol_or_symbols=["AAPL", "MSFT"], timeframe=TimeFrame.Minute, limit=1000)
    return {**seen.told(), **compared(seen, log, client.get_stock_bars(asked).data)}


def crypto(place: str, seconds: str) -> dict[str, Any]:
    log = Log()
    seen = Seen(log)
    books = Books(seen)
    stream = CryptoDataStream(KEY, SECRET, url_override=f"ws://{place}/v1beta3/crypto/us")
    stream.subscribe_trades(seen.handler("trades", seen.numbered), "*")
    stream.subscribe_quotes(seen.handler("quotes", seen.quoted), "BTC/USD", "ETH/USD")
    stream.subscribe_bars(seen.handler("bars", seen.kept), "*")
    stream.subscribe_updated_bars(seen.handler("updatedBars"), "*")
    stream.subscribe_daily_bars(seen.handler("dailyBars"), "BTC/USD")
    stream.subscribe_orderbooks(seen.handler("orderbooks", books.take), "BTC/USD", "ETH/USD")
    client = CryptoHistoricalDataClient(KEY, SECRET, url_override=f"http://{place}")
    answered = []
    asked = CryptoLatestOrderbookRequest(symbol_or_symbols=["BTC/USD", "ETH/USD"])

    def ask() -> None:
        if books.resets:
            answered.extend(client.get_crypto_latest_orderbook(asked).values())

    run(stream, float(seconds), lambda: len(seen.symbols["bars"]) == 24 and "dailyBars" in seen.counts, ask)
    bars = CryptoBarsRequest(symbol_or_symbols=["BTC/USD", "ETH/USD"], timeframe=TimeFrame.Minute, limit=1000)
    found = [books.has(book) for book in answered]
    told = {"books_asked": len(found), "books_told": sum(found), "resets": books.resets}
    return {**seen.told(), **told, **compared(seen, log, client.get_crypto_bars(bars).data)}


def plan(place: str, feed: str) -> dict[str, Any]:
    """Ask for a feed that is in nobody's plan: the client stops by itself."""
    log = Log()
    stream = StockDataStream(KEY, SECRET, url_override=f"ws://{place}/v1beta1/{feed}")
    stream.subscribe_trades(Seen(log).handler("trades"), "AAPL")
    thread = threading.Thread(target=stream.run, daemon=True)
    thread.start()
    thread.join(10)
    return {"connected": log.connected, "complaints": log.complaints, "runs": thread.is_alive()}


def history(place: str) -> dict[str, Any]:
    """Ask for everything that is answered, in every way of saying who one is."""
    url = f"http://{place}"
    names = ["AAPL", "MSFT", "NOBODY"]
    told: dict[str, Any] = {}
    stock = StockHistoricalDataClient(KEY, SECRET, url_override=url)
    told["quotes"] = stock.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols=names))
    told["trades"] = stock.get_stock_latest_trade(StockLatestTradeRequest(symbol_or_symbols=names))
    told["bars"] = stock.get_stock_latest_bar(StockLatestBarRequest(symbol_or_symbols=names))
    told["snapshots"] = stock.get_stock_snapshot(StockSnapshotRequest(symbol_or_symbols=names))
    told = {what: {symbol: dump(one) for symbol, one in found.items()} for what, found in told.items()}
    asked = StockBarsRequest(symbol_or_symbols=names, timeframe=TimeFrame.Minute)
    told["past"] = {symbol: len(bars) for symbol, bars in stock.get_stock_bars(asked).data.items()}
    few = StockTradesRequest(symbol_or_symbols=names[:2], limit=150)
    told["past_trades"] = {symbol: [t.id for t in some] for symbol, some in stock.get_stock_trades(few).data.items()}
    day = StockBarsRequest(symbol_or_symbols="AAPL", timeframe=TimeFrame.Day)
    told["days"] = [dump(bar) for bar in stock.get_stock_bars(day).data["AAPL"]]
    for how in ({"oauth_token": SECRET}, {"api_key": KEY, "secret_key": SECRET, "use_basic_auth": True}):
        other = StockHistoricalDataClient(url_override=url, **how)
        assert other.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols="AAPL"))["AAPL"]
    return told


def crypto_history(place: str) -> dict[str, Any]:
    names = ["BTC/USD", "ETH/USD", "NO/BODY"]
    client = CryptoHistoricalDataClient(KEY, SECRET, url_override=f"http://{place}")
    told: dict[str, Any] = {
        "quotes": client.get_crypto_latest_quote(CryptoLatestQuoteRequest(symbol_or_symbols=names)),
        "trades": client.get_crypto_latest_trade(CryptoLatestTradeRequest(symbol_or_symbols=names)),
        "bars": client.get_crypto_latest_bar(CryptoLatestBarRequest(symbol_or_symbols=names)),
        "orderbooks": client.get_crypto_latest_orderbook(CryptoLatestOrderbookRequest(symbol_or_symbols=names)),
        "snapshots": client.get_crypto_snapshot(CryptoSnapshotRequest(symbol_or_symbols=names)),
    }
    told = {what: {symbol: dump(one) for symbol, one in found.items()} for what, found in told.items()}
    asked = CryptoBarsRequest(symbol_or_symbols=names, timeframe=TimeFrame.Minute)
    told["past"] = {symbol: len(bars) for symbol, bars in client.get_crypto_bars(asked).data.items()}
    return told


def dump(model: Any) -> Any:
    return model.model_dump(mode="json")


DEEDS: dict[str, Callable[..., Any]] = {
    **{"stocks": stocks, "crypto": crypto, "plan": plan},
    **{"history": history, "crypto_history": crypto_history},
}

if __name__ == "__main__":
    deed, *arguments = sys.argv[1:]
    json.dump(DEEDS[deed](*arguments), sys.stdout)
