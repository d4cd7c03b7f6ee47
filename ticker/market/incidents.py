"""What can be made to happen to a market: one type, and what its fields may be.

An incident is known by the first step that shows it. From then on it is part of the tape like everything else: the
same seed and the same incidents make the same bytes. What an incident does is decided by the model, not here.
"""

from dataclasses import dataclass, replace
from itertools import pairwise
from math import isfinite
from typing import NamedTuple

from ticker.errors import Refusal

STEPS_MAX = 1 << 40
"""No market is run for so long; sums of two stay far below 64 bits."""


class Rule(NamedTuple):
    """What an incident of a kind takes: its value lies in [low, high] (None: it has none), and how long it may last."""

    value: tuple[float, float] | None
    lasts: bool
    must_last: bool = False


RULES = {
    "halt": Rule(None, lasts=True),
    "resume": Rule(None, lasts=False),
    "shock": Rule((-0.9, 2.0), lasts=True),
    "regime": Rule((0.1, 20.0), lasts=True),
    "fat_finger": Rule((-0.9, 2.0), lasts=True),
    "quote_stuffing": Rule(None, lasts=True, must_last=True),
    "freeze": Rule(None, lasts=True),
    "thaw": Rule(None, lasts=False),
}
"""Every kind that can be caused. A value of 0 would be a shock that is none: it is refused too."""


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that happens from step `step` on (0: as soon as possible) to some instruments.

    `instruments` are indices, ascending, never none; `steps` is how long it lasts: 0 is until another incident ends it
    (halt, freeze, regime) or at once (shock, fat_finger). `value` is the relative change of a shock, the factor on
    volatility and activity of a regime, the relative distance of a fat finger's price.
    """

    kind: str
    step: int
    instruments: tuple[int, ...]
    steps: int = 0
    value: float = 0.0


def check(incident: Incident, instruments: int) -> None:
    """Raise Refusal (bad_request, with the field's name) unless it can happen in a market of so many instruments."""
    rule = RULES.get(incident.kind)
    if rule is None:
        raise refused("kind", f"{incident.kind[:32]!r} cannot be caused", known=list(RULES))
    _check_value(incident, rule.value)
    _check_time(incident, rule)
    who = incident.instruments
    if not who or who[0] < 0 or who[-1] >= instruments:
        raise refused("instruments", f"at least one, from 0 to {instruments - 1}")
    if any(a >= b for a, b in pairwise(who)):
        raise refused("instruments", "each once, in ascending order")


def refused(field: str, sentence: str, **details: list[str]) -> Refusal:
    """Return the refusal of a field."""
    return Refusal("bad_request", f"{field}: {sentence}", field=field, **details)


def _check_value(incident: Incident, bounds: tuple[float, float] | None) -> None:
    value = incident.value
    if bounds is None:
        if value != 0.0:
            raise refused("value", f"{incident.kind} takes none")
        return
    low, high = bounds
    if not (isfinite(value) and low <= value <= high and value != 0.0):
        zero = " and not 0" if low < 0.0 else ""
        raise refused("value", f"{incident.kind} takes one from {low:g} to {high:g}{zero}")


def _check_time(incident: Incident, rule: Rule) -> None:
    if not 0 <= incident.step <= STEPS_MAX:
        raise refused("at", f"a step from 0 to {STEPS_MAX}")
    if not 0 <= incident.steps <= STEPS_MAX:
        raise refused("duration_s", f"from 0 to {STEPS_MAX} steps")
    if incident.steps and not rule.lasts:
        raise refused("duration_s", f"{incident.kind} takes none")
    if rule.must_last and not incident.steps:
        raise refused("duration_s", f"{incident.kind} needs one")


def soonest(incident: Incident, step: int) -> Incident:
    """Return an incident that begins no sooner than a step."""
    return replace(incident, step=max(incident.step, step))
