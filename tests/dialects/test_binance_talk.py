"""A conversation with a Binance client: addresses, commands, errors, limits, and how it ends."""

import json
import string
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialects.binance_wire import NOW, opened, venue
from dialects.scripted_market import BTC, CROSS, ETH, T0, ScriptedMarket
from ticker.dialects.binance.limits import STREAMS_KEPT_MAX
from ticker.dialects.binance.streams import NAME_BYTES_MAX
from ticker.dialects.binance.talk import BinanceTalk
from ticker.interest import Streams
from ticker.venue import DAY_US, MONTH, SILENCE, Answer, Asked, Bars, Depth, Levels, Quotes, Summaries, Trades, Turn

SOME = ["btcusdt@trade", "ethusdt@depth@100ms", "ethbtc@kline_1m@+08:00"]
INTEREST = Streams.table({"trade": 1 << BTC, "depth@100ms": 1 << ETH, "kline_1m@+08:00": 1 << CROSS})
VARIANTS = "expected one of `SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`"
HOUR_US = 3_600_000_000


def begun(path: str, query: str = "", *, strict: bool = False, market: ScriptedMarket | None = None) -> BinanceTalk:
    """Return a talk that has begun with nothing to say."""
    talk = opened(path, query, strict=strict)
    assert talk.opened(market or ScriptedMarket(), NOW) == SILENCE
    return talk


def hears(talk: BinanceTalk, message: Any, *, market: ScriptedMarket | None = None, later_s: float = 0) -> Turn:
    """Return what is answered to an object, a text or bytes."""
    data = message if isinstance(message, bytes) else message.encode() if isinstance(message, str) else None
    data = orjson.dumps(message) if data is None else data
    return talk.heard(data, True, market or ScriptedMarket(), NOW._replace(monotonic_s=NOW.monotonic_s + later_s))


def answered(talk: BinanceTalk, method: str, params: Any = None, message_id: Any = 1) -> Any:
    """Return the one answer to a command that does not end the conversation."""
    request = {"method": method, "id": message_id} | ({} if params is None else {"params": params})
    (said,), close = hears(talk, request)
    assert close is None
    return json.loads(said)


def listed(talk: BinanceTalk) -> list[str]:
    names = answered(talk, "LIST_SUBSCRIPTIONS")["result"]
    assert isinstance(names, list)
    return names


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


@pytest.mark.parametrize("message_id", [0, 1, -5, 2**63 - 1, -(2**63), "a", "x" * 36, str(NOW) and "a-B_9", None])
def test_an_answer_has_the_id_in_its_type(message_id: Any) -> None:
    talk = begun("/ws")
    assert answered(talk, "SUBSCRIBE", SOME, message_id) == {"result": None, "id": message_id}
    assert answered(talk, "NO", None, message_id)["id"] == message_id


def test_a_request_without_an_id_is_answered_with_none() -> None:
    assert hears(begun("/ws"), '{"method":"LIST_SUBSCRIPTIONS"}').says == ('{"result":[],"id":null}',)


@pytest.mark.parametrize("message_id", [1.0, 1.5, True, [], {}, 2**63, 10**400, "", "x" * 37, "a b", "é", "\ud800"])
def test_an_id_of_another_kind_is_refused(message_id: Any) -> None:
    data = json.dumps({"method": "SUBSCRIBE", "params": SOME, "id": message_id})
    talk = begun("/ws")
    assert hears(talk, data).says == (
        '{"error":{"code":2,"msg":"Invalid request: request ID must be an unsigned integer"},"id":null}',
    )
    assert not talk.interest


def test_subscriptions_come_and_go() -> None:
    talk = begun("/ws")
    assert answered(talk, "SUBSCRIBE", SOME) == {"result": None, "id": 1}
    assert answered(talk, "SUBSCRIBE", [SOME[1], SOME[0], SOME[0]]) == {"result": None, "id": 1}
    assert listed(talk) == SOME and talk.interest == INTEREST
    assert answered(talk, "UNSUBSCRIBE", [SOME[0], "ltcusdt@trade", "xrpusdt@nothing"]) == {"result": None, "id": 1}
    assert listed(talk) == SOME[1:] and talk.interest == INTEREST - Streams.of(["trade"], 1 << BTC)
    answered(talk, "UNSUBSCRIBE", SOME)
    assert listed(talk) == [] and not talk.interest


@pytest.mark.parametrize(
    "name",
    [
        *("xrpxrp@miniTicker", "btcusdt@nope", "BTCUSDT@trade", "btcusdt@aggtrade", "aapl@trade", "btc-usdt@trade"),
        *("btcusdt@kline_1x", "btcusdt@kline_1m@+15:00", "btcusdt@kline_1m@08:00", "btcusdt@kline_1m@+08:60"),
        *("btcusdt@depth7", "btcusdt@depth@250ms", "btcusdt@referencePrice", "btcusdt@blockTrade", "!nothing@arr"),
        *(
            "!trade",
            "btcusdt@!ticker@arr".replace("!", ""),
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


ALL = (1 << BTC) | (1 << ETH) | (1 << CROSS)


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


def test_properties() -> None:
    talk = begun("/ws")
    plain = talk.dialect
    assert answered(talk, "GET_PROPERTY", ["combined"], 2) == {"result": False, "id": 2}
    assert answered(talk, "SET_PROPERTY", ["combined", True], 5) == {"result": None, "id": 5}
    assert answered(talk, "GET_PROPERTY", ["combined"], 2) == {"result": True, "id": 2}
    assert talk.dialect is not plain
    answered(talk, "SET_PROPERTY", ["combined", False])
    assert talk.dialect is plain


def test_dialects_are_shared() -> None:
    house, market = venue(), ScriptedMarket()
    addresses = [(base, unit) for base in ("/ws", "/stream") for unit in ("", "timeUnit=MICROSECOND")] * 2
    talks = [house.talk(Asked(*address), market, NOW, None) for address in addresses]
    assert len({id(talk.dialect) for talk in talks if isinstance(talk, BinanceTalk)}) == 4


@pytest.mark.parametrize(
    ("method", "params", "code", "msg"),
    [
        ("SET_PROPERTY", ["compressed", True], 0, "Unknown property"),
        ("GET_PROPERTY", ["Combined"], 0, "Unknown property"),
        ("SET_PROPERTY", ["combined", 1], 1, "Invalid value type: expected Boolean"),
        ("SET_PROPERTY", ["combined", "true"], 1, "Invalid value type: expected Boolean"),
        ("SET_PROPERTY", ["combined"], 1, "Invalid value type: expected Boolean"),
        ("SET_PROPERTY", [True], 2, "Invalid request: property name must be a string"),
        ("SET_PROPERTY", [], 2, "Invalid request: property name must be a string"),
        ("GET_PROPERTY", None, 2, "Invalid request: property name must be a string"),
        ("SET_PROPERTY", ["combined", True, 1], 2, "Invalid request: too many parameters"),
        ("GET_PROPERTY", ["combined", True], 2, "Invalid request: too many parameters"),
        ("LIST_SUBSCRIPTIONS", ["combined"], 2, "Invalid request: too many parameters"),
    ],
)
def test_errors_of_commands(method: str, params: Any, code: int, msg: str) -> None:
    talk = begun("/ws")
    assert answered(talk, method, params, "x") == {"error": {"code": code, "msg": msg}, "id": "x"}
    assert answered(talk, "GET_PROPERTY", ["combined"])["result"] is False


@pytest.mark.parametrize(
    ("text", "msg"),
    [
        ('{"method":"FOO","id":1}', f"unknown variant `FOO`, {VARIANTS} at line 1 column 15"),
        ('{"id":1,"method":"subscribe"}', f"unknown variant `subscribe`, {VARIANTS} at line 1 column 28"),
        ('{\n "id": 1,\n "method": "é"\n}', f"unknown variant `é`, {VARIANTS} at line 3 column 15"),
        ('{"id":1}', "missing field `method` at line 1 column 8"),
        ('{"id":1}  \n', "missing field `method` at line 1 column 8"),
        ('{"method":"SUBSCRIBE","id":1}', "missing field `params` at line 1 column 29"),
        ('{"method":7,"id":1}', "invalid type: integer `7`, expected string or map at line 1 column 11"),
        ('{"method":"SUBSCRIBE","id":1,"params":"a@b"}', 'invalid type: string "a@b", expected a sequence at '),
        ('{"method":"SUBSCRIBE","id":1,"params":{}}', "invalid type: map, expected a sequence at line 1 column 40"),
    ],
)
def test_errors_of_requests(text: str, msg: str) -> None:
    (said,), close = hears(begun("/ws"), text)
    error = json.loads(said)
    assert close is None and list(error) == ["error", "id"] and error["id"] == 1
    assert error["error"]["code"] == 2 and error["error"]["msg"].startswith(f"Invalid request: {msg}")


@pytest.mark.parametrize(
    ("text", "msg"),
    [
        ("[]", "missing field `method` at line 1 column 2"),
        ("null", "missing field `method` at line 1 column 4"),
        ('{"id":1,"id":2,"method":"SUBSCRIBE"}', "duplicate field `id` at line 1 column 12"),
    ],
)
def test_errors_of_requests_without_an_id(text: str, msg: str) -> None:
    assert json.loads(str(hears(begun("/ws"), text).says[0])) == {
        "error": {"code": 2, "msg": f"Invalid request: {msg}"},
        "id": None,
    }


@pytest.mark.parametrize(
    ("text", "msg"),
    [
        ("", "EOF while parsing a value at line 1 column 0"),
        ("ping", "expected value at line 1 column 1"),
        ("\n x", "expected value at line 2 column 2"),
        ('{"method":}', "expected value at line 1 column 11"),
        ('{"method":NaN}', "expected value at line 1 column 11"),
        ('{"method":', "EOF while parsing a value at line 1 column 10"),
        ('{"method":"SUB', "EOF while parsing a string at line 1 column 14"),
        ('{"method":"a"', "EOF while parsing an object at line 1 column 13"),
        ('{"a":[1', "EOF while parsing a list at line 1 column 7"),
        ('{"a":[1 2]}', "expected `,` or `]` at line 1 column 9"),
        ('{"a":[1,]}', "trailing comma at line 1 column 9"),
        ('{"a":1,}', "trailing comma at line 1 column 8"),
        ('{"a":1 "b":2}', "expected `,` or `}` at line 1 column 8"),
        ('{"a" 1}', "expected `:` at line 1 column 6"),
        ("{'a':1}", "key must be a string at line 1 column 2"),
        ('{"a":{b:1}}', "key must be a string at line 1 column 7"),
        ('{"a":{"b" 1}}', "expected `:` at line 1 column 11"),
        ("{} {}", "trailing characters at line 1 column 4"),
        ('{"a":"\\x"}', "invalid escape at line 1 column 8"),
        ('{"a":' + "1" * 5000 + "}", "number out of range at line 1 column 6"),
        ('{"a":' + "[" * 100_000, "recursion limit exceeded at line 1 column 6"),
        (b'{"a":"\xff"}', "invalid unicode code point at line 1 column 7"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_is_no_json(text: str | bytes, msg: str) -> None:
    (said,), close = hears(begun("/ws"), text)
    error = json.loads(said)
    assert list(error) == ["id", "error"] and error["id"] is None
    assert error["error"] == {"code": 3, "msg": f"Invalid JSON: {msg}"} and close is None


def test_an_answer_repeats_little_of_what_it_is_about() -> None:
    for text in ('{"method":"%s"}', '{"method":"SUBSCRIBE","params":"%s"}'):
        (said,) = hears(begun("/ws"), text % ("\\ud800" * 100_000)).says
        assert len(said) < 1000 and json.loads(said)["error"]["code"] == 2


def test_limits_bind_where_they_are_enforced_only() -> None:
    names = [f"btcusdt@x{i}" for i in range(1025)]
    for strict, result in ((False, None), (True, "Invalid request: too many streams")):
        talk = begun("/ws", strict=strict)
        answered(talk, "SUBSCRIBE", names[:1024])
        assert answered(talk, "SUBSCRIBE", names[:10])["result"] is None  # those it has already are not more
        assert answered(talk, "SUBSCRIBE", names).get("error", {}).get("msg") == result
        assert len(listed(talk)) == (1024 if strict else 1025)


def test_an_address_with_too_many_streams_is_refused() -> None:
    turn = opened("/ws/" + "/".join(f"a@{i}" for i in range(1025)), strict=True).opened(ScriptedMarket(), NOW)
    assert turn.close is not None and json.loads(str(turn.says[0]))["error"]["code"] == 2


def test_a_list_of_all_that_are_kept_fits_into_one_message() -> None:
    talk = begun("/ws")
    names = [f"{i:0{NAME_BYTES_MAX - 2}}@a" for i in range(STREAMS_KEPT_MAX)]
    answered(talk, "SUBSCRIBE", names)
    assert "error" in answered(talk, "SUBSCRIBE", ["one@more"])
    (said,) = hears(talk, {"method": "LIST_SUBSCRIPTIONS", "id": 1}).says
    assert json.loads(said)["result"] == names and len(said) <= 1 << 20


LIST = {"method": "LIST_SUBSCRIPTIONS", "id": 1}


def test_five_messages_a_second() -> None:
    talk = begun("/ws", strict=True)
    assert [hears(talk, LIST, later_s=i / 10).close for i in range(5)] == [None] * 5
    assert hears(talk, LIST, later_s=0.999) == Turn(close=(1008, "Too many requests"))
    talk = begun("/ws", strict=True)
    assert [hears(talk, LIST, later_s=i / 5).close for i in range(50)] == [None] * 50
    talk = begun("/ws", strict=True)
    for i in range(5):
        hears(talk, LIST, later_s=0.9 + i / 100)
    assert hears(talk, LIST, later_s=1.8).close is not None, "a window rolls"


def test_pings_and_pongs_count() -> None:
    talk = begun("/ws", strict=True)
    assert talk.controls(3, NOW) == SILENCE
    assert hears(talk, LIST).close is None
    assert talk.controls(2, NOW).close == (1008, "Too many requests")
    assert begun("/ws", strict=True).controls(6, NOW).close is not None
    assert begun("/ws", strict=False).controls(10**9, NOW) == SILENCE


def test_without_strictness_nobody_counts() -> None:
    talk = begun("/ws")
    assert {hears(talk, LIST).close for _ in range(100)} == {None}


def test_a_conversation_ends_after_a_day_of_the_market() -> None:
    market = ScriptedMarket()
    for strict, close in ((True, (1008, "Disconnected")), (False, None)):
        talk = begun("/ws", strict=strict)
        assert talk.looked(market, NOW._replace(market_us=T0 + DAY_US - 1)) == SILENCE
        assert talk.looked(market, NOW._replace(market_us=T0 + DAY_US)).close == close
        assert talk.looked(market, NOW._replace(wall_us=T0 + 2 * DAY_US)) == SILENCE


@pytest.mark.parametrize("strict", [False, True])
def test_goodbyes(strict: bool) -> None:
    talk = begun("/ws", strict=strict)
    assert talk.leaving("shutdown", NOW) == Turn((f'{{"e":"serverShutdown","E":{T0 // 1000}}}',), (1001, "Going away"))
    ends = {reason: talk.leaving(reason, NOW) for reason in ("slow", "source", "expired", "fault", "flood")}
    codes = {reason: turn.close and turn.close[0] for reason, turn in ends.items()}
    assert codes == {"slow": 1008, "source": 1001, "expired": 1008, "fault": 1011, "flood": 1008}
    assert not any(turn.says for turn in ends.values())
    assert all(turn.close and len(turn.close[1].encode()) <= 123 for turn in ends.values())


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.sampled_from(SOME),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
methods = st.sampled_from(["SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY", "X"])
objects = st.fixed_dictionaries(
    {},
    optional={
        "method": methods | json_values,
        "params": st.lists(st.sampled_from([*SOME, "combined", "a@b"]) | json_values) | json_values,
        "id": json_values,
        "extra": json_values,
    },
)
requests = objects.map(lambda value: json.dumps(value).encode())
broken = st.tuples(requests, st.integers(0, 300), st.binary(max_size=3)).map(
    lambda drawn: drawn[0][: drawn[1]] + drawn[2] + drawn[0][drawn[1] + 1 :]
)
texts = st.text(string.printable + "é\u2028").map(str.encode)


@given(st.lists(requests | broken | texts | st.binary(), max_size=8), st.booleans())
def test_whatever_is_heard_is_answered(messages: list[bytes], strict: bool) -> None:
    talk, market = begun("/stream", strict=strict), ScriptedMarket()
    for message in messages:
        said, close = talk.heard(message, True, market, NOW)
        assert said or close
        for answer in map(json.loads, said):
            assert set(answer) in ({"result", "id"}, {"error", "id"})
            assert "error" not in answer or isinstance(answer["error"]["code"], int)
        for channel in talk.interest.channels:
            assert venue().study(channel)


@given(json_values | texts.map(bytes.decode))
def test_what_json_reads_is_json(value: Any) -> None:
    """Nothing that is JSON is called none, and the other way round."""
    text = value if isinstance(value, str) else json.dumps(value)
    try:
        orjson.loads(text.encode(errors="surrogatepass"))
        valid = True
    except orjson.JSONDecodeError:
        valid = False
    (said,) = hears(begun("/ws"), text.encode(errors="surrogatepass")).says
    assert (json.loads(said).get("error", {}).get("code") != 3) is valid


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
