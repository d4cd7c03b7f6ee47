"""The same feed without `async`: a loop in a thread of its own, and calls that wait for it."""

import asyncio
import threading
from collections.abc import Awaitable, Iterable, Iterator
from types import TracebackType
from typing import Self, TypeVar, Unpack

from ticker.session.client import ClientSession
from ticker.session.messages import Subscribed, Tick, Unsubscribed
from ticker.ticks import TRADES
from ticker_client.feed import Feed, Options
from ticker_client.line import Traffic

Result = TypeVar("Result")


class SyncFeed:
    """A `Feed` for programs without an event loop; iterate over it for ticks."""

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
    def transport(self) -> str:
        """How the tape is heard now."""
        return self._feed.transport

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

    def subscribe(self, *symbols: str, channels: Iterable[str] = (TRADES,)) -> Subscribed:
        """Ask for symbols (`"*"` for all) on channels. Raises Refused."""
        return self._wait(self._feed.subscribe(*symbols, channels=channels))

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
        batches = self._feed.batches()
        try:
            while True:
                try:
                    batch = self._wait(anext(batches))
                except StopAsyncIteration:
                    return
                yield from batch.data
        finally:
            if self._loop.is_running():  # an iterator may outlive its feed
                self._wait(batches.aclose())

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
