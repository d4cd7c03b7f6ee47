"""`ticker load`: join, measure, close, report."""

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from websockets.exceptions import InvalidURI
from websockets.uri import parse_uri

from ticker.errors import SetupError
from ticker_client import ConnectionEnded
from ticker_load import account, files, hdr, page, report, tables, threshold, worker
from ticker_load.crew import Crew, processes
from ticker_load.dialling import allow_open_files
from ticker_load.live import Watching
from ticker_load.paper import paper
from ticker_load.plan import Plan
from ticker_load.tally import slice_s
from ticker_load.worker import loop_factory

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
    worker.terms(plan)
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
