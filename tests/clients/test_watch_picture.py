"""The table of `ticker watch`: what stands where, at which width, and that nothing is ever too wide."""

import re
from collections.abc import Callable
from dataclasses import replace
from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET
from rich.console import Console

from ticker.session.kinds import Status, Trade
from ticker_watch import facts, figures, frame, order
from ticker_watch.board import Board
from ticker_watch.columns import Scene
from ticker_watch.facts import Health
from ticker_watch.figures import Line, length
from ticker_watch.frame import Size
from ticker_watch.ink import Ink
from ticker_watch.table import Table
from ticker_watch.view import View
from watch_scene import T, full, no_book, painted, portrait, told

LIVE = Health(True, "ws", "7f7f48ae9c51:123456", 1412.0, (0.62, 1.31), 0, 0, t=T)


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


def test_a_title_tells_the_order() -> None:
    assert "Change▾" in table(full(), 80, view=View(order="change"))[3]
    assert "Change▴" in table(full(), 80, view=View(order="change", reverse=True))[3]


def test_where_there_is_no_quote_the_book_is_asked() -> None:
    scene = Scene.of(told(Trade("ACME", 1, T, 1.0, 1, "buy")), lambda _: (1.5, nan), 0.0)
    lines = frame.of_table(Size(80, 24), Table(), scene, View(), [0])
    assert re.search(r"1\.50 +-", painted(lines, 80)[1])


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
