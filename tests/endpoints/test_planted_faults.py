"""Every place where a client is served fails once: that client may suffer for it, and nobody else.

It is family R7 of a catalogue. Server and clients are real; the server runs in a thread of this process, so that a
fault can be planted in it while it runs.
"""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, cast
from unittest.mock import Mock

import pytest
import uvloop

from conftest import ROOT
from good_company import UPGRADE, Company
from hostile import FULL
from plain_client import PlainClient
from raw_http import get, read_on, verdict
from ticker.config import Config, FeedConfig, HttpConfig, MarketConfig, ServerConfig, StreamConfig
from ticker.endpoints.conversation import Conversation
from ticker.endpoints.door import Door
from ticker.endpoints.every import Every
from ticker.endpoints.house import House
from ticker.endpoints.latest import Latest
from ticker.endpoints.outlet import Outlet
from ticker.endpoints.poll import Polls, Waiter
from ticker.endpoints.sse import EventStream, EventStreams
from ticker.server import Server
from ticker.session.server import ServerSession

COUNT = 10
LOOPS = ("uvloop", "asyncio")
ERRORS = (RuntimeError("planted"), ConnectionResetError("planted"))

WAYS_IN: dict[type, str] = {
    Door: "data_received on_url on_header on_headers_complete on_message_complete _answer _send "
    "_switch _hand_over sweep",
    Conversation: "connection_made data_received _opened _heard _obey _answer _show _say _look sweep recovered",
    Outlet: "write _note_sent change recover set_rate set_window acked join look",
    Every: "_serve _catch_up _rejoin change recover report",
    Latest: "flushed change _stand",
    EventStream: "connection_made sweep recovered _show",
    EventStreams: "_start",
    Waiter: "begin finish _say _wait",
    Polls: "read",
    ServerSession: "receive ack _subscribe _unsubscribe",
    House: "snapshot acked ended standing interest",
}
"""Where a client is served, by class: within what guards the others, and not where what is left is cleared away."""
PLACES = [(kind, name) for kind, names in WAYS_IN.items() for name in names.split()]
SWEPT = {"sweep", "_look", "look", "report"}
"""Where a fault could end all deadlines."""


class Running:
    """A server that runs in a thread."""

    def __init__(self, loop: str) -> None:
        config = Config(
            server=ServerConfig(port=0, drain_s=0.2),
            market=MarketConfig(model="plain", instruments=20, trades_per_s=5.0, quotes_per_s=0.0),
            feed=FeedConfig(tape_s=2.0),
            http=HttpConfig(head_s=0.3),
            stream=StreamConfig(close_s=0.3, heartbeat_s=0.1, report_s=0.25),
        )
        self.loop = uvloop.new_event_loop() if loop == "uvloop" else asyncio.new_event_loop()
        self.server = Server(config, ROOT / "clients" / "ticker_web", cast(Any, Mock()))
        self.loop.run_until_complete(self.server.start())
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()

    @property
    def port(self) -> int:
        return int(self.server.origin.rpartition(":")[2])

    def position(self) -> int:
        return self.server.feed.tape.head

    def settle(self, count: int) -> None:
        """Wait until there are no more connections than that."""
        until = time.monotonic() + 10
        while len(self.server.house.connections) > count:
            assert time.monotonic() < until, list(self.server.house.connections)
            time.sleep(0.02)

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self.server.stop(), self.loop).result(10)
        left = asyncio.run_coroutine_threadsafe(self.tasks(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.loop.close()
        assert left == []

    async def tasks(self) -> list[Any]:
        return [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]


@pytest.fixture(scope="module")
def servers_of() -> Iterator[dict[str, Running]]:
    """A server on each event loop."""
    servers = {loop: Running(loop) for loop in LOOPS}
    yield servers
    for server in servers.values():
        server.stop()


def once(real: Callable[..., Any], error: Exception, fired: list[int]) -> Callable[..., Any]:
    """Return what does the same, but for the first time."""

    def fail_first(*arguments: Any, **named: Any) -> Any:
        if not fired:
            fired.append(1)
            raise error
        return real(*arguments, **named)

    return fail_first


def live(port: int, epoch: str) -> None:
    """Do everything there is to do, and take what comes of it."""
    deeds: list[Callable[[], Any]] = [
        lambda: exchange_of(port, get("/v1/instruments") + get("/v1/ticks?symbols=*&wait=0.2", "Connection: close")),
        lambda: exchange_of(port, get("/v1/ticks?symbols=ACME&channels=bars.1m&wait=0.05", "Connection: close")),
        lambda: events(port, "symbols=*"),
        lambda: events(port, f"symbols=*&from={epoch}:0"),
        lambda: events(port, "symbols=*&pace=latest&rate_hz=50"),
        lambda: events(port, "symbols=*", "Last-Event-ID: other:1"),
        lambda: converse(port, epoch),
        lambda: exchange_of(port, b"G"),  # until its deadline
    ]
    with ThreadPoolExecutor(len(deeds)) as doers:
        for done in [doers.submit(deed) for deed in deeds]:
            with suppress(OSError, AssertionError):
                done.result()


def exchange_of(port: int, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=1) as client:
        client.sendall(data)
        return read_on(client, 1.0)


def events(port: int, query: str, *fields: str) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=1) as client:
        client.sendall(get(f"/v1/sse?{query}", *fields))
        until = time.monotonic() + 0.1
        while time.monotonic() < until and client.recv(65536):
            pass


def converse(port: int, epoch: str) -> None:
    with PlainClient(port) as client:
        client.send({"op": "subscribe", "symbols": ["*"], "from": f"{epoch}:0"}, {"op": "window", "size": 5})
        ticks = [message for message in client.read(0.1) if message["type"] == "ticks"]
        client.send({"op": "ack", "seq": ticks[-1]["seq"] if ticks else 0}, {"op": "window", "size": 0})
        client.send({"op": "subscribe", "symbols": ["*"], "pace": "latest", "rate_hz": 50})
        client.read(0.1)
        client.send({"op": "subscribe", "symbols": ["*"], "pace": "every"}, {"op": "dance"}, {"op": "list"})
        client.read(0.05)
        client.send({"op": "unsubscribe", "symbols": ["*"]})
        client.read(0.4)  # a heartbeat is due
        client.socket.sendall(b"\x88\x82\0\0\0\0\x03\xe8")
        client.read(0.1)


EVERYTHING = [(kind, name, loop, error) for kind, name in PLACES for loop in LOOPS for error in ERRORS]
CASES = EVERYTHING if FULL else [EVERYTHING[4 * k + k % 4] for k in range(len(PLACES))]
NAMES = [f"R7 {kind.__name__}.{name} {loop} {type(error).__name__}" for kind, name, loop, error in CASES]


@pytest.mark.parametrize(("kind", "name", "loop", "error"), CASES, ids=NAMES)
def test_one_suffers_and_nobody_else(
    servers_of: dict[str, Running],
    monkeypatch: pytest.MonkeyPatch,
    kind: type,
    name: str,
    loop: str,
    error: Exception,
) -> None:
    running, fired = servers_of[loop], list[int]()
    with Company(running.port, count=COUNT) as company:
        monkeypatch.setattr(kind, name, once(getattr(kind, name), error, fired))
        live(running.port, running.server.feed.tape.epoch)
        until = time.monotonic() + 5
        while not fired and time.monotonic() < until:
            time.sleep(0.02)  # some of it comes when a client has gone
        monkeypatch.undo()
        assert fired, "it was never called"
        seq = running.position()
        until = time.monotonic() + 10
        while any(client.seq < seq for client in company.clients if not client.fault):
            assert time.monotonic() < until, "somebody has no ticks any more"
            time.sleep(0.02)
        assert len(suffered := [client.fault for client in company.clients if client.fault]) <= 1, suffered
        assert not running.server.failed.done()
        assert verdict(running, get("/healthz", "Connection: close")) == 200
        assert verdict(running, get("/v1/stream", *UPGRADE)) == 101
        if name in SWEPT:
            assert verdict(running, b"G") == 408
    running.settle(0)
