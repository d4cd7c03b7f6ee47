"""Servers of one tape around NATS, without their readers: what each source plays on its feed is written down.

A station dies like a process that is killed: without a word to NATS, and all its connections with it.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from typing import Any

import structlog
from msgspec.structs import replace

from ticker import clock
from ticker.config import Config, MarketConfig, NatsConfig
from ticker.feed.feed import Feed
from ticker.feed.tape import Entry
from ticker.links.nats.leaf import Leaf
from ticker.market_source import MarketSource
from ticker.metrics import Metrics
from ticker.root.source import Root
from ticker.source import Opening
from ticker.ticks import Batch, Position
from ticker.wire import reel

QUIET = structlog.wrap_logger(structlog.testing.LogCapture())
STEP_MS = 20
TIMEOUT_S = 20.0
MARKET = MarketConfig(instruments=12, step_ms=STEP_MS)
NATS = NatsConfig(lease_s=1.0, heartbeat_s=0.3, keyframe_s=0.5)


def settings(url: str = "", *, leaf: bool = False, market: MarketConfig = MARKET, **nats: Any) -> Config:
    """Return a configuration for one tape: a root's, or a leaf's."""
    section = replace(NATS, **({"source": url} if leaf else {"publish": url}), **nats)
    return Config(market=market, nats=section)


class Station:
    """The host of one source."""

    def __init__(self, config: Config, kind: Callable[["Station"], Any]) -> None:
        self.config = config
        self.metrics = Metrics()
        self.notes = structlog.testing.LogCapture()
        self.log = structlog.wrap_logger(None, processors=[self.notes])
        self.loop = asyncio.get_running_loop()
        self.feed: Feed | None = None
        self.reason = ""
        self.tapes: list[str] = []
        """The epochs that were opened, one after the other."""
        self.steps: dict[int, tuple[bytes, int]] = {}
        """The bytes of every step, and when it was emitted."""
        self.flushes: list[tuple[int, int]] = []
        """From which step to which a flush went."""
        self.leapt: list[tuple[int, int]] = []
        self.source = kind(self)
        self._ticker: asyncio.TimerHandle | None = None

    # What a source asks of its host.

    def open(self, opening: Opening) -> Feed:
        label = opening.label
        first = opening.past[0][0].seq - 1 if opening.past else opening.seq
        feed = self.feed = Feed(
            label.epoch,
            len(label.universe.instruments),
            clock.steps_in(self.config.feed.tape_s, label.speed, label.step_us),
            600,
            self.metrics,
            seq=first,
            t=opening.t,
        )
        feed.followers.append(self._note)
        leap = feed.leap

        def leapt(shown: Batch) -> None:
            self.leapt.append((feed.tape.head, shown.seq))
            leap(shown)

        feed.leap = leapt  # type: ignore[method-assign]
        self.tapes.append(label.epoch)
        self.steps.clear()
        self.flushes.clear()
        for batch, emitted_us in opening.past:
            feed.publish(batch, emitted_us)
            feed.flush()
        if opening.shown:
            feed.board.replace(opening.shown)
        return feed

    def stale(self, reason: str) -> None:
        self.reason = reason

    def _note(self, entries: list[Entry]) -> None:
        for entry in entries:
            assert entry.batch.seq not in self.steps, "a step was played twice"
            self.steps[entry.batch.seq] = (reel.splice([(entry.batch, 0)]), entry.emitted_us)
        self.flushes.append((entries[0].batch.seq, entries[-1].batch.seq))

    # What a test does with it.

    def start(self) -> None:
        self.source.start(self)
        self._measure()

    def _measure(self) -> None:
        self._ticker = self.loop.call_later(0.1, self._measure)
        self.source.measure()

    async def stop(self) -> None:
        """Have it say goodbye."""
        if self._ticker:
            self._ticker.cancel()
            self._ticker = None
            await self.source.stop()

    async def die(self) -> None:
        """Have it be gone."""
        term = getattr(self.source, "_term", None)
        if term is not None:
            term.end()
            self.source._term = None
        await self.stop()

    @property
    def head(self) -> int:
        return self.feed.tape.head if self.feed else 0

    @property
    def position(self) -> Position | None:
        return self.feed.position if self.feed else None

    @property
    def failure(self) -> str:
        return str(self.source.failed.exception()) if self.source.failed.done() else ""

    async def until(self, condition: Callable[[], object], what: str = "") -> None:
        """Wait until something is so."""
        over_s = clock.monotonic_s() + TIMEOUT_S
        while not condition():
            assert clock.monotonic_s() < over_s, f"{what or condition}: at {self.head}, {self.reason}, {self.failure}"
            await asyncio.sleep(0.01)

    async def more(self, steps: int) -> None:
        """Wait until it has so many steps more."""
        target = self.head + steps
        await self.until(lambda: self.head >= target, f"{steps} steps more")


class Stations:
    """Starts stations, and stops them at the end."""

    def __init__(self) -> None:
        self.all: list[Station] = []

    def root(self, url: str, **keys: Any) -> Station:
        return self.start(Station(settings(url, **keys), Root))

    def leaf(self, url: str, **keys: Any) -> Station:
        return self.start(Station(settings(url, leaf=True, **keys), Leaf))

    def alone(self, market: MarketConfig = MARKET) -> Station:
        """A market that nobody shares."""
        return self.start(Station(Config(market=market), MarketSource))

    def start(self, station: Station) -> Station:
        self.all.append(station)
        station.start()
        return station


@asynccontextmanager
async def stations() -> AsyncIterator[Stations]:
    """Give what starts stations."""
    made = Stations()
    try:
        yield made
    finally:
        for station in made.all:
            await station.stop()


def same(one: Station, other: Station) -> int:
    """Assert that two played the same steps, emitted at the same time; return how many both had."""
    both = one.steps.keys() & other.steps.keys()
    assert all(one.steps[seq] == other.steps[seq] for seq in both)
    return len(both)


def same_bytes(one: Station, other: Station) -> int:
    """Assert that two played the same steps, whenever they were emitted; return how many both had."""
    both = one.steps.keys() & other.steps.keys()
    assert all(one.steps[seq][0] == other.steps[seq][0] for seq in both)
    return len(both)


def whole(station: Station) -> bool:
    """Assert that a station has had every step between its first and its last, and tell whether there is one."""
    seqs = sorted(station.steps)
    holes = [(a, b) for a, b in pairwise(seqs) if b != a + 1]
    assert not holes, f"holes: {holes}"
    return bool(seqs)
