"""The report as tables on standard output."""

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ticker_load import words
from ticker_load.paper import paper
from ticker_load.plan import Plan
from ticker_load.report import Report

COLOURS = {"bad": "bold red", "told": "yellow", "good": "green"}
COUNTS_A_LINE = 3


def announce(plan: Plan, processes: int, console: Console) -> None:
    """Print the plan as it takes effect."""
    console.print(_grid(words.plan(plan, processes)))


def show(report: Report) -> None:
    """Print the report."""
    console = paper()
    for part in (_grid(words.figures(report)), _times(report), _lanes(report), _counts(report)):
        if part is not None:
            console.print()
            console.print(part)
    console.print()
    for warning in report.warnings:
        console.print(Text(f"! {warning}", style="yellow"))
    for error, count in report.errors.items():
        console.print(Text(f"! {count} x {error}", style="red"))
    for broken in report.broken:
        console.print(Text(f"! {broken}", style="bold red"))
    console.print(Text(words.verdict(report), style="green" if report.ok else "bold red"))


def _grid(rows: Iterable[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for name, value in rows:
        table.add_row(name, Text(value))
    return table


def _times(report: Report) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("milliseconds", style="bold", no_wrap=True)
    for name in words.TIMES_COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    for name, cells in words.times(report):
        table.add_row(name, *cells)
    return table


def _lanes(report: Report) -> Table | None:
    """What differs by transport, where there are several."""
    if len(report.lanes) < 2:
        return None
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("transport", style="bold", no_wrap=True)
    for name in words.LANES_COLUMNS:
        table.add_column(name, justify="right", no_wrap=True)
    for lane in report.lanes:
        table.add_row(lane.transport, *words.lane(lane, report.delivered.window_s))
    return table


def _counts(report: Report) -> Table:
    table = Table.grid(padding=(0, 2))
    for _ in range(COUNTS_A_LINE):
        table.add_column(style="bold", no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
    counts = list(words.counts(report))
    for start in range(0, len(counts), COUNTS_A_LINE):
        cells: list[str | Text] = []
        for name, count, meant in counts[start : start + COUNTS_A_LINE]:
            cells += [name, Text(f"{count:,}", style=COLOURS[meant] if count else "green")]
        table.add_row(*cells)
    return table
