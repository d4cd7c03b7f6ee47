"""Steps of a tape as bytes, for files and for other machines alike: blocks of consecutive steps, and keyframes.

All numbers are little-endian. A block is a head of 16 bytes, two columns, and one packed message (`wire.packed`) of
all rows of its steps: columns over many steps, which compress well.

    offset  bytes  block
    0       u64    seq of its first step, at least 1
    8       u32    steps: how many, at least 1
    12      u32    0
    16      ...    t i64 of every step, which never falls
            ...    emitted_us i64 of every step: the wall clock when it was emitted
            ...    a `ticks` message; its seq is the last step's, its ts that step's emitted_us

    offset  bytes  keyframe
    0       i64    t: the market time
    8       ...    a `snapshot` message with a section for every channel: the newest rows of everything at that step

What was cut has every channel, those without rows too, and is equal to what was spliced, row for row. What is
malformed raises ValueError; so does, where the number of instruments is given, a row of none of them.
"""

import struct
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ticker.ticks import CHANNELS, EMPTY, Batch, Rows
from ticker.wire.packed import SEQ_MAX, SNAPSHOT, TICKS, Steps, pack, unpack_apart

Cut = tuple[Batch, int]
"""A step, and the wall clock (microseconds since 1970) at which it was emitted."""

ANY = 2**31 - 1
"""As many instruments as there can be numbers of."""
TIME_MAX_US = 2**53 - 1  # what JavaScript's numbers hold

_HEAD = struct.Struct("<QII")
_TIME = np.dtype("<i8")
_KEY = struct.Struct("<q")


def splice(cuts: Sequence[Cut]) -> bytes:
    """Return a block of consecutive steps, oldest first. Raises ValueError for none, and where one is left out."""
    if not cuts:
        raise ValueError("a block has at least one step")
    first, last = cuts[0][0].seq, cuts[-1][0].seq
    if last - first + 1 != len(cuts) or any(batch.seq != seq for seq, (batch, _) in enumerate(cuts, first)):
        raise ValueError(f"the steps from {first} to {last} are not consecutive")
    times = np.array([[batch.t for batch, _ in cuts], [emitted_us for _, emitted_us in cuts]], _TIME)
    message = pack(TICKS, last, cuts[-1][1], [(batch.seq, batch.rows) for batch, _ in cuts])
    return b"".join([_HEAD.pack(first, len(cuts), 0), times.tobytes(), message])


def cut(data: bytes, instruments: int = ANY) -> list[Cut]:
    """Return the steps of a block, whose rows are views of one array a channel. Raises ValueError."""
    first, count, place = _head(data)
    times = np.frombuffer(data, _TIME, 2 * count, _HEAD.size).reshape(2, count)
    _check_times(times)
    kind, seq, ts, found = unpack_apart(data[place:])
    if (kind, seq, ts) != (TICKS, first + count - 1, int(times[1, -1])):
        raise ValueError(f"a block from {first} to {first + count - 1} holds a message of kind {kind}, seq {seq}")
    of_steps: list[dict[str, Rows]] = [dict(EMPTY) for _ in range(count)]
    for channel, (ago, rows) in found.items():
        _check(channel, rows, instruments)
        if ago is None:
            of_steps[-1][channel] = rows
        else:
            _deal(channel, ago, rows, of_steps)
    t_us, emitted_us = times.tolist()
    return [(Batch(first + k, t_us[k], of_steps[k]), emitted_us[k]) for k in range(count)]


def head(data: bytes) -> tuple[int, int]:
    """Return the first and the last seq of a block without reading further. Raises ValueError."""
    first, count, _ = _head(data)
    return first, first + count - 1


def keyframe(shown: Batch) -> bytes:
    """Return the newest rows of every channel at a step, as the board has them."""
    rows = {channel: shown.rows.get(channel, EMPTY[channel]) for channel in CHANNELS}
    return _KEY.pack(shown.t) + pack(SNAPSHOT, shown.seq, 0, [(shown.seq, rows)])


def shown(data: bytes, instruments: int = ANY) -> Batch:
    """Return what a keyframe shows. Raises ValueError."""
    if len(data) < _KEY.size:
        raise ValueError(f"a keyframe begins with {_KEY.size} bytes, these are {len(data)}")
    (t,) = _KEY.unpack_from(data)
    kind, seq, ts, found = unpack_apart(data[_KEY.size :])
    if kind != SNAPSHOT or ts or len(found) != len(CHANNELS) or not 0 <= t <= TIME_MAX_US:
        raise ValueError(f"no keyframe: kind {kind}, ts {ts}, {len(found)} channels, t {t}")
    for channel, (ago, rows) in found.items():
        _check(channel, rows, instruments)
        if ago is not None:
            raise ValueError(f"{channel} of another step than the keyframe's {seq}")
    return Batch(seq, t, {channel: rows for channel, (_, rows) in found.items()})


def _head(data: bytes) -> tuple[int, int, int]:
    """Return the first seq, the number of steps, and where the message begins. Raises ValueError."""
    if len(data) < _HEAD.size:
        raise ValueError(f"a block begins with {_HEAD.size} bytes, these are {len(data)}")
    first, count, nothing = _HEAD.unpack_from(data)
    place = _HEAD.size + 2 * _TIME.itemsize * count
    if nothing or not first or not count or first + count - 1 > SEQ_MAX:
        raise ValueError(f"no head of a block: {count} steps from {first}, {nothing}")
    if len(data) < place:
        raise ValueError(f"a block of {count} steps ends at byte {len(data)}, before the last of them")
    return first, count, place


def _check_times(times: NDArray[np.int64]) -> None:
    if int(times.min()) < 0 or int(times.max()) > TIME_MAX_US:
        raise ValueError("a block has a time outside of 1970 to 2255")
    if (times[0, 1:] < times[0, :-1]).any():
        raise ValueError("in a block, market time goes back")


def _check(channel: str, rows: Rows, instruments: int) -> None:
    if len(rows) and int(rows["instrument"].view("<u4").max()) >= instruments:
        raise ValueError(f"{channel} of an instrument beyond the {instruments} that there are")


def _deal(channel: str, ago: Steps, rows: Rows, of_steps: list[dict[str, Rows]]) -> None:
    """Give every step its rows. Raises ValueError where they are not in the order of the tape."""
    count = len(of_steps)
    if int(ago[0]) >= count or (ago[1:] > ago[:-1]).any():
        raise ValueError(f"{channel} of steps that are not in order, or not in the block")
    counts = np.bincount(ago, minlength=count)[::-1]
    ends = counts.cumsum().tolist()
    start = 0
    for step, end in zip(of_steps, ends, strict=True):
        if end > start:
            step[channel] = rows[start:end]
            start = end
