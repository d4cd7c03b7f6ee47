"""A conversation with a Binance client: subscriptions, properties, limits, and how it ends."""

import json
from typing import Any

import pytest

from dialects.binance_wire import INTEREST, NOW, SOME, answered, begun, hears, listed, opened, venue
from dialects.scripted_market import BTC, T0, ScriptedMarket, universe
from ticker.dialects.binance import Binance
from ticker.dialects.binance.limits import STREAMS_KEPT_MAX
from ticker.dialects.binance.streams import NAME_BYTES_MAX
from ticker.dialects.binance.talk import BinanceTalk
from ticker.interest import Streams
from ticker.venue import DAY_US, SILENCE, Answer, Asked, Turn

LIST = {"method": "LIST_SUBSCRIPTIONS", "id": 1}


def test_subscriptions_come_and_go() -> None:
    talk = begun("/ws")
    assert answered(talk, "SUBSCRIBE", SOME) == {"result": None, "id": 1}
    assert answered(talk, "SUBSCRIBE", [SOME[1], SOME[0], SOME[0]]) == {"result": None, "id": 1}
    assert listed(talk) == SOME and talk.interest == INTEREST
    assert answered(talk, "UNSUBSCRIBE", [SOME[0], "ltcusdt@trade", "xrpusdt@nothing"]) == {"result": None, "id": 1}
    assert listed(talk) == SOME[1:] and talk.interest == INTEREST - Streams.of(["trade"], 1 << BTC)
    answered(talk, "UNSUBSCRIBE", SOME)
    assert listed(talk) == [] and not talk.interest


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


def test_three_hundred_connections_in_five_minutes() -> None:
    for strict in (True, False):
        place = Binance(universe(), strict=strict)

        def came(place: Binance, later_s: float = 0, address: str = "10.0.0.1") -> object:
            now = NOW._replace(monotonic_s=NOW.monotonic_s + later_s)
            return place.talk(Asked("/ws", address=address), ScriptedMarket(), now, None)

        assert all(isinstance(came(place), BinanceTalk) for _ in range(300))
        refused = came(place)
        if not strict:
            assert isinstance(refused, BinanceTalk)
            continue
        assert isinstance(refused, Answer)
        assert (refused.status, refused.headers["Retry-After"]) == (429, "300")
        assert json.loads(refused.body) == {"code": -1003, "msg": "Too many requests; please wait."}
        assert isinstance(came(place, address="10.0.0.2"), BinanceTalk)
        assert isinstance(came(place, later_s=1), BinanceTalk)


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


def test_parameters_that_are_none_are_not_too_many() -> None:
    talk = begun("/ws")
    for text in ('{"method":"LIST_SUBSCRIPTIONS","params":null}', '{"method":"LIST_SUBSCRIPTIONS","params":[]}'):
        assert hears(talk, text).says == ('{"result":[],"id":null}',)
