"""A tape that is played from a file: a recorded one, or somebody's own trades and quotes.

Positions are what they were; so is when each step was emitted, unless that is to be now. Where steps were never
recorded the tape leaps, which everybody is told of.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ticker import clock
from ticker.config import Config
from ticker.errors import ConfigError, EndOfTape, Refusal
from ticker.feed.board import Board
from ticker.links import recording
from ticker.links.own_data import OwnData, Tallies
from ticker.links.recording import Recording
from ticker.ticks import CHANNELS, Batch
from ticker.wire.label import Label
from ticker.wire.reel import Cut


class Tape(Protocol):
    """A tape on a disk, of the steps `first` to `last`."""

    label: Label
    first: int
    last: int

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
    if not recording.is_recording(path):
        return OwnData(replay, config.market.step_us, tallies)
    for key in ("columns", "symbol", "tick"):
        if getattr(replay, key):
            raise ConfigError(f"replay.{key}: is for one's own trades and quotes: {replay.file} is a recorded tape")
    return Recording.open(path)


def begin(config: Config, tape: Tape) -> int:
    """Return the step after which a tape is to be played. Raises SetupError."""
    try:
        return tape.place(config.replay.start)
    except Refusal as refusal:
        raise ConfigError(f"replay.start: {refusal.message}") from None


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
