"""Reads a tape: JSON lines, one a tick, as `ticker watch --json` prints them. Needs trades, and quotes for most rows.

Ticks of instruments that a status says are not trading are left out; other channels are passed over.
"""

import math
from pathlib import Path
from typing import Any

import orjson

from ticker.errors import ConfigError
from ticker.scorecard.gathered import Gathered, sessions
from ticker.scorecard.sessions import Session

SIDES = {"buy": 1.0, "sell": -1.0}


def read_tape(file: Path) -> list[Session]:
    """Return the sessions of a tape. Raises ConfigError, naming the line and the field."""
    found: dict[str, Gathered] = {}
    states: dict[str, str] = {}
    try:
        with file.open("rb") as stream:
            for number, line in enumerate(stream, 1):
                if line.strip():
                    _take(found, states, line, f"{file}:{number}")
    except OSError as error:
        raise ConfigError(f"{file}: {(error.strerror or 'cannot be read').lower()}") from None
    return sessions(file, found)


def _take(found: dict[str, Gathered], states: dict[str, str], line: bytes, where: str) -> None:
    try:
        tick = orjson.loads(line)
    except orjson.JSONDecodeError:
        raise ConfigError(f"{where}: not JSON") from None
    if not isinstance(tick, dict) or not isinstance(tick.get("ch"), str) or not isinstance(tick.get("sym"), str):
        raise ConfigError(f"{where}: a tick is a JSON object with ch and sym")
    channel, symbol = tick["ch"], tick["sym"]
    if channel == "status":
        states[symbol] = str(tick.get("state"))
    elif channel == "trade" and states.get(symbol, "trading") == "trading":
        side = SIDES.get(str(tick.get("side")))
        if side is None:
            raise ConfigError(f"{where}: side: buy or sell, not {tick.get('side')!r}")
        found.setdefault(symbol, Gathered()).trade(*_numbers(tick, ("px", "sz"), where, above=0.0), side)
    elif channel == "quote" and states.get(symbol, "trading") == "trading":
        found.setdefault(symbol, Gathered()).quote(*_numbers(tick, ("bid", "bsz", "ask", "asz"), where, above=-1.0))


def _numbers(tick: dict[str, Any], names: tuple[str, ...], where: str, above: float) -> list[float]:
    """Return the time in seconds, and the named fields."""
    values: list[float] = []
    for name in ("t", *names):
        value = tick.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not above < value < math.inf:
            raise ConfigError(f"{where}: {name}: a number{' above 0' if above == 0 else ''} is needed, not {value!r}")
        values.append(value)
    return [values[0] / 1e6, *values[1:]]
