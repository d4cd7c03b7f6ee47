"""Addresses and names of streams of Binance, and what they are of the tape."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialects.binance_wire import INTEREST, NOW, SOME, answered, begun, hears, listed, opened, venue
from dialects.scripted_market import BTC, CROSS, ETH, T0, ScriptedMarket
from ticker.dialects.binance.streams import NAME_BYTES_MAX
from ticker.interest import Streams
from ticker.venue import DAY_US, MONTH, Answer, Asked, Bars, Depth, Levels, Quotes, Summaries, Trades

HOUR_US = 3_600_000_000
ALL = (1 << BTC) | (1 << ETH) | (1 << CROSS)


@pytest.mark.parametrize(
    ("path", "query", "combined", "micro"),
    [
        ("/ws/" + "/".join(SOME), "", False, False),
        ("/ws/" + "/".join(SOME), "timeUnit=MICROSECOND", False, True),
        ("/ws/7/" + "/".join(SOME), "timeUnit=microsecond", False, True),
        ("/stream", "streams=" + "/".join(SOME), True, False),
        ("/stream/3", "streams=" + "/".join(SOME) + "&timeUnit=MICROSECOND", True, True),
        ("/stream/", "streams=" + "/".join(SOME) + "?timeUnit=MICROSECOND", True, True),
        ("/stream", "timeUnit=MILLISECOND&streams=" + "/".join(SOME), True, False),
        ("/stream", "streams=" + "%2F".join(SOME).replace("@", "%40").replace("+", "%2B"), True, False),
        ("/stream/" + SOME[0], f"streams={SOME[1]}&streams={SOME[2]}", True, False),
    ],
)
def test_addresses(path: str, query: str, combined: bool, micro: bool) -> None:
    talk = begun(path, query)
    assert listed(talk) == SOME and talk.interest == INTEREST
    house = venue()
    assert house.upgrades(path)
    assert answered(talk, "GET_PROPERTY", ["combined"])["result"] is combined
    told = json.loads(str(talk.leaving("shutdown", NOW).says[0]))
    assert told.get("stream") == ("!serverShutdown" if combined else None)
    assert told.get("data", told)["E"] == (T0 if micro else T0 // 1000)


@pytest.mark.parametrize("path", ["/ws", "/ws/", "/ws/12", "/stream", "/stream/0"])
def test_an_address_may_name_nothing(path: str) -> None:
    talk = begun(path)
    assert not talk.interest and listed(talk) == []


@pytest.mark.parametrize("path", ["", "/", "/wss", "/streams", "/api/v3/ws", "/x/ws", "ws"])
def test_other_paths_are_no_websockets(path: str) -> None:
    assert not venue().upgrades(path)


def test_a_time_unit_that_is_none_is_refused() -> None:
    market = ScriptedMarket()
    refused = venue().talk(Asked("/ws", "timeUnit=NANOSECOND"), market, NOW, None)
    assert isinstance(refused, Answer) and refused.status == 400
    assert json.loads(refused.body)["code"] == -1194


def test_an_address_with_a_name_that_is_none_ends_the_conversation() -> None:
    turn = opened("/ws/btcusdt").opened(ScriptedMarket(), NOW)
    assert turn.close is not None and turn.close[0] == 1008
    assert json.loads(str(turn.says[0])) == {"error": {"code": 2, "msg": "Invalid request: invalid stream"}, "id": None}


@pytest.mark.parametrize(
    "name",
    [
        *("xrpxrp@miniTicker", "btcusdt@nope", "BTCUSDT@trade", "btcusdt@aggtrade", "aapl@trade", "btc-usdt@trade"),
        *("btcusdt@kline_1x", "btcusdt@kline_1m@+15:00", "btcusdt@kline_1m@08:00", "btcusdt@kline_1m@+08:60"),
        *("btcusdt@depth7", "btcusdt@depth@250ms", "btcusdt@referencePrice", "btcusdt@blockTrade", "!nothing@arr"),
        *(
            "!trade",
            "btcusdt@ticker@arr",
            "!bookTicker@arr",
            "币安人生usdt@trade",
            "btcusdt@trade@100ms",
        ),
    ],
)
def test_a_name_that_means_nothing_is_taken_listed_and_silent(name: str) -> None:
    talk = begun("/ws")
    assert answered(talk, "SUBSCRIBE", [name, SOME[0]])["result"] is None
    assert listed(talk) == [name, SOME[0]]
    assert talk.interest == Streams.of(["trade"], 1 << BTC)
    assert listed(begun(f"/ws/{name}")) == [name]


@pytest.mark.parametrize(
    "name",
    [
        *("", "btcusdt", "@trade", "btcusdt@", "btcusdt@@trade", "btcusdt@trade ", " btcusdt@trade", "btc usdt@trade"),
        *(
            "!",
            "!@arr",
            "!ticker@",
            "btcusdt@trade\n",
            "a/b@trade",
            "btcusdt@trade&1",
            '"@trade',
            "\\@trade",
            "\ud800@a",
        ),
        *(1, None, True, ["btcusdt@trade"], {"a": 1}, 1.5, "x" * NAME_BYTES_MAX + "@trade", "é" * 48 + "@trade"),
    ],
)
def test_a_name_that_reads_like_none_ends_the_conversation(name: Any) -> None:
    for method in ("SUBSCRIBE", "UNSUBSCRIBE"):
        talk = begun("/ws")
        data = json.dumps({"method": method, "params": [SOME[0], name], "id": 9})
        said, close = hears(talk, data)
        assert said == ('{"error":{"code":2,"msg":"Invalid request: invalid stream"},"id":9}',)
        assert close == (1008, "Invalid request") and not talk.interest


@pytest.mark.parametrize(
    ("channel", "study"),
    [
        ("trade", Trades()),
        ("aggTrade", Trades()),
        ("bookTicker", Quotes()),
        ("ticker", Summaries()),
        ("miniTicker", Summaries()),
        ("ticker_1h", Summaries(HOUR_US)),
        ("ticker_4h", Summaries(4 * HOUR_US)),
        ("ticker_1d", Summaries(DAY_US)),
        ("avgPrice", Summaries(300_000_000)),
        ("depth", Depth(1_000_000)),
        ("depth@1000ms", Depth(1_000_000)),
        ("depth@100ms", Depth(100_000)),
        ("depth5", Levels(5, 1_000_000)),
        ("depth10@100ms", Levels(10, 100_000)),
        ("depth20@1000ms", Levels(10, 1_000_000)),
        ("kline_1s", Bars(1_000_000, 0, 1_000_000, True)),
        ("kline_15m", Bars(900_000_000, 0, 2_000_000, True)),
        ("kline_1d@+08:00", Bars(DAY_US, 16 * HOUR_US, 2_000_000, True)),
        ("kline_1h@-03:30", Bars(HOUR_US, HOUR_US // 2, 2_000_000, True)),
        ("kline_4h@+14:00", Bars(4 * HOUR_US, 2 * HOUR_US, 2_000_000, True)),
        ("kline_1w", Bars(7 * DAY_US, 4 * DAY_US, 2_000_000, True)),
        ("kline_1M@-12:00", Bars(MONTH, 12 * HOUR_US, 2_000_000, True)),
    ],
)
def test_what_a_channel_is_of_the_tape(channel: str, study: Any) -> None:
    talk = begun(f"/ws/ethusdt@{channel}")
    assert talk.interest == Streams.of([channel], 1 << ETH)
    assert venue().study(channel) == study


@pytest.mark.parametrize(
    ("name", "study"),
    [
        ("!bookTicker", Quotes()),
        ("!ticker@arr", Summaries()),
        ("!miniTicker@arr", Summaries()),
        ("!miniTicker@arr@1000ms", Summaries()),
        ("!miniTicker@arr@3000ms", Summaries(every_us=3_000_000)),
        ("!ticker_1h@arr", Summaries(HOUR_US)),
    ],
)
def test_streams_of_all_symbols(name: str, study: Any) -> None:
    talk = begun(f"/ws/{name}")
    assert talk.interest == Streams.of([name], ALL) and venue().study(name) == study


def test_an_array_has_the_permitted_symbols_only() -> None:
    market = ScriptedMarket()
    market.permitted = {BTC, CROSS}
    talk = begun("/ws/!ticker@arr/!bookTicker", market=market)
    channels = dict(talk.interest.masks)
    assert channels == {f"!ticker@arr&{1 << BTC | 1 << CROSS:x}": 0b101, "!bookTicker": 0b101}
    assert {venue().study(channel) for channel in channels} == {Summaries(), Quotes()}
    market.permitted = set()
    assert not begun("/ws/!ticker@arr/!bookTicker", market=market).interest


@given(st.text(max_size=120), st.text(max_size=120))
def test_any_address_is_answered(path: str, query: str) -> None:
    house, market = venue(), ScriptedMarket()
    for base in ("/ws/", "/stream/"):
        talk = house.talk(Asked(base + path, "streams=" + query), market, NOW, None)
        assert isinstance(talk, Answer) or talk.opened(market, NOW) is not None


def test_who_trades_what_and_what_tells_of_many() -> None:
    house = venue()
    assert house.instruments == [BTC, ETH, CROSS]
    assert house.joins("!ticker@arr") and house.joins("!miniTicker@arr@3000ms") and house.joins("!ticker_1h@arr&5")
    assert not any(map(house.joins, ("!bookTicker", "trade", "depth@100ms", "ticker")))
