"""One subscriber: websockets' Sans-I/O protocol and a ClientSession inside, an asyncio transport outside."""

import asyncio
import logging
import socket
from collections import Counter
from dataclasses import dataclass, field
from typing import cast

import msgspec
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.frames import Close, Frame, Opcode
from websockets.protocol import State
from websockets.typing import BytesLike, Subprotocol
from websockets.uri import WebSocketURI

from ticker import clock
from ticker.dialects import native
from ticker.errors import Close as Code
from ticker.errors import SetupError
from ticker.session.client import ClientSession, Gap
from ticker.session.messages import (
    AnyServerMessage,
    ClientMessage,
    Error,
    Ping,
    Pong,
    Subscribe,
    Subscribed,
    Ticks,
    Welcome,
)
from ticker_load.inbox import Inbox
from ticker_load.latency import Latencies

ACK_EVERY = 50  # messages; acks are cumulative, so a few say as much as many
MESSAGE_BYTES_MAX = 64 << 20  # a snapshot of ten thousand instruments is a few megabytes
SUBSCRIBE_ID = 1
ABNORMAL = 1006  # RFC 6455, section 7.1.5: what ended without a close frame
RECEIVE_BYTES = 1 << 16
"""Of kernel buffer: where we are too slow it is the server that has to wait, and no turn of the loop is endless."""

_quiet = logging.getLogger("ticker_load.websockets")
_quiet.setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Wish:
    """What every subscriber asks for, and where."""

    url: str
    uri: WebSocketURI
    symbols: list[str]
    channels: list[str]


@dataclass(slots=True)
class Tally:
    """What all subscribers saw, beyond what each one's session counts."""

    latencies: Latencies = field(default_factory=Latencies)
    first_ticks_us: list[int] = field(default_factory=list)
    pings_us: list[int] = field(default_factory=list)
    pings_sent: int = 0
    bytes: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    first_gap: Gap | None = None
    tape: tuple[str, float] | None = None


class Subscriber(asyncio.Protocol):
    """A connection: all that comes in does so by `data_received`, all that goes out by `_write`."""

    __slots__ = (
        "_asked_us",
        "_fragments",
        "_inbox",
        "_tally",
        "_transport",
        "_wish",
        "_ws",
        "joined",
        "left",
        "session",
        "ticked",
    )

    def __init__(self, wish: Wish, tally: Tally, inbox: Inbox) -> None:
        loop = asyncio.get_running_loop()
        self.session = ClientSession(ACK_EVERY)
        self.joined: asyncio.Future[None] = loop.create_future()
        """Done when we are subscribed; a SetupError where that will never be."""
        self.left: asyncio.Future[int] = loop.create_future()
        """Done when the connection has ended, with its close code."""
        self._wish = wish
        self._tally = tally
        self._inbox = inbox
        self._ws = ClientProtocol(
            wish.uri, subprotocols=[Subprotocol(native.SUBPROTOCOL)], max_size=MESSAGE_BYTES_MAX, logger=_quiet
        )
        self._fragments: list[BytesLike] = []
        self._asked_us = 0
        self.ticked = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        self._ws.send_request(self._ws.connect())
        self._write()

    def data_received(self, data: bytes) -> None:
        self._inbox.put(self._look_at, data, clock.wall_us())

    def eof_received(self) -> None:
        self._inbox.empty()
        self._ws.receive_eof()
        self._check_handshake()

    def connection_lost(self, _: Exception | None) -> None:
        self._inbox.empty()
        close = self._ws.close_rcvd
        self._fail(f"{self._wish.url} hung up: {_spelled(close)}")
        if isinstance(self._ws.parser_exc, WebSocketException):
            self._tally.errors["bad frame"] += 1
        self.left.set_result(close.code if close else ABNORMAL)

    # The way in.

    def _look_at(self, data: bytes, received_us: int) -> None:
        self._tally.bytes += len(data)
        self._ws.receive_data(data)
        for event in self._ws.events_received():
            if isinstance(event, Frame):
                self._take_frame(event, received_us)
        self._write()
        self._check_handshake()

    def _take_frame(self, frame: Frame, received_us: int) -> None:
        if frame.opcode is Opcode.TEXT and frame.fin:
            self._take(frame.data, received_us)
        elif frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            self._fragments.append(frame.data)
            if frame.fin:
                whole, self._fragments = b"".join(self._fragments), []
                self._take(whole, received_us)

    def _take(self, data: BytesLike, received_us: int) -> None:
        try:
            message = native.read(cast(bytes, data))
        except msgspec.DecodeError as error:
            return self._give_up(error)
        ack = self.session.receive(message)
        if isinstance(message, Ticks):
            self._take_ticks(message, received_us)
        else:
            self._take_other(message, received_us)
        if ack is not None:
            self._say(ack)
        return None

    def _take_ticks(self, message: Ticks, received_us: int) -> None:
        self._tally.latencies.take(message, received_us)
        if not self.ticked:
            self.ticked = True
            self._tally.first_ticks_us.append(received_us - self._asked_us)
        if self.session.gaps:
            self._tally.first_gap = self._tally.first_gap or self.session.gaps[0]
            self.session.gaps.clear()

    def _take_other(self, message: AnyServerMessage, received_us: int) -> None:
        match message:
            case Welcome():
                self._subscribe(message)
            case Subscribed() if not self.joined.done():
                self.joined.set_result(None)
            case Error() if not self.joined.done():
                self._fail(f"{self._wish.url} refused: {message.message}")
            case Error():
                self._tally.errors[message.code] += 1
            case Pong(ts=int(sent_us)):
                self._tally.pings_us.append(received_us - sent_us)

    def _subscribe(self, welcome: Welcome) -> None:
        tape = (welcome.epoch, welcome.step_ms)
        if self._tally.tape is None:
            self._tally.tape = tape
            self._tally.latencies.step_us = round(welcome.step_ms * 1000)
        elif self._tally.tape != tape:
            self._tally.errors["another tape"] += 1
        self._asked_us = clock.wall_us()
        self._say(Subscribe(id=SUBSCRIBE_ID, symbols=list(self._wish.symbols), channels=list(self._wish.channels)))

    # The way out.

    def ping(self) -> None:
        """Ask for a sign of life, as a message of the protocol: it shares its way with ticks and acks."""
        if self._ws.state is State.OPEN:
            self._tally.pings_sent += 1
            self._say(Ping(ts=clock.wall_us()))

    def close(self) -> None:
        """Hang up politely; `left` tells when the server has answered."""
        if self._ws.state is State.OPEN:
            self._ws.send_close(Code.NORMAL)
            self._write()

    def abort(self) -> None:
        """Hang up at once."""
        self._transport.abort()

    def _say(self, message: ClientMessage) -> None:
        if self._ws.state is State.OPEN:
            self._ws.send_text(native.command(message))
            self._write()

    def _write(self) -> None:
        for data in self._ws.data_to_send():
            if data and not self._transport.is_closing():
                self._transport.write(data)

    # What may go wrong.

    def _give_up(self, error: msgspec.DecodeError) -> None:
        """End a conversation that we do not understand."""
        self._fail(f"{self._wish.url} does not speak {native.SUBPROTOCOL}: {error}")
        self._tally.errors["not understood"] += 1
        self._ws.fail(Code.INVALID_DATA)

    def _fail(self, sentence: str) -> None:
        """Whoever waits for us to join waits in vain."""
        if not self.joined.done():
            self.joined.set_exception(SetupError(sentence))
            self.joined.exception()  # or asyncio complains where nobody waits any longer

    def _check_handshake(self) -> None:
        error = self._ws.handshake_exc
        if error is None or self.joined.done():
            return
        if isinstance(error, InvalidStatus):
            self._fail(f"{self._wish.url} answered HTTP {error.response.status_code}, not a WebSocket")
        else:
            self._fail(f"{self._wish.url} does not answer as a WebSocket: {error}")


def _spelled(close: Close | None) -> str:
    return f"{close.code} {close.reason}".rstrip() if close else "the connection broke"
