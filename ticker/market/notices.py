"""Rows of `status`: what state an instrument is in, and why that, or something else, is said."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ticker.ticks import DTYPES, EMPTY, REASONS, STATES, STATUS, Rows

STATE = {name: number for number, name in enumerate(STATES)}
REASON = {name: number for number, name in enumerate(REASONS)}


class Notices:
    """What is said of so many instruments in a step, numbered as it is said."""

    def __init__(self, instruments: int) -> None:
        self._n = np.zeros(instruments, np.int64)
        self._said: list[Rows] = []

    def state(self) -> dict[str, Any]:
        """Return all that later rows depend on, between two steps."""
        return {"n": self._n.copy()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self._n = state["n"].copy()

    def say(self, who: NDArray[np.int64], t_us: int, state: ArrayLike, reason: str, **fields: ArrayLike) -> None:
        """Say something of these instruments (each once): their `state` by number, the reason, and other fields."""
        rows = np.zeros(len(who), DTYPES[STATUS])
        self._n[who] += 1
        rows["instrument"], rows["n"], rows["t"] = who, self._n[who], t_us
        rows["state"], rows["reason"] = state, REASON[reason]
        for name, values in fields.items():
            rows[name] = values
        self._said.append(rows)

    def take(self) -> Rows:
        """Return what was said since, in the order of the tape."""
        if not self._said:
            return EMPTY[STATUS]
        rows = np.concatenate(self._said)
        self._said = []
        return rows[np.lexsort((rows["n"], rows["instrument"]))]
