"""What terminal and page say alike: rows of names and of numbers as text."""

from collections.abc import Iterator

from ticker_load.paper import milliseconds, shortened
from ticker_load.percentiles import Percentiles
from ticker_load.plan import Plan
from ticker_load.report import Lane, Report

TIMES_COLUMNS = ("p50", "p90", "p99", "p99.9", "p99.99", "max", "samples")
LANES_COLUMNS = ("clients", "ticks/s", "bytes/tick", "p50", "p99", "max")
NOTHING = "-"
Named = tuple[str, str]


def plan(shown: Plan, processes: int) -> Iterator[Named]:
    """Yield a plan as it takes effect."""
    phases = ", then ".join(
        f"{phase.clients:,} for {phase.seconds:.4g} s" + (f" (ramp {phase.ramp_s:.3g} s)" if phase.ramp_s else "")
        for phase in shown.phases
    )
    yield "plan", f"{shown.title}: clients {phases}; {processes} process{'es' * (processes > 1)}"
    yield "asks", f"{', '.join(shown.channels)} of {_mix(shown.mix, shown.mix_symbols, shown.symbols)}, {_pace(shown)}"
    yield "by", ", ".join(f"{kind} {share:.0%}" for kind, share in shown.transports.items() if share)
    yield "acks", _acks(shown) + (f", window {shown.window:,}" if shown.window else "")
    if shown.connects_per_s:
        yield "joining", f"at most {shown.connects_per_s:g} clients a second"
    if shown.storm_every_s:
        yield "storms", f"{shown.storm_share:.0%} cut off and resuming every {shown.storm_every_s:.3g} s"
    if any(shown.bad.values()):
        yield "bad", ", ".join(f"{kind} {share:.0%}" for kind, share in shown.bad.items() if share)


def _mix(mix: str, many: int, symbols: list[str]) -> str:
    if mix == "same":
        return shortened(symbols)
    return f"{many} symbols each, {'at random' if mix == 'random' else 'by popularity (zipf)'}"


def _pace(shown: Plan) -> str:
    return "every tick" if shown.pace == "every" else f"the latest{f' at {shown.rate_hz:g} Hz' * bool(shown.rate_hz)}"


def _acks(shown: Plan) -> str:
    number = f"{shown.acks_number:g}"
    return {
        "every": f"after every {number} messages",
        "interval": f"every {number} s",
        "late": f"{number} s after each message",
        "never": "never",
    }[shown.acks]


def figures(report: Report) -> Iterator[Named]:
    """Yield what was measured, in a few lines."""
    delivered = report.delivered
    closes = ", ".join(f"{count:,} x {code}" for code, count in report.closes.items())
    wishes = _mix(report.plan["mix"], report.plan["mix_symbols"], report.symbols)
    yield "stream", f"{report.url}: {', '.join(report.channels)} of {wishes}"
    yield "clients", f"{report.connected:,} of {report.clients:,} connected, in {report.connect_s:.2f} s"
    yield "window", f"{delivered.window_s:.1f} s, {delivered.ticks:,} ticks in {delivered.messages:,} messages"
    rates = f"{delivered.ticks_per_s:,.0f} ticks/s, {delivered.messages_per_s:,.0f} messages/s"
    yield "delivered", f"{rates}, {delivered.bytes_per_s / 1e6:,.1f} MB/s"
    yield "closes", closes or "none"
    if report.bad_clients:
        yield "bad", ", ".join(f"{count:,} {name}" for name, count in report.bad_clients.items())
    tester = (f"{one.cpu_share:.0%} of a core, {one.late_s * 1e3:,.1f} ms late" for one in report.processes)
    yield "tester", "; ".join(tester)
    told = report.server
    yield "server", server(told.cpu_share, told.rss_bytes_max, told.late_s_max)


def server(cpu_share: float | None, rss_bytes: float | None, late_s: float | None) -> str:
    """Return what a server tells of itself."""
    said = [
        f"{cpu_share:.0%} of a core" if cpu_share is not None else "",
        f"{rss_bytes / 2**20:,.0f} MiB" if rss_bytes is not None else "",
        f"{late_s * 1e3:,.1f} ms late" if late_s is not None else "",
    ]
    return ", ".join(filter(None, said)) or "does not tell at /metrics"


def times(report: Report) -> Iterator[tuple[str, list[str]]]:
    """Yield rows of `TIMES_COLUMNS`: milliseconds, per message, position, ping and client."""
    yield "late from schedule", _cells(report.latency_us)
    yield "first to last one", _cells(report.fan_out_us)
    yield "ping round trip", _cells(report.ping_us)
    yield "connect", _cells(report.connecting_us)
    yield "subscribe", _cells(report.subscribing_us)
    yield "first tick", _cells(report.first_tick_us)


def _cells(spread: Percentiles | None) -> list[str]:
    if spread is None:
        return [NOTHING] * 6 + ["0"]
    shown = (spread.p50, spread.p90, spread.p99, spread.p99_9, spread.p99_99, spread.max)
    return [*map(milliseconds, shown), f"{spread.count:,}"]


def lane(one: Lane, window_s: float) -> list[str]:
    """Return a row of `LANES_COLUMNS`."""
    late = one.latency_us
    spread = [milliseconds(us) for us in (late.p50, late.p99, late.max)] if late else [NOTHING] * 3
    each = f"{one.bytes / one.ticks:,.0f}" if one.ticks else NOTHING
    return [f"{one.clients:,}", f"{one.ticks / max(window_s, 1e-9):,.0f}", each, *spread]


def counts(report: Report) -> Iterator[tuple[str, int, str]]:
    """Yield what must be 0, and what the server said it left out: name, count, how it is meant if it is not 0."""
    yield from ((name.replace("_", " "), count, "bad") for name, count in report.faults.items())
    yield "lagged", report.lagged, "told"
    yield "conflated", report.conflated, "told"
    yield "resumed", report.resumed, "good"
    yield "later clients", report.later_clients, "told"


def verdict(report: Report) -> str:
    """Return whether all that must be was."""
    if report.ok:
        kept = f"; kept: {', '.join(report.thresholds)}" if report.thresholds else ""
        return f"Passed: ticks came, and all that must be 0 is 0{kept}."
    found = [f"{name.replace('_', ' ')} {count:,}" for name, count in report.faults.items() if count]
    found += [f"{len(report.broken)} threshold{'s' * (len(report.broken) > 1)} broken"] if report.broken else []
    return f"Failed: {', '.join(found) or 'no ticks'}."
