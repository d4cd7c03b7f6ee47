"""`ticker watch`: a live table in a terminal, JSON lines anywhere else."""

import asyncio
import signal
import sys
from collections import deque
from dataclasses import dataclass, field
from statistics import median

import msgspec
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ticker import clock
from ticker.errors import ConfigError, SetupError
from ticker.session.messages import Quote, Snapshot, Tick, Ticks, Trade
from ticker_client.errors import ConnectionEnded, Refused
from ticker_client.feed import Feed, connect
from ticker_client.transports import TRANSPORTS

PAINT_S = 0.1  # a terminal is read by eyes: ten pictures a second
FLASH_S = 0.4
RATE_S = 3.0  # rates are means over the last few seconds
LATENCIES_KEPT = 2000


@dataclass
class Row:
    """One symbol as the table shows it."""

    first: float | None = None
    trade: Trade | None = None
    quote: Quote | None = None
    direction: int = 0
    moved_s: float = 0.0
    ticks: int = 0


@dataclass
class Screen:
    """What the watcher has seen so far."""

    rows: dict[str, Row] = field(default_factory=dict)
    latencies_ms: deque[float] = field(default_factory=lambda: deque(maxlen=LATENCIES_KEPT))
    counts: deque[tuple[float, int]] = field(default_factory=deque)
    started_s: float = field(default_factory=clock.monotonic_s)

    def take(self, batch: Ticks | Snapshot, now_s: float) -> None:
        """Take in a message received now."""
        if isinstance(batch, Ticks):
            self.latencies_ms.append((clock.wall_us() - batch.ts) / 1000)
            self.counts.append((now_s, len(batch.data)))
        for tick in batch.data:
            self._take_tick(tick, now_s)

    def _take_tick(self, tick: Tick, now_s: float) -> None:
        row = self.rows.setdefault(tick.sym, Row())
        row.ticks += 1
        if isinstance(tick, Quote):
            row.quote = tick
            return
        last = row.trade.px if row.trade else tick.px
        if tick.px != last:
            row.direction = 1 if tick.px > last else -1
            row.moved_s = now_s
        row.first = tick.px if row.first is None else row.first
        row.trade = tick

    def rate(self, now_s: float) -> float:
        """Return ticks a second, lately."""
        while self.counts and self.counts[0][0] < now_s - RATE_S:
            self.counts.popleft()
        span_s = min(RATE_S, now_s - self.started_s)
        return sum(count for _, count in self.counts) / span_s if span_s > 0 else 0.0


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
        live.update(_picture(screen, feed, console.size.height, clock.monotonic_s()), refresh=True)
        await asyncio.sleep(PAINT_S)


def _picture(screen: Screen, feed: Feed, height: int, now_s: float) -> Group:
    """Return the whole screen: a line of state, and as many rows as fit."""
    table = Table(box=None, expand=True, pad_edge=False, header_style="bold")
    table.add_column("Symbol", no_wrap=True)
    for name in ("Last", "Change", "Bid", "Ask", "Size", "Ticks"):
        table.add_column(name, justify="right", no_wrap=True)
    room = max(1, height - 4)
    for symbol in sorted(screen.rows)[:room]:
        table.add_row(*_cells(symbol, screen.rows[symbol], now_s))
    hidden = len(screen.rows) - room
    below = f"{hidden} more symbols: name the ones you want, or make the terminal taller. " if hidden > 0 else ""
    return Group(_state(screen, feed, now_s), Text(), table, Text(f"{below}Ctrl-C ends.", style="dim"))


def _state(screen: Screen, feed: Feed, now_s: float) -> Text:
    session = feed.session
    latency = f"{median(screen.latencies_ms):.1f} ms" if screen.latencies_ms else "-"
    state = Text("live", style="bold green") if feed.live else Text("reconnecting", style="bold red")
    gaps = Text(f"missed {session.missed}", style="bold red" if session.missed else "")
    facts = (feed.transport, f"{session.position}", f"{screen.rate(now_s):.0f} ticks/s", f"latency {latency}")
    return Text("  ").join([state, *(Text(fact) for fact in facts), gaps])


def _cells(symbol: str, row: Row, now_s: float) -> list[Text]:
    colour = {1: "green", 0: "", -1: "red"}[row.direction]
    flash = f"bold reverse {colour}" if now_s - row.moved_s < FLASH_S else colour
    arrow = {1: "▲", 0: " ", -1: "▼"}[row.direction]
    change = f"{100 * (row.trade.px / row.first - 1):+.2f}%" if row.trade and row.first else ""
    return [
        Text(symbol, style="bold"),
        Text(f"{arrow} {row.trade.px:.2f}" if row.trade else "-", style=flash),
        Text(change, style="green" if change.startswith("+") else "red"),
        Text(f"{row.quote.bid:.2f}" if row.quote else "-"),
        Text(f"{row.quote.ask:.2f}" if row.quote else "-"),
        Text(str(row.trade.sz) if row.trade else "-"),
        Text(str(row.ticks), style="dim"),
    ]
