"""The report as one page to show: no script, and nothing to load from anywhere."""

from collections.abc import Iterator
from html import escape
from importlib.resources import files

from ticker_compare import plots, words
from ticker_compare.report import SHOWN_US, LaneReport, Report
from ticker_load.percentiles import Percentiles

TITLE = "Short poll, long poll, SSE, WebSocket: the same ticks"
LEAST_MS = 0.01  # where a logarithmic axis has to begin somewhere


def render(report: Report) -> bytes:
    """Return the page."""
    style = files("ticker_compare").joinpath("page.css").read_text(encoding="utf-8")
    body = "\n".join(_body(report))
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/>
<title>{TITLE}</title>
<style>
{style}</style>
</head>
<body>
{body}
</body>
</html>
""".encode()


def _body(report: Report) -> Iterator[str]:
    yield f"<h1>{TITLE}</h1>"
    yield _paragraph(f"{words.headline(report)}.", "faint")
    yield _paragraph(
        f"One server makes a simulated market, a step every {report.market.step_ms:g} ms, and tells it over four "
        f"transports on one port. All lanes asked for the same, at the same time, with the same client; what each "
        f"received was compared tick by tick. {words.intention(report)}"
    )
    yield _paragraph(words.verdict(report), "good" if report.ok else "bad")
    yield from (_paragraph(warning, "bad") for warning in report.warnings)
    yield from _plots_of_ticks(report)
    yield from _plots_of_costs(report)
    yield "<h2>What each transport does</h2>"
    yield _definitions([(lane.name, lane.does) for lane in report.lanes])
    for part in words.PARTS:
        yield _table(part, report)
    yield "<h2>How it was measured</h2>"
    yield from (_paragraph(sentence) for sentence in words.method(report))


def _plots_of_ticks(report: Report) -> Iterator[str]:
    seconds = round(min(SHOWN_US / 1e6, report.window_s), 1)
    spreads = [_spread(lane.name, lane.staleness_us) for lane in report.lanes if lane.staleness_us]
    yield _figure(
        f"{seconds:g} seconds of each lane",
        "A stroke is a moment when ticks came, the higher the more of them at once.",
        plots.strips("When ticks came", [plots.Strip(lane.name, lane.comings) for lane in report.lanes], seconds),
    )
    yield _figure(
        "How old a tick is when it comes",
        "Milliseconds from the server's emission to its receipt, on a logarithmic axis: the dot is the median, the "
        "thick line goes on to the 99th percentile, the thin one from the least to the most.",
        plots.spreads("Staleness", spreads, "ms"),
    )


def _plots_of_costs(report: Report) -> Iterator[str]:
    yield _figure(
        "Bytes a tick",
        'With all headers and frames: <span class="key c0"></span>down <span class="key c1"></span>up',
        plots.bars("Bytes a tick", [_bytes(lane) for lane in report.lanes]),
    )
    yield _figure(
        "Requests a second",
        "While listening, after the first.",
        plots.bars(
            "Requests a second",
            [plots.Bar(lane.name, [lane.requests_per_s], words.number(lane.requests_per_s)) for lane in report.lanes],
        ),
    )
    if any(lane.cpu_us_per_tick is not None for lane in report.lanes):
        yield _figure(
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


def _figure(title: str, caption: str, drawing: str) -> str:
    return f"<figure><h2>{escape(title)}</h2><figcaption>{caption}</figcaption>{drawing}</figure>"


def _table(part: words.Part, report: Report) -> str:
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in part.columns)
    rows = "".join(_row(lane.name, part.cells(lane)) for lane in report.lanes)
    return (
        f'<h2>{escape(part.title)}</h2><div class="wide"><table><thead><tr><th></th>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _row(name: str, cells: words.Cells) -> str:
    return f'<tr><th scope="row">{escape(name)}</th>{"".join(f"<td>{escape(cell)}</td>" for cell in cells)}</tr>'


def _definitions(rows: list[tuple[str, str]]) -> str:
    return f"<dl>{''.join(f'<dt>{escape(name)}</dt><dd>{escape(text)}</dd>' for name, text in rows)}</dl>"


def _paragraph(text: str, kind: str = "") -> str:
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"
