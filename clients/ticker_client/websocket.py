"""The WebSocket line: one connection, both directions, answers told apart by their ids."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from typing import Any, TypeVar, cast

import msgspec
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as dial
from websockets.exceptions import ConnectionClosed, InvalidStatus, InvalidURI, WebSocketException
from websockets.protocol import State
from websockets.typing import Subprotocol

from ticker.dialects import native
from ticker.session.client import RESTORE
from ticker.session.messages import (
    Answer,
    AnyAnswer,
    AnyServerMessage,
    ClientMessage,
    Error,
    ListSubscriptions,
    Ping,
    Pong,
    Subscribe,
    Subscribed,
    Subscriptions,
    Unsubscribe,
    Unsubscribed,
    Welcome,
)
from ticker_client.errors import ConnectionEnded, Refused, retry_after_s, why
from ticker_client.line import Desk, Traffic

MESSAGE_BYTES_MAX = 64 << 20  # a snapshot of ten thousand instruments is a few megabytes
SETTLE_S = CLOSE_S = 2.0  # for a server that has stopped answering

Answered = TypeVar("Answered", bound=AnyAnswer)


class WebSocketLine:
    """A conversation with `/v1/stream`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._ws: ClientConnection | None = None
        self._ids = count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._restored = asyncio.Event()
        self._resuming = False

    @property
    def live(self) -> bool:
        return self._ws is not None and self._ws.state is State.OPEN

    async def open(self) -> None:
        self._restored.clear()
        self._resuming = False
        self._ws = await self._dial()

    async def listen(self) -> ConnectionEnded:
        assert self._ws is not None
        ws = self._ws
        try:
            async for data in ws:
                message = native.read(data)
                if ack := self._desk.inbox.take(message):
                    await ws.send(native.command(ack), text=True)
                await self._hear(message)
        except ConnectionClosed:
            pass
        except msgspec.DecodeError:
            await ws.close()
            raise
        finally:
            if not self.live:
                self._fail_answers(_farewell(ws))
        return _farewell(ws)

    async def subscribe(self, symbols: Sequence[str], channels: Sequence[str]) -> Subscribed:
        message = Subscribe(id=next(self._ids), symbols=list(symbols), channels=list(channels))
        before = Unsubscribed(seq=self._desk.session.reached, subscriptions=self._desk.session.subscriptions)
        try:
            try:
                answer = await self._ask(message, Subscribed)
            except Refused:  # what exists is subscribed all the same
                await self.ping()
                raise
            await self.ping()  # snapshots follow their answer, and this follows them
            return answer
        except ConnectionEnded:
            self._desk.inbox.take(before)  # what was obeyed in part, maybe without its snapshot, is not to be restored
            raise

    async def unsubscribe(self, symbols: Sequence[str], channels: Sequence[str]) -> Unsubscribed:
        message = Unsubscribe(id=next(self._ids), symbols=list(symbols), channels=list(channels))
        return await self._ask(message, Unsubscribed)

    async def subscriptions(self) -> dict[str, list[str]]:
        return (await self._ask(ListSubscriptions(id=next(self._ids)), Subscriptions)).subscriptions

    async def ping(self) -> None:
        await self._ask(Ping(id=next(self._ids)), Pong)

    async def settle(self) -> None:
        with suppress(ConnectionEnded, TimeoutError):
            async with asyncio.timeout(SETTLE_S):
                await self.ping()  # commands are obeyed in their order

    async def close(self) -> None:
        if self._ws is None:
            return
        ws = self._ws
        closing = asyncio.ensure_future(ws.close())
        try:
            with suppress(ConnectionClosed):
                async for _ in ws:  # what nobody reads any more would be in the way of the goodbye
                    pass
            await closing
        finally:
            closing.cancel()
            ws.transport.abort()  # where we were told not to wait for it
            self._fail_answers(ConnectionEnded("closed by this side", 1000))

    async def _ask(self, message: ClientMessage, kind: type[Answered]) -> Answered:
        """Send a command and return its answer, of the kind that answers it."""
        if not self.live or self._ws is None:
            raise ConnectionEnded("there is no connection now")
        answer: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        assert isinstance(message.id, int)
        self._answers[message.id] = answer
        self._desk.inbox.wake()  # the listener must not wait for room while an answer is due
        try:
            await self._restored.wait()  # or what is said now would be taken for all there is
            if not answer.done():
                await self._ws.send(native.command(message), text=True)
            found = await answer
            assert isinstance(found, kind)
            return found
        except ConnectionClosed as error:
            raise ConnectionEnded(f"the connection ended before the answer came: {error}") from None
        finally:
            self._answers.pop(message.id, None)

    async def _hear(self, message: AnyServerMessage) -> None:
        match message:
            case Welcome():
                await self._restore(message)
            case Error(id=mark) | Subscribed(id=mark) if mark == RESTORE:
                await self._note_restored(message)
            case Answer():
                self._answer(message.id, Refused(message) if isinstance(message, Error) else message)
        await self._desk.inbox.room(urgent=lambda: bool(self._answers))

    # On a new connection, what was subscribed on the last one is asked for before anything else.

    async def _restore(self, welcome: Welcome) -> None:
        wish = self._desk.session.resumption()
        said = native.command(wish) if wish else b""
        if not said or len(said) > welcome.limits.get("message_bytes", MESSAGE_BYTES_MAX):
            await self._begin_afresh()
        else:
            self._resuming = True
            await self._send(said)

    async def _note_restored(self, message: Error | Subscribed) -> None:
        refused = isinstance(message, Error)
        if refused and self._resuming:  # the position is gone, or on another tape
            self._resuming = False
            await self._begin_afresh()
        else:
            self._restored.set()

    async def _begin_afresh(self) -> None:
        """Ask for everything with snapshots: what was missed until then shows in their `n`."""
        wishes = self._desk.session.wishes()
        for wish in wishes:
            await self._send(native.command(wish))
        if not wishes:
            self._restored.set()

    async def _send(self, said: bytes) -> None:
        assert self._ws is not None
        await self._ws.send(said, text=True)

    def _answer(self, message_id: object, result: object) -> None:
        answer = self._answers.get(message_id) if isinstance(message_id, int) else None
        if answer is None or answer.done():
            return
        if isinstance(result, Exception):
            answer.set_exception(result)
        else:
            answer.set_result(result)

    def _fail_answers(self, ended: ConnectionEnded) -> None:
        self._restored.set()
        for message_id in tuple(self._answers):
            self._answer(message_id, ended)

    async def _dial(self) -> ClientConnection:
        url = self._desk.address.stream
        try:
            return await dial(
                url,
                subprotocols=[Subprotocol(native.SUBPROTOCOL)],
                compression=None,
                max_size=MESSAGE_BYTES_MAX,
                close_timeout=CLOSE_S,
                proxy=None,
                create_connection=_metered(self._desk.traffic),
                ssl=self._desk.address.tls,
            )
        except InvalidURI:
            raise ConnectionEnded(f"{url} is not a WebSocket address: write ws://host:port/v1/stream") from None
        except InvalidStatus as error:
            status, headers = error.response.status_code, error.response.headers
            after_s = retry_after_s(headers.get("Retry-After", ""))
            raise ConnectionEnded(f"{url} answered HTTP {status}, not a WebSocket", after_s=after_s) from None
        except (OSError, TimeoutError, WebSocketException) as error:
            raise ConnectionEnded(f"cannot connect to {url}: {why(error)}") from None


class _Meter:
    """A transport that counts what is written to it."""

    def __init__(self, transport: asyncio.Transport, traffic: Traffic) -> None:
        self._transport = transport
        self._traffic = traffic

    def write(self, data: bytes) -> None:
        self._traffic.bytes_sent += len(data)
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def _metered(traffic: Traffic) -> type[ClientConnection]:
    """Return a kind of connection that counts its traffic."""

    class Metered(ClientConnection):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            traffic.connections += 1
            traffic.requests += 1
            super().connection_made(cast(asyncio.Transport, _Meter(cast(asyncio.Transport, transport), traffic)))

        def data_received(self, data: bytes) -> None:
            traffic.receive(data)
            super().data_received(data)

    return Metered


def _farewell(ws: ClientConnection) -> ConnectionEnded:
    code, reason = ws.close_code, ws.close_reason
    return ConnectionEnded(f"the server ended the connection: {code} {reason}".rstrip(), code)
