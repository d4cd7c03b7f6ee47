"""What was wrong in a run, and what is to be doubted of its figures."""

from array import array
from collections.abc import Iterator, Mapping

import numpy as np

from ticker_load.crew import Outcome
from ticker_load.percentiles import Percentiles
from ticker_load.plan import Plan
from ticker_load.report import CPU_LIMIT, LATE_LIMIT_S, Delivered
from ticker_load.swarm import BEHIND_S, POLITE
from ticker_load.tally import Findings

LATER_US_MIN, LATER_SPREADS = 2_000, 8
"""How much later than the median client's a client's own median is told of: so many times what clients differ by
(their median distance from that median; some five standard deviations where they are spread like errors), and at
least so much."""


def later(offsets_us: "Mapping[str, array[int]]") -> tuple[int, int]:
    """Return how many clients are later than the median one of their transport, and by how much (µs) the worst is."""
    count = worst = 0
    for offsets in offsets_us.values():
        beyond = np.array(offsets, np.int64)
        if len(beyond) < 3:
            continue
        beyond -= int(np.sort(beyond)[len(beyond) // 2])
        bound = max(LATER_US_MIN, LATER_SPREADS * float(np.median(np.abs(beyond))))
        count += int((beyond > bound).sum())
        worst = max(worst, int(beyond.max()))
    return count, worst


def spell_later(count: int, worst_us: int, offsets_us: "Mapping[str, array[int]]") -> str:
    """Return what `later` found as a sentence."""
    return (
        f"{count:,} of {sum(map(len, offsets_us.values())):,} clients got everything later than the median one, "
        f"the worst by {worst_us / 1000:,.1f} ms."
    )


def faults(plan: Plan, found: Findings) -> dict[str, int]:
    impolite = sum(count for code, count in found.closes.items() if code != POLITE)
    seen = found.seen
    return {
        "gaps": seen.missed,
        "duplicates": seen.repeated,
        "reorderings": seen.reordered,
        "not_connected": max(0, min(found.refused.total(), plan.clients), plan.first - found.connected),
        "without_ticks": found.without_ticks if found.first_ticks_us else 0,
        "lost_connections": max(found.lost, impolite),
        "unanswered_pings": found.pings_sent - len(found.pings_us),
        "errors": found.errors.total(),
    }


def warnings(delivered: Delivered, latency: Percentiles | None, found: Findings, outcome: Outcome) -> Iterator[str]:
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
    if found.audible:
        yield f"{found.audible:,} clients were to vanish and only stopped reading: that needs Linux and CAP_NET_ADMIN."
    if outcome.interrupted:
        yield "Interrupted: the window is shorter than was asked for."
