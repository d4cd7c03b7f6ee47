"""One connection over which HTTP/1.1 is asked and answered: GET only, whole bodies and streamed ones."""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import cast

import httptools

from ticker_client.errors import retry_after_s
from ticker_client.line import Traffic

BODY_BYTES_MAX = 64 << 20  # a snapshot of ten thousand instruments is a few megabytes
BUFFER_BYTES = 256 * 1024  # of a stream that nobody reads: beyond it the socket is left to fill


class Lost(Exception):
    """A connection broke in the middle of an exchange."""


@dataclass(frozen=True)
class Answer:
    """A response: header names are in lower case; the body is empty where it is streamed."""

    status: int
    headers: dict[str, str]
    body: bytes = b""

    @property
    def after_s(self) -> float | None:
        """When to come back, if the server says so."""
        return retry_after_s(self.headers.get("retry-after", ""))


class Connection(asyncio.Protocol):
    """One TCP connection; one exchange at a time."""

    def __init__(self, traffic: Traffic) -> None:
        self.exchanges = 0
        self.aborted = False
        self.usable = True
        """Whether another request may follow."""
        self.untouched = True
        """Whether nothing has come in answer to the present request."""
        self._traffic = traffic
        self._changed = asyncio.Event()
        self._paused = False
        self._begin()

    def _begin(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._answer: Answer | None = None
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self._complete = False
        self.untouched = True

    async def request(self, target: str, host: str, accept: str, bearer: str | None = None) -> Answer:
        """Send a GET and return the head of its answer; `bearer` says who asks. Raises Lost."""
        if self.exchanges:
            self._begin()  # not at first: a server that is full answers before it is asked
        self.exchanges += 1
        self._traffic.requests += 1
        said = f"Authorization: {bearer}\r\n" if bearer else ""
        head = f"GET {target} HTTP/1.1\r\nHost: {host}\r\nAccept: {accept}\r\n{said}\r\n".encode()
        self._traffic.bytes_sent += len(head)
        self._transport.write(head)
        while self._answer is None:
            await self._change()
        return self._answer

    async def chunk(self) -> bytes:
        """Return the next piece of the body, empty at its end. Raises Lost."""
        while not self._chunks:
            if self._complete:
                return b""
            await self._change()
        piece = self._chunks.popleft()
        self._size -= len(piece)
        if self._paused and self._size < BUFFER_BYTES // 2:
            self._paused = False
            self._transport.resume_reading()
        return piece

    async def body(self) -> bytes:
        """Return the whole body. Raises Lost."""
        pieces: list[bytes] = []
        size = 0
        while piece := await self.chunk():
            pieces.append(piece)
            size += len(piece)
            if size > BODY_BYTES_MAX:
                self.abort()
                raise Lost(f"more than {BODY_BYTES_MAX} bytes of answer")
        return b"".join(pieces)

    def abort(self) -> None:
        """Cut the connection now: whoever waits for it learns of it, and nothing more is heard."""
        self.aborted = True
        self._chunks.clear()
        self._end()
        self._transport.abort()

    async def _change(self) -> None:
        if not self.usable and not self._complete:
            raise Lost("the connection was lost")
        self._changed.clear()
        await self._changed.wait()
        if self.aborted:
            raise Lost("the connection was given up")

    def _end(self) -> None:
        self.usable = False
        self._changed.set()

    # Called by asyncio.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._traffic.connections += 1
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._traffic.receive(data)
        self.untouched = False
        if self._complete or self.aborted:
            self.abort()  # nobody asked
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.abort()
        self._changed.set()

    def eof_received(self) -> None:
        self._lose()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # lost is lost
        self._lose()

    def _lose(self) -> None:
        if self._answer is not None and not {"content-length", "transfer-encoding"} & set(self._headers):
            self._complete = True  # such a body ends with the connection
        self._end()

    # Called by httptools.

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        if (status := self._parser.get_status_code()) >= 200:
            self._answer = Answer(status, self._headers)

    def on_body(self, body: bytes) -> None:
        self._chunks.append(body)
        self._size += len(body)
        if self._size > BUFFER_BYTES and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        self._complete = self._answer is not None
        self.usable = self.usable and self._parser.should_keep_alive()
