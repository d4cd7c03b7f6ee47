"""What tests of `ticker watch` look at: some instruments, a board that has heard of them, a book, lines as text."""

from dataclasses import replace
from math import nan

import numpy as np
from rich.console import Console
from rich.text import Text

from ticker.session.kinds import Quote, Stats, Status, Tick, Trade
from ticker.session.messages import Snapshot, Ticks
from ticker_client.arrays import gathered
from ticker_client.instruments import Instrument, Instruments
from ticker_client.order_book import OrderBook, PriceLevel
from ticker_watch.board import Board
from ticker_watch.figures import Line
from ticker_watch.ladder import Portrait
from ticker_watch.trend import Trend

T = 1_767_623_400_000_000  # 2026-01-05 14:30 UTC
CELL_US = 5_000_000
INSTRUMENTS = Instruments(
    [
        Instrument("ACME", 0.01, 2),
        Instrument("BTC-USD", 0.01, 2),
        Instrument("DOGE", 0.00001, 5),
        Instrument("A.VERY-LONG_NAME", 0.5, 1),
        Instrument("MUTE", 0.01, 2),
    ]
)


def stats(sym: str, last: float, previous: float, volume: int) -> Stats:
    return Stats(sym, 1, T, previous, last, previous, last, previous, volume, last, 9, last - previous, 0.0)


def told(*ticks: Tick, t: int = T) -> Board:
    """Return a board that has heard some ticks, after a snapshot of the day."""
    board = Board(INSTRUMENTS, CELL_US)
    shown: list[Tick] = [
        stats("ACME", 187.32, 187.0, 1_234_567),
        stats("BTC-USD", 65_432.1, 65_000.0, 12),
        stats("DOGE", 0.12345, 0.13, 99_999_999_999),
    ]
    board.take(gathered(Snapshot(seq=1, channel="stats", data=shown), INSTRUMENTS), 0.0)
    board.take(gathered(Ticks(seq=2, ts=t, data=list(ticks)), INSTRUMENTS), 1.0)
    return board


def full() -> Board:
    return told(
        Status("ACME", 1, T, "halted", "halt"),
        Status("DOGE", 1, T, "trading", "shock"),
        Quote("ACME", 1, T, 187.31, 300, 187.33, 200),
        Quote("BTC-USD", 1, T, 65_432.0, 1, 65_432.5, 2),
        Trade("ACME", 1, T, 187.32, 100, "buy"),
        Trade("ACME", 2, T, 187.42, 50, "sell"),
        Trade("BTC-USD", 1, T, 65_000.0, 3, "sell"),
        Trade("A.VERY-LONG_NAME", 1, T, 12.5, 1, "buy"),
    )


def no_book(_: str) -> tuple[float, float]:
    return nan, nan


def painted(lines: list[Line], width: int) -> list[str]:
    """Return what rich makes of lines at a width, without its styles."""
    console = Console(width=width, record=True, file=open("/dev/null", "w"), color_system=None)  # noqa: PTH123, SIM115
    for line in lines:
        console.print(Text.assemble(*line), soft_wrap=False)
    console.file.close()
    return console.export_text().splitlines()


def portrait(levels: int = 10, **changes: object) -> Portrait:
    bids = tuple(PriceLevel(187.31 - place / 100, 100 * (place + 1)) for place in range(levels))
    asks = tuple(PriceLevel(187.33 + place / 100, 150 * (place + 1)) for place in range(levels))
    trades = tuple(Trade("ACME", n, T - n, 187.32, 100 + n, "buy" if n % 2 else "sell") for n in range(30))
    trend_ = Trend(1, CELL_US)
    for cell in range(20):
        trend_.note(T + cell * CELL_US, np.array([187.0 + cell / 10]))
    quote, status = Quote("ACME", 1, T, 187.31, 100, 187.33, 150), Status("ACME", 1, T, "halted", "halt")
    book = OrderBook("ACME", 5, T, bids, asks, True)
    made = Portrait("ACME", 2, book, trades, quote, stats("ACME", 187.32, 187.0, 12345), status, (1204, 0), trend_, 1)
    return replace(made, **changes)  # type: ignore[arg-type]  # of those fields
