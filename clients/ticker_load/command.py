"""`ticker load`: join, measure, close, report."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from websockets.exceptions import InvalidURI
from websockets.uri import parse_uri

from ticker import clock
from ticker.errors import SetupError
from ticker_client import ConnectionEnded
from ticker_load import account, files, hdr, page, report, tables, threshold, worker
from ticker_load.crew import Crew, processes
from ticker_load.dialling import allow_open_files
from ticker_load.paper import paper
from ticker_load.plan import Plan
from ticker_load.tally import slice_s
from ticker_load.worker import Status, loop_factory

__all__ = ["Outputs", "run"]


@dataclass(frozen=True, slots=True)
class Outputs:
    """Files to write, and thresholds to keep."""

    json: Path | None = None
    html: Path | None = None
    hdr: Path | None = None
    thresholds: list[str] = field(default_factory=list)

    def check(self) -> None:
        """Raise SetupError where something cannot be."""
        for flag in ("json", "html", "hdr"):
            files.check(getattr(self, flag), f"--{flag}")
        if self.hdr is not None:
            hdr.check()
        for text in self.thresholds:
            threshold.read(text)


def run(plan: Plan, outputs: Outputs) -> int:
    """Run one load test; return 0, or 1 where something that must be 0 was not. Raises SetupError."""
    plan.check()
    _check_address(plan.url)
    outputs.check()
    worker.tls(plan.cafile, plan.url.startswith(("wss:", "https:")))
    allow_open_files(-(-plan.clients // processes(plan)), 1)
    tables.announce(plan, processes(plan), paper() if paper().is_terminal else Console(stderr=True, highlight=False))
    with asyncio.Runner(loop_factory=loop_factory()) as runner, Watching(plan) as watching:
        outcome = runner.run(Crew(plan, watching.show).run())
    found = account.merged(outcome)
    made = account.build(plan, outcome, found)
    made.thresholds.extend(outputs.thresholds)
    made.broken.extend(filter(None, [threshold.read(text).broken(made) for text in outputs.thresholds]))
    tables.show(made)
    if outputs.json is not None:
        files.write(outputs.json, report.as_json(made))
    if outputs.html is not None:
        files.write(outputs.html, page.render(plan, made))
    if outputs.hdr is not None:
        files.write(outputs.hdr, hdr.log(found.latencies.slices(), slice_s(plan.seconds), outcome.began_s))
    return 0 if made.ok else 1


def _check_address(url: str) -> None:
    try:
        parse_uri(url)
    except (InvalidURI, ValueError, ConnectionEnded):
        raise SetupError(f"{url} is not a WebSocket address: write ws://host:port/v1/stream") from None


class Watching:
    """A line on standard error that is written over; nothing where that is not a terminal."""

    def __init__(self, plan: Plan) -> None:
        console = Console(stderr=True)
        columns = TextColumn("{task.description}"), BarColumn(20), TimeRemainingColumn(compact=True)
        self._progress = Progress(*columns, console=console, auto_refresh=False)
        self._live = Live(self._progress, console=console, auto_refresh=False, transient=True)
        self._shown = console.is_terminal
        self._plan = plan
        self._task = self._progress.add_task("starting", total=plan.seconds)
        self._began_s: float | None = None
        self._last = (0.0, 0)

    def __enter__(self) -> "Watching":
        if self._shown:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            self._live.stop()

    def show(self, statuses: list[Status], doing: str) -> None:
        """Say how it goes."""
        if not self._shown:
            return
        now_s, ticks = clock.monotonic_s(), sum(status.ticks for status in statuses)
        rate = (ticks - self._last[1]) / (now_s - self._last[0])
        self._last = (now_s, ticks)
        if doing == "measuring" and self._began_s is None:
            self._began_s = now_s
        line = (
            f"{doing}: {sum(status.open for status in statuses):,} clients, {rate:,.0f} ticks/s, "
            f"missed {sum(status.missed for status in statuses):,}"
        )
        done_s = now_s - self._began_s if self._began_s is not None else 0.0
        self._progress.update(self._task, description=line, completed=done_s)
        self._live.refresh()
