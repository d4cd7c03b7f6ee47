"""A tape from a disk: the steps that were recorded, as they were, from any of them on."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from taped_market import label, market, tape
from ticker import clock, settings
from ticker.config import Config
from ticker.errors import ConfigError, EndOfTape
from ticker.feed.board import Board
from ticker.links.replay import Playback, begin, opened, started, story
from ticker.market.tally import Tally
from ticker.ticks import CHANNELS, Batch
from ticker.wire.reel import Cut

STEPS = 300


class Remembered:
    """A tape in memory, of which some steps were lost."""

    def __init__(self, cuts: list[Cut], lost: range) -> None:
        self.label = label(market())
        self.first, self.last = 1, len(cuts)
        self._cuts, self._lost = cuts, lost

    def place(self, text: str) -> int:
        return int(text or 0)

    def picture(self, seq: int) -> Batch | None:
        board = Board(len(self.label.universe.instruments))
        for batch, _ in self._cuts[:seq]:
            board.update(batch)
        everybody = range(board.instruments)
        rows = {channel: board.newest(channel, everybody) for channel in CHANNELS}
        return Batch(seq, self._cuts[seq - 1][0].t, rows) if seq else None

    def after(self, seq: int) -> Iterator[Cut | Batch]:
        for cut in self._cuts[seq:]:
            if cut[0].seq == self._lost.stop:
                yield self.picture(self._lost.stop - 1) or cut
            if cut[0].seq not in self._lost:
                yield cut

    def close(self) -> None: ...


def config(file: Path, **values: Any) -> Config:
    return settings.build({"replay.file": str(file), **{f"replay.{key}": value for key, value in values.items()}})


def same(batch: Batch, other: Batch) -> bool:
    """Tell whether two batches are the same, byte for byte."""
    rows = all(batch.rows[channel].tobytes() == other.rows[channel].tobytes() for channel in CHANNELS)
    return (batch.seq, batch.t) == (other.seq, other.t) and rows


def test_a_recording_plays_what_was_recorded(tmp_path: Path) -> None:
    recorded = tape(tmp_path / "tape", STEPS)
    found = opened(config(tmp_path / "tape"), Tally)
    playback = Playback(found, begin(config(tmp_path / "tape"), found), restamp=False)
    for _, emitted_us in recorded:
        assert playback.prepare() is playback.step()
        assert playback.stamp() == emitted_us
    playback = Playback(found, 0, restamp=False)
    assert all(same(playback.step(), batch) for batch, _ in recorded)
    for ask in (playback.prepare, playback.step):
        with pytest.raises(EndOfTape):
            ask()
    found.close()


def test_it_may_say_that_all_is_emitted_now(tmp_path: Path) -> None:
    tape(tmp_path / "tape", 3)
    found = opened(config(tmp_path / "tape"), Tally)
    playback = Playback(found, 0, restamp=True)
    before_us = clock.wall_us()
    playback.step()
    assert before_us <= playback.stamp() <= clock.wall_us()
    found.close()


@pytest.mark.parametrize(("seq", "back"), [(0, 50), (1, 50), (120, 50), (120, 0), (120, 1000), (STEPS - 1, 10)])
def test_it_goes_on_after_any_step_with_the_board_and_the_past_as_they_were(
    tmp_path: Path, seq: int, back: int
) -> None:
    recorded = tape(tmp_path / "tape", STEPS)
    found = opened(config(tmp_path / "tape"), Tally)
    start = started(found, seq, back, restamp=False)
    early = max(0, seq - back)
    assert [(batch.seq, emitted_us) for batch, emitted_us in start.past] == [
        (batch.seq, emitted_us) for batch, emitted_us in recorded[early:seq]
    ]
    assert all(same(batch, other) for (batch, _), (other, _) in zip(start.past, recorded[early:seq], strict=True))
    board = Board(5)
    for batch, _ in recorded[:seq]:
        board.update(batch)
    assert start.shown is not None and start.shown.seq == seq
    for channel in CHANNELS:
        np.testing.assert_array_equal(start.shown.rows[channel], board.newest(channel, range(5)))
    assert same(start.playback.step(), recorded[seq][0])
    assert start.t == (recorded[seq - 1][0].t if seq else found.label.start_us)
    found.close()


def test_where_steps_were_lost_a_picture_comes(tmp_path: Path) -> None:
    recorded = tape(tmp_path / "tape", STEPS, missing=range(101, 151))
    found = opened(config(tmp_path / "tape"), Tally)
    playback = Playback(found, 95, restamp=False)
    batches = [playback.step() for _ in range(10)]
    assert [batch.seq for batch in batches] == [96, 97, 98, 99, 100, 150, 151, 152, 153, 154]
    board = Board(5)
    for batch, _ in recorded[:150]:
        board.update(batch)
    for channel in CHANNELS:
        np.testing.assert_array_equal(batches[5].rows[channel], board.newest(channel, range(5)))
    assert any("a gap: steps 101 to 150 were not recorded" in line for line in story(found))
    found.close()


def test_the_past_begins_after_what_was_lost() -> None:
    played = market()
    cuts = [(played.step(), 5) for _ in range(60)]
    start = started(Remembered(cuts, range(20, 30)), 40, 30, restamp=False)
    assert [batch.seq for batch, _ in start.past] == list(range(30, 41))
    assert start.shown is not None and start.shown.seq == 40
    assert start.playback.step().seq == 41


def test_who_begins_where_steps_were_lost_goes_on_after_them() -> None:
    played = market()
    cuts = [(played.step(), 5) for _ in range(60)]
    start = started(Remembered(cuts, range(20, 50)), 40, 30, restamp=False)
    assert start.playback.step().seq == 49
    assert start.playback.step().seq == 50


def test_what_is_for_ones_own_data_is_refused_for_a_recording(tmp_path: Path) -> None:
    tape(tmp_path / "tape", 3)
    for key, value in {"columns": ("price=px",), "symbol": "ACME", "tick": "0.01"}.items():
        with pytest.raises(ConfigError, match=rf"replay\.{key}: is for one's own trades and quotes: .*recorded"):
            opened(config(tmp_path / "tape", **{key: value}), Tally)


def test_places_that_are_none_are_told(tmp_path: Path) -> None:
    tape(tmp_path / "tape", 10)
    for start, sentence in {
        "other:3": r"replay\.start: .*tape.*: is of tape .*, not other",
        "99": r"replay\.start: .*99 is not in it",
        "2026-01-05T13:00:00Z": r"replay\.start: 2026-01-05T13:00:00Z: is before the beginning of .*tape",
        "2026-01-06T13:00:00Z": r"replay\.start: .*after its end",
        "noon": r"replay\.start: 'noon' is no place in a recording",
        "10": r"replay\.start: 10: the tape ends at 10, nothing comes after it",
    }.items():
        keys = config(tmp_path / "tape", start=start)
        found = opened(keys, Tally)
        with pytest.raises(ConfigError, match=sentence):
            begin(keys, found)
        found.close()


def test_the_story_of_a_recording_says_what_it_is(tmp_path: Path) -> None:
    tape(tmp_path / "tape", 30)
    found = opened(config(tmp_path / "tape"), Tally)
    assert story(found) == [f"{tmp_path / 'tape'}: steps 1 to 30 of the tape {found.label.epoch}"]
    found.close()
