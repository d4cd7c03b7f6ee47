"""When a step ended, in market time: nobody says so, but the rows in it give it away. Pure.

Rows of status and statistics carry the time at which their step ended, others one within it. Between two of them, a
step ends a step's length after the one before it; where that cannot be, as after a night, the newest row decides.
"""

from collections.abc import Mapping

from ticker.ticks import BARS_1M, BARS_1S, STATS, STATUS, Rows
from ticker.wire.reel import TIME_MAX_US

EXACT = (STATUS, STATS)
OPENINGS = (BARS_1S, BARS_1M)
"""Channels whose time is that of something that may have begun long ago."""


class Timeline:
    """The times of steps that follow each other, of so many microseconds; they never fall."""

    def __init__(self, step_us: int) -> None:
        self._step_us = step_us
        self._seq: int | None = None
        self._t = 0
        self._newest = 0

    def go_on(self, seq: int, t: int) -> None:
        """Go on after a step whose time is known."""
        self._set(seq, t)

    def at(self, seq: int, rows: Mapping[str, Rows]) -> int:
        """Return the time at which a step ended in which these rows happened; there may be none."""
        exact = [int(rows[channel]["t"].max()) for channel in EXACT if channel in rows and len(rows[channel])]
        if exact:
            return self._set(seq, max(exact))
        expected = self._expected(seq)
        newest = _newest(rows, expected)
        return self._set(seq, expected if expected - self._step_us < newest <= expected else newest)

    def shown(self, seq: int, rows: Mapping[str, Rows]) -> int:
        """Return the time at which a step ended that is shown by the newest rows of everything."""
        newest = -(_newest(rows, 0) // -self._step_us) * self._step_us
        return self._set(seq, max(newest, self._expected(seq)))

    @property
    def start(self) -> int:
        """When the tape began, as far as can be told: too late by the nights since then."""
        return max(0, self._t - (self._seq or 0) * self._step_us)

    def _expected(self, seq: int) -> int:
        return self._t if self._seq is None else self._t + (seq - self._seq) * self._step_us

    def _set(self, seq: int, t: int) -> int:
        self._seq, self._t = seq, t
        self._newest = min(max(self._newest, t), TIME_MAX_US)
        return self._newest


def _newest(rows: Mapping[str, Rows], default: int) -> int:
    known = [int(found["t"].max()) for channel, found in rows.items() if channel not in OPENINGS and len(found)]
    return max(known, default=default)
