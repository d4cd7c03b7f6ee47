"""What a connection may do: Binance Spot WebSocket Streams, "WebSocket Limits". Clocks are handed in."""

from collections import deque

from ticker.venue import DAY_US

MESSAGES_MAX = 5
PERIOD_S = 1.0
ATTEMPTS_MAX, ATTEMPTS_S = 300, 300
"""Connections from one address, and in how long they come back."""
STREAMS_MAX = 1024
STREAMS_KEPT_MAX = 8192
"""Of a client that the venue's limits are not enforced on: their names still list in one message."""
LIFETIME_US = DAY_US
"""By the market's clock, which may run faster than ours."""

TOO_MANY = 1008, "Too many requests"
EXPIRED = 1008, "Disconnected"
NO_PONG = 1008, "Pong timeout"


class Inbound:
    """What a client has sent within the last second: its messages, pings and pongs."""

    __slots__ = ("_heard_s",)

    def __init__(self) -> None:
        self._heard_s: deque[float] = deque(maxlen=MESSAGES_MAX)

    def too_many(self, count: int, monotonic_s: float) -> bool:
        """Learn of so many more; tell whether they are too many."""
        excess = False
        for _ in range(min(count, MESSAGES_MAX + 1)):
            heard_s = self._heard_s
            excess |= len(heard_s) == MESSAGES_MAX and monotonic_s - heard_s[0] < PERIOD_S
            heard_s.append(monotonic_s)
        return excess
