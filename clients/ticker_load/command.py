"""`ticker load`: join, measure, close, report."""

import asyncio
import signal
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.text import Text
from websockets.exceptions import InvalidURI
from websockets.uri import WebSocketURI, parse_uri

from ticker import clock
from ticker.errors import SetupError
from ticker_load import files, report
from ticker_load.report import Report
from ticker_load.subscriber import Wish
from ticker_load.swarm import Swarm, allow_open_files

PAINT_S = 1.0  # each picture costs a fraction of a millisecond, in which nobody listens


def run(
    url: str, clients: int, symbols: list[str], channels: list[str], duration: float, json_path: Path | None
) -> int:
    """Run one load test; return 0, or 1 where something that must be 0 was not. Raises SetupError."""
    wish = Wish(url, _uri(url), symbols, channels)
    _check(clients, duration, json_path)
    allow_open_files(clients)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        found = runner.run(_attack(wish, clients, duration))
    report.show(found)
    if json_path is not None:
        files.write(json_path, report.as_json(found))
    return 0 if found.ok else 1


def _uri(url: str) -> WebSocketURI:
    try:
        return parse_uri(url)
    except (InvalidURI, ValueError):
        raise SetupError(f"{url} is not a WebSocket address: write ws://host:port/v1/stream") from None


def _check(clients: int, duration_s: float, json_path: Path | None) -> None:
    if clients < 1:
        raise SetupError(f"--clients: at least 1 is needed, not {clients}")
    if not 0 < duration_s < float("inf"):
        raise SetupError(f"--duration: a number of seconds above 0 is needed, not {duration_s:g}")
    files.check(json_path, "--json")


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Return what makes the fastest event loop there is."""
    try:
        return import_module("uvloop").new_event_loop  # type: ignore[no-any-return]
    except ImportError:
        return asyncio.new_event_loop


async def _attack(wish: Wish, clients: int, duration_s: float) -> Report:
    with Progress(clients) as progress:
        swarm = Swarm(wish, progress.show)
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, setattr, swarm, "stopped", True)
        started_s = clock.monotonic_s()
        try:
            await swarm.join(clients)
            connect_s = clock.monotonic_s() - started_s
            window = await swarm.measure(duration_s)
        finally:
            await swarm.close()
    return report.build(wish, clients, connect_s, window, swarm)


class Progress:
    """A line on standard error that is written over; nothing where that is not a terminal."""

    def __init__(self, clients: int) -> None:
        console = Console(stderr=True)
        self._live = Live(console=console, auto_refresh=False, transient=True) if console.is_terminal else None
        self._clients = clients
        self._painted_s = 0.0
        self._last = (0.0, 0)

    def __enter__(self) -> "Progress":
        if self._live:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live:
            self._live.stop()

    def show(self, swarm: Swarm, doing: str) -> None:
        """Say how it goes, unless it was said a moment ago."""
        if self._live is None or clock.monotonic_s() - self._painted_s < PAINT_S:
            return
        counts = swarm.count()
        since_s, since_ticks = self._last
        rate = (counts.ticks - since_ticks) / (counts.now_s - since_s)
        self._painted_s, self._last = counts.now_s, (counts.now_s, counts.ticks)
        missed = sum(member.session.missed for member in swarm.members)
        line = f"{doing}: {swarm.open:,} of {self._clients:,} clients, {rate:,.0f} ticks/s, missed {missed:,}"
        self._live.update(Text(line), refresh=True)
