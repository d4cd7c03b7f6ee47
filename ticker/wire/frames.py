"""The head of a WebSocket frame (RFC 6455, section 5.2), for frames that are made once and sent to many.

Only unmasked, unfragmented, uncompressed frames: what a server sends.
"""

import struct

TEXT = 0x81  # FIN set
BINARY = 0x82


def text_frame(payload: bytes) -> bytes:
    """Return a whole text message as one frame."""
    size = len(payload)
    if size < 126:
        return struct.pack("!BB", TEXT, size) + payload
    if size < 1 << 16:
        return struct.pack("!BBH", TEXT, 126, size) + payload
    return struct.pack("!BBQ", TEXT, 127, size) + payload


def binary_frame(payload: bytes) -> bytes:
    frame = bytearray(text_frame(payload))
    frame[0] = BINARY
    return bytes(frame)


class Deflater:
    def __init__(self, level: int) -> None:
        self.level = level

    def text(self, payload: bytes) -> bytes:
        raise NotImplementedError

    def binary(self, payload: bytes) -> bytes:
        raise NotImplementedError
