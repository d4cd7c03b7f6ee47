"""The layout of a recording on disk: a line that names it, then records, each of which can be believed on its own.

All numbers are little-endian, everything begins at a multiple of 8 bytes. A record is a head of 96 bytes and what it
holds, filled up with zeros:

    offset  bytes  head
    0       4      "reel"
    4       u8     kind: 1 label, 2 keyframe, 3 block, 4 gap, 5 index, 6 about
    5       u8     coding: 0 none, 1 zlib, 2 zlib of the bytes of 8-byte words transposed: all first bytes, and so on
    6       u16    0
    8       u32    bytes that follow, without filling
    12      u32    bytes they decode to
    16      u32    CRC-32 of the bytes that follow, without filling
    20      7 u32  rows by channel, in the order of `CHANNELS`
    48      u64    first: of a block its first step, of a keyframe the step shown, of a gap the last step before it
    56      u64    last: of a block its last step, of a keyframe the step shown, of a gap the last step that is missing
    64      i64    t: market time at the first step, in microseconds since 1970
    72      i64    and at the last
    80      i64    emitted: the wall clock at the last
    88      u32    0
    92      u32    CRC-32 of the 92 bytes before

Label (`wire.label`) and about are JSON and come first, keyframes and blocks are those of `wire.reel`, a gap has JSON
that says why. Who closes a recording adds an index, the place (u64) and the head of every record before it, and a
footer of 24 bytes: "tickerix", the place of the index (u64), CRC-32 of these 16 bytes (u32), 0 (u32). Without them the
heads are found one after the other.
"""

import struct
import zlib
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ticker.ticks import CHANNELS, Batch
from ticker.wire import reel

MAGIC = b"ticker recording 1     \n"
SIGN = b"reel"
FOOTER_SIGN = b"tickerix"
CONTENT_BYTES_MAX = 1 << 28  # of one record: a second of a thousand instruments is 4 MB
LEVEL = 3
"""zlib's. With the words transposed, a tick of the default universe takes 12.0, 11.8, 11.4 bytes at levels 1, 3, 6 for
0.34, 0.39, 0.69 us of CPU; without that, 12.6 at level 6 for 1.9 us (`tests/benchmarks/recording.py`)."""

HEAD = np.dtype(
    [
        ("sign", "S4"),
        ("kind", "u1"),
        ("coding", "u1"),
        ("nothing", "<u2"),
        ("stored", "<u4"),
        ("size", "<u4"),
        ("crc", "<u4"),
        ("rows", "<u4", (len(CHANNELS),)),
        ("first", "<u8"),
        ("last", "<u8"),
        ("t_first_us", "<i8"),
        ("t_last_us", "<i8"),
        ("emitted_us", "<i8"),
        ("nothing_more", "<u4"),
        ("head_crc", "<u4"),
    ]
)
INDEXED = np.dtype([("place", "<u8"), ("head", HEAD)])
HEAD_BYTES = HEAD.itemsize
INDEXED_MAX = CONTENT_BYTES_MAX // INDEXED.itemsize
"""Records that one index can name: of a month. Of longer recordings the heads are found one after the other."""
FOOTER = struct.Struct("<8sQII")

_HEAD = struct.Struct("<4sBBHIII7IQQqqqII")
_CRC = struct.Struct("<I")
_NOTHING = (0,) * len(CHANNELS)
_PADS = [bytes(size) for size in range(8)]


class Kind(IntEnum):
    """What a record holds."""

    LABEL = 1
    KEYFRAME = 2
    BLOCK = 3
    GAP = 4
    INDEX = 5
    ABOUT = 6


class Coding(IntEnum):
    """How it is written."""

    NONE = 0
    ZLIB = 1
    TRANSPOSED = 2


class Facts(NamedTuple):
    """What the head of a record says of the tape."""

    rows: tuple[int, ...] = _NOTHING
    first: int = 0
    last: int = 0
    t_first_us: int = 0
    t_last_us: int = 0
    emitted_us: int = 0


NOTHING = Facts()


def record(kind: Kind, content: bytes, facts: Facts = NOTHING, level: int = LEVEL) -> bytes:
    """Return a record."""
    coding, stored = _encoded(content, level)
    rows, *others = facts
    fixed = (kind, coding, 0, len(stored), len(content), zlib.crc32(stored))
    head = _HEAD.pack(SIGN, *fixed, *rows, *others, 0, 0)[: -_CRC.size]
    return b"".join([head, _CRC.pack(zlib.crc32(head)), stored, _PADS[-len(stored) % 8]])


def block(cuts: list[reel.Cut]) -> bytes:
    """Return the record of a block of steps."""
    first, last = cuts[0][0], cuts[-1][0]
    facts = Facts(_counts([batch for batch, _ in cuts]), first.seq, last.seq, first.t, last.t, cuts[-1][1])
    return record(Kind.BLOCK, reel.splice(cuts), facts)


def keyframe(shown: Batch, emitted_us: int) -> bytes:
    """Return the record of a keyframe."""
    facts = Facts(_counts([shown]), shown.seq, shown.seq, shown.t, shown.t, emitted_us)
    return record(Kind.KEYFRAME, reel.keyframe(shown), facts)


def index(places: list[int], heads: list[bytes], end: int) -> bytes:
    """Return the record of an index that stands at `end`, and the footer."""
    content = b"".join([place.to_bytes(8, "little") + head for place, head in zip(places, heads, strict=True)])
    pointer = FOOTER.pack(FOOTER_SIGN, end, 0, 0)[:16]
    return record(Kind.INDEX, content) + pointer + _CRC.pack(zlib.crc32(pointer)) + bytes(4)


def footed(data: bytes) -> int | None:
    """Return the place of the index that a footer names, None where these bytes are none."""
    if len(data) != FOOTER.size:
        return None
    sign, place, crc, nothing = FOOTER.unpack(data)
    return place if sign == FOOTER_SIGN and crc == zlib.crc32(data[:16]) and not nothing else None


def sound(head: bytes) -> bool:
    """Tell whether some bytes are the head of a record."""
    return (
        len(head) == HEAD_BYTES
        and head.startswith(SIGN)
        and head[-_CRC.size :] == _CRC.pack(zlib.crc32(head[: -_CRC.size]))
    )


def read_heads(data: bytes, dtype: np.dtype[Any] = HEAD) -> NDArray[Any]:
    """Return heads, or the entries of an index, that stand side by side. Raises ValueError where one is cut off."""
    return np.frombuffer(data, dtype) if data else np.empty(0, dtype)


def span(head: Any) -> int:
    """Return how many bytes a record takes."""
    return HEAD_BYTES + (int(head["stored"]) + 7 & -8)


def content(head: Any, stored: bytes) -> bytes:
    """Return what a record holds. Raises ValueError where it is damaged."""
    if len(stored) != head["stored"] or zlib.crc32(stored) != head["crc"]:
        raise ValueError("a checksum is wrong")
    size = int(head["size"])
    if size > CONTENT_BYTES_MAX:
        raise ValueError(f"a record of {size} bytes, more than the {CONTENT_BYTES_MAX} that one may have")
    if head["coding"] == Coding.NONE:
        return stored
    try:
        inflater = zlib.decompressobj()
        found = inflater.decompress(stored, size + 1)
    except zlib.error as error:
        raise ValueError(f"a record cannot be decompressed: {error}") from None
    if len(found) != size or not inflater.eof:
        raise ValueError(f"a record of other than {size} bytes")
    if head["coding"] == Coding.ZLIB:
        return found
    if head["coding"] == Coding.TRANSPOSED:
        return _transposed(found, rows=8)
    raise ValueError(f"a record in a coding {head['coding']} that nobody knows")


def _encoded(content: bytes, level: int) -> tuple[Coding, bytes]:
    words = bool(content) and len(content) % 8 == 0
    squeezed = zlib.compress(_transposed(content, rows=len(content) // 8) if words else content, level)
    if len(squeezed) >= len(content):
        return Coding.NONE, content
    return (Coding.TRANSPOSED if words else Coding.ZLIB), squeezed


def _transposed(data: bytes, rows: int) -> bytes:
    return np.frombuffer(data, np.uint8).reshape(rows, -1).T.tobytes()


def _counts(batches: list[Batch]) -> tuple[int, ...]:
    return tuple(sum(len(batch.rows[channel]) for batch in batches if channel in batch.rows) for channel in CHANNELS)
