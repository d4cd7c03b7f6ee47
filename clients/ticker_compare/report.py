"""What a comparison showed: the figures of every lane, and what is to be said about them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from ticker.session.messages import Welcome
from ticker_compare.cpu import Spent
from ticker_compare.lane import Count, Lane
from ticker_compare.measure import SIDE_BY_SIDE, Findings, alone
from ticker_compare.plan import Plan
from ticker_compare.samples import Agreement, agreement
from ticker_compare.talk import Talk
from ticker_load.percentiles import Percentiles
from ticker_load.report import CPU_LIMIT, LATE_LIMIT_S

STEADY = 0.25  # of the cheapest lane: what the idle server may vary by before its CPU is in doubt
SHOWN_US = 2_000_000  # of the window, coming by coming
SHOWN_BEFORE_US = 100_000  # so that the first of the slowest lane stands in the picture, not on its edge


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneReport:
    """One lane. Connections and requests are of its whole life; bytes, ticks and staleness of the measured window.

    `staleness_us` has a value per tick: how long after the server emitted it, it was received. `differing` counts ticks
    that another lane saw and this one did not, or elsewhere. `comings` are seconds, from one moment on for all lanes,
    and how many ticks came then. The server's CPU is that of the lane alone, less what it spends when nobody listens.
    """

    name: str
    transport: str
    poll_every_s: float | None
    does: str
    connections: int
    requests: int
    requests_per_s: float
    bytes_up: int
    bytes_down: int
    bytes_up_per_tick: float | None
    bytes_down_per_tick: float | None
    ticks: int
    arrivals: int
    ticks_per_arrival: float | None
    missed: int
    repeated: int
    lagged: int
    differing: int
    staleness_us: Percentiles | None
    comings: list[tuple[float, int]]
    talk: Talk | None
    alone: Spent | None
    cpu_us_per_tick: float | None
    cpu_us_per_request: float | None
    cpu_share: float | None
    tester_cpu_share: float | None
    """What the clients of the lane alone took, in this process: near a whole core, they were too slow to measure."""
    ended: str | None

    @property
    def faultless(self) -> bool:
        """Whether it had everything, once, and to the end."""
        return not (self.missed or self.repeated or self.lagged or self.differing or self.ended)


@dataclass(frozen=True, slots=True)
class Market:
    """What was listened to, by the server's own word."""

    server: str
    epoch: str
    step_ms: float
    instruments: int

    @classmethod
    def of(cls, welcome: Welcome | None) -> Self:
        if welcome is None:
            return cls("", "", 0.0, 0)
        return cls(f"{welcome.server} {welcome.version}", welcome.epoch, welcome.step_ms, welcome.instruments)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One comparison: `same_ticks` is how many ticks all lanes were compared by."""

    url: str
    market: Market
    symbols: list[str]
    channels: list[str]
    window_s: float
    alone_s: float
    crowd: str
    clients: int
    lanes: list[LaneReport]
    same_ticks: int
    idle_shares: list[float]
    tester_cpu_share: float
    tester_late_s: float
    warnings: list[str]

    @property
    def ok(self) -> bool:
        """Whether all lanes saw the same ticks, and missed none."""
        return self.same_ticks > 0 and all(lane.faultless for lane in self.lanes)


@dataclass(frozen=True, slots=True)
class _Scene:
    """What all lanes of a comparison are seen by."""

    talks: dict[str, Talk]
    spent: dict[str, Spent]
    tester: dict[str, tuple[float, float]]
    idle_share: float
    shown_us: int

    @classmethod
    def of(cls, found: Findings) -> Self:
        idle_share = sum(found.idle_shares) / len(found.idle_shares) if found.idle_shares else 0.0
        shown_us = max(lane.samples.began_us for lane in found.lanes) - SHOWN_BEFORE_US
        return cls(found.talks, found.spent, found.tester, idle_share, shown_us)


def build(plan: Plan, found: Findings) -> Report:
    """Return the report of a comparison that has measured at least its first part."""
    agreed = agreement([lane.samples for lane in found.lanes])
    counted = zip(found.lanes, found.windows, found.totals, agreed.differing, strict=True)
    scene = _Scene.of(found)
    lanes = [_lane(scene, *counts) for counts in counted]
    share, late_s = found.tester[SIDE_BY_SIDE]
    return Report(
        url=plan.url,
        market=Market.of(found.welcome),
        symbols=plan.symbols,
        channels=plan.channels,
        window_s=found.windows[0].now_s,
        alone_s=plan.alone_s,
        crowd=plan.crowd,
        clients=plan.clients,
        lanes=lanes,
        same_ticks=agreed.ticks,
        idle_shares=found.idle_shares,
        tester_cpu_share=share,
        tester_late_s=late_s,
        warnings=list(_warnings(lanes, agreed, found)),
    )


def _lane(scene: _Scene, lane: Lane, window: Count, total: Count, differing: int) -> LaneReport:
    kind, samples, session = lane.kind, lane.samples, lane.feed.session
    spent, idle_share = scene.spent.get(kind.name), scene.idle_share
    ticks = samples.ticks
    return LaneReport(
        name=kind.name,
        transport=kind.transport,
        poll_every_s=kind.poll_every_s,
        does=kind.does,
        connections=total.connections,
        requests=total.requests,
        requests_per_s=window.requests / window.now_s,
        bytes_up=window.bytes_up,
        bytes_down=window.bytes_down,
        bytes_up_per_tick=window.bytes_up / ticks if ticks else None,
        bytes_down_per_tick=window.bytes_down / ticks if ticks else None,
        ticks=ticks,
        arrivals=samples.arrivals,
        ticks_per_arrival=ticks / samples.arrivals if samples.arrivals else None,
        missed=session.missed,
        repeated=session.repeated,
        lagged=session.lagged,
        differing=differing,
        staleness_us=samples.staleness_us,
        comings=samples.comings(scene.shown_us, scene.shown_us + SHOWN_US),
        talk=scene.talks.get(kind.name),
        alone=spent,
        cpu_us_per_tick=spent.per_tick_us(idle_share) if spent else None,
        cpu_us_per_request=spent.per_request_us(idle_share) if spent else None,
        cpu_share=spent.share(idle_share) if spent else None,
        tester_cpu_share=scene.tester[alone(kind)][0] if spent else None,
        ended=lane.ended,
    )


def _warnings(lanes: list[LaneReport], agreed: Agreement, found: Findings) -> Iterator[str]:
    if found.interrupted:
        yield "Interrupted: what had not been measured by then is missing."
    if not agreed.ticks:
        yield "There were no ticks that all lanes could have seen: ask for more symbols, or a longer --duration."
    for part, (share, late_s) in found.tester.items():
        if share > CPU_LIMIT:
            yield f"{part}: this tester used {share:.0%} of a core: it is itself the limit here."
        if part == SIDE_BY_SIDE and late_s > LATE_LIMIT_S:
            yield f"This tester was {late_s * 1000:,.0f} ms late itself: some of this staleness is its own."
    for lane in lanes:
        if lane.ended:
            yield f"{lane.name}: {lane.ended}"
        if lane.lagged:
            yield f"{lane.name}: the server left out {lane.lagged:,} ticks: this lane was too slow for it."
        if lane.staleness_us and lane.staleness_us.min < 0:
            yield f"{lane.name}: ticks came before they were emitted: the server's clock is not ours."
    yield from found.troubles
    yield from _doubts(lanes, found.idle_shares)
    if not found.told_cpu:
        yield "The server does not tell its processor time at /metrics: its CPU is not shown."


def _doubts(lanes: list[LaneReport], idle_shares: list[float]) -> Iterator[str]:
    """Say so where the machine was less steady than what was to be measured."""
    shares = [lane.cpu_share for lane in lanes if lane.cpu_share is not None]
    if not shares or not idle_shares:
        return
    unsteady = max(idle_shares) - min(idle_shares)
    if unsteady > STEADY * min(shares):
        yield (
            f"The idle server's CPU moved by {unsteady:.1%} of a core: read the CPU of lanes no finer than that, "
            "or take more --clients and a longer --duration."
        )
