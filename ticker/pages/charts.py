"""Charts as inline SVG, coloured by the page's style sheet, readable without a script."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, isfinite, log10

WIDTH, HEIGHT = 720, 310
LEFT, RIGHT, TOP, FOOT = 60, 30, 24, 46
INNER_WIDTH, INNER_HEIGHT = WIDTH - LEFT - RIGHT, HEIGHT - TOP - FOOT
DECADES_FINE = 2.6  # a shorter logarithmic axis has numbers between powers of ten
MARKS = 8  # about so many numbers on an axis

Points = Sequence[tuple[float, float]]


def spell(value: float) -> str:
    """Return a number as it is written on an axis."""
    return f"{value:.6g}".replace("e-0", "e-").replace("-", "\u2212")


@dataclass(frozen=True, slots=True)
class Axis:
    """What an axis measures, and from where to where; `log` axes begin above 0."""

    label: str
    low: float
    high: float
    log: bool = False
    spelled: Callable[[float], str] = spell

    def place(self, value: float) -> float:
        """Return where a value lies, from 0 to 1 inside the axis."""
        if self.log:
            return (log10(max(value, 1e-300)) - log10(self.low)) / (log10(self.high) - log10(self.low))
        return (value - self.low) / (self.high - self.low)

    def marks(self) -> list[float]:
        """Return round values to write on the axis."""
        if self.log:
            decades = range(floor(log10(self.low)), ceil(log10(self.high)) + 1)
            within = (1, 2, 5) if log10(self.high / self.low) < DECADES_FINE else (1,)
            marks = [10.0**power * digit for power in decades for digit in within]
            return [mark for mark in marks if self.low * 0.999 <= mark <= self.high * 1.001]
        rough = (self.high - self.low) / MARKS
        unit = 10.0 ** floor(log10(rough))
        step = next(unit * nice for nice in (1, 2, 5, 10) if unit * nice >= rough * 0.999)
        return [step * k for k in range(ceil(self.low / step - 1e-9), floor(self.high / step + 1e-9) + 1)]


@dataclass(frozen=True, slots=True)
class Line:
    """A line through points, or the points alone, in colour `colour` of the style sheet."""

    points: Points
    colour: int
    dots: bool = False
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Columns:
    """A histogram: (from, to, height)."""

    bars: Sequence[tuple[float, float, float]]
    colour: int


def around(values: Sequence[float], *, least: float | None = None, room: float = 0.06) -> tuple[float, float]:
    """Return the range of an axis that shows all values with some room, and begins at `least` where that is given."""
    finite = [value for value in values if isfinite(value)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    more = (high - low or abs(high) or 1.0) * room
    return (low - more if least is None else least), high + more


def chart(title: str, layers: Sequence[Line | Columns], x: Axis, y: Axis) -> str:
    """Return a chart of layers, the later ones on top."""
    inside = "".join(piece for layer in layers for piece in _drawn(layer, x, y))
    # An inner drawing cuts off what lies outside the axes.
    inner = f'<svg x="{LEFT}" y="{TOP}" width="{INNER_WIDTH}" height="{INNER_HEIGHT}">{inside}</svg>'
    return drawing(title, HEIGHT, [*_grid(x, y), inner])


def drawing(title: str, height: float, pieces: Iterable[str]) -> str:
    """Return a drawing as wide as the page; `title` is for who cannot see it."""
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">{"".join(pieces)}</svg>'


def upright(at: float, top: float, foot: float, text: str) -> Iterable[str]:
    """Return a line of the grid from top to foot, and what is written below it."""
    yield f'<line class="grid" x1="{at:.1f}" x2="{at:.1f}" y1="{top}" y2="{foot}"/>'
    yield f'<text class="mark" x="{at:.1f}" y="{foot + 17}" text-anchor="middle">{escape(text)}</text>'


def _drawn(layer: Line | Columns, x: Axis, y: Axis) -> list[str]:
    return _line(layer, x, y) if isinstance(layer, Line) else _columns(layer, x, y)


def _at(x: Axis, y: Axis, point: tuple[float, float]) -> tuple[float, float]:
    across, up = (min(max(share, -3.0), 4.0) for share in (x.place(point[0]), y.place(point[1])))
    return across * INNER_WIDTH, (1 - up) * INNER_HEIGHT


def _grid(x: Axis, y: Axis) -> list[str]:
    foot = TOP + INNER_HEIGHT
    drawn: list[str] = []
    for mark in x.marks():
        drawn += upright(LEFT + x.place(mark) * INNER_WIDTH, TOP, foot, x.spelled(mark))
    for mark in y.marks():
        at = TOP + (1 - y.place(mark)) * INNER_HEIGHT
        drawn.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        drawn.append(f'<text class="mark" x="{LEFT - 8}" y="{at + 4:.1f}" text-anchor="end">{y.spelled(mark)}</text>')
    middle = LEFT + INNER_WIDTH / 2
    drawn.append(f'<text class="mark" x="{middle}" y="{HEIGHT - 8}" text-anchor="middle">{escape(x.label)}</text>')
    drawn.append(f'<text class="mark" x="0" y="12">{escape(y.label)}</text>')
    return drawn


def _line(line: Line, x: Axis, y: Axis) -> list[str]:
    points = [point for point in line.points if isfinite(point[0]) and isfinite(point[1])]
    if line.dots:
        places = [_at(x, y, point) for point in points]
        return [f'<circle class="c{line.colour}" cx="{a:.1f}" cy="{b:.1f}" r="2.5"/>' for a, b in places]
    path = " ".join(f"{a:.1f},{b:.1f}" for a, b in (_at(x, y, point) for point in points))
    return [f'<polyline class="l{line.colour}{" dashed" if line.dashed else ""}" points="{path}"/>']


def _columns(columns: Columns, x: Axis, y: Axis) -> list[str]:
    drawn = []
    for low, high, height in columns.bars:
        left, top = _at(x, y, (low, height))
        right, foot = _at(x, y, (high, y.low))
        if foot > top:
            size = f'width="{max(right - left - 0.5, 0.5):.1f}" height="{foot - top:.1f}"'
            drawn.append(f'<rect class="c{columns.colour} bar" x="{left:.1f}" y="{top:.1f}" {size}/>')
    return drawn
