"""What `ticker watch` paints: the newest of every symbol as a table, whichever channels it comes by."""

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from statistics import median

from rich.console import Group
from rich.table import Table
from rich.text import Text

from ticker import clock
from ticker.session.kinds import Bar1m, Bar1s, Quote, Stats, Status, Tick, Trade
from ticker.session.messages import Snapshot, Ticks
from ticker_client.feed import Feed
from ticker_client.order_book import PriceLevel

FLASH_S = 0.4
RATE_S = 3.0  # rates are means over the last few seconds
LATENCIES_KEPT = 2000
DECIMALS_MIN = 2
_COLOURS = {1: "green", 0: "", -1: "red"}
_ARROWS = {1: "▲", 0: " ", -1: "▼"}
_STATES = {"trading": "dim", "halted": "bold red", "frozen": "bold red"}  # what else there is, a schedule brings


@dataclass
class Row:
    """One symbol as the table shows it; a price is the last trade's, or what bars and statistics say of it."""

    first: float | None = None
    price: float | None = None
    size: int | None = None
    traded: bool = False
    quote: Quote | None = None
    stats: Stats | None = None
    status: Status | None = None
    direction: int = 0
    moved_s: float = 0.0
    ticks: int = 0

    def take(self, tick: Tick, now_s: float) -> None:
        """Take in a tick of this symbol."""
        self.ticks += 1
        match tick:
            case Trade():
                self.traded, self.size = True, tick.sz
                self._move(tick.px, now_s)
            case Quote():
                self.quote = tick
            case Status():
                self.status = tick
            case Stats():
                self.stats = tick
                if not self.traded:
                    self._move(tick.last, now_s)
            case Bar1s() | Bar1m() if not self.traded:
                self._move(tick.close, now_s)

    def _move(self, price: float, now_s: float) -> None:
        if self.price is not None and price != self.price:
            self.direction = 1 if price > self.price else -1
            self.moved_s = now_s
        self.first = price if self.first is None else self.first
        self.price = price

    @property
    def change_percent(self) -> float | None:
        """How far the price is from the close before, where that was said, or from the first one seen."""
        if self.stats:
            return self.stats.change_pct
        return 100 * (self.price / self.first - 1) if self.price and self.first else None


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
            self.rows.setdefault(tick.sym, Row()).take(tick, now_s)

    def rate(self, now_s: float) -> float:
        """Return ticks a second, lately."""
        while self.counts and self.counts[0][0] < now_s - RATE_S:
            self.counts.popleft()
        span_s = min(RATE_S, now_s - self.started_s)
        return sum(count for _, count in self.counts) / span_s if span_s > 0 else 0.0


def picture(screen: Screen, feed: Feed, height: int, now_s: float) -> Group:
    """Return the whole screen: a line of state, and as many rows as fit."""
    table = Table(box=None, expand=True, pad_edge=False, header_style="bold")
    table.add_column("Symbol", no_wrap=True)
    for name in ("Last", "Change", "Bid", "Ask", "Size", "Ticks"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("State", no_wrap=True)
    room = max(1, height - 4)
    for symbol in sorted(screen.rows)[:room]:
        table.add_row(*_cells(symbol, screen.rows[symbol], feed, now_s))
    hidden = len(screen.rows) - room
    below = f"{hidden} more symbols: name the ones you want, or make the terminal taller. " if hidden > 0 else ""
    return Group(_state(screen, feed, now_s), Text(), table, Text(f"{below}Ctrl-C ends.", style="dim"))


def _state(screen: Screen, feed: Feed, now_s: float) -> Text:
    session = feed.session
    latency = f"{median(screen.latencies_ms):.1f} ms" if screen.latencies_ms else "-"
    state = Text("live", style="bold green") if feed.live else Text("reconnecting", style="bold red")
    gaps = Text(f"missed {session.missed}", style="bold red" if session.missed else "")
    facts = (feed.transport, f"{session.position}", f"{screen.rate(now_s):.0f} ticks/s", f"latency {latency}")
    books = session.books
    checks = Text(f"books proved {books.passed}, wrong {books.failed}", style="bold red" if books.failed else "")
    checked = [checks] if books.passed or books.failed else []
    return Text("  ").join([state, *(Text(fact) for fact in facts), gaps, *checked])


def _cells(symbol: str, row: Row, feed: Feed, now_s: float) -> list[Text]:
    colour = _COLOURS[row.direction]
    flash = f"bold reverse {colour}" if now_s - row.moved_s < FLASH_S else colour
    percent = row.change_percent
    change = "" if percent is None else f"{percent:+.2f}%"
    bid, ask = _touch(symbol, row, feed)
    return [
        Text(symbol, style="bold"),
        Text("-" if row.price is None else f"{_ARROWS[row.direction]} {_money(row.price)}", style=flash),
        Text(change, style="green" if change.startswith("+") else "red"),
        Text("-" if bid is None else _money(bid)),
        Text("-" if ask is None else _money(ask)),
        Text("-" if row.size is None else str(row.size)),
        Text(str(row.ticks), style="dim"),
        _status(row.status),
    ]


def _touch(symbol: str, row: Row, feed: Feed) -> tuple[float | None, float | None]:
    """Return the best bid and ask: the quote's, or where none has come the book's."""
    if row.quote:
        return row.quote.bid, row.quote.ask
    book = feed.book(symbol)
    return (_price(book.best_bid), _price(book.best_ask)) if book else (None, None)


def _price(level: PriceLevel | None) -> float | None:
    return level.price if level else None


def _money(price: float) -> str:
    """Print a price with its digits, at least two."""
    exponent = Decimal(str(price)).as_tuple().exponent
    return f"{price:.{max(DECIMALS_MIN, -int(exponent))}f}"


def _status(status: Status | None) -> Text:
    if status is None:
        return Text("-", style="dim")
    why = "" if status.reason == "schedule" else f" ({status.reason.replace('_', ' ')})"
    return Text(status.state.replace("_", " ") + why, style=_STATES.get(status.state, "yellow"))
