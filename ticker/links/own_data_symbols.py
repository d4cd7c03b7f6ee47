"""Symbols of somebody's own file, spelled as ours must be.

Small letters become large ones, and each other character a `-`: `btc/usdt` is BTC-USDT. What is longer than 16
characters, and two that would be spelled alike, are refused by name.
"""

import re

from ticker.errors import ConfigError

SYMBOLS_MAX = 10_000
_OURS = re.compile(r"[A-Z0-9][A-Z0-9._-]{0,15}")


class Symbols:
    """The symbols of a file in the order in which they came, each with a number."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._numbers: dict[str, int] = {}
        self._ours: dict[str, str] = {}
        """What each of ours was in the file."""
        self._places: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._ours)

    @property
    def names(self) -> list[str]:
        """Ours, by number."""
        return list(self._ours)

    @property
    def respelled(self) -> dict[str, str]:
        """What is spelled otherwise than in the file: ours by theirs."""
        return {theirs: ours for ours, theirs in self._ours.items() if theirs != ours}

    def theirs(self, name: str) -> str:
        """Return what one of ours is in the file."""
        return self._ours[name]

    def number(self, text: str) -> int:
        """Return the number of a symbol as it is written. Raises ConfigError for one that cannot be ours."""
        number = self._numbers.get(text)
        if number is None:
            number = self._numbers[text] = self._add(text.strip())
        return number

    def _add(self, text: str) -> int:
        name = spelled(text)
        if not name:
            raise ConfigError(
                f"{self._file}: {text[:40]!r} cannot be a symbol: 1 to 16 of A-Z, 0-9, '.', '_' and '-' are needed"
            )
        if self._ours.setdefault(name, text) != text:
            raise ConfigError(f"{self._file}: {self._ours[name]!r} and {text!r} would both be the symbol {name}")
        if len(self._ours) > SYMBOLS_MAX:
            raise ConfigError(f"{self._file}: more than {SYMBOLS_MAX} symbols")
        return self._places.setdefault(name, len(self._places))


def spelled(text: str) -> str:
    """Return a symbol as ours are spelled, or nothing where it cannot be."""
    name = re.sub(r"[^A-Z0-9._-]", "-", text.strip().upper()).lstrip("._-")
    return name if _OURS.fullmatch(name) else ""
