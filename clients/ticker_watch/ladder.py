"""The book of one symbol: its ten best levels a side, whether its checksum proves it, its last trades. Pure."""

from dataclasses import dataclass
from math import nan

from ticker.session.kinds import Quote, Stats, Status, Trade
from ticker_client.order_book import OrderBook, PriceLevel
from ticker_watch import trend
from ticker_watch.columns import said
from ticker_watch.facts import market_time
from ticker_watch.figures import (
    ARROWS,
    DOWN,
    LEVEL,
    STYLES,
    UP,
    Line,
    cut,
    fitting,
    joined,
    length,
    money,
    percent,
    quantity,
)
from ticker_watch.table import span
from ticker_watch.trend import Trend

BESIDE = 72  # from this width on, trades stand beside the ladder
LADDER_MAX = 96
CHART_MIN, CHART_MAX = 3, 13
TRADES_WIDE = 27
LEVELS = 10
SIZE_WIDE = 6


@dataclass(frozen=True, slots=True)
class Portrait:
    """What is known of one symbol; `trades` are the newest ones, newest first."""

    symbol: str
    decimals: int = 2
    book: OrderBook | None = None
    trades: tuple[Trade, ...] = ()
    quote: Quote | None = None
    stats: Stats | None = None
    status: Status | None = None
    proved: tuple[int, int] = (0, 0)
    """Checksums that were right, and wrong."""
    trend: Trend | None = None
    way: int = LEVEL
    trouble: str = ""


def picture(portrait: Portrait, height: int, width: int) -> list[Line]:
    """Return the whole book view."""
    lines = [_head(portrait, width), _day(portrait, width), _check(portrait, width), []]
    room = height - len(lines)
    if width >= BESIDE:
        left = min(LADDER_MAX, width - TRADES_WIDE - 3)
        pairs = [*_ladder(portrait, left), [], *_chart(portrait, left, room - LEVELS - 2)]
        trades = _trades(portrait, room)
        for place in range(room):
            line = pairs[place] if place < len(pairs) else []
            padded = [*line, (" " * (left - length(line)), "")]
            lines.append([*padded, ("   ", ""), *(trades[place] if place < len(trades) else [])])
    else:
        ladder = _ladder(portrait, width)[: max(room, 0)]
        lines += [*ladder, [], *_trades(portrait, room - len(ladder) - 1)]
    return [cut(line, width) for line in lines[: max(height, 0)]]


def _head(portrait: Portrait, width: int) -> Line:
    price = portrait.trades[0].px if portrait.trades else portrait.stats.last if portrait.stats else nan
    arrow, style = ARROWS[portrait.way], STYLES[portrait.way]
    facts: list[Line] = [
        [(portrait.symbol, "bold reverse")],
        [(f"{arrow} {money(price, portrait.decimals)}", f"bold {style}".strip())],
    ]
    if portrait.stats:
        change = portrait.stats.change_pct
        facts.append([(percent(change), STYLES[(change > 0) - (change < 0)])])
    if portrait.status:
        facts.append([said(portrait.status.state, portrait.status.reason)])
    if portrait.quote:
        bid, ask = money(portrait.quote.bid, portrait.decimals), money(portrait.quote.ask, portrait.decimals)
        facts.append([("bid ", "dim"), (bid, ""), ("  ask ", "dim"), (ask, "")])
    return fitting(facts, width)


def _day(portrait: Portrait, width: int) -> Line:
    if portrait.stats is None:
        return []
    stats, digits = portrait.stats, portrait.decimals
    facts: list[Line] = [
        [(f"{name} ", "dim"), (money(price, digits), "")]
        for name, price in (("open", stats.open), ("high", stats.high), ("low", stats.low))
    ]
    facts.append([("volume ", "dim"), (quantity(stats.volume), "")])
    if stats.vwap is not None:
        facts.append([("vwap ", "dim"), (money(stats.vwap, digits), "")])
    facts.append([("trades ", "dim"), (quantity(stats.trades), "")])
    return fitting(facts, width)


def _check(portrait: Portrait, width: int) -> Line:
    """Return whether the checksum proves the book, and how often it did."""
    if portrait.trouble:
        return cut([(f"○ {portrait.trouble}", "bold red")], width)
    right, wrong = portrait.proved
    counts = (f"{right:,} checksums right, {wrong:,} wrong", "bold red" if wrong else "dim")
    if portrait.book is None:
        return cut([("… waiting for the book", "yellow")], width)
    proof = ("✓ proved", "green") if portrait.book.verified else ("✗ not proved", "bold red")
    spread = portrait.book.spread
    facts: list[Line] = [[proof], [counts]]
    if spread is not None:
        facts.append([("spread ", "dim"), (money(spread, portrait.decimals), "")])
    return fitting(facts, width)


def _ladder(portrait: Portrait, width: int) -> list[Line]:
    """Return bids to the left of asks, best first, with bars of their sizes."""
    bids, asks = (portrait.book.bids, portrait.book.asks) if portrait.book else ((), ())
    digits = portrait.decimals
    prices = [len(money(level.price, digits)) for level in (*bids, *asks)]
    price_wide = max([6, *prices])
    half = (width - 3) // 2
    bar_wide = max(0, half - price_wide - SIZE_WIDE - 2)
    most = max([level.size for level in (*bids, *asks)], default=1)
    lines: list[Line] = [
        joined(
            [
                [(" " * bar_wide, ""), ("  size".rjust(SIZE_WIDE + 1), "bold"), ("bid".rjust(price_wide + 1), "bold")],
                [("ask".ljust(price_wide + 1), "bold"), ("size".rjust(SIZE_WIDE), "bold")],
            ],
            " │ ",
        )
    ]
    for place in range(LEVELS):
        left = _side(bids, place, digits, bar_wide, most)
        right = _side(asks, place, digits, bar_wide, most)
        lines.append(
            [
                (left[2].rjust(bar_wide), "green"),
                (f" {left[1]:>{SIZE_WIDE}}", ""),
                (f" {left[0]:>{price_wide}}", "green"),
                (" │ ", "dim"),
                (f"{right[0]:<{price_wide}}", "red"),
                (f" {right[1]:>{SIZE_WIDE}} ", ""),
                (right[2].ljust(bar_wide), "red"),
            ]
        )
    return lines


def _side(levels: tuple[PriceLevel, ...], place: int, digits: int, bar_wide: int, most: int) -> tuple[str, str, str]:
    """Return a level's price, size and bar; blanks where there is none."""
    if place >= len(levels):
        return "", "", ""
    level = levels[place]
    return (
        money(level.price, digits),
        quantity(level.size),
        "█" * max(1, round(bar_wide * level.size / most)) * (bar_wide > 0),
    )


def _chart(portrait: Portrait, width: int, height: int) -> list[Line]:
    """Return the last minutes of prices under a line that says what is seen; nothing where there is no room."""
    if portrait.trend is None or not portrait.trend.begun or height < CHART_MIN:
        return []
    prices = portrait.trend.newest(0, width)
    known = [price for price in prices if price == price]
    if not known:
        return []
    low, high = money(min(known), portrait.decimals), money(max(known), portrait.decimals)
    title = cut([(f"{span(len(known) * portrait.trend.cell_us / 1e6)}: {low} to {high}", "dim")], width)
    rows = trend.picture(prices, min(CHART_MAX, height - 1))
    return [title, *([(text, STYLES[trend.way(prices)])] for text in rows)]


def _trades(portrait: Portrait, room: int) -> list[Line]:
    """Return the newest trades, newest first, under their title."""
    if room < 1:
        return []
    lines: list[Line] = [[("time (UTC)", "bold"), ("   price".rjust(11), "bold"), ("size".rjust(SIZE_WIDE), "bold")]]
    for trade in portrait.trades[: room - 1]:
        way = UP if trade.side == "buy" else DOWN
        time = market_time(trade.t)[11:19]
        lines.append(
            [
                (time, "dim"),
                (f" {ARROWS[way]} {money(trade.px, portrait.decimals):>10}", STYLES[way]),
                (f"{quantity(trade.sz):>{SIZE_WIDE}}", ""),
            ]
        )
    return lines
