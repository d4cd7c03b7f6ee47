"""Somebody's own file, a block of rows at a time: CSV (also .gz), or Parquet, which DuckDB reads.

A block is a column a name: text as it stands in a CSV, numbers or text from a Parquet file. Neither is ever in memory
as a whole.
"""

import csv
import gzip
import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TextIO

import numpy as np

from ticker.errors import ConfigError, SetupError

BLOCK_ROWS = 65_536
SEPARATORS = ",;\t|"
PARQUET = b"PAR1"
_GZIP = b"\x1f\x8b"
_PEEKED = 4096
_TIMES = ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", "TIMESTAMP WITH TIME ZONE")
_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "HUGEINT")


@dataclass(frozen=True, slots=True)
class Block:
    """Rows that follow each other: `cells` by the name of their column, `first` the number of the first of them."""

    first: int
    count: int
    cells: dict[str, Any]


class OwnFile(Protocol):
    """A file of rows; `row` is what one of them is called."""

    header: list[str]
    row: str

    def blocks(self, names: Sequence[str]) -> Iterator[Block]:
        """Yield the cells of these columns. Raises ConfigError."""


def opened(path: Path) -> OwnFile:
    """Return what reads a file. Raises SetupError for what is none, or neither CSV nor Parquet."""
    try:
        with path.open("rb") as stream:
            begins = stream.read(_PEEKED)
    except OSError as error:
        raise ConfigError(f"replay.file: {path}: {(error.strerror or 'cannot be read').lower()}") from None
    if begins.startswith(PARQUET):
        return ParquetFile(path)
    if not begins:
        raise ConfigError(f"replay.file: {path}: it is empty")
    if b"\0" in begins and not begins.startswith(_GZIP):
        kinds = "a tape that ticker record made, nor a Parquet or CSV file"
        raise ConfigError(f"replay.file: {path}: neither {kinds} of trades or quotes")
    return CsvFile(path, zipped=begins.startswith(_GZIP))


def digest(path: Path) -> str:
    """Return what names the content of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class CsvFile:
    """Rows of text: the first has the names."""

    row = "line"

    def __init__(self, path: Path, *, zipped: bool) -> None:
        self._path = path
        self._zipped = zipped
        try:
            with self._open() as stream:
                first = stream.readline()
        except (OSError, EOFError) as error:
            raise ConfigError(f"replay.file: {path}: cannot be read: {error}") from None
        self._separator = max(SEPARATORS, key=first.count)
        self.header = [name.strip() for name in next(csv.reader([first], delimiter=self._separator), [])]

    def _open(self) -> TextIO:
        # What cannot be read as UTF-8 is no header of ours, and no number either.
        if self._zipped:
            return gzip.open(self._path, "rt", encoding="utf-8-sig", errors="replace", newline="")
        return self._path.open(encoding="utf-8-sig", errors="replace", newline="")

    def blocks(self, names: Sequence[str]) -> Iterator[Block]:
        """Yield the cells of these columns. Raises ConfigError where the file is not CSV."""
        places = {name: self.header.index(name) for name in names}
        width = len(self.header)
        first = 2
        with self._open() as stream:
            rows = csv.reader(stream, delimiter=self._separator)
            try:
                next(rows, None)
                while found := list(islice(rows, BLOCK_ROWS)):
                    if set(map(len, found)) != {width}:
                        found = [(row + [""] * width)[:width] for row in found]
                    yield Block(
                        first, len(found), {name: [row[place] for row in found] for name, place in places.items()}
                    )
                    first += len(found)
            except (csv.Error, OSError, EOFError) as error:
                raise ConfigError(f"{self._path}: {self.row} {rows.line_num}: not CSV: {error}") from None


class ParquetFile:
    """Columns of numbers and text."""

    row = "row"

    def __init__(self, path: Path) -> None:
        try:
            duckdb = import_module("duckdb")
        except ImportError:
            raise SetupError(
                f"replay.file: {path}: Parquet is read by DuckDB, which is missing: pip install 'tickerplant[parquet]'"
            ) from None
        self._error = duckdb.Error
        self._path = path
        self._file = re.sub(r"([*?\[])", r"[\1]", str(path))  # it is a pattern to DuckDB
        self._base = duckdb.connect()
        found = self._ask("DESCRIBE SELECT * FROM read_parquet(?)").fetchall()
        self._types = {column: kind for column, kind, *_ in found}
        self.header = [column for column, *_ in found]

    def _ask(self, query: str) -> Any:
        try:
            return self._base.execute(query, [self._file])
        except self._error as error:
            raise ConfigError(f"replay.file: {self._path}: not Parquet: {str(error).partition(chr(10))[0]}") from None

    def blocks(self, names: Sequence[str]) -> Iterator[Block]:
        """Yield the cells of these columns. Raises ConfigError where the file is damaged."""
        wanted = ", ".join(f"{self._read(name)} AS {_quoted(name)}" for name in names)
        total = int(self._ask("SELECT count(*) FROM read_parquet(?)").fetchone()[0])
        for first in range(0, total, BLOCK_ROWS):
            found = self._ask(
                f"SELECT {wanted} FROM read_parquet(?, file_row_number = true) "
                f"WHERE file_row_number >= {first} AND file_row_number < {first + BLOCK_ROWS} ORDER BY file_row_number"
            ).fetchnumpy()
            cells = {name: _filled(column) for name, column in zip(names, found.values(), strict=True)}
            yield Block(first + 1, min(BLOCK_ROWS, total - first), cells)

    def _read(self, name: str) -> str:
        """Return how a column is read: as whole numbers, as numbers, or as text."""
        kind, column = self._types[name], _quoted(name)
        if kind in _TIMES:
            return f"epoch_us({column})"
        if kind in _WHOLE:
            return f"CAST({column} AS BIGINT)"
        if kind == "FLOAT":  # whose digits are those that were meant
            return f"CAST(CAST({column} AS VARCHAR) AS DOUBLE)"
        return f"CAST({column} AS DOUBLE)" if kind == "DOUBLE" or kind.startswith("DECIMAL") else _text(column)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _text(column: str) -> str:
    return f"CAST({column} AS VARCHAR)"


def _filled(column: Any) -> Any:
    """Return a column with something in place of what is missing: no number, or no text."""
    if isinstance(column, np.ma.MaskedArray):
        if column.dtype.kind == "i":
            return column.filled(np.iinfo(np.int64).min)
        return column.filled("" if column.dtype.kind == "O" else np.nan)
    return column
