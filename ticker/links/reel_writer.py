"""Appends records to a recording, all of one or none, and its index at last. Every method raises SetupError."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from ticker.errors import ConfigError, SetupError
from ticker.links import reel_file
from ticker.links.records import Records


class Writer:
    """A file that is being written; what does not fit is taken back to the last record that did."""

    def __init__(self, path: Path, file: int, places: list[int], heads: list[bytes], size: int) -> None:
        self.path = path
        self.size = size
        """How many bytes the file has."""
        self._file = file
        self._places = places
        self._heads = heads
        self._failed = False

    @classmethod
    def create(cls, path: Path) -> Self:
        """Create the file. Raises ConfigError where there is one, or none can be."""
        try:
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        except FileExistsError:
            raise ConfigError(f"{path}: is there already; a recording begins in a new file") from None
        except (OSError, ValueError) as error:
            raise ConfigError(f"{path}: {_why(error, 'cannot be created')}") from None
        writer = cls(path, file, [], [], 0)
        with writer.removed_where_it_fails():
            writer._write(reel_file.MAGIC)
        return writer

    @classmethod
    def go_on(cls, records: Records) -> Self:
        """Go on after the last whole record of a file: its index, and what was never finished, are taken away."""
        path = records.path
        try:
            file = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
            os.ftruncate(file, records.end)
            os.lseek(file, 0, os.SEEK_END)
        except OSError as error:
            raise SetupError(f"{path}: {_why(error, 'cannot be written')}") from None
        return cls(path, file, records.places, [head.tobytes() for head in records.heads], records.end)

    @contextmanager
    def removed_where_it_fails(self) -> Iterator[None]:
        """Leave no file where not even its beginning can be written."""
        try:
            yield
        except SetupError:
            self.close()
            self.path.unlink(missing_ok=True)
            raise

    def add(self, record: bytes) -> None:
        """Append a record."""
        place = self.size
        self._write(record)
        self._places.append(place)
        self._heads.append(record[: reel_file.HEAD_BYTES])

    def close(self) -> None:
        """Append the index, unless the disk took no more, and close the file. It may be called again."""
        if self._file < 0:
            return
        try:
            if len(self._places) <= reel_file.INDEXED_MAX:
                self._write(reel_file.index(self._places, self._heads, self.size))
        finally:
            os.close(self._file)
            self._file = -1

    def _write(self, data: bytes) -> None:
        if self._failed:
            return  # it was said, and what follows would have no beginning
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._file, left) :]
        except OSError as error:
            self._failed = True
            os.ftruncate(self._file, self.size)
            raise SetupError(f"{self.path}: {_why(error, 'cannot be written')}") from None
        self.size += len(data)


def _why(error: Exception, otherwise: str) -> str:
    return (getattr(error, "strerror", None) or otherwise).lower()
