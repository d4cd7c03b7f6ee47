"""Halts and frozen feeds of a market whose prices go on regardless: all that the plain model can do to itself.

Who is silent, and until when, is what `turmoil` says. What such an instrument would have said is left out here, and
what it says afterwards is numbered as if it had never been.
"""

from typing import Any

import numpy as np

from ticker.errors import Refusal
from ticker.market.incidents import Incident
from ticker.market.notices import STATE, Notices
from ticker.market.turmoil import Turmoil
from ticker.ticks import QUOTES, STATUS, TRADES, Rows

KINDS = {"halt": "resume", "freeze": "thaw"}
"""What the plain model can do, and how it ends."""
QUIET = (QUOTES, TRADES)


class Silence:
    """Who of so many instruments is silent; steps of `step_s` are taken in order."""

    def __init__(self, instruments: int, step_s: float) -> None:
        self._turmoil = Turmoil(instruments, step_s)
        self._notices = Notices(instruments)
        self._left_out = {channel: np.zeros(instruments, np.int64) for channel in QUIET}
        self._ever = False  # anybody was silent: until then nothing is looked at

    def cause(self, incident: Incident) -> None:
        """Take in what is to happen at a step that has not been made. Raises Refusal for what cannot."""
        known = [*KINDS, *KINDS.values()]
        if incident.kind not in known:
            raise Refusal(
                "bad_request",
                f"kind: the plain model knows no {incident.kind}: set market.model, or cause one of those it knows",
                field="kind",
                known=known,
            )
        self._turmoil.cause(incident)

    def take(self, seq: int, t_us: int, rows: dict[str, Rows]) -> dict[str, Rows]:
        """Return the rows of the next step as they are shown."""
        if seq == 1:
            self._turmoil.enter(STATE["trading"], t_us, self._notices)
        if self._turmoil.due(seq):
            self._turmoil.turn(seq, t_us, self._notices)
            self._ever = True
        if self._ever:
            rows = rows | {channel: self._shown(channel, rows[channel]) for channel in QUIET}
        return rows | {STATUS: self._notices.take()}

    def state(self) -> dict[str, Any]:
        """Return all that later steps depend on."""
        left_out = {channel: counts.copy() for channel, counts in self._left_out.items()}
        parts = {"turmoil": self._turmoil.state(), "notices": self._notices.state()}
        return {**parts, "left_out": left_out, "ever": self._ever}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self._turmoil.restore(state["turmoil"])
        self._notices.restore(state["notices"])
        self._left_out = {channel: counts.copy() for channel, counts in state["left_out"].items()}
        self._ever = state["ever"]

    def _shown(self, channel: str, rows: Rows) -> Rows:
        silent = self._turmoil.quiet
        out = silent[rows["instrument"]]
        self._left_out[channel] += np.bincount(rows["instrument"][out], minlength=len(silent))
        shown: Rows = rows[~out]
        shown["n"] -= self._left_out[channel][shown["instrument"]]
        return shown
