"""Steps as bytes: what is spliced is cut exactly, and what is not whole or not right is refused with a sentence."""

import struct
from collections.abc import Sequence
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deep_market import DeepMarket
from golden_tape import MORNING, SCRIPT, batches, market_of
from ticker import universes
from ticker.config import MarketConfig
from ticker.feed.board import Board
from ticker.ticks import CHANNELS, DTYPES, EMPTY, TRADES, Batch
from ticker.wire.packed import SNAPSHOT, pack
from ticker.wire.reel import Cut, cut, head, keyframe, shown, splice

PLAIN = MarketConfig(model="plain", universe="numbered", instruments=10, arrivals="every_step", quotes_per_s=0)
STILL = MarketConfig(model="plain", instruments=3, trades_per_s=0.01, quotes_per_s=0)
CONFIGS = {
    "default": (MarketConfig(), 120),
    "plain": (PLAIN, 60),
    "mostly still": (STILL, 100),
    "days and nights": (MarketConfig(instruments=4, step_ms=60_000.0), 900),
}


@cache
def tape(name: str) -> list[Cut]:
    if name == "a morning with incidents":
        made = batches(market_of(MORNING, SCRIPT), 200)
    elif name == "deep books":
        made = batches(DeepMarket(PLAIN, universes.load(PLAIN)), 80)
    else:
        config, steps = CONFIGS[name]
        made = batches(market_of(config), steps)
    return [(batch, 1_790_000_000_000_000 + 10_007 * batch.seq - batch.seq % 3 * 9_000) for batch in made]


TAPES = [*CONFIGS, "a morning with incidents", "deep books"]


def plain(batch: Batch) -> tuple[int, int, dict[str, bytes]]:
    return batch.seq, batch.t, {channel: batch.rows[channel].tobytes() for channel in CHANNELS}


def assert_equal(found: Sequence[Cut], wanted: Sequence[Cut]) -> None:
    assert [(plain(batch), us) for batch, us in found] == [(plain(batch), us) for batch, us in wanted]
    for batch, us in found:
        assert type(batch.seq) is type(batch.t) is type(us) is int
        assert {channel: rows.dtype for channel, rows in batch.rows.items()} == DTYPES
        assert tuple(batch.rows) == CHANNELS


@pytest.mark.parametrize("name", TAPES)
def test_a_whole_tape_is_cut_as_it_was_spliced(name: str) -> None:
    assert_equal(cut(splice(tape(name))), tape(name))


@pytest.mark.parametrize("name", TAPES)
@given(data=st.data())
def test_any_part_of_a_tape_is_cut_as_it_was_spliced(name: str, data: st.DataObject) -> None:
    cuts = tape(name)
    start = data.draw(st.integers(0, len(cuts) - 1))
    some = cuts[start : start + data.draw(st.integers(1, 120))]
    block = splice(some)
    assert_equal(cut(block, len(universes.load(MarketConfig()))), some)
    assert head(block) == (some[0][0].seq, some[-1][0].seq)
    assert splice(cut(block)) == block
    assert len(block) % 8 == 0


def test_the_tapes_have_what_is_difficult() -> None:
    days = [batch for batch, _ in tape("days and nights")]
    assert max(b.t - a.t for a, b in pairwise(days)) > 3_600_000_000, "a night"
    assert any(not sum(map(len, batch.rows.values())) for batch, _ in tape("mostly still")), "a step without rows"
    assert all(any(len(b.rows[channel]) for b, _ in tape("a morning with incidents")) for channel in CHANNELS)


def test_steps_without_rows_take_no_memory_for_them() -> None:
    nothing = [(Batch(seq, seq, dict(EMPTY)), seq) for seq in (5, 6)]
    assert_equal(cut(splice(nothing)), nothing)
    assert all(batch.rows[channel] is EMPTY[channel] for batch, _ in cut(splice(nothing)) for channel in CHANNELS)
    assert len(splice(nothing)) == 16 + 2 * 16 + 24


def test_a_step_need_not_have_every_channel() -> None:
    trades = np.array([(1, 2, 3, 4, 5, 1)], DTYPES[TRADES])
    ((batch, _),) = cut(splice([(Batch(1, 2, {TRADES: trades}), 3)]))
    assert batch.rows[TRADES].tolist() == trades.tolist()
    assert tuple(batch.rows) == CHANNELS and not len(batch.rows["quotes"])


def test_what_is_not_consecutive_is_not_spliced() -> None:
    cuts = tape("plain")
    for wrong in ([], [cuts[0], cuts[2]], [cuts[1], cuts[0]], [cuts[0], cuts[0], cuts[1]], [cuts[0], cuts[2], cuts[2]]):
        with pytest.raises(ValueError, match=r"at least one step|are not consecutive"):
            splice(wrong)


def test_a_normal_step_is_small() -> None:
    """About what its rows take: 40 to 69 bytes each, and 8 to 11 for alignment and the step."""
    for block, rows in ((splice([one]), one[0].rows) for one in tape("default")[1:]):
        raw = sum(found.nbytes + 4 * len(found) for found in rows.values())
        assert raw <= len(block) <= raw + 56 + 7 * 8 * 12


@pytest.mark.parametrize("name", TAPES)
def test_a_keyframe_shows_what_the_board_has(name: str) -> None:
    cuts = tape(name)
    board = Board(100)
    for batch, _ in cuts[: len(cuts) // 2]:
        board.update(batch)
    picture = Batch(batch.seq, batch.t, {channel: board.newest(channel, range(100)) for channel in CHANNELS})
    again = shown(keyframe(picture), 100)
    assert plain(again) == plain(picture)
    restored = Board(100)
    restored.update(again)
    for batch, _ in cuts[len(cuts) // 2 :]:
        board.update(batch)
        restored.update(batch)
    for channel in CHANNELS:
        assert restored.newest(channel, range(100)).tobytes() == board.newest(channel, range(100)).tobytes(), channel


def test_a_keyframe_of_nothing() -> None:
    assert plain(shown(keyframe(Batch(0, 5, {})))) == plain(Batch(0, 5, dict(EMPTY)))


SMALL = splice(tape("a morning with incidents")[58:61])
SEEN = keyframe(cut(splice(tape("a morning with incidents")[59:60]))[0][0])


@pytest.mark.parametrize(("read", "data"), [(cut, SMALL), (shown, SEEN)], ids=["cut", "shown"])
def test_every_truncation_and_every_addition_is_refused(read: type, data: bytes) -> None:
    for size in range(len(data)):
        with pytest.raises(ValueError, match=r"[a-z]{3} .+"):
            read(data[:size])
    for more in (1, 8, 24):
        with pytest.raises(ValueError, match=r"[a-z]{3} .+"):
            read(data + bytes(more))


def assert_well_formed(found: list[Cut] | Batch) -> None:
    """Whatever else it says, whoever is handed it has nothing to fear."""
    cuts = [(found, 0)] if isinstance(found, Batch) else found
    for batch, emitted_us in cuts:
        assert batch.seq >= 0 and 0 <= batch.t < 2**53 and 0 <= emitted_us < 2**53
        assert {channel: rows.dtype for channel, rows in batch.rows.items()} == DTYPES
        assert all(
            0 <= rows["instrument"].min() <= rows["instrument"].max() < 100 for rows in batch.rows.values() if len(rows)
        )
    assert [batch.seq for batch, _ in cuts] == list(range(cuts[0][0].seq, cuts[0][0].seq + len(cuts)))
    assert [batch.t for batch, _ in cuts] == sorted(batch.t for batch, _ in cuts)


@given(st.data())
def test_a_flipped_bit_is_refused_or_makes_other_steps(data: st.DataObject) -> None:
    for read, whole in ((cut, SMALL), (shown, SEEN)):
        flipped = bytearray(whole)
        for _ in range(data.draw(st.integers(1, 3))):
            flipped[data.draw(st.integers(0, len(whole) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        try:
            found = read(bytes(flipped), 100)
        except ValueError as error:
            assert len(str(error)) > 10
        else:
            assert_well_formed(found)


def test_every_flipped_bit_of_the_heads_is_refused_or_makes_other_steps() -> None:
    for place in range(8 * (16 + 48 + 24 + 8)):
        flipped = bytearray(SMALL)
        flipped[place // 8] ^= 1 << place % 8
        try:
            found = cut(bytes(flipped), 100)
        except ValueError:
            continue
        assert 8 * 16 <= place < 8 * (16 + 48), "only times may be others"
        assert_well_formed(found)


@given(st.binary(max_size=200))
def test_noise_is_refused_with_a_sentence(noise: bytes) -> None:
    for read, whole in ((cut, SMALL), (shown, SEEN)):
        for data in (noise, whole[:8] + noise, whole[:64] + noise, whole[:96] + noise):
            with pytest.raises(ValueError, match=r"[a-z]{3} .+"):
                read(data, 100)


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (0, struct.pack("<Q", 0), "no head of a block"),
        (0, struct.pack("<Q", 2**53), "no head of a block"),
        (0, struct.pack("<Q", 7), "a block from 7 to 9 holds a message of kind 1, seq 61"),
        (8, struct.pack("<I", 0), "no head of a block"),
        (8, struct.pack("<I", 2**32 - 1), "ends at byte"),
        (12, struct.pack("<I", 1), "no head of a block"),
        (16, struct.pack("<q", -1), "outside of 1970"),
        (16, struct.pack("<q", 2**60), "outside of 1970"),
        (16, struct.pack("<q", 2**52), "goes back"),
        (16 + 40, struct.pack("<q", 5), "holds a message of kind 1"),
        (64, b"\x02", "kind 2"),
    ],
)
def test_what_cannot_be_is_refused(place: int, value: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        cut(SMALL[:place] + value + SMALL[place + len(value) :])


def test_rows_of_no_instrument_are_refused() -> None:
    assert cut(SMALL, 6) and shown(SEEN, 6)
    for read, data in ((cut, SMALL), (shown, SEEN)):
        with pytest.raises(ValueError, match="of an instrument beyond the 2"):
            read(data, 2)
    minus = Batch(1, 1, {TRADES: np.array([(-1, 1, 1, 1, 1, 0)], DTYPES[TRADES])})
    for read, data in ((cut, splice([(minus, 1)])), (shown, keyframe(minus))):
        with pytest.raises(ValueError, match="of an instrument beyond"):
            read(data)


def test_rows_out_of_order_are_refused() -> None:
    trades = np.array([(0, n, 1, 1, 1, 0) for n in range(2)], DTYPES[TRADES])
    both = splice([(Batch(seq, 1, {TRADES: trades[seq - 1 : seq]}), 1) for seq in (1, 2)])
    place = 16 + 32 + 24 + 8 + 8
    assert both[place : place + 8] == struct.pack("<II", 1, 0), "how many steps before the last"
    for wrong in ((0, 1), (2, 0), (9, 1)):
        with pytest.raises(ValueError, match=r"not in order, or not in the block|before the first"):
            cut(both[:place] + struct.pack("<II", *wrong) + both[place + 8 :])


def test_a_keyframe_is_of_one_step_and_has_all_channels() -> None:
    trades = np.array([(0, 1, 1, 1, 1, 0)], DTYPES[TRADES])
    for message, words in (
        (pack(SNAPSHOT, 5, 0, [(4, {**EMPTY, TRADES: trades})]), "trades of another step than the keyframe's 5"),
        (pack(SNAPSHOT, 5, 0, [(5, {TRADES: trades})]), "1 channels"),
        (pack(SNAPSHOT, 5, 1, [(5, EMPTY)]), "ts 1"),
    ):
        with pytest.raises(ValueError, match=words):
            shown(struct.pack("<q", 7) + message)
