"""What of a scenario cannot happen when it is meant to: known before a step of its market is made.

Halts, frozen feeds and the hours of the day are gone through as the model will, with nothing but what the scenario
itself causes.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import NamedTuple

from ticker.instruments import Universe
from ticker.market.calendar import CLOSED, TRADING, Times
from ticker.market.incidents import STEPS_MAX, Incident
from ticker.market.notices import Notices
from ticker.market.scenarios import named
from ticker.market.turmoil import Turmoil

NAMED_MAX = 5
"""Symbols in a sentence."""


class Late(NamedTuple):
    """An incident, with those of its instruments that do not trade when it is due; `never` where they will not."""

    incident: Incident
    never: bool


def foresee(incidents: Iterable[Incident], instruments: int, times: Callable[[int], Times]) -> list[Late]:
    """Return what has to wait for trading, in the order of its steps; `times` returns those of one step."""
    turmoil, notices = Turmoil(instruments, 1.0), Notices(instruments)
    for incident in incidents:
        turmoil.cause(incident)
    late: list[Incident] = []
    before = None
    while (step := turmoil.next) < STEPS_MAX:
        if before is not None and turmoil.waits and _trades(before, times(step - 1)):
            turmoil.take_up(step - 1, TRADING, 0, notices)
        before = times(step)
        turmoil.turn(step, 0, notices)
        late += turmoil.take_up(step, int(before.phase[0]), 0, notices)
    turmoil.take_up(STEPS_MAX, TRADING, 0, notices)  # there is trading again on another day
    return [found for incident in late for found in _parted(incident, turmoil.waiting)]


def warnings(late: Iterable[Late], universe: Universe, step_us: int) -> list[str]:
    """Return a sentence for each of those."""
    return [_sentence(incident, never, named(incident, universe), step_us) for incident, never in late]


def _sentence(incident: Incident, never: bool, symbols: list[str], step_us: int) -> str:
    who = ", ".join(symbols[:NAMED_MAX]) + (f" and {len(symbols) - NAMED_MAX} more" if len(symbols) > NAMED_MAX else "")
    ends = (
        "halted or frozen, and nothing here ends that: it will not take place"
        if never
        else ("not trading then: it takes place when they are")
    )
    return f"{incident.kind} at {(incident.step - 1) * step_us / 1e6:g}s: {who}: {ends}"


def _parted(incident: Incident, waiting: list[Incident]) -> list[Late]:
    """Part the instruments of a late incident into those that it will come to, and those that still wait at the end."""
    last = {
        who
        for other in waiting
        if replace(other, instruments=()) == replace(incident, instruments=())
        for who in other.instruments
    }
    parts = [(tuple(who for who in incident.instruments if (who in last) == never), never) for never in (False, True)]
    return [Late(replace(incident, instruments=who), never) for who, never in parts if who]


def _trades(first: Times, last: Times) -> bool:
    """Tell whether there is trading from one step to another: every day has its own, from its open to its close."""
    if TRADING in (first.phase[0], last.phase[0]):
        return True
    return bool(first.day[0] + (first.phase[0] == CLOSED) <= last.day[0] - (last.phase[0] != CLOSED))
