"""Asks a server, by binance-sdk-spot, everything that can be asked about prices, and prints a line of JSON about each.

Its models are strict. Beyond what it checks itself, nothing may be said that it does not know, and nothing left out
that it does know: `wrong` lists such fields. Run by the Python of its own environment: `binance_sdk_rest.py PORT`; with
a number behind it, it asks for a large book so many times instead, as fast as it can.
"""

import json
import sys
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from binance_common.configuration import ConfigurationRestAPI
from binance_common.errors import BadRequestError, NotFoundError, RateLimitBanError, TooManyRequestsError
from binance_sdk_spot.rest_api.models import (
    KlinesIntervalEnum,
    Ticker24hrTypeEnum,
    TickerSymbolStatusEnum,
    TickerTypeEnum,
    TickerWindowSizeEnum,
)
from binance_sdk_spot.spot import Spot
from pydantic import BaseModel

ONE, TWO = "BTCUSDT", ["BTCUSDT", "ETHBTC"]


def wrong(found: Any, path: str = "") -> Iterator[str]:
    """Yield what is said too much and what is not said, all the way down."""
    if isinstance(found, list):
        for place, each in enumerate(found):
            yield from wrong(each, f"{path}[{place}]")
    if not isinstance(found, BaseModel):
        return
    if hasattr(found, "actual_instance"):
        if found.actual_instance is None:
            yield f"{path}: none of the models"
        yield from wrong(found.actual_instance, path)
        return
    yield from (f"{path}.{name}: unknown" for name in getattr(found, "additional_properties", {}))
    for name in type(found).model_fields:
        if name != "additional_properties":
            value = getattr(found, name)
            if value is None:
                yield f"{path}.{name}: missing"
            yield from wrong(value, f"{path}.{name}")


def plain(found: Any) -> Any:
    """Return a model as JSON has it."""
    if isinstance(found, list):
        return [plain(each) for each in found]
    if not isinstance(found, BaseModel):
        return found
    if hasattr(found, "actual_instance"):
        return plain(found.actual_instance)
    fields = type(found).model_fields.items()
    return {field.alias or name: plain(getattr(found, name)) for name, field in fields}


def asked(rest: Any) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield every request by name."""
    day, mini = TickerWindowSizeEnum.WINDOW_SIZE_7d, Ticker24hrTypeEnum.MINI
    trading = TickerSymbolStatusEnum.TRADING
    yield "ping", rest.ping
    yield "time", rest.time
    yield "exchangeInfo", rest.exchange_info
    yield "exchangeInfo one", lambda: rest.exchange_info(symbol=ONE, show_permission_sets=True)
    yield "exchangeInfo two", lambda: rest.exchange_info(symbols=TWO)
    yield "depth", lambda: rest.depth(ONE, limit=5000)
    yield "trades", lambda: rest.get_trades(ONE, limit=20)
    yield "historicalTrades", lambda: rest.historical_trades(ONE, limit=20, from_id=1)
    yield "aggTrades", lambda: rest.agg_trades(ONE, start_time=1, limit=20)
    yield "klines", lambda: rest.klines(ONE, KlinesIntervalEnum.INTERVAL_1s, limit=20)
    yield "uiKlines", lambda: rest.ui_klines(ONE, KlinesIntervalEnum.INTERVAL_1d, time_zone="-1:30")
    yield "avgPrice", lambda: rest.avg_price(ONE)
    yield "24hr", rest.ticker24hr
    yield "24hr one", lambda: rest.ticker24hr(symbol=ONE)
    yield "24hr two", lambda: rest.ticker24hr(symbols=TWO)
    yield "24hr mini", lambda: rest.ticker24hr(symbol=ONE, type=mini)
    yield "tradingDay", lambda: rest.ticker_trading_day(symbols=TWO, time_zone="8")
    yield "tradingDay one", lambda: rest.ticker_trading_day(symbol=ONE)
    yield "ticker", lambda: rest.ticker(symbols=TWO, window_size=day, symbol_status=trading)
    yield "ticker one", lambda: rest.ticker(symbol=ONE)
    yield "ticker mini", lambda: rest.ticker(symbol=ONE, type=TickerTypeEnum.MINI)
    yield "price", rest.ticker_price
    yield "price one", lambda: rest.ticker_price(symbol=ONE)
    yield "price two", lambda: rest.ticker_price(symbols=TWO)
    yield "bookTicker", rest.ticker_book_ticker
    yield "bookTicker one", lambda: rest.ticker_book_ticker(symbol=ONE)
    yield "bookTicker two", lambda: rest.ticker_book_ticker(symbols=TWO)
    yield "no symbol", lambda: rest.depth("NOPEUSDT")
    yield "bad limit", lambda: rest.depth(ONE, limit=-1)
    yield "no endpoint", lambda: rest.reference_price(ONE)


def told(ask: Callable[[], Any]) -> dict[str, Any]:
    """Ask, and say what came of it: a document, or an error."""
    try:
        answer = ask()
    except (BadRequestError, NotFoundError) as error:
        return {"error": type(error).__name__, "code": error.status_code, "msg": error.error_message}
    except (TooManyRequestsError, RateLimitBanError) as error:
        return {"error": type(error).__name__, "code": error.status_code, "retry_after": error.retry_after}
    found = answer.data()
    limits = [[limit.rateLimitType, limit.interval, limit.count] for limit in answer.rate_limits]
    return {"said": plain(found), "wrong": list(wrong(found)), "limits": limits}


def main(port: str, times: int = 0) -> None:
    for unit in ("MILLISECOND", "MICROSECOND"):
        configuration = ConfigurationRestAPI(base_path=f"http://127.0.0.1:{port}", time_unit=unit, retries=0)
        rest = Spot(config_rest_api=configuration).rest_api
        for name, ask in [("depth", partial(rest.depth, ONE, limit=5000))] * times or asked(rest):
            print(json.dumps({"unit": unit, "name": name, **told(ask)}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
