"""Servers that are kept from one input to the next: making one takes a hundred times as long as an input does."""

from collections import Counter

from fuzz.rig import Rig

STEP_S = 0.06  # a sweep or two, and now and then a step of the market
USES_MAX = 500

_kept: dict[str, Rig] = {}
_uses = Counter[str]()


def rig(compression: str = "off") -> Rig:
    """Return a server, now and then a new one."""
    if compression not in _kept or _uses[compression] >= USES_MAX:
        _kept[compression] = Rig(compression)
        _uses[compression] = 0
    _uses[compression] += 1
    return _kept[compression]


def fresh() -> None:
    """Have the next input find servers that nobody has acted upon."""
    _kept.clear()
