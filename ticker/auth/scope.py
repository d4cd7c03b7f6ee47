"""Symbols, sectors and channels as a token names them, and the instruments that this comes to."""

from collections.abc import Iterable

from ticker.errors import ConfigError
from ticker.instruments import Universe
from ticker.interest import bits
from ticker.settings import nearest
from ticker.ticks import CHANNELS

EVERYTHING = "*"

Names = list[str] | str
"""A list, or `*` alone."""


def listed(names: Names) -> list[str]:
    """Return names as a list."""
    return [names] if isinstance(names, str) else names


def symbols(universe: Universe, named: Names, sectors: Names) -> int | None:
    """Return the instruments of these names and sectors, as bits; None is everything, and what there is not, is not."""
    wanted, kinds = set(listed(named)), set(listed(sectors))
    if EVERYTHING in wanted | kinds:
        return None
    return bits(index for index, one in enumerate(universe) if one.symbol in wanted or one.sector in kinds)


def channels(named: Names) -> tuple[str, ...]:
    """Return the channels of these names, in their order; what there is not, is not."""
    wanted = set(listed(named))
    return CHANNELS if EVERYTHING in wanted else tuple(channel for channel in CHANNELS if channel in wanted)


def check(origin: str, named: Names, known: Iterable[str]) -> None:
    """Raise ConfigError where something is named that there is not."""
    there = [EVERYTHING, *known]
    for name in listed(named):
        if name not in there:
            raise ConfigError(f"{origin}: there is no {name!r}{nearest(name, there)}")
