"""Kraken's public REST API: its shapes, its errors, names of pairs, and pages of trades that lose none."""

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialects.scripted_market import BTC, CROSS, ETH, T0, ScriptedMarket, universe
from dialects.venue_stage import Stage, asked, document
from ticker.dialects.kraken import VENUE
from ticker.dialects.kraken.names import asset_id, pair_altname, pair_id, wsname
from ticker.dialects.kraken.pairs import Pairs
from ticker.instruments import Instrument, Universe
from ticker.ticks import BUY, SELL


def stage(strict: bool = False) -> Stage:
    market = ScriptedMarket()
    market.put_book(BTC, 7, [(9_500_000, 120_000), (9_499_990, 7)], [(9_500_010, 31_415), (9_500_020, 5)])
    market.trade(BTC, 9_499_000, 500, SELL, T0)
    market.trade(BTC, 9_500_000, 1234, BUY, T0 + 200_001)
    market.trade(BTC, 9_500_010, 20, BUY, T0 + 130_000_000)
    return Stage(VENUE(universe(), strict=strict), "/v2", market)


def result(on: Stage, method: str, query: str = "") -> Any:
    answer = on.get(f"/0/public/{method}", query)
    assert (answer.status, answer.content_type) == (200, "application/json")
    told = document(answer.body)
    assert told["error"] == [] and set(told) == {"error", "result"}, told
    return told["result"]


def error(on: Stage, method: str, query: str = "") -> str:
    told = json.loads(on.get(f"/0/public/{method}", query).body)
    assert set(told) == {"error"}
    (text,) = told["error"]
    return str(text)


def test_the_time_is_the_markets() -> None:
    told = result(stage(), "Time")
    assert told == {"unixtime": 1767623530, "rfc1123": "Mon, 05 Jan 26 14:32:10 +0000"}
    assert result(stage(), "SystemStatus") == {"status": "online", "timestamp": "2026-01-05T14:32:10Z"}


def test_assets_by_any_name() -> None:
    on = stage()
    told = result(on, "Assets")
    assert list(told) == ["XXBT", "USDT", "XETH"]
    assert told["XXBT"]["altname"] == "XBT" and told["XXBT"]["status"] == "enabled"
    assert list(result(on, "Assets", "asset=XBT,ETH")) == ["XXBT", "XETH"]
    assert list(result(on, "Assets", "asset=BTC")) == list(result(on, "Assets", "asset=XXBT")) == ["XXBT"]
    assert error(on, "Assets", "asset=XBT,NOPE") == "EQuery:Unknown asset"


def test_pairs_have_both_of_their_names() -> None:
    on = stage()
    told = result(on, "AssetPairs")
    assert list(told) == ["XBTUSDT", "ETHUSDT", "XETHXXBT"]
    btc = told["XBTUSDT"]
    assert (btc["altname"], btc["wsname"], btc["base"], btc["quote"]) == ("XBTUSDT", "XBT/USDT", "XXBT", "USDT")
    assert (btc["pair_decimals"], btc["lot_decimals"], btc["tick_size"], btc["ordermin"]) == (
        2,
        8,
        "0.01",
        "0.00001000",
    )
    assert btc["status"] == "online"
    on.market.states[BTC] = "halted"
    assert result(on, "AssetPairs", "pair=XBTUSDT")["XBTUSDT"]["status"] == "cancel_only"


@pytest.mark.parametrize(
    ("name", "key"),
    [
        *(("XBTUSDT", "XBTUSDT"), ("BTCUSDT", "XBTUSDT"), ("XBT/USDT", "XBT/USDT"), ("BTC/USDT", "BTC/USDT")),
        *(("ETHXBT", "XETHXXBT"), ("XETHXXBT", "XETHXXBT"), ("ETH%2FBTC", "ETH/BTC")),
    ],
)
def test_a_pair_is_answered_under_its_id_or_the_name_with_a_slash(name: str, key: str) -> None:
    for method in ("AssetPairs", "Ticker", "Depth", "OHLC", "Trades"):
        assert next(iter(result(stage(), method, f"pair={name}"))) == key


def test_names_of_old() -> None:
    symbols = ("BTC-USD", "ETH-EUR", "DOGE-USD", "SOL-USD", "BTC-USDT", "LTC-BTC", "ETH-JPY", "BTC-AUD", "SOL-BTC")
    pairs = Pairs(Universe(Instrument(symbol, "", "", 2, 1, 1, 1) for symbol in symbols)).listed
    assert [pair_id(pair) for pair in pairs] == [
        *("XXBTZUSD", "XETHZEUR", "XDGUSD", "SOLUSD", "XBTUSDT", "XLTCXXBT", "XETHZJPY", "XBTAUD", "SOLXBT")
    ]
    assert [wsname(pair) for pair in pairs[:3]] == ["XBT/USD", "ETH/EUR", "XDG/USD"]
    assert [pair_altname(pair) for pair in pairs[:3]] == ["XBTUSD", "ETHEUR", "XDGUSD"]
    assert [asset_id(name) for name in ("BTC", "DOGE", "USD", "SOL")] == ["XXBT", "XXDG", "ZUSD", "SOL"]


def test_a_ticker_has_today_and_the_last_day() -> None:
    on = stage()
    told = result(on, "Ticker", "pair=XBTUSDT")["XBTUSDT"]
    assert told["a"] == ["95000.10", "0", "0.31415000"]
    assert told["b"] == ["95000.00", "1", "1.20000000"]
    assert told["c"] == ["95000.10", "0.00020000"]
    assert told["v"] == ["0.01754000", "0.01754000"] and told["t"] == [3, 3]
    assert told["l"] == ["94990.00"] * 2 and told["h"] == ["95000.10"] * 2 and told["o"] == "94990.00"
    assert list(result(on, "Ticker")) == ["XBTUSDT", "ETHUSDT", "XETHXXBT"]
    assert list(result(on, "Ticker", "pair=ETHUSDT,XBTUSDT")) == ["ETHUSDT", "XBTUSDT"]


def test_a_book() -> None:
    on = stage()
    told = result(on, "Depth", "pair=XBTUSDT")["XBTUSDT"]
    assert told["asks"] == [["95000.10", "0.31415000", 1767623400], ["95000.20", "0.00005000", 1767623400]]
    assert told["bids"][0] == ["95000.00", "1.20000000", 1767623400]
    assert [len(side) for side in result(on, "Depth", "pair=XBTUSDT&count=1")["XBTUSDT"].values()] == [1, 1]


def test_bars_have_no_hole_and_the_last_is_running() -> None:
    on = stage()
    told = result(on, "OHLC", "pair=XBTUSDT")
    rows = told["XBTUSDT"]
    assert rows[0] == [1767623400, *("94990.00", "95000.00", "94990.00", "95000.00", "94997.12", "0.01734000"), 2]
    assert rows[1] == [1767623460, *["95000.00"] * 4, "0.00", "0.00000000", 0]
    assert len(rows) == 3 and told["last"] == rows[1][0]
    assert result(on, "OHLC", f"pair=XBTUSDT&since={rows[1][0]}")["XBTUSDT"] == rows[2:]
    assert len(result(on, "OHLC", "pair=XBTUSDT&interval=60")["XBTUSDT"]) == 1
    assert error(on, "OHLC", "pair=XBTUSDT&interval=7") == "EGeneral:Invalid arguments"


def test_trades() -> None:
    on = stage()
    told = result(on, "Trades", "pair=XBTUSDT")
    times = (Decimal("1767623400.000000"), Decimal("1767623400.200001"), Decimal("1767623530.000000"))
    assert told["XBTUSDT"] == [
        ["94990.00", "0.00500000", times[0], "s", "m", "", 1],
        ["95000.00", "0.01234000", times[1], "b", "m", "", 2],
        ["95000.10", "0.00020000", times[2], "b", "m", "", 3],
    ]
    assert told["last"] == "1767623530000000001"
    assert [row[6] for row in result(on, "Trades", "pair=XBTUSDT&count=2")["XBTUSDT"]] == [2, 3]
    assert [row[6] for row in result(on, "Trades", "pair=XBTUSDT&since=1767623401")["XBTUSDT"]] == [3]
    assert result(on, "Trades", "pair=ETHUSDT")["ETHUSDT"] == []


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 2), min_size=1, max_size=40), st.integers(1, 5))
def test_asking_on_from_the_last_misses_and_repeats_no_trade(waits_us: list[int], count: int) -> None:
    market, t = ScriptedMarket(), T0
    for wait_us in waits_us:
        t += wait_us
        market.trade(BTC, 100, 1, BUY, t)
    on = Stage(VENUE(universe(), strict=False), "/v2", market)
    since, told = "1", list[int]()
    for _ in range(len(waits_us) // count + 2):
        page = result(on, "Trades", f"pair=XBTUSDT&count={count}&since={since}")
        told += [int(row[6]) for row in page["XBTUSDT"]]
        since = page["last"]
    assert told == list(range(1, len(waits_us) + 1))


@pytest.mark.parametrize(
    ("method", "query", "text"),
    [
        ("Ticker", "pair=NOPE", "EQuery:Unknown asset pair"),
        ("Ticker", "pair=", "EQuery:Unknown asset pair"),
        ("Depth", "", "EGeneral:Invalid arguments"),
        ("Depth", "pair=XBTUSDT&count=x", "EGeneral:Invalid arguments"),
        ("Depth", "pair=XBTUSDT,ETHUSDT", "EQuery:Unknown asset pair"),
        ("Trades", "pair=AAPL", "EQuery:Unknown asset pair"),
        ("OHLC", "pair=XBTUSDT&since=-1", "EGeneral:Invalid arguments"),
        ("Nothing", "", "EGeneral:Unknown method"),
    ],
)
def test_errors(method: str, query: str, text: str) -> None:
    assert error(stage(), method, query) == text


def test_what_is_not_permitted_is_not_known_to_rest() -> None:
    on = stage()
    on.market.permitted = {ETH, CROSS}
    assert error(on, "Depth", "pair=XBTUSDT") == "EQuery:Unknown asset pair"
    assert list(result(on, "AssetPairs")) == list(result(on, "Ticker")) == ["ETHUSDT", "XETHXXBT"]
    on.market.permitted = {ETH}
    assert list(result(on, "Assets")) == ["XETH", "USDT"]


def test_only_what_is_below_the_apis_path_is_answered_with_200() -> None:
    assert stage().get("/").status == stage().get("/products").status == 404
    assert stage().get("/0/private/Balance").status == 200


def test_requests_are_limited_where_limits_are_kept() -> None:
    for strict in (True, False):
        on = stage(strict)
        told = [json.loads(asked(on, "/0/public/Time", address="10.0.0.1").body)["error"] for _ in range(11)]
        assert told == [[]] * 10 + [["EGeneral:Too many requests"] if strict else []]
        assert json.loads(asked(on, "/0/public/Time", address="10.0.0.2").body)["error"] == []


words = st.sampled_from(["pair", "count", "since", "interval", "asset", "XBTUSDT", "1", "=", "&", "%", "%00", ",", "+"])


@given(
    st.sampled_from(["Time", "SystemStatus", "Assets", "AssetPairs", "Ticker", "Depth", "OHLC", "Trades", "é", ""]),
    st.lists(words | st.text(max_size=5), max_size=8).map("".join),
)
def test_whatever_is_asked_is_answered(method: str, query: str) -> None:
    answer = stage().get(f"/0/public/{method}", query)
    assert answer.status == 200 and isinstance(json.loads(answer.body)["error"], list)
