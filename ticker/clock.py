"""The only file that asks the time.

Everything else is told what time it is. Wall time is for data (integer microseconds since 1970), monotonic time is
for deadlines; the two are never mixed.
"""

import ctypes
import os
import sys
import time
from collections import deque
from email.utils import formatdate
from functools import cache
from math import ceil, inf

LOOP_S = 0.001
"""Event loops count whole milliseconds: what they wake for may come so much too early."""


def wall_us() -> int:
    """Return the wall clock in microseconds since 1970."""
    return time.time_ns() // 1000


def monotonic_s() -> float:
    """Return a clock that never jumps, in seconds."""
    return time.monotonic()


def cpu_s() -> float:
    """Return the processor time that this process has used, user and system, in seconds."""
    return time.process_time()


def steps_in(seconds: float, speed: float, step_us: int) -> int:
    """Return how many steps of market time go into seconds of the wall clock at a speed: at least one."""
    return max(1, round(seconds * speed * 1e6 / step_us))


class Metronome:
    """Says how many steps are due, on a schedule that does not drift.

    A short delay is made up for; after a delay of more than `lag_max_s` the schedule starts afresh, because a burst
    of old steps would help nobody. `skipped` counts the steps given up that way: the schedule slips by them, the market
    takes its steps later. It may be stopped, and set to another tempo, at any time.
    """

    def __init__(self, step_s: float, lag_max_s: float, now_s: float, early_s: float = 0.0, joined: int = 1) -> None:
        """Begin a step from now; a step may be taken `early_s` too early, where to wait for it would be to spin."""
        self.step_s = step_s
        self.lag_max_s = lag_max_s
        self.early_s = early_s
        self.joined = joined
        """So many steps are waited for, where they are too short to be taken one by one."""
        self.skipped = 0
        self.lag_s = 0.0
        self.next_s = now_s + step_s
        self._rest = 1.0  # of a step, when it was stopped

    @property
    def stopped(self) -> bool:
        return self.next_s == inf

    @property
    def ring_s(self) -> float:
        """When to come back: when the last of the joined steps is due; never while stopped."""
        return self.next_s + (self.joined - 1) * self.step_s

    def due(self, now_s: float) -> int:
        """Return the number of steps due at `now_s`, and count them as taken."""
        late_s = now_s + self.early_s - self.next_s
        if late_s < 0:
            return 0
        self.lag_s = max(0.0, now_s - self.ring_s)
        if late_s > self.lag_max_s + (self.joined - 1) * self.step_s:
            self.skipped += int(late_s / self.step_s)
            self.next_s = now_s + self.step_s
            return 1
        steps = 1 + int(late_s / self.step_s)
        self.next_s += steps * self.step_s
        return steps

    def give_back(self, steps: int) -> None:
        """Count steps as not taken after all: they are still due."""
        self.next_s -= steps * self.step_s

    def delay_s(self, now_s: float) -> float:
        """Return how long to sleep until the next steps."""
        return max(0.0, self.ring_s - now_s)

    def stop(self, now_s: float) -> None:
        """Have nothing due until `go`; what was overdue is not made up for."""
        if not self.stopped:
            self._rest = min(1.0, max(0.0, (self.next_s - now_s) / self.step_s))
            self.next_s = inf

    def go(self, now_s: float) -> None:
        """Go on in the midst of the step in which it was stopped."""
        if self.stopped:
            self.next_s = now_s + self._rest * self.step_s

    def change(self, now_s: float, step_s: float, joined: int) -> None:
        """Set another tempo, from within the step that is under way."""
        if not self.stopped:
            self.next_s = now_s + (self.next_s - now_s) / self.step_s * step_s
        self.step_s, self.joined = step_s, joined


class Speedometer:
    """Measures how many steps a second are really taken, over the last `span_s`."""

    def __init__(self, span_s: float) -> None:
        self._span_s = span_s
        self._noted: deque[tuple[float, int]] = deque()

    def note(self, now_s: float, seq: int) -> None:
        """Note where the market is; of what is too old, one is kept to measure from."""
        self._noted.append((now_s, seq))
        while len(self._noted) > 2 and self._noted[1][0] <= now_s - self._span_s:
            self._noted.popleft()

    def reset(self) -> None:
        """Forget how fast it was: it is going to be otherwise."""
        self._noted.clear()

    def steps_per_s(self, now_s: float, seq: int) -> float:
        """Return the steps a second up to now, 0 where nothing is known."""
        if not self._noted or now_s <= self._noted[0][0]:
            return 0.0
        since_s, before = self._noted[0]
        return (seq - before) / (now_s - since_s)


class Alarm:
    """A descriptor that can be read from a time on: event loops count whole milliseconds, Linux's timerfd does not.

    A loop that watches it wakes within some tens of microseconds. Raises OSError where the system has none to give.
    """

    def __init__(self) -> None:
        self._fd = _timerfd_create()

    def fileno(self) -> int:
        """Return the descriptor, -1 when closed."""
        return self._fd

    def set(self, at_s: float) -> None:
        """Ring at a time of `monotonic_s`, at once if it is over, and be silent until then."""
        _timerfd_set(self._fd, max(1, ceil(at_s * 1e9)))  # 0 would be never

    def close(self) -> None:
        """Give the descriptor back."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def alarm() -> Alarm | None:
    """Return an alarm, or None on a system that has none."""
    try:
        return Alarm() if sys.platform == "linux" else None
    except (OSError, AttributeError):  # out of descriptors; built for a system older than 2008
        return None


if sys.version_info >= (3, 13):

    def _timerfd_create() -> int:
        return os.timerfd_create(time.CLOCK_MONOTONIC, flags=os.TFD_CLOEXEC | os.TFD_NONBLOCK)

    def _timerfd_set(fd: int, at_ns: int) -> None:
        os.timerfd_settime_ns(fd, flags=os.TFD_TIMER_ABSTIME, initial=at_ns)

else:
    _timerspec = (ctypes.c_long * 4)()  # interval and time, each in seconds and nanoseconds; made once for its speed
    _ABSTIME = 1

    @cache
    def _libc() -> ctypes.CDLL:
        return ctypes.CDLL(None, use_errno=True)

    def _timerfd_create() -> int:
        return _checked(_libc().timerfd_create(time.CLOCK_MONOTONIC, os.O_CLOEXEC | os.O_NONBLOCK))

    def _timerfd_set(fd: int, at_ns: int) -> None:
        _timerspec[2], _timerspec[3] = divmod(at_ns, 1_000_000_000)
        _checked(_libc().timerfd_settime(fd, _ABSTIME, _timerspec, None))

    def _checked(result: int) -> int:
        if result < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))
        return result


_date = (0, "")


def http_date() -> str:
    """Return the wall clock as HTTP writes it, remembered for a second."""
    global _date  # noqa: PLW0603  # one clock, one date
    now_s = int(time.time())
    if _date[0] != now_s:
        _date = (now_s, formatdate(now_s, usegmt=True))
    return _date[1]
