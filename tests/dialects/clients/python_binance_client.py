"""python-binance as its users write it, over every market stream of spot that it knows: PORT SECONDS [back].

Says on standard output, a JSON object a line: `all` once every kind came and the seconds are over; with `back`, then
`again` once every kind has come again after the server went and came; `wrong` with a reason, which ends it.
"""

import asyncio
import json
import os
import sys
import time
from collections import Counter

from aiohttp import ClientError
from binance import AsyncClient, BinanceSocketManager, DepthCacheManager

SYMBOL = "BTCUSDT"
INTERVALS = ["1s", "1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "12h", "1d", "3d", "1w", "1M"]
LEVELS = 10  # that our books show
LOST = ("ConnectionClosedError", "ConnectionClosedOK", "BinanceWebsocketClosed")
DEPTH_GETS = 2  # it fetches once more at the start, where the first event straddles the snapshot


def say(what, **more):
    print(json.dumps({"say": what, **more}), flush=True)


def wrong(reason):
    say("wrong", reason=reason)
    sys.exit(1)


def sockets(manager):
    """Return every market stream of spot, by a name of ours."""
    many = manager.multiplex_socket
    named = {
        "trade": manager.trade_socket(SYMBOL),
        "aggtrade": manager.aggtrade_socket(SYMBOL),
        "depth": manager.depth_socket(SYMBOL),
        "depth 100ms": manager.depth_socket(SYMBOL, interval=100),
        "miniticker": manager.miniticker_socket(),
        "miniticker 3000": manager.miniticker_socket(3000),
        "symbol miniticker": manager.symbol_miniticker_socket(SYMBOL),
        "symbol ticker": manager.symbol_ticker_socket(SYMBOL),
        "ticker": manager.ticker_socket(),
        "symbol book ticker": manager.symbol_book_ticker_socket(SYMBOL),
        "book ticker": manager.book_ticker_socket(),
        "kline 1s": manager.kline_socket(SYMBOL, "1s"),
        "several": many(["ethusdt@trade", "ethusdt@depth@1000ms", "ethusdt@avgPrice", "!ticker_4h@arr"]),
    }
    for depth in "5", "10", "20":
        named[f"depth {depth}"] = manager.depth_socket(SYMBOL, depth=depth)
        named[f"depth {depth} 100ms"] = manager.depth_socket(SYMBOL, depth=depth, interval=100)
    for interval in INTERVALS:
        named[f"klines {interval}"] = many([f"btcusdt@kline_{interval}"])
    return named


class Watch:
    """What came, since when it was last asked for."""

    def __init__(self, names):
        self.names = names
        self.came = Counter()
        self.lost = asyncio.Event()

    async def read(self, name, socket):
        async with socket:
            while True:
                self.took(name, await socket.recv())

    async def keep_book(self, client, symbol, interval):
        """Have a book kept; again where the server went: its depth cache knows no serverShutdown, and fails."""
        while True:
            try:
                await self.follow(client, symbol, interval)
            except KeyError as error:
                if error.args != ("u",):
                    raise
            except (ClientError, OSError):
                await asyncio.sleep(0.5)

    async def follow(self, client, symbol, interval):
        """Look whether what is kept is a book."""
        name, gets, told = f"book {symbol}", 0, 0

        async def counted(**params):
            nonlocal gets
            gets += 1
            return await AsyncClient.get_order_book(client, **params)

        client.get_order_book = counted
        async with DepthCacheManager(client, symbol, bm=BinanceSocketManager(client), ws_interval=interval) as kept:
            while True:
                book = await kept.recv()
                if isinstance(book, dict):
                    self.took(name, book)
                    return
                self.took(name, None)
                told += 1
                if told > 2:
                    look_at(book)
                if gets > DEPTH_GETS:
                    wrong(f"{symbol} was asked for {gets} times: an event did not follow the one before")

    def took(self, name, message):
        if isinstance(message, dict) and message.get("e") == "error":
            if message["type"] not in LOST:
                wrong(f"{name}: {message}")
            self.lost.set()
            return
        if isinstance(message, dict) and "error" in message:
            wrong(f"{name}: {message}")
        if not (isinstance(message, dict) and message.get("e") == "serverShutdown"):
            self.came[name] += 1

    async def everything(self, limit_s):
        """Wait until each has come once more."""
        self.came.clear()
        end = time.monotonic() + limit_s
        while missing := [name for name in self.names if not self.came[name]]:
            if time.monotonic() > end:
                wrong(f"never came: {missing}")
            await asyncio.sleep(0.1)


def look_at(book):
    bids, asks = book.get_bids(), book.get_asks()
    if len(bids) > LEVELS or len(asks) > LEVELS or (bids and asks and bids[0][0] >= asks[0][0]):
        wrong(f"no book: {bids} {asks}")


async def ask(client):
    """Call every market question of its REST client once."""
    one = {"symbol": SYMBOL}
    info = await client.get_symbol_info(SYMBOL)
    if info["filters"][0]["filterType"] != "PRICE_FILTER":
        wrong(f"filters: {info['filters']}")
    await client.get_exchange_info()
    await client.get_order_book(**one, limit=100)
    await client.get_recent_trades(**one)
    await client.get_historical_trades(**one)
    await client.get_aggregate_trades(**one)
    for interval in INTERVALS:
        if len((await client.get_klines(**one, interval=interval))[0]) != 12:
            wrong("a kline has twelve items")
    await client.get_ui_klines(**one, interval="1m")
    await client.get_avg_price(**one)
    await client.get_ticker(**one)
    await client.get_ticker()
    await client.get_symbol_ticker(**one)
    await client.get_all_tickers()
    await client.get_symbol_ticker_window(**one, windowSize="1h")
    await client.get_orderbook_ticker(**one)
    await client.get_orderbook_tickers()


async def main(port, seconds, back):
    AsyncClient.API_URL = f"http://127.0.0.1:{port}/api"
    BinanceSocketManager.STREAM_URL = f"ws://127.0.0.1:{port}/"
    began = time.monotonic()
    client, *keepers = [await AsyncClient.create() for _ in range(3)]
    manager = BinanceSocketManager(client)
    named = sockets(manager)
    watch = Watch([*named, "book ETHUSDT", "book BNBUSDT"])
    tasks = [asyncio.create_task(watch.read(*item)) for item in named.items()]
    tasks += [
        asyncio.create_task(watch.keep_book(keeper, symbol, interval))
        for keeper, symbol, interval in zip(keepers, ("ETHUSDT", "BNBUSDT"), (None, 100), strict=True)
    ]
    story = asyncio.create_task(tell(watch, client, began + seconds, back))
    done, _ = await asyncio.wait([story, *tasks], return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()
    os._exit(0)  # its sockets wait for each other when they are closed while they come back


async def tell(watch, client, end, back):
    await watch.everything(25)
    await ask(client)
    while time.monotonic() < end:
        await watch.everything(25)
    if watch.lost.is_set():
        wrong("a connection was lost that nobody had closed")
    say("all", came=dict(watch.came))
    if back:
        await watch.lost.wait()
        await watch.everything(60)
        say("again")


asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), "back" in sys.argv))
