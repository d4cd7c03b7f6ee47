"""Frames made and read by hand against those of the websockets library."""

from collections.abc import Callable, Generator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.streams import StreamReader

from ticker.wire.frames import Deflater, binary_frame, masked_bytes, short_messages, text_frame

SIZES = [0, 1, 124, 125, 126, 127, 128, 255, 256, 65_534, 65_535, 65_536, 65_537, 1 << 20]
KINDS = [(text_frame, Opcode.TEXT), (binary_frame, Opcode.BINARY)]

Make = Callable[[bytes], bytes]


def payload_of(size: int) -> bytes:
    return bytes(k % 94 + 32 for k in range(size))


def parsed(data: bytes, *extensions: PerMessageDeflate) -> Frame:
    """Read one frame as a client does, and nothing after it."""
    stream = StreamReader()
    stream.feed_data(data)
    reading: Generator[None, None, Frame] = Frame.parse(
        stream.read_exact, mask=False, max_size=None, extensions=extensions
    )
    with pytest.raises(StopIteration) as done:
        next(reading)
    stream.feed_eof()
    with pytest.raises(StopIteration) as ended:
        next(stream.at_eof())
    assert ended.value.value is True, "bytes are left over"
    frame: Frame = done.value.value
    return frame


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("make", "opcode"), KINDS)
def test_a_frame_is_the_one_that_websockets_would_write(make: Make, opcode: Opcode, size: int) -> None:
    assert make(payload_of(size)) == Frame(opcode, payload_of(size)).serialize(mask=False)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("make", "opcode"), KINDS)
def test_a_frame_is_read_back_whole(make: Make, opcode: Opcode, size: int) -> None:
    frame = parsed(make(payload_of(size)))
    assert (frame.opcode, bytes(frame.data), frame.fin) == (opcode, payload_of(size), True)
    assert not (frame.rsv1 or frame.rsv2 or frame.rsv3)


@pytest.mark.parametrize("level", [1, 6, 9])
@pytest.mark.parametrize("size", SIZES)
def test_deflated_frames_are_read_by_a_client_without_context_in_any_order(size: int, level: int) -> None:
    deflater, extension = Deflater(level), PerMessageDeflate(True, True, 15, 15)
    text, binary = deflater.text(payload_of(size)), deflater.binary(payload_of(size)[::-1])
    for data, opcode, payload in (
        (binary, Opcode.BINARY, payload_of(size)[::-1]),
        (text, Opcode.TEXT, payload_of(size)),
        (text, Opcode.TEXT, payload_of(size)),
    ):
        assert data[0] == 0xC0 | opcode
        frame = parsed(data, extension)
        assert (frame.opcode, bytes(frame.data), frame.fin) == (opcode, payload, True)


def test_what_repeats_gets_shorter() -> None:
    assert len(Deflater(6).text(b'{"ch":"trades","sym":"ACME"}' * 100)) < 100


@pytest.mark.parametrize("size", SIZES)
def test_the_length_of_a_clients_frame_is_known(size: int) -> None:
    assert masked_bytes(size) == len(Frame(Opcode.TEXT, payload_of(size)).serialize(mask=True))


def frames(*strategies: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    return st.lists(st.one_of(*strategies), max_size=6).map(b"".join)


def alike(opcode: Opcode) -> st.SearchStrategy[bytes]:
    return frames(st.builds(lambda payload: Frame(opcode, payload).serialize(mask=True), st.binary(max_size=125)))


short = st.one_of(alike(Opcode.TEXT), alike(Opcode.BINARY))
other = st.one_of(
    st.builds(Frame, st.just(Opcode.CONT), st.binary(max_size=125), st.booleans()),
    st.builds(Frame, st.sampled_from([Opcode.TEXT, Opcode.BINARY]), st.binary(max_size=125), st.just(False)),
    st.builds(Frame, st.sampled_from([Opcode.PING, Opcode.PONG, Opcode.CLOSE]), st.binary(max_size=125)),
    st.builds(Frame, st.just(Opcode.TEXT), st.binary(min_size=126, max_size=200)),
).map(lambda frame: frame.serialize(mask=True))


def messages_of_the_library(data: bytes) -> list[bytes] | None:
    """Return what the library makes of bytes, None where that is not whole, unfragmented messages of one kind."""
    server = ServerProtocol(state=State.OPEN)
    server.receive_data(data)
    events = [event for event in server.events_received() if isinstance(event, Frame)]
    kinds = {event.opcode for event in events}
    plain = kinds in ({Opcode.TEXT}, {Opcode.BINARY}) and all(event.fin for event in events)
    whole = sum(masked_bytes(len(event.data)) for event in events) == len(data)
    return [bytes(event.data) for event in events] if events and plain and whole else None


@given(short)
def test_short_messages_are_those_of_the_library(data: bytes) -> None:
    messages = short_messages(data)
    assert messages == messages_of_the_library(data)
    assert all(type(message) is bytes for message in messages or ())


@given(short, other, short)
def test_anything_else_is_left_to_the_library(before: bytes, data: bytes, after: bytes) -> None:
    assert short_messages(before + data + after) is None


@given(short, st.data())
def test_what_is_not_whole_is_left_to_the_library(data: bytes, draw: st.DataObject) -> None:
    cut = data[: draw.draw(st.integers(0, len(data)))]
    assert short_messages(cut) == messages_of_the_library(cut)


@given(st.binary(max_size=40))
def test_no_bytes_are_read_otherwise_than_by_the_library(data: bytes) -> None:
    assert short_messages(data) in (None, messages_of_the_library(data))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x81",
        b"\x81\x05hello!",  # not masked
        b"\x81\xfe\x00\x05....hello",  # a length longer than it has to be
        b"\xc1\x80....",  # RSV1
        b"\x01\x80....",  # a fragment
        b"\x80\x80....",  # the end of one
        b"\x88\x80....",  # a close
        b"\x81\x80....\x82\x80....",  # text, and binary
    ],
)
def test_what_is_not_a_short_message(data: bytes) -> None:
    assert short_messages(data) is None
