"""A subscription that outlives its connections: ask, listen, reconnect and go on, over whichever transport."""

import asyncio
from collections.abc import Iterable
from functools import cached_property
from types import TracebackType
from typing import Self, Unpack

from ticker import clock
from ticker.session.books import Books
from ticker.session.client import ClientSession
from ticker.session.kinds import Tick
from ticker.session.messages import Subscribed, Unsubscribed
from ticker.session.requests import Bar
from ticker.ticks import BOOK, TRADES
from ticker_client import transports
from ticker_client.address import Address
from ticker_client.backoff import FIRST_S
from ticker_client.errors import ConnectionEnded, Refused
from ticker_client.inbox import Inbox
from ticker_client.lifeline import Lifeline
from ticker_client.line import Desk, Traffic
from ticker_client.options import WINDOW, Options, acks, encoded, paced, secured, tokened
from ticker_client.order_book import OrderBook, pictured
from ticker_client.reading import Reading
from ticker_client.records import asked

POLL_EVERY_S = 0.25  # a human would not see more often
WAIT_S = 20.0  # proxies give up at 30 or 60


class Feed(Reading):
    """What a server sends to one client, as an asynchronous iterator of ticks.

    Iterate over it for ticks, over `batches()` for whole messages, or over `arrays()` for numpy arrays, ask for the
    `next` one, `collect` some seconds, or `run` and be told by callbacks: in one place at a time. Commands may be given
    at any time, from any task of the loop. `book` is a symbol's order book, where that is subscribed. `session` counts
    what came and what is proved missing, `traffic` what it cost.

        async with connect("ws://127.0.0.1:8765/v1/stream") as feed:
            await feed.subscribe("ACME", "BYTE", channels=["trades", "quotes"])
            print(await feed.next("ACME", timeout_s=5))
            table = (await feed.collect(1)).pandas("trades")

    Whatever is cancelled or timed out, nothing is lost by it; after `close`, no task is left.
    """

    def __init__(self, url: str, **options: Unpack[Options]) -> None:
        self.transport = options.get("transport", "ws")
        """How the tape is heard now; `switch` changes it."""
        self._make = transports.named(self.transport)
        self._wish = paced(options.get("pace"), options.get("rate_hz"), None)
        transports.check_pace(self.transport, self._wish)
        window, ack_every = acks(options.get("window", WINDOW), options.get("ack_every"))
        self._keeps_books = options.get("books", True)
        self._learnt = -1  # on which tape it was asked what is traded: the count of restarts
        self.session = ClientSession(ack_every, window, Books() if self._keeps_books else None)
        self.traffic = Traffic()
        inbox = Inbox(
            self.session,
            options.get("on_gap"),
            options.get("on_lag"),
            options.get("on_bad_book"),
            options.get("on_reconnect"),
            strict=options.get("strict", False),
        )
        inbox.mend = self._mend
        super().__init__(url, inbox, options.get("on_trade"), options.get("on_quote"))
        self._mending: set[asyncio.Task[None]] = set()
        self._encoding = encoded(options.get("encoding", "json"))
        language = f"{url} does not speak ticker.v1.{self._encoding}"
        self._life = Lifeline(inbox, language, reconnect=options.get("reconnect", True))
        self._pauses_s = (options.get("poll_every_s", POLL_EVERY_S), options.get("wait_s", WAIT_S))
        self._tls = secured(url, options.get("ssl"), options.get("cafile"))
        self._token = tokened(options.get("token"))
        self._commands = asyncio.Lock()  # none is lost between two transports

    async def __aenter__(self) -> Self:
        """Connect. Raises ConnectionEnded where that fails."""
        await self._life.begin(self._make(self._desk()))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Hang up; iterators end."""
        try:
            for task in self._mending:
                task.cancel()
            await asyncio.gather(*self._mending, return_exceptions=True)
            await self._life.hang_up()
        finally:
            self._inbox.end(ConnectionEnded("closed by this side", 1000))

    @property
    def live(self) -> bool:
        """Whether there is a connection now."""
        return self._life.live

    @property
    def connections(self) -> int:
        """How often a connection was made."""
        return self._life.connections

    @property
    def trouble(self) -> ConnectionEnded | None:
        """Why there is no connection now; None while there is one."""
        return self._life.trouble

    def book(self, symbol: str) -> OrderBook | None:
        """Return a symbol's book as of the newest message that has come, which may wait to be read.

        None where nothing of it has come: `symbol` is to be subscribed on channel "book". `session.books` counts the
        checksums that were right and wrong.
        """
        return pictured(symbol, self.session.books)

    # What one may say.

    async def subscribe(
        self,
        *symbols: str,
        channels: Iterable[str] = (TRADES,),
        pace: str | None = None,
        rate_hz: float | None = None,
    ) -> Subscribed:
        """Ask for symbols (`"*"` for all) on channels, and again after every reconnect.

        A pace, "every" or "latest", is that of all that is subscribed, until another one is named. Raises Refused, and
        ValueError for a pace that cannot be had.
        """
        async with self._commands:
            wish = paced(pace, rate_hz, self._wish)
            transports.check_pace(self.transport, wish)
            channels = list(channels)
            if BOOK in channels:
                await self._learn_grids()
            granted = await self._life.line.subscribe(symbols, channels, wish)
            self._wish = wish
            return granted

    async def unsubscribe(self, *symbols: str, channels: Iterable[str] = (TRADES,)) -> Unsubscribed:
        """Take back a subscription, or part of one. Raises Refused."""
        async with self._commands:
            return await self._life.line.unsubscribe(symbols, list(channels))

    async def subscriptions(self) -> dict[str, list[str]]:
        """Return what is subscribed, by the server's word where it remembers: channel to symbols."""
        async with self._commands:
            return await self._life.line.subscriptions()

    async def ping(self) -> float:
        """Return the round-trip time of a question and its answer, in seconds."""
        async with self._commands:
            asked_s = clock.monotonic_s()
            await self._life.line.ping()
            return clock.monotonic_s() - asked_s

    async def switch(self, transport: str) -> None:
        """Go on over another transport, from the position reached: no tick is lost or repeated, iterators go on.

        Raises ValueError for an unknown transport, or one that cannot be heard at pace latest where that is wanted,
        ConnectionEnded where it cannot be opened; then nothing has changed.
        """
        make = transports.named(transport)
        async with self._commands:
            transports.check_pace(transport, self._wish)
            old = self._life.line
            line = make(self._desk())
            await old.settle()
            await self._life.pause()
            try:
                await self._life.begin(line)
            except BaseException:
                self._life.listen_to(old)
                raise
            self.transport = transport
            await old.close()

    # What is only asked.

    async def snapshot(self, *symbols: str, channels: Iterable[str] = (TRADES,)) -> list[Tick]:
        """Return the newest tick of each symbol (`"*"` for all) and channel, subscribed or not.

        Raises Refused where a symbol or a channel does not exist, and ConnectionEnded.
        """
        async with asked(self._address, self.traffic) as records:
            return await records.newest(symbols, list(channels))

    async def bars(self, symbol: str, interval: str = "1m", limit: int | None = None) -> list[Bar]:
        """Return a symbol's finished bars of "1s" or "1m", oldest first: the newest `limit`, or as the server likes.

        Raises Refused and ConnectionEnded.
        """
        async with asked(self._address, self.traffic) as records:
            return await records.bars(symbol, interval, limit)

    async def _learn(self) -> None:
        try:
            async with asked(self._address, self.traffic) as records:
                instruments = (await records.instruments()).joined(self._inbox.instruments)
        except Refused as error:
            raise ConnectionEnded(f"{self.url} does not say what is traded: {error}") from None
        self._inbox.instruments = instruments
        self.session.books.learn(instruments.listing())
        self._learnt = self.session.restarts

    async def _learn_grids(self) -> None:
        """Have prices in JSON be told in ticks, as books need them, on this tape. Raises ConnectionEnded."""
        packed = self.transport == "ws" and self._encoding == "packed"
        if self._keeps_books and not packed and self._learnt != self.session.restarts:
            await self._learn()

    # Books that turned out wrong.

    def _mend(self, symbols: list[str]) -> None:
        for symbol in symbols:
            task = asyncio.create_task(self._ask_anew(symbol))
            self._mending.add(task)
            task.add_done_callback(self._mending.discard)

    async def _ask_anew(self, symbol: str) -> None:
        """Take the subscription of a book back and give it again, over as many connections as that takes."""
        held = True
        while self._inbox.ended is None:
            try:
                async with self._commands:
                    await self._learn_grids()
                    if held:
                        await self._life.line.unsubscribe([symbol], [BOOK])
                    held = False
                    await self._life.line.subscribe([symbol], [BOOK], None)
                return
            except Refused:
                return  # it is wanted no more, or traded no more
            except ConnectionEnded:
                await asyncio.sleep(FIRST_S)

    # What a line needs.

    @cached_property
    def _address(self) -> Address:
        return Address.of(self.url, self._tls, self._token)

    def _desk(self) -> Desk:
        """Return what a new line works with. Raises ConnectionEnded where the URL is none."""
        return Desk(self._address, self.session, self._inbox, self.traffic, self._encoding, *self._pauses_s)


def connect(url: str, **options: Unpack[Options]) -> Feed:
    """Return a feed to enter: `async with connect("ws://127.0.0.1:8765/v1/stream") as feed`.

    The URL may also be the server's `http://127.0.0.1:8765/`, whatever the transport. `Options` are what may be chosen.
    A lost connection is made again and goes on from the position reached. Raises ValueError for an option that cannot
    be, or two that do not go together.
    """
    return Feed(url, **options)
