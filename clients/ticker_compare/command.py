"""`ticker compare`: the same subscription over every transport, side by side, and what each takes."""

import asyncio
import signal
import sys
from pathlib import Path

from ticker.errors import SetupError
from ticker_client import ConnectionEnded
from ticker_client.address import Address
from ticker_compare import page, report, tables
from ticker_compare.measure import Comparison, Findings
from ticker_compare.plan import Plan, intervals, kinds
from ticker_load import files
from ticker_load.dialling import allow_open_files
from ticker_load.report import as_json
from ticker_load.worker import loop_factory

CONNECTIONS = 2  # of one client at a time: what is held, and what is asked beside it


class Interrupted(SetupError):
    """Ctrl-C before there was anything to report."""

    exit_code = 130


def run(
    url: str,
    symbols: list[str],
    channels: list[str],
    duration_s: float,
    every: str,
    clients: int,
    json_path: Path | None,
    html_path: Path | None,
) -> int:
    """Run one comparison; return 0, or 1 where lanes did not see the same, or not all. Raises SetupError."""
    plan = Plan(url, symbols, channels, duration_s, clients, kinds(intervals(every)))
    _check(plan, json_path, html_path)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        found = runner.run(_compare(plan))
    if not found.lanes:
        raise Interrupted("interrupted before anything was measured")
    made = report.build(plan, found)
    tables.show(made)
    if json_path is not None:
        files.write(json_path, as_json(made))
    if html_path is not None:
        files.write(html_path, page.render(made))
    return 0 if made.ok else 1


def _check(plan: Plan, json_path: Path | None, html_path: Path | None) -> None:
    """Raise SetupError where something is wrong that can be known beforehand."""
    plan.check()
    files.check(json_path, "--json")
    files.check(html_path, "--html")
    try:
        Address.of(plan.url)
    except ConnectionEnded as error:
        raise SetupError(f"--url: {error}") from None
    allow_open_files(max(plan.clients, len(plan.kinds)), CONNECTIONS)


async def _compare(plan: Plan) -> Findings:
    comparison = Comparison(plan, _say)
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, comparison.stop)
    await comparison.run()
    return comparison.found


def _say(sentence: str) -> None:
    """Tell whoever watches a terminal what goes on."""
    if sys.stderr.isatty():
        print(f"· {sentence}", file=sys.stderr, flush=True)
