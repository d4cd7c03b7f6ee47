"""The server with a planted fault: `python tests/faulty_server.py FAULT EVERY serve …`, for whoever has to find it.

`drop` or `repeat` a tick out of EVERY that are sent, `swap` its message with the next one, or send all that one client
gets so many milliseconds `late`. Faults are made where a WebSocket's frames are written.
"""

import asyncio
import sys
from collections import deque
from typing import Any

import orjson

from ticker.cli import run
from ticker.endpoints.websocket import WebSocket
from ticker.wire.frames import text_frame

TICKS = b'{"type":"ticks"'
HEAD_MAX = 10


class Faulty:
    """A transport that does not do what it is told; `sent` counts the ticks of all of them."""

    sent = 0
    connections = 0

    def __init__(self, transport: asyncio.Transport, fault: str, every: int) -> None:
        Faulty.connections += 1
        self._transport = transport
        self._fault = fault
        self._every = every
        self._late = fault == "late" and Faulty.connections == 1
        self._kept: deque[bytes] = deque()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, frame: bytes) -> None:
        start = frame.find(TICKS, 0, HEAD_MAX + len(TICKS))
        if start < 0:
            self._transport.write(frame)
        elif self._late:
            self._kept.append(frame)
            asyncio.get_running_loop().call_later(self._every / 1000, self._write_kept)
        elif self._fault == "late":
            self._transport.write(frame)
        elif self._fault == "swap":
            self._swap(frame)
        elif self._is_due(frame):
            self._transport.write(text_frame(self._spoil(frame[start:])))
        else:
            self._transport.write(frame)

    def _swap(self, frame: bytes) -> None:
        if self._kept:
            self._transport.write(frame)
            self._write_kept()
        elif self._is_due(frame):
            self._kept.append(frame)
        else:
            self._transport.write(frame)

    def _write_kept(self) -> None:
        self._transport.write(self._kept.popleft())

    def _is_due(self, frame: bytes) -> bool:
        before = Faulty.sent // self._every
        Faulty.sent += frame.count(b'"ch":')
        return Faulty.sent // self._every > before

    def _spoil(self, payload: bytes) -> bytes:
        message = orjson.loads(payload)
        ticks = message["data"]
        if self._fault == "drop":
            del ticks[0]
        else:
            ticks.insert(0, ticks[0])
        return orjson.dumps(message)


def main() -> int:
    """Serve, faultily."""
    fault, every, *arguments = sys.argv[1:]
    begin = WebSocket.connection_made

    def connection_made(self: WebSocket, transport: Any) -> None:
        begin(self, Faulty(transport, fault, int(every)))  # type: ignore[arg-type]

    WebSocket.connection_made = connection_made  # type: ignore[method-assign]
    return run(arguments)


if __name__ == "__main__":
    sys.exit(main())
