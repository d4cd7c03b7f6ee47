r"""Reads one request of a client as the venue does: Binance Spot WebSocket Streams, "Live Subscribing/Unsubscribing".

The venue reads JSON with Rust's serde_json, whose sentences end in the place where it stopped: lines from 1, columns in
bytes. So the outermost object is walked here, member by member, to know where each ends; what is inside a member is
left to the standard library, whose sentences are translated.

What is no JSON is refused with code 3, what is JSON and no request with code 2. Methods and their parameters mean
nothing here.
"""

import json
import re
from typing import Any, NamedTuple, NoReturn

import orjson

METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
INVALID_REQUEST = 2
INVALID_JSON = 3
ECHO_CHARACTERS = 64  # of a text of the client's that an answer repeats

_KNOWN = ", ".join(f"`{method}`" for method in METHODS)
_ID = re.compile(r"[A-Za-z0-9_-]{1,36}")
_ID_MIN, _ID_MAX = -(1 << 63), (1 << 63) - 1
_SPACE = re.compile(r"[ \t\n\r]*")
_FIELDS = ("method", "params", "id")

MessageId = int | str | None


class Refused(Exception):
    """A request is answered with an error; where `close` is set, that ends the conversation."""

    def __init__(self, code: int, msg: str, message_id: MessageId = None, close: tuple[int, str] | None = None) -> None:
        super().__init__(msg)
        self.code = code
        self.msg = msg
        self.message_id = message_id
        self.close = close

    def spelled(self) -> str:
        """Return the answer; one about JSON begins with its id, as the venue's does."""
        error = orjson.dumps({"code": self.code, "msg": self.msg}).decode()
        if self.code == INVALID_JSON:
            return f'{{"id":null,"error":{error}}}'
        return f'{{"error":{error},"id":{json.dumps(self.message_id)}}}'


class Request(NamedTuple):
    """A method (one of METHODS), its parameters (None where none, or null, were sent) and the id to answer with."""

    method: str
    params: list[Any] | None
    id: MessageId
    end: str
    """Where it ended, in the venue's words."""


class _Member(NamedTuple):
    value: Any
    end: int  # where it ends


def read(data: bytes) -> Request:
    """Read a request. Raises Refused."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        place = _place(data[: error.start].decode(), error.start, 1)
        raise Refused(INVALID_JSON, f"Invalid JSON: invalid unicode code point {place}") from None
    members, end = _walk(text)
    message_id = members["id"].value if "id" in members else None
    known = _is_id(message_id)
    echo = message_id if known else None
    method = _method(text, members, end, echo)
    if not known:
        raise Refused(INVALID_REQUEST, "Invalid request: request ID must be an unsigned integer")
    params = members.get("params", _Member(None, end))
    if params.value is not None and not isinstance(params.value, list):
        problem = f"invalid type: {_named(params.value)}, expected a sequence {_place(text, params.end)}"
        raise Refused(INVALID_REQUEST, f"Invalid request: {problem}", echo)
    return Request(method, params.value, echo, _place(text, end))


def _method(text: str, members: dict[str, _Member], end: int, echo: MessageId) -> str:
    if "method" not in members:
        raise Refused(INVALID_REQUEST, f"Invalid request: missing field `method` {_place(text, end)}", echo)
    method, end = members["method"]
    if not isinstance(method, str):
        problem = f"invalid type: {_named(method)}, expected string or map {_place(text, end)}"
        raise Refused(INVALID_REQUEST, f"Invalid request: {problem}", echo)
    if method not in METHODS:
        problem = f"unknown variant `{_plain(method)}`, expected one of {_KNOWN} {_place(text, end)}"
        raise Refused(INVALID_REQUEST, f"Invalid request: {problem}", echo)
    return method


def _is_id(value: Any) -> bool:
    if isinstance(value, str):
        return bool(_ID.fullmatch(value))
    return value is None or (type(value) is int and _ID_MIN <= value <= _ID_MAX)


def _plain(text: str) -> str:
    """Return the beginning of a client's text such that it can be sent: half a surrogate pair cannot."""
    return text[:ECHO_CHARACTERS].encode(errors="replace").decode()


def _named(value: Any) -> str:
    """Name a value as serde does."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return f"boolean `{str(value).lower()}`"
    if isinstance(value, int):
        return f"integer `{value if _ID_MIN <= value <= _ID_MAX else '...'}`"
    if isinstance(value, str):
        return f'string "{_plain(value)}"'
    return {float: "floating point", list: "sequence"}.get(type(value), "map")


def _place(text: str, index: int, ahead: int = 0) -> str:
    """Say where an index of a text is; `ahead` is 1 for a character that was looked at and not taken."""
    start = text.rfind("\n", 0, index) + 1
    line = text.count("\n", 0, start) + 1
    return f"at line {line} column {len(text[start:index].encode()) + ahead}"


def _bad(text: str, index: int, sentence: str, inside: str = "") -> NoReturn:
    """Refuse a text that is no JSON at an index: `inside` is what has no end where the text does."""
    if index >= len(text):
        sentence, place = f"EOF while parsing {inside}" if inside else sentence, _place(text, len(text))
    else:
        place = _place(text, index, 1)
    raise Refused(INVALID_JSON, f"Invalid JSON: {sentence} {place}")


def _skip(text: str, index: int) -> int:
    found = _SPACE.match(text, index)
    return found.end() if found else index


def _walk(text: str) -> tuple[dict[str, _Member], int]:
    """Return the members of the outermost object that we know, and where it ends: none where it is no object."""
    index = _skip(text, 0)
    members: dict[str, _Member] = {}
    opens = text[index : index + 1] == "{"
    end = _object(text, index + 1, members) if opens else _value(text, index).end
    if (after := _skip(text, end)) < len(text):
        _bad(text, after, "trailing characters")
    return members, end


def _object(text: str, index: int, members: dict[str, _Member]) -> int:
    """Read members from behind the brace on; return where the object ends."""
    index = _skip(text, index)
    if text[index : index + 1] == "}":
        return index + 1
    while True:
        if text[index : index + 1] == "}":
            _bad(text, index, "trailing comma")
        if text[index : index + 1] != '"':
            _bad(text, index, "key must be a string", "an object")
        key, behind = _value(text, index)
        if key in members:
            raise Refused(INVALID_REQUEST, f"Invalid request: duplicate field `{key}` {_place(text, behind)}")
        colon = _skip(text, behind)
        if text[colon : colon + 1] != ":":
            _bad(text, colon, "expected `:`", "an object")
        member = _value(text, _skip(text, colon + 1))
        if key in _FIELDS:
            members[key] = member
        index = _skip(text, member.end)
        if text[index : index + 1] == "}":
            return index + 1
        if text[index : index + 1] != ",":
            _bad(text, index, "expected `,` or `}`", "an object")
        index = _skip(text, index + 1)


def _no_constant(_: str) -> NoReturn:
    raise json.JSONDecodeError("Expecting value", "", -1)


_decode = json.JSONDecoder(parse_constant=_no_constant).raw_decode


def _value(text: str, index: int) -> _Member:
    """Read one value that begins at an index."""
    try:
        return _Member(*_decode(text, index))
    except json.JSONDecodeError as error:
        _translate(text, index, error.msg, index if error.pos < 0 else error.pos)
    except RecursionError:
        _bad(text, index, "recursion limit exceeded")
    except ValueError:  # an integer of more digits than Python reads
        _bad(text, index, "number out of range")


def _translate(text: str, start: int, message: str, index: int) -> NoReturn:
    """Refuse as serde_json would what the standard library has found wrong in a value."""
    if message.startswith("Unterminated string"):
        _bad(text, len(text), "", "a string")
    if message.startswith("Invalid control character"):
        _bad(text, index, r"control character (\u0000-\u001F) found while parsing a string")
    if message.startswith("Invalid \\"):
        _bad(text, index + 1, "invalid escape")
    if message.startswith("Illegal trailing comma") or _follows_comma(text, index):
        _bad(text, _skip(text, index + 1) if text[index : index + 1] == "," else index, "trailing comma")
    if message.startswith("Expecting ':'"):
        _bad(text, index, "expected `:`", "an object")
    closing, inside = ("]", "a list") if text[start : start + 1] == "[" else ("}", "an object")
    if message.startswith("Expecting ','"):
        _bad(text, index, f"expected `,` or `{closing}`", inside)
    if message.startswith("Expecting property name"):
        _bad(text, index, "key must be a string", "an object")
    _bad(text, index, "expected value", "a value")


def _follows_comma(text: str, index: int) -> bool:
    """Tell whether a list or object ends behind a comma: some versions of Python say so, some expect a value."""
    return text[index : index + 1] in ("]", "}") and text[:index].rstrip(" \t\r\n").endswith(",")
