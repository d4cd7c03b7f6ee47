"""How values, ranges and judgements are spelled, in the terminal and on the page alike."""

import math
from collections.abc import Iterator

from ticker.scorecard.checks import MICRO, PASSES_MIN, STRICT_MIN
from ticker.scorecard.daily import DailyRow
from ticker.scorecard.engineering import EngineeringRow
from ticker.scorecard.micro import Micro, Row
from ticker.scorecard.report import Report, Run

ABSENT = "not in data"
REAL, PASS, FAIL = "real", "pass", "FAIL"
LEGEND = (
    "*: none of these may fail. value, q10, q90: over instruments. pass: the median lies in the range; real: also "
    "within 10 % of what was observed on real data (quote rows: of our instruments wider than 3 ticks, as there). "
    "not in data: this source cannot show it."
)
MICRO_COLUMNS = ("value", "q10", "q90", "range", "real d1/d2", "verdict")
OTHER_COLUMNS = ("value", "range", "real", "verdict")


def number(value: float) -> str:
    """Spell a value with three digits that count; a dash where it is undefined."""
    if math.isnan(value):
        return "-"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    size = abs(value)
    spelled = f"{value:.0f}" if size >= 100 else f"{value:.1f}" if size >= 10 else f"{value:.2f}"
    return "0.00" if spelled == "-0.00" else spelled


def span(low: float, high: float) -> str:
    if math.isinf(high):
        return f"≥ {low:g}"
    return f"≤ {high:g}" if math.isinf(low) else f"{low:g}…{high:g}"


def name(row: Row) -> str:
    return f"* {row.check.name}" if row.check.bold else row.check.name


def verdict(row: Row) -> str:
    """Say whether a micro row passes, and whether it does like reality."""
    if row.count == 0:
        return ABSENT
    if not row.passed:
        return FAIL
    return f"{PASS}, {REAL}" if row.like else PASS


def micro_cells(row: Row) -> tuple[str, ...]:
    """Return a micro row in the order of `MICRO_COLUMNS`."""
    check = row.check
    values = [number(value) for value in (row.median, row.q10, row.q90)] if row.count else ["-"] * 3
    return (*values, span(check.low, check.high), "/".join(map(number, check.real)), verdict(row))


def other_rows(report: Report, run: Run) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the rows of a run beside the micro block: name, and cells in the order of `OTHER_COLUMNS`."""
    for check, value, passed in run.epps_rows:
        said = PASS if passed else FAIL if run.has_pairs else ABSENT
        yield check.name, (number(value), span(check.low, check.high), check.real, said)
    yield from ((row.name, _engineering(row)) for row in run.engineering)
    if run is report.runs[-1]:
        yield from ((row.check.name, _daily(row)) for row in report.daily)


def _engineering(row: EngineeringRow) -> tuple[str, ...]:
    said = ABSENT if row.count == 0 else PASS if row.passed else FAIL
    return (f"{row.broken:,} / {row.count:,}" if row.count else "-", "0 broken", "", said)


def _daily(row: DailyRow) -> tuple[str, ...]:
    check = row.check
    runs = f" ({number(min(row.values))}…{number(max(row.values))})" if len(row.values) > 1 else ""
    shown = f"{number(row.median)}{runs}"
    return (shown, span(check.low, check.high), check.real, PASS if row.passed else FAIL)


def headline(run: Run) -> str:
    return (
        f"{run.name}: {run.micro.instruments} instruments, {run.hours:.2g} h, "
        f"{run.trades:,} trades, {run.quotes:,} quotes"
    )


def summary(micro: Micro) -> list[str]:
    """Say how the micro block did, overall and by stratum."""
    missing = len(MICRO) - micro.known
    found = [
        f"{micro.passes} of {micro.known} rows pass (the bar: {PASSES_MIN} of {len(MICRO)}, no bold one failing)"
        + (f"; {missing} are not in this data" if missing else ""),
        f"{micro.like_with_like} of {micro.known} within what was observed, like compared with like "
        f"(the bar: {STRICT_MIN} of {len(MICRO)}); {micro.strict} by the medians of all instruments",
    ]
    parts = [
        f"{label}: {micro.strict_in(label)} ({count} instruments)" for label, count in micro.strata.items() if count
    ]
    return [*found, f"strict by mean spread: {'; '.join(parts)}"] if parts else found
