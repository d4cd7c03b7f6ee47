"""Reads a user's CSV of trades: columns for time, price and size, and if there are any for side and symbol.

Headers are found under their usual names in any case, separated by comma, semicolon, tab or bar. Times are ISO 8601
(UTC where no offset is given), a time of day, or a number: seconds, or milli-, micro- or nanoseconds since 1970.
"""

import csv
import math
from collections.abc import Iterator
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

from ticker.errors import ConfigError
from ticker.scorecard.gathered import Gathered, sessions
from ticker.scorecard.sessions import Session

NAMES = {
    "time": ("time", "timestamp", "ts", "t", "datetime", "date_time", "dt"),
    "price": ("price", "px", "trade_price", "last", "p"),
    "size": ("size", "sz", "qty", "quantity", "volume", "amount", "shares", "q"),
    "side": ("side", "aggressor", "taker_side", "direction"),
    "symbol": ("symbol", "sym", "ticker", "instrument", "code"),
}
NEEDED = ("time", "price", "size")
SIDES = {"buy": 1.0, "b": 1.0, "1": 1.0, "+1": 1.0, "sell": -1.0, "s": -1.0, "-1": -1.0, "": 0.0}
SEPARATORS = ",;\t|"
_SCALES = ((1e17, 1e9), (1e14, 1e6), (1e11, 1e3))


def read_csv(file: Path) -> list[Session]:
    """Return the sessions of a CSV of trades. Raises ConfigError, naming the line and the column."""
    found: dict[str, Gathered] = {}
    try:
        # What cannot be read as UTF-8 is no header of ours, and no number either.
        with file.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
            first = stream.readline()
            rows = csv.reader(stream, delimiter=max(SEPARATORS, key=first.count))
            where = _places(file, next(csv.reader([first], delimiter=max(SEPARATORS, key=first.count)), []))
            for number, row in _numbered(file, rows):
                _take(found, row, where, f"{file}:{number}")
    except OSError as error:
        raise ConfigError(f"{file}: {(error.strerror or 'cannot be read').lower()}") from None
    return sessions(file, found)


def _numbered(file: Path, rows: Any) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that have something in them, with the number of their line."""
    try:
        for row in rows:
            if any(row):
                yield rows.line_num + 1, row
    except csv.Error as error:
        raise ConfigError(f"{file}:{rows.line_num + 1}: not CSV: {error}") from None


def _places(file: Path, header: list[str]) -> dict[str, int]:
    """Return where each column stands."""
    names = [name.strip().lower() for name in header]
    places = {
        column: next(names.index(name) for name in known if name in names)
        for column, known in NAMES.items()
        if set(known) & set(names)
    }
    for column in NEEDED:
        if column not in places:
            seen = ", ".join(names)[:200] or "nothing"
            raise ConfigError(f"{file}:1: no column for {column} ({', '.join(NAMES[column])}): the header has {seen}")
    return places


def _take(found: dict[str, Gathered], row: list[str], places: dict[str, int], where: str) -> None:
    cells = {}
    for column, place in places.items():
        if place >= len(row):
            raise ConfigError(f"{where}: {column}: missing")
        cells[column] = row[place].strip()
    side = SIDES.get(cells.get("side", "").lower())
    if side is None:
        raise ConfigError(f"{where}: side: buy or sell, not {cells['side'][:40]!r}")
    found.setdefault(cells.get("symbol", ""), Gathered()).trade(
        _seconds(cells["time"], where), _positive(cells, "price", where), _positive(cells, "size", where), side
    )


def _positive(cells: dict[str, str], column: str, where: str) -> float:
    try:
        value = float(cells[column])
    except ValueError:
        value = math.nan
    if not 0 < value < 1e12:
        raise ConfigError(f"{where}: {column}: a number above 0 is needed, not {cells[column][:40]!r}")
    return value


def _seconds(text: str, where: str) -> float:
    """Return seconds since 1970, or since midnight where there is no date."""
    try:
        number = float(text)
    except ValueError:
        return _clock_time(text, where)
    if not 0 <= number < math.inf:
        raise ConfigError(f"{where}: time: not a time: {text[:40]!r}")
    return number / next((scale for least, scale in _SCALES if number >= least), 1.0)


def _clock_time(text: str, where: str) -> float:
    try:
        if len(text) > 8 and text[4] == "-":
            moment = datetime.fromisoformat(text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        of_day = time.fromisoformat(text)
    except ValueError:
        raise ConfigError(f"{where}: time: not a time: {text[:40]!r}") from None
    return of_day.hour * 3600 + of_day.minute * 60 + of_day.second + of_day.microsecond / 1e6
