"""The report as one page."""

from collections.abc import Iterator

from ticker.pages.page import Row, definitions, document, heading, listed, paragraph, table
from ticker_load import plots, words
from ticker_load.plan import Plan
from ticker_load.report import Report

KINDS = {"bad": "bad", "told": "", "good": "good"}


def render(plan: Plan, report: Report) -> bytes:
    """Return the page."""
    return document(f"Load test: {plan.title}", _body(plan, report))


def _body(plan: Plan, report: Report) -> Iterator[str]:
    yield paragraph(words.verdict(report), "good" if report.ok else "bad")
    if findings := list(_findings(report)):
        yield listed(findings)
    yield definitions(words.figures(report))
    yield from plots.figures(report)
    yield heading("Times")
    yield table("milliseconds", words.TIMES_COLUMNS, [Row(name, cells) for name, cells in words.times(report)])
    yield heading("Transports")
    lanes = [Row(lane.transport, words.lane(lane, report.delivered.window_s)) for lane in report.lanes]
    yield table("", words.LANES_COLUMNS, lanes)
    yield heading("Counts")
    yield table("", (), [_count(*row) for row in words.counts(report)], "narrow")
    if report.thresholds:
        yield heading("Thresholds")
        yield table("", (), [_threshold(text, report.broken) for text in report.thresholds], "narrow judged")
    yield heading("Plan")
    yield definitions(words.plan(plan, len(report.processes)))


def _findings(report: Report) -> Iterator[str]:
    yield from report.broken
    yield from (f"{count:,} x {error}" for error, count in report.errors.items())
    yield from report.warnings


def _count(name: str, count: int, meant: str) -> Row:
    return Row(name, [f"{count:,}"], KINDS[meant] if count else "")


def _threshold(text: str, broken: list[str]) -> Row:
    said = next((sentence for sentence in broken if sentence.startswith(f"threshold {text}: ")), "")
    return Row(text, [said.rpartition(": ")[2] or "kept"], "bad" if said else "good")
