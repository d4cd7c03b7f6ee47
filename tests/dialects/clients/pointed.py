"""Points a client where it is told, as README has it, and waits for one tick and one answer.

`python pointed.py "CLIENT UNIVERSE" TOLD TOLD`, in the client's own environment.
"""

import asyncio
import sys

PATIENCE_S = 60.0


async def python_binance(told: list[str]) -> None:
    """Both are class attributes, which are assigned."""
    from binance import AsyncClient, BinanceSocketManager

    for assignment in told:
        exec(assignment)
    client = await AsyncClient.create("", "")
    async with BinanceSocketManager(client).trade_socket("BTCUSDT") as stream:
        assert (await stream.recv())["s"] == "BTCUSDT"
    assert (await client.get_order_book(symbol="BTCUSDT"))["bids"]
    await client.close_connection()


async def binance_sdk_spot(told: list[str]) -> None:
    """Both are configurations."""
    from binance_common.configuration import ConfigurationRestAPI, ConfigurationWebSocketStreams
    from binance_sdk_spot.spot import Spot

    known = {kind.__name__: kind for kind in (ConfigurationRestAPI, ConfigurationWebSocketStreams)}
    rest, streams = eval(told[0], known), eval(told[1], known)
    spot = Spot(config_rest_api=rest, config_ws_streams=streams)
    assert spot.rest_api.depth(symbol="BTCUSDT").data().bids
    connection = await spot.websocket_streams.create_connection()
    heard = asyncio.get_running_loop().create_future()
    stream = await connection.trade(symbol="btcusdt")
    stream.on("message", lambda trade: heard.done() or heard.set_result(trade))
    assert (await heard).s == "BTCUSDT"
    await connection.close_connection(close_session=True)


async def alpaca_py(told: list[str], symbol: str) -> None:
    """One streams, one asks."""
    from alpaca.data.historical import CryptoHistoricalDataClient, StockHistoricalDataClient
    from alpaca.data.live import CryptoDataStream, StockDataStream
    from alpaca.data.requests import CryptoLatestQuoteRequest, StockLatestQuoteRequest

    kinds = (CryptoDataStream, StockDataStream, CryptoHistoricalDataClient, StockHistoricalDataClient)
    known = {kind.__name__: kind for kind in kinds}
    stream, history = eval(told[0], known), eval(told[1], known)
    heard = asyncio.get_running_loop().create_future()

    async def hear(quote: object) -> None:
        heard.done() or heard.set_result(quote)

    stream.subscribe_quotes(hear, symbol)
    running = asyncio.create_task(stream._run_forever())
    assert (await heard).symbol == symbol
    await stream.stop_ws()
    running.cancel()
    if "/" in symbol:
        latest = history.get_crypto_latest_quote(CryptoLatestQuoteRequest(symbol_or_symbols=symbol))
    else:
        latest = history.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols=symbol))
    assert latest[symbol].bid_price > 0


DEEDS = {
    "python-binance pairs": python_binance,
    "binance-sdk-spot pairs": binance_sdk_spot,
    "alpaca-py stocks": lambda told: alpaca_py(told, "AAPL"),
    "alpaca-py pairs": lambda told: alpaca_py(told, "BTC/USD"),
}


async def main() -> None:
    """Do it, within its time."""
    await asyncio.wait_for(DEEDS[sys.argv[1]](sys.argv[2:]), PATIENCE_S)
    print("a tick, and an answer")


if __name__ == "__main__":
    asyncio.run(main())
