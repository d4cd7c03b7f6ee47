"""A server in this process whose tape does what a test says: it opens, goes on, leaps, grows stale."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Self, cast
from unittest.mock import Mock

import uvloop

from conftest import ROOT
from ticker import clock, settings, universes
from ticker.feed.feed import Feed
from ticker.market.market import Market
from ticker.metrics import Metrics
from ticker.server import Server
from ticker.source import Host, Opening
from ticker.ticks import CHANNELS, Batch
from ticker.wire.label import Label

QUICK = {
    "server.port": 0,
    "server.drain_s": 0.3,
    "market.model": "plain",
    "market.instruments": 4,
    "market.trades_per_s": 60.0,
    "market.quotes_per_s": 40.0,
    "stream.heartbeat_s": 0.2,
}


class Strings:
    """A source that is moved from outside; it has a market of its own, and a board that nobody reads."""

    role = "leaf"
    leader = "somebody"
    control = None
    speed = speed_actual = 1.0
    paused = False
    flushes_per_s = 100.0
    lag_s = 0.0

    def __init__(self, seed: int) -> None:
        given = settings.build({**QUICK, "market.seed": seed}).market
        self.market = Market(given, universes.load(given))
        self.behind = Feed(self.market.epoch, given.instruments, 1000, 10, Metrics())
        self.seed = seed

    def start(self, host: Host) -> None:
        self.failed = host.loop.create_future()
        self.host = host

    async def stop(self) -> None: ...

    def measure(self) -> None: ...

    def step(self) -> Batch:
        batch = self.market.step()
        self.behind.publish(batch, 0)
        return batch

    def shown(self) -> Batch:
        """Return the newest of everything."""
        everybody = range(len(self.market.universe))
        rows = {channel: self.behind.board.newest(channel, everybody) for channel in CHANNELS}
        return Batch(self.market.seq, self.market.time_us(self.market.seq), rows)

    def opening(self, past: int = 0) -> Opening:
        """Return the tape as it is now, with as many steps of its past."""
        market = self.market
        label = Label.of(market.universe, epoch=market.epoch, step_us=market.step_us, start_us=0, seed=self.seed)
        steps = [(self.step(), clock.wall_us()) for _ in range(past)]
        return Opening(label, market.seq, market.time_us(market.seq), self.shown() if market.seq else None, steps)


class Puppet:
    """A running server, and the strings it hangs on."""

    def __init__(self, loop: str = "uvloop", seed: int = 1, **values: Any) -> None:
        self.strings = Strings(seed)

        class Hung(Server):
            def _source(server) -> Any:  # `self` is the puppet
                return self.strings

        self._loop = uvloop.new_event_loop() if loop == "uvloop" else asyncio.new_event_loop()
        config = settings.build({**QUICK, **values})
        self.server = Hung(config, ROOT / "clients" / "ticker_web", cast(Any, Mock()))
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.server.start(), self._loop).result(10)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self.server.stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def port(self) -> int:
        return int(self.server.origin.rpartition(":")[2])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def do(self, act: Callable[[], Any]) -> Any:
        """Do something where the server lives."""
        done: Future[Any] = Future()

        def run() -> None:
            try:
                done.set_result(act())
            except Exception as error:
                done.set_exception(error)

        self._loop.call_soon_threadsafe(run)
        return done.result(10)

    def open(self, past: int = 0) -> None:
        self.do(lambda: self.server.open(self.strings.opening(past)))

    def begin(self, seed: int, past: int = 0) -> None:
        """Open another tape."""
        failed = self.strings.failed
        self.strings.__init__(seed)  # type: ignore[misc]
        self.strings.failed = failed
        self.open(past)

    def go(self, steps: int) -> None:
        """Take steps, a flush each."""

        def act() -> None:
            for _ in range(steps):
                self.server.feed.publish(self.strings.step(), clock.wall_us())
                self.server.feed.flush()

        self.do(act)

    def leap(self, steps: int) -> None:
        """Lose so many steps."""

        def act() -> None:
            for _ in range(steps):
                self.strings.step()
            self.server.feed.leap(self.strings.shown())

        self.do(act)
