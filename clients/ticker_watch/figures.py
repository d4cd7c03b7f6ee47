"""Numbers as a narrow column shows them, and the words and styles a line is made of."""

from collections.abc import Iterable
from math import isnan

Span = tuple[str, str]
"""A piece of text and its style, as rich spells styles; every character is one cell wide."""
Line = list[Span]

UP, DOWN, LEVEL = 1, -1, 0
ARROWS = {UP: "▲", LEVEL: " ", DOWN: "▼"}
STYLES = {UP: "green", LEVEL: "", DOWN: "red"}
DECIMALS_MIN = 2
EXACT_MAX = 100_000  # sizes from here on are rounded
_SUFFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def money(price: float, decimals: int) -> str:
    """Return a price with the digits of its grid, at least two; "-" where there is none."""
    return "-" if isnan(price) else f"{price:.{max(DECIMALS_MIN, decimals)}f}"


def percent(value: float) -> str:
    """Return a change in percent with its sign."""
    if isnan(value):
        return "-"
    return f"{value:+.2f}%" if abs(value) < 1000 else f"{value:+.0f}%"


def quantity(value: float) -> str:
    """Return a size or volume in at most six characters."""
    if isnan(value):
        return "-"
    if value < EXACT_MAX:
        return f"{value:.0f}"
    for unit, suffix in _SUFFIXES:
        if value >= unit:
            scaled = value / unit
            return f"{scaled:.0f}{suffix}" if scaled >= 100 else f"{scaled:.1f}{suffix}"
    raise AssertionError(value)


def rate(value: float) -> str:
    """Return events a second."""
    return f"{value:.1f}" if value < 100 else quantity(value)


def sign(value: float) -> int:
    """Return UP, DOWN or LEVEL; LEVEL for what is not a number."""
    return UP if value > 0 else DOWN if value < 0 else LEVEL


def length(line: Iterable[Span]) -> int:
    """Return how many cells a line takes."""
    return sum(len(text) for text, _ in line)


def cut(line: Line, width: int) -> Line:
    """Return a line that fits: what had to be left out ends in an ellipsis."""
    if length(line) <= width:
        return line
    kept: Line = []
    left = width - 1
    for text, style in line:
        if len(text) > left:
            return [*kept, (text[:left] + "…", style)] if width > 0 else []
        kept.append((text, style))
        left -= len(text)
    return kept


def spread(left: Line, right: Line, width: int) -> Line:
    """Return a line with something at either end; what is on the right only where there is room for both."""
    room = width - length(left) - length(right)
    return [*left, (" " * room, ""), *right] if room >= 2 else cut(left, width)


def joined(facts: Iterable[Line], between: str = "  ") -> Line:
    """Return several pieces as one line."""
    line: Line = []
    for fact in facts:
        line += [(between, ""), *fact] if line else fact
    return line


def fitting(facts: list[Line], width: int, between: str = "  ") -> Line:
    """Return as many of some pieces, the first ones, as a line has room for."""
    while len(facts) > 1 and length(joined(facts, between)) > width:
        facts = facts[:-1]
    return cut(joined(facts, between), width)
