"""How fast ticks come, and how old: means and percentiles over the last seconds. Pure."""

from collections import deque

RATE_S = 3.0
LATENCY_S = 30.0
FRESH_S = 1.0  # percentiles are read, not watched


class Pulse:
    """Ticks a second, and the latencies of messages in milliseconds."""

    def __init__(self) -> None:
        self._totals: deque[tuple[float, int]] = deque()
        self._latencies: deque[tuple[float, float]] = deque()
        self._percentiles: tuple[float, float] | None = None
        self._counted_s = -FRESH_S

    def count(self, total: int, now_s: float) -> None:
        """Note how many ticks have come so far."""
        self._totals.append((now_s, total))
        while len(self._totals) > 2 and self._totals[1][0] <= now_s - RATE_S:
            self._totals.popleft()

    @property
    def rate(self) -> float:
        """Ticks a second, lately."""
        if len(self._totals) < 2:
            return 0.0
        (first_s, first), (last_s, last) = self._totals[0], self._totals[-1]
        return (last - first) / (last_s - first_s) if last_s > first_s else 0.0

    def note(self, latency_ms: float, now_s: float) -> None:
        """Note how long a message took."""
        self._latencies.append((now_s, latency_ms))

    def forget(self) -> None:
        """Forget latencies: they were another transport's."""
        self._latencies.clear()
        self._counted_s = -FRESH_S

    def percentiles(self, now_s: float) -> tuple[float, float] | None:
        """Return the median and the 99th percentile of latencies, as of a second ago at most; None without any."""
        if now_s >= self._counted_s + FRESH_S:
            while self._latencies and self._latencies[0][0] < now_s - LATENCY_S:
                self._latencies.popleft()
            values = sorted([latency for _, latency in self._latencies])
            self._percentiles = (values[len(values) // 2], values[len(values) * 99 // 100]) if values else None
            self._counted_s = now_s if values else -FRESH_S
        return self._percentiles
