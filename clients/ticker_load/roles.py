"""Who each client of a run is: its process, its transport, its symbols, and how it misbehaves.

Shares are kept as evenly as they can be, however many clients there are, and are the same in every run.
"""

import random
from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple, TypeVar

import numpy as np

from ticker_load.plan import Plan

Key = TypeVar("Key", bound=str)


class Share(NamedTuple):
    """Which clients of a run are those of one process: every `processes`-th, from `place` on."""

    place: int
    processes: int

    def of(self, clients: int) -> int:
        """Return how many of so many clients are ours."""
        return max(0, (clients - self.place + self.processes - 1) // self.processes)


def transport(number: int, shares: Mapping[Key, float]) -> Key:
    """Return what a client is connected by."""
    return _turn(number, shares)


def badness(number: int, shares: Mapping[Key, float]) -> str:
    """Return how a client misbehaves, empty where it does not; the first one never does."""
    return _turn(number * 7919 + 13, {"": 1 - sum(shares.values()), **shares}) if number else ""


def _turn(number: int, shares: Mapping[Key, float]) -> Key:
    """Return whose turn it is, by the golden ratio: every run of clients has about the shares."""
    place = number * 0.6180339887498949 % 1.0
    edges = np.cumsum(list(shares.values()))
    found = int(np.searchsorted(edges, place * edges[-1], side="right"))
    return list(shares)[min(found, len(shares) - 1)]


def symbols(plan: Plan, listed: Sequence[str], chance: random.Random) -> list[str]:
    """Return what a client asks for; `listed` is what is traded, the popular first."""
    if plan.mix == "same" or not listed:
        return list(plan.symbols)
    many = min(plan.mix_symbols, len(listed))
    if plan.mix == "random":
        return sorted(chance.sample(listed, many))
    weights = list(accumulate(1 / rank for rank in range(1, len(listed) + 1)))
    chosen: set[str] = set()
    while len(chosen) < many:
        chosen.update(chance.choices(listed, cum_weights=weights, k=1))
    return sorted(chosen)
