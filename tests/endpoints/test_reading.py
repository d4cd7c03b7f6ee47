"""However a client's bytes are split and its frames are mixed, it is heard as the library alone would hear it."""

import itertools
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.datastructures import Headers
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.server import ServerProtocol

from ticker.config import Config, StreamConfig
from ticker.endpoints import websocket
from ticker.endpoints.house import House
from ticker.endpoints.websocket import WebSocket
from ticker.metrics import Metrics


class Wire:
    """A transport that keeps nothing but the order of what is written, and never fills."""

    def __init__(self) -> None:
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written += data

    def write_eof(self) -> None:
        self.written += b"EOF"

    def can_write_eof(self) -> bool:
        return True

    def get_extra_info(self, _: str) -> None:
        """Have no socket."""

    def get_write_buffer_size(self) -> int:
        return 0

    def is_closing(self) -> bool:
        return False


class Listener(WebSocket):
    """Keeps what it hears."""

    def __init__(self) -> None:
        config = Config(stream=StreamConfig(control_per_s=10_000, control_burst=10_000))
        house = House(config, *[cast(Any, None)] * 3, Metrics(), *[cast(Any, None)] * 3, 10)
        super().__init__(house, ServerProtocol(state=State.OPEN), Response(101, "", Headers()))
        self.heard: list[bytes] = []
        self.wire = Wire()
        self.connection_made(cast(Any, self.wire))
        self.wire.written = b""

    def _heard(self, data: bytes, text: bool) -> None:
        assert type(data) is bytes
        assert not text or data.decode() is not None
        self.heard.append(data)


def masked(opcode: Opcode, payload: bytes, fin: bool = True) -> bytes:
    return Frame(opcode, payload, fin).serialize(mask=True)


def spelled_long(payload: bytes) -> bytes:
    """Return a message whose length takes two bytes more than it needs."""
    return b"\x81\xfe" + len(payload).to_bytes(2, "big") + bytes(4) + payload


payloads = st.text(max_size=140).map(lambda text: text.encode()[:140].decode(errors="ignore").encode())
pings = st.binary(max_size=9).map(lambda payload: masked(Opcode.PING, payload))
acks = st.text(st.characters(max_codepoint=0x2FF), max_size=62).map(lambda text: masked(Opcode.TEXT, text.encode()))
messages = st.one_of(
    acks,
    acks,
    acks,
    st.binary(max_size=140).map(lambda payload: masked(Opcode.BINARY, payload)),
    payloads.map(spelled_long),
    pings,
    st.tuples(payloads, st.lists(payloads, max_size=3), payloads, pings).map(
        lambda parts: (
            masked(Opcode.TEXT, parts[0], False)
            + b"".join(masked(Opcode.CONT, part, False) for part in parts[1])
            + parts[3]
            + masked(Opcode.CONT, parts[2])
        )
    ),
    st.sampled_from([b"\x81\x00", b"\x83\x80....", masked(Opcode.CONT, b"x"), masked(Opcode.CLOSE, b"")]),
)


def heard_by_the_library(data: bytes) -> tuple[list[bytes], bytes]:
    """Return the messages and the answers of the library alone, to a client that sends one byte after the other."""
    server = ServerProtocol(state=State.OPEN)
    heard, message = [], b""
    for place in range(len(data)):
        server.receive_data(data[place : place + 1])
        for frame in cast(list[Frame], server.events_received()):
            if frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                message += frame.data
                if frame.fin:
                    heard.append(message)
                    message = b""
    return heard, b"".join(part or b"EOF" for part in server.data_to_send())


@settings(max_examples=300)
@given(st.lists(messages, max_size=12), st.data())
def test_any_split_of_any_frames_is_heard_alike(frames: list[bytes], draw: st.DataObject) -> None:
    data = b"".join(frames)
    edges = [sum(map(len, frames[:number])) for number in range(len(frames) + 1)]
    places = st.sampled_from(edges) | st.integers(0, len(data))
    cuts = sorted({0, len(data), *draw.draw(st.lists(places, max_size=8))})
    listener = Listener()
    for start, stop in itertools.pairwise(cuts):
        listener.data_received(data[start:stop])
    heard, answers = heard_by_the_library(data)
    assert listener.wire.written == answers
    # What comes in one packet with a close or a fault may go unheard: the library has reacted by then.
    ended = answers.endswith(b"EOF")
    assert listener.heard == (heard[: len(listener.heard)] if ended else heard)


def test_short_messages_are_read_without_the_library(monkeypatch: Any) -> None:
    listener = Listener()
    for data in (b"\x81\x80....", masked(Opcode.TEXT, b"a", False), masked(Opcode.CONT, b"b") + b"\x89", b"\x80...."):
        listener.data_received(data)
    monkeypatch.setattr(ServerProtocol, "receive_data", None)
    listener.data_received(b"\x81\x81\x00\x00\x00\x00c" * 50)
    assert listener.heard == [b"", b"ab", *[b"c"] * 50]


def test_the_library_is_given_a_slice_at_a_time_and_nothing_after_the_end() -> None:
    listener = Listener()
    sizes: list[int] = []
    receive = listener._ws.receive_data
    listener._ws.receive_data = lambda data: (sizes.append(len(data)), receive(data))[1]  # type: ignore[method-assign]
    listener.data_received(masked(Opcode.TEXT, b"x" * 9000) * 2)
    assert listener.heard == [b"x" * 9000] * 2
    assert max(sizes) == websocket.SLICE_BYTES
    listener.data_received(masked(Opcode.CLOSE, b"") + bytes(90_000))
    assert sum(sizes) == 2 * 9008 + websocket.SLICE_BYTES
    assert listener.wire.written.endswith(b"EOF")


def test_a_flood_after_the_end_is_cut_off(monkeypatch: Any) -> None:
    listener = Listener()
    aborted: list[str] = []
    monkeypatch.setattr(Listener, "abort", lambda _, reason: aborted.append(reason))
    listener.data_received(masked(Opcode.CONT, b""))
    for _ in range(16):
        listener.data_received(bytes(256 * 1024))
    assert aborted == []
    listener.data_received(b"x")
    assert aborted == ["sends on after the end"]


@pytest.mark.parametrize("data", [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"a\xc0\xaf"])
def test_text_is_text_and_binary_is_anything(data: bytes) -> None:
    """RFC 6455, section 8.1: by the short way, by the library's, and in fragments."""
    for sent in (
        masked(Opcode.TEXT, data),
        masked(Opcode.TEXT, data + bytes(200)),
        masked(Opcode.TEXT, data, False) + masked(Opcode.CONT, b""),
    ):
        listener = Listener()
        listener.data_received(masked(Opcode.BINARY, data))
        listener.data_received(sent)
        assert listener.heard == [data]
        assert listener.wire.written.startswith(b"\x88\x0f\x03\xeftext is UTF-8")


def test_a_character_may_be_cut_by_fragments() -> None:
    listener = Listener()
    listener.data_received(masked(Opcode.TEXT, b"\xe2", False) + masked(Opcode.CONT, b"\x82", False))
    listener.data_received(masked(Opcode.CONT, b"\xac"))
    assert listener.heard == ["€".encode()]
