"""Asks a server, by python-binance, everything that can be asked about prices, and prints a line of JSON about each.

Run by the Python of its own environment: `python_binance_rest.py PORT`.
"""

import asyncio
import json
import sys
from collections.abc import Awaitable
from typing import Any

from binance import AsyncClient
from binance.exceptions import BinanceAPIException

ONE = "BTCUSDT"


def asked(client: AsyncClient, now_ms: int) -> dict[str, Awaitable[Any]]:
    """Return every request by name."""
    start = now_ms - 3_600_000
    return {
        "ping": client.ping(),
        "time": client.get_server_time(),
        "exchangeInfo": client.get_exchange_info(),
        "symbol": client.get_symbol_info(ONE),
        "depth": client.get_order_book(symbol=ONE, limit=5),
        "trades": client.get_recent_trades(symbol=ONE, limit=5),
        "historicalTrades": client.get_historical_trades(symbol=ONE, fromId=1, limit=5),
        "aggTrades": client.get_aggregate_trades(symbol=ONE, limit=5),
        "aggTrades from": told_trades(client),
        "klines": client.get_klines(symbol=ONE, interval=AsyncClient.KLINE_INTERVAL_1MINUTE, limit=5),
        "uiKlines": client.get_ui_klines(symbol=ONE, interval=AsyncClient.KLINE_INTERVAL_1WEEK),
        "klines of an hour": client.get_historical_klines(ONE, AsyncClient.KLINE_INTERVAL_1SECOND, start),
        "avgPrice": client.get_avg_price(symbol=ONE),
        "24hr": client.get_ticker(),
        "24hr one": client.get_ticker(symbol=ONE),
        "tradingDay": client.v3_get_ticker_trading_day(symbol=ONE),
        "ticker": client.get_symbol_ticker_window(symbol=ONE, windowSize="2h"),
        "price": client.get_all_tickers(),
        "price one": client.get_symbol_ticker(symbol=ONE),
        "bookTicker": client.get_orderbook_tickers(),
        "bookTicker one": client.get_orderbook_ticker(symbol=ONE),
        "no symbol": client.get_order_book(symbol="NOPEUSDT"),
        "no parameter": client.get_order_book(),
        "bad interval": client.get_klines(symbol=ONE, interval="7m"),
    }


async def told_trades(client: AsyncClient) -> list[Any]:
    """Return the first trades of all, as the client finds them page by page."""
    found = []
    async for trade in client.aggregate_trade_iter(ONE, last_id=0):
        found.append(trade)
        if len(found) == 5:
            break
    return found


async def told(ask: Awaitable[Any]) -> dict[str, Any]:
    try:
        return {"said": await ask}
    except BinanceAPIException as error:
        return {"error": error.status_code, "code": error.code, "msg": error.message}


async def main(port: str) -> None:
    AsyncClient.API_URL = f"http://127.0.0.1:{port}/api"
    client = await AsyncClient.create()
    try:
        now_ms = (await client.get_server_time())["serverTime"]
        for name, ask in asked(client, now_ms).items():
            print(json.dumps({"name": name, **await told(ask)}), flush=True)
    finally:
        await client.close_connection()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
