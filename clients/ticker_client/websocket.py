"""The WebSocket line: one connection, both directions, answers told apart by their ids."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from itertools import count
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from ticker.dialects import native
from ticker.dialects import packed as packed_dialect
from ticker.session.client import RESTORE, Paced
from ticker.session.messages import (
    Ack,
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
    Ticks,
    Unsubscribe,
    Unsubscribed,
    Welcome,
)
from ticker_client.arrays import Arrays, unpacked
from ticker_client.dialling import MESSAGE_BYTES_MAX, dialled
from ticker_client.errors import ConnectionEnded, Refused
from ticker_client.line import Desk

SETTLE_S = 2.0  # for a server that has stopped answering
TOO_FAST, TRIES, PAUSE_S = "rate_limited", 5, 1.0  # a command is refused for that, and how often it is sent then
SUBPROTOCOLS = {"json": [native.SUBPROTOCOL], "packed": [packed_dialect.SUBPROTOCOL, native.SUBPROTOCOL]}
"""What is offered, by encoding: a server that does not pack says the same as JSON."""

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
        self._welcomed = False
        self._ack: Ack | None = None
        self._acking: asyncio.Task[None] | None = None

    @property
    def live(self) -> bool:
        return self._ws is not None and self._ws.state is State.OPEN

    async def open(self) -> None:
        self._restored.clear()
        self._resuming = False
        self._welcomed = False
        self._ack = None
        self._ws = await dialled(self._desk.address, SUBPROTOCOLS[self._desk.encoding], self._desk.traffic)

    async def listen(self) -> ConnectionEnded:
        assert self._ws is not None
        ws = self._ws
        decode = None if self._desk.encoding == "packed" else False
        inbox = self._desk.inbox
        try:
            while True:
                message = self._read(await ws.recv(decode=decode))
                inbox.take(message)
                if not isinstance(message, Ticks | Arrays):
                    await self._hear(message)
                if inbox.full:
                    await inbox.room(urgent=lambda: bool(self._answers))
        except ConnectionClosed:
            pass
        except msgspec.DecodeError:
            await ws.close()
            raise
        finally:
            if not self.live:
                self._fail_answers(_farewell(ws))
        return _farewell(ws)

    def _read(self, data: str | bytes) -> AnyServerMessage | Arrays:
        """Read a message. Raises msgspec.DecodeError."""
        if isinstance(data, str) or self._desk.encoding == "json":
            return native.read(data)
        try:
            return unpacked(data, self._desk.inbox.instruments)
        except ValueError as error:
            raise msgspec.DecodeError(str(error)) from None

    def acknowledge(self, ack: Ack) -> None:
        if not self._welcomed:
            return  # it is about an earlier connection
        self._ack = ack
        if self._acking is None or self._acking.done():
            self._acking = asyncio.create_task(self._send_acks())

    async def _send_acks(self) -> None:
        """Send the newest ack, as long as there is one: it says what earlier ones would."""
        while (ack := self._ack) is not None and self.live:
            self._ack = None
            with suppress(ConnectionClosed):
                await self._send(native.command(ack))

    async def subscribe(self, symbols: Sequence[str], channels: Sequence[str], paced: Paced | None) -> Subscribed:
        session = self._desk.session
        pace, rate_hz = paced or (UNSET, None)
        message = Subscribe(
            id=next(self._ids),
            symbols=list(symbols),
            channels=list(channels),
            pace=pace,  # type: ignore[arg-type]  # one of two words: `options` has looked
            rate_hz=UNSET if rate_hz is None else rate_hz,
        )
        before = Unsubscribed(seq=session.reached, subscriptions=session.subscriptions), session.paced
        try:
            try:
                answer = await self._ask(message, Subscribed)
            except Refused:  # what exists is subscribed all the same
                await self.ping()
                raise
            await self.ping()  # snapshots follow their answer, and this follows them
            return answer
        except ConnectionEnded:
            session.note(before[0])  # what was obeyed in part, maybe without its snapshot, is not to be restored
            session.set_pace(before[1])
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
        await self._say_farewell()
        closing = asyncio.ensure_future(ws.close())
        try:
            with suppress(ConnectionClosed):
                async for _ in ws:  # what nobody reads any more would be in the way of the goodbye
                    pass
            await closing
        finally:
            closing.cancel()
            ws.transport.abort()  # where we were told not to wait for it
            if ws.keepalive_task is not None:
                ws.keepalive_task.cancel()  # the library forgets it where the end came together with the handshake
            self._fail_answers(ConnectionEnded("closed by this side", 1000))

    async def _say_farewell(self) -> None:
        """Let an ack that is due go out."""
        if self._acking is not None:
            await asyncio.wait([self._acking], timeout=SETTLE_S)
            self._acking.cancel()

    async def _ask(self, message: ClientMessage, kind: type[Answered]) -> Answered:
        """Send a command and return its answer; where that comes too fast for the server, again a little later."""
        for _ in range(TRIES - 1):
            try:
                return await self._ask_once(message, kind)
            except Refused as refused:
                if refused.code != TOO_FAST:
                    raise
                await asyncio.sleep(refused.details.get("retry_after_s", PAUSE_S))
        return await self._ask_once(message, kind)

    async def _ask_once(self, message: ClientMessage, kind: type[Answered]) -> Answered:
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
            if not isinstance(found, kind):
                raise ConnectionEnded(f"the server answered {message.__struct_config__.tag} with something else")
            return found
        except ConnectionClosed as error:
            raise ConnectionEnded(f"the connection ended before the answer came: {error}") from None
        finally:
            self._answers.pop(message.id, None)
            if answer.done() and not answer.cancelled():
                answer.exception()  # it may have come while we were failing otherwise: asyncio wants it to be seen

    async def _hear(self, message: AnyServerMessage) -> None:
        match message:
            case Welcome():
                self._welcomed = True
                await self._restore(message)
            case Error(id=mark) | Subscribed(id=mark) if mark == RESTORE:
                await self._note_restored(message)
            case Answer():
                self._answer(message.id, Refused(message) if isinstance(message, Error) else message)

    # On a new connection, what was subscribed on the last one is asked for before anything else, in the old window.

    async def _restore(self, welcome: Welcome) -> None:
        if opening := self._desk.session.opening():
            await self._send(native.command(opening))
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


def _farewell(ws: ClientConnection) -> ConnectionEnded:
    code, reason = ws.close_code, ws.close_reason
    return ConnectionEnded(f"the server ended the connection: {code} {reason}".rstrip(), code)
