"""The table: which columns a width has room for, and a row of each instrument. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from ticker_watch import order, trend
from ticker_watch.columns import BY_WEIGHT, IN_ORDER, PRICED, STATE, SYMBOL, TREND, TREND_MIN, Column, Scene
from ticker_watch.figures import STYLES, Line, Span, cut
from ticker_watch.view import View

TREND_GOOD, TREND_MAX = 16, 60
MEASURED_S = 1.0
ROOMY = 100  # from this width on, columns stand two cells apart, and a state may have a reason
CHOSEN = "reverse"


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns from left to right with their widths, and the cells between them."""

    columns: list[tuple[Column, int]]
    gap: int


class Table:
    """Columns that keep their widths: they grow when a number needs it, and never shrink while it is looked at."""

    def __init__(self) -> None:
        self._wide = {column: column.least for column in IN_ORDER}
        self._measured: tuple[list[int], float] = ([], 0.0)

    def fit(self, scene: Scene, numbers: Sequence[int], width: int) -> Layout:
        """Return the columns there is room for, given the instruments to show."""
        self._measure(scene, list(numbers))
        gap = 2 if width >= ROOMY else 1
        wide = self._wide if width >= ROOMY else {**self._wide, STATE: STATE.least}
        chosen: list[Column] = []
        left = width - 1 + gap  # a cell for the mark
        for column in BY_WEIGHT:
            kept = TREND_GOOD - TREND_MIN if TREND in chosen else 0  # what weighs less than a trend must leave it this
            if wide[column] + gap <= left - kept:
                left -= wide[column] + gap
                chosen.append(column)
        widths = {**wide, TREND: min(TREND_MAX, TREND_MIN + left)}
        return Layout([(column, widths[column]) for column in IN_ORDER if column in chosen], gap)

    def _measure(self, scene: Scene, numbers: list[int]) -> None:
        """Widen columns where other rows are seen, or it was long ago: a price seldom has a digit more."""
        seen, when_s = self._measured
        if seen == numbers and scene.now_s < when_s + MEASURED_S:
            return
        self._measured = (numbers, scene.now_s)
        for column in (SYMBOL, *PRICED, STATE):
            needs = [len(column.cell(scene, number)[0]) for number in numbers]
            self._wide[column] = max(self._wide[column], *needs, 0)


def heading(layout: Layout, view: View, cell_s: float) -> Line:
    """Return the titles; that of the order has an arrow."""
    arrow = "▾" if order.falling(view.order, reverse=view.reverse) else "▴"
    cells: list[Span] = []
    for column, width in layout.columns:
        title = column.title + (arrow if column.order == view.order else "")
        if column is TREND:
            said = f"last {span(width * cell_s)}"
            title = said if len(said) <= width else span(width * cell_s)
        cells.append((title, "bold"))
    return _line(layout, cells, " ")


def row(layout: Layout, scene: Scene, number: int, *, chosen: bool) -> Line:
    """Return an instrument's row."""
    cells = [
        _trend(scene, number, width) if column is TREND else column.cell(scene, number)
        for column, width in layout.columns
    ]
    line = _line(layout, cells, ">" if chosen else " ")
    return [(text, _reversed(style)) for text, style in line] if chosen else line


def span(seconds: float) -> str:
    """Return a length of time, roughly."""
    for unit, name in ((3600, "h"), (60, "min")):
        if seconds >= 2 * unit:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds:.0f} s"


def _line(layout: Layout, cells: list[Span], mark: str) -> Line:
    line: Line = [(mark, "bold")]
    for (column, width), (text, style) in zip(layout.columns, cells, strict=True):
        fitting = text if len(text) <= width else cut([(text, style)], width)[0][0]
        padding = " " * (width - len(fitting))
        before = " " * layout.gap if len(line) > 1 else ""
        line += (
            [(before, ""), (fitting, style), (padding, "")]
            if column.left
            else [(before + padding, ""), (fitting, style)]
        )
    return line


def _trend(scene: Scene, number: int, width: int) -> Span:
    prices = scene.board.trend.newest(number, width)
    return trend.picture(prices)[0], STYLES[trend.way(prices)]


def _reversed(style: str) -> str:
    return style if CHOSEN in style else f"{style} {CHOSEN}".lstrip()
