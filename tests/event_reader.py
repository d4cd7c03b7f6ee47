"""A reader of server-sent events that does only what it is told."""

import socket
import time
from typing import Any, Self

import orjson


class Events:
    """A reader of events: `events` are those read so far, as (event, id, data)."""

    def __init__(self, port: int, query: str, *headers: str, version: str = "1.1", buffer: int = 0) -> None:
        self._socket = socket.socket()
        if buffer:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self._socket.settimeout(10)
        self._socket.connect(("127.0.0.1", port))
        lines = [f"GET /v1/sse?{query} HTTP/{version}", "Host: 127.0.0.1", *headers, "", ""]
        self._socket.sendall("\r\n".join(lines).encode())
        self.ended = False
        self._rest = b""
        while b"\r\n\r\n" not in self._rest and not self.ended:
            self._receive()
        self.head, _, self._rest = self._rest.partition(b"\r\n\r\n")
        self.comments = 0
        self.place = ""
        self.retry_ms = 0
        self.bytes_received = 0
        self.events: list[tuple[str, str, Any]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def read(self, seconds: float) -> list[dict[str, Any]]:
        """Read for a while; return what the events carried."""
        until = time.monotonic() + seconds
        before = len(self.events)
        while (left := until - time.monotonic()) > 0 and not self.ended:
            self._socket.settimeout(left)
            self._receive()
            *blocks, self._rest = self._rest.split(b"\n\n")
            for block in blocks:
                self._take(block.decode())
        return [data for _, _, data in self.events[before:]]

    def _receive(self) -> None:
        try:
            data = self._socket.recv(65536)
        except TimeoutError:
            return
        except ConnectionResetError:
            data = b""
        self.ended = not data
        self._rest += data

    def _take(self, block: str) -> None:
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        self.place = fields.get("id", self.place)
        self.retry_ms = int(fields.get("retry", self.retry_ms))
        if "data" in fields:
            self.events.append((fields["event"], fields.get("id", ""), orjson.loads(fields["data"])))
        self.comments += "" in fields
