"""WebSocket frames (RFC 6455, section 5.2) of the two kinds that pass often enough to be made and read by hand.

Out: frames that are made once and sent to many; unmasked, unfragmented, plain or deflated on their own (RFC 7692).
In: short unfragmented messages, which acks are. Everything else is the websockets library's.
"""

import struct
import zlib

try:
    from websockets.speedups import apply_mask
except ImportError:  # no C compiler where it was installed: the library does the same
    from websockets.utils import apply_mask

TEXT = 0x81  # FIN set
BINARY = 0x82
RSV1 = 0x40  # the message is deflated
MASKED = 0x80  # of a frame's second byte
SHORT = 126  # payloads below have their length in the second byte
HEAD_BYTES = 6  # of a short masked frame: two, and the mask

# Of zlib's state, not of the window: at 8, zlib's own default, its 256 KiB cost twice what a short message's deflating
# does (18 for 33 us at level 6 and 2 kB, and the sizes are the same).
_MEMORY_LEVEL = 5
_WINDOW_BITS = 15

_MEDIUM = struct.Struct("!BBH").pack  # the head of most frames: SHORT stands for a length of two bytes


def text_frame(payload: bytes) -> bytes:
    """Return a whole text message as one frame."""
    size = len(payload)
    if SHORT <= size < 1 << 16:
        return _MEDIUM(TEXT, SHORT, size) + payload
    return _frame(TEXT, payload)


def binary_frame(payload: bytes) -> bytes:
    """Return a whole binary message as one frame."""
    return _frame(BINARY, payload)


class Deflater:
    """Makes frames of deflated messages, none of which needs another: they are for anyone, in any order."""

    __slots__ = ("_level",)

    def __init__(self, level: int) -> None:
        self._level = level

    def text(self, payload: bytes) -> bytes:
        """Return a whole text message as one deflated frame."""
        return _frame(TEXT | RSV1, self._deflate(payload))

    def binary(self, payload: bytes) -> bytes:
        """Return a whole binary message as one deflated frame."""
        return _frame(BINARY | RSV1, self._deflate(payload))

    def _deflate(self, payload: bytes) -> bytes:
        """Deflate as RFC 7692, section 7.2.1, has it: up to a sync flush, without the 00 00 ff ff that ends one."""
        deflate = zlib.compressobj(self._level, zlib.DEFLATED, -_WINDOW_BITS, _MEMORY_LEVEL)
        return (deflate.compress(payload) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]


def _frame(first: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < SHORT:
        return struct.pack("!BB", first, size) + payload
    if size < 1 << 16:
        return _MEDIUM(first, SHORT, size) + payload
    return struct.pack("!BBQ", first, 127, size) + payload


def short_messages(data: bytes) -> list[bytes] | None:
    """Return the messages of a client where data is whole, short, unfragmented, plain messages and nothing else.

    All are text or all are binary, as `data` begins: its first byte is TEXT or BINARY then.
    """
    messages = []
    place, end = 0, len(data)
    kind = data[0] if data else 0
    if kind not in (TEXT, BINARY):
        return None
    while place < end:
        start = place + HEAD_BYTES
        if start > end or data[place] != kind:
            return None
        place = start + data[start - 5] - MASKED
        if not start <= place <= end or place - start >= SHORT:
            return None
        messages.append(apply_mask(data[start:place], data[start - 4 : start]))
    return messages or None


def masked_bytes(payload_bytes: int) -> int:
    """Return how long a client's frame is that spells its length as short as can be, as RFC 6455 demands."""
    if payload_bytes < SHORT:
        return HEAD_BYTES + payload_bytes
    return payload_bytes + HEAD_BYTES + (2 if payload_bytes < 1 << 16 else 8)
