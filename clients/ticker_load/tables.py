"""The report as tables on standard output."""

from rich.table import Table
from rich.text import Text

from ticker_load.paper import milliseconds, paper, shortened
from ticker_load.percentiles import Percentiles
from ticker_load.plan import Plan
from ticker_load.report import Report


def announce(plan: Plan, processes: int) -> None:
    """Print the plan as it takes effect."""
    phases = ", then ".join(
        f"{phase.clients:,} for {phase.seconds:g} s" + (f" (ramp {phase.ramp_s:g} s)" if phase.ramp_s else "")
        for phase in plan.phases
    )
    rows = [
        ("plan", f"{plan.title}: clients {phases}; {processes} process{'es' * (processes > 1)}"),
        ("asks", f"{', '.join(plan.channels)} of {_mix(plan)}, {_pace(plan)}"),
        ("by", ", ".join(f"{kind} {share:.0%}" for kind, share in plan.transports.items() if share)),
        ("acks", _acks(plan) + (f", window {plan.window:,}" if plan.window else "")),
    ]
    if plan.storm_every_s:
        rows.append(("storms", f"{plan.storm_share:.0%} cut off and resuming every {plan.storm_every_s:g} s"))
    if any(plan.bad.values()):
        rows.append(("bad", ", ".join(f"{kind} {share:.0%}" for kind, share in plan.bad.items() if share)))
    paper().print(_grid(rows))


def _mix(plan: Plan) -> str:
    if plan.mix == "same":
        return shortened(plan.symbols)
    return f"{plan.mix_symbols} symbols each, {'at random' if plan.mix == 'random' else 'by popularity (zipf)'}"


def _pace(plan: Plan) -> str:
    return "every tick" if plan.pace == "every" else f"the latest{f' at {plan.rate_hz:g} Hz' * bool(plan.rate_hz)}"


def _acks(plan: Plan) -> str:
    number = f"{plan.acks_number:g}"
    return {
        "every": f"after every {number} messages",
        "interval": f"every {number} s",
        "late": f"{number} s late",
        "never": "never",
    }[plan.acks]


def show(report: Report) -> None:
    """Print the report."""
    console = paper()
    for part in (_figures(report), _times(report), _lanes(report), _counts(report)):
        if part is not None:
            console.print()
            console.print(part)
    console.print()
    for warning in report.warnings:
        console.print(Text(f"! {warning}", style="yellow"))
    for error, count in report.errors.items():
        console.print(Text(f"! {count} x {error}", style="red"))
    for broken in report.broken:
        console.print(Text(f"! {broken}", style="bold red"))
    console.print(_verdict(report))


def _grid(rows: list[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    for name, value in rows:
        table.add_row(name, Text(value))
    return table


def _figures(report: Report) -> Table:
    delivered = report.delivered
    closes = ", ".join(f"{count:,} x {code}" for code, count in report.closes.items())
    rows = [
        ("stream", f"{report.url}: {', '.join(report.channels)} of {shortened(report.symbols)}"),
        ("clients", f"{report.connected:,} of {report.clients:,} connected, in {report.connect_s:.2f} s"),
        ("window", f"{delivered.window_s:.1f} s, {delivered.ticks:,} ticks in {delivered.messages:,} messages"),
        (
            "delivered",
            f"{delivered.ticks_per_s:,.0f} ticks/s, {delivered.messages_per_s:,.0f} messages/s, "
            f"{delivered.bytes_per_s / 1e6:,.1f} MB/s",
        ),
        ("closes", closes or "none"),
        (
            "tester",
            "; ".join(f"{one.cpu_share:.0%} of a core, {one.late_s * 1e3:,.1f} ms late" for one in report.processes),
        ),
        ("server", _server(report)),
    ]
    if report.bad_clients:
        rows.insert(5, ("bad", ", ".join(f"{count:,} {name}" for name, count in report.bad_clients.items())))
    return _grid(rows)


def _server(report: Report) -> str:
    server = report.server
    said = [
        f"{server.cpu_share:.0%} of a core" if server.cpu_share is not None else "",
        f"{server.rss_bytes_max / 2**20:,.0f} MiB" if server.rss_bytes_max is not None else "",
        f"{server.late_s_max * 1e3:,.1f} ms late" if server.late_s_max is not None else "",
    ]
    return ", ".join(word for word in said if word) or "does not tell at /metrics"


def _times(report: Report) -> Table:
    """Milliseconds, per message, ping and client."""
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("milliseconds", style="bold", no_wrap=True)
    for name in ("p50", "p90", "p99", "p99.9", "p99.99", "max", "samples"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, spread in (
        ("late from schedule", report.latency_us),
        ("first to last one", report.fan_out_us),
        ("ping round trip", report.ping_us),
        ("connect", report.connecting_us),
        ("subscribe", report.subscribing_us),
        ("first tick", report.first_tick_us),
    ):
        table.add_row(name, *_cells(spread))
    return table


def _cells(spread: Percentiles | None) -> list[str]:
    if spread is None:
        return ["-"] * 6 + ["0"]
    shown = (spread.p50, spread.p90, spread.p99, spread.p99_9, spread.p99_99, spread.max)
    return [*map(milliseconds, shown), f"{spread.count:,}"]


def _lanes(report: Report) -> Table | None:
    """What differs by transport, where there are several."""
    if len(report.lanes) < 2:
        return None
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("transport", style="bold", no_wrap=True)
    for name in ("clients", "ticks/s", "bytes/tick", "p50", "p99", "max"):
        table.add_column(name, justify="right", no_wrap=True)
    for lane in report.lanes:
        late = lane.latency_us
        times = [milliseconds(us) for us in (late.p50, late.p99, late.max)] if late else ["-"] * 3
        each = f"{lane.bytes / lane.ticks:,.0f}" if lane.ticks else "-"
        table.add_row(
            lane.transport, f"{lane.clients:,}", f"{lane.ticks / report.delivered.window_s:,.0f}", each, *times
        )
    return table


def _counts(report: Report) -> Table:
    """What must be 0, and what the server said it left out, three to a line."""
    table = Table.grid(padding=(0, 2))
    for _ in range(3):
        table.add_column(style="bold", no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
    counts = [(name, count, "bold red") for name, count in report.faults.items()]
    counts += [
        ("lagged", report.lagged, "yellow"),
        ("conflated", report.conflated, "yellow"),
        ("resumed", report.resumed, "green"),
        ("later clients", report.later_clients, "yellow"),
    ]
    for start in range(0, len(counts), 3):
        cells: list[str | Text] = []
        for name, count, colour in counts[start : start + 3]:
            cells += [name.replace("_", " "), Text(f"{count:,}", style=colour if count else "green")]
        table.add_row(*cells)
    return table


def _verdict(report: Report) -> Text:
    if report.ok:
        return Text("Passed: ticks came, and all that must be 0 is 0.", style="green")
    found = [f"{name.replace('_', ' ')} {count:,}" for name, count in report.faults.items() if count]
    found += [f"{len(report.broken)} thresholds broken"] if report.broken else []
    return Text(f"Failed: {', '.join(found) or 'no ticks'}.", style="bold red")
