"""What terminal and page say alike: headings, numbers as text, and how it was measured."""

from collections.abc import Callable
from typing import NamedTuple

from ticker_compare.report import LaneReport, Report
from ticker_load.paper import shortened

NOTHING = "-"
Cells = tuple[str, ...]


class Part(NamedTuple):
    """A table of the report: a row a lane."""

    title: str
    columns: Cells
    cells: Callable[[LaneReport], Cells]


def headline(report: Report) -> str:
    """Return what was listened to."""
    return (
        f"{', '.join(report.channels)} of {shortened(report.symbols)} at {report.url}, "
        f"{len(report.lanes)} lanes side by side for {report.window_s:.1f} s"
    )


def verdict(report: Report) -> str:
    """Return whether all saw the same."""
    if report.ok:
        return f"All lanes saw the same {report.same_ticks:,} ticks, in the same order, and missed none."
    named = ", ".join(lane.name for lane in report.lanes if not lane.faultless)
    return f"Not all lanes saw the same ticks: see {named}." if named else "There were no ticks to compare."


def intention(report: Report) -> str:
    """Return what the parts of the comparison are for, as far as there are any."""
    told = ["Then each lane asked for another symbol while it listened."] * any(lane.talk for lane in report.lanes)
    told += ["At last each had the server for itself, to see what it costs there."] * any(
        lane.alone for lane in report.lanes
    )
    return " ".join(told)


def method(report: Report) -> list[str]:
    """Return how it was measured, a sentence a table."""
    told = [
        "Requests and connections are those of a lane's whole life, with connecting; bytes are those of the window, "
        "with all headers and frames.",
        "Ticks at once came in one answer, event or frame. Staleness is the wall clock when a tick came, less that "
        "when the server emitted it, in milliseconds, tick by tick.",
    ]
    if changes := max((lane.talk.changes for lane in report.lanes if lane.talk), default=0):
        told.append(
            f"Another symbol was asked for {changes} times while listening: medians until it was first shown, and "
            "until its next tick was there, which is up to the market as well; the fewest requests and connections "
            "that took."
        )
    if report.idle_shares and any(lane.alone for lane in report.lanes):
        idle = " and ".join(f"{share:.2%}" for share in report.idle_shares)
        told.append(
            f"The server's CPU is that of one lane alone, {report.crowd} for {report.alone_s:g} s, less the "
            f"{idle} of a core it uses when nobody listens; the tester's is what those clients took."
        )
    told.append(
        f"This tester used {report.tester_cpu_share:.0%} of a core, and was late itself by at most "
        f"{report.tester_late_s * 1000:.1f} ms."
    )
    return told


def number(value: float | None, digits: int = 1) -> str:
    """Return a number with so many decimals, fewer where it is large; a dash where there is none."""
    if value is None:
        return NOTHING
    return f"{value:,.{digits if abs(value) < 100 else 0}f}"


def milliseconds(us: int | None) -> str:
    return NOTHING if us is None else number(us / 1000, 2 if us < 10_000 else 1)


def size(count: int) -> str:
    """Return bytes in a readable unit."""
    return f"{count / 1000:,.1f} kB" if count < 1_000_000 else f"{count / 1_000_000:,.2f} MB"


def _wire(lane: LaneReport) -> Cells:
    return (
        f"{lane.requests:,}",
        f"{lane.connections:,}",
        size(lane.bytes_up),
        size(lane.bytes_down),
        number(lane.bytes_up_per_tick),
        number(lane.bytes_down_per_tick),
    )


def _ticks(lane: LaneReport) -> Cells:
    stale = lane.staleness_us
    times = (stale.p50, stale.p99, stale.max) if stale else (None, None, None)
    counts = (f"{lane.ticks:,}", number(lane.ticks_per_arrival), f"{lane.missed:,}", f"{lane.differing:,}")
    return *counts, *map(milliseconds, times)


def _talk(lane: LaneReport) -> Cells:
    talk = lane.talk
    if talk is None:
        return (NOTHING,) * 5
    same = "yes" if talk.same_connection else "no"
    return milliseconds(talk.seen_us), milliseconds(talk.live_us), f"{talk.requests}", f"{talk.connections}", same


def _cpu(lane: LaneReport) -> Cells:
    if lane.alone is None or lane.cpu_share is None:
        return (NOTHING,) * 5
    return (
        number(lane.cpu_us_per_tick),
        number(lane.cpu_us_per_request),
        f"{lane.cpu_share:.1%}",
        f"{lane.alone.ticks / lane.alone.seconds:,.0f}",
        NOTHING if lane.tester_cpu_share is None else f"{lane.tester_cpu_share:.0%}",
    )


PARTS = (
    Part("The wire", ("requests", "conns", "bytes up", "bytes down", "up/tick", "down/tick"), _wire),
    Part("The ticks", ("seen", "at once", "missed", "differ", "stale p50", "p99", "max ms"), _ticks),
    Part("Another symbol", ("shown ms", "live ms", "requests", "conns", "same connection"), _talk),
    Part("The server's CPU", ("µs/tick", "µs/request", "of a core", "ticks/s", "tester"), _cpu),
)
