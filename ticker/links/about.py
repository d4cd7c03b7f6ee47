"""How a recording came about: what of a tape was wanted, and how it was heard. Types only."""

from typing import Self

import msgspec

from ticker.ticks import CHANNELS


class About(msgspec.Struct, frozen=True, kw_only=True):
    """Stands beside the label."""

    channels: tuple[str, ...] = CHANNELS
    symbols: tuple[str, ...] | None = None
    """None is all of them."""
    source: str = ""
    """The server's address; empty for a market in process."""
    transport: str = ""

    def encode(self) -> bytes:
        return msgspec.json.encode(self)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Read what `encode` wrote. Raises ValueError."""
        try:
            return msgspec.json.decode(data, type=cls)
        except (msgspec.DecodeError, RecursionError) as error:
            raise ValueError(f"nothing about a recording: {error}") from None


EVERYTHING = About()
