"""From what all processes saw to the report."""

from collections.abc import Iterator
from itertools import pairwise

from ticker_load import doubts
from ticker_load.crew import Outcome
from ticker_load.histogram import Histogram
from ticker_load.percentiles import Percentiles
from ticker_load.plan import Plan
from ticker_load.report import Curve, Delivered, Lane, Moment, Process, Report, Sample, Server
from ticker_load.serverside import ServerSide, share
from ticker_load.tally import Findings, slice_s

CURVE = sorted({0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, *(1 - 10 ** (-k / 8) for k in range(49)), 1.0})
"""Shares to tell, ever closer to all: eight for each nine."""


def merged(outcome: Outcome) -> Findings:
    """Return what all processes saw."""
    found = Findings()
    for result in outcome.results:
        found.join(result.findings)
    return found


def build(plan: Plan, outcome: Outcome, found: Findings) -> Report:
    """Return the report of a run that is over."""
    whole = Histogram()
    for histogram in found.latencies.lanes().values():
        whole.add(histogram)
    later, later_us = doubts.later(found.offsets_us)
    latency = Percentiles.among(whole)
    delivered = _delivered(found, max((result.window_s for result in outcome.results), default=0.0))
    report = Report(
        plan=plan.shown(),
        delivered=delivered,
        latency_us=latency,
        curve_us=_curve(whole),
        url=plan.url,
        symbols=plan.symbols,
        channels=plan.channels,
        lanes=list(_lanes(plan, found)),
        moments=list(_moments(plan, found)),
        clients=plan.clients,
        later_clients=later,
        connected=found.connected,
        connect_s=outcome.connect_s,
        ping_us=Percentiles.among(found.pings_us.all()),
        first_tick_us=Percentiles.among(found.first_ticks_us.all()),
        connecting_us=Percentiles.among(found.connects_us.all()),
        subscribing_us=Percentiles.among(found.subscribes_us.all()),
        fan_out_us=Percentiles.among(found.spread.all()),
        closes={str(code): count for code, count in sorted(found.closes.items())},
        bad_clients=dict(sorted(found.bad_closes.items())),
        faults=doubts.faults(plan, found),
        lagged=found.seen.lagged,
        conflated=found.seen.merged,
        lags=found.seen.lags,
        resumed=found.resumed,
        processes=list(_processes(outcome)),
        server=_server(outcome.server),
        errors=dict(found.errors + found.refused),
        warnings=list(doubts.warnings(delivered, latency, found, outcome)),
    )
    if later:
        report.warnings.append(doubts.spell_later(later, later_us, found.offsets_us))
    return report


def _processes(outcome: Outcome) -> Iterator[Process]:
    for result in outcome.results:
        yield Process(
            clients=result.findings.connected,
            ticks_per_s=result.findings.window.ticks / max(result.window_s, 1e-9),
            cpu_share=result.cpu_share,
            late_s=result.late_s,
            rss_bytes=result.rss_bytes,
        )


def _server(told: ServerSide) -> Server:
    return Server(
        cpu_share=told.cpu_share,
        rss_bytes_max=told.rss_bytes_max,
        late_s_max=told.late_s_max,
        samples=[
            Sample(
                second=after.at_s - told.began_s,
                cpu_share=share(before, after),
                rss_bytes=after.rss_bytes,
                late_s=after.late_s,
            )
            for before, after in pairwise(told.looks)
        ],
    )


def _curve(histogram: Histogram) -> Curve:
    """Return how late so many messages were at most, to where a share is less than a message."""
    many = histogram.count
    shares = [one for one in CURVE if one == 1.0 or (1 - one) * many >= 1]
    return list(zip(shares, histogram.at(shares), strict=True)) if many else []


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


def _lanes(plan: Plan, found: Findings) -> Iterator[Lane]:
    histograms = found.latencies.lanes()
    for kind in filter(found.members.get, plan.transports):
        ticks, messages, size = (
            sum(count for (_, lane), count in counted.items() if lane == kind)
            for counted in (found.ticks, found.messages, found.bytes)
        )
        late = histograms.get(kind, Histogram())
        yield Lane(
            transport=kind,
            clients=found.members[kind],
            ticks=ticks,
            messages=messages,
            bytes=size,
            latency_us=Percentiles.among(late),
            curve_us=_curve(late),
        )


def _moments(plan: Plan, found: Findings) -> Iterator[Moment]:
    width_s = slice_s(plan.seconds)
    for place, packed in sorted(found.latencies.slices().items()):
        second = place * width_s
        part_s = min(width_s, plan.seconds - second)
        if part_s < width_s / 2:  # what came in the last moment says nothing of a rate
            continue
        ticks, messages, size = (
            sum(counted[place, kind] for kind in found.members) / part_s
            for counted in (found.ticks, found.messages, found.bytes)
        )
        p50, p99 = Histogram().add(packed).at((0.5, 0.99))
        yield Moment(
            second=second,
            clients=plan.members_at(second),
            ticks_per_s=ticks,
            messages_per_s=messages,
            bytes_per_s=size,
            p50_us=p50,
            p99_us=p99,
            max_us=packed.max or 0,
        )
