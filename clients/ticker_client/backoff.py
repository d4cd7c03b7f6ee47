"""When to try again after a loss: longer each time, and never the same for all."""

import random

FIRST_S, LONGEST_S = 0.25, 10.0
ADVICE_S_MAX = 3600.0  # a server that knows better than that is not waited for
ATTEMPTS_MAX = 16  # by then the longest pause is reached


class Backoff:
    """The pauses between attempts, in seconds; `draw` gives numbers from 0 up to 1."""

    def __init__(self, draw: random.Random | None = None) -> None:
        self._draw = draw or random.Random()
        self._attempts = 0

    def next_s(self, advice_s: float = 0.0) -> float:
        """Return how long to wait: as long as the server advises, and then half to all of what is due by now."""
        longest_s: float = min(LONGEST_S, FIRST_S * 2**self._attempts)
        self._attempts = min(self._attempts + 1, ATTEMPTS_MAX)
        return min(advice_s, ADVICE_S_MAX) + float(longest_s * self._draw.uniform(0.5, 1.0))

    def succeed(self) -> None:
        """Begin with short pauses again."""
        self._attempts = 0
