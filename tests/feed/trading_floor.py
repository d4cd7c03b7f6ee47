"""A market whose steps are published by hand, its feed, and a floor with one desk and one reader at it."""

from typing import Any

import numpy as np

from ticker import universes
from ticker.config import MarketConfig
from ticker.feed.feed import Feed
from ticker.feed.floor import Desk, Floor
from ticker.feed.sight import Sight
from ticker.interest import Streams
from ticker.market.market import Market
from ticker.metrics import Metrics
from ticker.ticks import Batch, Rows
from ticker.venue import Study


class Told:
    """A dialect that spells nothing, and keeps the rows it was given."""

    packs = False

    def __init__(self) -> None:
        self.rows: dict[str, list[Rows]] = {}

    def render(self, channel: str, rows: Rows) -> list[bytes]:
        self.rows.setdefault(channel, []).append(rows)
        return [b"x" for _ in rows]

    def ticks(self, seq: int, emitted_us: int, pieces: bytes) -> bytes:  # noqa: ARG002  # a protocol's arguments
        return pieces

    def of(self, channel: str) -> Rows:
        return np.concatenate(self.rows[channel])


class Listener:
    """A reader at a desk."""

    def __init__(self) -> None:
        self.lost_for: list[str] = []

    def offer(self, frame: bytes, seq: int) -> None:
        pass

    def failed(self, error: Exception) -> None:
        raise error

    def lost(self, reason: str) -> None:
        self.lost_for.append(reason)


class Trading:
    """A market, its feed, and a floor with a desk."""

    def __init__(self, config: MarketConfig, studies: dict[str, Study], size_bytes: int = 4_000_000) -> None:
        self.universe = universes.load(config)
        self.market = Market(config, self.universe)
        self.feed = Feed(self.market.epoch, len(self.universe), 100_000, 10, Metrics(), t=self.market.time_us(0))
        self.faults: list[Exception] = []
        self.floor = Floor(self.feed, len(self.universe), size_bytes, self.faults.append)
        self.desk: Desk = self.floor.desk(studies.__getitem__, Metrics())
        self.sight = Sight(self.floor, self.universe)
        self.told = Told()
        self.batches: list[Batch] = []
        self.interest = Streams()
        self._audience: Any = None
        self.listener = Listener()

    def want(self, interest: Streams) -> None:
        if self._audience is not None:
            self.desk.line.leave(self.listener, self._audience)
            self._audience = None
        self.desk.change(self.interest, interest)
        self.interest = interest
        if interest:
            self._audience = self.desk.line.audience(self.told, lambda message, _: message, interest)
            self.desk.line.join(self.listener, self._audience)

    def steps(self, count: int, at_once: int = 1) -> None:
        for number in range(count):
            batch = self.market.step()
            self.batches.append(batch)
            self.feed.publish(batch, 1)
            if number % at_once == at_once - 1:
                self.feed.flush()
        self.feed.flush()
        if self.faults:
            raise self.faults[0]

    def rows(self, channel: str, after: int = 0) -> Rows:
        return np.concatenate([batch.rows[channel] for batch in self.batches if batch.seq > after])
