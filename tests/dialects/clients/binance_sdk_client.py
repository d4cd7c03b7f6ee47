"""binance-sdk-spot as its users write it, over every market stream that it knows: PORT SECONDS [back].

Its models are strict about types; here each message must also have every field of its model. Says on standard output
what python_binance_client.py says.
"""

import asyncio
import json
import logging
import os
import sys
import time
from collections import Counter

from binance_common.configuration import ConfigurationRestAPI, ConfigurationWebSocketStreams
from binance_common.constants import TimeUnit
from binance_sdk_spot.spot import Spot
from binance_sdk_spot.websocket_streams import models

SYMBOL = "btcusdt"
SILENT = {"reference_price", "block_trade"}  # they are taken, and nothing is told of them here
WINDOWS = [each.value for each in models.RollingWindowTickerWindowSizeEnum]
INTERVALS = [each.value for each in models.KlineIntervalEnum]
NOT_ON_SPOT = {"nq"}  # a field of the aggregate trade's model that spot does not send


def say(what, **more):
    print(json.dumps({"say": what, **more}), flush=True)


def wrong(reason):
    say("wrong", reason=str(reason))
    os._exit(1)  # it would go on trying to reconnect


def lacking(model):
    """Return which fields of a model, and of those in it, were not told."""
    told, fields = model.model_fields_set, set(type(model).model_fields) - {"additional_properties"}
    inner = [value for name in told for value in [getattr(model, name)] if hasattr(value, "model_fields_set")]
    return sorted(fields - told - NOT_ON_SPOT) + [each for value in inner for each in lacking(value)]


class Watch:
    """What came, and what was wrong with it."""

    def __init__(self, spot):
        self.spot = spot
        self.came = Counter()
        self.names = []
        self.closed = asyncio.Event()

    async def open(self):
        """Connect, and subscribe to everything."""
        streams = self.spot.websocket_streams
        await streams.create_connection()
        return await self.subscribe()

    async def subscribe(self):
        streams = self.spot.websocket_streams
        streams.on_connection("error", wrong)
        streams.on_connection("close", self.closed.set)
        calls = calls_of(streams)
        handles = await asyncio.gather(*calls.values())
        for name, handle in zip(calls, handles, strict=True):
            handle.on("message", lambda data, name=name: self.took(name, data))
        self.names = [name for name in calls if name not in SILENT]
        return handles

    def took(self, name, data):
        self.came[name] += 1
        for model in data if isinstance(data, list) else [data]:
            if missing := lacking(model):
                wrong(f"{name}: no {missing} in {model}")

    async def everything(self, limit_s):
        self.came.clear()
        end = time.monotonic() + limit_s
        while missing := [name for name in self.names if not self.came[name]]:
            if time.monotonic() > end:
                wrong(f"never came: {missing}")
            await asyncio.sleep(0.1)


def calls_of(streams):
    """Return a call for every market stream there is, by a name of ours."""
    calls = {name: getattr(streams, name)(SYMBOL) for name in ("agg_trade", "avg_price", "block_trade", "book_ticker")}
    calls |= {name: getattr(streams, name)(SYMBOL) for name in ("mini_ticker", "reference_price", "ticker", "trade")}
    calls["all_mini_ticker"] = streams.all_mini_ticker()
    for window in WINDOWS:
        calls[f"all windows {window}"] = streams.all_market_rolling_window_ticker(window)
        calls[f"window {window}"] = streams.rolling_window_ticker(SYMBOL, window)
    for interval in INTERVALS:
        calls[f"kline {interval}"] = streams.kline(SYMBOL, interval)
        calls[f"kline +08:00 {interval}"] = streams.kline_offset(SYMBOL, interval)
    for speed in None, "100ms":
        calls[f"diff {speed}"] = streams.diff_book_depth(SYMBOL, update_speed=speed)
        for depth in 5, 10, 20:
            calls[f"depth {depth} {speed}"] = streams.partial_book_depth(SYMBOL, depth, update_speed=speed)
    return calls


def ask(rest):
    """Call every market question of its REST client; its models check what comes."""
    symbol = SYMBOL.upper()
    rest.ping()
    rest.time().data()
    rest.exchange_info().data()
    rest.exchange_info(symbols=[symbol, "ETHUSDT"]).data()
    rest.depth(symbol, limit=20).data()
    rest.get_trades(symbol).data()
    rest.historical_trades(symbol).data()
    rest.agg_trades(symbol).data()
    for interval in INTERVALS:
        rest.klines(symbol, interval).data()
    rest.ui_klines(symbol, "1m").data()
    rest.avg_price(symbol).data()
    for call in rest.ticker24hr, rest.ticker_trading_day, rest.ticker:
        for kind in "FULL", "MINI":
            call(symbol=symbol, type=kind).data()
            call(symbols=[symbol, "ETHUSDT"], type=kind).data()
    rest.ticker24hr().data()
    for call in rest.ticker_price, rest.ticker_book_ticker:
        call(symbol=symbol).data()
        call(symbols=[symbol]).data()
        call().data()
    rest.ticker(symbol=symbol, window_size="1h").data()


async def in_microseconds(port):
    """Ask for microseconds, and look whether they are."""
    spot = Spot(config_ws_streams=configured(port, time_unit=TimeUnit.MICROSECOND))
    streams, told = spot.websocket_streams, asyncio.Queue()
    await streams.create_connection()
    (await streams.trade(SYMBOL)).on("message", told.put_nowait)
    trade = await asyncio.wait_for(told.get(), 20)
    if not 10**15 < trade.T < 10**16:
        wrong(f"no microseconds: {trade}")
    await streams.close_connection(close_session=True)


def configured(port, **more):
    return ConfigurationWebSocketStreams(stream_url=f"ws://127.0.0.1:{port}/stream", **more)


async def main(port, seconds, back):
    began = time.monotonic()
    rest = ConfigurationRestAPI(base_path=f"http://127.0.0.1:{port}")
    spot = Spot(config_rest_api=rest, config_ws_streams=configured(port))
    streams, watch = spot.websocket_streams, Watch(spot)
    handles = await watch.open()
    await watch.everything(25)
    await asyncio.to_thread(ask, spot.rest_api)
    await in_microseconds(port)
    listed = (await streams.list_subscribe())["result"]
    if len(listed) != len(handles):
        wrong(f"{len(listed)} streams are listed of {len(handles)}")
    while time.monotonic() < began + seconds:
        await watch.everything(25)
    if watch.closed.is_set():
        wrong("the connection was lost and nobody had closed it")
    say("all", came=dict(watch.came))
    if back:
        await come_back(watch)
    handle = handles[0]
    await handle.unsubscribe()
    await streams.close_connection(close_session=True)


async def come_back(watch):
    """Do what its users do after a close, which it reports and does not mend."""
    streams = watch.spot.websocket_streams
    await watch.closed.wait()
    while not streams.connections:
        await asyncio.sleep(0.5)
        await streams.create_connection()
    await watch.subscribe()
    await watch.everything(60)
    say("again")


logging.disable(logging.WARNING)
asyncio.run(main(int(sys.argv[1]), float(sys.argv[2]), "back" in sys.argv))
