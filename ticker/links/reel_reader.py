"""Finds the records of a recording: by its index, or, where nobody closed it, one after the other."""

import os
import stat
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from ticker.errors import SetupError
from ticker.links import reel_file
from ticker.links.reel_file import FOOTER, HEAD_BYTES, INDEXED, MAGIC, Kind

SEARCH_BYTES = 1 << 20  # looked through at a time for the next record, after a damaged one


class Reader:
    """A file that is a recording. Raises SetupError that names it where it is none."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.troubles: list[str] = []
        """What is wrong with the file, a sentence each."""
        self.closed = False
        """Whether there is an index."""
        self.end = len(MAGIC)
        """Where the last whole record ends that is not the index."""
        self._file = _opened(path)
        try:
            self.size = os.fstat(self._file).st_size
            self._check()
            self.records = self._indexed()
            if self.records is None:
                self.records = self._scanned()
        except BaseException:
            self.close()
            raise

    records: NDArray[Any]
    """Place and head of every record, in the order of the file: shape (k,), dtype `INDEXED`."""

    def close(self) -> None:
        """Close the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def content(self, record: int) -> bytes:
        """Return what a record holds. Raises ValueError where it is damaged."""
        place, head = self.records[record]
        return self._content(int(place), head)

    def _content(self, place: int, head: Any) -> bytes:
        return reel_file.content(head, self._read(place + HEAD_BYTES, int(head["stored"])))

    def _read(self, place: int, size: int) -> bytes:
        try:
            return os.pread(self._file, size, place)
        except OSError as error:
            raise SetupError(f"{self.path}: {(error.strerror or 'cannot be read').lower()}") from None

    def _check(self) -> None:
        if not self.size:
            raise SetupError(f"{self.path}: is empty, and no recording")
        if self._read(0, len(MAGIC)) != MAGIC:
            raise SetupError(f"{self.path}: is no recording of ticker record")

    def _indexed(self) -> Any:
        """Return the records as the index has them, None where there is no sound one."""
        place = reel_file.footed(self._read(max(0, self.size - FOOTER.size), FOOTER.size))
        if place is None or not len(MAGIC) <= place < self.size:
            return None
        head = self._read(place, HEAD_BYTES)
        if not reel_file.sound(head) or head[4] != Kind.INDEX:
            return None
        try:
            found = reel_file.read_heads(self._content(place, reel_file.read_heads(head)[0]), INDEXED)
        except ValueError as error:
            self.troubles.append(f"the index is damaged: {error}; the records were looked for one by one")
            return None
        self.closed = True
        self.end = place
        return found

    def _scanned(self) -> NDArray[Any]:
        """Return the records as they are found one after the other, and note what is no record."""
        found: list[bytes] = []
        place = len(MAGIC)
        while place < self.size:
            head = self._read(place, HEAD_BYTES)
            if not reel_file.sound(head):
                place = self._next(place)
                continue
            span = reel_file.span(reel_file.read_heads(head)[0])
            if place + span > self.size:
                self._note_rest(place)
                break
            if head[4] != Kind.INDEX:
                found.append(place.to_bytes(8, "little") + head)
                self.end = place + span
            place += span
        return reel_file.read_heads(b"".join(found), INDEXED)

    def _next(self, place: int) -> int:
        """Return where the next record begins after a place where there should be one; the end where there is none."""
        if self._read(place, FOOTER.size)[:8] == reel_file.FOOTER_SIGN and place + FOOTER.size >= self.size:
            return self.size
        start = place + 8
        while start < self.size:
            piece = self._read(start, SEARCH_BYTES + HEAD_BYTES)
            at = piece.find(reel_file.SIGN)
            while 0 <= at < SEARCH_BYTES:
                if at % 8 == 0 and reel_file.sound(piece[at : at + HEAD_BYTES]):
                    self.troubles.append(f"{start + at - place} bytes at {place} are damaged, and no record")
                    return start + at
                at = piece.find(reel_file.SIGN, at + 1)
            start += SEARCH_BYTES
        self._note_rest(place)
        return self.size

    def _note_rest(self, place: int) -> None:
        self.troubles.append(
            f"the last {self.size - place} bytes are the beginning of a record that was never finished"
        )


def _opened(path: Path) -> int:
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe must not make us wait
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "cannot be read"
        raise SetupError(f"{path}: {why.lower()}") from None
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise SetupError(f"{path}: is no file") from None
    return file
