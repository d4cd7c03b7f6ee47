"""A tape on disk: what is read is what was written, from anywhere, and a gap is never silent."""

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recorded import MORNING_US, STEPS, assert_same, label_of, made, record
from ticker import universes
from ticker.config import MarketConfig
from ticker.errors import ConfigError, SetupError
from ticker.links import recorder as module
from ticker.links.about import About
from ticker.links.recorder import Recorder
from ticker.links.recording import Recording
from ticker.market.market import Market
from ticker.ticks import EMPTY, Batch
from ticker.wire.reel import Cut


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    market, cuts, _ = made()
    recorder = record(tmp_path / "tape")
    with Recording.open(tmp_path / "tape") as recording:
        assert recording.label == label_of(market)
        assert (recording.first, recording.last, recording.gaps) == (1, STEPS, [])
        assert (recording.closed, recording.troubles) == (True, [])
        assert_same(list(recording.after(0)), cuts)
    assert (recorder.first, recorder.head, recorder.steps) == (1, STEPS, STEPS)
    assert recorder.ticks == sum(len(rows) for batch, _ in cuts for rows in batch.rows.values())
    assert recorder.size == (tmp_path / "tape").stat().st_size


def test_reading_begins_anywhere(tmp_path: Path) -> None:
    _, cuts, _ = made()
    record(tmp_path / "tape")
    with Recording.open(tmp_path / "tape") as recording:
        for seq in (0, 1, 3, 4, 5, 239, 240, 241, 242, 599, 600):
            assert_same(list(recording.after(seq)), cuts[seq:])
        for seq in (-1, 601):
            with pytest.raises(ConfigError, match=rf"step {seq} is not in it: it goes from \w+:0 to 600"):
                recording.after(seq)


def test_a_picture_is_that_of_the_board(tmp_path: Path) -> None:
    _, _, pictures = made()
    record(tmp_path / "tape")
    with Recording.open(tmp_path / "tape") as recording:
        for seq in (0, 1, 59, 60, 61, 239, 240, 241, 244, 500, 600):
            found = recording.picture(seq)
            assert found is not None
            assert_same([found], [pictures[seq]])
        assert recording.picture(601) is None and recording.picture(-1) is None
        heads = recording.records.heads
        assert (heads["kind"] == module.Kind.KEYFRAME).sum() == 3, "at first, and after a minute and two"


def test_a_gap_is_written_and_read(tmp_path: Path) -> None:
    _, cuts, pictures = made()
    recorder = record(tmp_path / "tape", (10, 50), (80, 81), (200, 300))
    assert recorder.gaps == 2
    with Recording.open(tmp_path / "tape") as recording:
        assert (recording.first, recording.last) == (11, 300)
        assert recording.gaps == [(50, 80), (81, 200)]
        assert recording.records.reasons() == {50: "it was lost", 81: "it was lost"}
        whole = [*cuts[10:50], pictures[80], cuts[80], pictures[200], *cuts[200:300]]
        assert_same(list(recording.after(10)), whole)
        assert_same(list(recording.after(50)), whole[40:])
        assert_same(list(recording.after(65)), whole[40:])
        assert_same(list(recording.after(81)), whole[42:])
        assert recording.picture(65) is None
        for seq in (10, 50, 80, 81, 200, 205):
            found = recording.picture(seq)
            assert found is not None
            assert_same([found], [pictures[seq]])


def test_a_leap_to_where_one_is_is_no_gap(tmp_path: Path) -> None:
    _, cuts, _ = made()
    recorder = record(tmp_path / "tape", (0, 50), (50, 60))
    assert recorder.gaps == 0
    with Recording.open(tmp_path / "tape") as recording:
        assert recording.gaps == []
        assert_same(list(recording.after(0)), cuts[:60])


def test_what_was_written_can_be_read_while_it_is_written(tmp_path: Path) -> None:
    _, cuts, _ = made()
    recorder = record(tmp_path / "tape", close=False)
    with Recording.open(tmp_path / "tape") as recording:
        assert not recording.closed and recording.troubles == []
        assert STEPS - 4 <= recording.last < STEPS
        assert_same(list(recording.after(0)), cuts[: recording.last])
    recorder.flush()
    with Recording.open(tmp_path / "tape") as recording:
        assert recording.last == STEPS
    recorder.close()
    recorder.close()


def test_nothing_goes_backwards_or_is_left_out(tmp_path: Path) -> None:
    market, cuts, pictures = made()
    with Recorder.create(tmp_path / "tape", label_of(market)) as recorder:
        with pytest.raises(ValueError, match="step 1 does not follow None"):
            recorder.take(*cuts[0])
        recorder.leap(pictures[5], 1)
        with pytest.raises(ValueError, match="step 8 does not follow 5"):
            recorder.take(*cuts[7])
        with pytest.raises(ValueError, match="step 4 lies before 5"):
            recorder.leap(pictures[4], 1)


def test_a_wall_clock_that_goes_back_ends_a_block(tmp_path: Path) -> None:
    market, cuts, pictures = made()
    with Recorder.create(tmp_path / "tape", label_of(market)) as recorder:
        recorder.leap(pictures[0], 2_000_000_000)
        for batch, _ in cuts[:9]:
            recorder.take(batch, 2_000_000_000 - batch.seq // 3 * 500_000_000)
    with Recording.open(tmp_path / "tape") as recording:
        assert [batch.seq for batch, _ in recording.after(0)] == list(range(1, 10))  # type: ignore[misc]
        assert len(recording.records.blocks) == 4


def test_much_in_a_second_is_written_before_it_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    market, cuts, pictures = made()
    monkeypatch.setattr(module, "BLOCK_BYTES", 20_000)
    recorder = Recorder.create(tmp_path / "tape", label_of(market))
    recorder.leap(pictures[0], 0)
    for batch, _ in cuts[:200]:
        recorder.take(batch, 5)
    assert recorder.size > 10_000
    recorder.close()
    with Recording.open(tmp_path / "tape") as recording:
        assert len(recording.records.blocks) > 3


# Places.


def test_a_place_is_a_position_a_seq_or_a_time(tmp_path: Path) -> None:
    market, cuts, _ = made()
    record(tmp_path / "tape", (10, 50), (80, 300))
    with Recording.open(tmp_path / "tape") as recording:
        assert recording.place("") == 10
        assert recording.place("10") == 10 and recording.place("300") == 300 and recording.place("65") == 65
        assert recording.place(f"{market.epoch}:42") == 42
        assert recording.place("2026-01-05T14:29:35Z") == 10, "before the first"
        assert recording.place("2026-01-05T14:29:50Z") == 39
        assert cuts[39][0].t == MORNING_US + 40 * 500_000
        assert recording.place("2026-01-05T14:29:49.9+00:00") == 39
        assert recording.place("2026-01-05T09:29:50.000001-05:00") == 40
        assert recording.place("2026-01-05T14:30:05Z") == 80, "in the gap"
        assert recording.place("2026-01-05T14:32:00Z") == 299


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("9", r"9 is not in it: it goes from \w+:10 to 50"),
        ("51", "51 is not in it"),
        ("other:20", "is of tape [0-9a-f]+, not other"),
        ("2026-01-05T15:00:00Z", "2026-01-05T15:00:00.00:00 is after its end"),
        ("2026-01-05T14:29:50", r"a market time needs its offset, such as 2026-01-05T14:29:50Z"),
        (
            "yesterday",
            "'yesterday' is no place in a recording: expected a position .*, a seq, or a market time with its",
        ),
        ("9" * 30, "is no place"),
        ("9" * 16, "is not in it"),
        ("-1", "is no place"),
    ],
)
def test_a_place_that_is_none_is_said(tmp_path: Path, text: str, words: str) -> None:
    record(tmp_path / "tape", (10, 50))
    with Recording.open(tmp_path / "tape") as recording, pytest.raises(ConfigError, match=words):
        recording.place(text)


# Going on.


@pytest.mark.parametrize("close", [True, False])
@pytest.mark.parametrize("cut_off", [0, 1, 700])
def test_a_recording_is_gone_on_with(tmp_path: Path, close: bool, cut_off: int) -> None:
    _, cuts, pictures = made()
    path = tmp_path / "tape"
    record(path, (0, 301), close=close)
    os.truncate(path, path.stat().st_size - cut_off)
    recorder = Recorder.go_on(path)
    assert recorder.head is not None and 296 <= recorder.head <= 301
    for cut in cuts[recorder.head :]:
        recorder.take(*cut)
    recorder.close()
    with Recording.open(path) as recording:
        assert (recording.closed, recording.troubles, recording.gaps) == (True, [], [])
        assert_same(list(recording.after(0)), cuts)
        found = recording.picture(590)
        assert found is not None
        assert_same([found], [pictures[590]])


def test_what_is_no_recording_is_not_gone_on_with(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("not a tape")
    for name in ("notes", "nothing"):
        with pytest.raises(SetupError, match=name):
            Recorder.go_on(tmp_path / name)
    assert (tmp_path / "notes").read_text() == "not a tape"


# Beginnings that fail.


def test_a_recording_begins_in_a_new_file(tmp_path: Path) -> None:
    (tmp_path / "there").write_text("precious")
    with pytest.raises(ConfigError, match="there: is there already; a recording begins in a new file"):
        record(tmp_path / "there")
    assert (tmp_path / "there").read_text() == "precious"
    with pytest.raises(ConfigError, match="tape: no such file or directory"):
        record(tmp_path / "no" / "tape")
    with pytest.raises(ConfigError, match="is there already"):
        record(tmp_path)


def test_what_was_wanted_stands_in_it(tmp_path: Path) -> None:
    market, _, pictures = made()
    about = About(channels=("trades",), symbols=("ACME",), source="ws://127.0.0.1:1/v1/stream", transport="ws")
    with Recorder.create(tmp_path / "tape", label_of(market), about) as recorder:
        recorder.leap(pictures[0], 1)
    with Recording.open(tmp_path / "tape") as recording:
        assert recording.about == about
        assert (recording.first, recording.last) == (1, 0), "nothing has happened yet"
        assert list(recording.after(0)) == [] and recording.place("") == 0


def test_a_disk_that_is_full_leaves_what_was_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, cuts, pictures = made()
    market = made()[0]
    path = tmp_path / "tape"
    write, left = os.write, [30_000]

    def full(file: int, data: memoryview) -> int:
        if not left[0]:
            raise OSError(28, "No space left on device")
        size = min(left[0], len(data))
        left[0] -= size
        return write(file, data[:size])

    recorder = Recorder.create(path, label_of(market))
    recorder.leap(pictures[0], 0)
    monkeypatch.setattr("ticker.links.reel_writer.os.write", full)
    with pytest.raises(SetupError, match=r"tape: no space left on device; \w+:(\d+) is the last step in it") as said:
        for cut in cuts:
            recorder.take(*cut)
    recorder.close()
    last = int(str(said.value).partition(":")[2].rpartition(":")[2].split()[0])
    with Recording.open(path) as recording:
        assert (recording.last, recording.closed, recording.troubles) == (last, False, [])
        assert 8 < last < STEPS
        assert_same(list(recording.after(0)), cuts[:last])


def test_a_disk_that_is_full_at_once_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ticker.links.reel_writer.os.write", full)
    with pytest.raises(SetupError, match="tape: no space left on device"):
        record(tmp_path / "tape")
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(1, STEPS), min_size=2, max_size=6, unique=True).map(sorted), st.booleans())
def test_any_spans_come_back(tmp_path_factory: pytest.TempPathFactory, marks: list[int], close: bool) -> None:
    _, cuts, pictures = made()
    marks = marks[: len(marks) // 2 * 2]
    spans = list(zip(marks[::2], marks[1::2], strict=True))
    path = tmp_path_factory.mktemp("spans") / "tape"
    recorder = record(path, *spans, close=close)
    recorder.flush()
    wanted: list[Cut | Batch] = []
    for after, until in spans:
        wanted += [pictures[after], *cuts[after:until]]
    with Recording.open(path) as recording:
        assert_same(list(recording.after(marks[0])), wanted[1:])
        assert recording.gaps == [(a[1], b[0]) for a, b in pairwise(spans)]
    recorder.close()


def test_a_large_universe_fits(tmp_path: Path) -> None:
    config = MarketConfig(universe="large")
    market = Market(config, universes.load(config))
    cuts = [(market.step(), 7) for _ in range(30)]
    with Recorder.create(tmp_path / "tape", label_of(market)) as recorder:
        recorder.leap(Batch(0, market.time_us(0), dict(EMPTY)), 7)
        for cut in cuts:
            recorder.take(*cut)
    with Recording.open(tmp_path / "tape") as recording:
        assert_same(list(recording.after(0)), cuts)
        assert np.array_equal(recording.records.heads["rows"][recording.records.blocks].sum(), recorder.ticks)
