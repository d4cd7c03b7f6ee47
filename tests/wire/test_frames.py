"""Frames made by hand against those of the websockets library."""

from collections.abc import Generator

import pytest
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from ticker.wire.frames import text_frame

SIZES = [0, 1, 124, 125, 126, 127, 128, 255, 256, 65_534, 65_535, 65_536, 65_537, 1 << 20]


def parsed(data: bytes) -> Frame:
    """Read one frame as a client does, and nothing after it."""
    stream = StreamReader()
    stream.feed_data(data)
    reading: Generator[None, None, Frame] = Frame.parse(stream.read_exact, mask=False, max_size=None)
    with pytest.raises(StopIteration) as done:
        next(reading)
    stream.feed_eof()
    with pytest.raises(StopIteration) as ended:
        next(stream.at_eof())
    assert ended.value.value is True, "bytes are left over"
    frame: Frame = done.value.value
    return frame


@pytest.mark.parametrize("size", SIZES)
def test_a_frame_is_the_one_that_websockets_would_write(size: int) -> None:
    payload = bytes(k % 94 + 32 for k in range(size))
    assert text_frame(payload) == Frame(Opcode.TEXT, payload).serialize(mask=False)


@pytest.mark.parametrize("size", SIZES)
def test_a_frame_is_read_back_whole(size: int) -> None:
    payload = bytes(k % 94 + 32 for k in range(size))
    frame = parsed(text_frame(payload))
    assert (frame.opcode, bytes(frame.data), frame.fin) == (Opcode.TEXT, payload, True)
    assert not (frame.rsv1 or frame.rsv2 or frame.rsv3)
