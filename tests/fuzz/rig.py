"""The whole server without a socket: its own composition, on a loop, a clock and transports that are pretended.

A transport is strict: what asyncio or uvloop would complain of, and what no connection may do, is an AssertionError.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, cast
from unittest import mock

from ticker import clock
from ticker.config import AdminConfig, Config, MarketConfig, StreamConfig
from ticker.endpoints.door import Door
from ticker.endpoints.websocket import WebSocket
from ticker.server import Server

PAGE = Path(__file__).parents[2] / "clients" / "ticker_web" / "docs"  # a page of few files
BEGIN_US = 1_700_000_000_000_000
ANSWER_BYTES_MAX = 512 * 1024  # no single answer of a market of four is longer
SLACK_BYTES = 1 << 16


class Timer:
    """What is to be called later, unless it is cancelled."""

    def __init__(self, callback: Callable[[], object]) -> None:
        self.callback: Callable[[], object] | None = callback

    def cancel(self) -> None:
        self.callback = None


class Loop:
    """An event loop whose time passes when it is told to."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self._ready: deque[Timer] = deque()
        self._timers: list[tuple[float, int, Timer]] = []
        self._numbers = count()

    def call_soon(self, callback: Callable[..., object], *arguments: object) -> Timer:
        self._ready.append(Timer(lambda: callback(*arguments)))
        return self._ready[-1]

    def call_later(self, delay_s: float, callback: Callable[..., object], *arguments: object) -> Timer:
        timer = Timer(lambda: callback(*arguments))
        heapq.heappush(self._timers, (self.now_s + delay_s, next(self._numbers), timer))
        return timer

    def create_future(self) -> Any:
        return mock.Mock(done=lambda: False)

    def run(self) -> None:
        """Run what is ready, to the end."""
        for _ in range(100_000):
            if not self._ready:
                return
            if callback := self._ready.popleft().callback:
                callback()
        raise AssertionError("it never comes to rest")

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        until = self.now_s + seconds
        self.run()
        while self._timers and self._timers[0][0] <= until:
            self.now_s, _, timer = heapq.heappop(self._timers)
            if timer.callback:
                timer.callback()
            self.run()
        self.now_s = until


class Log:
    """A log in which nothing may be said that means a fault of ours."""

    def info(self, *_: object, **__: object) -> None:
        """Take note of nothing."""

    debug = warning = info

    def error(self, event: str, exc_info: BaseException | None = None, **_: object) -> None:
        raise AssertionError(event) from exc_info


class Line:
    """One client's transport, which hands what comes to whoever has the connection."""

    def __init__(self, rig: "Rig", *, reads: bool = True, protocol: Any = None) -> None:
        self.rig = rig
        self.written = bytearray()
        self.waiting_bytes = 0
        self.ended = self.closing = False
        self._reads = reads
        self._paused = False
        self.protocol: Any = protocol or Door(rig.server.house, rig.routes)
        self.protocol.connection_made(cast(Any, self))

    def send(self, data: bytes) -> None:
        """Have bytes come from the client, as long as somebody listens."""
        if not self.closing:
            self.protocol.data_received(data)
            self._check()

    def hang_up(self) -> None:
        """End the connection from the client's side, half of it first."""
        if not self.closing:
            self.protocol.eof_received()
        self.closing = True
        self.protocol.connection_lost(None)

    def _check(self) -> None:
        """Check that nothing grows without bounds."""
        config = self.rig.server.config
        limit = config.stream.buffer_bytes_max + ANSWER_BYTES_MAX
        assert self.waiting_bytes <= limit, f"{self.waiting_bytes} bytes wait for who does not read"
        if isinstance(self.protocol, WebSocket):
            unread, fragments = self.protocol._unread_bytes, self.protocol._fragments or ()
            assert unread <= 4 * 1024 * 1024 + SLACK_BYTES
            assert len(fragments) <= config.stream.fragments_max
            assert sum(map(len, fragments)) <= config.stream.message_bytes_max
        elif isinstance(self.protocol, Door):
            door = self.protocol
            assert len(door._target) <= config.http.target_bytes_max + SLACK_BYTES
            assert len(door._body) <= 2 * SLACK_BYTES
            assert len(door._waiting) <= config.http.requests_max + 1

    # What a protocol asks of a transport.

    def write(self, data: bytes) -> None:
        assert not self.closing, "written after the end"
        assert not self.ended, "written after the end of file"
        self.written += data
        if self._reads:
            return
        self.waiting_bytes += len(data)
        if self.waiting_bytes > self.rig.server.config.stream.buffer_bytes and not self._paused:
            self._paused = True
            self.protocol.pause_writing()

    def drain(self) -> None:
        """Have the client read all that waits."""
        self.waiting_bytes = 0
        if self._paused and not self.closing:
            self._paused = False
            self.protocol.resume_writing()

    def set_protocol(self, protocol: Any) -> None:
        self.protocol = protocol

    def get_extra_info(self, name: str) -> tuple[str, int] | None:
        return ("127.0.0.1", 50_000) if name == "peername" else None

    def set_write_buffer_limits(self, **_: int) -> None:
        """Let it be: what waits is counted here."""

    def get_write_buffer_size(self) -> int:
        return self.waiting_bytes

    def is_closing(self) -> bool:
        return self.closing

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended = True

    def close(self) -> None:
        self.closing = True

    abort = close


class Rig:
    """A server with a small plain market, the admin API, and everything it serves."""

    def __init__(self, compression: str = "off") -> None:
        config = Config(
            market=MarketConfig(model="plain", instruments=4, universe="numbered", step_ms=250),
            admin=AdminConfig(enabled=True),
            stream=StreamConfig(compression=compression),  # type: ignore[arg-type]  # one of two words
        )
        self.loop = Loop()
        self.server = Server(config, PAGE, cast(Any, Log()))
        self.server.loop = cast(asyncio.AbstractEventLoop, self.loop)
        with self.pretended():
            self.server._connections_max = 1000
            self.server.house, self.routes = self.server._furnish()
            self.server.source.start(self.server)
            self.server._sweep()

    @contextmanager
    def pretended(self) -> Iterator[None]:
        """Have this loop's time be the time."""
        with (
            mock.patch.object(clock, "monotonic_s", lambda: self.loop.now_s),
            mock.patch.object(clock, "wall_us", lambda: BEGIN_US + round(1e6 * self.loop.now_s)),
            mock.patch.object(clock, "http_date", lambda: "Thu, 01 Jan 1970 00:00:00 GMT"),
            mock.patch.object(clock, "alarm", lambda: None),
        ):
            yield

    def wait(self, seconds: float) -> None:
        """Let time pass in which the market stands still."""
        self.server.source.beat.pause()
        self.loop.advance(seconds)
        self.server.source.beat.resume()

    def check_empty(self) -> None:
        """Check that nothing of any client is left, and that the next one is served."""
        house = self.server.house
        self.loop.run()
        assert not house.connections, "a connection was left"
        assert not house.flows, "a window was left"
        assert not self.server.feed.laggards, "a reader was left"
        assert not self.server.feed.audiences, "an audience was left"
        line = Line(self)
        line.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert line.written.startswith(b"HTTP/1.1 200 OK\r\n"), "the next client is not served"
        line.hang_up()
