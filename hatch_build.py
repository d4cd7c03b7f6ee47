"""Puts TradingView's Lightweight Charts into the package when it is built.

The file is not in this repository. It comes out of the wheel of `litecharts`, a requirement of the build, so that pip
fetches it as it fetches everything else; and it is taken only if it is, byte for byte, the one that was looked at.
Where it cannot be had, the build goes on without it, says so, and the page draws a plain line.
"""

from collections.abc import Callable
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = "litecharts"  # its version stands in pyproject.toml
SOURCE = "litecharts/js/lightweight-charts.js"
SHA256 = "756b0ba9f58930226d6b8b9d47ad310448ab85d799ea1f7c2c02304777c10b52"  # version 5.1.0, 189,472 bytes
PLACE = "ticker_web/vendor/lightweight-charts.js"


class Unusable(Exception):
    """Says why there is no library."""


def find() -> Path:
    """Return where the library lies, the package that brings it not being imported."""
    try:
        found = distribution(PACKAGE)
    except PackageNotFoundError:
        raise Unusable(f"{PACKAGE} is not installed where this is built") from None
    return Path(str(found.locate_file(SOURCE)))


def check(path: Path) -> None:
    """Refuse a file that is not the library as it was looked at."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror}") from None
    if (told := sha256(content).hexdigest()) != SHA256:
        raise Unusable(f"{path} is refused: its SHA-256 is {told}, not {SHA256}")


def source(say: Callable[[str], None]) -> Path | None:
    """Return where the library lies, checked; where there is none, say why."""
    try:
        path = find()
        check(path)
    except Unusable as why:
        say(f"the chart of the page will be a plain line: {why}")
        return None
    return path


class Library(BuildHookInterface[Any]):
    """Adds it to a wheel; for an editable one it is written where the page is served from, which git ignores."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        path = source(self.app.display_warning)
        if path is None:
            return
        if version != "editable":
            build_data["force_include"][str(path)] = PLACE
            return
        place = Path(self.root, "clients", PLACE)
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(path.read_bytes())
