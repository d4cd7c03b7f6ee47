"""What a run showed: the figures, what is wrong with them, and the JSON document."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson
from rich.console import Console

from ticker_load.crew import Outcome
from ticker_load.histogram import Histogram
from ticker_load.percentiles import Percentiles
from ticker_load.plan import Plan
from ticker_load.swarm import BEHIND_S, POLITE
from ticker_load.tally import SLICES_MAX, Findings

CPU_LIMIT = 0.9
"""Of a core: a tester that needs more measures itself."""
LATE_LIMIT_S = 0.05
LATER_LIMIT_US = 5_000
"""A client whose median is so much later than the median client's is told of."""
WIDTH = 80  # columns where standard output is not a terminal: fits any log


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What came in the measured window."""

    window_s: float
    ticks: int
    messages: int
    bytes: int
    ticks_per_s: float
    messages_per_s: float
    bytes_per_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process of the tester: its share of a core, and how late its event loop was at most."""

    clients: int
    ticks_per_s: float
    cpu_share: float
    late_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One transport."""

    transport: str
    clients: int
    ticks: int
    messages: int
    bytes: int
    latency_us: Percentiles | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A slice of the window, from `second` on, over all transports."""

    second: float
    ticks_per_s: float
    p50_us: int
    p99_us: int
    max_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What the server told of itself; None where it did not."""

    cpu_share: float | None
    rss_bytes_max: float | None
    late_s_max: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One run. `delivered`, latencies and what is by transport are of the measured window, all else of the whole run.

    `latency_us` has a value per message: how long after it was due the oldest tick in it was received.
    """

    plan: dict[str, Any]
    url: str
    symbols: list[str]
    channels: list[str]
    clients: int
    connected: int
    connect_s: float
    delivered: Delivered
    latency_us: Percentiles | None
    curve_us: list[tuple[float, int]]
    """Shares of the messages, and how late they were at most."""
    ping_us: Percentiles | None
    first_tick_us: Percentiles | None
    connecting_us: Percentiles | None
    subscribing_us: Percentiles | None
    fan_out_us: Percentiles | None
    """From the first client to have a position to the last one."""
    lanes: list[Lane]
    moments: list[Moment]
    closes: dict[str, int]
    bad_clients: dict[str, int]
    faults: dict[str, int]
    """What must be 0."""
    lagged: int
    conflated: int
    lags: int
    resumed: int
    later_clients: int
    """Clients that get everything later than the median one does."""
    processes: list[Process]
    server: Server
    errors: dict[str, int]
    warnings: list[str]
    broken: list[str] = field(default_factory=list)
    """Thresholds that were not kept."""

    @property
    def ok(self) -> bool:
        """Whether ticks came, nothing that must be 0 was not, and all thresholds were kept."""
        return self.delivered.ticks > 0 and not any(self.faults.values()) and not self.broken


CURVE = (0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9995, 0.9999, 0.99999, 1.0)


def merged(outcome: Outcome) -> Findings:
    """Return what all processes saw."""
    found = Findings()
    for result in outcome.results:
        found.join(result.findings)
    return found


def build(plan: Plan, outcome: Outcome, found: Findings) -> tuple[Report, Histogram]:
    """Return the report of a run that is over, and all its latencies."""
    slices = found.latencies.slices()
    whole = Histogram()
    by_lane: dict[str, Histogram] = {}
    by_second: dict[int, Histogram] = {}
    for (second, kind), histogram in slices.items():
        whole.add(histogram)
        by_lane.setdefault(kind, Histogram()).add(histogram)
        by_second.setdefault(second, Histogram()).add(histogram)
    later, later_us = _later(found)
    latency = Percentiles.among(whole)
    delivered = _delivered(found, max((result.window_s for result in outcome.results), default=0.0))
    report = Report(
        plan=plan.shown(),
        url=plan.url,
        symbols=plan.symbols,
        channels=plan.channels,
        clients=plan.clients,
        connected=found.connected,
        connect_s=outcome.connect_s,
        delivered=delivered,
        latency_us=latency,
        curve_us=list(zip(CURVE, whole.at(CURVE), strict=True)) if latency else [],
        ping_us=Percentiles.of(found.pings_us),
        first_tick_us=Percentiles.of(found.first_ticks_us),
        connecting_us=Percentiles.of(found.connects_us),
        subscribing_us=Percentiles.of(found.subscribes_us),
        fan_out_us=Percentiles.of(found.spreads_us),
        lanes=list(_lanes(found, by_lane)),
        moments=_moments(plan, found, by_second),
        closes={str(code): count for code, count in sorted(found.closes.items())},
        bad_clients=dict(sorted(found.bad_closes.items())),
        faults=_faults(plan, found),
        lagged=found.seen.lagged,
        conflated=found.seen.merged,
        lags=found.seen.lags,
        resumed=found.resumed,
        later_clients=later,
        processes=[
            Process(
                clients=result.findings.connected,
                ticks_per_s=result.findings.window.ticks / max(result.window_s, 1e-9),
                cpu_share=result.cpu_share,
                late_s=result.late_s,
            )
            for result in outcome.results
        ],
        server=Server(
            cpu_share=outcome.server.cpu_share,
            rss_bytes_max=max(outcome.server.rss_bytes, default=None),
            late_s_max=max(outcome.server.late_s, default=None),
        ),
        errors=dict(found.errors + found.refused),
        warnings=list(_warnings(delivered, latency, found, outcome)),
    )
    if later:
        report.warnings.append(
            f"{later:,} of {len(found.offsets_us):,} clients got everything later than the median one, "
            f"the worst by {later_us / 1000:,.1f} ms."
        )
    return report, whole


def _delivered(found: Findings, seconds: float) -> Delivered:
    seconds, seen = max(seconds, 1e-9), found.window
    return Delivered(
        window_s=seconds,
        ticks=seen.ticks,
        messages=seen.messages,
        bytes=seen.bytes,
        ticks_per_s=seen.ticks / seconds,
        messages_per_s=seen.messages / seconds,
        bytes_per_s=seen.bytes / seconds,
    )


def _lanes(found: Findings, by_lane: dict[str, Histogram]) -> Iterator[Lane]:
    for kind, clients in found.members.items():
        ticks = sum(count for (_, lane), count in found.rates.items() if lane == kind)
        yield Lane(
            transport=kind,
            clients=clients,
            ticks=ticks,
            messages=found.messages[kind],
            bytes=found.bytes[kind],
            latency_us=Percentiles.among(by_lane.get(kind, Histogram())),
        )


def _moments(plan: Plan, found: Findings, by_second: dict[int, Histogram]) -> list[Moment]:
    slice_s = max(1.0, plan.seconds / SLICES_MAX)
    made = []
    for second, histogram in sorted(by_second.items()):
        ticks = sum(count for (place, _), count in found.rates.items() if place == second)
        p50, p99 = histogram.at((0.5, 0.99))
        part_s = min(slice_s, max(plan.seconds - second * slice_s, 0.0)) or slice_s
        made.append(
            Moment(
                second=second * slice_s,
                ticks_per_s=ticks / part_s,
                p50_us=p50,
                p99_us=p99,
                max_us=histogram.max or 0,
            )
        )
    return made


def _later(found: Findings) -> tuple[int, int]:
    """Return how many clients are later than the median one, and by how many microseconds the worst is."""
    if len(found.offsets_us) < 3:
        return 0, 0
    offsets = np.array(found.offsets_us, np.int64)
    beyond = offsets - int(np.sort(offsets)[len(offsets) // 2])
    return int((beyond > LATER_LIMIT_US).sum()), int(beyond.max())


def _faults(plan: Plan, found: Findings) -> dict[str, int]:
    impolite = sum(count for code, count in found.closes.items() if code != POLITE)
    seen = found.seen
    return {
        "gaps": seen.missed,
        "duplicates": seen.repeated,
        "reorderings": seen.reordered,
        "not_connected": max(0, min(found.refused.total(), plan.clients), plan.phases[0].clients - found.connected),
        "without_ticks": found.without_ticks if found.first_ticks_us else 0,
        "lost_connections": max(found.lost, impolite),
        "unanswered_pings": found.pings_sent - len(found.pings_us),
        "errors": found.errors.total(),
    }


def _warnings(delivered: Delivered, latency: Percentiles | None, found: Findings, outcome: Outcome) -> Iterator[str]:
    if not delivered.ticks and not outcome.interrupted:
        yield "Not one tick came: is anything traded on these channels?"
    busiest = max((result.cpu_share for result in outcome.results), default=0.0)
    if busiest > CPU_LIMIT:
        yield f"A process of this tester used {busiest:.0%} of a core: the tester is itself the limit here."
    late_s = max((result.late_s for result in outcome.results), default=0.0)
    if late_s > LATE_LIMIT_S:
        yield f"This tester was {late_s * 1000:,.0f} ms late itself: some of these latencies are its own."
    if latency and latency.min < 0:
        yield "Ticks came before they were due: the server's clock is not ours; latencies are off."
    if found.behind:
        yield f"{found.behind:,} of {found.connected:,} clients were over {BEHIND_S:g} s of tape behind at the end."
    if (gap := found.first_gap) and found.seen.missed:
        yield f"First gap: {gap.symbol} on {gap.channel}, n {gap.after_n} was followed by {gap.before_n}."
    if outcome.interrupted:
        yield "Interrupted: the window is shorter than was asked for."


def as_json(report: object) -> bytes:
    """Return a report as a JSON document."""
    return orjson.dumps(report, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def paper() -> Console:
    """Return standard output, as wide as any log where it is no terminal."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=WIDTH)


def shortened(symbols: list[str]) -> str:
    """Return the names of symbols, the first few of many."""
    shown = ", ".join(symbols[:5])
    return f"{shown} and {len(symbols) - 5} more" if len(symbols) > 5 else shown
