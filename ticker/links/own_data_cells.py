"""Cells of a column as numbers, times and sides: what is missing is marked, what is none is refused with its row.

Times are integer microseconds since 1970. A number is seconds, milli-, micro- or nanoseconds, which the first of a file
decides by its size; a text is ISO 8601, of UTC where it names no offset.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ticker.errors import ConfigError
from ticker.ticks import BUY, SELL

NO_TIME = np.iinfo(np.int64).min
UNKNOWN = -1
"""Of a side."""
BLANKS = ("", "nan", "null", "none", "na", "n/a", "-")
SIDES = {
    **dict.fromkeys(("buy", "b", "1", "+1", "1.0", "buyer", "bought", "bid"), BUY),
    **dict.fromkeys(("sell", "s", "-1", "2", "-1.0", "seller", "sold", "ask"), SELL),
    **dict.fromkeys((*BLANKS, "0", "0.0", "n", "u", "unknown", "mid"), UNKNOWN),
}
MAKERS = {
    **dict.fromkeys(("true", "t", "1", "yes"), SELL),
    **dict.fromkeys(("false", "f", "0", "no"), BUY),
    **dict.fromkeys(BLANKS, UNKNOWN),
}
_UNITS = (
    (10**17, 1000, "nanoseconds"),
    (10**14, 1, "microseconds"),
    (10**11, -1000, "milliseconds"),
    (0, -1_000_000, "seconds"),
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SHOWN = 40  # characters of a cell that a sentence shows


class Place(NamedTuple):
    """Where cells stand, for a sentence: `first` is the number of the first row."""

    file: str
    row: str
    first: int
    column: str

    def wrong(self, index: int, wanted: str, cell: object) -> ConfigError:
        where = f"{self.file}: {self.row} {self.first + index}: {self.column}"
        return ConfigError(f"{where}: {wanted}, not {str(cell)[:_SHOWN]!r}")


def numbers(cells: Any, place: Place) -> NDArray[np.float64]:
    """Return numbers, NaN where there is none. Raises ConfigError for a text that is none."""
    if isinstance(cells, np.ndarray) and cells.dtype.kind in "if":
        found: NDArray[np.float64] = cells.astype(np.float64)
        if cells.dtype.kind == "i":
            found[cells == NO_TIME] = np.nan
        return found
    try:
        return np.array(cells, np.float64)
    except (ValueError, TypeError):
        return np.array([_number(cell, index, place) for index, cell in enumerate(cells)], np.float64)


def _number(cell: Any, index: int, place: Place) -> float:
    text = str(cell).strip()
    if text.lower() in BLANKS:
        return np.nan
    try:
        return float(text)
    except ValueError:
        raise place.wrong(index, "a number is needed", cell) from None


def texts(cells: Any) -> list[str]:
    """Return cells as text, empty where there is nothing."""
    if not isinstance(cells, np.ndarray):
        return list(cells)
    if cells.dtype.kind == "i":
        return ["" if cell == NO_TIME else str(cell) for cell in cells.tolist()]
    return ["" if cell != cell else str(cell) for cell in cells.tolist()]  # NaN is not itself


def sides(cells: Any, place: Place, known: dict[str, int]) -> NDArray[np.int8]:
    """Return BUY, SELL or UNKNOWN. Raises ConfigError for anything else."""
    found = texts(cells)
    words = {text: known.get(text.strip().lower()) for text in set(found)}
    for text, side in words.items():
        if side is None:
            raise place.wrong(found.index(text), "buy or sell is needed", text)
    return np.array([words[text] for text in found], np.int8)


class Times:
    """Reads the times of one file, all of the same kind."""

    def __init__(self) -> None:
        self.told = ""
        """What kind they are, for those who look."""
        self._unit = 0

    def read(self, cells: Any, dates: Any, place: Place) -> NDArray[np.int64]:
        """Return times, NO_TIME where there is none. Raises ConfigError for what is no time."""
        if dates is not None and not _whole(cells):
            days, hours = texts(dates), texts(cells)
            joined = [f"{day.strip()} {_padded(hour)}" for day, hour in zip(days, hours, strict=True)]
            return self._of_text(joined, place)
        if isinstance(cells, np.ndarray) and cells.dtype.kind in "if":
            return self._of_numbers(cells, place)
        found: Sequence[str] = texts(cells)
        first = next((text.strip() for text in found if text.strip().lower() not in BLANKS), "")
        if not _is_number(first):
            return self._of_text(found, place)
        try:
            return self._of_numbers(np.array(found, np.int64), place)
        except (ValueError, OverflowError):
            return self._of_numbers(numbers(cells, place), place)

    def _of_numbers(self, cells: NDArray[Any], place: Place) -> NDArray[np.int64]:
        there = (cells > 0) & (cells < np.inf)
        known = cells[there]
        if not self.told:
            if not len(known):
                return np.full(len(cells), NO_TIME, np.int64)
            least = float(known[0])
            if least < 10**8:
                raise place.wrong(int(np.argmax(there)), "a time since 1970 or a date is needed", known[0])
            _, self._unit, unit = next(known for known in _UNITS if least >= known[0])
            self.told = f"{unit} since 1970"
        if cells.dtype.kind == "i" and self._unit > 0:
            found = cells // self._unit
        else:
            factor = 1 / self._unit if self._unit > 0 else -float(self._unit)
            inside = there & (cells < 9e18 / max(1.0, factor))
            found = np.rint(np.where(inside, cells, 0) * factor).astype(np.int64)
        return np.where(there, found, NO_TIME)

    def _of_text(self, cells: Sequence[str], place: Place) -> NDArray[np.int64]:
        if not self.told:
            zoned = any(_zoned(cell) for cell in cells[:1])
            self.told = "ISO 8601" if zoned else "ISO 8601 without an offset: taken as UTC"
        shared = cells[0].strip()[19:] if cells else ""
        if shared.endswith(("Z", "+00:00")):
            ending = "Z" if shared.endswith("Z") else "+00:00"
            bare = [cell.removesuffix(ending) for cell in cells]
        else:
            bare = list(cells)
        try:
            return np.array(bare, "datetime64[us]").astype(np.int64) if _alike(bare) else self._one_by_one(cells, place)
        except ValueError:
            return self._one_by_one(cells, place)

    def _one_by_one(self, cells: Sequence[str], place: Place) -> NDArray[np.int64]:
        return np.array([_moment(cell, index, place) for index, cell in enumerate(cells)], np.int64)


def _whole(cells: Any) -> bool:
    """Tell whether times have a date of their own: numbers that are large, or long texts."""
    if isinstance(cells, np.ndarray) and cells.dtype.kind in "if":
        return bool(len(cells)) and float(cells.max()) > 10**8
    first = next((str(text).strip() for text in cells if str(text).strip()), "")
    return float(first) > 10**8 if _is_number(first) else ":" in first and "-" in first[:5]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _padded(hour: str) -> str:
    """Return a time of day with two digits for its hour."""
    hour = hour.strip()
    return f"0{hour}" if hour[1:2] == ":" else hour


def _zoned(text: str) -> bool:
    try:
        return datetime.fromisoformat(text.strip()).tzinfo is not None
    except ValueError:
        return False


def _alike(cells: Sequence[str]) -> bool:
    """Tell whether all are full dates and times without an offset, at most to the microsecond, as numpy reads them."""
    return all(len(cell) in range(19, 27) and cell[4] == "-" and not set("+-Z") & set(cell[11:]) for cell in cells)


def _moment(cell: str, index: int, place: Place) -> int:
    text = cell.strip().replace("/", "-")
    if text.lower() in BLANKS:
        return NO_TIME
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise place.wrong(index, "a time is needed, such as 2026-01-05T14:30:00.5Z", cell) from None
    return ((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - _EPOCH) // _MICROSECOND
