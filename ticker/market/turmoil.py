"""What incidents do to the model: who is halted or frozen, pushed, stirred or stuffed, and until when.

An incident begins in the step it names, says so as `status`, and ends by itself after `steps` or by its opposite. What
needs trading waits for it, an instrument each, and says that it does. To end what is not is said too: nothing that was
caused is without a trace.
"""

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ticker.market.exact import exp, log
from ticker.market.incidents import STEPS_MAX, Incident
from ticker.market.levels import Ints
from ticker.market.notices import STATE, Notices

ENDS = {"halt": "resume", "freeze": "thaw", "regime": "regime", "quote_stuffing": "quote_stuffing"}
"""What can last, and by what reason its end is told."""
_OPPOSITES = {"resume": "halt", "thaw": "freeze"}
NEEDS_TRADING = ("fat_finger", "quote_stuffing")
"""What cannot happen to who is halted or frozen, nor before the open and after the close."""
PPM = 1_000_000
SHOCK_S = 2.0
"""A shock that is said to happen at once takes so long."""
CORRECTION_S = 3.0
"""After a fat finger, where it says no other time."""
FAT_FACTOR = 20
"""How many times as large as the touch."""


class Turmoil:
    """The incidents of so many instruments; steps of `step_s` are taken in order."""

    def __init__(self, instruments: int, step_s: float) -> None:
        self._step_s = step_s
        self._until = {kind: np.zeros(instruments, np.int64) for kind in ENDS}
        self.factor = np.ones(instruments)
        """On volatility and activity."""
        self.push = np.zeros(instruments)
        """Relative return of each step, while a shock lasts."""
        self._push_until = np.zeros(instruments, np.int64)
        self._coming: list[Incident] = []
        self._busts: list[list[int]] = []
        self._due: list[Incident] = []
        self._waiting: list[Incident] = []
        self._fat: list[Incident] = []
        self.state_of = np.zeros(instruments, np.int8)
        """The state of each instrument, by number."""
        self.phase = STATE["trading"]
        self.quiet = np.zeros(instruments, np.bool_)
        """Halted or frozen."""
        self.halted = np.zeros(instruments, np.bool_)
        self.changed = False
        """Whether anything that a block is made of is different since this was last set to False."""
        self._next = STEPS_MAX

    def cause(self, incident: Incident) -> None:
        """Take in what is to happen at a step that has not been made."""
        self._coming.append(incident)
        self._coming.sort(key=lambda known: known.step)
        self._look_ahead(0)

    @property
    def stuffed(self) -> NDArray[np.bool_] | None:
        """Whose quotes are refreshed in every step; None where nobody's."""
        active = self._until["quote_stuffing"] > 0
        return active if active.any() else None

    def state(self) -> dict[str, Any]:
        """Return all that later steps depend on."""
        arrays: dict[str, NDArray[Any]] = {
            "factor": self.factor,
            "push": self.push,
            "push_until": self._push_until,
            "state_of": self.state_of,
        }
        return {
            **{name: array.copy() for name, array in arrays.items()},
            "until": {kind: steps.copy() for kind, steps in self._until.items()},
            "coming": msgspec.to_builtins(self._coming),
            "waiting": msgspec.to_builtins(self._waiting),
            "busts": [list(bust) for bust in self._busts],
            "phase": self.phase,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.factor, self.push = state["factor"].copy(), state["push"].copy()
        self._push_until, self.state_of = state["push_until"].copy(), state["state_of"].copy()
        self._until = {kind: steps.copy() for kind, steps in state["until"].items()}
        self._coming = msgspec.convert(state["coming"], list[Incident])
        self._waiting = msgspec.convert(state["waiting"], list[Incident])
        self._busts = [list(bust) for bust in state["busts"]]
        self.phase = state["phase"]
        self._see_quiet()
        self._look_ahead(0)

    def enter(self, phase: int, t_us: int, notices: Notices, **fields: Ints) -> None:
        """Let the trading day come to a phase, and say so."""
        self.phase = phase
        everybody = np.arange(len(self.quiet))
        self.state_of = np.where(self.quiet, self.state_of, phase).astype(np.int8)
        notices.say(everybody, t_us, self.state_of, "schedule", **fields)

    @property
    def next(self) -> int:
        """The next step with which anything begins or ends, STEPS_MAX where there is none."""
        return self._next

    def due(self, step: int) -> bool:
        """Tell whether anything begins or ends with a step."""
        return step >= self._next

    def fat_fingers(self) -> list[Incident]:
        """Return those that are due, now that there is trading."""
        fat, self._fat = self._fat, []
        return fat

    def turn(self, step: int, t_us: int, notices: Notices) -> None:
        """End what ends with a step and begin what begins."""
        for kind in ENDS:
            self._end(kind, np.flatnonzero(self._until[kind] == step), t_us, notices)
        self.push[self._push_until == step] = 0.0
        self._push_until[self._push_until == step] = 0
        self._correct(step, t_us, notices)
        while self._coming and self._coming[0].step <= step:
            incident = self._coming.pop(0)
            if incident.kind in NEEDS_TRADING:
                self._due.append(incident)
            else:
                self._begin(incident, step, t_us, notices)
        self._see_quiet()
        self.changed = True
        self._look_ahead(step)

    @property
    def waiting(self) -> list[Incident]:
        """What is overdue: it needs trading, and these instruments do not trade."""
        return list(self._waiting)

    @property
    def waits(self) -> bool:
        """Whether anything is due, or overdue, that needs trading."""
        return bool(self._due or self._waiting)

    def take_up(self, step: int, phase: int, t_us: int, notices: Notices) -> list[Incident]:
        """Begin what needs trading with those who trade; what is due with others waits, which is said once.

        Return what waits from now on.
        """
        known = [(incident, True) for incident in self._waiting] + [(incident, False) for incident in self._due]
        self._waiting, self._due, new = [], [], []
        for incident, told in known:
            who = np.array(incident.instruments, np.int64)
            trades = ~self.quiet[who] & (phase == STATE["trading"])
            if trades.any():
                self._take_place(_of(incident, who[trades]), step, t_us, notices)
            late = who[~trades]
            if len(late):
                self._waiting.append(_of(incident, late))
            if len(late) and not told:
                new.append(self._waiting[-1])
                notices.say(late, t_us, self.state_of[late], incident.kind, value_ppm=round(incident.value * PPM))
        return new

    def _take_place(self, incident: Incident, step: int, t_us: int, notices: Notices) -> None:
        if incident.kind == "fat_finger":
            self._fat.append(incident)
            return
        self._begin(incident, step, t_us, notices)
        self.changed = True
        self._look_ahead(step)

    def bust(self, step: int, incident: Incident, who: int, price_ticks: int, size: int, n: int) -> None:
        """Have a trade taken back later."""
        later = incident.steps or max(1, round(CORRECTION_S / self._step_s))
        self._busts.append([step + later, who, price_ticks, size, n])
        self._look_ahead(step)

    def _begin(self, incident: Incident, step: int, t_us: int, notices: Notices) -> None:
        who = np.array(incident.instruments, np.int64)
        kind = incident.kind
        if kind in _OPPOSITES:
            lasts = self._until[_OPPOSITES[kind]][who] > 0
            self._end(_OPPOSITES[kind], who[lasts], t_us, notices)
            free = who[~lasts]
            notices.say(free, t_us, self.state_of[free], kind)
            return
        if kind == "shock":
            steps = incident.steps or max(1, round(SHOCK_S / self._step_s))
            self.push[who] = float(exp(log(1 + incident.value) / steps)) - 1
            self._push_until[who] = step + steps
        else:
            self._until[kind][who] = step + incident.steps if incident.steps else STEPS_MAX
            if kind == "regime":
                self.factor[who] = incident.value
            self._tell(who)
        notices.say(who, t_us, self.state_of[who], kind, value_ppm=round(incident.value * PPM))

    def _end(self, kind: str, who: Ints, t_us: int, notices: Notices) -> None:
        if not len(who):
            return
        self._until[kind][who] = 0
        if kind == "regime":
            self.factor[who] = 1.0
        self._tell(who)
        value = {"value_ppm": PPM} if kind == "regime" else {}
        notices.say(who, t_us, self.state_of[who], ENDS[kind], **value)

    def _tell(self, who: Ints) -> None:
        """Work out a state: whoever is halted and frozen is halted."""
        state = np.where(self._until["freeze"][who] > 0, STATE["frozen"], self.phase)
        self.state_of[who] = np.where(self._until["halt"][who] > 0, STATE["halted"], state)

    def _correct(self, step: int, t_us: int, notices: Notices) -> None:
        for bust in [bust for bust in self._busts if bust[0] <= step]:
            _, who, price_ticks, size, n = bust
            one = np.array([who])
            notices.say(one, t_us, self.state_of[one], "correction", price_ticks=price_ticks, size=size, ref=n)
            self._busts.remove(bust)

    def _see_quiet(self) -> None:
        self.halted = self._until["halt"] > 0
        self.quiet = self.halted | (self._until["freeze"] > 0)

    def _look_ahead(self, step: int) -> None:
        """Find the next step in which anything begins or ends."""
        times = [incident.step for incident in self._coming[:1]] + [bust[0] for bust in self._busts]
        for until in (*self._until.values(), self._push_until):
            later = until[until > step]
            if len(later):
                times.append(int(later.min()))
        self._next = min(times, default=STEPS_MAX)


def _of(incident: Incident, who: Ints) -> Incident:
    """Return what happens to some of an incident's instruments."""
    return replace(incident, instruments=tuple(who.tolist()))
