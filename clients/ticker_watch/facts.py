"""The lines above and below: how the connection is, what the keys do, what is searched for. Pure."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from ticker_watch.figures import Line, Span, cut, fitting, joined
from ticker_watch.table import span
from ticker_watch.view import View

_KEYS = (("↑↓", "move"), ("Enter", "book"), ("s", "sort"), ("/", "search"), ("p", "pause"), ("t", "transport"))
_ADDRESS = re.compile(r"^\w+://\S+: | to \w+://\S+(?=: )")
_ENDS = (("?", "help"), ("q", "quit"))
HELP = (
    ("↑ ↓ j k", "choose a row; in a book, the next symbol"),
    ("PgUp PgDn Home End", "choose a row far away"),
    ("Enter", "the chosen symbol's book, and Esc back to the table"),
    ("s", "sort by symbol, change, last, volume, activity"),
    ("S or r", "the other way round"),
    ("/", "search for a part of a symbol; Enter keeps it, Esc ends it"),
    ("p or space", "pause the picture; what comes is counted all the same"),
    ("t", "the next transport: ws, sse, long-poll, short-poll"),
    ("Ctrl-L", "draw everything anew"),
    ("?", "this help"),
    ("q or Ctrl-C", "quit"),
)


@dataclass(frozen=True, slots=True)
class Health:
    """How the feed is. `latency` is median and 99th percentile in milliseconds, `books` checksums right and wrong."""

    live: bool
    transport: str
    position: str
    ticks_per_s: float
    latency: tuple[float, float] | None
    missed: int
    lagged: int
    away_s: float = 0.0
    """For how long there has been no connection."""
    trouble: str = ""
    books: tuple[int, int] = (0, 0)
    t: int = 0
    """Market time."""
    notice: str = ""


def first(health: Health, view: View, width: int) -> Line:
    """Return the line of state: connection, transport, position, market time."""
    facts: list[Line] = [[("● live", "bold green") if health.live else ("○ reconnecting", "bold red")]]
    if view.paused:
        facts.append([("‖ paused", "bold yellow")])
    facts += [[(health.transport, "bold")], [(health.position, "")]]
    if health.t:
        facts.append([(market_time(health.t), "dim")])
    return fitting(facts, width)


def second(health: Health, width: int) -> Line:
    """Return the line of figures."""
    ms = "-" if health.latency is None else f"{_ms(health.latency[0])} ms, p99 {_ms(health.latency[1])}"
    facts: list[Line] = [
        [(f"{health.ticks_per_s:,.0f} ticks/s", "")],
        [(f"latency {ms}", "")],
        [_bad("missed", health.missed)],
        [_bad("lags", health.lagged)],
    ]
    right, wrong = health.books
    if right or wrong:
        facts.append([(f"books proved {right:,}, wrong {wrong:,}", "bold red" if wrong else "")])
    return fitting(facts, width)


def third(health: Health, width: int) -> Line:
    """Return why there is no connection, or what else there is to say; nothing where all is well."""
    if not health.live:
        return cut([(f"for {span(health.away_s)}: {health.trouble}", "red")], width)
    return cut([(health.notice, "yellow")], width)


def last(view: View, found: int, of: int, width: int, *, keys: bool) -> Line:
    """Return the line at the bottom: the search while it is typed, what is shown of how much, the keys."""
    if view.typing:
        return cut([("/", "bold"), (view.search, ""), ("▏", "blink"), (f"  {found} of {of}", "dim")], width)
    facts: list[Line] = []
    if view.search:
        facts.append([(f"/{view.search}", "bold"), (f" {found} of {of}, Esc ends", "dim")])
    if not keys:
        return fitting([*facts, [("Ctrl-C ends", "dim")]], width)
    in_book = (("↑↓", "other symbol"), ("Esc", "table"), ("p", "pause"), ("t", "transport"))
    some = [_key(key) for key in (in_book if view.book is not None else _KEYS)]
    ends = [_key(key) for key in _ENDS]
    while some and sum(len(text) for text, _ in joined([*facts, *some, *ends])) > width:
        some.pop()
    return fitting([*facts, *some, *ends], width)


def helped(height: int, width: int) -> list[Line]:
    """Return the keys in full, as many as fit."""
    lines = [[(f" {keys:<20}", "bold"), (said, "")] for keys, said in HELP]
    return [cut(line, width) for line in lines[:height]]


def reason(trouble: Exception | None) -> str:
    """Return why there is no connection, without the address: that is known, and long."""
    return _ADDRESS.sub("", str(trouble)) if trouble else "the connection was lost"


def market_time(t: int) -> str:
    """Return market time to the second; it is said in UTC, as on the page."""
    return datetime.fromtimestamp(t // 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _key(key: tuple[str, str]) -> Line:
    return [(key[0], "bold"), (f" {key[1]}", "dim")]


def _bad(name: str, count: int) -> Span:
    return f"{name} {count:,}", "bold red" if count else ""


def _ms(value: float) -> str:
    return f"{value:.1f}" if abs(value) < 100 else f"{value:,.0f}"
