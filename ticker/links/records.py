"""What the records of a recording hold, as far as it is whole: each is believed only once it has been looked at.

Damage is noted as soon as it is found: the record counts as missing from then on, and what follows is a gap up to the
next keyframe.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec
import numpy as np

from ticker.errors import SetupError
from ticker.links.about import About
from ticker.links.reel_file import Kind
from ticker.links.reel_reader import Reader
from ticker.ticks import Batch
from ticker.wire import reel
from ticker.wire.label import Label
from ticker.wire.reel import Cut

Made = TypeVar("Made")


class Run(NamedTuple):
    """Steps without a gap: those after `after`, which a keyframe shows, up to `last`."""

    after: int
    last: int


class Records:
    """The records of one file. Raises SetupError that names it where it is no recording."""

    def __init__(self, path: Path) -> None:
        self._reader = Reader(path)
        try:
            self.label, self.about = self._titles()
        except BaseException:
            self._reader.close()
            raise
        self.heads: Any = self._reader.records["head"]
        """The head of every record (`reel_file.HEAD`), in the order of the file."""
        self._instruments = len(self.label.universe.instruments)
        self._damaged: set[int] = set()
        self._plan()

    runs: list[Run]
    """What there is, oldest first."""
    blocks: list[int]
    """The records that these are in."""

    @property
    def path(self) -> Path:
        return self._reader.path

    @property
    def size(self) -> int:
        """How many bytes the file has."""
        return self._reader.size

    @property
    def closed(self) -> bool:
        return self._reader.closed

    @property
    def troubles(self) -> list[str]:
        """What is wrong with the file, as far as is known, a sentence each."""
        return self._reader.troubles

    @property
    def end(self) -> int:
        """Where the last whole record ends: whoever goes on with the file writes there."""
        return self._reader.end

    @property
    def places(self) -> list[int]:
        """Where each record begins."""
        found: list[int] = self._reader.records["place"].tolist()
        return found

    def close(self) -> None:
        self._reader.close()

    def check(self) -> None:
        """Look at every record, and note what is damaged."""
        for record in range(len(self.heads)):
            self._made(record, _look)

    def keyframes(self, least: int, most: int) -> list[int]:
        """Return the sound keyframes that show a step from one to another."""
        found = (self.heads["kind"] == Kind.KEYFRAME) & (self.heads["last"] >= least) & (self.heads["last"] <= most)
        return [record for record in np.flatnonzero(found).tolist() if record not in self._damaged]

    def cuts(self, record: int) -> list[Cut] | None:
        """Return the steps of a block, None where it is damaged."""
        return self._made(record, self._cut)

    def shown(self, record: int) -> Batch | None:
        """Return what a keyframe shows, None where it is damaged."""
        return self._made(record, self._show)

    def reasons(self) -> dict[int, str]:
        """Return why steps are missing, by the step after which they are, where whoever recorded it knew."""
        found: dict[int, str] = {}
        for record in np.flatnonzero(self.heads["kind"] == Kind.GAP).tolist():
            reason = self._made(record, _reason)
            if reason:
                found[int(self.heads[record]["first"])] = reason
        return found

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
        head = self.heads[record]
        try:
            return make(self._reader.content(record), head)
        except ValueError as error:
            self.troubles.append(f"{_named(head)} is damaged: {error}")
            self._damaged.add(record)
            self._plan()
            return None

    def _plan(self) -> None:
        """Find the runs."""
        runs: list[Run] = []
        blocks: list[int] = []
        rows = zip(*(self.heads[name].tolist() for name in ("kind", "first", "last")), strict=True)
        for record, (kind, first, last) in enumerate(rows):
            if record in self._damaged:
                continue
            if kind == Kind.KEYFRAME and (not runs or last > runs[-1].last):
                runs.append(Run(last, last))
            elif kind == Kind.BLOCK and runs and first == runs[-1].last + 1:
                runs[-1] = Run(runs[-1].after, last)
                blocks.append(record)
        self.runs, self.blocks = runs, blocks

    def _titles(self) -> tuple[Label, About]:
        reader = self._reader
        found: dict[int, bytes] = {}
        try:
            for record, kind in enumerate(reader.records["head"]["kind"][:2].tolist()):
                found[kind] = reader.content(record)
            return Label.decode(found[Kind.LABEL]), About.decode(found.get(Kind.ABOUT, b"{}"))
        except KeyError:
            raise SetupError(f"{reader.path}: a recording without a label, which comes first") from None
        except ValueError as error:
            raise SetupError(f"{reader.path}: the label of the recording is damaged: {error}") from None


def _named(head: Any) -> str:
    kind = head["kind"]
    name = Kind(kind).name.lower() if kind in list(Kind) else f"record of kind {kind}"
    return f"the {name} of steps {head['first']} to {head['last']}"


def _look(_: bytes, __: Any) -> None:
    """Make nothing of it: that it can be read is enough."""


def _reason(content: bytes, _: Any) -> str:
    try:
        return msgspec.json.decode(content, type=dict[str, str]).get("reason", "")
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from None
