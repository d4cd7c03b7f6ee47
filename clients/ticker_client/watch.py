"""`ticker watch`: a live table in a terminal, JSON lines anywhere else."""

import asyncio
import signal
import sys

import msgspec
from rich.console import Console
from rich.live import Live

from ticker import clock
from ticker.errors import ConfigError, SetupError
from ticker_client.errors import ConnectionEnded, Refused
from ticker_client.feed import Feed, connect
from ticker_client.screen import Screen, picture
from ticker_client.transports import TRANSPORTS

PAINT_S = 0.1  # a terminal is read by eyes: ten pictures a second


def run(url: str, symbols: list[str], channels: list[str], transport: str, *, as_json: bool, count: int | None) -> int:
    """Watch until interrupted; return the exit code. Raises SetupError where the server cannot be watched."""
    if transport not in TRANSPORTS:
        raise ConfigError(f"--transport: {transport} is none; choose one of {', '.join(TRANSPORTS)}")
    feed = connect(url, transport=transport)
    try:
        return asyncio.run(_watch(feed, symbols, channels, as_json=as_json, count=count))
    except (ConnectionEnded, Refused) as error:
        raise SetupError(str(error)) from None


async def _watch(feed: Feed, symbols: list[str], channels: list[str], *, as_json: bool, count: int | None) -> int:
    async with feed:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, lambda: asyncio.ensure_future(feed.close()))
        await feed.subscribe(*symbols, channels=channels)
        if as_json or count is not None or not sys.stdout.isatty():
            await _print_lines(feed, count)
        else:
            await _paint(feed)
    return 0


async def _print_lines(feed: Feed, count: int | None) -> None:
    left = count
    async for tick in feed:
        sys.stdout.write(msgspec.json.encode(tick).decode() + "\n")
        if left is not None:
            left -= 1
            if left <= 0:
                break
        if not feed.waiting:
            sys.stdout.flush()


async def _paint(feed: Feed) -> None:
    screen = Screen()
    console = Console()
    with Live(console=console, screen=True, auto_refresh=False) as live:
        painter = asyncio.create_task(_repaint(live, console, screen, feed))
        try:
            async for batch in feed.batches():
                screen.take(batch, clock.monotonic_s())
        finally:
            painter.cancel()


async def _repaint(live: Live, console: Console, screen: Screen, feed: Feed) -> None:
    while True:
        live.update(picture(screen, feed, console.size.height, clock.monotonic_s()), refresh=True)
        await asyncio.sleep(PAINT_S)
