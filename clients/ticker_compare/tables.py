"""The report in a terminal: small tables that fit into 80 columns, lanes as rows."""

from rich.table import Table
from rich.text import Text

from ticker_compare import words
from ticker_compare.report import Report
from ticker_load.paper import paper


def show(report: Report) -> None:
    """Print the report on standard output."""
    console = paper()
    console.print()
    console.print(Text(words.headline(report)))
    for part in words.PARTS:
        console.print()
        console.print(_table(part, report))
    console.print()
    for sentence in words.method(report):
        console.print(Text(sentence, style="dim"))
    console.print()
    for warning in report.warnings:
        console.print(Text(f"! {warning}", style="yellow"))
    console.print(Text(words.verdict(report), style="green" if report.ok else "bold red"))


def _table(part: words.Part, report: Report) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column(part.title, header_style="bold", no_wrap=True, min_width=16)
    for name in part.columns:
        table.add_column(name, justify="right", no_wrap=True)
    for lane in report.lanes:
        table.add_row(lane.name, *map(Text, part.cells(lane)))
    return table
