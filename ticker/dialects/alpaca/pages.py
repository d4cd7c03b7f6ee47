"""The past, a page at a time: rows of several symbols, one symbol after the other, until a page is full.

Where the next page begins is a place in a symbol's past: of bars the time of the last one, of trades its number.
"""

from collections.abc import Callable, Iterable
from typing import Any

from ticker.dialects.alpaca.asking import MINUTE_US, Page, token_of
from ticker.venue import Bars, Market

Placed = list[tuple[int, tuple[int, ...]]]
"""Rows, each after its place."""
Fetch = Callable[[int, "int | None", int], Placed]
"""Returns so many rows of an instrument at most, from after a place on, in the order that is asked for."""
CHUNK = 5000


def paged(symbols: Iterable[tuple[str, int]], page: Page, fetch: Fetch) -> tuple[dict[str, list[Any]], str | None]:
    """Return the rows of a page by symbol, and the token of the next one, if there may be any."""
    found: dict[str, list[Any]] = {}
    room, ended = page.limit, ("", 0)
    for symbol, instrument in sorted(symbols):
        if page.after and symbol < page.after[0]:
            continue
        if not room:
            return found, token_of(*ended)
        place = page.after[1] if page.after and symbol == page.after[0] else None
        rows = fetch(instrument, place, room + 1)
        kept = rows[:room]
        if kept:
            found[symbol] = [row for _, row in kept]
            room, ended = room - len(kept), (symbol, kept[-1][0])
        if len(rows) > len(kept):
            return found, token_of(*ended)
    return found, None


def bars_of(market: Market, bars: Bars, page: Page, *, empty: bool) -> Fetch:
    """Return what fetches bars: without those in which nothing was traded, unless `empty`.

    A minute is told when it is over, what is longer as it stands.
    """

    def is_told(row: tuple[int, ...]) -> bool:
        traded, done = row[11], row[-1]
        return bool((traded or (empty and row[5])) and (done or bars.length_us != MINUTE_US))

    def fetch(instrument: int, place: int | None, count: int) -> Placed:
        found: Placed = []
        since, until = page.since_us, page.until_us
        if place is not None:
            since, until = (since, place - 1) if page.newest_first else (place + 1, until)
        while len(found) < count and since <= until:
            first = None if page.newest_first else since
            rows = market.bars(instrument, bars, CHUNK, first, until).tolist()
            told = [(row[2], row) for row in rows if is_told(row) and since <= row[2] <= until]
            found += reversed(told) if page.newest_first else told
            if len(rows) < CHUNK:
                break
            since, until = (since, rows[0][2] - 1) if page.newest_first else (rows[-1][2] + 1, until)
        return found[:count]

    return fetch


def trades_of(market: Market, page: Page) -> Fetch:
    """Return what fetches trades: they are numbered without a hole."""

    def fetch(instrument: int, place: int | None, count: int) -> Placed:
        since, until = page.since_us, page.until_us
        if not page.newest_first:
            after = {"since_us": since} if place is None else {"first": place + 1}
            rows = market.trades(instrument, count, until_us=until, **after)
        elif place is None:
            rows = market.trades(instrument, count, until_us=until)[::-1]
        else:
            rows = market.trades(instrument, count, first=max(1, place - count))[::-1]
            rows = rows[rows["n"] < place]
        return [(row[1], row) for row in rows.tolist() if row[2] >= since]

    return fetch
