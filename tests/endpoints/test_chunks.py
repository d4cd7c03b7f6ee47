"""However a session's bytes are cut into packets, the server says the same and counts the same.

A session is what a client sent, recorded in parts; between two parts the market steps and the loop turns. The door
and what it hands over to are real, the transport and the clocks are pretended.
"""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.frames import Close, Opcode

from raw_http import get
from stage import BEGIN_US, Stage
from ticker import clock
from ticker.endpoints import conversation, hello
from ticker.endpoints.door import Door
from ticker.endpoints.poll import Polls
from ticker.endpoints.rest import Rest
from ticker.endpoints.routes import Routes
from ticker.endpoints.sse import EventStreams

CHANCE = re.compile(rb"retry: \d+|Date: [^\r]+")  # a jitter, and a clock that is not ours


@pytest.fixture(autouse=True, scope="module")
def frozen_clocks() -> Iterator[None]:
    """Have no clock tick: what is said must not depend on when."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "wall_us", lambda: BEGIN_US)
        patch.setattr(clock, "monotonic_s", lambda: 1000.0)
        patch.setattr(clock, "http_date", lambda: "Thu, 01 Jan 1970 00:00:00 GMT")
        yield


class Line:
    """A transport that keeps what is written, and hands what comes to whoever has the connection."""

    def __init__(self, stage: Stage) -> None:
        house = stage.house
        self.written: list[bytes] = []
        self.closing = self.ended = False
        routes = Routes(
            {**Rest(house).handlers(), "/v1/ticks": Polls(house).ticks},
            {"/v1/stream": conversation.accept, "/hello": hello.accept},
            {"/v1/sse": EventStreams(house).accept},
            {},
        )
        self._protocol: Any = Door(house, routes)
        self._protocol.connection_made(cast(Any, self))

    def receive(self, data: bytes) -> None:
        if not self.closing:
            self._protocol.data_received(data)

    def hang_up(self) -> None:
        self._protocol.connection_lost(None)

    def write(self, data: bytes) -> None:
        self.written.append(bytes(data))

    def set_protocol(self, protocol: Any) -> None:
        self._protocol = protocol

    def get_extra_info(self, name: str) -> tuple[str, int] | None:
        return ("127.0.0.1", 50_000) if name == "peername" else None

    def set_write_buffer_limits(self, **_: int) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return self.closing

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended = True

    def close(self) -> None:
        self.closing = True

    abort = close


def masked(opcode: Opcode, data: bytes, *, fin: bool = True) -> bytes:
    """Return a client's frame; the mask is the same every time."""
    mask, size = b"\x5a\x01\xfe\x33", len(data)
    length = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
    return bytes([fin << 7 | opcode]) + length + mask + bytes(byte ^ mask[k % 4] for k, byte in enumerate(data))


def text(data: str) -> bytes:
    return masked(Opcode.TEXT, data.encode())


def upgrade(path: str, *headers: str) -> bytes:
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
    return get(path, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", key, *headers)


OPENING = [
    text('{"op":"window","size":3,"id":"w"}')
    + text('{"op":"subscribe","symbols":["*"],"channels":["trades","quotes"]}'),
    text('{"op":"ack","seq":2}{"op":"ack"}') + text('{"op":"ack","seq":2}') + text('{"op":"ack","seq":999999}'),
    masked(Opcode.PING, b"still there?") + masked(Opcode.PING, b"") + masked(Opcode.PONG, b"unasked"),
    masked(Opcode.TEXT, b'{"op":"pi', fin=False)
    + masked(Opcode.PING, b"between")
    + masked(Opcode.CONT, b"", fin=False)
    + masked(Opcode.CONT, b'ng","ts":"' + "ü€".encode()[:3], fin=False)
    + masked(Opcode.CONT, "ü€".encode()[3:] + b'"}')
    + masked(Opcode.BINARY, b'{"op":"list","id":7}'),
    text('{"op":"ping","ts":"%s"}' % ("x" * 200))
    + text("")
    + text("{")
    + text('{"op":"dance"}')
    + text('{"op":"ack"}'),
    text('{"op":"ack","seq":6}') + text('{"op":"subscribe","symbols":["*"],"pace":"latest","rate_hz":100}'),
    text('{"op":"unsubscribe","symbols":["*"]}') + text('{"op":"window","size":0}') + text('{"op":"ack","seq":6}'),
]
HANDSHAKE = upgrade("/v1/stream")
PACKED = upgrade("/v1/stream", "Sec-WebSocket-Protocol: ticker.v1.packed")
LIST = text('{"op":"list"}')

SESSIONS = {
    "a whole conversation": [HANDSHAKE, *OPENING, masked(Opcode.CLOSE, Close(1000, "bye").serialize()) + LIST],
    "packed": [PACKED, *OPENING[:2], *OPENING[5:], masked(Opcode.CLOSE, b"")],
    "requests before": [get("/healthz") + get("/nowhere"), HANDSHAKE, *OPENING[:1], masked(Opcode.CLOSE, b"\x0f\xa0")],
    "hello": [upgrade("/hello"), text("hello") + masked(Opcode.BINARY, bytes(300)), text("again")],
    "not masked": [HANDSHAKE, LIST, b"\x81\x05hello" + LIST],
    "not UTF-8": [HANDSHAKE, LIST, masked(Opcode.TEXT, b'{"op":"\xff"}') + LIST],
    "cut in a character": [
        HANDSHAKE,
        LIST,
        masked(Opcode.TEXT, b'"\xc3', fin=False) + masked(Opcode.CONT, b'"') + LIST,
    ],
    "no such opcode": [HANDSHAKE, LIST, b"\x83\x80\x00\x00\x00\x00" + LIST],
    "RSV1": [HANDSHAKE, LIST, bytes([LIST[0] | 0x40]) + LIST[1:] + LIST],
    "a fragmented ping": [HANDSHAKE, LIST, masked(Opcode.PING, b"x", fin=False) + LIST],
    "a long ping": [HANDSHAKE, LIST, masked(Opcode.PING, bytes(126)) + LIST],
    "a length of 2 to the 62": [HANDSHAKE, LIST, b"\x81\xff" + (2**62).to_bytes(8, "big") + bytes(4) + LIST],
    "a length of 2 to the 63": [HANDSHAKE, LIST, b"\x81\xff" + (2**63).to_bytes(8, "big") + bytes(4) + LIST],
    "too long in all": [HANDSHAKE, masked(Opcode.TEXT, bytes(0x3FFF), fin=False), masked(Opcode.CONT, b"xx") + LIST],
    "a text in a text": [HANDSHAKE, masked(Opcode.TEXT, b"{", fin=False), LIST + LIST],
    "a continuation of nothing": [HANDSHAKE, LIST, masked(Opcode.CONT, b"{}") + LIST],
    "too many fragments": [HANDSHAKE, masked(Opcode.TEXT, b"", fin=False) + masked(Opcode.CONT, b"", fin=False) * 64],
    "text that is none": [HANDSHAKE, LIST, masked(Opcode.TEXT, b'{"op":"list"}\xff') + LIST],
    "a close within a message": [
        HANDSHAKE,
        LIST,
        masked(Opcode.TEXT, b"{", fin=False) + masked(Opcode.CLOSE, Close(4000, "bye").serialize()) + LIST,
    ],
    "a close of one byte": [HANDSHAKE, LIST, masked(Opcode.CLOSE, b"\x03") + LIST],
    "a close that may not be sent": [HANDSHAKE, LIST, masked(Opcode.CLOSE, b"\x03\xee") + LIST],
    "requests": [
        get("/healthz") + get("/v1/snapshot?symbols=*", method="HEAD") + get("/v1/instruments/NOPE"),
        get("/v1/ticks?symbols=*&wait=5") + get("/readyz"),
        b"POST /healthz HTTP/1.1\r\nHost: [::1]\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
        get("/v1/ticks?symbols=*&channels=quotes", "Connection: close"),
    ],
    "events": [get("/healthz") + get("/v1/sse?symbols=*"), get("/healthz")],
    "a malformed request": [get("/healthz") + b"NONSENSE\r\n\r\n" + get("/healthz")],
    "a large head": [get("/", "X: " + "x" * 16_384) + get("/healthz")],
    "two hosts": [get("/healthz", "Host: b") + get("/healthz")],
}

Heard = tuple[bytes, bytes, bool, dict[str, Any]]


def sorted_out(said: bytes) -> tuple[bytes, bytes]:
    """Return what was said, and the control frames in it, which may overtake other answers in a packet."""
    before, switched, rest = said.partition(b"HTTP/1.1 101 ")
    head, _, frames = rest.partition(b"\r\n\r\n")
    kept, controls = [before, switched, head], list[bytes]()
    while frames:
        size, place = frames[1], 2
        if size == 126:
            size, place = int.from_bytes(frames[2:4], "big"), 4
        (controls if frames[0] & 8 else kept).append(frames[: place + size])
        frames = frames[place + size :]
    return b"".join(kept), b"".join(controls)


def play(parts: list[list[bytes]]) -> Heard:
    """Return all that the server says to these packets, whether it ended, and what it has counted at the end."""
    stage = Stage()
    stage.step()
    stage.flush()
    line = Line(stage)
    for packets in parts:
        for packet in packets:
            line.receive(packet)
        stage.run()
        for _ in range(2):
            stage.step()
            stage.flush()
            stage.run()
    line.hang_up()
    assert not stage.house.connections
    assert not stage.feed.laggards
    counts = {name: value for name, value in vars(stage.metrics).items() if not name.startswith("_")}
    return *sorted_out(CHANCE.sub(b"?", b"".join(line.written))), line.ended, counts


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """Return the packets that these places cut data into."""
    bounds = [0, *sorted({place for place in places if 0 < place < len(data)}), len(data)]
    return [data[begin:end] for begin, end in pairwise(bounds)]


@pytest.fixture(params=SESSIONS, scope="module")
def session(request: pytest.FixtureRequest) -> tuple[list[bytes], Heard]:
    """A session, and what is heard where each of its parts is one packet."""
    parts = SESSIONS[request.param]
    return parts, play([[part] for part in parts])


def test_one_cut_anywhere_changes_nothing(session: tuple[list[bytes], Heard]) -> None:
    parts, whole = session
    first = 0 if parts is SESSIONS["a whole conversation"] else len(parts) - 1  # they begin like one another
    for number, part in list(enumerate(parts))[first:]:
        stride = max(1, len(part) // 400)  # a long part is long in what says nothing
        for place in range(1, len(part), stride):
            packets = [cut(data, [place] if k == number else []) for k, data in enumerate(parts)]
            assert play(packets) == whole, (number, place)


def test_byte_by_byte_changes_nothing(session: tuple[list[bytes], Heard]) -> None:
    parts, whole = session
    assert play([cut(part, list(range(len(part)))) for part in parts]) == whole


@settings(max_examples=40)
@given(st.data())
def test_any_cuts_change_nothing(session: tuple[list[bytes], Heard], data: st.DataObject) -> None:
    parts, whole = session
    packets = [cut(part, data.draw(st.lists(st.integers(1, max(1, len(part) - 1)), max_size=12))) for part in parts]
    assert play(packets) == whole


def test_the_sessions_are_what_they_say() -> None:
    """The server does not only say the same: it says what it should."""
    said = {name: play([[part] for part in parts]) for name, parts in SESSIONS.items()}
    conversation, controls, ended, counts = said["a whole conversation"]
    for words in (
        b"HTTP/1.1 101 ",
        b'"welcome"',
        b'"size":3',
        b'"ticks"',
        b'"bad_ack"',
        b'"bad_json"',
        b'"unknown_op"',
    ):
        assert words in conversation
    assert "ü€".encode() in conversation
    assert b'"id":7' in conversation
    assert controls == b"\x8a\x0cstill there?\x8a\x00\x8a\x07between\x88\x05\x03\xe8bye"
    assert ended
    assert counts["closes"] == {"1000": 1}
    assert counts["acks_received"] == 3
    assert counts["messages_sent"] > 3
    assert said["requests"][0].count(b"HTTP/1.1 200 OK") == 6
    assert said["a large head"][0].startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("not masked", 1002),
        ("not UTF-8", 1007),
        ("cut in a character", 1007),
        ("no such opcode", 1002),
        ("RSV1", 1002),
        ("a fragmented ping", 1002),
        ("a long ping", 1002),
        ("a length of 2 to the 62", 1009),
        ("a length of 2 to the 63", 1009),
        ("too long in all", 1009),
        ("a text in a text", 1002),
        ("a continuation of nothing", 1002),
        ("too many fragments", 1009),
        ("text that is none", 1007),
        ("a close within a message", 4000),
        ("a close of one byte", 1002),
        ("a close that may not be sent", 1002),
    ],
)
def test_what_breaks_the_rules_ends_with_its_code(name: str, code: int) -> None:
    _, controls, _, counts = play([[part] for part in SESSIONS[name]])
    assert controls.startswith(b"\x88")
    assert int.from_bytes(controls[2:4], "big") == code
    [reason] = counts["closes"]
    assert reason.startswith("4xxx" if code == 4000 else str(code))  # a client's own are counted by the thousand
