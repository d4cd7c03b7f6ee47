"""A recorded tape that is read: from any step, from any time, and as far as it is whole.

Rules: what is yielded is what was recorded. Where something is missing, be it never recorded, cut off or damaged, that
is a gap, and reading goes on at the next keyframe. Damage that only reading finds is noted in `troubles` and `gaps` as
soon as it is found.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import numpy as np

from ticker.errors import ConfigError, Refusal, SetupError
from ticker.feed.board import Board
from ticker.links.records import Records
from ticker.links.reel_file import Kind
from ticker.ticks import CHANNELS, Batch, Position
from ticker.wire.reel import Cut


class Recording:
    """A recording. `first` and `last` are steps, `gaps` the steps that are not there: (after, up to)."""

    def __init__(self, records: Records) -> None:
        self.records = records
        self.label = records.label
        self.about = records.about

    @classmethod
    def open(cls, path: str | Path) -> "Recording":
        """Return the recording in a file. Raises SetupError that names the file."""
        records = Records(Path(path))
        if not records.runs:
            records.close()
            raise SetupError(f"{path}: a recording in which nothing was recorded")
        return cls(records)

    def close(self) -> None:
        """Close the file."""
        self.records.close()

    def __enter__(self) -> "Recording":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def path(self) -> Path:
        return self.records.path

    @property
    def closed(self) -> bool:
        """Whether whoever recorded it closed it: if not, up to a second of steps may be missing at its end."""
        return self.records.closed

    @property
    def troubles(self) -> list[str]:
        """What is wrong with the file, as far as is known, a sentence each."""
        return self.records.troubles

    @property
    def first(self) -> int:
        return self.records.runs[0].after + 1

    @property
    def last(self) -> int:
        return self.records.runs[-1].last

    @property
    def gaps(self) -> list[tuple[int, int]]:
        return [(run.last, following.after) for run, following in pairwise(self.records.runs)]

    # Places.

    def place(self, text: str) -> int:
        """Return the step to go on after: of a position, a seq, or a market time with its offset; empty: the first.

        Raises ConfigError in a sentence.
        """
        if not text:
            return self.first - 1
        seq = self._meant(text)
        self._check(seq, text[:80])
        return seq

    def _check(self, seq: int, text: str) -> None:
        if not self.first - 1 <= seq <= self.last:
            there = f"from {self.label.epoch}:{self.first - 1} to {self.last}"
            raise ConfigError(f"{self.path}: {text} is not in it: it goes {there}")

    def _meant(self, text: str) -> int:
        if text.isascii() and text.isdigit() and len(text) <= 16:
            return int(text)
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            at = None
        if at is not None and at.tzinfo is None:
            raise ConfigError(f"{text}: a market time needs its offset, such as {text}Z")
        if at is not None:
            return self._before(at)
        try:
            position = Position.parse(text)
        except Refusal:
            raise ConfigError(
                f"{text[:80]!r} is no place in a recording: expected a position (epoch:seq), a seq, or a market time "
                "with its offset such as 2026-01-05T14:30:00Z"
            ) from None
        if position.epoch != self.label.epoch:
            raise ConfigError(f"{self.path}: is of tape {self.label.epoch}, not {position.epoch[:80]}")
        return position.seq

    def _before(self, at: datetime) -> int:
        """Return the last step before a market time, as far as there is one."""
        t_us = round(at.timestamp() * 1e6)
        blocks = self.records.blocks
        ends = self.records.heads["t_last_us"][blocks]
        if not blocks or t_us > int(ends[-1]):
            raise ConfigError(f"{self.path}: {at.isoformat()} is after its end")
        found = blocks[int(np.searchsorted(ends, t_us))]
        cuts = self.records.cuts(found)
        seqs = [batch.seq for batch, _ in cuts or () if batch.t < t_us]
        return seqs[-1] if seqs else int(self.records.heads["first"][found]) - 1

    # Reading.

    def picture(self, seq: int) -> Batch | None:
        """Return the board at a step: what the newest keyframe before it shows, and what followed; None in a gap."""
        run = next((run for run in self.records.runs if run.after <= seq <= run.last), None)
        if run is None:
            return None
        for record in reversed(self.records.keyframes(run.after, seq)):
            shown = self.records.shown(record)
            if shown is not None:
                return self._brought_up(shown, seq)
        return None

    def after(self, seq: int) -> Iterator[Cut | Batch]:
        """Yield the steps after one. Where a gap ends, a keyframe comes, a batch alone, from which it goes on.

        Raises ConfigError for a step that is not in the recording.
        """
        self._check(seq, f"step {seq}")
        return self._after(seq)

    def _after(self, seq: int) -> Iterator[Cut | Batch]:
        heads = self.records.heads
        whole = any(run.after <= seq <= run.last for run in self.records.runs)
        at = seq
        for record in np.flatnonzero(heads["last"] > seq).tolist():
            kind, first, last = (int(heads[record][name]) for name in ("kind", "first", "last"))
            if kind == Kind.KEYFRAME and last > at:
                shown = self.records.shown(record)
                if shown is not None:
                    at, whole = shown.seq, True
                    yield shown
            elif kind == Kind.BLOCK and whole and first <= at + 1 <= last:
                cuts = self.records.cuts(record)
                whole = cuts is not None
                for cut in (cuts or ())[at + 1 - first :]:
                    at = cut[0].seq
                    yield cut

    def _brought_up(self, shown: Batch, seq: int) -> Batch | None:
        """Return the board at a step that follows a keyframe; None where there turns out to be a gap between them."""
        board = Board(len(self.label.universe.instruments))
        board.update(shown)
        batch = shown
        for step in self._after(shown.seq) if shown.seq < seq else ():
            if isinstance(step, Batch):
                return None
            batch = step[0]
            board.update(batch)
            if batch.seq == seq:
                break
        if batch.seq != seq:
            return None
        everybody = range(board.instruments)
        return Batch(seq, batch.t, {channel: board.newest(channel, everybody) for channel in CHANNELS})
