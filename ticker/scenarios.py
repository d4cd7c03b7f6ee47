"""Scenario files: those that come with the program, an operator's, and what the admin API gave away as JSON."""

import hashlib
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any

import msgspec

from ticker import files, universes
from ticker.config import MarketConfig
from ticker.errors import ConfigError, Refusal
from ticker.instruments import Universe
from ticker.market.foresight import foresee, warnings
from ticker.market.market import Market
from ticker.market.scenarios import Scenario, Timing, Written, read, resolve

KEY = "market.scenario"


class Play:
    """A scenario's file as it was read: `load` has checked all of it but the incidents, which need a market."""

    def __init__(self, name: str) -> None:
        """Read a scenario by its name or path; an empty one is an ordinary day. Raises ConfigError."""
        self.name = name
        self._file = _find(name) if name else None
        try:
            self._written = read(_tables(self._file), str(self._file)) if self._file else Written()
        except Refusal as refusal:
            raise ConfigError(refusal.message) from None

    @property
    def identity(self) -> str:
        """What it is that happens, as a name: empty for nothing."""
        if not self._written.incident:
            return ""
        return hashlib.sha256(msgspec.json.encode(self._written.incident, order="sorted")).hexdigest()[:12]

    @property
    def starts(self) -> str | msgspec.UnsetType:
        """Return the time of day at which it starts, as it is written."""
        start = self._written.start
        return start if isinstance(start, msgspec.UnsetType) else start.isoformat()

    def start(self, start: datetime, zone: tzinfo) -> datetime:
        """Return when the market starts: at the scenario's own time of that day, where it has one."""
        if isinstance(self._written.start, msgspec.UnsetType):
            return start
        return datetime.combine(start.astimezone(zone).date(), self._written.start, zone)

    def scenario(self, universe: Universe, timing: Timing) -> Scenario:
        """Return what is going to happen to a universe. Raises ConfigError naming the file and the entry."""
        try:
            return resolve(self._written, self.name, str(self._file), universe, timing)
        except Refusal as refusal:
            raise ConfigError(refusal.message) from None


def check(name: str) -> list[str]:
    """Read a scenario as the default universe would play it; return what cannot happen when it is meant to.

    Raises ConfigError.
    """
    play, universe = Play(name), universes.load(MarketConfig())
    zone = universe.hours.zone if universe.hours else UTC
    market = Market(MarketConfig(start=play.start(universe.start, zone)), universe)
    scenario = play.scenario(universe, Timing(market.step_us, market.time_us, zone))
    return warnings(foresee(scenario.incidents, len(universe), market.times), universe, market.step_us)


def _find(name: str) -> Path:
    return Path(name) if name.endswith(".json") else files.find("scenarios", name, KEY)


def _tables(file: Path) -> dict[str, Any]:
    if file.suffix != ".json":
        return files.read(file)
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Any])
    except OSError as error:
        raise ConfigError(f"{file}: {(error.strerror or 'cannot be read').lower()}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{file}: not JSON: {error}") from None
