"""Charts: where things lie, what is written on axes, what is drawn."""

import math
import re

import pytest

from ticker.pages.charts import INNER_HEIGHT, INNER_WIDTH, Axis, Columns, Line, around, chart


@pytest.mark.parametrize(
    ("axis", "marks"),
    [
        (Axis("", 0, 8), [0, 1, 2, 3, 4, 5, 6, 7, 8]),
        (Axis("", -0.05, 0.25), [-0.05, 0, 0.05, 0.1, 0.15, 0.2, 0.25]),
        (Axis("", 1, 300, log=True), [1, 2, 5, 10, 20, 50, 100, 200]),
        (Axis("", 1e-5, 1.5, log=True), [1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1]),
    ],
)
def test_an_axis_is_marked_with_round_numbers(axis: Axis, marks: list[float]) -> None:
    assert axis.marks() == pytest.approx(marks, abs=1e-12)
    assert all(-1e-9 <= axis.place(mark) <= 1 + 1e-9 for mark in axis.marks())


def test_places_are_shares_of_the_axis() -> None:
    assert Axis("", 10, 20).place(15) == 0.5
    assert Axis("", 1, 100, log=True).place(10) == pytest.approx(0.5)


def test_what_is_undefined_is_not_drawn() -> None:
    drawn = chart("x", [Line([(0, 0), (1, math.nan), (2, 4)], 0)], Axis("", 0, 2), Axis("", 0, 4))
    points = re.search(r'points="([^"]*)"', drawn)
    assert points and points[1] == f"0.0,{INNER_HEIGHT:.1f} {INNER_WIDTH:.1f},0.0"


def test_dots_and_columns_are_drawn() -> None:
    drawn = chart(
        "x", [Line([(0, 1), (1, 2)], 1, dots=True), Columns([(0, 1, 2), (1, 2, 0)], 0)], Axis("", 0, 2), Axis("", 0, 4)
    )
    assert drawn.count("<circle") == 2
    assert drawn.count("<rect") == 1, "an empty column is none"
    assert f'height="{INNER_HEIGHT / 2:.1f}"' in drawn


def test_text_is_escaped() -> None:
    assert "a&lt;b" in chart("a<b", [], Axis("a<b", 0, 1), Axis("", 0, 1))


def test_an_axis_leaves_room_around_values() -> None:
    assert around([0.0, 10.0], room=0.1) == (-1.0, 11.0)
    assert around([1.0, math.inf, math.nan], least=0) == (0, 1.06)
    assert around([]) == pytest.approx((-0.06, 1.06))
