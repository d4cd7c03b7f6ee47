"""The same feed without `async`: a loop in a thread of its own, and calls that wait for it."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Awaitable, Iterable, Iterator
from types import TracebackType
from typing import Self, TypeVar, Unpack

from ticker.session.client import ClientSession
from ticker.session.messages import Snapshot, Subscribed, Tick, Ticks, Unsubscribed
from ticker.ticks import TRADES
from ticker_client.arrays import Arrays
from ticker_client.feed import Feed
from ticker_client.instruments import Instruments
from ticker_client.line import Traffic
from ticker_client.options import Options
from ticker_client.order_book import OrderBook

Result = TypeVar("Result")


class SyncFeed:
    """A `Feed` for programs without an event loop; iterate over it, its `batches()` or its `arrays()`.

    It lives in a thread of its own: that is where `on_gap`, `on_lag` and `on_bad_book` are called, while the program
    goes on.
    """

    def __init__(self, url: str, **options: Unpack[Options]) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ticker-client", daemon=True)
        self._feed = Feed(url, **options)

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
    def transport(self) -> str:
        """How the tape is heard now."""
        return self._feed.transport

    def book(self, symbol: str) -> OrderBook | None:
        """Return a symbol's book as of the newest message that has come; see `Feed.book`."""

        async def looked_at() -> OrderBook | None:
            return self._feed.book(symbol)

        return self._wait(looked_at())

    def __enter__(self) -> Self:
        """Connect. Raises ConnectionEnded where that fails."""
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
        self._wait(self._feed.close())
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

    def __iter__(self) -> Iterator[Tick]:
        for batch in self.batches():
            yield from batch.data

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
                    message = self._wait(anext(messages))
                except StopAsyncIteration:
                    return
                yield message
        finally:
            if self._loop.is_running():  # an iterator may outlive its feed
                self._wait(messages.aclose())

    def _wait(self, work: Awaitable[Result]) -> Result:
        async def awaited() -> Result:
            return await work

        return asyncio.run_coroutine_threadsafe(awaited(), self._loop).result()

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


def connect_sync(url: str, **options: Unpack[Options]) -> SyncFeed:
    """Return a feed to enter: `with connect_sync("ws://127.0.0.1:8765/v1/stream") as feed`; see `connect`."""
    return SyncFeed(url, **options)
