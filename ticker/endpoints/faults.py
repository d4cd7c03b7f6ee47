"""Faults of ours: each costs one client its connection at most, is counted, and is logged once a second and kind."""

import asyncio
from collections import Counter
from typing import Any

import structlog

from ticker import clock
from ticker.metrics import Metrics

QUIET_S = 1.0
"""Between two lines about the same: what fails for one client may fail for a thousand."""


class Faults:
    """What went wrong here and should not have."""

    def __init__(self, metrics: Metrics, log: structlog.stdlib.BoundLogger) -> None:
        self._metrics = metrics
        self._log = log
        self._said_s: dict[str, float] = {}
        self._unsaid: Counter[str] = Counter()

    def note(self, event: str, error: BaseException | None = None, **facts: Any) -> None:
        """Count a fault, and log it with its traceback unless the same was said a moment ago."""
        self._metrics.faults += 1
        now_s = clock.monotonic_s()
        if now_s - self._said_s.get(event, -QUIET_S) < QUIET_S:
            self._unsaid[event] += 1
            return
        self._said_s[event] = now_s
        unsaid = self._unsaid.pop(event, 0)
        more = {"more": unsaid} if unsaid else {}
        self._log.error(event, exc_info=error, **facts, **more)

    def on_loop(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Take what the event loop has caught: give it to `set_exception_handler`."""
        error = context.get("exception")
        if isinstance(error, OSError):  # no descriptor is left, say: there is nothing to trace
            self.note(context["message"], reason=error.strerror)
        else:
            self.note(context["message"], error)
