"""Checkpoint files: the market's own bytes, what its readers were shown last, and what was caused."""

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self

import msgspec

from ticker.errors import SetupError
from ticker.market.checkpoint import pack, unpack
from ticker.market.incidents import Incident
from ticker.ticks import EMPTY, Rows


class Checkpoint(NamedTuple):
    """All that a server needs to go on: `shown` are the newest rows of each channel, `scenario` what was played."""

    market: bytes
    shown: dict[str, Rows]
    incidents: list[Incident]
    scenario: str

    def data(self) -> bytes:
        """Return the bytes of a file."""
        return pack(self._asdict())

    @classmethod
    def read(cls, data: bytes) -> Self:
        """Return what the bytes of a file say. Raises SetupError where they are damaged or no checkpoint."""
        known = unpack(data)
        if set(known) != set(cls._fields):
            raise SetupError("a checkpoint of a market alone, not of a server")
        incidents = msgspec.convert(known["incidents"], list[Incident])
        return cls(known["market"], EMPTY | known["shown"], incidents, known["scenario"])


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
