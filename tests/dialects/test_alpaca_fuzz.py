"""Whatever an Alpaca client says, it is answered in the venue's words, and the conversation goes on."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dialects.alpaca_wire import CODECS, MSGPACK, NOW, authenticated, begin, messages
from dialects.scripted_market import ScriptedMarket
from ticker.dialects.alpaca.errors import ERRORS
from ticker.dialects.alpaca.feeds import ALL_CHANNELS
from ticker.dialects.alpaca.talk import AlpacaTalk

PATHS = ("/v2/iex", "/v2/test", "/v1beta3/crypto/us", "/v1beta1/news")
DEEP = 20_000

keys = st.sampled_from(["action", "key", "secret", *sorted(ALL_CHANNELS)]) | st.text(max_size=8)
names = st.sampled_from(["AAPL", "*", "BTC/USDT", "FAKEPACA", "aapl", "", "A" * 30, "\x00", "ß"])
leaves = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | names | st.text(max_size=8)
trees = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
)
actions: st.SearchStrategy[Any] = st.sampled_from(["auth", "subscribe", "unsubscribe", "listen", None, 1, ["auth"], {}])
commands = st.builds(
    lambda action, rest: {"action": action} | rest, actions, st.dictionaries(keys, st.lists(names, max_size=4) | trees)
)
documents = commands | trees


def talk_of(path: str, codec: str, known: bool) -> AlpacaTalk:
    headers = [MSGPACK] if codec == "msgpack" else []
    if known and not path.startswith("/v1beta1"):
        return authenticated(path, *headers)
    return begin(path, *headers)


def check(path: str, codec: str, known: bool, data: bytes, text: bool = True) -> Any:
    """Say something, and return the answer, which is one message, or books after an acknowledgement."""
    talk = talk_of(path, codec, known)
    turn = talk.heard(data, text, ScriptedMarket(), NOW)
    assert turn.close is None
    assert all(isinstance(said, str if codec == "json" else bytes) for said in turn.says)
    first, *books = messages(turn)
    assert first["T"] in ("success", "error", "subscription") and all(book["T"] == "o" for book in books)
    if first["T"] == "error":
        assert first["msg"] == ERRORS[first["code"]] and not talk.interest
    return first


paths, codecs = st.sampled_from(PATHS), st.sampled_from(CODECS)


@given(paths, codecs, st.booleans(), st.booleans(), st.binary(max_size=200))
def test_any_bytes_are_answered(path: str, codec: str, known: bool, text: bool, data: bytes) -> None:
    check(path, codec, known, data, text)


@given(paths, st.booleans(), documents)
@example("/v2/iex", True, {"action": "subscribe", "trades": [["AAPL"]]})
@example("/v2/iex", True, {"action": "subscribe", "trades": [{}]})
@example("/v2/iex", False, {"action": "auth", "key": ["k"], "secret": {}})
def test_any_document_is_answered(path: str, known: bool, document: Any) -> None:
    check(path, "json", known, json.dumps(document).encode())
    check(path, "msgpack", known, msgspec.msgpack.encode(document))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize(
    "data",
    [
        b"[" * DEEP,
        b'{"action":' * DEEP,
        b'{"action":"subscribe","trades":' + b"[" * DEEP + b"]" * DEEP + b"}",
        b'{"action":"subscribe","trades":[' + b"9" * DEEP + b"]}",
        b'{"action":"auth","key":"k","secret":' + b"9" * DEEP + b"}",
        b'{"action":"auth","key":"k","secret":1e999}',
        b'{"action":"subscribe","trades":[NaN]}',
        b'{"action":"auth","key":"\xff","secret":"s"}',
        b'{"action":"auth","key":"\\ud800","secret":"s"}',
        b"\xef\xbb\xbf{}",
        b"\x00" * 1000,
    ],
)
def test_hostile_json_is_invalid_syntax(path: str, known: bool, data: bytes) -> None:
    assert check(path, "json", known, data)["code"] in (400, 401)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("known", [False, True])
@pytest.mark.parametrize(
    "data",
    [
        b"\x91" * DEEP,
        b"\x81\xa6action" * DEEP,
        b"\x81" * DEEP,
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\x81\xa6action\xc1",
        b"\x82\xa6action\xa9subscribe\xa6trades\x91\xcf" + b"\xff" * 8,
        b"\x82\xa6action\xa9subscribe\xa6trades\x91\xd6\xff\x00\x00\x00\x00",
        b"\x82\xa6action\xa9subscribe\xa6trades\x91\xc4\x04AAPL",
        b"\x82\xa6action\xa9subscribe\x90\x90",
        b"\x83\xa6action\xa4auth\xa3key\xa1\xff\xa6secret\xa1s",
        b"\xd7\xff" + b"\xff" * 8,
    ],
)
def test_hostile_messagepack_is_invalid_syntax(path: str, known: bool, data: bytes) -> None:
    assert check(path, "msgpack", known, data)["code"] in (400, 401)


@given(st.lists(documents, max_size=12), st.booleans())
def test_a_conversation_survives_all_that_is_said(said: list[Any], strict: bool) -> None:
    talk = begin("/v2/iex", MSGPACK)
    market = ScriptedMarket()
    for document in said:
        turn = talk.heard(msgspec.msgpack.encode(document), not strict, market, NOW)
        assert len(turn.says) == 1 and turn.close is None
    auth = {"action": "auth", "key": "k", "secret": "s"}
    (answer,) = messages(talk.heard(msgspec.msgpack.encode(auth), False, market, NOW))
    assert answer in ({"T": "success", "msg": "authenticated"}, {"T": "error", "code": 403, "msg": ERRORS[403]})
