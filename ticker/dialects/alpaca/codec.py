"""JSON in text messages, or MessagePack in binary ones: which, a client says by `Content-Type` of its request.

Numbers come as exact decimal text. JSON has it as it is, MessagePack the float64 nearest to it; whole numbers stay
whole. Times are microseconds since 1970: RFC 3339 with as many digits as are needed, or the timestamp extension.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from struct import Struct
from typing import Any, Protocol

import msgspec

from ticker.wire.decimals import KEPT_MAX, spell
from ticker.wire.frames import binary_frame, text_frame

SECONDS_KEPT = 4096
TIMESTAMP = -1  # MessagePack's extension type
_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError, TypeError, OverflowError)
"""What decoders raise for what is none of theirs."""
_THREE = [f"{number:03}" for number in range(1000)]  # half the time that formatting six digits takes
_EIGHT = Struct(">Q").pack
_FOUR = Struct(">I").pack


class Codec(Protocol):
    """How a message is written, and read."""

    def number(self, text: str) -> Any:
        """Return what stands for a decimal."""

    def moment(self, t_us: int) -> Any:
        """Return what stands for a time."""

    def frame(self, message: Any) -> bytes:
        """Return a frame with an array of one message."""

    def said(self, message: Any) -> str | bytes:
        """Return the same as a whole message that is not framed yet."""

    def read(self, data: bytes) -> Any:
        """Return what a client said, None where it is not in this encoding."""


class Json:
    """Text."""

    def __init__(self) -> None:
        self._encode = msgspec.json.Encoder().encode
        self._decode = msgspec.json.Decoder().decode
        self._seconds = _Seconds()

    def number(self, text: str) -> msgspec.Raw:
        return msgspec.Raw(text.encode())

    def moment(self, t_us: int) -> str:
        second, part = divmod(t_us, 1_000_000)
        text = f"{self._seconds[second]}{_THREE[part // 1000]}{_THREE[part % 1000]}"
        return f"{text}Z" if part % 10 else f"{text.rstrip('0').rstrip('.')}Z"

    def frame(self, message: Any) -> bytes:
        return text_frame(self._encode([message]))

    def said(self, message: Any) -> str:
        return self._encode([message]).decode()

    def read(self, data: bytes) -> Any:
        return _read(self._decode, data)


class Packed:
    """MessagePack."""

    def __init__(self) -> None:
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder().decode

    def number(self, text: str) -> float:
        return float(text)

    def moment(self, t_us: int) -> msgspec.msgpack.Ext:
        """Return a timestamp of 32 bits for a whole second, else of 64: 30 of nanoseconds, 34 of seconds."""
        second, part = divmod(t_us, 1_000_000)
        data = _EIGHT(part * 1000 << 34 | second) if part or second >> 32 else _FOUR(second)
        return msgspec.msgpack.Ext(TIMESTAMP, data)

    def frame(self, message: Any) -> bytes:
        return binary_frame(self._encode([message]))

    def said(self, message: Any) -> bytes:
        return self._encode([message])

    def read(self, data: bytes) -> Any:
        return _read(self._decode, data)


def _read(decode: Callable[[bytes], Any], data: bytes) -> Any:
    try:
        return decode(data)
    except _BROKEN:
        return None


class _Seconds(dict[int, str]):
    """Seconds since 1970 as text, up to the point of what follows: ticks come in order, bars reach back."""

    def __missing__(self, second: int) -> str:
        if len(self) >= SECONDS_KEPT:
            self.clear()
        text = self[second] = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S.")
        return text


class Numbers(dict[int, Any]):
    """What stands for multiples of a unit, printed without zeros at the end: `Numbers(json, 2, 5)[38]` is 1.9."""

    def __init__(self, codec: Codec, decimals: int, unit: int = 1) -> None:
        super().__init__()
        self._codec = codec
        self._decimals = decimals
        self._unit = unit

    def __missing__(self, count: int) -> Any:
        if len(self) >= KEPT_MAX:
            self.clear()
        value = self[count] = self._codec.number(plain(count * self._unit, self._decimals))
        return value


def plain(units: int, decimals: int) -> str:
    """Return so many units of 10**-decimals as text, without zeros at the end."""
    text = spell(units, decimals)
    return text.rstrip("0").rstrip(".") if decimals else text


def mean(turnover: int, volume: int, unit: int, decimals: int) -> str:
    """Return turnover / volume, in ticks, as a price of six decimals at least, rounded half up; 0 without volume."""
    digits = max(6, decimals + 2)
    units = turnover * unit * 10 ** (digits - decimals)
    return plain((2 * units + volume) // (2 * volume), digits) if volume else "0"
