"""One WebSocket: websockets' Sans-I/O protocol inside, the transport handed over by the door outside.

Here are frames, fragments, limits and the closing handshake; what is said is a subclass's.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TypeVar, cast

from websockets.datastructures import Headers
from websockets.exceptions import NegotiationError
from websockets.frames import Frame, Opcode
from websockets.http11 import Request as Handshake
from websockets.http11 import Response as Switch
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from ticker import clock
from ticker.endpoints.house import House
from ticker.endpoints.http import Request, Response, problem
from ticker.errors import Close, Refusal

_DATA = (Opcode.TEXT, Opcode.BINARY, Opcode.CONT)

_quiet = logging.getLogger("ticker.websockets")
_quiet.setLevel(logging.ERROR)

Taker = TypeVar("Taker", bound="WebSocket")


def shake_hands(
    house: House, request: Request, subprotocols: Sequence[str], take: Callable[[ServerProtocol, Switch], Taker]
) -> "Response | Taker":
    """Answer a handshake: what `take` makes to hand the transport to, or the response that refuses it."""
    if house.draining:
        return problem(Refusal("unavailable", "the server is going away"), {"Retry-After": "1"})
    protocol = ServerProtocol(
        subprotocols=[Subprotocol(name) for name in subprotocols] or None,
        select_subprotocol=_choose if subprotocols else None,
        state=State.OPEN,  # the door has read the head: what the parser sees first is a frame
        max_size=house.config.stream.message_bytes_max,
        logger=_quiet,
    )
    handshake = Handshake(request.target, Headers(request.headers), request.method, f"HTTP/{request.version}")
    response = protocol.accept(handshake)
    if response.status_code == 101:
        return take(protocol, response)
    code = {426: "upgrade_required", 405: "method_not_allowed"}.get(response.status_code, "bad_request")
    sentence = (response.body or b"").decode().split("\n")[0]
    return problem(Refusal(code, sentence), {"Upgrade": "websocket"} if code == "upgrade_required" else {})


def _choose(protocol: ServerProtocol, offered: Sequence[Subprotocol]) -> Subprotocol | None:
    """Take a subprotocol of ours; a client that names none gets the default."""
    known = protocol.available_subprotocols or []
    if offered and not set(offered) & set(known):
        raise NegotiationError(f"no such subprotocol; known: {', '.join(known)}")
    return next((ours for ours in known if ours in offered), None)


class WebSocket(asyncio.Protocol):
    """One connection: everything comes in by `data_received`, everything goes out by `_write`."""

    __slots__ = ("_deadline_s", "_ended", "_fragments", "_head", "_house", "_said", "_transport", "_ws")

    def __init__(self, house: House, ws: ServerProtocol, switch: Switch) -> None:
        self._house = house
        self._ws = ws
        self._head = bytes(switch.serialize())
        self._fragments: list[bytes] | None = None
        self._said = 0
        self._deadline_s: float | None = None
        self._ended = ""

    # What a subclass does.

    def _opened(self) -> None:
        """Begin: the 101 has been written."""

    def _heard(self, data: bytes) -> None:
        """Take in a whole message."""

    def _leave(self) -> None:
        """Write no more of your own accord: the conversation is ending. May be called more than once."""

    def _look(self, now_s: float) -> None:
        """Look at deadlines of your own; called while the connection is open."""

    # The way in.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._house.connections[self] = None
        self._transport.write(self._head)
        self._head = b""
        self._opened()

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
        self._leave()
        self._house.connections.pop(self, None)
        close = self._ws.close_sent or self._ws.close_rcvd
        reason = f"{close.code if close else 1006} {self._ended}".rstrip()
        self._house.metrics.closes[reason] += 1
        self._house.log.debug("conversation ended", reason=reason)

    def _receive_fragment(self, data: bytes, fin: bool) -> None:
        if self._ws.state is not State.OPEN:
            return  # we have said goodbye: what still comes is not heard
        if fin and self._fragments is None:
            self._heard(data)
            return
        self._fragments = [*(self._fragments or ()), data]
        if fin:
            whole, self._fragments = b"".join(self._fragments), None
            self._heard(whole)
        elif len(self._fragments) >= self._house.config.stream.fragments_max:
            self.close(Close.TOO_BIG, "too many fragments")

    # The way out.

    @property
    def compressed(self) -> bool:
        return False

    def _say(self, message: bytes, binary: bool = False) -> None:
        """Send a text message of our own, ahead of any backlog of ticks."""
        if self._ws.state is State.OPEN and not self._transport.is_closing():
            if binary:
                self._ws.send_binary(message)
            else:
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
        self._leave()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._set_deadline()

    def _set_deadline(self) -> None:
        if self._deadline_s is None:
            self._deadline_s = clock.monotonic_s() + self._house.config.stream.close_s

    # Ends.

    def close(self, code: Close, reason: str) -> None:
        """Start the closing handshake, and give the client `close_s` to finish it."""
        if self._ws.state is not State.OPEN:
            return
        self._leave()
        self._ended = reason
        self._ws.send_close(code, reason)
        self._write()
        self._set_deadline()

    def drain(self) -> None:
        self.close(Close.GOING_AWAY, "the server is going away")

    def abort(self, reason: str) -> None:
        self._ended = reason
        self._leave()
        self._transport.abort()

    def sweep(self, now_s: float) -> None:
        if self._deadline_s is None:
            self._look(now_s)
        elif now_s > self._deadline_s:
            self.abort("no closing handshake")
