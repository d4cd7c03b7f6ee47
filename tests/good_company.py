"""Fifty good clients of one server, and how that server is, while somebody sends it things that nobody should.

They read on in one thread: conversations, and streams of events. Each of them proves by `n` that it has had every tick
once and in order; what is wrong is kept as a sentence, and raised when somebody asks.
"""

import re
import selectors
import socket
import threading
import time
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Self

import orjson
from prometheus_client.parser import text_string_to_metric_families

from conftest import RunningServer
from raw_http import get
from ticker.wire.eventstream import Parser
from witness import fetch

COUNT = 50
EVENTS_EVERY = 10  # every so manieth reads events
ACK_EVERY = 50  # messages
QUIET = ("--market.model", "plain", "--instruments", "20", "--market.trades-per-s", "5", "--market.quotes-per-s", "0")
"""A market of which fifty readers cost next to nothing."""
REST_S = 0.02  # between two looks at the sockets: what came in the meantime is read at once
PATIENCE_S = 10.0

TEXT, CLOSE, PING = 0x81, 0x88, 0x89
KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
UPGRADE = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", KEY)
FINE = {"welcome", "subscribed", "snapshot", "heartbeat"}


class Heard(NamedTuple):
    """A message of ticks: its position, and of each tick the symbol and `n`."""

    kind: str
    seq: int
    numbers: list[tuple[str, int]]


@lru_cache(64)  # the same bytes go to everybody
def heard(message: bytes) -> Heard:
    found: dict[str, Any] = orjson.loads(message)
    numbers = [(tick["sym"], tick["n"]) for tick in found.get("data", ()) if "n" in tick]
    return Heard(found["type"], found.get("seq", 0), numbers)


def masked(first: int, payload: bytes, mask: bytes = bytes(4)) -> bytes:
    """Return a client's short frame."""
    assert len(payload) < 126
    return bytes([first, 0x80 | len(payload)]) + mask + bytes(b ^ mask[k % 4] for k, b in enumerate(payload))


class Good:
    """A client that does as it should, on a socket of its own; its address is its own too."""

    def __init__(self, port: int, number: int, symbol: str) -> None:
        self.events = Parser() if number % EVENTS_EVERY == EVENTS_EVERY - 1 else None
        self.socket = socket.create_connection(("127.0.0.1", port), 10, (f"127.0.1.{number + 1}", 0))
        if self.events is None:
            self.socket.sendall(get("/v1/stream", *UPGRADE))
        else:
            self.socket.sendall(get(f"/v1/sse?symbols={symbol}"))
        self.last: dict[str, int] = {}
        self.seq = self.messages = 0
        self.fault = ""
        self._rest = self._read_head()
        if self.events is None:
            self.socket.sendall(masked(TEXT, b'{"op":"subscribe","symbols":["%b"]}' % symbol.encode()))
        self.socket.setblocking(False)

    def _read_head(self) -> bytes:
        data = b""
        while b"\r\n\r\n" not in data:
            part = self.socket.recv(65536)
            assert part, data
            data += part
        head, _, rest = data.partition(b"\r\n\r\n")
        assert head.split(b" ")[1] in (b"101", b"200"), head
        return rest

    def read(self) -> None:
        """Read what there is."""
        try:
            data = self.socket.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError as error:
            data = b""
            self.fault = self.fault or f"cut off: {error}"
        if not data:
            self.fault = self.fault or "hung up on"
            return
        if self.events is None:
            self._rest += data
            self._frames()
        else:
            data, self._rest = self._rest + data, b""
            for event in self.events.feed(data):
                self._hear(event.data)

    def _frames(self) -> None:
        place, data = 0, self._rest
        while len(data) >= place + 2:
            size, start = data[place + 1], place + 2
            if size >= 126:
                start += 2 if size == 126 else 8
                size = int.from_bytes(data[place + 2 : start], "big")
            if len(data) < start + size:
                break
            payload = data[start : start + size]
            if data[place] == TEXT:
                self._hear(payload)
            elif data[place] == PING:
                self.socket.send(masked(0x8A, payload))
            else:
                self.fault = self.fault or f"a frame {data[place]:#x} {payload!r}"
            place = start + size
        self._rest = data[place:]

    def _hear(self, message: bytes) -> None:
        kind, seq, numbers = heard(message)
        if kind != "ticks":
            self.last |= dict(numbers)
            if kind not in FINE:
                self.fault = self.fault or f"was told {message!r}"
            return
        if seq <= self.seq:
            self.fault = self.fault or f"{seq} came after {self.seq}"
        self.seq = seq
        for symbol, n in numbers:
            before = self.last.get(symbol, n - 1)
            if n != before + 1:
                self.fault = self.fault or f"{symbol} {n} came after {before}"
            self.last[symbol] = n
        self.messages += 1
        if self.events is None and self.messages % ACK_EVERY == 0:
            self.socket.send(masked(TEXT, b'{"op":"ack","seq":%d}' % seq))


class Company:
    """All of them, and the thread that reads for them."""

    def __init__(self, port: int, symbol: str = "*", count: int = COUNT) -> None:
        self.clients = [Good(port, number, symbol) for number in range(count)]
        self._selector = selectors.DefaultSelector()
        for client in self.clients:
            self._selector.register(client.socket, selectors.EVENT_READ, client)
        self._ended = False
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        self._thread.join()
        for client in self.clients:
            client.socket.close()
        self._selector.close()

    def _run(self) -> None:
        while not self._ended:
            for key, _ in self._selector.select(0.1):
                key.data.read()
                if key.data.fault:
                    self._selector.unregister(key.fileobj)
            time.sleep(REST_S)

    def check(self) -> None:
        """Raise AssertionError where one of them was disturbed."""
        assert self._thread.is_alive()
        faults = {number: client.fault for number, client in enumerate(self.clients) if client.fault}
        assert not faults, faults

    def catch_up(self, seq: int) -> None:
        """Wait until each of them has had all up to a position."""
        until = time.monotonic() + PATIENCE_S
        while (last := min(client.seq for client in self.clients)) < seq:
            self.check()
            assert time.monotonic() < until, f"one has had ticks up to {last} only, not to {seq}"
            time.sleep(0.02)
        self.check()


class Vitals(NamedTuple):
    """What a server holds: each of these is as it was once those who came have left."""

    descriptors: int
    connections: int
    polls_held: int
    audiences: int
    windows: int
    windows_shut: int
    unacked_messages: int
    laggards: int


GAUGES = Vitals._fields[1:]


def counts(server: RunningServer) -> dict[str, float]:
    """Return the sums of a server's metrics, by their names without `ticker_`."""
    text = fetch(server.url, "/metrics").decode()
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            name = sample.name.removeprefix("ticker_").removesuffix("_total")
            found[name] = found.get(name, 0) + sample.value
    return found


def descriptors(server: RunningServer) -> int:
    """Return how many descriptors a server has open."""
    return sum(1 for _ in Path(f"/proc/{server.process.pid}/fd").iterdir())


def resident_mb(server: RunningServer, peak: bool = False) -> float:
    """Return how much memory a server has resident, or had at the most."""
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB" if peak else r"VmRSS:\s+(\d+) kB", status)
    assert found
    return int(found[1]) / 1024


def vitals(server: RunningServer) -> Vitals:
    found = counts(server)
    return Vitals(descriptors(server), *(int(found[name]) for name in GAUGES))
