"""The book of one symbol as `ticker watch` paints it."""

import re

import pytest

from ticker_client.order_book import OrderBook
from ticker_watch import frame
from ticker_watch.frame import Size
from ticker_watch.view import View
from watch_scene import T, painted, portrait


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
