"""The pictures of `ticker watch`: what stands where, at which width, and that nothing is ever too wide."""

import re
from collections.abc import Callable
from dataclasses import replace
from math import isnan, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from rich.console import Console
from rich.text import Text

from ticker.session.kinds import Quote, Stats, Status, Tick, Trade
from ticker.session.messages import Snapshot, Ticks
from ticker_client.arrays import gathered
from ticker_client.instruments import Instrument, Instruments
from ticker_client.order_book import OrderBook, PriceLevel
from ticker_watch import facts, figures, frame, order, trend
from ticker_watch.board import Board
from ticker_watch.columns import Scene
from ticker_watch.facts import Health
from ticker_watch.figures import Line, length
from ticker_watch.frame import Size
from ticker_watch.ink import Ink
from ticker_watch.ladder import Portrait
from ticker_watch.pulse import Pulse
from ticker_watch.table import Table
from ticker_watch.trend import CELLS, Trend
from ticker_watch.view import View

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
LIVE = Health(True, "ws", "7f7f48ae9c51:123456", 1412.0, (0.62, 1.31), 0, 0, t=T)


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


def table(board: Board, width: int, height: int = 24, view: View | None = None) -> list[str]:
    view = view or View()
    listed = order.listed(board, view.order, view.search, reverse=view.reverse)
    scene = Scene.of(board, no_book, 100.0)
    size = Size(width, height)
    subject = frame.of_table(size, Table(), scene, view, listed)
    lines = frame.frame(size, LIVE, view, subject, len(listed), len(board.shown()), keys=True)
    assert len(lines) == height
    assert all(length(line) <= width for line in lines)
    shown = painted(lines, width)
    assert len(shown) == height, "nothing is wrapped"
    return shown


@pytest.mark.parametrize("width", [60, 80, 120, 160])
def test_a_table_fits_and_says_what_matters(width: int) -> None:
    shown = table(full(), width)
    assert shown[0].startswith("● live  ws  7f7f48ae9c51:123456")
    assert "1,412 ticks/s" in shown[1] and "latency 0.6 ms, p99 1.3" in shown[1] and "missed 0" in shown[1]
    assert "Symbol▴" in shown[3] and "Last" in shown[3] and "State" in shown[3]
    acme = next(line for line in shown if "ACME" in line)
    assert "187.42 ▲" in acme and "+0.22%" in acme and "halted" in acme
    assert any("65000.00 ▼" in line for line in shown)
    assert any("0.12345" in line for line in shown)
    assert shown[-1].endswith("q quit")


def test_a_wide_table_has_more_columns_and_a_longer_trend() -> None:
    narrow, wide = table(full(), 80), table(full(), 160)
    assert "Ask size" not in narrow[3] and "Ask size" in wide[3] and "High" in wide[3]
    assert "trading: shock" in "".join(wide) and "trading: shock" not in "".join(narrow)
    assert wide[3].index("State") - wide[3].index("High") > 25


def test_the_chosen_row_has_a_mark_that_is_no_colour() -> None:
    shown = table(full(), 80, view=View(chosen="DOGE"))
    assert [line[0] for line in shown[4:8]] == [" ", " ", " ", ">"]


def test_columns_stand_below_their_titles() -> None:
    shown = table(full(), 80)
    end = shown[3].index("Bid") + 3
    acme = next(line for line in shown if "ACME" in line)
    assert acme[:end].endswith("187.31")


def test_what_did_not_come_is_a_dash_and_what_was_not_heard_of_is_not_there() -> None:
    shown = "\n".join(table(full(), 80))
    assert "MUTE" not in shown
    assert re.search(r"DOGE +0\.12345", shown)
    assert re.search(r"A\.VERY-LONG_NAME +12\.50 .* - ", shown)


@given(st.integers(1, 200), st.integers(1, 60), st.booleans(), st.booleans(), st.booleans())
def test_no_picture_is_ever_too_large(width: int, height: int, book: bool, help_: bool, typing: bool) -> None:
    view = View(help=help_, typing=typing, search="c" if typing else "")
    size = Size(width, height)
    board = full()
    if book:
        subject = frame.of_book(size, portrait(), replace(view, book="ACME"))
    else:
        subject = frame.of_table(size, Table(), Scene.of(board, no_book, 1.0), view, board.shown())
    away = replace(LIVE, live=False, away_s=3.0, trouble="connection refused: is the server running?")
    lines = frame.frame(size, away, view, subject, 4, 4, keys=True)
    assert len(lines) <= height
    assert all(length(line) <= width for line in lines)


def test_help_and_search_have_their_places() -> None:
    helped = table(full(), 80, view=View(help=True))
    assert any("Enter" in line and "book" in line for line in helped[:-1])
    assert "ACME" in "".join(helped), "help leaves some of the table"
    searched = table(full(), 80, view=View(search="btc", typing=True))
    assert searched[-1].startswith("/btc") and "1 of 4" in searched[-1]
    assert "ACME" not in "".join(searched)
    assert "no symbol has zzz" in "".join(table(full(), 80, view=View(search="zzz")))


@pytest.mark.parametrize(
    ("way", "reverse", "first"),
    [
        ("symbol", False, "A.VERY-LONG_NAME"),
        ("symbol", True, "DOGE"),
        ("last", False, "BTC-USD"),
        ("last", True, "DOGE"),
        ("change", False, "ACME"),
        ("change", True, "DOGE"),
        ("volume", False, "DOGE"),
        ("volume", True, "BTC-USD"),
        ("activity", False, "ACME"),
    ],
)
def test_rows_are_ordered(way: str, reverse: bool, first: str) -> None:
    board = full()
    board.settle(1.0)
    board.take(gathered(Ticks(seq=3, ts=T, data=[Trade("ACME", 90, T, 187.4, 1, "buy")]), INSTRUMENTS), 1.5)
    board.settle(2.0)
    numbers = order.listed(board, way, "", reverse=reverse)
    assert INSTRUMENTS.symbols[numbers[0]] == first
    assert sorted(numbers) == [0, 1, 2, 3]
    if way in ("volume",):
        assert INSTRUMENTS.symbols[numbers[-1]] == "A.VERY-LONG_NAME", "what has no value is last, whichever way"


def test_a_title_tells_the_order() -> None:
    assert "Change▾" in table(full(), 80, view=View(order="change"))[3]
    assert "Change▴" in table(full(), 80, view=View(order="change", reverse=True))[3]


# What a board knows.


def test_activity_counts_what_was_merged() -> None:
    board = told(Trade("ACME", 10, T, 1.0, 1, "buy"))
    board.settle(1.0)
    for second in range(2, 60):
        n = 10 + 7 * second
        board.take(gathered(Ticks(seq=second, ts=T, data=[Trade("ACME", n, T, 1.0, 1, "buy")]), INSTRUMENTS), second)
        board.settle(float(second))
    assert board.now.activity[0] == pytest.approx(7, rel=0.02)


def test_a_snapshot_is_no_activity() -> None:
    board = Board(INSTRUMENTS, CELL_US)
    board.settle(0.0)
    board.take(gathered(Snapshot(seq=1, channel="trades", data=[Trade("ACME", 9, T, 1.0, 1, "buy")]), INSTRUMENTS), 0.5)
    board.settle(1.0)
    assert board.now.activity[0] == 0


def test_a_copy_stands_still() -> None:
    board = full()
    twin = board.copy()
    board.take(gathered(Ticks(seq=3, ts=T, data=[Trade("ACME", 3, T + CELL_US, 200.0, 1, "buy")]), INSTRUMENTS), 2.0)
    assert (twin.now.last[0], board.now.last[0]) == (187.42, 200.0)
    assert twin.trend.newest(0, 1) == [187.42] and board.trend.newest(0, 2) == [187.42, 200.0]


def test_a_price_of_statistics_gives_way_to_trades() -> None:
    board = full()
    board.take(gathered(Ticks(seq=3, ts=T, data=[stats("ACME", 1.0, 187.0, 5)]), INSTRUMENTS), 2.0)
    assert board.now.last[0] == 187.42
    assert board.now.volume[0] == 5


def test_where_there_is_no_quote_the_book_is_asked() -> None:
    scene = Scene.of(told(Trade("ACME", 1, T, 1.0, 1, "buy")), lambda _: (1.5, nan), 0.0)
    lines = frame.of_table(Size(80, 24), Table(), scene, View(), [0])
    assert re.search(r"1\.50 +-", painted(lines, 80)[1])


# Trends.


def test_a_trend_holds_the_price_that_stood() -> None:
    trend_ = Trend(1, CELL_US)
    for cell, price in ((0, 1.0), (1, 2.0), (4, 5.0)):
        trend_.note(T + cell * CELL_US, np.array([price]))
    assert trend_.newest(0, 5) == [1.0, 2.0, 2.0, 2.0, 5.0]
    assert all(isnan(price) for price in trend_.newest(0, 8)[:3])
    trend_.note(T + 10_000 * CELL_US, np.array([9.0]))
    assert trend_.newest(0, CELLS) == [5.0] * (CELLS - 1) + [9.0]


def test_a_trend_is_filled_with_what_was_before() -> None:
    trend_ = Trend(2, CELL_US)
    trend_.note(T, np.array([7.0, 8.0]))
    times = [T - 3 * CELL_US, T - 3 * CELL_US + 1_000_000, T - CELL_US]
    trend_.fill(0, times, [1.0, 2.0, 3.0])
    assert trend_.newest(0, 4) == [2.0, 2.0, 3.0, 7.0]
    assert isnan(trend_.newest(0, 5)[0]) and isnan(trend_.newest(1, 2)[0])
    trend_.fill(1, [], [])
    assert isnan(trend_.newest(1, 2)[0])


def test_a_trend_is_drawn() -> None:
    assert trend.picture([1.0, 4.5, 8.0]) == ["▁▅█"]
    assert trend.picture([nan, 1.0, 8.0]) == [" ▁█"]
    assert trend.picture([nan, nan]) == ["  "]
    assert trend.picture([3.0, 3.0]) == ["▅▅"]
    assert trend.picture([1.0, 2.0], 2) == [" █", "▁█"]
    assert [trend.way(prices) for prices in ([1.0, 2.0], [nan, 2.0, 1.0], [nan], [1.0, 1.0])] == [1, -1, 0, 0]


# Figures, states, words.


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (99_999, "99999"), (123_456, "123k"), (1_234_567, "1.2M"), (5e9, "5.0G"), (7e12, "7.0T"), (nan, "-")],
)
def test_quantities_are_short(value: float, text: str) -> None:
    assert figures.quantity(value) == text


def test_what_does_not_fit_ends_in_an_ellipsis() -> None:
    assert figures.cut([("abc", ""), ("def", "")], 5) == [("abc", ""), ("d…", "")]
    assert figures.cut([("abc", "")], 0) == []


def state(health: Health, width: int = 80) -> str:
    lines = (facts.first(health, View(), width), facts.second(health, width), facts.third(health, width))
    return "\n".join("".join(text for text, _ in line) for line in lines)


def test_a_lost_connection_is_said_with_its_reason() -> None:
    said = state(replace(LIVE, live=False, away_s=12.0, trouble="cannot connect: connection refused"))
    assert "○ reconnecting" in said and "for 12 s: cannot connect: connection refused" in said
    assert "live" not in said


def test_misses_and_lags_are_said() -> None:
    said = state(replace(LIVE, missed=3, lagged=1500, books=(10, 1)), 120)
    assert "missed 3" in said and "lags 1,500" in said and "books proved 10, wrong 1" in said
    assert ("missed 3", "bold red") in facts.second(replace(LIVE, missed=3), 80)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError("cannot connect to ws://127.0.0.1:1/v1/stream: no answer"), "cannot connect: no answer"),
        (OSError("http://127.0.0.1:1/: the connection was lost"), "the connection was lost"),
        (OSError("the server ended the connection: 1001"), "the server ended the connection: 1001"),
        (None, "the connection was lost"),
    ],
)
def test_a_reason_has_no_address(error: Exception | None, said: str) -> None:
    assert facts.reason(error) == said


def test_a_pulse_is_a_mean_and_percentiles() -> None:
    pulse = Pulse()
    assert (pulse.rate, pulse.percentiles(0.0)) == (0.0, None)
    for tenth in range(100):
        pulse.count(tenth * 50, tenth / 10)
        pulse.note(float(tenth), tenth / 10)
    assert pulse.rate == pytest.approx(500)
    assert pulse.percentiles(10.0) == (50.0, 99.0)
    assert pulse.percentiles(100.0) is None
    pulse.note(1.0, 100.0)
    assert pulse.percentiles(101.0) == (1.0, 1.0)
    pulse.forget()
    assert pulse.percentiles(101.1) is None


# A book.


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


@pytest.mark.parametrize(("width", "height"), [(60, 24), (80, 24), (120, 40), (160, 50)])
def test_a_book_fits_and_has_ten_levels_a_side(width: int, height: int) -> None:
    size = Size(width, height)
    shown = painted(frame.of_book(size, portrait(), View()), width)
    assert len(shown) <= size.body
    assert all(len(line) <= width for line in shown)
    text = "\n".join(shown)
    assert "ACME" in shown[0] and "187.32" in shown[0] and "halted" in shown[0]
    assert "✓ proved" in text and "1,204 checksums right, 0 wrong" in text and "spread 0.02" in text
    ladder = [line for line in shown if "│" in line]
    assert len(ladder) == 11
    for place in range(10):
        assert f"{187.31 - place / 100:.2f} │ {187.33 + place / 100:.2f}" in ladder[place + 1]
    assert re.search(r"14:29:59 ▲ +187\.32 +101", text) and "▼" in text


def test_a_higher_terminal_has_a_chart() -> None:
    text = "\n".join(painted(frame.of_book(Size(80, 40), portrait(), View()), 80))
    assert "100 s: 187.00 to 188.90" in text and "█" in text


def test_a_thin_book_has_blanks() -> None:
    shown = painted(frame.of_book(Size(80, 24), portrait(levels=2), View()), 80)
    assert len([line for line in shown if re.search(r"\d │ \d", line)]) == 2


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"book": None}, "waiting for the book"),
        ({"trouble": "reconnecting: connection refused"}, "○ reconnecting: connection refused"),
        (
            {"book": OrderBook("ACME", 1, T, (), (), False), "proved": (7, 1)},
            "✗ not proved  7 checksums right, 1 wrong",
        ),
    ],
)
def test_a_book_that_is_not_proved_says_so(changes: dict[str, object], said: str) -> None:
    assert said in "\n".join(painted(frame.of_book(Size(80, 24), portrait(**changes), View()), 80))


# Colours.


@pytest.fixture
def ink() -> Callable[..., Ink]:
    return lambda **options: Ink(Console(force_terminal=True, **options))


def test_styles_become_codes_and_no_color_leaves_only_what_is_no_colour(ink: Callable[..., Ink]) -> None:
    line: Line = [("up", "green"), (" ", ""), ("x", "bold red reverse")]
    assert ink(no_color=False, color_system="standard").line(line) == "\x1b[32mup\x1b[0m \x1b[1;7;31mx\x1b[0m"
    assert ink(no_color=True, color_system="standard").line(line) == "up \x1b[1;7mx\x1b[0m"


def test_a_status_without_a_price_is_read() -> None:
    assert Status("ACME", 1, T, "closed", "schedule").px is UNSET
    assert "closed" in "\n".join(table(told(Status("ACME", 1, T, "closed", "schedule")), 80))
