"""What a run showed: the figures, what is wrong with them, a table and a JSON document."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ticker.errors import SetupError
from ticker_load.latency import Percentiles
from ticker_load.subscriber import Wish
from ticker_load.swarm import BEHIND_S, Counts, Swarm

CPU_LIMIT = 0.9
"""Of a core: a tester that needs more measures itself."""
WIDTH = 80  # columns where standard output is not a terminal: fits any log


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One run. Rates, latencies and `cpu_share` are of the measured window, counts of errors of the whole run.

    `latency_us` has a value per message: how long after it was due the oldest tick in it was received.
    """

    url: str
    symbols: list[str]
    channels: list[str]
    clients: int
    connected: int
    connect_s: float
    window_s: float
    ticks: int
    messages: int
    bytes: int
    ticks_per_s: float
    messages_per_s: float
    bytes_per_s: float
    latency_us: Percentiles | None
    ping_us: Percentiles | None
    first_tick_us: Percentiles | None
    cpu_share: float
    lagged: int
    closes: dict[str, int]
    faults: dict[str, int]
    """What must be 0."""
    errors: dict[str, int]
    warnings: list[str]

    @property
    def ok(self) -> bool:
        """Whether ticks came and nothing that must be 0 was not."""
        return self.ticks > 0 and not any(self.faults.values())


def build(wish: Wish, clients: int, connect_s: float, window: tuple[Counts, Counts], swarm: Swarm) -> Report:
    """Return the report of a run that is over."""
    before, after = window
    seconds = max(after.now_s - before.now_s, 1e-9)
    ticks, messages, received = (
        after.ticks - before.ticks,
        after.messages - before.messages,
        after.bytes - before.bytes,
    )
    tally = swarm.tally
    latency = Percentiles.of(tally.latencies.values_us())
    cpu_share = (after.cpu_s - before.cpu_s) / seconds
    return Report(
        url=wish.url,
        symbols=wish.symbols,
        channels=wish.channels,
        clients=clients,
        connected=len(swarm.members),
        connect_s=connect_s,
        window_s=seconds,
        ticks=ticks,
        messages=messages,
        bytes=received,
        ticks_per_s=ticks / seconds,
        messages_per_s=messages / seconds,
        bytes_per_s=received / seconds,
        latency_us=latency,
        ping_us=Percentiles.of(tally.pings_us),
        first_tick_us=Percentiles.of(tally.first_ticks_us),
        cpu_share=cpu_share,
        lagged=sum(member.session.lagged for member in swarm.members),
        closes={str(code): count for code, count in sorted(swarm.closes.items())},
        faults=_faults(clients, swarm),
        errors=dict(tally.errors + swarm.refused),
        warnings=list(_warnings(ticks, cpu_share, latency, after.behind, swarm)),
    )


def _faults(clients: int, swarm: Swarm) -> dict[str, int]:
    tally, sessions = swarm.tally, [member.session for member in swarm.members]
    impolite = sum(count for code, count in swarm.closes.items() if code != 1000)
    return {
        "gaps": sum(session.missed for session in sessions),
        "duplicates": sum(session.repeated for session in sessions),
        "reorderings": sum(session.reordered for session in sessions),
        "not connected": clients - len(swarm.members),
        "without ticks": sum(not member.ticked for member in swarm.members) if tally.first_ticks_us else 0,
        "lost connections": max(swarm.lost, impolite),
        "unanswered pings": tally.pings_sent - len(tally.pings_us),
        "errors": tally.errors.total(),
    }


def _warnings(ticks: int, cpu_share: float, latency: Percentiles | None, behind: int, swarm: Swarm) -> Iterator[str]:
    if not ticks:
        yield "Not one tick came: is anything traded on these channels?"
    if cpu_share > CPU_LIMIT:
        yield f"This tester used {cpu_share:.0%} of a core: it is itself the limit, and its latencies say little."
    if latency and latency.min < 0:
        yield "Messages came before they were due: the server's clock is not ours, and latencies are off by that."
    if behind:
        yield f"{behind} clients were more than {BEHIND_S:g} s of tape behind when the window ended."
    if gap := swarm.tally.first_gap:
        yield f"First gap: {gap.symbol} on {gap.channel}, n {gap.after_n} was followed by {gap.before_n}."
    if swarm.stopped:
        yield "Interrupted: the window is shorter than was asked for."


def write_json(report: Report, file: Path) -> None:
    """Write the report as JSON. Raises SetupError where the file cannot be written."""
    document = orjson.dumps(report, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
    try:
        file.write_bytes(document)
    except OSError as error:
        raise SetupError(f"{file}: {(error.strerror or 'cannot be written').lower()}") from None


def show(report: Report) -> None:
    """Print the report as tables on standard output."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=WIDTH)
    console.print()
    console.print(_figures(report))
    console.print()
    console.print(_times(report))
    console.print()
    console.print(_verdict(report))
    for warning in report.warnings:
        console.print(Text(f"! {warning}", style="yellow"))
    for error, count in report.errors.items():
        console.print(Text(f"! {count} x {error}", style="red"))


def _figures(report: Report) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column()
    closes = ", ".join(f"{count:,} x {code}" for code, count in report.closes.items())
    for name, value in (
        ("stream", f"{report.url}: {', '.join(report.channels)} of {_shortened(report.symbols)}"),
        ("clients", f"{report.connected:,} of {report.clients:,} connected, in {report.connect_s:.2f} s"),
        ("window", f"{report.window_s:.1f} s, {report.ticks:,} ticks in {report.messages:,} messages"),
        (
            "delivered",
            f"{report.ticks_per_s:,.0f} ticks/s, {report.messages_per_s:,.0f} messages/s, "
            f"{report.bytes_per_s / 1e6:,.1f} MB/s",
        ),
        ("closes", closes or "none"),
        ("tester", f"{report.cpu_share:.0%} of a core"),
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


def _verdict(report: Report) -> Table:
    """What must be 0, and whether it is."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    for name, count in report.faults.items():
        table.add_row(name, Text(f"{count:,}", style="bold red" if count else "green"))
    table.add_row("lagged", Text(f"{report.lagged:,}", style="yellow" if report.lagged else "green"))
    return table


def _shortened(symbols: list[str]) -> str:
    shown = ", ".join(symbols[:5])
    return f"{shown} and {len(symbols) - 5} more" if len(symbols) > 5 else shown
