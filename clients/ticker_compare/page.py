"""The report as one page to show."""

from collections.abc import Iterator

from ticker.pages.page import Row, definitions, document, figure, heading, paragraph, table
from ticker_compare import plots, words
from ticker_compare.report import SHOWN_US, LaneReport, Report
from ticker_load.percentiles import Percentiles

TITLE = "Short poll, long poll, SSE, WebSocket: the same ticks"
LEAST_MS = 0.01  # where a logarithmic axis has to begin somewhere


def render(report: Report) -> bytes:
    """Return the page."""
    return document(TITLE, _body(report))


def _body(report: Report) -> Iterator[str]:
    yield paragraph(f"{words.headline(report)}.", "faint")
    yield paragraph(
        f"One server makes a simulated market, a step every {report.market.step_ms:g} ms, and tells it over four "
        f"transports on one port. All lanes asked for the same, at the same time, with the same client; what each "
        f"received was compared tick by tick. {words.intention(report)}"
    )
    yield paragraph(words.verdict(report), "good" if report.ok else "bad")
    yield from (paragraph(warning, "bad") for warning in report.warnings)
    yield heading("Pictures")
    yield from _plots_of_ticks(report)
    yield from _plots_of_costs(report)
    yield heading("What each transport does")
    yield definitions([(lane.name, lane.does) for lane in report.lanes])
    for part in words.PARTS:
        yield heading(part.title)
        yield table("", part.columns, [Row(lane.name, part.cells(lane)) for lane in report.lanes])
    yield heading("How it was measured")
    yield from (paragraph(sentence) for sentence in words.method(report))


def _plots_of_ticks(report: Report) -> Iterator[str]:
    seconds = round(min(SHOWN_US / 1e6, report.window_s), 1)
    spreads = [_spread(lane.name, lane.staleness_us) for lane in report.lanes if lane.staleness_us]
    yield figure(
        f"{seconds:g} seconds of each lane",
        "A stroke is a moment when ticks came, the higher the more of them at once.",
        plots.strips("When ticks came", [plots.Strip(lane.name, lane.comings) for lane in report.lanes], seconds),
    )
    yield figure(
        "How old a tick is when it comes",
        "Milliseconds from the server's emission to its receipt, on a logarithmic axis: the dot is the median, the "
        "thick line goes on to the 99th percentile, the thin one from the least to the most.",
        plots.spreads("Staleness", spreads, "ms"),
    )


def _plots_of_costs(report: Report) -> Iterator[str]:
    yield figure(
        "Bytes a tick",
        "With all headers and frames.",
        plots.bars("Bytes a tick", [_bytes(lane) for lane in report.lanes]),
        [(0, "down"), (1, "up")],
    )
    yield figure(
        "Requests a second",
        "While listening, after the first.",
        plots.bars(
            "Requests a second",
            [plots.Bar(lane.name, [lane.requests_per_s], words.number(lane.requests_per_s)) for lane in report.lanes],
        ),
    )
    if any(lane.cpu_us_per_tick is not None for lane in report.lanes):
        yield figure(
            "The server's CPU for a delivered tick",
            f"Microseconds; each lane alone, with {report.crowd}. "
            "Many ticks at once are cheap; so is one message for many clients.",
            plots.bars("CPU a tick", [_cpu(lane) for lane in report.lanes]),
        )


def _spread(name: str, stale: Percentiles) -> plots.Spread:
    least, middle, high, most = (max(LEAST_MS, us / 1000) for us in (stale.min, stale.p50, stale.p99, stale.max))
    return plots.Spread(name, least, middle, high, most, f"{words.milliseconds(stale.p50)} ms")


def _bytes(lane: LaneReport) -> plots.Bar:
    parts = [lane.bytes_down_per_tick or 0.0, lane.bytes_up_per_tick or 0.0]
    return plots.Bar(lane.name, parts, words.number(sum(parts)))


def _cpu(lane: LaneReport) -> plots.Bar:
    return plots.Bar(lane.name, [lane.cpu_us_per_tick or 0.0], f"{words.number(lane.cpu_us_per_tick)} µs")
