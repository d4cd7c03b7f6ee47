"""What a benchmark says of a bar: a line in its own output, and a row in the table of `bars.py`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """A bar, what it asks for, and what was found."""

    bar: int
    what: str
    asked: str
    found: str
    met: bool

    def __str__(self) -> str:
        return f"bar {self.bar:>2}: {self.what}: {self.found} (asked: {self.asked}){'' if self.met else '  MISSED'}"

    @property
    def row(self) -> str:
        """Its row of a table in Markdown."""
        return f"| {self.bar} | {self.what} | {self.asked} | {self.found}{'' if self.met else ', **missed**'} |"


def at_most(bar: int, what: str, limit: float, found: float, unit: str = "", digits: int = 2) -> Finding:
    """Returns a finding that is met where the figure is no larger than the limit."""
    return Finding(bar, what, f"≤ {limit:g}{unit}", f"{found:,.{digits}f}{unit}", found <= limit)


def at_least(bar: int, what: str, limit: float, found: float, unit: str = "", digits: int = 2) -> Finding:
    """Returns a finding that is met where the figure is no smaller than the limit."""
    return Finding(bar, what, f"≥ {limit:g}{unit}", f"{found:,.{digits}f}{unit}", found >= limit)


def tell(findings: Iterable[Finding]) -> None:
    """Prints each finding on a line of its own."""
    for finding in findings:
        print(finding)


def table(findings: Iterable[Finding]) -> str:
    """Returns the findings as a table in Markdown, in the order of the bars."""
    rows = [finding.row for finding in sorted(findings, key=lambda finding: finding.bar)]
    return "\n".join(["| bar | what | asked | found |", "|---|---|---|---|", *rows])
