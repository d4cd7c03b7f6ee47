"""The scorecard in a terminal."""

import sys

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ticker.scorecard import words
from ticker.scorecard.report import PROVENANCE, Report, Run

WIDTH = 80  # where standard output is no terminal
STYLES = {words.FAIL: "bold red", words.PASS: "green", words.ABSENT: "dim"}


def show(report: Report) -> None:
    """Print the report on standard output."""
    console = Console(highlight=False)
    console = console if console.is_terminal else Console(highlight=False, width=WIDTH)
    for run in report.runs:
        _show_run(console, report, run)
    console.print(Text(words.LEGEND, style="dim"))
    console.print(Text(PROVENANCE, style="dim"))
    console.print()
    for warning in report.warnings:
        console.print(Text(f"! {warning}", style="yellow"))
    for miss in report.misses[1:]:
        console.print(Text(f"  {miss}", style="red"))
    console.print(Text(report.verdict, style="green" if report.ok else "bold red"))


def _show_run(console: Console, report: Report, run: Run) -> None:
    console.print()
    console.print(Text(words.headline(run), style="bold"))
    micro = [(words.name(row), words.micro_cells(row)) for row in run.micro.rows]
    console.print(_table("Micro block", words.MICRO_COLUMNS, micro))
    for sentence in words.summary(run.micro):
        console.print(Text(sentence))
    console.print()
    console.print(_table("Epps, engineering, days", words.OTHER_COLUMNS, list(words.other_rows(report, run))))
    console.print()


def _table(title: str, columns: tuple[str, ...], rows: list[tuple[str, tuple[str, ...]]]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    table.add_column(title, header_style="bold", no_wrap=True)
    for column in columns:
        table.add_column(column, justify="left" if column == "verdict" else "right", no_wrap=True)
    for name, cells in rows:
        table.add_row(Text(name), *map(Text, cells[:-1]), Text(cells[-1], style=_style(cells[-1])))
    return table


def _style(verdict: str) -> str:
    return next((style for start, style in STYLES.items() if verdict.startswith(start)), "")


class Progress:
    """Tells whoever watches a terminal how far a run is."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __call__(self, share: float) -> None:
        if sys.stderr.isatty():
            print(f"\r· {self._name}: {share:4.0%}", end="" if share < 1 else "\n", file=sys.stderr, flush=True)
