"""A client's WebSocket: websockets shakes hands, and from then on frames are found by hand, for they are many."""

import asyncio
import logging
import socket
import struct
from typing import cast

import msgspec
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from ticker import clock
from ticker.dialects import native
from ticker.errors import Close as Code
from ticker.session.messages import (
    Ack,
    ClientMessage,
    Lag,
    Ping,
    Snapshot,
    Subscribe,
    Subscribed,
    Ticks,
    Welcome,
    Window,
)
from ticker_load.member import Member

SUBSCRIBE_ID = 1
ABNORMAL = 1006  # RFC 6455, section 7.1.5: what ended without a close frame
RECEIVE_BYTES = 1 << 16
"""Of kernel buffer: where we are too slow it is the server that has to wait, and no turn of the loop is endless."""
MESSAGE_BYTES_MAX = 64 << 20  # a snapshot of ten thousand instruments is a few megabytes
CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
FIN, MASK = 0x80, bytes(4)  # a mask of zeros is one, and costs nothing
SHORT, MEDIUM = 126, 127

_quiet = logging.getLogger("ticker_load.websockets")
_quiet.setLevel(logging.CRITICAL)


def frame(opcode: int, payload: bytes) -> bytes:
    """Return a client's frame."""
    size = len(payload)
    if size < SHORT:
        return bytes((FIN | opcode, FIN | size)) + MASK + payload
    return struct.pack("!BBH", FIN | opcode, FIN | SHORT, size) + MASK + payload


def split(data: bytes, place: int) -> tuple[int, int] | None:
    """Return where the payload of a server's frame begins and ends; None where some of it is still to come."""
    if len(data) < place + 2:
        return None
    size, start = data[place + 1], place + 2
    if size == SHORT:
        size, start = int.from_bytes(data[place + 2 : place + 4], "big"), place + 4
    elif size == MEDIUM:
        size, start = int.from_bytes(data[place + 2 : place + 10], "big"), place + 10
    return (start, start + size) if len(data) >= start + size else None


def greeting(member: Member) -> ClientProtocol:
    """Return what shakes hands for a client."""
    ws = ClientProtocol(
        parse_uri(member.terms.address.stream), subprotocols=[Subprotocol(native.SUBPROTOCOL)], logger=_quiet
    )
    request = ws.connect()
    if bearer := member.terms.address.bearer:
        request.headers["Authorization"] = bearer
    ws.send_request(request)
    return ws


class Subscriber(asyncio.Protocol):
    """One connection; `member` is whose."""

    __slots__ = ("_closing", "_code", "_dialled_us", "_fragments", "_hands", "_member", "_rest", "_transport")

    def __init__(self, member: Member) -> None:
        self._member = member
        self._hands: ClientProtocol | None = greeting(member)
        self._rest = b""
        self._fragments: list[bytes] = []
        self._code = ABNORMAL
        self._closing = False
        self._dialled_us = clock.wall_us()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        found = transport.get_extra_info("socket")
        found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        assert self._hands is not None
        self._transport.write(b"".join(self._hands.data_to_send()))

    def data_received(self, data: bytes) -> None:
        self._member.inbox.put(self._look_at, data, clock.wall_us())

    def eof_received(self) -> None:
        self._member.inbox.empty()
        if self._hands is not None:
            self._hands.receive_eof()
            self._check_hands()

    def connection_lost(self, _: Exception | None) -> None:
        member = self._member
        member.inbox.empty()
        member.fail(f"hung up: {self._code if self._code != ABNORMAL else 'the connection broke'}")
        member.ended(self._code)

    # The way in.

    def _look_at(self, data: bytes, received_us: int) -> None:
        if not self._rest and self._hands is None:
            step = self._member.place.next.get(data)
            if step is not None:  # the bytes that somebody else was sent in the same place
                if self._member.take(step, received_us):
                    self._owe(step.seq, received_us)
                return
        self._look_closer(data, received_us)

    def _look_closer(self, data: bytes, received_us: int) -> None:
        if self._hands is not None:
            data = self._shake(data)
            if self._hands is not None:
                return
        data = self._rest + data if self._rest else data
        place = 0
        while (found := split(data, place)) is not None and not self._transport.is_closing():
            start, end = found
            self._take_frame(data[place:end] if place or end < len(data) else data, start - place, received_us)
            place = end
        self._rest = data[place:]
        if len(self._rest) > MESSAGE_BYTES_MAX:
            self._give_up("a message without an end")

    def _shake(self, data: bytes) -> bytes:
        """Take part in the handshake; return what came after it."""
        head, end, rest = (self._rest + data).partition(b"\r\n\r\n")
        assert self._hands is not None
        if not end and len(head) < 1 << 14 and head.startswith(b"HTTP"[: len(head)]):
            self._rest = head
            return b""
        self._rest = b""
        self._hands.receive_data(head + end)
        if self._hands.state is State.OPEN:
            self._hands = None
            self._member.tally.found.connects_us.append(clock.wall_us() - self._dialled_us)
            return rest
        self._hands.receive_data(rest)
        self._check_hands()
        return b""

    def _take_frame(self, whole: bytes, start: int, received_us: int) -> None:
        first, member = whole[0], self._member
        if first == FIN | TEXT:
            step = member.place.next.get(whole)
            if step is not None:
                if member.take(step, received_us):
                    self._owe(step.seq, received_us)
            else:
                self._take(whole[start:], whole, received_us)
        elif first & 0x0F in (CONT, TEXT, BINARY) and not first & 0x70:
            self._fragments.append(whole[start:])
            if first & FIN:
                joined, self._fragments = b"".join(self._fragments), []
                self._take(joined, joined, received_us)
        elif first == FIN | PING:
            self._write(frame(PONG, whole[start:]))
        elif first == FIN | CLOSE:
            self._answer_close(whole[start:])
        elif first != FIN | PONG:
            self._give_up("a frame of no known kind")

    def _take(self, payload: bytes, key: bytes, received_us: int) -> None:
        member = self._member
        try:
            message = native.read(payload)
        except msgspec.DecodeError as error:
            return self._give_up(str(error))
        if isinstance(message, (Ticks, Snapshot, Lag)):
            step = member.learn(key, message, len(key))
            if member.take(step, received_us):
                self._owe(step.seq, received_us)
        elif isinstance(message, Welcome):
            member.welcomed(message)
            self._subscribe()
        elif isinstance(message, Subscribed):
            member.subscribed()
        else:
            member.hear(message, received_us)
        return None

    def _subscribe(self) -> None:
        member, terms = self._member, self._member.terms
        member.asked_us = clock.wall_us()
        if terms.window:
            self.say(Window(size=terms.window))
        wish = Subscribe(id=SUBSCRIBE_ID, symbols=list(member.symbols), channels=list(member.channels))
        if terms.pace == "latest":
            wish = msgspec.structs.replace(wish, pace="latest", rate_hz=terms.rate_hz or msgspec.UNSET)
        elif member.position:
            wish = msgspec.structs.replace(wish, from_=member.position)
        self.say(wish)

    # The way out.

    def ping(self) -> None:
        """Ask for a sign of life, as a message of the protocol: it shares its way with ticks and acks."""
        if not self._closing and not self._transport.is_closing():
            self._member.tally.found.pings_sent += 1
            self._member.unanswered += 1
            self.say(Ping(ts=clock.wall_us()))

    def ack(self) -> None:
        """Acknowledge what has come."""
        if self._member.place.seq:
            self._ack(self._member.place.seq)

    def _owe(self, seq: int, received_us: int) -> None:
        terms = self._member.terms
        if terms.acks == "late":
            terms.late.put(received_us + round(terms.acks_number * 1e6), self._ack, seq)
        else:
            self._ack(seq)

    def _ack(self, seq: int) -> None:
        self.say(Ack(seq=seq))

    def close(self) -> None:
        """Hang up politely; the member's `left` tells when the server has answered."""
        if not self._closing:
            self._closing = True
            self._write(frame(CLOSE, struct.pack("!H", Code.NORMAL)))

    def abort(self) -> None:
        """Hang up at once."""
        self._transport.abort()

    def say(self, message: ClientMessage) -> None:
        if not self._closing:
            self._write(frame(TEXT, native.command(message)))

    def _write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)

    # What may go wrong.

    def _answer_close(self, payload: bytes) -> None:
        self._code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else 1005
        self._member.fail(f"hung up: {self._code} {payload[2:].decode(errors='replace')}".rstrip())
        if not self._closing:
            self._closing = True
            self._write(frame(CLOSE, payload[:2]))
        self._transport.close()

    def _give_up(self, why: str) -> None:
        """End a conversation that we do not understand."""
        self._member.fail(f"does not speak {native.SUBPROTOCOL}: {why}")
        self._member.tally.found.errors["not understood"] += 1
        self._code = Code.INVALID_DATA
        self._write(frame(CLOSE, struct.pack("!H", Code.INVALID_DATA)))
        self._closing = True
        self._transport.close()

    def _check_hands(self) -> None:
        error = self._hands.handshake_exc if self._hands else None
        if isinstance(error, InvalidStatus):
            self._member.fail(f"answered HTTP {error.response.status_code}, not a WebSocket")
        elif error is not None:
            self._member.fail(f"does not answer as a WebSocket: {error}")
