"""The only file that asks the time.

Everything else is told what time it is. Wall time is for data (integer microseconds since 1970), monotonic time is
for deadlines; the two are never mixed.
"""

import time
from email.utils import formatdate


def wall_us() -> int:
    """Return the wall clock in microseconds since 1970."""
    return time.time_ns() // 1000


def monotonic_s() -> float:
    """Return a clock that never jumps, in seconds."""
    return time.monotonic()


def cpu_s() -> float:
    """Return the processor time that this process has used, user and system, in seconds."""
    return time.process_time()


class Metronome:
    """Says how many steps are due, on a schedule that does not drift.

    A short delay is made up for; after a delay of more than `lag_max_s` the schedule starts afresh, because a burst
    of old steps would help nobody. `skipped` counts the steps given up that way.
    """

    EARLY_S = 0.001  # event loops count whole milliseconds: to wait for the rest of one would be to spin

    def __init__(self, step_s: float, lag_max_s: float, now_s: float) -> None:
        self.step_s = step_s
        self.lag_max_s = lag_max_s
        self.skipped = 0
        self.lag_s = 0.0
        self._next_s = now_s + step_s

    def due(self, now_s: float) -> int:
        """Return the number of steps due at `now_s`, and count them as taken."""
        late_s = now_s + self.EARLY_S - self._next_s
        if late_s < 0:
            return 0
        self.lag_s = max(0.0, now_s - self._next_s)
        if late_s > self.lag_max_s:
            self.skipped += int(late_s / self.step_s)
            self._next_s = now_s + self.step_s
            return 1
        steps = 1 + int(late_s / self.step_s)
        self._next_s += steps * self.step_s
        return steps

    def delay_s(self, now_s: float) -> float:
        """Return how long to sleep until the next step."""
        return max(0.0, self._next_s - now_s)


_date = (0, "")


def http_date() -> str:
    """Return the wall clock as HTTP writes it, remembered for a second."""
    global _date  # noqa: PLW0603  # one clock, one date
    now_s = int(time.time())
    if _date[0] != now_s:
        _date = (now_s, formatdate(now_s, usegmt=True))
    return _date[1]
