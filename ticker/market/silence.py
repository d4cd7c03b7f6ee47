"""Who is halted or frozen in a market whose prices go on regardless: all that the plain model can do to itself.

What such an instrument would have said is left out, and what it says afterwards is numbered as if it had never been.
Each change is a row of `status`.
"""

from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ticker.errors import Refusal
from ticker.market.incidents import STEPS_MAX, Incident
from ticker.market.notices import STATE, Notices
from ticker.ticks import QUOTES, STATUS, TRADES, Rows

KINDS = {"halt": "resume", "freeze": "thaw"}
"""What the plain model can do, and how it ends."""
QUIET = (QUOTES, TRADES)
_ENDS = {end: kind for kind, end in KINDS.items()}
_STATES = {"halt": STATE["halted"], "freeze": STATE["frozen"]}
_OPEN = 0  # in `until`: not halted, not frozen


class Silence:
    """Who of so many instruments is silent, and until when; steps are taken in order."""

    def __init__(self, instruments: int) -> None:
        self._until = {kind: np.zeros(instruments, np.int64) for kind in KINDS}
        self._left_out = {channel: np.zeros(instruments, np.int64) for channel in QUIET}
        self._notices = Notices(instruments)
        self._coming: list[Incident] = []
        self._ever = False  # anything was caused: until then nothing is looked at

    def cause(self, incident: Incident) -> None:
        """Take in what is to happen at a step that has not been made. Raises Refusal for what cannot."""
        if incident.kind not in KINDS and incident.kind not in _ENDS:
            raise Refusal(
                "bad_request",
                f"kind: the plain model knows no {incident.kind}: set market.model, or cause one of those it knows",
                field="kind",
                known=[*KINDS, *_ENDS],
            )
        self._coming.append(incident)
        self._coming.sort(key=lambda known: known.step)
        self._ever = True

    def take(self, seq: int, t_us: int, rows: dict[str, Rows]) -> dict[str, Rows]:
        """Return the rows of the next step as they are shown."""
        if seq == 1:
            self._notices.say(np.arange(len(self._left_out[QUOTES])), t_us, STATE["trading"], "schedule")
        if self._ever:
            self._change(seq, t_us)
            rows = rows | {channel: self._shown(channel, rows[channel]) for channel in QUIET}
        return rows | {STATUS: self._notices.take()}

    def state(self) -> dict[str, Any]:
        """Return all that later steps depend on."""
        until = {kind: steps.copy() for kind, steps in self._until.items()}
        left_out = {channel: counts.copy() for channel, counts in self._left_out.items()}
        coming = msgspec.to_builtins(self._coming)
        return {"until": until, "left_out": left_out, "notices": self._notices.state(), "coming": coming}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self._until = {kind: steps.copy() for kind, steps in state["until"].items()}
        self._left_out = {channel: counts.copy() for channel, counts in state["left_out"].items()}
        self._notices.restore(state["notices"])
        self._coming = msgspec.convert(state["coming"], list[Incident])
        silenced = (*self._until.values(), *self._left_out.values())
        self._ever = bool(self._coming) or any(counts.any() for counts in silenced)

    def _change(self, seq: int, t_us: int) -> None:
        """End what ends with this step, then begin what begins."""
        for kind, end in KINDS.items():
            self._end(kind, np.flatnonzero(self._until[kind] == seq), t_us, end)
        while self._coming and self._coming[0].step <= seq:
            incident = self._coming.pop(0)
            who = np.array(incident.instruments)
            if incident.kind in _ENDS:
                kind = _ENDS[incident.kind]
                self._end(kind, who[self._until[kind][who] != _OPEN], t_us, incident.kind)
            else:
                self._until[incident.kind][who] = seq + incident.steps if incident.steps else STEPS_MAX
                self._notices.say(who, t_us, _STATES[incident.kind], incident.kind)

    def _end(self, kind: str, who: NDArray[np.intp], t_us: int, reason: str) -> None:
        """End a silence; whoever is silent for another reason as well says so."""
        self._until[kind][who] = _OPEN
        other = next(name for name in KINDS if name != kind)
        still = self._until[other][who] != _OPEN
        self._notices.say(who, t_us, np.where(still, _STATES[other], STATE["trading"]), reason)

    def _shown(self, channel: str, rows: Rows) -> Rows:
        silent = (self._until["halt"] != _OPEN) | (self._until["freeze"] != _OPEN)
        out = silent[rows["instrument"]]
        self._left_out[channel] += np.bincount(rows["instrument"][out], minlength=len(silent))
        shown: Rows = rows[~out]
        shown["n"] -= self._left_out[channel][shown["instrument"]]
        return shown
