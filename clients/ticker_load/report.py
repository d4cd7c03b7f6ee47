"""What a run showed: the figures, what is wrong with them, a table and a JSON document."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ticker_load.percentiles import Percentiles
from ticker_load.subscriber import Wish
from ticker_load.swarm import BEHIND_S, Counts, Swarm

CPU_LIMIT = 0.9
"""Of a core: a tester that needs more measures itself."""
LATE_LIMIT_S = 0.05
WIDTH = 80  # columns where standard output is not a terminal: fits any log


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What came in the measured window; `cpu_share` is what that cost us, of one core."""

    window_s: float
    ticks: int
    messages: int
    bytes: int
    ticks_per_s: float
    messages_per_s: float
    bytes_per_s: float
    cpu_share: float

    @classmethod
    def between(cls, before: Counts, after: Counts) -> Self:
        seconds = max(after.now_s - before.now_s, 1e-9)
        ticks, messages = after.ticks - before.ticks, after.messages - before.messages
        return cls(
            window_s=seconds,
            ticks=ticks,
            messages=messages,
            bytes=after.bytes - before.bytes,
            ticks_per_s=ticks / seconds,
            messages_per_s=messages / seconds,
            bytes_per_s=(after.bytes - before.bytes) / seconds,
            cpu_share=(after.cpu_s - before.cpu_s) / seconds,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One run. `delivered` and `latency_us` are of the measured window, all else of the whole run.

    `latency_us` has a value per message: how long after it was due the oldest tick in it was received.
    """

    url: str
    symbols: list[str]
    channels: list[str]
    clients: int
    connected: int
    connect_s: float
    delivered: Delivered
    latency_us: Percentiles | None
    ping_us: Percentiles | None
    first_tick_us: Percentiles | None
    closes: dict[str, int]
    faults: dict[str, int]
    """What must be 0."""
    lagged: int
    tester_late_s: float
    errors: dict[str, int]
    warnings: list[str]

    @property
    def ok(self) -> bool:
        """Whether ticks came and nothing that must be 0 was not."""
        return self.delivered.ticks > 0 and not any(self.faults.values())


def build(wish: Wish, clients: int, connect_s: float, window: tuple[Counts, Counts], swarm: Swarm) -> Report:
    """Return the report of a run that is over."""
    delivered, tally = Delivered.between(*window), swarm.tally
    latency = Percentiles.of(tally.latencies.values_us())
    return Report(
        url=wish.url,
        symbols=wish.symbols,
        channels=wish.channels,
        clients=clients,
        connected=len(swarm.members),
        connect_s=connect_s,
        delivered=delivered,
        latency_us=latency,
        ping_us=Percentiles.of(tally.pings_us),
        first_tick_us=Percentiles.of(tally.first_ticks_us),
        closes={str(code): count for code, count in sorted(swarm.closes.items())},
        faults=_faults(clients, swarm),
        lagged=sum(member.session.lagged for member in swarm.members),
        tester_late_s=swarm.late_s,
        errors=dict(tally.errors + swarm.refused),
        warnings=list(_warnings(delivered, latency, window[1].behind, swarm)),
    )


def _faults(clients: int, swarm: Swarm) -> dict[str, int]:
    tally, sessions = swarm.tally, [member.session for member in swarm.members]
    impolite = sum(count for code, count in swarm.closes.items() if code != 1000)
    return {
        "gaps": sum(session.missed for session in sessions),
        "duplicates": sum(session.repeated for session in sessions),
        "reorderings": sum(session.reordered for session in sessions),
        "not_connected": clients - len(swarm.members),
        "without_ticks": sum(not member.ticked for member in swarm.members) if tally.first_ticks_us else 0,
        "lost_connections": max(swarm.lost, impolite),
        "unanswered_pings": tally.pings_sent - len(tally.pings_us),
        "errors": tally.errors.total(),
    }


def _warnings(delivered: Delivered, latency: Percentiles | None, behind: int, swarm: Swarm) -> Iterator[str]:
    if not delivered.ticks and not swarm.stopped:
        yield "Not one tick came: is anything traded on these channels?"
    if delivered.cpu_share > CPU_LIMIT:
        yield f"This tester used {delivered.cpu_share:.0%} of a core: it is itself the limit here."
    if swarm.late_s > LATE_LIMIT_S:
        yield f"This tester was {swarm.late_s * 1000:,.0f} ms late itself: some of these latencies are its own."
    if latency and latency.min < 0:
        yield "Ticks came before they were due: the server's clock is not ours; latencies are off."
    if behind:
        yield f"{behind:,} of {len(swarm.members):,} clients were over {BEHIND_S:g} s of tape behind at the end."
    if gap := swarm.tally.first_gap:
        yield f"First gap: {gap.symbol} on {gap.channel}, n {gap.after_n} was followed by {gap.before_n}."
    if swarm.stopped:
        yield "Interrupted: the window is shorter than was asked for."


def as_json(report: object) -> bytes:
    """Return a report as a JSON document."""
    return orjson.dumps(report, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def paper() -> Console:
    """Return standard output, as wide as any log where it is no terminal."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=WIDTH)


def show(report: Report) -> None:
    """Print the report as tables on standard output."""
    console = paper()
    console.print()
    console.print(_figures(report))
    console.print()
    console.print(_times(report))
    console.print()
    console.print(_counts(report))
    console.print()
    for warning in report.warnings:
        console.print(Text(f"! {warning}", style="yellow"))
    for error, count in report.errors.items():
        console.print(Text(f"! {count} x {error}", style="red"))
    console.print(_verdict(report))


def _figures(report: Report) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    delivered = report.delivered
    closes = ", ".join(f"{count:,} x {code}" for code, count in report.closes.items())
    for name, value in (
        ("stream", f"{report.url}: {', '.join(report.channels)} of {shortened(report.symbols)}"),
        ("clients", f"{report.connected:,} of {report.clients:,} connected, in {report.connect_s:.2f} s"),
        ("window", f"{delivered.window_s:.1f} s, {delivered.ticks:,} ticks in {delivered.messages:,} messages"),
        (
            "delivered",
            f"{delivered.ticks_per_s:,.0f} ticks/s, {delivered.messages_per_s:,.0f} messages/s, "
            f"{delivered.bytes_per_s / 1e6:,.1f} MB/s",
        ),
        ("closes", closes or "none"),
        ("tester", f"{delivered.cpu_share:.0%} of a core, at most {report.tester_late_s * 1000:,.1f} ms late itself"),
    ):
        table.add_row(name, Text(value))
    return table


def _times(report: Report) -> Table:
    """Milliseconds, per message, ping and client."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("milliseconds", style="bold", no_wrap=True)
    for name in ("p50", "p90", "p99", "p99.9", "max", "samples"):
        table.add_column(name, justify="right", no_wrap=True)
    for name, spread in (
        ("latency from schedule", report.latency_us),
        ("ping round trip", report.ping_us),
        ("subscribe to first tick", report.first_tick_us),
    ):
        table.add_row(name, *_cells(spread))
    return table


def _cells(spread: Percentiles | None) -> list[str]:
    if spread is None:
        return ["-"] * 5 + ["0"]
    shown = (spread.p50, spread.p90, spread.p99, spread.p99_9, spread.max)
    return [*(f"{us / 1000:,.{0 if us >= 100_000 else 2}f}" for us in shown), f"{spread.count:,}"]


def _counts(report: Report) -> Table:
    """What must be 0, and what the server said it left out, three to a line."""
    table = Table.grid(padding=(0, 2))
    for _ in range(3):
        table.add_column(style="bold", no_wrap=True)
        table.add_column(justify="right", no_wrap=True)
    counts = [(name, count, "bold red") for name, count in report.faults.items()]
    counts.append(("lagged", report.lagged, "yellow"))
    for start in range(0, len(counts), 3):
        cells: list[str | Text] = []
        for name, count, colour in counts[start : start + 3]:
            cells += [name.replace("_", " "), Text(f"{count:,}", style=colour if count else "green")]
        table.add_row(*cells)
    return table


def _verdict(report: Report) -> Text:
    if report.ok:
        return Text("Passed: ticks came, and all that must be 0 is 0.", style="green")
    found = ", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in report.faults.items() if count)
    return Text(f"Failed: {found or 'no ticks'}.", style="bold red")


def shortened(symbols: list[str]) -> str:
    """Return the names of symbols, the first few of many."""
    shown = ", ".join(symbols[:5])
    return f"{shown} and {len(symbols) - 5} more" if len(symbols) > 5 else shown
