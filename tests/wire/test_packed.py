"""Packed frames: what is packed is unpacked, and what is not whole or not right is refused with a sentence."""

import struct
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticker.ticks import CHANNELS, DTYPES, QUOTES, REASONS, STATES, TRADES, Rows
from ticker.wire.packed import ROWS, SNAPSHOT, TICKS, Packed, pack, unpack

Steps = list[tuple[int, Mapping[str, Rows]]]
HEAD, SECTION = 24, 8
SMALL = {"state": len(STATES), "reason": len(REASONS), "side": 2, "done": 2, "fresh": 2}


def some(channel: str, count: int, seed: int = 1) -> Rows:
    """Return rows that are no zeros anywhere."""
    rows = np.empty(count, DTYPES[channel])
    for place, (name, (dtype, _)) in enumerate((DTYPES[channel].fields or {}).items()):
        values = (np.arange(count) + 1) * (place + 3) * (seed + 7919)
        rows[name] = values % 2 if name in SMALL else values % np.iinfo(dtype).max
    return rows


@st.composite
def rows_of(draw: st.DrawFn, channel: str) -> Rows:
    bits = {
        **{name: st.integers(0, limit - 1) for name, limit in SMALL.items()},
        "instrument": st.integers(-(2**31), 2**31 - 1),
    }
    fields = st.tuples(*(bits.get(name, st.integers(-(2**63), 2**63 - 1)) for name in DTYPES[channel].names or ()))
    return np.array(draw(st.lists(fields, max_size=9)), DTYPES[channel])


@st.composite
def steps_of(draw: st.DrawFn) -> Steps:
    numbers = sorted(draw(st.sets(st.integers(1, 2**20), min_size=1, max_size=4)))
    return [(seq, {channel: draw(rows_of(channel)) for channel in CHANNELS if draw(st.booleans())}) for seq in numbers]


def expected(steps: Steps) -> dict[str, list[tuple[int, ...]]]:
    """Return the rows by channel, with the step of each, as Python's own numbers; channels without rows are none."""
    found = {
        channel: [(seq, *row) for seq, rows in steps if channel in rows for row in rows[channel].tolist()]
        for channel in CHANNELS
    }
    return {channel: rows for channel, rows in found.items() if rows}


@given(steps_of(), st.integers(0, 9), st.integers(-(2**63), 2**63 - 1))
def test_what_is_packed_is_unpacked(steps: Steps, later: int, ts: int) -> None:
    seq = steps[-1][0] + later
    packed = unpack(pack(TICKS, seq, ts, steps))
    assert packed[:3] == (TICKS, seq, ts)
    assert {channel: rows.tolist() for channel, rows in packed.rows.items()} == expected(steps)
    assert {channel: rows.dtype for channel, rows in packed.rows.items()} == {c: ROWS[c] for c in packed.rows}


def test_one_step_in_bytes() -> None:
    trades = np.array([(7, 551, 1_700, 18_732, 100, 1)], DTYPES[TRADES])
    assert pack(TICKS, 9, -5, [(9, {TRADES: trades})]) == struct.pack(
        "<BBHIQq" "B3xI" "i4x" "I4x" "qqqq" "b7x", 1, 1, 1, 0, 9, -5, 4, 1, 7, 0, 551, 1_700, 18_732, 100, 1
    )  # fmt: skip


def test_steps_are_joined_and_told_apart() -> None:
    first, second = some(QUOTES, 2), some(QUOTES, 3, seed=2)
    packed = unpack(pack(TICKS, 12, 1, [(5, {QUOTES: first}), (8, {TRADES: some(TRADES, 1)}), (11, {QUOTES: second})]))
    assert packed.rows[QUOTES]["seq"].tolist() == [5, 5, 11, 11, 11]
    assert packed.rows[TRADES]["seq"].tolist() == [8]
    for name in DTYPES[QUOTES].names or ():
        assert packed.rows[QUOTES][name].tolist() == [*first[name].tolist(), *second[name].tolist()]


def test_rows_need_not_lie_side_by_side() -> None:
    rows = some(TRADES, 10)[::3]
    assert unpack(pack(TICKS, 1, 1, [(1, {TRADES: rows})])).rows[TRADES]["n"].tolist() == rows["n"].tolist()


@pytest.mark.parametrize("count", range(1, 10))
def test_every_column_begins_at_a_multiple_of_eight(count: int) -> None:
    trades, quotes = some(TRADES, count), some(QUOTES, count + 1)
    data = pack(TICKS, 3, 1, [(3, {TRADES: trades, QUOTES: quotes})])
    assert len(data) % 8 == 0
    place = HEAD
    for channel, rows in ((QUOTES, quotes), (TRADES, trades)):
        place += SECTION
        for name in ("instrument", "step", *(DTYPES[channel].names or ())[1:]):
            assert place % 8 == 0
            column = rows[name].tobytes() if name != "step" else bytes(4 * len(rows))
            padded = column + bytes(-len(column) % 8)
            assert data[place : place + len(padded)] == padded, name
            place += len(padded)
    assert place == len(data)


def test_only_a_snapshot_says_that_there_is_nothing() -> None:
    nothing = {TRADES: some(TRADES, 0)}
    assert unpack(pack(TICKS, 3, 1, [(3, nothing)])) == Packed(TICKS, 3, 1, {})
    assert len(pack(TICKS, 3, 1, [])) == HEAD
    shown = unpack(pack(SNAPSHOT, 3, 0, [(3, nothing)]))
    assert {channel: len(rows) for channel, rows in shown.rows.items()} == {TRADES: 0}


def whole() -> bytes:
    return pack(
        TICKS, 20, 1, [(19, {TRADES: some(TRADES, 3)}), (20, {QUOTES: some(QUOTES, 2), TRADES: some(TRADES, 2)})]
    )


def test_every_truncation_is_refused() -> None:
    for size in range(len(whole())):
        with pytest.raises(ValueError, match=r"begins with 24 bytes|the message ends at byte"):
            unpack(whole()[:size])


@pytest.mark.parametrize("more", [1, 7, 8, 24])
def test_what_follows_the_end_is_refused(more: int) -> None:
    with pytest.raises(ValueError, match=f"goes on for {more} bytes"):
        unpack(whole() + bytes(more))


def test_every_flipped_bit_of_a_length_is_refused() -> None:
    quotes = HEAD + SECTION + 8 + 8 + 6 * 16
    for place in (2, HEAD + 4, quotes + 4):  # sections, rows of quotes, rows of trades
        for bit in range(16 if place == 2 else 32):
            flipped = bytearray(whole())
            flipped[place + bit // 8] ^= 1 << bit % 8
            with pytest.raises(
                ValueError, match=r"the message|there is no channel|a section of|of a step before|a side is not below 2"
            ):
                unpack(bytes(flipped))


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (0, 3, "kind 3"),
        (0, 0, "kind 0"),
        (1, 2, "version 2"),
        (5, 1, "no head of version 1"),
        (15, 255, "no head of version 1"),
        (HEAD, 0, "there is no channel 0"),
        (HEAD, 8, "there is no channel 8"),
        (HEAD + 2, 1, "there is no channel 2"),
        (HEAD + SECTION + 8 + 3, 255, "quotes of a step before the first"),
        (-8, 2, "trades: a side is not below 2"),
        (-6, 255, "trades: a side is not below 2"),
    ],
)
def test_what_cannot_be_is_refused(place: int, value: int, words: str) -> None:
    wrong = bytearray(whole())
    wrong[place] = value
    with pytest.raises(ValueError, match=words):
        unpack(bytes(wrong))


@pytest.mark.parametrize(
    ("channel", "name"),
    [(channel, name) for channel, dtype in DTYPES.items() for name in dtype.names or () if name in SMALL],
)
def test_a_small_number_that_stands_for_nothing_is_refused(channel: str, name: str) -> None:
    rows = some(channel, 3)
    for value in (SMALL[name], -1):
        rows[name][1] = value
        with pytest.raises(ValueError, match=f"{channel}: a {name} is not below {SMALL[name]}"):
            unpack(pack(TICKS, 1, 1, [(1, {channel: rows})]))


def test_a_channel_stands_once_and_in_its_order() -> None:
    quotes = pack(TICKS, 1, 1, [(1, {QUOTES: some(QUOTES, 2)})])[HEAD:]
    trades = pack(TICKS, 1, 1, [(1, {TRADES: some(TRADES, 2)})])[HEAD:]
    head = pack(TICKS, 1, 1, [(1, {QUOTES: some(QUOTES, 1), TRADES: some(TRADES, 1)})])[:HEAD]
    assert list(unpack(head + quotes + trades).rows) == [QUOTES, TRADES]
    for order in (quotes + quotes, trades + quotes, trades + trades):
        with pytest.raises(ValueError, match="stands after one of"):
            unpack(head + order)


@given(st.binary(max_size=200))
def test_noise_is_refused_with_a_sentence(noise: bytes) -> None:
    for data in (noise, whole()[:2] + noise, whole()[:HEAD] + noise):
        with pytest.raises(ValueError, match=r"[a-z]{3} .+"):
            unpack(data)
