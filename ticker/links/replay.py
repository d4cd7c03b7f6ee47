"""A tape that is played from a file: a recorded one, or somebody's own trades and quotes.

Positions are what they were; so is when each step was emitted, unless that is to be now. Where steps were never
recorded the tape leaps, which everybody is told of.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from ticker import clock
from ticker.config import Config
from ticker.errors import ConfigError, EndOfTape, Refusal, SetupError
from ticker.feed.board import Board
from ticker.links.about import EVERYTHING
from ticker.links.own_data import OwnData, Tallies
from ticker.links.recording import Recording
from ticker.links.reel_file import MAGIC
from ticker.ticks import CHANNELS, Batch
from ticker.wire.label import Label
from ticker.wire.reel import Cut

GAPS_TOLD = 5
LINE = 200  # characters


class Tape(Protocol):
    """A tape on a disk, of the steps `first` to `last`."""

    label: Label

    @property
    def first(self) -> int: ...

    @property
    def last(self) -> int: ...

    def place(self, text: str) -> int:
        """Return the step to go on after: of a position, a seq, or a time with its offset. Raises a TickerError."""

    def picture(self, seq: int) -> Batch | None:
        """Return the newest rows of everything at a step, None where there are none yet."""

    def after(self, seq: int) -> Iterator[Cut | Batch]:
        """Yield the steps after one; where some were lost, a picture of everything from which it goes on."""

    def close(self) -> None: ...


def opened(config: Config, tallies: Tallies) -> Tape:
    """Return the tape of `replay.file`. Raises SetupError, naming the file or the key."""
    replay = config.replay
    path = Path(replay.file)
    if not _is_recording(path):
        return OwnData(replay, config.market.step_us, tallies)
    for key in ("columns", "symbol", "tick"):
        if getattr(replay, key):
            raise ConfigError(f"replay.{key}: is for one's own trades and quotes: {replay.file} is a recorded tape")
    return Recording.open(path)


def begin(config: Config, tape: Tape) -> int:
    """Return the step after which a tape is to be played. Raises ConfigError."""
    try:
        seq = tape.place(config.replay.start)
    except (Refusal, SetupError) as error:
        raise ConfigError(f"replay.start: {error}") from None
    if isinstance(tape, Recording) and _is_before(config.replay.start, tape):
        raise ConfigError(f"replay.start: {config.replay.start}: is before the beginning of {tape.path}")
    if seq >= tape.last:
        raise ConfigError(f"replay.start: {config.replay.start}: the tape ends at {tape.last}, nothing comes after it")
    return seq


def story(tape: Tape) -> list[str]:
    """Return what is to be known of a tape, in lines."""
    if isinstance(tape, OwnData):
        return tape.story
    if not isinstance(tape, Recording):
        return []
    lines = [f"{tape.path}: steps {tape.first:,} to {tape.last:,} of the tape {tape.label.epoch}"]
    if tape.about.source:
        lines.append(f"recorded from {tape.about.source}")
    if tape.about != EVERYTHING and (tape.about.channels != EVERYTHING.channels or tape.about.symbols is not None):
        symbols = "all symbols" if tape.about.symbols is None else ", ".join(tape.about.symbols)
        lines.append(f"a part of it: {', '.join(tape.about.channels)} of {symbols}"[:LINE])
    for after, upto in tape.gaps[:GAPS_TOLD]:
        lines.append(f"a gap: steps {after + 1:,} to {upto:,} were not recorded")
    if len(tape.gaps) > GAPS_TOLD:
        lines.append(f"and {len(tape.gaps) - GAPS_TOLD} gaps more")
    if not tape.closed:
        lines.append("whoever recorded it was cut off: up to a second may be missing at its end")
    return lines + tape.troubles[:GAPS_TOLD]


def _is_before(text: str, tape: Recording) -> bool:
    """Tell whether a text is a time before the first step."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return False
    first = tape.picture(tape.first - 1)
    return at.tzinfo is not None and first is not None and at.timestamp() * 1e6 < first.t


def _is_recording(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.read(len(MAGIC)) == MAGIC
    except OSError:
        return False  # whatever it is: somebody's own file says why it cannot be read


class Playback:
    """The steps of a tape after one of them, one a call: what a beat plays."""

    def __init__(self, tape: Tape, seq: int, *, restamp: bool) -> None:
        self.step_us = tape.label.step_us
        self._coming = tape.after(seq)
        self._restamp = restamp
        self._ahead: Cut | None = None
        self._emitted_us = 0

    def step(self) -> Batch:
        """Return the next step, or a picture of everything after some that were lost. Raises EndOfTape."""
        batch = self.prepare()
        if self._ahead:
            self._emitted_us = self._ahead[1]
        self._ahead = None
        return batch

    def prepare(self) -> Batch:
        """Return what the next step is going to return. Raises EndOfTape."""
        if self._ahead is None:
            found = next(self._coming, None)
            if found is None:
                raise EndOfTape
            self._ahead = (found, 0) if isinstance(found, Batch) else found
        return self._ahead[0]

    def stamp(self) -> int:
        """Return when the step that was returned last was emitted: as recorded, or now."""
        return clock.wall_us() if self._restamp or not self._emitted_us else self._emitted_us


@dataclass(frozen=True, slots=True)
class Start:
    """A tape at the step from which it goes on: what stands there, what led to it, and what comes."""

    t: int
    shown: Batch | None
    past: list[Cut]
    playback: Playback


def started(tape: Tape, seq: int, back: int, *, restamp: bool) -> Start:
    """Return a tape that is to go on after `seq`, with up to `back` steps before that."""
    early = max(tape.first - 1, seq - back)
    shown = tape.picture(early)
    board = Board(len(tape.label.universe.instruments))
    t = tape.label.start_us
    if shown is not None:
        board.replace(shown)
        t = shown.t
    playback = Playback(tape, early, restamp=restamp)
    past: list[Cut] = []
    while early < seq and playback.prepare().seq <= seq:
        batch = playback.step()
        if batch.seq == (past[-1][0].seq if past else early) + 1:
            past.append((batch, playback.stamp()))
            board.update(batch)
        else:
            past.clear()
            early = batch.seq
            board.replace(batch)
        t = batch.t
        if batch.seq == seq:
            break
    everybody = range(board.instruments)
    newest = {channel: board.newest(channel, everybody) for channel in CHANNELS}
    return Start(t, Batch(seq, t, newest) if shown is not None or past else None, past, playback)
