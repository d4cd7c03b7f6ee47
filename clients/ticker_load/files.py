"""The files that a run leaves behind."""

from pathlib import Path

from ticker.errors import SetupError


def check(file: Path | None, flag: str) -> None:
    """Raise SetupError where a file cannot be written: known now, not after the run."""
    if file is not None and not file.parent.is_dir():
        raise SetupError(f"{flag}: {file}: there is no such folder")
    if file is not None and file.is_dir():
        raise SetupError(f"{flag}: {file}: is a folder")


def write(file: Path, content: bytes) -> None:
    """Write a file. Raises SetupError where that fails."""
    try:
        file.write_bytes(content)
    except OSError as error:
        raise SetupError(f"{file}: {(error.strerror or 'cannot be written').lower()}") from None
