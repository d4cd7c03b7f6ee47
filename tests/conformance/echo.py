"""An echo at `/echo` of the whole server, over its own door, WebSocket room, framing and outlet: for tests only.

    python tests/conformance/echo.py [--loop uvloop] [--compression shared]

Prints its port and serves until its standard input ends. Beside it the market runs, and whoever likes may subscribe.
"""

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Any

import structlog
from websockets.http11 import Response as Switch
from websockets.server import ServerProtocol

from ticker.config import Config, FeedConfig, LogConfig, MarketConfig, ServerConfig, StreamConfig
from ticker.endpoints.handshake import shake_hands
from ticker.endpoints.house import House
from ticker.endpoints.http import Request, Response
from ticker.endpoints.outlet import Outlet
from ticker.endpoints.routes import Routes
from ticker.endpoints.websocket import WebSocket
from ticker.server import Server
from ticker.session.messages import Lag
from ticker.session.pace import Recovery

ROOT = Path(__file__).parents[2]
PATH = "/echo"
LOOPS = ("uvloop", "asyncio")

RAISED: dict[str, tuple[int, str]] = {
    "message_bytes_max": (16 * 1024 * 1024, "9.1.6 and 9.2.6 send 16 MiB in one message"),
    "fragments_max": (65_537, "9.3.1 and 9.4.1 send 4 MiB in fragments of 64 bytes, and an empty one"),
    "buffer_bytes_max": (33 * 1024 * 1024, "the echo of 16 MiB waits whole for a client that reads it in pieces"),
}
"""The limits of the `stream` section that the suite cannot do without, and why; all others are the defaults."""


class Echo(WebSocket):
    """One client, which is sent what it says, text as text and binary as binary, through an outlet."""

    __slots__ = ("_frames", "_outlet")

    def _opened(self) -> None:
        framing = self._house.framing
        self._frames = {text: framing.of(packs=not text, compressed=self.compressed) for text in (True, False)}
        self._outlet = Outlet(self._house, self, self._transport, self._house.dialect, self._frames[True])

    def _heard(self, data: bytes, text: bool) -> None:
        self._outlet.write(self._frames[text](data, 0), 0, 0)

    def pause_writing(self) -> None:
        self._outlet.pause()

    def resume_writing(self) -> None:
        self._outlet.resume()
        super().resume_writing()

    def _leave(self) -> None:
        self._outlet.close()

    def _look(self, now_s: float) -> None:
        if self._outlet.stalled(now_s):
            self.abort("stalled")

    def lagged(self, lag: Lag) -> bool:
        raise AssertionError(lag)  # it is owed no ticks

    def recovered(self, recovery: Recovery, gap: tuple[int, int] | None) -> None:
        raise AssertionError(recovery, gap)


def accept(house: House, request: Request) -> Response | Echo:
    """Answer a handshake."""

    def take(protocol: ServerProtocol, switch: Switch) -> Echo:
        return Echo(house, protocol, switch)

    return shake_hands(house, request, (), take)


class EchoServer(Server):
    """The server, with one path more."""

    def _routes(self, house: House) -> Routes:
        routes = super()._routes(house)
        routes._upgrades[PATH] = accept
        return routes


def config(loop: str = "auto", compression: str = "off") -> Config:
    """Return the defaults on a free port, with a plain market, and with what the suite needs."""
    raised: dict[str, Any] = {name: value for name, (value, _) in RAISED.items()}
    return Config(
        server=ServerConfig(port=0, loop=loop),  # type: ignore[arg-type]  # checked by argparse
        market=MarketConfig(model="plain", instruments=10),
        feed=FeedConfig(flush_ms=100),  # fifty who listen in one process are kept busy enough
        stream=StreamConfig(compression=compression, **raised),  # type: ignore[arg-type]
        log=LogConfig(level="warning"),
    )


async def serve(settings: Config) -> None:
    """Serve until standard input ends."""
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(30), logger_factory=structlog.PrintLoggerFactory(sys.stderr)
    )
    server = EchoServer(settings, ROOT / "clients" / "ticker_web", structlog.get_logger())
    await server.start()
    print(server.origin.rpartition(":")[2], flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loop", choices=LOOPS, default=LOOPS[0])
    parser.add_argument("--compression", choices=("off", "shared"), default="off")
    chosen = parser.parse_args()
    factory: Any = asyncio.new_event_loop
    if chosen.loop == "uvloop":
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        runner.run(serve(config(chosen.loop, chosen.compression)))


if __name__ == "__main__":
    main()
