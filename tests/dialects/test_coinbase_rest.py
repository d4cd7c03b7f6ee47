"""Coinbase Exchange's market data by REST: shapes, errors, pages."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialects.scripted_market import BTC, ETH, T0, ScriptedMarket, universe
from dialects.venue_stage import Stage, asked, document
from ticker.dialects.coinbase import VENUE
from ticker.ticks import BUY, SELL


def stage(strict: bool = False) -> Stage:
    market = ScriptedMarket()
    market.put_book(BTC, 7, [(9_500_000, 120_000), (9_499_990, 7)], [(9_500_010, 31_415), (9_500_020, 5)])
    market.trade(BTC, 9_499_000, 500, SELL, T0)
    market.trade(BTC, 9_500_000, 1230, BUY, T0 + 200_001)
    market.trade(BTC, 9_500_010, 20, BUY, T0 + 130_000_000)
    return Stage(VENUE(universe(), strict=strict), "/", market)


def told(on: Stage, path: str, query: str = "") -> Any:
    answer = on.get(path, query)
    assert (answer.status, answer.content_type) == (200, "application/json"), answer
    return document(answer.body)


def refused(on: Stage, path: str, query: str = "", status: int = 400) -> str:
    answer = on.get(path, query)
    assert answer.status == status
    document = json.loads(answer.body)
    assert list(document) == ["message"]
    return str(document["message"])


def test_products() -> None:
    on = stage()
    products = told(on, "/products")
    assert [product["id"] for product in products] == ["BTC-USDT", "ETH-USDT", "ETH-BTC"]
    assert told(on, "/products/BTC-USDT") == products[0]
    some = {"base_currency": "BTC", "quote_currency": "USDT", "quote_increment": "0.01", "base_increment": "0.00001"}
    assert some.items() <= products[0].items()
    assert products[0]["status"] == "online" and products[0]["trading_disabled"] is False


def test_a_book_at_each_level() -> None:
    on = stage()
    first = told(on, "/products/BTC-USDT/book")
    assert (first["bids"], first["asks"]) == ([["95000.00", "1.20000000", 1]], [["95000.10", "0.31415000", 1]])
    assert first["sequence"] == 7 + 3 and first["time"] == "2026-01-05T14:30:00.000000Z"
    second = told(on, "/products/BTC-USDT/book", "level=2")
    assert second["asks"] == [["95000.10", "0.31415000", 1], ["95000.20", "0.00005000", 1]]
    third = told(on, "/products/BTC-USDT/book", "level=3")
    assert [level[:2] for level in third["bids"]] == [level[:2] for level in second["bids"]]
    orders = [level[2] for side in ("bids", "asks") for level in third[side]]
    assert len(set(orders)) == 4 and all(len(order) == 36 for order in orders)
    assert told(on, "/products/BTC-USDT/book", "level=3") == third
    assert refused(on, "/products/BTC-USDT/book", "level=4") == "Invalid level"


def test_a_ticker_and_statistics() -> None:
    on = stage()
    assert told(on, "/products/BTC-USDT/ticker") == {
        **{"ask": "95000.10", "bid": "95000.00", "volume": "0.01750000", "trade_id": 3, "price": "95000.1"},
        **{"size": "0.0002", "time": "2026-01-05T14:32:10.000000Z", "rfq_volume": "0.00000000"},
    }
    assert told(on, "/products/BTC-USDT/stats") == {
        **{"open": "94990", "high": "95000.1", "low": "94990", "last": "95000.1"},
        **{"volume": "0.01750000", "volume_30day": "0.01750000"},
    }
    assert refused(on, "/products/ETH-USDT/ticker", status=404) == "NotFound"


def test_trades_come_newest_first_in_pages() -> None:
    on = stage()
    trades = told(on, "/products/BTC-USDT/trades")
    assert [int(trade["trade_id"]) for trade in trades] == [3, 2, 1]
    assert trades[1] == {
        **{"trade_id": 2, "side": "sell", "size": "0.01230000", "price": "95000.00"},
        "time": "2026-01-05T14:30:00.200001Z",
    }
    page = on.get("/products/BTC-USDT/trades", "limit=2")
    assert page.headers == {"cb-before": "3", "cb-after": "2"}
    assert [t["trade_id"] for t in told(on, "/products/BTC-USDT/trades", "limit=2&after=2")] == [1]
    assert [t["trade_id"] for t in told(on, "/products/BTC-USDT/trades", "before=1")] == [3, 2]
    assert on.get("/products/BTC-USDT/trades", "before=3").headers == {}


@given(st.integers(1, 30), st.integers(1, 7))
def test_pages_of_trades_miss_and_repeat_none(count: int, limit: int) -> None:
    market = ScriptedMarket()
    for _ in range(count):
        market.trade(BTC, 100, 1)
    on, numbers, query = Stage(VENUE(universe(), strict=False), "/", market), list[int](), ""
    while True:
        answer = on.get("/products/BTC-USDT/trades", f"limit={limit}{query}")
        numbers += [trade["trade_id"] for trade in json.loads(answer.body)]
        if answer.headers.get("cb-after", "1") == "1":
            break
        query = f"&after={answer.headers['cb-after']}"
    assert numbers == list(range(count, 0, -1))


def test_candles_come_newest_first_without_those_that_have_no_trade() -> None:
    on = stage()
    rows = told(on, "/products/BTC-USDT/candles")
    assert [[str(value) for value in row] for row in rows] == [
        ["1767623520", "95000.1", "95000.1", "95000.1", "95000.1", "0.0002"],
        ["1767623400", "94990", "95000", "94990", "95000", "0.0173"],
    ]
    assert told(on, "/products/BTC-USDT/candles", "start=1767623460&end=2026-01-05T14:40:00Z") == rows[:1]
    assert told(on, "/products/BTC-USDT/candles", "start=2026-01-05T14:31:00") == rows
    assert len(told(on, "/products/BTC-USDT/candles", "granularity=3600")) == 1


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("granularity=61", "Unsupported granularity"),
        ("granularity=x", "Invalid granularity"),
        ("start=yesterday&end=2026-01-05", "Invalid start"),
        ("start=2026-01-06&end=2026-01-05", "start must be before end"),
        (
            "start=2026-01-05&end=2026-01-06",
            "granularity too small for the requested time range. Count of aggregations requested exceeds 300",
        ),
    ],
)
def test_candles_that_cannot_be_had(query: str, message: str) -> None:
    assert refused(stage(), "/products/BTC-USDT/candles", query) == message


def test_currencies() -> None:
    on = stage()
    every = told(on, "/currencies")
    assert [(one["id"], one["name"]) for one in every] == [("BTC", "Bitcoin"), ("USDT", "Tether"), ("ETH", "Ether")]
    assert told(on, "/currencies/ETH") == every[2]
    assert refused(on, "/currencies/NOPE", status=404) == "NotFound"


def test_the_time_is_the_markets() -> None:
    on = stage()
    on.now = on.now._replace(market_us=T0 + 1_999)
    assert told(on, "/time") == {"iso": "2026-01-05T14:30:00.001Z", "epoch": Decimal("1767623400.001")}
    assert datetime.fromtimestamp(1767623400, UTC).isoformat() == "2026-01-05T14:30:00+00:00"


@pytest.mark.parametrize("path", ["/", "", "/nothing", "/products/NOPE", "/products/AAPL", "/products/BTC-USDT/none"])
def test_what_is_not_known(path: str) -> None:
    assert refused(stage(), path, status=404) == "NotFound"
    assert stage().get("/products", method="POST").status == 404


def test_what_is_not_permitted_is_not_known_to_rest() -> None:
    on = stage()
    on.market.permitted = {ETH}
    assert [product["id"] for product in told(on, "/products")] == ["ETH-USDT"]
    assert refused(on, "/products/BTC-USDT/book", status=404) == "NotFound"
    assert refused(on, "/currencies/BTC", status=404) == "NotFound"


def test_requests_are_limited_where_limits_are_kept() -> None:
    for strict in (True, False):
        on = stage(strict)
        answers = [asked(on, "/time", address="10.0.0.1") for _ in range(16)]
        assert [answer.status for answer in answers] == [200] * 15 + [429 if strict else 200]
    assert json.loads(answers[0].body)["iso"]


words = st.sampled_from(
    ["level", "limit", "after", "before", "start", "end", "granularity", "=", "&", "1", "2026-01-05", "T14", "%", "+"]
)


@given(
    st.sampled_from(["", "/book", "/ticker", "/trades", "/candles", "/stats", "/é", "/a/b"]),
    st.lists(words | st.text(max_size=5), max_size=8).map("".join),
)
def test_whatever_is_asked_is_answered(about: str, query: str) -> None:
    answer = stage().get(f"/products/BTC-USDT{about}", query)
    assert answer.status in (200, 400, 404)
    assert answer.status == 200 or list(json.loads(answer.body)) == ["message"]
