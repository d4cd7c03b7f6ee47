"""The scorecard as one page."""

from collections.abc import Iterator

from ticker.pages.page import Row, document, figure, heading, listed, paragraph, table
from ticker.scorecard import words
from ticker.scorecard.figures import figures
from ticker.scorecard.report import PROVENANCE, Report, Run

TITLE = "Does it look like a market?"
KINDS = {words.FAIL: "bad", words.PASS: "good", words.ABSENT: "faint"}


def render(report: Report) -> bytes:
    """Return the page."""
    return document(TITLE, _body(report))


def _body(report: Report) -> Iterator[str]:
    yield paragraph(f"Statistics of {report.source}, beside the same ones of real markets.", "faint")
    yield paragraph(report.verdict, "good" if report.ok else "bad")
    if len(report.misses) > 1:
        yield listed(report.misses[1:])
    yield from (paragraph(f"{warning[:1].upper()}{warning[1:]}.", "faint") for warning in report.warnings)
    yield paragraph(PROVENANCE, "note")
    for run in report.runs:
        yield from _tables(report, run)
    yield paragraph(words.LEGEND, "faint")
    yield heading("Pictures")
    yield paragraph(f"Of {words.headline(report.runs[0])}.", "faint")
    for shown in figures(report.runs[0]):
        yield figure(shown.title, shown.caption, shown.drawing, shown.keys)


def _tables(report: Report, run: Run) -> Iterator[str]:
    yield heading(words.headline(run))
    yield listed(words.summary(run.micro))
    micro = [_row(row.check.name, words.micro_cells(row), row.check.bold) for row in run.micro.rows]
    yield table("Micro block", words.MICRO_COLUMNS, micro, "judged")
    others = [_row(name, cells) for name, cells in words.other_rows(report, run)]
    yield table("Epps, engineering, days", words.OTHER_COLUMNS, others, "judged")


def _row(name: str, cells: tuple[str, ...], bold: bool = False) -> Row:
    kind = next((kind for start, kind in KINDS.items() if cells[-1].startswith(start)), "")
    return Row(name, cells, kind, bold)
