"""A subscription that outlives its connections: ask, listen, reconnect and go on, over whichever transport."""

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from ssl import SSLContext
from types import TracebackType
from typing import Self, TypedDict, Unpack

import msgspec

from ticker import clock
from ticker.dialects import native
from ticker.session.client import ClientSession
from ticker.session.messages import Snapshot, Subscribed, Tick, Ticks, Unsubscribed
from ticker.ticks import TRADES
from ticker_client import transports
from ticker_client.address import Address
from ticker_client.errors import NO_TICKER, ConnectionEnded
from ticker_client.inbox import Inbox
from ticker_client.line import Desk, Line, Traffic

FIRST_DELAY_S, LONGEST_DELAY_S = 0.25, 10.0
POLL_EVERY_S = 0.25  # a human would not see more often
WAIT_S = 20.0  # proxies give up at 30 or 60


class Options(TypedDict, total=False):
    """How a feed is heard."""

    transport: str
    """"ws" (the default), "sse", "long-poll" or "short-poll"."""
    ack_every: int
    """Over "ws", so many messages are acknowledged with one cumulative ack."""
    reconnect: bool
    """Whether to come back after a loss, unless the server's close code says not to. True by default."""
    poll_every_s: float
    """Seconds between the questions of a short poll."""
    wait_s: float
    """Seconds for which the server holds a long poll, at most."""
    tls: SSLContext | None
    """For `wss` and `https`; the system's certificates decide where there is none."""


class Feed:
    """What a server sends to one client, as an asynchronous iterator of ticks.

    Iterate over it for ticks, or over `batches()` for whole messages, in one place only. Commands may be given at any
    time, from any task of the loop. `session` counts what came and what is proved missing, `traffic` what it cost.
    """

    def __init__(
        self,
        url: str,
        *,
        transport: str = "ws",
        ack_every: int = 50,
        reconnect: bool = True,
        poll_every_s: float = POLL_EVERY_S,
        wait_s: float = WAIT_S,
        tls: SSLContext | None = None,
    ) -> None:
        self.url = url
        self.transport = transport
        """How the tape is heard now; `switch` changes it."""
        self.session = ClientSession(ack_every)
        self.traffic = Traffic()
        self.connections = 0
        """How often a connection was made."""
        self._make = transports.named(transport)
        self._pauses_s = (poll_every_s, wait_s)
        self._tls = tls
        self._reconnect = reconnect
        self._inbox = Inbox(self.session)
        self._commands = asyncio.Lock()  # none is lost between two transports
        self._line: Line | None = None
        self._opened = False
        """Whether the line was opened and has not been heard to end."""
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Connect. Raises ConnectionEnded where that fails."""
        line = self._make(
            Desk(Address.of(self.url, self._tls), self.session, self._inbox, self.traffic, *self._pauses_s)
        )
        try:
            await self._open(line)
        except BaseException:
            await line.close()
            raise
        self._listen_to(line)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Hang up; iterators end."""
        try:
            await self._stop_listening()
            if self._line is not None:
                await self._line.close()
        finally:
            self._inbox.end(ConnectionEnded("closed by this side", 1000))

    @property
    def live(self) -> bool:
        """Whether there is a connection now."""
        return self._line is not None and self._line.live

    @property
    def waiting(self) -> int:
        """How many messages have come that nobody has read yet."""
        return len(self._inbox)

    # What one may say.

    async def subscribe(self, *symbols: str, channels: Iterable[str] = (TRADES,)) -> Subscribed:
        """Ask for symbols (`"*"` for all) on channels, and again after every reconnect. Raises Refused."""
        async with self._commands:
            return await self._connected().subscribe(symbols, list(channels))

    async def unsubscribe(self, *symbols: str, channels: Iterable[str] = (TRADES,)) -> Unsubscribed:
        """Take back a subscription, or part of one. Raises Refused."""
        async with self._commands:
            return await self._connected().unsubscribe(symbols, list(channels))

    async def subscriptions(self) -> dict[str, list[str]]:
        """Return what is subscribed, by the server's word where it remembers: channel to symbols."""
        async with self._commands:
            return await self._connected().subscriptions()

    async def ping(self) -> float:
        """Return the round-trip time of a question and its answer, in seconds."""
        async with self._commands:
            asked_s = clock.monotonic_s()
            await self._connected().ping()
            return clock.monotonic_s() - asked_s

    async def switch(self, transport: str) -> None:
        """Go on over another transport, from the position reached: no tick is lost or repeated, iterators go on.

        Raises ValueError for an unknown transport, ConnectionEnded where it cannot be opened; then nothing has changed.
        """
        make = transports.named(transport)
        async with self._commands:
            old = self._connected()
            line = make(Desk(Address.of(self.url, self._tls), self.session, self._inbox, self.traffic, *self._pauses_s))
            await old.settle()
            await self._stop_listening()
            try:
                await self._open(line)
            except BaseException:
                await line.close()
                self._listen_to(old)
                raise
            self.transport = transport
            self._listen_to(line)
            await old.close()

    def _connected(self) -> Line:
        if self._inbox.ended is not None or self._line is None:
            raise self._inbox.ended or ConnectionEnded("not connected: use `async with`")
        return self._line

    # What one hears.

    async def __aiter__(self) -> AsyncIterator[Tick]:
        async for batch in self.batches():
            for tick in batch.data:
                yield tick

    def batches(self) -> AsyncGenerator[Ticks | Snapshot]:
        """Yield messages of ticks, snapshots among them. Raises ConnectionEnded when the server ends it for good."""
        return self._inbox.batches()

    # The connection's life.

    def _listen_to(self, line: Line) -> None:
        self._line = line
        self._task = asyncio.create_task(self._run(line))
        self._task.add_done_callback(self._note_failure)

    def _note_failure(self, task: asyncio.Task[None]) -> None:
        """Let iterators end where listening failed in a way nobody has foreseen."""
        if not task.cancelled() and (error := task.exception()):
            self._inbox.end(ConnectionEnded(f"the client failed: {error!r}", NO_TICKER))

    async def _stop_listening(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _open(self, line: Line) -> None:
        await line.open()
        self._opened = True
        self.connections += 1

    async def _run(self, line: Line) -> None:
        """Listen to one connection after the other until there is to be no other."""
        attempt, advice_s = 0, 0.0
        while True:
            heard = self._inbox.heard
            try:
                if not self._opened:
                    await asyncio.sleep(self._delay_s(attempt, advice_s))
                    attempt += 1
                    await self._open(line)
                ended = await line.listen()
                self._opened = False
            except ConnectionEnded as error:
                ended = error
            except msgspec.DecodeError as error:
                await line.close()
                ended = ConnectionEnded(f"{self.url} does not speak {native.SUBPROTOCOL}: {error}", NO_TICKER)
            if ended.final or not self._reconnect:
                return self._inbox.end(ended)
            attempt = 0 if self._inbox.heard > heard else attempt
            advice_s = ended.after_s or self._inbox.advice_s or 0.0
            self._inbox.advice_s = None

    def _delay_s(self, attempt: int, advice_s: float) -> float:
        """Return how long to wait: the server's advice first, then longer each time, never the same for all."""
        longest_s = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2**attempt)
        return float(advice_s + longest_s * random.uniform(0.5, 1.0))


def connect(url: str, **options: Unpack[Options]) -> Feed:
    """Return a feed to enter: `async with connect("ws://127.0.0.1:8765/v1/stream") as feed`.

    The URL may also be the server's `http://127.0.0.1:8765/`, whatever the transport. `Options` are what may be chosen.
    A lost connection is made again and goes on from the position reached. Raises ValueError for an unknown transport.
    """
    return Feed(url, **options)
