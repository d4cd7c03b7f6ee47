"""Plots as inline SVG: a row a lane, coloured by the page's style sheet, readable without a script."""

from collections.abc import Sequence
from html import escape
from math import floor, log10
from typing import NamedTuple

from ticker.pages.charts import WIDTH, Axis, drawing, upright

LEFT, RIGHT = 110, 90  # of the names, of the numbers at the right
ROW, BAR, FOOT = 30, 14, 26
INNER = WIDTH - LEFT - RIGHT


class Bar(NamedTuple):
    """A row of a bar chart: parts from left to right, each in its own colour, and what is written behind them."""

    name: str
    parts: Sequence[float]
    text: str


class Spread(NamedTuple):
    """A row of a chart of percentiles: a line from the least to the most, a thick one between two, a dot."""

    name: str
    least: float
    middle: float
    high: float
    most: float
    text: str


class Strip(NamedTuple):
    """A row of moments: seconds, and how many came then."""

    name: str
    comings: Sequence[tuple[float, int]]


def bars(title: str, rows: Sequence[Bar]) -> str:
    """Return a bar chart that begins at zero."""
    longest = max((sum(row.parts) for row in rows), default=0.0) or 1.0
    drawn = []
    for place, row in enumerate(rows):
        x, y = float(LEFT), place * ROW + (ROW - BAR) / 2
        for number, part in enumerate(row.parts):
            width = part / longest * INNER
            drawn.append(f'<rect class="c{number}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{BAR}"/>')
            x += width
        drawn.append(_text(x + 8, place, row.text, "start"))
    return _svg(title, [row.name for row in rows], drawn)


def spreads(title: str, rows: Sequence[Spread], unit: str) -> str:
    """Return a chart of percentiles over a logarithmic axis."""
    values = [value for row in rows for value in (row.least, row.most)]
    if not values:
        return _svg(title, [], [])
    low, high = floor(log10(min(values))), log10(max(values))
    axis = Axis(unit, 10.0**low, 10.0 ** max(high, low + 1), log=True)  # from one power of ten to the next at least

    def x(value: float) -> float:
        return LEFT + axis.place(value) * INNER

    drawn = _axis([(x(10.0**power), f"{10.0**power:g} {unit}") for power in range(low, floor(high) + 1)], len(rows))
    for place, row in enumerate(rows):
        y = place * ROW + ROW / 2
        drawn += [
            f'<line class="whisker" x1="{x(row.least):.1f}" x2="{x(row.most):.1f}" y1="{y}" y2="{y}"/>',
            f'<line class="box" x1="{x(row.middle):.1f}" x2="{x(row.high):.1f}" y1="{y}" y2="{y}"/>',
            f'<circle class="dot" cx="{x(row.middle):.1f}" cy="{y}" r="6"/>',
            _text(WIDTH - RIGHT + 8, place, row.text, "start"),
        ]
    return _svg(title, [row.name for row in rows], drawn, FOOT)


def strips(title: str, rows: Sequence[Strip], seconds: float) -> str:
    """Return a chart of moments: a stroke for each, the higher the more came then."""
    most = max((count for row in rows for _, count in row.comings), default=1)
    drawn = _axis([(LEFT + share * INNER, f"{share * seconds:g} s") for share in (0, 0.25, 0.5, 0.75, 1)], len(rows))
    for place, row in enumerate(rows):
        foot = place * ROW + ROW - 4
        path = "".join(
            f"M{LEFT + second / seconds * INNER:.1f} {foot}v{-max(6.0, (count / most) ** 0.5 * (ROW - 8)):.1f}"
            for second, count in row.comings
        )
        drawn += [
            f'<path class="strokes" d="{path}"/>',
            _text(WIDTH - RIGHT + 8, place, f"{len(row.comings):,} time{'s' * (len(row.comings) != 1)}", "start"),
        ]
    return _svg(title, [row.name for row in rows], drawn, FOOT)


def _axis(marks: Sequence[tuple[float, str]], rows: int) -> list[str]:
    return [piece for x, text in marks for piece in upright(x, 0, rows * ROW, text)]


def _text(x: float, place: int, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{place * ROW + ROW / 2 + 5}" text-anchor="{anchor}">{escape(text)}</text>'


def _svg(title: str, names: Sequence[str], drawn: Sequence[str], foot: int = 0) -> str:
    labels = [_text(LEFT - 10, place, name, "end") for place, name in enumerate(names)]
    return drawing(title, len(names) * ROW + foot, [*drawn, *labels])
