"""Writes a tape to a file: about a second of steps at a time, so that whoever is killed has lost no more than that.

A keyframe opens the recording and follows every gap and every minute of steps: reading can begin at any of them. What
does not fit on the disk is taken back to the last record that did: what was written stays readable.
"""

from pathlib import Path
from typing import Self

import msgspec

from ticker.errors import SetupError
from ticker.feed.board import Board
from ticker.feed.tape import weigh
from ticker.links import reel_file
from ticker.links.about import EVERYTHING, About
from ticker.links.recording import Recording
from ticker.links.reel_file import Facts, Kind
from ticker.links.reel_writer import Writer
from ticker.ticks import CHANNELS, Batch
from ticker.wire.label import Label
from ticker.wire.reel import Cut

BLOCK_US = 1_000_000
BLOCK_BYTES = 16 * 1024 * 1024  # of steps in memory that are written before their second is over
KEYFRAME_US = 60_000_000


class Recorder:
    """A recording that is being written. Every method raises SetupError where the disk does not take it."""

    def __init__(self, writer: Writer, label: Label, about: About) -> None:
        self.label = label
        self.about = about
        self.head: int | None = None
        """The newest step that was taken; None before the first keyframe."""
        self.t_us = 0
        """The market time at that step."""
        self.first: int | None = None
        """The first step that was taken."""
        self.ticks = 0
        self.steps = 0
        self.gaps = 0
        self._writer = writer
        self._cuts: list[Cut] = []
        self._weight = 0
        self._board = Board(len(label.universe.instruments))
        self._written: int | None = None
        """The newest step on the disk."""
        self._framed_us: int | None = None
        """The wall clock at the newest keyframe."""

    @classmethod
    def create(cls, path: Path, label: Label, about: About = EVERYTHING) -> Self:
        """Begin a recording in a new file. Raises ConfigError where there is one, or none can be."""
        writer = Writer.create(path)
        with writer.removed_where_it_fails():
            writer.add(reel_file.record(Kind.LABEL, label.encode()))
            writer.add(reel_file.record(Kind.ABOUT, about.encode()))
        return cls(writer, label, about)

    @classmethod
    def go_on(cls, path: Path) -> Self:
        """Go on with a recording after its last step, whether it was closed or killed. Raises SetupError."""
        with Recording.open(path) as recording:
            shown = recording.picture(recording.last)
            if shown is None:
                raise SetupError(f"{path}: cannot be gone on with: {'; '.join(recording.troubles)}")
            recorder = cls(Writer.go_on(recording.records), recording.label, recording.about)
        recorder.head, recorder.t_us, recorder._written = shown.seq, shown.t, shown.seq
        recorder._board.update(shown)
        return recorder

    @property
    def path(self) -> Path:
        return self._writer.path

    @property
    def size(self) -> int:
        """How many bytes the file has."""
        return self._writer.size

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def leap(self, shown: Batch, emitted_us: int, reason: str = "") -> None:
        """Begin, or go on, after the step that is shown: the steps up to it that were not taken are a gap.

        Raises ValueError for a step before the newest one.
        """
        if self.head is not None and shown.seq < self.head:
            raise ValueError(f"step {shown.seq} lies before {self.head}")
        self.flush()
        if self.head is not None and shown.seq > self.head:
            facts = Facts(first=self.head, last=shown.seq, t_last_us=shown.t, emitted_us=emitted_us)
            self._add(reel_file.record(Kind.GAP, msgspec.json.encode({"reason": reason}), facts))
            self.gaps += 1
        self._board = Board(self._board.instruments)
        self._board.update(shown)
        self.head, self.t_us = shown.seq, shown.t
        self._keyframe(shown, emitted_us)

    def take(self, batch: Batch, emitted_us: int) -> None:
        """Add the next step. Raises ValueError where one is left out."""
        if self.head is None or batch.seq != self.head + 1:
            raise ValueError(f"step {batch.seq} does not follow {self.head}")
        if self._cuts and not 0 <= emitted_us - self._cuts[0][1] < BLOCK_US:
            self.flush()
        self._cuts.append((batch, emitted_us))
        self._weight += weigh(batch)
        self._board.update(batch)
        self.head, self.t_us = batch.seq, batch.t
        self.first = self.first or batch.seq
        self.steps += 1
        self.ticks += sum(map(len, batch.rows.values()))
        if self._weight > BLOCK_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write the steps that wait: due when nothing has come for a second."""
        if not self._cuts:
            return
        cuts, self._cuts, self._weight = self._cuts, [], 0
        batch, emitted_us = cuts[-1]
        self._add(reel_file.block(cuts))
        self._written = batch.seq
        self._board.settle()
        if self._framed_us is None:
            self._framed_us = cuts[0][1]  # it was gone on with
        if not 0 <= emitted_us - self._framed_us < KEYFRAME_US:
            self._keyframe(self.picture(batch.seq, batch.t), emitted_us)

    def picture(self, seq: int, t: int) -> Batch:
        """Return all that is known by now, as the picture of a step."""
        everybody = range(self._board.instruments)
        return Batch(seq, t, {channel: self._board.newest(channel, everybody) for channel in CHANNELS})

    def close(self) -> None:
        """Write what waits and the index. It may be called again."""
        try:
            self.flush()
        finally:
            self._writer.close()

    def _keyframe(self, shown: Batch, emitted_us: int) -> None:
        self._add(reel_file.keyframe(shown, emitted_us))
        self._written = shown.seq
        self._framed_us = emitted_us

    def _add(self, record: bytes) -> None:
        try:
            self._writer.add(record)
        except SetupError as error:
            there = f"{self.label.epoch}:{self._written} is the last step in it"
            raise SetupError(f"{error}; {'nothing was recorded' if self._written is None else there}") from None
