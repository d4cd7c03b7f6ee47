"""Packed frames: ticks as columns of fixed width, one binary message for one step of the market or several.

All numbers are little-endian. A message is a head of 24 bytes and then its sections, one a channel at most, in the
rising order of their channels:

    offset  bytes  head
    0       u8     kind: 1 ticks, 2 snapshot
    1       u8     version: 1
    2       u16    sections: how many follow
    4       u32    0
    8       u64    seq: the newest step in the message; of a snapshot the step it shows
    16      i64    ts: the wall clock when it was emitted, in microseconds since 1970; of a snapshot 0

    offset  bytes  section, from its own beginning
    0       u8     channel: 1 status, 2 quotes, 3 book, 4 trades, 5 bars.1s, 6 bars.1m, 7 stats
    1       3      0
    4       u32    rows: how many
    8       ...    the columns, one after the other

A column holds one field of all rows, and zeros up to a multiple of 8 bytes: every column begins at a multiple of 8
from the message's beginning, and can be read where it lies. The columns of every channel begin with

    instrument i32, step u32, n i64, t i64

and go on, in this order, with

    status   state i8, reason i8, price_ticks i64, size i64, value_ppm i64, ref i64
    quotes   bid_ticks i64, bid_size i64, ask_ticks i64, ask_size i64
    book     side i8 (0 bid, 1 ask), price_ticks i64, size i64, crc i64 (-1 none), fresh i8 (0 or 1)
    trades   price_ticks i64, size i64, side i8 (0 buy, 1 sell)
    bars.1s  open_ticks i64, high_ticks i64, low_ticks i64, close_ticks i64, volume i64, turnover i64, trades i64,
             done i8 (0 or 1)
    bars.1m  the same
    stats    open_ticks i64, high_ticks i64, low_ticks i64, last_ticks i64, previous_ticks i64, volume i64,
             turnover i64, trades i64

`instrument` is the number of the instrument, `step` how many steps before the head's `seq` the row happened (0 in a
message of one step), the others are the fields of `ticker.ticks.DTYPES`; `state` and `reason` are places in `STATES`
and `REASONS`. Rows of a channel are in the order of the tape; between channels that order is by step, then by channel.
A channel without rows has no section, but in a snapshot: there an empty section says what was asked for.
"""

import struct
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ticker.ticks import CHANNELS, DTYPES, REASONS, STATES, Rows

VERSION = 1
TICKS, SNAPSHOT = 1, 2
SEQ_MAX = 2**53 - 1  # like every position

_HEAD = struct.Struct("<BBHIQq")
_SECTION = struct.Struct("<B3sI")
_NOTHING = b"\0\0\0"
_PADS = [bytes(size) for size in range(8)]

Steps = NDArray[np.uint32]
ROWS = {
    channel: np.dtype([("seq", "<i8"), *((name, dtype[name]) for name in dtype.names or ())], align=True)
    for channel, dtype in DTYPES.items()
}
"""What `unpack` returns, per channel: `seq`, the step in which the row happened, then the fields of `DTYPES`."""

_CODES = {channel: code for code, channel in enumerate(CHANNELS, 1)}
_CHANNELS = {code: channel for channel, code in _CODES.items()}
_NUMBER, _STEP = np.dtype("<i4"), np.dtype("<u4")
_FIELDS = {  # the columns after those two
    channel: [(name, dtype[name]) for name in dtype.names or () if name != "instrument"]
    for channel, dtype in DTYPES.items()
}
_LIMITS = {"state": len(STATES), "reason": len(REASONS), "side": 2, "done": 2, "fresh": 2}
"""The columns of a byte, whatever the channel, and what their values lie below."""
_ALLOWED = {name: bytes(range(limit)) for name, limit in _LIMITS.items()}
_WIDTHS = {channel: [4, 4, *(dtype.itemsize for _, dtype in fields)] for channel, fields in _FIELDS.items()}


class Packed(NamedTuple):
    """A message that was unpacked: rows by channel, in arrays of `ROWS`."""

    kind: int
    seq: int
    ts: int
    rows: dict[str, Rows]


class Apart(NamedTuple):
    """The same with rows of `DTYPES`; beside each array how many steps before `seq` its rows happened, None for 0."""

    kind: int
    seq: int
    ts: int
    rows: dict[str, tuple[Steps | None, Rows]]


def pack(kind: int, seq: int, ts: int, steps: Sequence[tuple[int, Mapping[str, Rows]]]) -> bytes:
    """Return one message of the rows (`DTYPES`, by channel) of these steps, oldest first, none after `seq`."""
    pieces = [b""]
    sections = 0
    for channel, code in _CODES.items():
        parts = [(seq - at, rows[channel]) for at, rows in steps if channel in rows]
        count = sum([len(rows) for _, rows in parts])
        if count or (parts and kind == SNAPSHOT):
            pieces.append(_SECTION.pack(code, _NOTHING, count))
            _pack_columns(pieces, channel, parts, count)
            sections += 1
    pieces[0] = _HEAD.pack(kind, VERSION, sections, 0, seq, ts)
    return b"".join(pieces)


def _pack_columns(pieces: list[bytes], channel: str, parts: list[tuple[int, Rows]], count: int) -> None:
    """Add the columns of so many rows, in parts that happened so many steps ago."""
    if len(parts) == 1:
        ago, rows = parts[0]
        steps = bytes(4 * count) if ago == 0 else np.full(count, ago, _STEP).tobytes()
    else:
        rows = np.frombuffer(b"".join([rows.tobytes() for _, rows in parts]), DTYPES[channel])  # 20 x concatenate
        steps = np.repeat(np.array([ago for ago, _ in parts], _STEP), [len(rows) for _, rows in parts]).tobytes()
    pad = _PADS[-4 * count % 8]
    pieces += rows["instrument"].tobytes(), pad, steps, pad
    for name, dtype in _FIELDS[channel]:
        pieces.append(rows[name].tobytes())
        if dtype.itemsize != 8:
            pieces.append(_PADS[-dtype.itemsize * count % 8])


def unpack(data: bytes) -> Packed:
    """Return what a message says. Raises ValueError where it is malformed in any way."""
    kind, seq, ts, sections = _read_head(data)
    found: dict[str, Rows] = {}
    for channel, count, place in _read_sections(data, sections):
        rows = np.empty(count, ROWS[channel])
        _fill(rows, data, place, channel)
        steps = _read_steps(data, place, channel, count, seq)
        rows["seq"] = seq if steps is None else seq - steps.astype("<i8")
        found[channel] = rows
    return Packed(kind, seq, ts, found)


def unpack_apart(data: bytes) -> Apart:
    """Return the same with the steps apart from the rows. Raises ValueError where it is malformed in any way."""
    kind, seq, ts, sections = _read_head(data)
    found: dict[str, tuple[Steps | None, Rows]] = {}
    for channel, count, place in _read_sections(data, sections):
        rows = np.empty(count, DTYPES[channel])
        _fill(rows, data, place, channel)
        found[channel] = _read_steps(data, place, channel, count, seq), rows
    return Apart(kind, seq, ts, found)


def _read_head(data: bytes) -> tuple[int, int, int, int]:
    """Return kind, seq, ts and the number of sections. Raises ValueError."""
    if len(data) < _HEAD.size:
        raise ValueError(f"a packed message begins with {_HEAD.size} bytes, these are {len(data)}")
    kind, version, sections, nothing, seq, ts = _HEAD.unpack_from(data)
    if version != VERSION or kind not in (TICKS, SNAPSHOT) or nothing or seq > SEQ_MAX:
        raise ValueError(f"no head of version {VERSION}: kind {kind}, version {version}, {nothing}, seq {seq}")
    return kind, seq, ts, sections


def _read_sections(data: bytes, sections: int) -> list[tuple[str, int, int]]:
    """Return the channel, the rows and the place of the columns of every section. Raises ValueError."""
    found: list[tuple[str, int, int]] = []
    place, last = _HEAD.size, 0
    for _ in range(sections):
        code, count, size = _section(data, place)
        if code <= last:
            raise ValueError(f"a section of {_CHANNELS[code]} stands after one of {_CHANNELS[last]}")
        found.append((_CHANNELS[code], count, place + _SECTION.size))
        place, last = place + size, code
    if place != len(data):
        raise ValueError(f"the message goes on for {len(data) - place} bytes after its last section")
    return found


def _section(data: bytes, place: int) -> tuple[int, int, int]:
    """Return the channel's code, the rows and the bytes of the section that begins at a place. Raises ValueError."""
    if len(data) - place < _SECTION.size:
        raise ValueError(f"the message ends at byte {len(data)}, before its last section")
    code, nothing, count = _SECTION.unpack_from(data, place)
    if code not in _CHANNELS or nothing != _NOTHING:
        raise ValueError(f"there is no channel {code}.{nothing.hex()}, at byte {place}")
    size = _SECTION.size + sum([(width * count + 7) & -8 for width in _WIDTHS[_CHANNELS[code]]])
    if len(data) - place < size:
        raise ValueError(f"the message ends at byte {len(data)}, before the last of {count} {_CHANNELS[code]}")
    return code, count, size


def _read_steps(data: bytes, place: int, channel: str, count: int, seq: int) -> Steps | None:
    """Return how many steps ago each row happened, None where all are of step `seq`. Raises ValueError."""
    padded = (4 * count + 7) & -8
    if data[place + padded : place + 2 * padded] == bytes(padded):  # one step, as it mostly is
        return None
    steps = np.frombuffer(data, _STEP, count, place + padded)
    if int(steps.max()) > seq:
        raise ValueError(f"{channel} of a step before the first")
    return steps


def _fill(rows: Rows, data: bytes, place: int, channel: str) -> None:
    """Read all columns but the steps, which begin at a place. Raises ValueError where a value cannot be."""
    count = len(rows)
    padded = (4 * count + 7) & -8
    rows["instrument"] = np.frombuffer(data, _NUMBER, count, place)
    place += 2 * padded
    for name, dtype in _FIELDS[channel]:
        rows[name] = np.frombuffer(data, dtype, count, place)
        if dtype.itemsize == 1 and data[place : place + count].translate(None, _ALLOWED[name]):
            raise ValueError(f"{channel}: a {name} is not below {_LIMITS[name]}")
        place += (dtype.itemsize * count + 7) & -8
