"""A WebSocket conversation: websockets' Sans-I/O protocol inside, the transport handed over by the door outside."""

import asyncio
import logging
from collections.abc import Sequence
from typing import cast

from websockets.datastructures import Headers
from websockets.exceptions import NegotiationError
from websockets.frames import Frame, Opcode
from websockets.http11 import Request as Handshake
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from ticker import clock
from ticker.dialects import native
from ticker.endpoints.house import House
from ticker.endpoints.http import Request, Response, problem
from ticker.endpoints.outlet import Outlet
from ticker.errors import Close, Refusal, Violation
from ticker.session.messages import AnyClientMessage, Closing, Heartbeat, Lag, SnapshotHead
from ticker.session.server import Outcome, ServerSession
from ticker.wire.frames import text_frame

_DATA = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)
RECONNECT_S = {Close.GOING_AWAY: 1.0, Close.SLOW_READER: 0.5, Close.TRY_LATER: 5.0}

_quiet = logging.getLogger("ticker.websockets")
_quiet.setLevel(logging.ERROR)


def accept(house: House, request: Request) -> "Response | Conversation":
    """Answer a handshake: a conversation to hand the transport to, or the response that refuses it."""
    if house.draining:
        return problem(Refusal("unavailable", "the server is going away"), {"Retry-After": "1"})
    protocol = ServerProtocol(
        subprotocols=[Subprotocol(native.SUBPROTOCOL)],
        select_subprotocol=_choose,
        state=State.OPEN,  # the door has read the head: what the parser sees first is a frame
        max_size=house.config.stream.message_bytes_max,
        logger=_quiet,
    )
    handshake = Handshake(request.target, Headers(request.headers), request.method, f"HTTP/{request.version}")
    response = protocol.accept(handshake)
    if response.status_code == 101:
        return Conversation(house, protocol, bytes(response.serialize()))
    code = {426: "upgrade_required", 405: "method_not_allowed"}.get(response.status_code, "bad_request")
    sentence = (response.body or b"").decode().split("\n")[0]
    return problem(Refusal(code, sentence), {"Upgrade": "websocket"} if code == "upgrade_required" else {})


def _frame(message: bytes, _: int) -> bytes:
    return text_frame(message)


def _choose(protocol: ServerProtocol, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """Take a subprotocol of ours; a client that names none gets the default."""
    known = protocol.available_subprotocols or []
    if offered and not set(offered) & set(known):
        raise NegotiationError(f"no such subprotocol; known: {', '.join(known)}")
    return next((ours for ours in known if ours in offered), None)


class Conversation(asyncio.Protocol):
    """One client: every command comes in by `data_received`, every answer goes out by `_write`."""

    __slots__ = (
        "_deadline_s",
        "_ended",
        "_fragments",
        "_head",
        "_house",
        "_outlet",
        "_said",
        "_session",
        "_transport",
        "_ws",
    )

    def __init__(self, house: House, ws: ServerProtocol, head: bytes) -> None:
        self._house = house
        self._ws = ws
        self._head = head
        self._session = ServerSession(house.terms, house.feed.tape.head)
        self._fragments: list[bytes] | None = None
        self._said = 0
        self._deadline_s: float | None = None
        self._ended = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=self._house.config.stream.buffer_bytes)
        self._outlet = Outlet(self._house, self, self._transport, _frame)
        self._house.connections[self] = None
        self._transport.write(self._head)
        self._head = b""
        self._say(native.reply(self._house.welcome()))

    # The way in.

    def data_received(self, data: bytes) -> None:
        self._ws.receive_data(data)
        for frame in cast(list[Frame], self._ws.events_received()):  # the handshake is over: no other events
            if self._transport.get_write_buffer_size() > self._house.config.stream.buffer_bytes_max:
                self.abort("answers not read")
                return
            if frame.opcode in _DATA:
                self._receive_fragment(cast(bytes, frame.data), frame.fin)
        self._write()

    def eof_received(self) -> None:
        self._ws.receive_eof()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # the transport's word for it
        self._outlet.close()
        self._house.connections.pop(self, None)
        sent, received = self._ws.close_sent, self._ws.close_rcvd
        close = sent or received
        reason = f"{close.code if close else 1006} {self._ended}".rstrip()
        self._house.metrics.closes[reason] += 1
        self._house.log.debug("conversation ended", reason=reason, messages=self._said + self._outlet.messages)

    def pause_writing(self) -> None:
        self._outlet.pause()

    def resume_writing(self) -> None:
        self._outlet.resume()

    def _receive_fragment(self, data: bytes, fin: bool) -> None:
        if self._ws.state is not State.OPEN:
            return  # we have said goodbye: what still comes is not heard
        if fin and self._fragments is None:
            self._receive(data)
            return
        self._fragments = [*(self._fragments or ()), data]
        if fin:
            whole, self._fragments = b"".join(self._fragments), None
            self._receive(whole)
        elif len(self._fragments) >= self._house.config.stream.fragments_max:
            self.close(Close.TOO_BIG, "too many fragments")

    def _receive(self, data: bytes) -> None:
        message: AnyClientMessage | None = None
        feed = self._house.feed
        try:
            message = native.parse(data)
            interest = self._session.interest
            outcome = self._session.receive(message, feed.tape.head, self._outlet.cursor, clock.wall_us())
        except Refusal as error:
            self._house.metrics.refusals[error.code] += 1
            self._say(native.refusal(error, message))
        except Violation as error:
            self.close(error.close, error.reason)
        else:
            self._answer(outcome)
            if self._session.interest != interest:
                self._outlet.change(self._session.interest)

    # The way out.

    def _answer(self, outcome: Outcome) -> None:
        for answer in outcome.answers:
            self._say(native.reply(answer))
        for head in outcome.snapshots:
            self._show(head)

    def _show(self, head: SnapshotHead) -> None:
        """Send the newest rows of a channel."""
        self._say(self._house.snapshot(head.channel, head.instruments))
        self._session.told(self._house.feed.tape.head)

    def fell_off(self, since: int, until: int, dropped: int) -> bool:
        self._say(native.reply(Lag(from_=since, to=until, dropped=dropped, conflated=0, reason="slow_reader")))
        if self._session.on_lag == "close":
            self.close(Close.SLOW_READER, "slow reader: the tape does not reach back that far")
            return False
        for head in self._session.snapshots():
            self._show(head)
        return True

    def _say(self, message: bytes) -> None:
        """Send a message of our own, ahead of any backlog of ticks."""
        if self._ws.state is State.OPEN and not self._transport.is_closing():
            self._ws.send_text(message)
            self._said += 1
            self._write()

    def _write(self) -> None:
        for data in self._ws.data_to_send():
            if self._transport.is_closing():
                return
            if data:
                self._transport.write(data)
            else:
                self._end()

    def _end(self) -> None:
        """Half-close: nothing more will be written, and the client has `close_s` to hang up."""
        self._outlet.close()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._set_deadline()

    def _set_deadline(self) -> None:
        if self._deadline_s is None:
            self._deadline_s = clock.monotonic_s() + self._house.config.stream.close_s

    # Ends.

    def close(self, code: Close, reason: str) -> None:
        """Say why, start the closing handshake, and give the client `close_s` to finish it."""
        if self._ws.state is not State.OPEN:
            return
        self._outlet.close()
        self._ended = reason
        self._say(native.reply(Closing(code=code, reason=reason, reconnect_after_s=RECONNECT_S.get(code))))
        self._ws.send_close(code, reason)
        self._write()
        self._set_deadline()

    def drain(self) -> None:
        self.close(Close.GOING_AWAY, "the server is going away")

    def abort(self, reason: str) -> None:
        self._ended = reason
        self._outlet.close()
        self._transport.abort()

    def sweep(self, now_s: float) -> None:
        if self._deadline_s is not None:
            if now_s > self._deadline_s:
                self.abort("no closing handshake")
            return
        if self._outlet.stalled(now_s):
            self.abort("stalled")
        elif self._outlet.idle(now_s, self._said):
            self._beat()

    def _beat(self) -> None:
        self._say(
            native.reply(
                Heartbeat(seq=self._outlet.cursor, ts=clock.wall_us(), sent=self._said + self._outlet.messages)
            )
        )
