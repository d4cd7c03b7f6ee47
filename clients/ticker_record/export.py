"""`ticker export`: a recording as lines or as Parquet, a block of steps at a time."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec
import numpy as np

from ticker.errors import ConfigError, SetupError
from ticker.instruments import Universe
from ticker.links.recording import Recording
from ticker.session.kinds import Tick
from ticker.ticks import CHANNELS, Rows
from ticker_client.columns import ticks_of
from ticker_client.instruments import Instrument, Instruments
from ticker_record import parquet, words
from ticker_record.portions import Portion, portions
from ticker_record.wishes import check_channels
from ticker_watch.sheet import Sheet

FORMATS = ("ndjson", "csv", "parquet")


class Wish(NamedTuple):
    """What is wanted of a recording; no channels and no symbols stand for all that there are."""

    path: Path
    to: str
    out: Path | None = None
    channels: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()


def run(wish: Wish) -> int:
    """Export, and return the exit code: 1 where something is damaged. Raises SetupError."""
    if wish.to not in FORMATS:
        raise ConfigError(f"--to: {wish.to!r} is none; choose one of {', '.join(FORMATS)}")
    check_channels(list(wish.channels))
    with Recording.open(wish.path) as recording:
        channels = _channels(recording, wish)
        steps = portions(recording, channels, _wanted(recording, wish))
        if wish.to == "parquet":
            parquet.write(recording.label.traded(), channels, steps, wish.out or wish.path.with_suffix(""))
        else:
            with _opened(wish.out) as out:
                _write(out, wish.to, channels, steps, instruments_of(recording.label.traded()))
        for after, until in recording.gaps:
            print(f"{wish.path}: {words.hole(after, until, '')}", file=sys.stderr)
        for trouble in recording.troubles:
            print(f"{wish.path}: {trouble}", file=sys.stderr)
        return 1 if any("damaged" in trouble for trouble in recording.troubles) else 0


def instruments_of(universe: Universe) -> Instruments:
    """Return what is traded, as arrays name it."""
    return Instruments([Instrument(one.symbol, one.tick_units / 10**one.decimals, one.decimals) for one in universe])


def _channels(recording: Recording, wish: Wish) -> tuple[str, ...]:
    """Return the channels in their order. Raises ConfigError for one that was not recorded."""
    recorded = recording.about.channels
    for channel in wish.channels:
        if channel not in recorded:
            raise ConfigError(f"--channels: {channel} was not recorded; there are {', '.join(recorded)}")
    return tuple(channel for channel in CHANNELS if channel in (wish.channels or recorded))


def _wanted(recording: Recording, wish: Wish) -> Rows | None:
    """Return, for each instrument, whether it is wanted; None where all are. Raises ConfigError."""
    if not wish.symbols:
        return None
    universe = recording.label.traded()
    wanted = np.zeros(len(universe), bool)
    for symbol in wish.symbols:
        index = universe.find(symbol)
        recorded = recording.about.symbols
        if index is None or (recorded is not None and symbol not in recorded):
            raise ConfigError(f"--symbols: {symbol} is not in {recording.path}")
        wanted[index] = True
    return wanted


def _write(
    out: Callable[[bytes], None], to: str, channels: tuple[str, ...], steps: Iterator[Portion], traded: Instruments
) -> None:
    """Write every tick as a line, as `ticker watch` prints it."""
    spell: Callable[[list[Tick]], bytes] = msgspec.json.Encoder().encode_lines
    if to == "csv":
        sheet = Sheet(channels)
        out(sheet.header())
        spell = sheet.rows
    for step in steps:
        for channel, rows in step.rows.items():
            if len(rows):
                out(spell(ticks_of(channel, rows, traded)))


@contextmanager
def _opened(path: Path | None) -> Iterator[Callable[[bytes], None]]:
    """Give what writes to a new file, or to standard output. Raises SetupError where it cannot be written."""
    if path is None and sys.stdout is None:
        raise SetupError("standard output is closed: there is nowhere to write to")
    try:
        file: BinaryIO = path.open("xb") if path else open(sys.stdout.fileno(), "wb", closefd=False)  # noqa: SIM115
    except FileExistsError:
        raise ConfigError(f"{path}: is there already; --out names a new file") from None
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path or 'standard output'}: {_why(error)}") from None
    try:
        with file:
            yield file.write  # type: ignore[misc]
    except BrokenPipeError:
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise
    except OSError as error:
        raise SetupError(f"{path or 'standard output'}: {_why(error)}") from None


def _why(error: Exception) -> str:
    return (getattr(error, "strerror", None) or "cannot be written").lower()
