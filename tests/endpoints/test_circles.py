"""Whoever has left is forgotten at once: nothing of a connection stays in memory until a collector has the time."""

import asyncio
import gc
import json
import socket
import ssl
import struct
import threading
import time
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, cast
from unittest.mock import Mock

import pytest
import uvloop

from certificates import pair
from ticker import settings
from ticker.server import Server

ROOT = Path(__file__).parents[2]
EACH = 3
"""Connections of each kind: one may be held by whoever was served last."""
PING = b"\x89\x80" + bytes(4)
GARBLED = b"\x81\x83" + bytes(4) + b"no!"
RESERVED = b"\xc1\x80" + bytes(4)
CLOSE = b"\x88\x82" + bytes(4) + struct.pack("!H", 1000)

LOOPS = {"uvloop": uvloop.new_event_loop, "asyncio": asyncio.new_event_loop}
OURS = ("ticker.endpoints.", "ticker.session.", "ticker.interest.", "websockets.", "httptools.")
"""What a connection is made of, and its frames; what the market and the feed hold comes and goes with the steps."""


def said(message: dict[str, object]) -> bytes:
    data = json.dumps(message).encode()
    assert len(data) < 126
    return bytes([0x81, 0x80 | len(data)]) + bytes(4) + data


def asked(target: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET {target} HTTP/1.1", "Host: 127.0.0.1", *headers, "", ""]).encode()


KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
SHAKE = asked("/v1/stream", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", KEY)
OTHER = SHAKE.replace(KEY.encode(), KEY.encode() + b"\r\nSec-WebSocket-Protocol: ticker.v1.packed")
SUBSCRIBE = said({"op": "subscribe", "symbols": ["*"]})
LATEST = said({"op": "subscribe", "symbols": ["*"], "pace": "latest", "rate_hz": 20})
FAR = said({"op": "subscribe", "symbols": ["*"], "pace": "latest", "rate_hz": 0.1})
WINDOW = said({"op": "window", "size": 2})

LIVES: dict[str, tuple[bytes, ...]] = {
    "says nothing": (),
    "asks": (asked("/healthz"),),
    "is no HTTP": (b"EHLO x\r\n\r\n",),
    "waits for a tick": (asked("/v1/ticks?symbols=*&channels=status&wait=20"),),
    "reads events": (asked("/v1/sse?symbols=*"),),
    "reads the newest as events": (asked("/v1/sse?symbols=*&pace=latest&rate_hz=20"),),
    "listens": (SHAKE, SUBSCRIBE),
    "listens to what is packed": (OTHER, SUBSCRIBE),
    "wants the newest": (SHAKE, LATEST),
    "changes its mind": (SHAKE, SUBSCRIBE, LATEST, SUBSCRIBE, FAR),
    "acknowledges nothing": (SHAKE, WINDOW + SUBSCRIBE),
    "says goodbye": (SHAKE, SUBSCRIBE, CLOSE),
    "pings too much": (SHAKE, SUBSCRIBE, PING * 100),
    "speaks no JSON": (SHAKE, GARBLED * 10),
    "breaks the protocol": (SHAKE, SUBSCRIBE, RESERVED),
    "says hello": (SHAKE.replace(b"/v1/stream", b"/hello"), said({"hello": 1})),
}


class House:
    """A server on a loop in a thread of its own."""

    def __init__(self, loop: asyncio.AbstractEventLoop, **flags: str) -> None:
        given = settings.from_flags({"server.port": "0", "market.instruments": "3", **flags})
        self.server = Server(settings.build(given), ROOT / "clients/ticker_web", cast(Any, Mock()))
        self._loop = loop
        self._thread = threading.Thread(target=loop.run_forever)
        self._thread.start()
        self._run(self.server.start())
        self.port = int(self.server.origin.rpartition(":")[2])

    def _run(self, what: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(20)

    def close(self) -> None:
        self._run(self.server.stop())
        self._run(asyncio.sleep(0.1))  # transports say that they are closed in a later turn
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)
        self._loop.close()


@pytest.fixture(scope="module", params=LOOPS)
def house(request: pytest.FixtureRequest) -> Iterator[House]:
    with closing(House(LOOPS[request.param]())) as house:
        yield house


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return pair(tmp_path_factory.mktemp("tls"), "server")


@pytest.fixture(scope="module", params=LOOPS)
def secure(request: pytest.FixtureRequest, files: tuple[Path, Path]) -> Iterator[House]:
    cert, key = map(str, files)
    with closing(House(LOOPS[request.param](), **{"server.tls_cert": cert, "server.tls_key": key})) as house:
        yield house


def live(port: int, packets: tuple[bytes, ...], context: ssl.SSLContext | None = None, *, reset: bool = False) -> None:
    """Connect, say something and hear what there is to hear; hang up, with a reset or without."""
    with socket.create_connection(("127.0.0.1", port), 10) as plain:
        client = context.wrap_socket(plain, server_hostname="localhost") if context else plain
        client.settimeout(0.2)
        with client, suppress(OSError):
            for packet in packets:
                client.sendall(packet)
                client.recv(65536)
                time.sleep(0.02)
            if reset:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@contextmanager
def uncollected() -> Iterator[None]:
    """Stop the collector, and put all that there is out of sight."""
    gc.collect()
    gc.disable()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.enable()


def left() -> Counter[str]:
    """Return what there is of clients that have come since, once nothing more goes by itself."""
    until_s = time.monotonic() + 10
    while True:
        names = [f"{type(found).__module__}.{type(found).__qualname__}" for found in gc.get_objects()]
        found = Counter(name for name in names if name.startswith(OURS))
        if not found or time.monotonic() > until_s:
            return found
        time.sleep(0.05)


@pytest.mark.parametrize("reset", [False, True], ids=["hangs up", "resets"])
@pytest.mark.parametrize("name", LIVES)
def test_nothing_of_a_connection_is_left(house: House, name: str, reset: bool) -> None:
    live(house.port, LIVES[name], reset=reset)
    with uncollected():
        for _ in range(EACH):
            live(house.port, LIVES[name], reset=reset)
        assert not left()


@pytest.mark.parametrize("name", ["asks", "is no HTTP", "reads events", "listens", "says goodbye"])
def test_nothing_is_left_with_tls_either(secure: House, files: tuple[Path, Path], name: str) -> None:
    context = ssl.create_default_context(cafile=files[0])
    live(secure.port, LIVES[name], context)
    with uncollected():
        for _ in range(EACH):
            live(secure.port, LIVES[name], context)
        assert not left()
