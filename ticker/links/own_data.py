"""Somebody's own trades and quotes, from a CSV or Parquet file, as a tape that is read like a recorded one.

The file is read twice before the first step: for its name, and row by row into a store on the disk. What was guessed is
told, a line a column. The same file and settings make the same tape, of the same epoch.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zlib import crc32

import msgspec
import numpy as np
from numpy.typing import NDArray

from ticker.config import ReplayConfig
from ticker.errors import ConfigError
from ticker.feed.board import Board
from ticker.instruments import Instrument, Universe
from ticker.links import own_data_columns, own_data_files
from ticker.links.own_data_files import OwnFile
from ticker.links.own_data_grid import Grid
from ticker.links.own_data_sieve import Sieve
from ticker.links.own_data_steps import Shape, Tally, Timetable, steps
from ticker.links.own_data_symbols import spelled
from ticker.links.own_data_told import told
from ticker.ticks import CHANNELS, Batch, Position
from ticker.wire.label import Label
from ticker.wire.reel import Cut

RULES = "own-data-1"
"""Names how rows become ticks: a change that changes any tick changes this, and so the epoch."""
UNSTAMPED = 0
"""Stands for the wall clock of a step that nobody has emitted before."""
_1970 = datetime(1970, 1, 1, tzinfo=UTC)

Tallies = Callable[[int, int, NDArray[np.int64], NDArray[np.int64]], Tally]
"""Makes what adds up bars and statistics: of so many instruments, in steps so long, from where they begin, by keys."""


class OwnData:
    """A tape of somebody's own rows; `story` are the lines that tell what was made of them."""

    first = 1

    def __init__(self, config: ReplayConfig, step_us: int, tallies: Tallies) -> None:
        """Read the file. Raises SetupError, naming the file and the column, or the key."""
        path = Path(config.file)
        source = own_data_files.opened(path)
        columns = own_data_columns.choose(config.file, source.header, config.columns)
        grid = Grid.parse(config.tick) if config.tick else None
        self._tallies = tallies
        self._going: tuple[int, Iterator[Batch]] | None = None
        self._sieve = Sieve(config.file, source.row, columns, _symbol(config, path), grid)
        try:
            _fill(self._sieve, source, path)
            self._table = Timetable(self._sieve.minutes, step_us)
            names = sorted(self._sieve.symbols.names)
            self._shape = _shape(self._sieve, names, grid)
        except BaseException:
            self.close()
            raise
        self.universe = Universe(self._instruments(names), name=path.name[:80])
        epoch = _epoch(path, columns, config, step_us)
        self.label = Label.of(self.universe, epoch=epoch, step_us=step_us, start_us=self._table.time_us(0), seed=0)
        self.last = self._table.last
        self.story = told(config.file, source.row, columns, self._sieve, self._table, self._shape, names)

    def _instruments(self, names: Sequence[str]) -> Iterator[Instrument]:
        for place, name in enumerate(names):
            grid = self._shape.grids[place]
            ticks = int(self._shape.reference_ticks[place])
            theirs = self._sieve.symbols.theirs(name)[:80]
            printable = theirs if theirs.isprintable() else name
            yield Instrument(
                name, printable, "Own data", grid.decimals, grid.units, 1, ticks, size_decimals=self._shape.power
            )

    def time_us(self, seq: int) -> int:
        """Return the market time at the end of a step."""
        return self._table.time_us(seq)

    def place(self, text: str) -> int:
        """Return the step to go on after: of a position, a seq, or a time with its offset. Raises ConfigError."""
        if not text:
            return 0
        if text.isascii() and text.isdigit():
            seq = int(text[:17])
        elif (at := _moment(text)) is not None:
            seq = self._table.reached(at) - 1
            if not self.time_us(0) <= at <= self.time_us(self.last):
                span = f"from {_iso(self, 0)} to {_iso(self, self.last)}"
                raise ConfigError(f"{text}: the file goes {span}")
        else:
            epoch, seq = Position.parse(text)
            if epoch != self.label.epoch:
                raise ConfigError(f"{text}: a position of another tape: this one is {self.label.epoch}")
        if not 0 <= seq < self.last:
            raise ConfigError(f"{text}: the tape goes from 0 to {self.last}")
        return seq

    def picture(self, seq: int) -> Batch | None:
        """Return the newest rows of everything at a step: all before it is gone through."""
        if not seq:
            self._going = None
            return None
        board = Board(len(self.universe))
        going = self._from_the_beginning()
        for batch in going:
            board.update(batch)
            if batch.seq % 1024 == 0:
                board.settle()
            if batch.seq == seq:
                break
        self._going = (seq, going)
        everybody = range(len(self.universe))
        return Batch(seq, self.time_us(seq), {channel: board.newest(channel, everybody) for channel in CHANNELS})

    def after(self, seq: int) -> Iterator[Cut | Batch]:
        """Yield the steps after one."""
        if self._going is None or self._going[0] != seq:
            self.picture(seq)
        going = self._going[1] if self._going else self._from_the_beginning()
        self._going = None
        return ((batch, UNSTAMPED) for batch in going)

    def close(self) -> None:
        """Give the disk back."""
        self._sieve.trades.close()
        self._sieve.quotes.close()

    def _from_the_beginning(self) -> Iterator[Batch]:
        keys = np.array([crc32(instrument.symbol.encode()) for instrument in self.universe], np.int64)
        tally = self._tallies(len(self.universe), self._table.step_us, self._shape.reference_ticks, keys)
        return steps(self._sieve.trades, self._sieve.quotes, self._table, self._shape, tally)


def _fill(sieve: Sieve, source: OwnFile, path: Path) -> None:
    """Take in all rows of a file. Raises ConfigError."""
    try:
        for block in source.blocks(sieve.wanted):
            sieve.take(block)
        sieve.settle()
    except OSError as error:
        raise ConfigError(f"replay.file: {path}: cannot be read, or kept on the disk: {error.strerror}") from None
    if not sieve.minutes:
        raise ConfigError(f"replay.file: {path}: no trade and no quote in it{_why(sieve)}")


def _shape(sieve: Sieve, names: list[str], given: Grid | None) -> Shape:
    """Return how the rows of these symbols become ticks, in this order. Raises ConfigError."""
    theirs = sieve.symbols.names
    grids = sieve.prices.grids(theirs, given)
    power = sieve.prices.power(theirs, grids)
    order = [theirs.index(name) for name in names]
    reference = np.array([grids[number].ticks(sieve.first_px[[number]])[0] for number in order], np.int64)
    return Shape(np.argsort(order).astype(np.int32), [grids[number] for number in order], power, reference)


def _symbol(config: ReplayConfig, path: Path) -> str:
    """Return the symbol of a file that has no such column. Raises ConfigError."""
    if config.symbol:
        if spelled(config.symbol) != config.symbol:
            raise ConfigError(f"replay.symbol: 1 to 16 of A-Z, 0-9, '.', '_' and '-' are needed, not {config.symbol!r}")
        return config.symbol
    return spelled(path.name.split(".")[0][:16]) or "OWN"


def _epoch(path: Path, columns: dict[str, str], config: ReplayConfig, step_us: int) -> str:
    shape: list[Any] = [RULES, own_data_files.digest(path), sorted(columns.items())]
    shape += [config.tick, _symbol(config, path), step_us]
    return hashlib.sha256(msgspec.json.encode(shape)).hexdigest()[:12]


def _why(sieve: Sieve) -> str:
    reasons = [*sieve.left_out.items(), *((f"of {word}", count) for word, count in sieve.passed_over.items())]
    return ": " + ", ".join(f"{count} rows have {reason}" for reason, count in reasons[:4]) if reasons else ""


def _moment(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        raise ConfigError(f"{text}: a time needs its offset, such as {text}Z")
    return (moment - _1970) // timedelta(microseconds=1)


def _iso(data: OwnData, seq: int) -> str:
    return (_1970 + timedelta(microseconds=data.time_us(seq))).isoformat().replace("+00:00", "Z")
