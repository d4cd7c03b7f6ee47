"""A subscription that outlives its connections: ask, listen, acknowledge, reconnect and ask again."""

import asyncio
import random
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from itertools import count
from types import TracebackType
from typing import Any, Self, TypeVar

import msgspec
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as dial
from websockets.exceptions import ConnectionClosed, InvalidStatus, InvalidURI, WebSocketException
from websockets.protocol import State
from websockets.typing import Subprotocol

from ticker import clock
from ticker.dialects import native
from ticker.errors import TickerError
from ticker.session.client import ClientSession
from ticker.session.messages import (
    AnyAnswer,
    AnyServerMessage,
    ClientMessage,
    Closing,
    Error,
    ListSubscriptions,
    Ping,
    Pong,
    Snapshot,
    Subscribe,
    Subscribed,
    Subscriptions,
    Tick,
    Ticks,
    Unsubscribe,
    Unsubscribed,
)
from ticker.ticks import TRADES

FIRST_DELAY_S, LONGEST_DELAY_S = 0.25, 10.0
MESSAGE_BYTES_MAX = 64 << 20  # a snapshot of ten thousand instruments is a few megabytes
WAITING_MESSAGES_MAX = 256  # a consumer further behind than this lets the socket fill, and the server knows what to do

Answered = TypeVar("Answered", bound=AnyAnswer)


class ConnectionEnded(TickerError):
    """There is no connection and there will be none; `code` is the close code, where there was one."""

    def __init__(self, message: str, code: int | None = None) -> None:
        super().__init__(message)
        self.code = code


class Refused(TickerError):
    """The server refused a command; `code` and `details` are those of the protocol's error message."""

    def __init__(self, error: Error) -> None:
        super().__init__(error.message)
        self.code = error.code
        self.details: dict[str, Any] = error.details or {}


class Feed:
    """What a server sends to one client, as an asynchronous iterator of ticks.

    Iterate over it for ticks, or over `batches()` for whole messages, in one place only. Commands may be given at any
    time, from any task of the loop. `session` counts what came and what is proved missing.
    """

    def __init__(self, url: str, *, ack_every: int = 50, reconnect: bool = True) -> None:
        self.url = url
        self.session = ClientSession(ack_every)
        self.connections = 0
        """How often a connection was made."""
        self._reconnect = reconnect
        self._ids = count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._waiting: deque[Ticks | Snapshot] = deque()
        self._changed = asyncio.Event()
        self._ended: ConnectionEnded | None = None
        self._ws: ClientConnection | None = None
        self._advice_s: float | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Connect. Raises ConnectionEnded where that fails."""
        self._ws = await self._dial()
        self._task = asyncio.create_task(self._run(self._ws))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Hang up; iterators end."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._ws is not None:
            await self._ws.close()
        self._end(ConnectionEnded("closed by this side", 1000))

    @property
    def live(self) -> bool:
        """Whether there is a connection now."""
        return self._ws is not None and self._ws.state is State.OPEN

    @property
    def waiting(self) -> int:
        """How many messages have come that nobody has read yet."""
        return len(self._waiting)

    # What one may say.

    async def subscribe(self, *symbols: str, channels: Iterable[str] = (TRADES,)) -> Subscribed:
        """Ask for symbols (`"*"` for all) on channels, and again after every reconnect. Raises Refused."""
        message = Subscribe(id=next(self._ids), symbols=list(symbols), channels=list(channels))
        return await self._ask(message, Subscribed)

    async def unsubscribe(self, *symbols: str, channels: Iterable[str] = (TRADES,)) -> Unsubscribed:
        """Take back a subscription, or part of one. Raises Refused."""
        message = Unsubscribe(id=next(self._ids), symbols=list(symbols), channels=list(channels))
        return await self._ask(message, Unsubscribed)

    async def subscriptions(self) -> dict[str, list[str]]:
        """Return what the server says is subscribed: channel to symbols."""
        return (await self._ask(ListSubscriptions(id=next(self._ids)), Subscriptions)).subscriptions

    async def ping(self) -> float:
        """Return the round-trip time of a question and its answer, in seconds."""
        asked_s = clock.monotonic_s()
        await self._ask(Ping(id=next(self._ids)), Pong)
        return clock.monotonic_s() - asked_s

    async def _ask(self, message: ClientMessage, kind: type[Answered]) -> Answered:
        """Send a command and return its answer, of the kind that answers it."""
        if self._ended is not None or self._ws is None:
            raise self._ended or ConnectionEnded("not connected: use `async with`")
        answer: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        assert isinstance(message.id, int)
        self._answers[message.id] = answer
        self._changed.set()  # the listener must not wait for room while an answer is due
        try:
            await self._ws.send(native.command(message), text=True)
            found = await answer
            assert isinstance(found, kind)
            return found
        except ConnectionClosed as error:
            raise ConnectionEnded(f"the connection ended before the answer came: {error}") from None
        finally:
            self._answers.pop(message.id, None)

    # What one hears.

    async def __aiter__(self) -> AsyncIterator[Tick]:
        async for batch in self.batches():
            for tick in batch.data:
                yield tick

    async def batches(self) -> AsyncGenerator[Ticks | Snapshot]:
        """Yield messages of ticks, snapshots among them. Raises ConnectionEnded when the server ends it for good."""
        while True:
            while self._waiting:
                batch = self._waiting.popleft()
                self._changed.set()
                yield batch
            if self._ended is not None:
                if self._ended.code == 1000:
                    return
                raise self._ended
            self._changed.clear()
            await self._changed.wait()

    async def _dial(self) -> ClientConnection:
        try:
            return await dial(
                self.url,
                subprotocols=[Subprotocol(native.SUBPROTOCOL)],
                compression=None,
                max_size=MESSAGE_BYTES_MAX,
                proxy=None,
            )
        except InvalidURI:
            raise ConnectionEnded(f"{self.url} is not a WebSocket address: write ws://host:port/v1/stream") from None
        except InvalidStatus as error:
            raise ConnectionEnded(f"{self.url} answered HTTP {error.response.status_code}, not a WebSocket") from None
        except (OSError, TimeoutError, WebSocketException) as error:
            raise ConnectionEnded(f"cannot connect to {self.url}: {_reason(error)}") from None

    async def _run(self, ws: ClientConnection) -> None:
        """Listen to one connection after the other until there is to be no other."""
        attempt = 0
        while True:
            try:
                attempt = 0 if await self._listen(ws) else attempt
                ended = _farewell(ws)
            except msgspec.DecodeError as error:
                await ws.close()
                ended = ConnectionEnded(f"{self.url} does not speak {native.SUBPROTOCOL}: {error}", 4500)
            self._fail_answers(ended)
            if not self._reconnect or ended.code == 1000 or 4500 <= (ended.code or 0) <= 4999:
                return self._end(ended)
            while True:
                await asyncio.sleep(self._delay_s(attempt))
                attempt += 1
                try:
                    self._ws = ws = await self._dial()
                    break
                except ConnectionEnded:
                    continue

    async def _listen(self, ws: ClientConnection) -> bool:
        """Take in all that one connection brings; return whether it brought anything."""
        self.connections += 1
        heard = False
        try:
            for wish in self.session.wishes():
                await ws.send(native.command(wish), text=True)
            async for data in ws:
                heard = True
                message = native.read(data)
                if ack := self.session.receive(message):
                    await ws.send(native.command(ack), text=True)
                await self._dispatch(message)
        except ConnectionClosed:
            pass
        return heard

    async def _dispatch(self, message: AnyServerMessage) -> None:
        match message:
            case Ticks() | Snapshot():
                self._waiting.append(message)
                self._changed.set()
                while len(self._waiting) >= WAITING_MESSAGES_MAX and not self._answers:
                    self._changed.clear()
                    await self._changed.wait()
            case Error():
                self._answer(message.id, Refused(message))
            case Subscribed() | Unsubscribed() | Subscriptions() | Pong():
                self._answer(message.id, message)
            case Closing():
                self._advice_s = message.reconnect_after_s

    def _answer(self, message_id: object, result: object) -> None:
        answer = self._answers.get(message_id) if isinstance(message_id, int) else None
        if answer is None or answer.done():
            return
        if isinstance(result, Exception):
            answer.set_exception(result)
        else:
            answer.set_result(result)

    def _fail_answers(self, ended: ConnectionEnded) -> None:
        for message_id in tuple(self._answers):
            self._answer(message_id, ended)

    def _end(self, ended: ConnectionEnded) -> None:
        self._ended = self._ended or ended
        self._fail_answers(ended)
        self._changed.set()

    def _delay_s(self, attempt: int) -> float:
        """Return how long to wait: the server's advice first, then longer each time, never the same for all."""
        advice_s, self._advice_s = self._advice_s, None
        longest_s = min(LONGEST_DELAY_S, FIRST_DELAY_S * 2**attempt)
        return float((advice_s or 0.0) + longest_s * random.uniform(0.5, 1.0))


def connect(url: str, *, ack_every: int = 50, reconnect: bool = True) -> Feed:
    """Return a feed to enter: `async with connect("ws://127.0.0.1:8765/v1/stream") as feed`.

    Every `ack_every` messages are acknowledged with one cumulative ack; a lost connection is made again, unless
    `reconnect` is false or the server's close code says not to.
    """
    return Feed(url, ack_every=ack_every, reconnect=reconnect)


def _farewell(ws: ClientConnection) -> ConnectionEnded:
    code, reason = ws.close_code, ws.close_reason
    return ConnectionEnded(f"the server ended the connection: {code} {reason}".rstrip(), code)


def _reason(error: BaseException) -> str:
    if isinstance(error, ConnectionRefusedError) or "Connect call failed" in str(error):
        return "connection refused: is the server running?"
    return str(error) or type(error).__name__
