"""Readers of bytes that any speaker could use: packed frames, events, numbers. The first byte names the kind."""

from itertools import pairwise
from zlib import crc32

import numpy as np

from ticker.ticks import CHANNELS, DTYPES
from ticker.wire import eventstream, packed
from ticker.wire.decimals import spell
from ticker.wire.frames import short_messages
from ticker_client.arrays import unpacked
from ticker_client.instruments import Instrument, Instruments

NAMED = Instruments([Instrument("AAA", 0.01, 2), Instrument("BBB", 0.005, 3)])


def check(data: bytes) -> None:
    """Read bytes in one of four ways."""
    kind = data[:1]
    if kind == b"e":
        _events(data[1:])
    elif kind == b"d":
        _decimals(data[1:])
    elif kind == b"s":
        short_messages(data[1:])
    else:
        _packed(data[1:])


def _packed(data: bytes) -> None:
    """Unpack, and pack again what came of it: that says the same."""
    try:
        found = packed.unpack(data)
    except ValueError:
        return
    steps = [
        (int(seq), {channel: _of(channel, rows[rows["seq"] == seq]) for channel, rows in found.rows.items()})
        for seq in sorted({int(seq) for rows in found.rows.values() for seq in rows["seq"]} | {found.seq})
    ]
    again = packed.unpack(packed.pack(found.kind, found.seq, found.ts, steps))
    assert (again.kind, again.seq, again.ts) == (found.kind, found.seq, found.ts)
    for channel, rows in again.rows.items():
        assert rows.tolist() == sorted(found.rows[channel].tolist(), key=lambda row: row[0])
    try:
        message = unpacked(data, NAMED)
    except ValueError:
        return
    for ticks in message.messages():
        assert all(tick.sym in NAMED.symbols for tick in ticks.data)
    for channel in CHANNELS:
        message.table(channel)


def _of(channel: str, rows: np.ndarray) -> np.ndarray:
    found = np.zeros(len(rows), DTYPES[channel])
    for name in DTYPES[channel].names or ():
        found[name] = rows[name]
    return found


def _events(data: bytes) -> None:
    """Read a stream whole and in pieces: the same events come of it."""
    whole, pieces = eventstream.Parser(), eventstream.Parser()
    expected = whole.feed(data)
    places = sorted({0, len(data), *((crc32(data) >> shift) % (len(data) + 1) for shift in (0, 7, 14, 21))})
    assert [e for begin, end in pairwise(places) for e in pieces.feed(data[begin:end])] == expected
    assert (pieces.event_id, pieces.retry_ms) == (whole.event_id, whole.retry_ms)
    for event in expected:
        assert b"\n" not in event.event_id.encode()


def _decimals(data: bytes) -> None:
    """Spell a number: read back, it is the same one."""
    decimals = data[0] % 12 if data else 0
    units = int.from_bytes(data[1:17], "little", signed=True)
    text = spell(units, decimals)
    whole, _, part = text.partition(".")
    assert len(part) == decimals
    assert int(whole + part) == units
