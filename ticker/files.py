"""TOML files: an operator's, and those that come with the program."""

import tomllib
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from ticker.errors import ConfigError

_PACKAGE = Path(__file__).parent
_PACKED = _PACKAGE / "configs"
CONFIGS = _PACKED if _PACKED.is_dir() else _PACKAGE.parent / "configs"
"""Inside the package where it is installed, beside it in a checkout."""


def read(file: Path) -> dict[str, Any]:
    """Return the tables of a file. Raises ConfigError where it cannot be read or is not TOML."""
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file}: {(error.strerror or 'cannot be read').lower()}") from None
    except (ValueError, RecursionError) as error:  # whatever is wrong with its bytes, or its name
        raise ConfigError(f"{file}: not TOML: {error}") from None


def shipped(kind: str) -> list[str]:
    """Return the names of the files of a kind (a folder of ours) that come with the program."""
    return sorted(file.stem for file in (CONFIGS / kind).glob("*.toml"))


def find(kind: str, name: str, key: str, others: tuple[str, ...] = ()) -> Path:
    """Return the file that a name of ours or a path means. Raises ConfigError naming `key`; `others` exist as well."""
    names = shipped(kind)
    if name in names:
        return CONFIGS / kind / f"{name}.toml"
    if "/" in name or name.endswith(".toml"):
        return Path(name)
    known = sorted([*names, *others])
    near = get_close_matches(name, known, 1)
    hint = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(known)}, or the path of a TOML file"
    raise ConfigError(f"{key}: nothing is called {name!r}: {hint}")
