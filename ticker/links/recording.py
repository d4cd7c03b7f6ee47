"""A recorded tape that is read: from any step, from any time, and as far as it is whole.

Rules: what is yielded is what was recorded. Where something is missing, be it never recorded, cut off or damaged, that
is a gap, and reading goes on at the next keyframe. Damage that only reading finds is noted in `troubles` and `gaps` as
soon as it is found.
"""

from collections.abc import Callable, Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ticker.errors import ConfigError, Refusal, SetupError
from ticker.feed.board import Board
from ticker.links.about import About
from ticker.links.reel_file import Kind
from ticker.links.reel_reader import Reader
from ticker.ticks import CHANNELS, Batch, Position
from ticker.wire import reel
from ticker.wire.label import Label
from ticker.wire.reel import Cut

Made = TypeVar("Made")


class Run(NamedTuple):
    """Steps without a gap: those after `after`, which a keyframe shows, up to `last`."""

    after: int
    last: int


class Recording:
    """A recording. `first` and `last` are steps, `gaps` the steps that are not there: (after, up to)."""

    def __init__(self, reader: Reader, label: Label, about: About) -> None:
        self.label = label
        self.about = about
        self.records = reader.records
        """Place and head (`reel_file.INDEXED`) of every record."""
        self._reader = reader
        self._instruments = len(label.universe.instruments)
        self._damaged: set[int] = set()
        self._plan()
        if not self.runs:
            raise SetupError(f"{reader.path}: a recording in which nothing was recorded")

    @classmethod
    def open(cls, path: str | Path) -> "Recording":
        """Return the recording in a file. Raises SetupError that names the file."""
        reader = Reader(Path(path))
        try:
            return cls(reader, *_titles(reader))
        except BaseException:
            reader.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._reader.close()

    def __enter__(self) -> "Recording":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def path(self) -> Path:
        return self._reader.path

    @property
    def closed(self) -> bool:
        """Whether whoever recorded it closed it: if not, up to a second of steps may be missing at its end."""
        return self._reader.closed

    @property
    def troubles(self) -> list[str]:
        """What is wrong with the file, as far as is known, a sentence each."""
        return self._reader.troubles

    @property
    def first(self) -> int:
        return self.runs[0].after + 1

    @property
    def last(self) -> int:
        return self.runs[-1].last

    @property
    def gaps(self) -> list[tuple[int, int]]:
        return [(run.last, following.after) for run, following in pairwise(self.runs)]

    # Places.

    def place(self, text: str) -> int:
        """Return the step to go on after: of a position, a seq, or a market time with its offset; empty: the first.

        Raises ConfigError in a sentence.
        """
        if not text:
            return self.first - 1
        seq = self._meant(text)
        if not self.first - 1 <= seq <= self.last:
            there = f"{self.label.epoch}:{self.first - 1} to {self.last}"
            raise ConfigError(f"{self.path}: {text[:80]} is not in it: it goes from {there}")
        return seq

    def _meant(self, text: str) -> int:
        if text.isascii() and text.isdigit() and len(text) <= 16:
            return int(text)
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            at = None
        if at is not None and at.tzinfo is not None:
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
        blocks = np.flatnonzero(self.records["head"]["kind"] == Kind.BLOCK)
        ends = self.records["head"]["t_last_us"][blocks]
        if not len(blocks) or t_us > int(ends.max()):
            raise ConfigError(f"{self.path}: {at.isoformat()} is after its end")
        found = blocks[int(np.searchsorted(ends, t_us))]
        cuts = self._cuts(int(found))
        seqs = [batch.seq for batch, _ in cuts or () if batch.t < t_us]
        return seqs[-1] if seqs else max(self.first - 1, int(self.records["head"]["first"][found]) - 1)

    # Reading.

    def picture(self, seq: int) -> Batch | None:
        """Return the board at a step: what the newest keyframe before it shows, and what followed; None in a gap."""
        run = next((run for run in self.runs if run.after <= seq <= run.last), None)
        if run is None:
            return None
        for record in reversed(self._keyframes(run.after, seq)):
            shown = self._shown(record)
            if shown is not None:
                return self._brought_up(shown, seq)
        return None

    def after(self, seq: int) -> Iterator[Cut | Batch]:
        """Yield the steps after one. Where a gap ends, a keyframe comes, a batch alone, from which it goes on.

        Raises ConfigError for a step that is not in the recording.
        """
        if not self.first - 1 <= seq <= self.last:
            raise ConfigError(f"{self.path}: step {seq} is not in it: it goes from {self.first} to {self.last}")
        return self._after(seq)

    def _after(self, seq: int) -> Iterator[Cut | Batch]:
        heads = self.records["head"]
        whole = any(run.after <= seq <= run.last for run in self.runs)
        at = seq
        for record in np.flatnonzero(heads["last"] > seq).tolist():
            head = heads[record]
            if head["kind"] == Kind.KEYFRAME and (head["last"] > at):
                shown = self._shown(record)
                if shown is not None:
                    at, whole = shown.seq, True
                    yield shown
            elif head["kind"] == Kind.BLOCK and whole and head["first"] <= at + 1 <= head["last"]:
                cuts = self._cuts(record)
                if cuts is None:
                    whole = False
                    continue
                for cut in cuts[at + 1 - int(head["first"]) :]:
                    at = cut[0].seq
                    yield cut

    def _brought_up(self, shown: Batch, seq: int) -> Batch | None:
        board = Board(self._instruments)
        board.update(shown)
        batch = shown
        if shown.seq < seq:
            for step in self._after(shown.seq):
                if isinstance(step, Batch):
                    return None  # there turned out to be a gap
                batch = step[0]
                board.update(batch)
                if batch.seq == seq:
                    break
        if batch.seq != seq:
            return None
        everybody = range(self._instruments)
        return Batch(seq, batch.t, {channel: board.newest(channel, everybody) for channel in CHANNELS})

    # Records.

    def _keyframes(self, least: int, most: int) -> list[int]:
        heads = self.records["head"]
        found = (heads["kind"] == Kind.KEYFRAME) & (heads["last"] >= least) & (heads["last"] <= most)
        return [record for record in np.flatnonzero(found).tolist() if record not in self._damaged]

    def _cuts(self, record: int) -> list[Cut] | None:
        """Return the steps of a block, None where it is damaged."""
        return self._made(record, self._cut)

    def _shown(self, record: int) -> Batch | None:
        """Return what a keyframe shows, None where it is damaged."""
        return self._made(record, self._show)

    def _cut(self, content: bytes, head: Any) -> list[Cut]:
        cuts = reel.cut(content, self._instruments)
        if (cuts[0][0].seq, cuts[-1][0].seq) != (head["first"], head["last"]):
            raise ValueError("it has other steps than its head says")
        return cuts

    def _show(self, content: bytes, head: Any) -> Batch:
        shown = reel.shown(content, self._instruments)
        if shown.seq != head["last"]:
            raise ValueError("it shows another step than its head says")
        return shown

    def _made(self, record: int, make: Callable[[bytes, Any], Made]) -> Made | None:
        """Return what is made of a record; None, and a note, where it is damaged."""
        if record in self._damaged:
            return None
        head = self.records["head"][record]
        try:
            return make(self._reader.content(record), head)
        except ValueError as error:
            what = f"the {Kind(head['kind']).name.lower()} of steps {head['first']} to {head['last']}"
            self.troubles.append(f"{what} is damaged: {error}")
            self._damaged.add(record)
            self._plan()
            return None

    def _plan(self) -> None:
        """Find the runs."""
        runs: list[Run] = []
        heads: Any = self.records["head"]
        rows = zip(heads["kind"].tolist(), heads["first"].tolist(), heads["last"].tolist(), strict=True)
        for record, (kind, first, last) in enumerate(rows):
            if record in self._damaged:
                continue
            if kind == Kind.KEYFRAME and (not runs or last > runs[-1].last):
                runs.append(Run(last, last))
            elif kind == Kind.BLOCK and runs and first == runs[-1].last + 1:
                runs[-1] = Run(runs[-1].after, last)
        self.runs = runs


def _titles(reader: Reader) -> tuple[Label, About]:
    """Return label and about. Raises SetupError."""
    found: dict[int, bytes] = {}
    try:
        for record, kind in enumerate(reader.records["head"]["kind"][:2].tolist()):
            found[kind] = reader.content(record)
        return Label.decode(found[Kind.LABEL]), About.decode(found.get(Kind.ABOUT, b"{}"))
    except KeyError:
        raise SetupError(f"{reader.path}: a recording without a label, which comes first") from None
    except ValueError as error:
        raise SetupError(f"{reader.path}: the label of the recording is damaged: {error}") from None
