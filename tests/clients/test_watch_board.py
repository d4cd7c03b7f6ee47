"""What `ticker watch` knows: the board, the order of its rows, trends, and how fast and old ticks are."""

from math import isnan, nan

import numpy as np
import pytest

from ticker.session.kinds import Trade
from ticker.session.messages import Snapshot, Ticks
from ticker_client.arrays import gathered
from ticker_watch import figures, order, trend
from ticker_watch.board import Board
from ticker_watch.pulse import Pulse
from ticker_watch.trend import CELLS, Trend
from watch_scene import CELL_US, INSTRUMENTS, T, full, stats, told


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
