"""A conversation with an Alpaca client: who it is, what it subscribes to, what is refused, and how it ends."""

from base64 import b64encode
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from dialects.alpaca_wire import KEYS, MSGPACK, NOW, answer, authenticated, begin, hears, messages, venue
from dialects.scripted_market import AAPL, BTC, CROSS, ETH, FAKEPACA, T0, ScriptedMarket
from ticker.dialects.alpaca import VENUE
from ticker.dialects.alpaca.errors import ERRORS
from ticker.dialects.alpaca.feeds import ALL_CHANNELS, CHANNELS
from ticker.dialects.alpaca.subscriptions import NAMES_MAX
from ticker.dialects.alpaca.talk import AlpacaTalk
from ticker.instruments import Universe
from ticker.interest import Streams
from ticker.ticks import BARS_1M, BOOK, QUOTES, STATS, STATUS, TRADES
from ticker.venue import SILENCE, Answer, Asked, Bars, Depth, Now, Quotes, States, Trades

AUTH = {"action": "auth", "key": "k", "secret": "s"}
CONNECTED = {"T": "success", "msg": "connected"}
AUTHENTICATED = {"T": "success", "msg": "authenticated"}
EMPTY: dict[str, list[str]] = {
    **{"trades": [], "quotes": [], "bars": [], "updatedBars": [], "dailyBars": []},
    **{"statuses": [], "lulds": [], "corrections": [], "cancelErrors": []},
}
SERVED = ("/v2/iex", "/v2/sip", "/v2/delayed_sip", "/v2/test")
CRYPTO = ("/v1beta3/crypto/us", "/v1beta3/crypto/us-1", "/v1beta3/crypto/eu-1")
ABSENT = ("/v1beta1/boats", "/v1beta1/overnight", "/v1beta1/indicative", "/v1beta1/opra", "/v1beta1/news")


def error(code: int) -> dict[str, Any]:
    return {"T": "error", "code": code, "msg": ERRORS[code]}


def later(seconds: float) -> Now:
    return NOW._replace(monotonic_s=NOW.monotonic_s + seconds)


def subscribe(talk: AlpacaTalk, **names: Any) -> Any:
    said = messages(hears(talk, {"action": "subscribe", **names}))
    return said[0]


# Who it is.


@pytest.mark.parametrize("path", [*SERVED, *CRYPTO])
def test_a_client_is_greeted_and_says_who_it_is(path: str) -> None:
    talk = begin(path)
    assert messages(talk.opened(ScriptedMarket(), NOW)) == [CONNECTED]
    assert answer(talk, AUTH) == AUTHENTICATED
    assert answer(talk, AUTH) == error(403)
    assert talk.interest == Streams()


@pytest.mark.parametrize(
    "headers",
    [
        KEYS,
        [("authorization", "Basic " + b64encode(b"k:s").decode())],
        [("authorization", "bearer s")],
    ],
)
def test_headers_say_it_as_well(headers: list[tuple[str, str]]) -> None:
    talk = begin("/v2/iex", *headers)
    assert messages(talk.opened(ScriptedMarket(), NOW)) == [CONNECTED, AUTHENTICATED]
    assert answer(talk, AUTH) == error(403)


@pytest.mark.parametrize(
    "headers",
    [
        KEYS[:1],
        KEYS[1:],
        [("authorization", "Basic !!!")],
        [("authorization", "Basic " + b64encode(b"\xff:s").decode())],
        [("authorization", "Basic " + b64encode(b"k").decode())],
    ],
)
def test_headers_that_make_no_sense_have_failed_and_a_message_may_follow(headers: list[tuple[str, str]]) -> None:
    talk = begin("/v2/iex", *headers)
    assert messages(talk.opened(ScriptedMarket(), NOW)) == [CONNECTED, error(402)]
    assert answer(talk, AUTH) == AUTHENTICATED


def test_other_headers_say_nothing() -> None:
    talk = begin("/v2/iex", ("authorization", "Digest x"), ("x", "y"))
    assert messages(talk.opened(ScriptedMarket(), NOW)) == [CONNECTED]


def test_the_secret_is_the_token() -> None:
    asked: list[str] = []

    def identify(token: str) -> bool:
        asked.append(token)
        return token == "good"

    talk = begin("/v2/iex", identify=identify)
    assert answer(talk, AUTH) == error(402)
    assert answer(talk, {"action": "auth", "key": "oauth", "secret": "good"}) == AUTHENTICATED
    assert asked == ["s", "good"]
    talk = begin("/v2/iex", *KEYS, identify=identify)
    assert messages(talk.opened(ScriptedMarket(), NOW)) == [CONNECTED, error(402)]


@pytest.mark.parametrize(
    ("credentials", "code"),
    [
        ({"key": "", "secret": "s"}, 402),
        ({"key": "k", "secret": ""}, 402),
        ({"key": "k"}, 400),
        ({}, 400),
        ({"key": 1, "secret": "s"}, 400),
        ({"key": "k", "secret": None}, 400),
    ],
)
def test_credentials_that_are_none(credentials: dict[str, Any], code: int) -> None:
    assert answer(begin("/v2/iex"), {"action": "auth", **credentials}) == error(code)


def test_who_does_not_say_who_it_is_in_ten_seconds_is_closed() -> None:
    talk = begin("/v2/iex")
    assert talk.looked(ScriptedMarket(), later(9.9)) == SILENCE
    turn = talk.looked(ScriptedMarket(), later(10))
    assert messages(turn) == [error(404)]
    assert turn.close == (1008, "auth timeout")


def test_who_said_it_stays() -> None:
    talk = authenticated("/v2/iex")
    assert talk.looked(ScriptedMarket(), later(1000)) == SILENCE
    assert talk.controls(100, later(1000)) == SILENCE


@pytest.mark.parametrize("action", ["subscribe", "unsubscribe"])
def test_nothing_is_subscribed_before(action: str) -> None:
    talk = begin("/v2/iex")
    assert answer(talk, {"action": action, "trades": ["AAPL"]}) == error(401)
    assert not talk.interest


@pytest.mark.parametrize("path", ABSENT)
def test_a_feed_that_we_have_not_is_not_in_the_plan(path: str) -> None:
    talk = begin(path)
    assert messages(talk.opened(ScriptedMarket(), NOW)) == [CONNECTED]
    assert answer(talk, AUTH) == error(409)
    assert answer(talk, {"action": "subscribe", "trades": ["AAPL"]}) == error(401)


@pytest.mark.parametrize("path", ["/", "/v2", "/v2/foo", "/v2/iex/", "/v1beta3/crypto", "/v1beta3/crypto/mars"])
def test_a_feed_that_nobody_has_is_refused(path: str) -> None:
    assert not venue().upgrades(path)
    refused = venue().talk(Asked(path), ScriptedMarket(), NOW, None)
    assert isinstance(refused, Answer) and refused.status == 404
    assert path in msgspec.json.decode(refused.body)["message"]
    assert venue().answer(Asked(path, headers=[("upgrade", "WebSocket")]), ScriptedMarket(), NOW) == refused


def test_every_feed_is_a_websocket_that_says_later_who_it_is() -> None:
    paths = {*SERVED, *CRYPTO, *ABSENT}
    assert set(venue().open_paths) == paths
    assert all(venue().upgrades(path) for path in paths)


# What it subscribes to.


def test_the_acknowledgement_is_always_the_whole_set() -> None:
    talk = authenticated("/v2/sip")
    assert subscribe(talk, trades=["AAPL"], quotes=["AMD", "CLDR"], bars=["*"]) == {
        "T": "subscription",
        **EMPTY,
        **{"trades": ["AAPL"], "quotes": ["AMD", "CLDR"], "bars": ["*"]},
        **{"corrections": ["AAPL"], "cancelErrors": ["AAPL"]},
    }
    assert subscribe(talk, trades=["MSFT", "AAPL"], statuses=["*"])["trades"] == ["AAPL", "MSFT"]
    said = answer(talk, {"action": "unsubscribe", "bars": ["*"], "trades": ["AAPL"], "quotes": ["NONE"]})
    assert said == {
        "T": "subscription",
        **EMPTY,
        **{"trades": ["MSFT"], "quotes": ["AMD", "CLDR"], "statuses": ["*"]},
        **{"corrections": ["MSFT"], "cancelErrors": ["MSFT"]},
    }


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("/v2/iex", [*EMPTY]),
        ("/v2/delayed_sip", [*EMPTY]),
        ("/v1beta3/crypto/us", ["trades", "quotes", "orderbooks", "bars", "updatedBars", "dailyBars"]),
        ("/v2/test", ["trades", "quotes", "bars"]),
    ],
)
def test_each_kind_of_feed_has_its_own_acknowledgement(path: str, shown: list[str]) -> None:
    assert list(subscribe(authenticated(path), trades=[])) == ["T", *shown]


def test_imbalances_are_acknowledged_where_there_are_any() -> None:
    assert subscribe(authenticated("/v2/sip"), imbalances=["AAPL"])["imbalances"] == ["AAPL"]


def test_what_is_subscribed_is_owed() -> None:
    talk = authenticated("/v2/sip")
    subscribe(talk, trades=["AAPL"], bars=["*"], quotes=["NOBODY"], lulds=["AAPL"])
    apple = 1 << AAPL
    expected = dict.fromkeys(("trades", "corrections", "cancelErrors", "bars", "lulds"), apple)
    assert talk.interest == Streams.table(expected)
    answer(talk, {"action": "unsubscribe", "trades": ["AAPL"], "bars": ["AAPL"]})
    assert talk.interest == Streams.table({"bars": apple, "lulds": apple})


def test_pairs_and_stocks_are_apart() -> None:
    talk = authenticated("/v1beta3/crypto/us")
    subscribe(talk, trades=["BTC/USDT", "AAPL/USD"], quotes=["*"])
    everything = 1 << BTC | 1 << ETH | 1 << CROSS
    assert talk.interest == Streams.table({"crypto.trades": 1 << BTC, "crypto.quotes": everything})
    talk = authenticated("/v2/sip")
    subscribe(talk, trades=["FAKEPACA", "BTC-USDT"])
    assert not talk.interest


def test_the_test_feed_has_one_symbol() -> None:
    talk = authenticated("/v2/test")
    subscribe(talk, trades=["FAKEPACA"], quotes=["AAPL"], bars=["*"])
    assert talk.interest == Streams.table({"trades": 1 << FAKEPACA, "bars": 1 << FAKEPACA})


def test_without_a_fakepaca_the_first_stock_stands_for_it() -> None:
    market = ScriptedMarket()
    few = VENUE(Universe(list(market.universe)[:4]), strict=False)
    talk = authenticated("/v2/test", of=few)
    subscribe(talk, trades=["FAKEPACA"])
    assert talk.interest == Streams.table({"trades": 1 << AAPL})
    pairs_only = VENUE(Universe(list(market.universe)[:2]), strict=False)
    assert pairs_only.instruments == [0, 1]
    assert VENUE(Universe([]), strict=False).instruments == []


@pytest.mark.parametrize(
    ("path", "names", "code"),
    [
        ("/v2/sip", {"orderbooks": ["AAPL"]}, 410),
        ("/v2/test", {"statuses": ["FAKEPACA"]}, 410),
        ("/v1beta3/crypto/us", {"lulds": ["BTC/USDT"]}, 410),
        ("/v2/sip", {"news": ["*"]}, 410),
        ("/v2/sip", {"foo": ["AAPL"]}, 400),
        ("/v2/sip", {}, 400),
        ("/v2/sip", {"trades": "AAPL"}, 400),
        ("/v2/sip", {"trades": [1]}, 400),
        ("/v2/sip", {"trades": {"AAPL": 1}}, 400),
        ("/v2/sip", {"trades": ["aapl"]}, 400),
        ("/v2/sip", {"trades": [""]}, 400),
        ("/v2/sip", {"trades": ["A" * 21]}, 400),
        ("/v2/sip", {"trades": ["AAPL\n"]}, 400),
        ("/v2/sip", {"trades": ["BTC/USDT"]}, 400),
        ("/v1beta3/crypto/us", {"trades": ["BTCUSDT"]}, 400),
        ("/v1beta3/crypto/us", {"trades": ["AAPL", "*"]}, 400),
    ],
)
@pytest.mark.parametrize("action", ["subscribe", "unsubscribe"])
def test_what_cannot_be_had_is_refused_and_changes_nothing(
    action: str, path: str, names: dict[str, Any], code: int
) -> None:
    talk = authenticated(path)
    subscribe(talk, trades=["*"])
    before = talk.interest
    assert before
    assert answer(talk, {"action": action, "trades": ["*"], **names} if names else {"action": action}) == error(code)
    assert talk.interest == before


def test_null_is_no_names() -> None:
    assert subscribe(authenticated("/v2/sip"), trades=None, bars=["AAPL"])["bars"] == ["AAPL"]


@pytest.mark.parametrize(
    "message", [b"", b"{", b"[]", b"1", b"null", b'"auth"', b"{}", b'{"action":"foo"}', b'{"action":[]}']
)
def test_what_makes_no_sense_is_invalid_syntax(message: bytes) -> None:
    assert answer(begin("/v2/iex"), message) == error(400)
    assert answer(authenticated("/v2/iex"), message) == error(400)


def test_every_channel_has_a_study_and_the_feed_of_a_kind() -> None:
    one = venue()
    streams = {
        channel: one.study(channel) for channel in [*CHANNELS["stocks"], *(f"crypto.{c}" for c in CHANNELS["crypto"])]
    }
    assert streams["trades"] == Trades() == streams["crypto.trades"]
    assert streams["quotes"] == Quotes() and streams["crypto.orderbooks"] == Depth()
    assert streams["bars"] == Bars(60_000_000) and streams["crypto.bars"] == Bars(60_000_000, empty=True)
    assert streams["updatedBars"] == streams["crypto.updatedBars"] == Bars(60_000_000, revised=True)
    assert all(streams[name] == States() for name in ("statuses", "corrections", "cancelErrors", "imbalances"))
    assert {study.channel for study in streams.values()} == {TRADES, QUOTES, BOOK, BARS_1M, STATS, STATUS}
    assert not any(one.joins(channel) for channel in streams)
    assert set(CHANNELS["test"]) < set(CHANNELS["stocks"]) <= ALL_CHANNELS


# Books.


def test_a_book_follows_its_acknowledgement_once() -> None:
    market = ScriptedMarket()
    market.put_book(BTC, 7, [(9_500_000, 100_000), (9_499_900, 5)], [(9_500_100, 1)])
    talk = authenticated("/v1beta3/crypto/us")
    said = messages(hears(talk, {"action": "subscribe", "orderbooks": ["BTC/USDT"], "trades": ["ETH/USDT"]}, market))
    assert said[0]["orderbooks"] == ["BTC/USDT"]
    assert said[1:] == [
        {
            **{"T": "o", "S": "BTC/USDT", "t": "2026-01-05T14:30:00Z"},
            "b": [{"p": 95_000, "s": 1}, {"p": 94_999, "s": Decimal("0.00005")}],
            "a": [{"p": 95_001, "s": Decimal("0.00001")}],
            "r": True,
        }
    ]
    assert len(hears(talk, {"action": "subscribe", "orderbooks": ["BTC/USDT"]}, market).says) == 1
    said = messages(hears(talk, {"action": "subscribe", "orderbooks": ["*"]}, market))
    assert [message.get("S") for message in said] == [None, "ETH/USDT", "ETH/BTC"]
    answer(talk, {"action": "unsubscribe", "orderbooks": ["*", "BTC/USDT"]})
    assert len(hears(talk, {"action": "subscribe", "orderbooks": ["BTC/USDT"]}, market).says) == 2


def test_a_book_that_is_not_permitted_looks_unknown() -> None:
    market = ScriptedMarket()
    market.permitted = {ETH}
    talk = authenticated("/v1beta3/crypto/us")
    said = messages(hears(talk, {"action": "subscribe", "orderbooks": ["*"]}, market))
    assert [message.get("S") for message in said] == [None, "ETH/USDT"]


# Limits.


def test_thirty_symbols_are_in_the_free_plan() -> None:
    talk = authenticated("/v2/iex", of=venue(strict=True))
    names = [f"A{number}" for number in range(30)]
    subscribe(talk, trades=names[:10], quotes=names[:20], bars=["*", *names], statuses=["*"])
    before = talk.interest
    assert answer(talk, {"action": "subscribe", "trades": ["AAPL"], "lulds": ["AAPL"]}) == error(405)
    assert talk.interest == before
    assert subscribe(talk, trades=names[:10])["trades"] == names[:10]
    answer(talk, {"action": "unsubscribe", "quotes": names[:1]})
    assert "AAPL" in subscribe(talk, trades=["AAPL"])["trades"]
    talk = authenticated("/v2/iex", KEYS[0], of=venue(strict=True))
    assert answer(talk, {"action": "subscribe", "trades": ["*"]}) == error(405)


@pytest.mark.parametrize(("path", "strict"), [("/v2/sip", True), ("/v2/iex", False)])
def test_other_plans_have_no_limit_but_ours(path: str, strict: bool) -> None:
    talk = authenticated(path, of=venue(strict=strict))
    names = [f"{number:020d}" for number in range(NAMES_MAX)]
    assert subscribe(talk, trades=["*"], quotes=names[:31])["trades"] == ["*"]
    assert answer(talk, {"action": "subscribe", "bars": names[:-31]}) == error(405)
    talk = authenticated(path, of=venue(strict=strict))
    turn = hears(talk, {"action": "subscribe", "trades": names})
    assert len(messages(turn)[0]["trades"]) == NAMES_MAX
    assert len(turn.says[0]) < 1 << 20, "the longest acknowledgement there is"


def test_one_connection_a_key_and_feed() -> None:
    strict = venue(strict=True)
    first, second = begin("/v2/iex", of=strict), begin("/v2/iex", of=strict)
    assert answer(first, AUTH) == AUTHENTICATED
    assert answer(second, AUTH) == error(406)
    assert answer(second, {"action": "subscribe", "trades": ["AAPL"]}) == error(401)
    assert answer(begin("/v2/sip", of=strict), AUTH) == AUTHENTICATED
    assert answer(begin("/v2/iex", of=strict), {**AUTH, "key": "other"}) == AUTHENTICATED
    second.gone(NOW)  # it had none
    assert answer(begin("/v2/iex", of=strict), AUTH) == error(406)
    first.gone(NOW)
    assert answer(second, AUTH) == AUTHENTICATED
    first.gone(NOW)  # it has none any more
    assert answer(begin("/v2/iex", of=strict), AUTH) == error(406)


def test_by_oauth_the_secret_tells_who_it_is() -> None:
    strict = venue(strict=True)
    talks = [begin("/v2/iex", of=strict) for _ in range(3)]
    said = [answer(talk, {"action": "auth", "key": "oauth", "secret": s}) for talk, s in zip(talks, "aba", strict=True)]
    assert said == [AUTHENTICATED, AUTHENTICATED, error(406)]


def test_a_seat_is_kept_by_who_says_goodbye_and_has_not_left() -> None:
    strict = venue(strict=True)
    first, second = begin("/v2/iex", of=strict), begin("/v2/iex", of=strict)
    answer(first, AUTH)
    assert first.leaving("shutdown", NOW) == SILENCE
    assert answer(second, AUTH) == error(406)
    first.gone(NOW)
    assert answer(second, AUTH) == AUTHENTICATED


@pytest.mark.parametrize(
    ("headers", "token"),
    [
        ([("apca-api-key-id", "key"), ("apca-api-secret-key", "s3cret")], "s3cret"),
        ([("authorization", "Basic a2V5OnMzY3JldA==")], "s3cret"),
        ([("authorization", "basic a2V5OnMzOmNyZXQ=")], "s3:cret"),
        ([("apca-api-key-id", "key")], None),
        ([("authorization", "Basic a2V5"), ("apca-api-secret-key", "s3cret")], "s3cret"),
        ([("authorization", "Basic a2V5")], None),
        ([("authorization", "Basic !")], None),
        ([("authorization", "Bearer s3cret")], None),  # the house has found it
        ([("authorization", "s3cret")], None),
        ([], None),
    ],
)
def test_the_secret_of_a_request_is_the_token(headers: list[tuple[str, str]], token: str | None) -> None:
    assert venue().token(Asked("/v2/stocks/trades/latest", headers=headers)) == token


def test_without_limits_a_key_connects_as_often_as_it_likes() -> None:
    one = venue()
    assert [answer(begin("/v2/iex", of=one), AUTH) for _ in range(3)] == [AUTHENTICATED] * 3


# How it ends.


@pytest.mark.parametrize(
    ("reason", "code", "close"), [("slow", 407, 1008), ("fault", 500, 1011), ("expired", 402, 1008)]
)
@pytest.mark.parametrize("headers", [(), (MSGPACK,)])
def test_some_ends_are_told(headers: tuple[tuple[str, str], ...], reason: str, code: int, close: int) -> None:
    turn = authenticated("/v2/sip", *headers).leaving(reason, NOW)
    assert messages(turn) == [error(code)]
    assert turn.close == (close, ERRORS[code])


@pytest.mark.parametrize("reason", ["shutdown", "source", "flood"])
def test_other_ends_are_the_houses(reason: str) -> None:
    assert authenticated("/v2/sip").leaving(reason, NOW) == SILENCE


# Codecs.


def test_messagepack_both_ways() -> None:
    encode = msgspec.msgpack.encode
    talk = begin("/v2/iex", MSGPACK)
    turn = talk.opened(ScriptedMarket(T0), NOW)
    assert turn.says == [b"\x91\x82\xa1T\xa7success\xa3msg\xa9connected"]
    assert answer(talk, encode(AUTH)) == AUTHENTICATED
    assert answer(talk, b'{"action":"subscribe","trades":["AAPL"]}') == error(400)
    assert answer(talk, encode({"action": "subscribe", "trades": ["AAPL"]}))["corrections"] == ["AAPL"]
    assert answer(talk, encode({b"action": "subscribe"})) == error(400)
    assert answer(talk, encode({"action": "subscribe", 1: []})) == error(400)


@pytest.mark.parametrize(
    ("header", "binary"),
    [
        ("application/msgpack", True),
        ("Application/MsgPack; charset=x", True),
        ("application/json", False),
        ("text/plain", False),
        ("", False),
    ],
)
def test_the_requests_content_type_chooses(header: str, binary: bool) -> None:
    turn = begin("/v2/iex", ("content-type", header)).opened(ScriptedMarket(), NOW)
    assert isinstance(turn.says[0], bytes) == binary


def test_talks_of_a_feed_and_codec_share_a_dialect() -> None:
    one = venue()
    dialects = {id(begin(path, *codec, of=one).dialect) for path in SERVED + CRYPTO for codec in ((), (MSGPACK,))}
    assert len(dialects) == 6
    assert begin("/v2/sip", of=one).dialect is begin("/v2/delayed_sip", of=one).dialect
