"""Checkpoint files: the market's own bytes, what its readers were shown last, what was caused, and finished bars.

A market of a thousand instruments is written down in milliseconds, its bars are not: who is in a hurry leaves them out.
"""

import os
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self

import msgspec
import numpy as np

from ticker.errors import SetupError
from ticker.market.checkpoint import pack, unpack
from ticker.market.incidents import Incident
from ticker.ticks import DTYPES, EMPTY, Rows

WIDTHS = tuple(np.dtype(kind) for kind in ("<i1", "<i2", "<i4", "<i8"))


class Checkpoint(NamedTuple):
    """All that a server needs to go on: `shown` are the newest rows of each channel, `scenario` what was played.

    `bars` are the finished ones by channel, oldest first, in any number of parts; none where they were left out.
    """

    market: bytes
    shown: dict[str, Rows]
    incidents: list[Incident]
    scenario: str
    bars: Mapping[str, Sequence[Rows]] = {}  # nobody changes it

    def data(self) -> bytes:
        """Return the bytes of a file; good on any thread."""
        bars = {channel: compact(parts, channel) for channel, parts in self.bars.items()}
        return pack(self._asdict() | {"bars": bars})

    @classmethod
    def read(cls, data: bytes) -> Self:
        """Return what the bytes of a file say. Raises SetupError where they are damaged or no checkpoint."""
        known = {"bars": {}} | unpack(data)  # older ones have none
        if set(known) != set(cls._fields):
            raise SetupError("a checkpoint of a market alone, not of a server")
        incidents = msgspec.convert(known["incidents"], list[Incident])
        bars = {channel: [expand(known["bars"][channel], channel)] for channel in known["bars"]}
        return cls(known["market"], EMPTY | known["shown"], incidents, known["scenario"], bars)


def compact(parts: Sequence[Rows], channel: str) -> bytes:
    """Return rows of a channel in a quarter of their bytes or less: by column, the difference of each to the last."""
    rows = np.frombuffer(b"".join([part.tobytes() for part in parts]), DTYPES[channel])  # 20 x concatenate
    columns = {name: _narrow(np.diff(rows[name].astype(np.int64), prepend=0)) for name in rows.dtype.names or ()}
    return zlib.compress(pack(columns), 1)


def expand(data: bytes, channel: str) -> Rows:
    """Return rows that were made compact. Raises SetupError for anything else."""
    try:
        columns = unpack(zlib.decompress(data))
        rows = np.empty(len(columns["n"]), DTYPES[channel])
        for name in rows.dtype.names or ():
            rows[name] = np.cumsum(columns[name], dtype=np.int64)
    except (zlib.error, KeyError, TypeError, ValueError):
        raise SetupError(f"no bars of ours in it, where {channel} should be") from None
    return rows


def _narrow(numbers: Rows) -> Rows:
    """Return whole numbers in as few bytes as hold them."""
    low, high = (int(numbers.min()), int(numbers.max())) if len(numbers) else (0, 0)
    return numbers.astype(next(kind for kind in WIDTHS if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max))


def load(path: str, scenario: str) -> Checkpoint | None:
    """Return what a file says, None where there is none. Raises SetupError that names the file."""
    try:
        found = Checkpoint.read(Path(path).read_bytes())
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SetupError(f"market.checkpoint: {path}: {(error.strerror or 'cannot be read').lower()}") from None
    except (SetupError, ValueError) as error:  # the latter for a name that no file can have
        raise SetupError(f"market.checkpoint: {path}: {error}") from None
    if found.scenario != scenario:
        raise SetupError(f"market.checkpoint: {path}: made while another market.scenario was played")
    return found


def store(path: str, data: bytes) -> None:
    """Write a file so that there is the old or the new one at any moment, never a part. Raises OSError."""
    target = Path(path)
    draft = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        with draft.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    finally:
        with suppress(FileNotFoundError):
            draft.unlink()
    folder = os.open(target.parent, os.O_RDONLY)  # the new name is in the folder: it has to reach the disk too
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
