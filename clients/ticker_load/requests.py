"""A client's HTTP: server-sent events, or one poll after the other, on a connection that is kept."""

import asyncio
import re
import socket
from typing import cast

import msgspec
from msgspec import Struct

from ticker import clock
from ticker.dialects import native
from ticker.session.messages import Lag, Snapshot, Ticks
from ticker_load.member import Member
from ticker_load.subscriber import ABNORMAL, RECEIVE_BYTES

WAIT_S = 20
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
EVENTS = (b"ticks", b"snapshot", b"lag")
PEACE = 1000  # as a close code would say it: we hung up


class Answer(Struct):
    """What a poll is answered with."""

    epoch: str
    seq: int
    batches: list[msgspec.Raw]


_decode = msgspec.json.Decoder(Answer).decode


class Listener(asyncio.Protocol):
    """One connection; `member` is whose."""

    def __init__(self, member: Member) -> None:
        self._member = member
        self._rest = b""
        self._length: int | None = None
        self._streaming = False
        self._code = ABNORMAL
        self._since = ""
        self._closing = False
        self._dialled_us = clock.wall_us()
        self._next: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        member = self._member
        member.asked_us = clock.wall_us()
        member.tally.found.connects_us.append(member.asked_us - self._dialled_us)
        self._since = member.position
        self._ask()

    def _ask(self) -> None:
        member = self._member
        terms, kind = member.terms, member.kind
        query = f"symbols={','.join(member.symbols)}&channels={','.join(member.channels)}"
        path = "/v1/sse" if kind == "sse" else "/v1/ticks"
        if kind == "sse" and terms.pace == "latest":
            query += "&pace=latest" + (f"&rate_hz={terms.rate_hz:g}" if terms.rate_hz else "")
        elif self._since:
            query += f"&{'from' if kind == 'sse' else 'since'}={self._since}"
        if kind == "long-poll":
            query += f"&wait={WAIT_S}"
        bearer = terms.address.bearer
        token = f"Authorization: {bearer}\r\n" if bearer else ""
        accept = "text/event-stream" if kind == "sse" else "application/json"
        address = terms.address
        self._write(
            f"GET {address.prefix}{path}?{query} HTTP/1.1\r\nHost: {address.authority}\r\n"
            f"Accept: {accept}\r\n{token}\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        self._member.inbox.put(self._look_at, data, clock.wall_us())

    def connection_lost(self, _: Exception | None) -> None:
        self._member.inbox.empty()
        if self._next is not None:
            self._next.cancel()
        self._member.fail("hung up: the connection broke")
        self._member.ended(PEACE if self._closing else self._code)

    def _look_at(self, data: bytes, received_us: int) -> None:
        if self._streaming and not self._rest:
            step = self._member.place.next.get(data)
            if step is not None:
                self._member.take(step, received_us)
                return
        self._rest += data
        while not self._closing and (self._events(received_us) if self._streaming else self._answer(received_us)):
            pass

    def _answer(self, received_us: int) -> bool:
        """Take an answer, or the head of a stream; tell whether there was one."""
        head, end, body = self._rest.partition(b"\r\n\r\n")
        if not end:
            return False
        status = int(head[9:12]) if head[9:12].isdigit() else 0
        length = LENGTH.search(head)
        if not head.startswith(b"HTTP/1.1 ") or CHUNKED.search(head) or (length is None and self._member.kind != "sse"):
            return self._give_up("does not answer as Ticker does")
        if self._member.kind == "sse" and status == 200:
            self._streaming, self._rest = True, body
            self._member.subscribed()
            return True
        size = int(length[1]) if length else 0
        if len(body) < size:
            return False
        self._rest = body[size:]
        if status != 200:
            return self._refused(status, body[:size])
        self._take_poll(body[:size], len(head) + 4 + size, received_us)
        return True

    def _refused(self, status: int, body: bytes) -> bool:
        try:
            problem = msgspec.json.decode(body)
            why = f"{problem.get('detail') or problem.get('title')}"
        except (msgspec.DecodeError, AttributeError):
            why = f"HTTP {status}"
        if self._member.joined.done():
            self._member.tally.found.errors[f"HTTP {status}"] += 1
        return self._give_up(f"refused: {why}")

    def _take_poll(self, body: bytes, size: int, received_us: int) -> None:
        member = self._member
        try:
            answer = _decode(body)
            for raw in answer.batches:
                key = (member.kind, bytes(raw))
                step = member.known(key)
                if step is None:
                    message = native.read(key[1])
                    assert isinstance(message, Ticks)
                    step = member.learn(key, message, len(key[1]))
                member.take(step, received_us)
            member.tally.frame(member.kind, size - sum(len(bytes(raw)) for raw in answer.batches), received_us)
        except (msgspec.DecodeError, AssertionError):
            self._not_understood()
            return
        member.epoch = answer.epoch
        self._since = f"{answer.epoch}:{answer.seq}"
        member.subscribed()
        wait_s = 0.0 if member.kind == "long-poll" else member.terms.poll_every_s
        if wait_s:
            self._next = asyncio.get_running_loop().call_later(wait_s, self._ask)
        else:
            self._ask()

    def _events(self, received_us: int) -> bool:
        """Take an event; tell whether there was a whole one."""
        end = self._rest.find(b"\n\n")
        if end < 0:
            return False
        whole, self._rest = self._rest[: end + 2], self._rest[end + 2 :]
        member = self._member
        step = member.known(whole)
        if step is None:
            event = dict(line.partition(b": ")[::2] for line in whole.splitlines())
            if event.get(b"event") in EVENTS:
                try:
                    message = native.read(event.get(b"data", b""))
                    assert isinstance(message, (Ticks, Snapshot, Lag))
                except (msgspec.DecodeError, AssertionError):
                    self._not_understood()
                    return False
                step = member.learn(whole, message, len(whole))
                member.epoch = event.get(b"id", b"").rpartition(b":")[0].decode() or member.epoch
        if step is not None:
            member.take(step, received_us)
        return True

    def ping(self) -> None:
        """Over HTTP there is nothing to ask in between."""

    def ack(self) -> None:
        """Over HTTP nothing is acknowledged."""

    def close(self) -> None:
        """Hang up."""
        self._closing = True
        self._transport.close()

    def abort(self) -> None:
        """Hang up at once."""
        self._transport.abort()

    def _write(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)

    def _not_understood(self) -> None:
        self._member.tally.found.errors["not understood"] += 1
        self._give_up("does not speak ticker.v1.json")

    def _give_up(self, why: str) -> bool:
        self._member.fail(why)
        self._transport.abort()
        return False
