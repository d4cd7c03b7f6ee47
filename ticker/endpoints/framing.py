"""How messages of ticks travel in a WebSocket. Each way is one method, by which audiences are told apart."""

from ticker.feed.audience import Frame
from ticker.wire.frames import Deflater, binary_frame, text_frame


class Framing:
    """Frames for all conversations of a server: what is deflated is deflated once for all who are owed it."""

    def __init__(self, compression_level: int) -> None:
        self._deflater = Deflater(compression_level)

    def of(self, *, packs: bool, compressed: bool) -> Frame:
        """Return what frames messages that are packed or not for connections that agreed on compression or not."""
        if packs:
            return self.deflated_binary if compressed else self.binary
        return self.deflated_text if compressed else self.text

    def text(self, message: bytes, _: int) -> bytes:
        return text_frame(message)

    def binary(self, message: bytes, _: int) -> bytes:
        return binary_frame(message)

    def deflated_text(self, message: bytes, _: int) -> bytes:
        return self._deflater.text(message)

    def deflated_binary(self, message: bytes, _: int) -> bytes:
        return self._deflater.binary(message)
