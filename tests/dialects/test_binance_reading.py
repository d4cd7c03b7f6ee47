"""How requests of a Binance client are read: ids, sentences about what is wrong and where, and whatever else comes."""

import json
import string
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialects.binance_wire import NOW, SOME, answered, begun, hears, venue
from dialects.scripted_market import ScriptedMarket

VARIANTS = "expected one of `SUBSCRIBE`, `UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`"


@pytest.mark.parametrize("message_id", [0, 1, -5, 2**63 - 1, -(2**63), "a", "x" * 36, "a-B_9", None])
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


@pytest.mark.parametrize(
    ("text", "msg"),
    [
        ('{"method":"FOO","id":1}', f"unknown variant `FOO`, {VARIANTS} at line 1 column 15"),
        ('{"id":1,"method":"subscribe"}', f"unknown variant `subscribe`, {VARIANTS} at line 1 column 28"),
        ('{\n "id": 1,\n "method": "é"\n}', f"unknown variant `é`, {VARIANTS} at line 3 column 15"),
        ('{"id":1}', "missing field `method` at line 1 column 8"),
        ('{"id":1}  \n', "missing field `method` at line 1 column 8"),
        ('{"method":"SUBSCRIBE","id":1}', "missing field `params` at line 1 column 29"),
        ('{"method":"SUBSCRIBE","params":null,"id":1}', "missing field `params` at line 1 column 43"),
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
