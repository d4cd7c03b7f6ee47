"""What a feed brings, in the form one wants it: ticks, messages, arrays, the next of a symbol, all of some seconds.

A feed is read in one place at a time. What was read in part, by an iterator that was left or by `next`, goes on with
the tick after that, whichever form is asked for then.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from itertools import chain
from typing import Any

from msgspec.structs import replace

from ticker.session.kinds import Quote, Tick, Trade
from ticker.session.messages import Snapshot, Ticks
from ticker_client.arrays import Arrays, gathered, joined
from ticker_client.errors import NO_TICKER, ConnectionEnded
from ticker_client.inbox import Inbox, Waiting
from ticker_client.instruments import Instruments


class Reading(ABC):
    """The half of a feed that is read."""

    def __init__(
        self,
        url: str,
        inbox: Inbox,
        on_trade: Callable[[Trade], object] | None = None,
        on_quote: Callable[[Quote], object] | None = None,
    ) -> None:
        self.url = url
        self._inbox = inbox
        found: dict[type[Tick], Callable[[Any], object] | None] = {Trade: on_trade, Quote: on_quote}
        self._told = {kind: callback for kind, callback in found.items() if callback}
        self._messages: Iterator[Waiting] = iter(())  # taken out of the inbox, and read by nobody yet
        self._begun: Ticks | Snapshot | None = None
        self.rest: Iterator[Tick] = iter(())
        """The ticks of the message that was begun and not read to its end."""

    @property
    def waiting(self) -> int:
        """How many messages have come that nobody has read yet."""
        return len(self._inbox)

    @property
    def instruments(self) -> Instruments:
        """What the numbers in arrays stand for; empty until the first arrays have come."""
        return self._inbox.instruments

    @abstractmethod
    async def _learn(self) -> None:
        """Have `instruments` name all that is traded. Raises ConnectionEnded."""

    # In whole.

    async def batches(self) -> AsyncGenerator[Ticks | Snapshot]:
        """Yield messages of ticks, snapshots among them. Raises ConnectionEnded when the server ends it for good."""
        while (message := await self._batch()) is not None:
            yield message

    async def arrays(self) -> AsyncGenerator[Arrays]:
        """Yield messages of ticks, snapshots among them, as numpy arrays.

        Packed messages are arrays already; from JSON they are made, by whichever transport it comes, and the server is
        asked once what is traded. Raises ConnectionEnded when the server ends it for good, or cannot tell.
        """
        while (message := await self._message()) is not None:
            yield message if isinstance(message, Arrays) else await self._gather(message)

    async def collect(self, seconds: float) -> Arrays:
        """Return what comes within some seconds, or until the feed ends, as one message of numpy arrays.

        Snapshots are left out: they show what was before. `collected.rows["trades"]` has the numbers as they are,
        `collected.pandas("trades")` and `collected.polars("trades")` a table with prices in money. Raises
        ConnectionEnded when the server ends it for good.
        """
        if not self.instruments:
            await self._learn()
        pieces: list[Arrays] = []

        async def keep() -> None:
            async for piece in self.arrays():
                pieces.append(piece)  # noqa: PERF401  # those that came before it is given up count as well

        await _within(seconds, keep())
        return joined([piece for piece in pieces if piece.kind == "ticks"], self.instruments)

    async def run(self, seconds: float | None = None) -> None:
        """Read for some seconds, or until the feed ends: for programs that are told by callbacks.

        Raises what a callback raises, and ConnectionEnded when the server ends it for good.
        """

        async def read() -> None:
            while await self._message() is not None:
                pass

        await _within(seconds, read())

    # One by one.

    async def __aiter__(self) -> AsyncIterator[Tick]:
        while True:
            for tick in self.rest:
                yield tick
            if not await self.begin():
                return

    async def next(self, symbol: str | None = None, timeout_s: float | None = None) -> Tick:
        """Return the next tick, or the next one of a symbol: what comes before it is passed over.

        Raises TimeoutError when none has come in time, ConnectionEnded when the feed ends, and RuntimeError while it
        is read elsewhere.
        """
        async with asyncio.timeout(timeout_s):
            while True:
                for tick in self.rest:
                    if symbol is None or tick.sym == symbol:
                        return tick
                if not await self.begin():
                    raise ConnectionEnded("the feed was closed", 1000)

    # How it is taken out.

    async def begin(self) -> bool:
        """Begin with the next message; return whether there is one."""
        self._begun = await self._batch()
        self.rest = iter(self._begun.data if self._begun else ())
        return self._begun is not None

    async def _batch(self) -> Ticks | Snapshot | None:
        """Return the next message with its ticks one by one; None at the end."""
        while (message := await self._message()) is not None:
            if not isinstance(message, Arrays):
                return message
            self._messages = chain(message.messages(), self._messages)
        return None

    async def _message(self) -> Waiting | None:
        """Return the next message, or what is left of the one that was begun; None at the end."""
        if self._begun and (left := list(self.rest)):
            return replace(self._begun, data=left)
        for message in self._messages:
            return message
        came = await self._inbox.next()
        if came is not None and self._told:
            self._tell(came)
        return came

    def _tell(self, message: Waiting) -> None:
        for each in message.messages() if isinstance(message, Arrays) else (message,):
            for tick in each.data:
                if callback := self._told.get(type(tick)):
                    callback(tick)

    async def _gather(self, message: Ticks | Snapshot) -> Arrays:
        if any(tick.sym not in self.instruments.numbers for tick in message.data):
            try:
                await self._learn()
            except BaseException:
                self._messages = chain((message,), self._messages)  # nobody has had it
                raise
        try:
            return gathered(message, self.instruments)
        except KeyError as error:
            raise ConnectionEnded(f"{self.url} does not say what {error} is", NO_TICKER) from None


async def _within(seconds: float | None, work: Any) -> None:
    """Do some work, and give it up after some seconds. Raises what it raises, time-outs of its own among that."""
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            await work
    except TimeoutError:
        if not limit.expired():
            raise
