"""A market that says what a test has told it: `ticker.venue.Market` over three pairs and two stocks.

Trades and books are set; quotes, bars and summaries follow from them, unless they are set as well.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from ticker.instruments import Instrument, Universe
from ticker.ticks import BUY, STATES, Rows
from ticker.venue import BAR, DAY_US, DEPTH, MONTH, PULSE, QUOTE, SUMMARY, TRADE, Bars, Image

BTC, ETH, CROSS, AAPL, FAKEPACA = range(5)
"""Indices in the universe; CROSS is ETH-BTC."""
T0 = 1_767_623_400_000_000
"""2026-01-05T14:30:00Z, a Monday, in microseconds since 1970."""
MINUTE_US = 60_000_000
MONTH_US = 30 * DAY_US

INSTRUMENTS = (
    Instrument("BTC-USDT", "Bitcoin / Tether", "crypto", 2, 1, 1, 9_500_000, size_decimals=5),
    Instrument("ETH-USDT", "Ether / Tether", "crypto", 2, 1, 1, 350_000, size_decimals=4),
    Instrument("ETH-BTC", "Ether / Bitcoin", "crypto", 5, 1, 1, 3_684, size_decimals=4),
    Instrument("AAPL", "Apple", "technology", 2, 1, 100, 25_000),
    Instrument("FAKEPACA", "Fake Pack", "test", 2, 1, 1, 13_500),
)


def universe() -> Universe:
    """Return a new universe of the five instruments."""
    return Universe(INSTRUMENTS, name="scripted")


def rows_of(dtype: np.dtype[Any], *rows: Sequence[int]) -> Rows:
    """Return rows of a dtype, each given as its fields in order."""
    return np.array([tuple(row) for row in rows], dtype)


def row_of(dtype: np.dtype[Any], **fields: int) -> Rows:
    """Return one row (shape (1,)) with these fields, and 0 in all others."""
    row = np.zeros(1, dtype)
    for name, value in fields.items():
        row[name] = value
    return row


def pulse(instrument: int, n: int, t: int, book_n: int = 0) -> Rows:
    """Return a row of PULSE."""
    return rows_of(PULSE, (instrument, n, t, book_n))


def opening(t: int, bars: Bars) -> tuple[int, int]:
    """Return when the bar that has market time `t` in it opens, and when the next one does."""
    if bars.length_us == MONTH:
        local = datetime.fromtimestamp((t - bars.offset_us) // 1_000_000, UTC)
        following = (local.year + local.month // 12, local.month % 12 + 1)
        since, until = (
            int(datetime(year, month, 1, tzinfo=UTC).timestamp()) * 1_000_000
            for year, month in ((local.year, local.month), following)
        )
        return since + bars.offset_us, until + bars.offset_us
    since = (t - bars.offset_us) // bars.length_us * bars.length_us + bars.offset_us
    return since, since + bars.length_us


class ScriptedMarket:
    """A market at time `t` (settable) in which what has been told has happened.

    `permitted` is None or the indices that are permitted; `books`, `quotes`, `bar_rows` (by instrument and Bars),
    `summary_rows` (by instrument and window) and `states` (by instrument, names of `ticks.STATES`) are tables to write
    into. A book without an entry is empty, with id 0.
    """

    def __init__(self, t: int = T0) -> None:
        self.universe = universe()
        self.t = t
        self.permitted: set[int] | None = None
        self.books: dict[int, Image] = {}
        self.quotes: dict[int, Rows] = {}
        self.bar_rows: dict[tuple[int, Bars], Rows] = {}
        self.summary_rows: dict[tuple[int, int], Rows] = {}
        self.states: dict[int, str] = {}
        self._trades: dict[int, list[tuple[int, ...]]] = {}

    def trade(self, instrument: int, price_ticks: int, size: int, side: int = BUY, t: int | None = None) -> Rows:
        """Let a trade happen, at `t` or now; return its row, with `n` counting from 1 and the book's id."""
        done = self._trades.setdefault(instrument, [])
        self.t = max(self.t, t or 0)
        row = (instrument, len(done) + 1, t or self.t, price_ticks, size, side, self.book(instrument).n)
        done.append(row)
        return rows_of(TRADE, row)

    def put_book(
        self, instrument: int, n: int, bids: Iterable[tuple[int, int]], asks: Iterable[tuple[int, int]]
    ) -> None:
        """Set a book now: best first."""
        self.books[instrument] = Image(n, self.t, list(bids), list(asks))

    def permits(self, instrument: int) -> bool:
        return self.permitted is None or instrument in self.permitted

    def quote(self, instrument: int) -> Rows:
        if instrument in self.quotes:
            return self.quotes[instrument]
        n, t, bids, asks = self.book(instrument)
        if not n:
            return np.empty(0, QUOTE)
        (bid, bid_size), (ask, ask_size) = (side[0] if side else (0, 0) for side in (bids, asks))
        return rows_of(QUOTE, (instrument, n, t, bid, bid_size, ask, ask_size, n))

    def book(self, instrument: int) -> Image:
        return self.books.get(instrument, Image(0, self.t, [], []))

    def trades(
        self,
        instrument: int,
        limit: int,
        first: int | None = None,
        since_us: int | None = None,
        until_us: int | None = None,
    ) -> Rows:
        found = [
            (*row[:6], 0)
            for row in self._trades.get(instrument, [])
            if (first is None or row[1] >= first)
            and (since_us is None or row[2] >= since_us)
            and (until_us is None or row[2] <= until_us)
        ]
        newest = first is None and since_us is None
        return rows_of(TRADE, *(found[max(len(found) - limit, 0) :] if newest else found[:limit]))

    def bars(
        self, instrument: int, bars: Bars, limit: int, since_us: int | None = None, until_us: int | None = None
    ) -> Rows:
        whole = self.bar_rows.get((instrument, bars))
        if whole is None:
            whole = self._bars(instrument, bars)
        keep = np.ones(len(whole), bool)
        if since_us is not None:
            keep &= whole["t"] >= since_us
        if until_us is not None:
            keep &= whole["t"] <= until_us
        kept = whole[keep]
        return kept[max(len(kept) - limit, 0) :] if since_us is None else kept[:limit]

    def summaries(self, instruments: Sequence[int], window_us: int = DAY_US) -> Rows:
        rows = [self.summary_rows.get((i, window_us)) for i in instruments]
        made = [self._summary(i, window_us) if row is None else row for i, row in zip(instruments, rows, strict=True)]
        return np.concatenate([np.empty(0, SUMMARY), *made])

    def state(self, instrument: int) -> int:
        return STATES.index(self.states.get(instrument, "trading"))

    def _bars(self, instrument: int, bars: Bars) -> Rows:
        trades = self._trades.get(instrument, [])
        rows: list[Rows] = []
        since, until = opening(trades[0][2], bars) if trades else (self.t + 1, 0)
        while since <= self.t:
            inside = [trade for trade in trades if since <= trade[2] < until]
            row = row_of(BAR, instrument=instrument, n=len(rows) + 1, t=since, until=until)
            row["at"], row["done"] = min(self.t, until), until <= self.t
            before = rows[-1]["close_ticks"][0] if rows else 0
            _fill(row, inside, int(before))
            _fill_takers(row, inside)
            rows.append(row)
            since, until = opening(until, bars)
        return np.concatenate([np.empty(0, BAR), *rows])

    def _summary(self, instrument: int, window_us: int) -> Rows:
        since = -(-(self.t - window_us) // MINUTE_US) * MINUTE_US
        trades = self._trades.get(instrument, [])
        inside = [trade for trade in trades if trade[2] >= since]
        before = [trade[3] for trade in trades if trade[2] < since]
        row = row_of(SUMMARY, instrument=instrument, t=self.t, since=since, until=self.t)
        _fill(row, inside, before[-1] if before else 0)
        row["before_ticks"] = before[-1] if before else 0
        row["month_volume"] = sum(trade[4] for trade in trades if trade[2] >= self.t - MONTH_US)
        if trades:
            row["last_size"], row["last_side"], row["last_t"] = trades[-1][4], trades[-1][5], trades[-1][2]
        for name in ("bid_ticks", "bid_size", "ask_ticks", "ask_size", "book_n"):
            touch = self.quote(instrument)
            row[name] = touch[name] if len(touch) else 0
        return row


def _fill(row: Rows, trades: Sequence[Sequence[int]], before_ticks: int) -> None:
    """Write prices, sums and numbers of some trades into a row that has such fields."""
    prices = [trade[3] for trade in trades] or [before_ticks]
    row["open_ticks"], row["high_ticks"], row["low_ticks"] = prices[0], max(prices), min(prices)
    row["close_ticks"] = prices[-1]
    row["volume"], row["trades"] = sum(trade[4] for trade in trades), len(trades)
    row["turnover"] = sum(trade[3] * trade[4] for trade in trades)
    row["first"], row["last"] = (trades[0][1], trades[-1][1]) if trades else (-1, -1)


def _fill_takers(row: Rows, trades: Sequence[Sequence[int]]) -> None:
    bought = [trade for trade in trades if trade[5] == BUY]
    row["taker_volume"] = sum(trade[4] for trade in bought)
    row["taker_turnover"] = sum(trade[3] * trade[4] for trade in bought)


def depth_rows(
    instrument: int,
    n: int,
    t: int,
    levels: Iterable[tuple[int, int, int]],
    first: int | None = None,
    kind: int = 0,
) -> Rows:
    """Return one message of DEPTH rows: levels are (side, price in ticks, size)."""
    rows = [(instrument, n, t, n if first is None else first, *level, kind, 0) for level in levels]
    made = rows_of(DEPTH, *rows)
    made["last"][-1:] = 1
    return made
