"""The Python client's own reading: whatever a server sends, a feed ends with a documented error, or goes on.

The first line of an input says over which transport (and `raw` where even the framing is the server's own), the rest is
what the server sends, in parts: messages, or the bodies of one answer after the other.
"""

import asyncio
import base64
import hashlib
import re
import warnings
from contextlib import suppress
from typing import Any
from unittest import mock

from ticker.errors import TickerError
from ticker.wire.frames import binary_frame, text_frame
from ticker_client import connect

PART = b"\n---\n"
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
PATIENCE_S = 20.0
PAUSE_S = 0.0005  # between two parts: for the client to answer
HEADERS = {b"Host", b"Accept", b"Last-Event-ID"}
LISTING = (
    b'{"instruments":[{"symbol":"SYM0000","name":"x","sector":"x","tick_size":0.01,"decimals":2,"lot":1},'
    b'{"symbol":"SYM0001","name":"x","sector":"x","tick_size":0.005,"decimals":3,"lot":1}]}'
)


class Server(asyncio.Transport):
    """The other end of every connection of one client: it answers with the next part, whatever it is asked."""

    def __init__(self, parts: list[bytes], how: list[str], connections: list["Server"]) -> None:
        super().__init__()
        self._parts = parts
        self._how = how
        self._closing = False
        self._protocol: Any = None
        connections.append(self)

    def begin(self, protocol: Any) -> None:
        self._protocol = protocol
        protocol.connection_made(self)

    def write(self, data: Any) -> None:
        said, loop = bytes(data), asyncio.get_running_loop()
        if b"Upgrade: websocket" in said:
            loop.call_soon(self._converse, said)
        elif said.startswith(b"GET "):
            loop.call_soon(self._answer, said)

    def _converse(self, head: bytes) -> None:
        """Accept a handshake, say one part after the other, and hang up."""
        key = re.search(rb"Sec-WebSocket-Key: (\S+)", head)
        assert key is not None
        accept = base64.b64encode(hashlib.sha1(key[1] + GUID).digest()).decode()
        protocol = re.search(rb"Sec-WebSocket-Protocol: ([^,\r]+)", head)
        switch = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        switch += f"Sec-WebSocket-Accept: {accept}\r\n"
        switch += f"Sec-WebSocket-Protocol: {protocol[1].decode()}\r\n" if protocol else ""
        if "head" not in self._how:
            self._tell(switch.encode() + b"\r\n")
        self._go_on()

    def _go_on(self) -> None:
        """Say the next part, whether the client has said something since then or not; hang up at the end."""
        if self._parts:
            part = self._parts.pop(0)
            self._tell(part if {"raw", "head"} & {*self._how} else _framed(part))
            asyncio.get_running_loop().call_later(PAUSE_S, self._go_on)
        else:
            self.close()

    def _answer(self, head: bytes) -> None:
        lines = head.removesuffix(b"\r\n\r\n").split(b"\r\n")
        assert re.fullmatch(rb"GET [!-~]+ HTTP/1\.1", lines[0]), head  # nobody puts words into our mouth
        assert {line.partition(b": ")[0] for line in lines[1:]} <= HEADERS, head
        if b"/v1/instruments" in head and not {"raw", "listing"} & {*self._how}:
            self._parts.insert(0, LISTING)
        if not self._parts:
            self.close()
            return
        part = self._parts.pop(0)
        if "raw" not in self._how:
            kind = b"text/event-stream" if part.startswith((b"event:", b"id:", b"retry:")) else b"application/json"
            part = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n%b" % (kind, len(part), part)
        self._tell(part)
        if "raw" in self._how:
            self.close()

    def _tell(self, data: bytes) -> None:
        if data and not self._closing:
            self._protocol.data_received(data)

    def close(self) -> None:
        if not self._closing:
            self._closing = True
            asyncio.get_running_loop().call_soon(self._protocol.connection_lost, None)

    abort = close

    def is_closing(self) -> bool:
        return self._closing

    def can_write_eof(self) -> bool:
        return False

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ARG002
        return default

    def pause_reading(self) -> None:
        """Go on: what is there has been sent."""

    def resume_reading(self) -> None:
        """Go on: what is there has been sent."""

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Let it be: nothing waits."""

    def get_write_buffer_size(self) -> int:
        return 0


def _framed(part: bytes) -> bytes:
    return binary_frame(part) if part[:1] in (b"\x01", b"\x02") else text_frame(part)


def check(data: bytes) -> None:
    """Have a client listen to a server."""
    opening, _, rest = data.partition(b"\n")
    how = opening.decode("latin-1").split() or ["ws"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        asyncio.run(_listen(how, rest.split(PART)))


async def _listen(how: list[str], parts: list[bytes]) -> None:
    loop = asyncio.get_running_loop()
    failures: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: failures.append(context))
    servers: list[Server] = []

    async def create_connection(factory: Any, *_: Any, **__: Any) -> tuple[Any, Any]:
        protocol, server = factory(), Server(parts, how, servers)
        server.begin(protocol)
        return server, protocol

    transport = next((word for word in how if word in ("sse", "long-poll", "short-poll")), "ws")
    if transport == "ws" and "ws" not in how:
        how.append("ws")
    options: dict[str, Any] = {"encoding": "packed"} if "packed" in how and transport == "ws" else {}
    with mock.patch.object(loop, "create_connection", create_connection):
        feed = connect(
            "ws://127.0.0.1:1/v1/stream", transport=transport, reconnect=False, poll_every_s=0.0, wait_s=0.1, **options
        )
        async with asyncio.timeout(PATIENCE_S):
            try:
                async with feed:
                    with suppress(TickerError):
                        await feed.subscribe("*", channels=["trades", "book"])
                    if transport == "ws" or feed.session.subscriptions:  # or there is nothing to wait for
                        await _read(feed, arrays="arrays" in how)
            except TickerError as error:
                assert "the client failed" not in str(error), error
    for _ in range(100):  # what was cancelled ends
        await asyncio.sleep(0)
        left = asyncio.all_tasks() - {asyncio.current_task()}
        if not left:
            break
    assert not left, left
    assert not [server for server in servers if not server.is_closing()], "a connection was left"
    assert not failures, failures


async def _read(feed: Any, *, arrays: bool) -> None:
    async for message in feed.arrays() if arrays else feed.batches():
        assert message.seq >= 0
        if arrays:
            for channel in message.rows:
                message.table(channel)
        feed.book("SYM0000")
