"""The report's figures: latency and rates over time, the percentile curve, the server."""

from collections.abc import Callable, Iterator, Sequence
from math import ceil, floor, log10

from ticker.pages.charts import Axis, Line, around, chart
from ticker.pages.page import figure
from ticker_load.report import Moment, Report, Sample

COLOURS = (0, 1, 2, 4)  # of the style sheet; 3 is for what stands behind
LEAST_MS = 0.01  # where a logarithmic axis has to begin somewhere
UNITS = ((300, 1.0, "seconds"), (10_800, 60.0, "minutes"), (float("inf"), 3600.0, "hours"))
Series = list[tuple[float, float]]


def figures(report: Report) -> Iterator[str]:
    """Yield the figures that a report allows."""
    end_s = max(report.delivered.window_s, 1e-3)
    if len(report.moments) > 1:
        yield _latency(report.moments, end_s)
    if report.curve_us:
        yield _percentiles(report)
    if len(report.moments) > 1:
        yield _rates(report.moments, end_s)
    if len({moment.clients for moment in report.moments}) > 1:
        yield _clients(report.moments, end_s)
    yield from _server(report.server.samples, end_s)


def _latency(moments: Sequence[Moment], end_s: float) -> str:
    x, scale = _time(end_s)
    series = [
        [(moment.second / scale, _ms(getattr(moment, name))) for moment in moments]
        for name in ("p50_us", "p99_us", "max_us")
    ]
    return figure(
        "Latency over time",
        "Milliseconds from when a message was due by the schedule of the market to when a client had it, slice by "
        "slice of the window, on a logarithmic axis.",
        chart("Latency over time", _lines(series), x, _log("ms", series)),
        ((0, "p50"), (1, "p99"), (2, "max")),
    )


def _percentiles(report: Report) -> str:
    curves = {lane.transport: lane.curve_us for lane in report.lanes if lane.curve_us}
    curves = curves if len(curves) > 1 else {"all messages": report.curve_us}
    series = [[(1 / (1 - share), _ms(us)) for share, us in curve if share < 1] for curve in curves.values()]
    for points, curve in zip(series, curves.values(), strict=True):
        points.append((points[-1][0] * 10**0.125, _ms(curve[-1][1])))  # the largest, where the next one would be
    furthest = max(points[-1][0] for points in series)
    return figure(
        "Percentiles",
        "Milliseconds that so large a share of the messages was late at most; each line across is one more nine.",
        chart(
            "Percentiles",
            _lines(series),
            Axis("share of messages", 1, 10 ** ceil(log10(max(furthest, 10)) - 0.2), log=True, spelled=_share),
            _log("ms", series),
        ),
        list(zip(COLOURS, curves, strict=False)),
    )


def _rates(moments: Sequence[Moment], end_s: float) -> str:
    x, scale = _time(end_s)
    series = [
        [(moment.second / scale, max(getattr(moment, name), 1.0)) for moment in moments]
        for name in ("ticks_per_s", "messages_per_s")
    ]
    return figure(
        "Rates over time",
        "What came a second, over all clients, on a logarithmic axis.",
        chart("Rates over time", _lines(series), x, _log("a second", series, _short)),
        ((0, "ticks"), (1, "messages")),
    )


def _clients(moments: Sequence[Moment], end_s: float) -> str:
    x, scale = _time(end_s)
    points = [(moment.second / scale, float(moment.clients)) for moment in moments]
    top = around([value for _, value in points], least=0)[1]
    return figure("Clients over time", "As planned.", chart("Clients", [Line(points, 0)], x, Axis("clients", 0, top)))


def _server(samples: Sequence[Sample], end_s: float) -> Iterator[str]:
    x, scale = _time(end_s)
    told: tuple[tuple[str, str, Callable[[Sample], float | None]], ...] = (
        ("The server's CPU", "percent of a core", lambda one: one.cpu_share and one.cpu_share * 100),
        ("The server's memory", "MiB resident", lambda one: one.rss_bytes and one.rss_bytes / 2**20),
        ("How late the server's loop is", "ms", lambda one: None if one.late_s is None else one.late_s * 1000),
    )
    for title, unit, value in told:
        points = [(sample.second / scale, found) for sample in samples if (found := value(sample)) is not None]
        if len(points) > 1:
            top = around([found for _, found in points], least=0)[1]
            shown = chart(title, [Line(points, 0)], x, Axis(unit, 0, top or 1.0))
            yield figure(title, "By its own word at /metrics.", shown)


def _lines(series: Sequence[Series]) -> list[Line]:
    """Return a line each in its own colour, the first on top."""
    return [Line(points, colour) for colour, points in zip(COLOURS, series, strict=False)][::-1]


def _time(end_s: float) -> tuple[Axis, float]:
    """Return an axis of time, and its unit in seconds."""
    unit_s, name = next((unit_s, name) for below_s, unit_s, name in UNITS if end_s < below_s)
    return Axis(name, 0, end_s / unit_s), unit_s


def _log(unit: str, series: Sequence[Series], spelled: Callable[[float], str] | None = None) -> Axis:
    """Return a logarithmic axis that shows all values, from one power of ten to another."""
    values = [value for points in series for _, value in points]
    low, high = floor(log10(min(values)) + 1e-9), ceil(log10(max(values)) - 1e-9)
    axis = Axis(unit, 10.0**low, 10.0 ** max(high, low + 1), log=True)
    return axis if spelled is None else Axis(unit, axis.low, axis.high, True, spelled)


def _ms(us: float) -> float:
    return max(us / 1000, LEAST_MS)


def _short(value: float) -> str:
    return f"{value / 1e6:g} M" if value >= 1e6 else f"{value / 1e3:g} k" if value >= 1e3 else f"{value:g}"


def _share(inverse: float) -> str:
    """Spell the share that leaves one in so many out: 1,000 is 99.9 %."""
    return f"{100 - 100 / inverse:.7g} %"
