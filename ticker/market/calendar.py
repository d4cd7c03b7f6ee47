"""The trading calendar: what market time a step covers, and what the market does in it.

Step `k`, from 1, covers the market time from the `t` of step `k - 1` (excluded) to its own (included). Where a market
has hours there are steps from pre-open to end of each day from Monday to Friday and none between: market time jumps.
A day's steps begin at its pre-open, or at the start for the first one; the last of them ends when the day does, be it
a shorter step. What happens in a step is decided by where it ends, and the auction is the first that reaches the open.
All is integers, in microseconds since 1970, and a function of the step's number; the zone's rules are handed in.
"""

from bisect import bisect_left
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, timedelta
from itertools import accumulate
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ticker.instruments import Hours
from ticker.ticks import STATES

PRE_OPEN, AUCTION, TRADING, CLOSED = (STATES.index(name) for name in ("pre_open", "auction", "trading", "closed"))
DAY_US = 86_400_000_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class Times:
    """Steps that follow each other, as arrays of shape (steps,).

    `t_us` int64: market time at the end of a step; `phase` int8: index into `STATES`; `fraction` float64: of the
    day's continuous trading that has elapsed, from 0 to 1; `day` int64: counts from 0; `night` bool: the step is the
    first of a day that had one before it.
    """

    t_us: NDArray[np.int64]
    phase: NDArray[np.int8]
    fraction: NDArray[np.float64]
    day: NDArray[np.int64]
    night: NDArray[np.bool_]

    @classmethod
    def joined(cls, parts: list[Self]) -> Self:
        """Return parts that follow each other as one."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))


@dataclass(frozen=True, slots=True)
class _Day:
    """One day's steps: `before` of them were taken earlier, and the first one begins at `begin_us`."""

    number: int
    before: int
    steps: int
    begin_us: int
    open_us: int
    close_us: int
    end_us: int

    def times(self, first: int, count: int, step_us: int) -> Times:
        """Return `count` steps from the day's own number `first`, counted from 1."""
        step = np.arange(first, first + count, dtype=np.int64)
        t_us = np.minimum(self.begin_us + step * step_us, self.end_us)
        # Who starts in the middle of a day has missed its auction.
        auction = max(1, -((self.begin_us - self.open_us) // step_us)) if self.begin_us <= self.open_us else 0
        phase = np.where(t_us <= self.close_us, TRADING, CLOSED)
        phase[step < auction] = PRE_OPEN
        phase[step == auction] = AUCTION
        elapsed = (t_us - self.open_us) / max(1, self.close_us - self.open_us)
        return Times(
            t_us,
            phase.astype(np.int8),
            np.clip(elapsed, 0.0, 1.0),
            np.full(count, self.number, np.int64),
            (step == 1) & (self.number > 0),
        )


class Calendar:
    """Steps of `step_us` from `start_us` on: by `hours`, or round the clock where there are none."""

    def __init__(self, hours: Hours | None, start_us: int, step_us: int) -> None:
        self._hours = hours
        self._start_us = start_us
        self._step_us = step_us
        self._days: list[_Day] = []
        # The day before, for a zone in which it is yesterday still.
        self._date = (_EPOCH + start_us * _MICROSECOND).date() - timedelta(days=2)

    def block(self, first_step: int, count: int) -> Times:
        """Return `count` steps from number `first_step`."""
        if self._hours is None:
            return self._round_the_clock(first_step, count)
        parts = []
        while count:
            day = self._day_of(self._hours, first_step)
            first = first_step - day.before
            taken = min(count, day.steps - first + 1)
            parts.append(day.times(first, taken, self._step_us))
            first_step, count = first_step + taken, count - taken
        return parts[0] if len(parts) == 1 else Times.joined(parts)

    def time_us(self, step: int) -> int:
        """Return the market time at the end of a step; of step 0, when the first one begins."""
        if self._hours is None:
            return self._start_us + step * self._step_us
        day = self._day_of(self._hours, max(step, 1))
        return min(day.begin_us + (step - day.before) * self._step_us, day.end_us)

    def _day_of(self, hours: Hours, step: int) -> _Day:
        """Return the day that a step belongs to; those up to it are remembered."""
        while not self._days or self._days[-1].before + self._days[-1].steps < step:
            self._add_day(hours)
        return self._days[bisect_left(self._days, step, key=lambda day: day.before) - 1]

    def _add_day(self, hours: Hours) -> None:
        last = self._days[-1] if self._days else None
        now_us = last.end_us if last else self._start_us
        while True:
            self._date += timedelta(days=1)
            pre_open_us, open_us, close_us, end_us = _instants(hours, self._date)
            if self._date.weekday() < _SATURDAY and end_us > now_us:
                break
        begin_us = max(now_us, pre_open_us)
        number, before = (last.number + 1, last.before + last.steps) if last else (0, 0)
        steps = -((begin_us - end_us) // self._step_us)
        self._days.append(_Day(number, before, steps, begin_us, open_us, close_us, end_us))

    def _round_the_clock(self, first_step: int, count: int) -> Times:
        step = np.arange(first_step, first_step + count, dtype=np.int64)
        t_us = self._start_us + step * self._step_us
        day, inside = np.divmod(t_us - 1, DAY_US)  # midnight ends a day
        night = (day != (t_us - self._step_us - 1) // DAY_US) & (step > 1)
        return Times(
            t_us,
            np.full(count, TRADING, np.int8),
            (inside + 1) / DAY_US,
            day - self._start_us // DAY_US,
            night,
        )


def microseconds(moment: datetime) -> int:
    """Return a moment as microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def _instants(hours: Hours, day: date) -> list[int]:
    """Return pre-open, open, close and end of a day; in order even where the zone's clock leaps over one of them."""
    times = (hours.pre_open, hours.open, hours.close, hours.end)
    return list(accumulate((microseconds(datetime.combine(day, moment, hours.zone)) for moment in times), max))
