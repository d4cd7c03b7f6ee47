"""The load tester beside a real server with a fault planted in it: each is reported for what it is."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from conftest import ROOT, RunningServer
from ticker_load import command
from ticker_load.plan import Phase, Plan

FAULTY = str(ROOT / "tests" / "faulty_server.py")
CLIENTS, SECONDS = 20, 4.0


def report_on(server: RunningServer, file: Path) -> tuple[int, dict[str, Any]]:
    """Return the tester's exit code and what it says of a server."""
    phases = [Phase("steady", CLIENTS, SECONDS)]
    plan = Plan(url=server.stream, symbols=["*"], channels=["trades"], processes=1, phases=phases)
    return command.run(plan, command.Outputs(file)), orjson.loads(file.read_bytes())


@pytest.fixture
def faulty(serve_ticker: Callable[..., RunningServer], request: pytest.FixtureRequest) -> RunningServer:
    fault, every = request.param
    return serve_ticker("--config", "configs/load.toml", program=(FAULTY, fault, every))


@pytest.mark.parametrize(
    ("faulty", "kind"),
    [(("drop", "20000"), "gaps"), (("repeat", "20000"), "duplicates"), (("swap", "20000"), "reorderings")],
    indirect=["faulty"],
    ids=["a tick left out", "a tick sent twice", "two messages in the wrong order"],
)
def test_a_tick_in_twenty_thousand_is_found(faulty: RunningServer, kind: str, tmp_path: Path) -> None:
    """Some 80,000 ticks: three or four faults, and no other kind."""
    code, report = report_on(faulty, tmp_path / "report.json")
    found = {name: count for name, count in report["faults"].items() if count}
    assert code == 1
    assert set(found) == {kind}
    assert found[kind] < report["delivered"]["ticks"] / 1000


@pytest.mark.parametrize("faulty", [("late", "50")], indirect=True, ids=["one client 50 ms late"])
def test_a_client_that_is_served_late_is_found(faulty: RunningServer, tmp_path: Path) -> None:
    code, report = report_on(faulty, tmp_path / "report.json")
    assert (code, set(report["faults"].values())) == (0, {0})
    assert report["later_clients"] == 1
    (told,) = [warning for warning in report["warnings"] if "later than the median" in warning]
    late_ms = float(re.search(r"([\d.]+) ms", told)[1])  # type: ignore[index]
    assert 40 < late_ms < 90
