"""Readers of the newest at one rate: they are all served in the same slots of the wall clock, which is handed in."""

from collections.abc import Hashable

from ticker.feed.audience import LatestAudience, Waiting, tell
from ticker.metrics import Metrics


class Slots:
    """Slots of `1 / rate_hz` seconds since 1970: in each, the audiences of this rate get one message at most."""

    def __init__(self, rate_hz: float, now_us: int) -> None:
        self.audiences: dict[Hashable, LatestAudience] = {}
        self.awaiting: dict[Waiting, None] = {}
        self._rate_hz = rate_hz
        self._slot = self._slot_of(now_us)

    @property
    def idle(self) -> bool:
        return not (self.audiences or self.awaiting)

    def flush(self, seq: int, now_us: int, metrics: Metrics) -> None:
        """Serve everybody if a new slot has begun."""
        slot = self._slot_of(now_us)
        if slot == self._slot:
            return
        self._slot = slot
        for audience in tuple(self.audiences.values()):
            try:
                audience.flush_newest(seq, now_us, metrics)
            except Exception as error:
                audience.failed(error)
        awaiting, self.awaiting = self.awaiting, {}
        tell(awaiting)

    def _slot_of(self, now_us: int) -> int:
        return int(now_us * self._rate_hz / 1e6)
