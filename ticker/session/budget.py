"""What a client may do for long, and how much of it at once.

A token bucket: it is full at the start, fills up again at a steady rate, and holds no more than a burst. It knows no
clock: the time is given.
"""


class Budget:
    """So many at once, and so many a second for long."""

    __slots__ = ("_burst", "_left", "_per_s", "_since_s")

    def __init__(self, per_s: float, burst: int) -> None:
        self._per_s = per_s
        self._burst = burst
        self._left: float = burst
        self._since_s: float | None = None

    def take(self, now_s: float) -> bool:
        """Spend one, and tell whether there was one to spend."""
        if self._since_s is not None:
            self._left = min(self._burst, self._left + (now_s - self._since_s) * self._per_s)
        self._since_s = now_s
        if self._left < 1:
            return False
        self._left -= 1
        return True
