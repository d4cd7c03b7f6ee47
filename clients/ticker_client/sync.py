"""The same feed without `async`: a loop in a thread of its own, and calls that wait for it."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Coroutine, Iterable, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar, Unpack

from ticker.session.client import ClientSession
from ticker.session.kinds import Tick
from ticker.session.messages import Snapshot, Subscribed, Ticks, Unsubscribed
from ticker.session.requests import Bar
from ticker.ticks import TRADES
from ticker_client.arrays import Arrays
from ticker_client.errors import ConnectionEnded
from ticker_client.feed import Feed
from ticker_client.instruments import Instruments
from ticker_client.line import Traffic
from ticker_client.options import Options
from ticker_client.order_book import OrderBook

Result = TypeVar("Result")


class SyncFeed:
    """A `Feed` for programs without an event loop: the same names, without `await`.

        with connect_sync("ws://127.0.0.1:8765/v1/stream") as feed:
            feed.subscribe("ACME")
            for tick in feed:
                print(tick)

    It lives in a thread of its own: that is where callbacks are called, while the program goes on. Whatever is waited
    for may be interrupted (Ctrl-C): it is then given up there as well. After `close`, no thread is left.
    """

    def __init__(self, url: str, **options: Unpack[Options]) -> None:
        self._feed = Feed(url, **options)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return self._feed.url

    @property
    def session(self) -> ClientSession:
        return self._feed.session

    @property
    def traffic(self) -> Traffic:
        return self._feed.traffic

    @property
    def instruments(self) -> Instruments:
        """What the numbers in arrays stand for."""
        return self._feed.instruments

    @property
    def trouble(self) -> ConnectionEnded | None:
        """Why there is no connection now; None while there is one."""
        return self._feed.trouble

    @property
    def transport(self) -> str:
        """How the tape is heard now."""
        return self._feed.transport

    @property
    def live(self) -> bool:
        """Whether there is a connection now."""
        return self._feed.live

    @property
    def connections(self) -> int:
        """How often a connection was made."""
        return self._feed.connections

    @property
    def waiting(self) -> int:
        """How many messages have come that nobody has read yet."""
        return self._feed.waiting

    def book(self, symbol: str) -> OrderBook | None:
        """Return a symbol's book as of the newest message that has come; see `Feed.book`."""

        async def looked_at() -> OrderBook | None:
            return self._feed.book(symbol)

        return self._wait(looked_at())

    def __enter__(self) -> Self:
        """Connect. Raises ConnectionEnded where that fails."""
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ticker-client", daemon=True)
        self._thread.start()
        try:
            self._wait(self._feed.__aenter__())
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up; iterators end."""
        if self._loop is None:
            return
        try:
            self._wait(self._feed.close())
        finally:
            self._stop()

    def subscribe(
        self,
        *symbols: str,
        channels: Iterable[str] = (TRADES,),
        pace: str | None = None,
        rate_hz: float | None = None,
    ) -> Subscribed:
        """Ask for symbols (`"*"` for all) on channels, at a pace; see `Feed.subscribe`."""
        return self._wait(self._feed.subscribe(*symbols, channels=channels, pace=pace, rate_hz=rate_hz))

    def unsubscribe(self, *symbols: str, channels: Iterable[str] = (TRADES,)) -> Unsubscribed:
        """Take back a subscription, or part of one. Raises Refused."""
        return self._wait(self._feed.unsubscribe(*symbols, channels=channels))

    def subscriptions(self) -> dict[str, list[str]]:
        """Return what the server says is subscribed: channel to symbols."""
        return self._wait(self._feed.subscriptions())

    def ping(self) -> float:
        """Return the round-trip time of a question and its answer, in seconds."""
        return self._wait(self._feed.ping())

    def switch(self, transport: str) -> None:
        """Go on over another transport, from the position reached. Raises ValueError and ConnectionEnded."""
        self._wait(self._feed.switch(transport))

    def snapshot(self, *symbols: str, channels: Iterable[str] = (TRADES,)) -> list[Tick]:
        """Return the newest tick of each symbol and channel, subscribed or not; see `Feed.snapshot`."""
        return self._wait(self._feed.snapshot(*symbols, channels=channels))

    def bars(self, symbol: str, interval: str = "1m", limit: int | None = None) -> list[Bar]:
        """Return a symbol's finished bars, oldest first; see `Feed.bars`."""
        return self._wait(self._feed.bars(symbol, interval, limit))

    def next(self, symbol: str | None = None, timeout_s: float | None = None) -> Tick:
        """Return the next tick, or the next one of a symbol; see `Feed.next`."""
        return self._wait(self._feed.next(symbol, timeout_s))

    def collect(self, seconds: float) -> Arrays:
        """Return what comes within some seconds as one message of numpy arrays; see `Feed.collect`."""
        return self._wait(self._feed.collect(seconds))

    def run(self, seconds: float | None = None) -> None:
        """Read for some seconds, or until the feed ends, for callbacks to be told; see `Feed.run`."""
        self._wait(self._feed.run(seconds))

    def __iter__(self) -> Iterator[Tick]:
        while True:
            yield from self._feed.rest
            if not self._wait(self._feed.begin()):
                return

    def batches(self) -> Iterator[Ticks | Snapshot]:
        """Yield messages of ticks, snapshots among them; see `Feed.batches`."""
        return self._iterate(self._feed.batches())

    def arrays(self) -> Iterator[Arrays]:
        """Yield messages of ticks, snapshots among them, as numpy arrays; see `Feed.arrays`."""
        return self._iterate(self._feed.arrays())

    def _iterate(self, messages: AsyncGenerator[Result]) -> Iterator[Result]:
        try:
            while True:
                try:
                    message = self._wait(_next(messages))
                except StopAsyncIteration:
                    return
                yield message
        finally:
            if self._loop is not None:  # an iterator may outlive its feed
                self._wait(messages.aclose())

    def _wait(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Have some work done in the loop. Raises ConnectionEnded where there is no loop."""
        if self._loop is None:
            work.close()
            raise ConnectionEnded("not connected: use `with`")
        done = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return done.result()
        except BaseException:
            if not done.done():
                done.cancel()  # we were interrupted: it is to end before anything else is asked
            raise

    def _stop(self) -> None:
        assert self._loop is not None
        assert self._thread is not None
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._loop = None


async def _next(messages: AsyncGenerator[Result]) -> Result:
    return await anext(messages)


def connect_sync(url: str, **options: Unpack[Options]) -> SyncFeed:
    """Return a feed to enter: `with connect_sync("ws://127.0.0.1:8765/v1/stream") as feed`; see `connect`."""
    return SyncFeed(url, **options)
