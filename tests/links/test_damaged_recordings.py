"""Recordings that were cut off or damaged: what is whole is read, what is not is a gap, and said."""

import os
import random
import struct
import zlib
from itertools import pairwise
from pathlib import Path

import pytest

from recorded import STEPS, assert_same, made, record
from ticker.errors import SetupError
from ticker.links import reel_file
from ticker.links.recording import Recording
from ticker.links.reel_file import HEAD_BYTES, MAGIC, Kind
from ticker.ticks import Batch


@pytest.fixture
def tape(tmp_path: Path) -> Path:
    record(tmp_path / "tape")
    return tmp_path / "tape"


def places(path: Path) -> list[tuple[int, int, int, int]]:
    """Return place, kind, first and last of every record."""
    with Recording.open(path) as recording:
        heads = recording.records.heads
        columns = (recording.records.places, *(heads[name].tolist() for name in ("kind", "first", "last")))
        return list(zip(*columns, strict=True))


def flip(path: Path, place: int, bit: int = 0) -> None:
    with path.open("r+b") as file:
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 1 << bit]))


def unindexed(path: Path) -> None:
    """Take the index away."""
    data = path.read_bytes()
    place = reel_file.footed(data[-24:])
    assert place is not None
    os.truncate(path, place)


def test_without_an_index_the_same_is_found(tape: Path) -> None:
    before = places(tape)
    unindexed(tape)
    assert places(tape) == before
    with Recording.open(tape) as recording:
        assert (recording.closed, recording.troubles, recording.last) == (False, [], STEPS)
        assert_same(list(recording.after(0)), made()[1])


@pytest.mark.parametrize("left", [1, 8, HEAD_BYTES - 1, HEAD_BYTES, HEAD_BYTES + 1, -1])
def test_a_record_that_was_never_finished_is_ignored_and_said(tape: Path, left: int) -> None:
    place, kind, first, _ = places(tape)[60]
    assert kind == Kind.BLOCK
    end = places(tape)[61][0] - 1 if left < 0 else place + left
    os.truncate(tape, end)
    with Recording.open(tape) as recording:
        assert (recording.last, recording.closed, recording.gaps) == (first - 1, False, [])
        (said,) = recording.troubles
        assert said == f"the last {end - place} bytes are the beginning of a record that was never finished"
        assert_same(list(recording.after(0)), made()[1][: first - 1])


def test_cut_off_anywhere_it_is_read_up_to_there(tape: Path) -> None:
    data, known = tape.read_bytes(), places(tape)
    chance = random.Random(5)
    for size in sorted(chance.sample(range(len(data)), 60), reverse=True):
        os.truncate(tape, size)
        whole = [last for (place, kind, _, last), (end, *_) in pairwise(known) if end <= size]
        titles = [kind for place, kind, _, _ in known[:2] if place + HEAD_BYTES <= size]
        try:
            with Recording.open(tape) as recording:
                assert recording.last in (max(whole), STEPS)
                assert_same(list(recording.after(0)), made()[1][: recording.last])
        except SetupError as error:
            assert "tape: " in str(error) and (len(titles) < 2 or not any(whole))


@pytest.mark.parametrize("indexed", [True, False])
def test_a_damaged_block_is_a_gap_up_to_the_next_keyframe(tape: Path, indexed: bool) -> None:
    _, cuts, pictures = made()
    known = places(tape)
    number = next(k for k, (_, kind, first, _) in enumerate(known) if kind == Kind.BLOCK and first > 100)
    place, _, first, last = known[number]
    if not indexed:
        unindexed(tape)
    flip(tape, place + HEAD_BYTES + 40, 3)
    until = next(first for _, kind, first, _ in known if kind == Kind.KEYFRAME and first > last)
    with Recording.open(tape) as recording:
        assert recording.gaps == [], "nobody has looked yet"
        assert_same(list(recording.after(0)), [*cuts[: first - 1], pictures[until], *cuts[until:]])
        assert recording.gaps == [(first - 1, until)]
        assert recording.troubles == [f"the block of steps {first} to {last} is damaged: a checksum is wrong"]
        assert_same(list(recording.after(first + 1)), [pictures[until], *cuts[until:]])
        assert_same(list(recording.after(last + 2)), [pictures[until], *cuts[until:]])
        assert recording.picture(last + 1) is None
    with Recording.open(tape) as recording:
        assert recording.picture(last + 1) is None, "the way there leads through it"
        assert recording.gaps == [(first - 1, until)]
        assert_same(list(recording.after(last + 1)), [pictures[until], *cuts[until:]])
    with Recording.open(tape) as recording:
        recording.records.check()
        assert recording.gaps == [(first - 1, until)] and len(recording.troubles) == 1


def test_a_damaged_head_is_found_without_an_index_and_passed_over(tape: Path) -> None:
    _, cuts, pictures = made()
    known = places(tape)
    number = next(k for k, (_, kind, first, _) in enumerate(known) if kind == Kind.BLOCK and first > 100)
    place, _, first, _ = known[number]
    until = next(first for _, kind, first, _ in known[number:] if kind == Kind.KEYFRAME)
    unindexed(tape)
    for bit, at in ((0, 0), (3, 5), (1, 9), (7, 17), (2, 50), (6, HEAD_BYTES - 1)):
        flip(tape, place + at, bit)
        with Recording.open(tape) as recording:
            assert recording.troubles == [f"{known[number + 1][0] - place} bytes at {place} are damaged, and no record"]
            assert recording.gaps == [(first - 1, until)]
            assert_same(list(recording.after(0)), [*cuts[: first - 1], pictures[until], *cuts[until:]])
        flip(tape, place + at, bit)
    assert places(tape) == known


def test_a_damaged_keyframe_costs_nothing(tape: Path) -> None:
    _, cuts, pictures = made()
    place, _, seq, _ = [known for known in places(tape) if known[1] == Kind.KEYFRAME][1]
    flip(tape, place + HEAD_BYTES + 9, 1)
    with Recording.open(tape) as recording:
        found = recording.picture(seq + 1)
        assert found is not None
        assert_same([found], [pictures[seq + 1]])
        assert recording.troubles == [f"the keyframe of steps {seq} to {seq} is damaged: a checksum is wrong"]
        assert recording.gaps == []
        assert_same(list(recording.after(0)), cuts)


def test_a_damaged_first_keyframe_costs_what_leads_to_the_next(tape: Path) -> None:
    _, cuts, _ = made()
    keyframes = [known for known in places(tape) if known[1] == Kind.KEYFRAME]
    flip(tape, keyframes[0][0] + HEAD_BYTES + 9, 1)
    with Recording.open(tape) as recording:
        recording.records.check()
        until = keyframes[1][2]
        assert recording.first == until + 1
        assert_same(list(recording.after(until)), cuts[until:])


def test_a_damaged_index_is_said_and_not_needed(tape: Path) -> None:
    known = places(tape)
    index = reel_file.footed(tape.read_bytes()[-24:])
    assert index is not None
    flip(tape, index + HEAD_BYTES + 20, 4)
    with Recording.open(tape) as recording:
        assert not recording.closed and recording.last == STEPS
        assert recording.troubles == [
            "the index is damaged: a checksum is wrong; the records were looked for one by one"
        ]
    assert places(tape) == known


def test_a_damaged_footer_is_no_loss(tape: Path) -> None:
    for back in (1, 9, 20):
        flip(tape, tape.stat().st_size - back)
    with Recording.open(tape) as recording:
        assert not recording.closed and recording.last == STEPS
        assert len(recording.troubles) <= 1


def test_a_flipped_bit_anywhere_is_a_gap_or_said_or_no_loss(tape: Path) -> None:
    """Whatever is yielded is what was recorded, and what is missing is in a gap: whichever bit it is."""
    _, cuts, pictures = made()
    chance = random.Random(11)
    data = tape.read_bytes()
    for number in range(40):
        if number == 20:
            unindexed(tape)
            data = tape.read_bytes()
        place, bit = chance.randrange(len(data)), chance.randrange(8)
        flip(tape, place, bit)
        try:
            with Recording.open(tape) as recording:
                found = list(recording.after(recording.first - 1))
                missing = {seq for after, until in recording.gaps for seq in range(after + 1, until + 1)}
                missing |= {*range(1, recording.first), *range(recording.last + 1, STEPS + 1)}
                assert not missing or recording.troubles
                assert_same(found, [(pictures[s.seq] if isinstance(s, Batch) else cuts[s[0].seq - 1]) for s in found])
                seen = {s[0].seq for s in found if not isinstance(s, Batch)}
                assert seen | missing == set(range(1, STEPS + 1)) and not seen & missing
        except SetupError as error:
            assert place < 2000, "magic or label"
            assert "tape: " in str(error)
        tape.write_bytes(data)


# No recordings.


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty, and no recording"),
        (b"ch,sym,n\n", "is no recording of ticker record"),
        (MAGIC[:10], "is no recording"),
        (MAGIC, "a recording without a label, which comes first"),
        (MAGIC + bytes(500), "a recording without a label, which comes first"),
        (MAGIC + reel_file.record(Kind.LABEL, b"{}"), "the label of the recording is damaged: no label of a tape"),
        (MAGIC + reel_file.record(Kind.LABEL, b"") + b"reel", "the label of the recording is damaged"),
    ],
)
def test_what_is_no_recording_is_said(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "tape").write_bytes(content)
    with pytest.raises(SetupError, match=f"tape: {words}"):
        Recording.open(tmp_path / "tape")


def test_what_cannot_be_opened_is_said(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, words in (
        (tmp_path, "is no file"),
        (tmp_path / "pipe", "is no file"),
        (tmp_path / "missing", "no such file or directory"),
        (tmp_path / ("x" * 300), "file name too long"),
        (Path("nul\0byte"), "cannot be read"),
    ):
        with pytest.raises(SetupError, match=words):
            Recording.open(path)


def test_a_recording_of_nothing_is_said(tape: Path) -> None:
    os.truncate(tape, places(tape)[2][0])
    with pytest.raises(SetupError, match="tape: a recording in which nothing was recorded"):
        Recording.open(tape)


def crafted(kind: Kind, coding: int, stored: bytes, size: int) -> bytes:
    """Return a record that says of itself what is not so, with sound checksums."""
    head = struct.pack("<4sBBHIII7IQQqqqI", b"reel", kind, coding, 0, len(stored), size, zlib.crc32(stored), *[0] * 13)
    return head + struct.pack("<I", zlib.crc32(head)) + stored + bytes(-len(stored) % 8)


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (crafted(Kind.LABEL, 1, zlib.compress(bytes(1 << 20)), 100), "a record of other than 100 bytes"),
        (crafted(Kind.LABEL, 1, b"noise of some kind", 100), "a record cannot be decompressed"),
        (crafted(Kind.LABEL, 1, b"", 1 << 31), "more than the 268435456 that one may have"),
        (crafted(Kind.LABEL, 9, zlib.compress(b"{}"), 2), "a coding 9 that nobody knows"),
        (crafted(Kind.LABEL, 2, zlib.compress(b"{}"), 2), "cannot reshape|of other than"),
    ],
)
def test_a_record_that_lies_is_damaged(tmp_path: Path, record: bytes, words: str) -> None:
    (tmp_path / "tape").write_bytes(MAGIC + record)
    with pytest.raises(SetupError, match=words):
        Recording.open(tmp_path / "tape")
