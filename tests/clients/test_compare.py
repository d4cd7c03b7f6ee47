"""The comparison: its arithmetic, a real run over all transports, and that it says where lanes differ."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import RunningServer
from ticker import clock
from ticker.errors import ConfigError, SetupError
from ticker.session.kinds import Bar1s
from ticker.session.messages import Ticks, Trade
from ticker_compare import command, page, plots, report, tables, words
from ticker_compare.cpu import SelfWatch, ServerClock, Spent
from ticker_compare.lane import Count, Lane
from ticker_compare.measure import Comparison, Findings
from ticker_compare.plan import Plan, intervals, kinds
from ticker_compare.samples import Samples, agreement

STEP_US = 10_000
MARKET_US = 1_600_000_000_000_000
WALL_US = 1_700_000_000_000_000
BRISK = (
    *("--market.model", "plain", "--instruments", "20"),
    *("--market.trades-per-s", "15", "--market.quotes-per-s", "25"),
)
NAMES = ["WebSocket", "SSE", "long poll", "poll 0.3 s", "poll 0.05 s"]


def trade(seq: int, symbol: str = "A") -> Trade:
    return Trade(sym=symbol, n=seq, t=MARKET_US + seq * STEP_US, px=1.0, sz=1, side="buy")


def message(*trades: Trade) -> Ticks:
    """A message of trades, emitted when the last of them was due."""
    seq = (trades[-1].t - MARKET_US) // STEP_US
    return Ticks(seq=seq, ts=WALL_US + seq * STEP_US, data=list(trades))


def heard(*messages: Ticks, late_us: int = 100, bars: bool = False) -> Samples:
    """What a lane has seen to which these came one by one, so late."""
    samples = Samples(bars=bars)
    samples.recording = True
    for ticks in messages:
        samples.take(ticks, ticks.ts + late_us, last=True)
    return samples


# What a lane saw.


def test_staleness_is_that_of_every_tick() -> None:
    samples = heard(message(trade(1)), late_us=1000)
    samples.take(message(*(trade(seq) for seq in range(2, 11))), WALL_US + 10 * STEP_US + 5000, last=True)
    stale = samples.staleness_us
    assert stale is not None
    assert (stale.count, stale.min, stale.p50, stale.max) == (10, 1000, 5000, 5000)


def test_messages_that_come_together_are_one_arrival() -> None:
    samples = Samples()
    samples.recording = True
    for seq in range(1, 7):
        samples.take(message(trade(seq)), WALL_US + 70_000 + seq // 4, last=seq in (3, 6))
    assert (samples.messages, samples.ticks, samples.arrivals) == (6, 6, 2)
    assert samples.comings(WALL_US, WALL_US + 1_000_000) == [(0.07, 3), (0.07, 3)]
    assert samples.comings(WALL_US + 70_000, WALL_US + 1_000_000) == [(0.0, 3)]
    assert samples.began_us == WALL_US + 70_000


def test_what_comes_outside_the_window_is_not_counted() -> None:
    samples = heard(message(trade(1)))
    samples.recording = False
    samples.take(message(trade(2)), WALL_US, last=True)
    assert (samples.ticks, samples.arrivals) == (1, 1)
    assert Samples().staleness_us is None
    assert Samples().comings(0, WALL_US) == []


# Whether all saw the same.


@given(
    sizes=st.lists(st.integers(1, 7), min_size=3, max_size=20),
    skipped=st.integers(0, 3),
    left=st.integers(0, 3),
)
def test_lanes_agree_however_ticks_are_packed(sizes: list[int], skipped: int, left: int) -> None:
    trades = [trade(seq) for seq in range(1, sum(sizes) + 1)]
    one_by_one = heard(*(message(tick) for tick in trades[skipped : len(trades) - left]))
    packed, place = list[Ticks](), 0
    for size in sizes:
        packed.append(message(*trades[place : place + size]))
        place += size
    found = agreement([one_by_one, heard(*packed)])
    assert found.differing == [0, 0]
    assert found.ticks == max(0, len(trades) - left - max(skipped + 1, sizes[0]))


def test_a_missing_tick_is_found_where_it_is_missing() -> None:
    whole = [message(trade(seq)) for seq in range(1, 11)]
    found = agreement([heard(*whole), heard(*whole[:4], *whole[5:]), heard(*whole)])
    assert (found.ticks, found.differing, found.complete) == (9, [0, 1, 0], False)


def test_ticks_out_of_order_or_twice_or_different_are_found() -> None:
    def pair(seq: int, *symbols: str) -> Ticks:
        return message(*(trade(seq, symbol) for symbol in symbols))

    right = [pair(seq, "A", "B") for seq in range(1, 5)]
    swapped = heard(*right[:2], pair(3, "B", "A"), right[3])
    assert not agreement([heard(*right), swapped]).complete
    twice = heard(*right[:2], pair(3, "A", "A", "B"), right[3])
    assert agreement([heard(*right), twice]).differing != [0, 0]
    other = heard(*right[:2], pair(3, "A", "C"), right[3])
    assert agreement([heard(*right), other]).differing == [1, 1]
    assert agreement([heard(*right), heard(*right)]).complete


def bar(seq: int, opened_seq: int) -> Bar1s:
    """A bar told of in a step, which opened in an earlier one."""
    prices = dict.fromkeys(("open", "high", "low", "close", "vwap"), 1.0)
    opened_us = MARKET_US + opened_seq * STEP_US
    return Bar1s(sym="A", n=seq, t=opened_us, volume=1, trades=1, done=False, **prices)


@pytest.mark.parametrize("traded", [True, False])
def test_bars_are_compared_by_when_they_were_told_of(traded: bool) -> None:
    messages = [
        Ticks(
            seq=seq,
            ts=WALL_US + seq * STEP_US,
            data=[*([trade(seq)] if traded and seq % 3 else []), bar(seq, seq - seq % 4)],
        )
        for seq in range(1, 41)
    ]
    lanes = [heard(*messages, bars=True), heard(*messages[:-1], bars=True), heard(*messages[5:-2], bars=True)]
    found = agreement(lanes)
    assert found.complete and found.ticks > 20
    holed = heard(*messages[:20], *messages[21:], bars=True)
    assert agreement([lanes[0], holed]).differing[1] >= 1
    assert agreement([lanes[0], heard(messages[0], bars=True)]).ticks == 0


def test_lanes_that_saw_nothing_in_common_do_not_agree() -> None:
    early, late = heard(message(trade(1)), message(trade(2))), heard(message(trade(8)), message(trade(9)))
    for lanes in ([early, late], [early, Samples()], []):
        found = agreement(lanes)
        assert (found.ticks, found.complete) == (0, False)


# Processor time.


def test_what_an_idle_server_spends_is_taken_off() -> None:
    spent = Spent(cpu_s=0.5, seconds=10.0, ticks=1000, requests=100, clients=1)
    assert spent.per_tick_us(0.01) == pytest.approx(400)
    assert spent.per_request_us(0.01) == pytest.approx(4000)
    assert spent.share(0.01) == pytest.approx(0.04)
    assert spent.per_tick_us(0.5) == 0


def test_where_nothing_was_asked_or_came_there_is_no_price() -> None:
    spent = Spent(cpu_s=0.5, seconds=10.0, ticks=0, requests=2, clients=3)
    assert spent.per_tick_us(0.0) is None
    assert spent.per_request_us(0.0) is None


async def test_the_server_tells_its_processor_time(ticker_server: RunningServer) -> None:
    server = ServerClock(ticker_server.stream)
    before_s = await server.read_s()
    after_s = await server.read_s()
    server.close()
    assert before_s is not None and after_s is not None
    assert 0 < before_s < after_s


@pytest.fixture
def silent_server() -> Iterator[str]:
    """A server without metrics."""

    class Silent(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(404)

        def log_message(self, format: str, *args: Any) -> None:
            """Keep quiet."""

    with HTTPServer(("127.0.0.1", 0), Silent) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


async def test_a_server_that_does_not_tell_is_no_error(silent_server: str) -> None:
    server = ServerClock(silent_server)
    assert await server.read_s() is None
    server.close()


async def test_a_late_tester_notices() -> None:
    tester = SelfWatch()
    await asyncio.sleep(0)
    until_s = clock.monotonic_s() + 0.1
    while clock.monotonic_s() < until_s:  # as a tester that has too much to do
        pass
    await asyncio.sleep(0.05)
    assert tester.end() > 0
    assert tester.late_s > 0.05


# What is planned.


def test_intervals_are_seconds_joined_by_commas() -> None:
    assert intervals("1,0.25, 0.05") == [1, 0.25, 0.05]
    assert [kind.name for kind in kinds([0.3, 0.05])] == NAMES


@pytest.mark.parametrize("text", ["", "x", "1,,2", "0", "-1", "nan", "inf", "1,1.0", "1e9"])
def test_intervals_that_make_no_sense(text: str) -> None:
    with pytest.raises(ConfigError, match="--intervals"):
        intervals(text)


# A report.


def plan(url: str = "ws://127.0.0.1:1/", symbols: str = "*") -> Plan:
    return Plan(url, [symbols], ["trades"], 10.0, 1, kinds([0.25]))


def findings(chosen: Plan, *seen: Samples) -> Findings:
    """What would have been found had these lanes seen this, and nothing more been measured."""
    lanes = [Lane(chosen, kind) for kind in chosen.kinds]
    for lane, samples in zip(lanes, seen, strict=False):
        lane.samples = samples
    counts = [Count(10.0, 20, 2, 1000, 2000, lane.samples.ticks) for lane in lanes]
    return Findings(lanes=lanes, windows=counts, totals=counts, tester={"side by side": (0.95, 0.2)}, told_cpu=False)


def test_what_was_not_measured_is_a_dash(capsys: pytest.CaptureFixture[str]) -> None:
    made = report.build(plan(), findings(plan()))
    tables.show(made)
    printed = capsys.readouterr().out
    assert len(re.findall(r"^SSE( +-){5} *$", printed, re.MULTILINE)) == 2, "neither talk nor processor time"
    for sentence in ("does not tell its processor time", "95% of a core", "200 ms late", "There were no ticks"):
        assert sentence in printed
    assert not made.ok
    ElementTree.fromstring(page.render(made).partition(b"\n")[2])


def test_lanes_that_differ_are_named() -> None:
    whole = [message(trade(seq)) for seq in range(1, 11)]
    seen = [heard(*whole), heard(*whole[:4], *whole[5:]), heard(*whole), heard(*whole)]
    made = report.build(plan(), findings(plan(), *seen))
    assert not made.ok
    assert words.verdict(made).endswith("see SSE.")
    assert [lane.differing for lane in made.lanes] == [0, 1, 0, 0]
    assert made.lanes[0].bytes_down_per_tick == 200
    right = report.build(plan(), findings(plan(), *[heard(*whole)] * 4))
    assert right.ok
    assert "the same 9 ticks" in words.verdict(right)


@pytest.mark.parametrize(("idle_shares", "doubted"), [([0.02, 0.021], False), ([0.02, 0.04], True), ([0.02], False)])
def test_a_machine_that_is_not_steady_is_told(idle_shares: list[float], doubted: bool) -> None:
    found = findings(plan())
    found.idle_shares = idle_shares
    found.spent = {"SSE": Spent(cpu_s=0.06, seconds=1.0, ticks=100, requests=0, clients=1)}
    found.tester["SSE alone"] = (0.1, 0.0)
    warnings = report.build(plan(), found).warnings
    assert any("--clients and a longer --duration" in warning for warning in warnings) == doubted


def test_a_page_shows_what_it_is_given_as_text() -> None:
    nasty = plan("ws://127.0.0.1:1/<script>alert(1)</script>", "<b>&\"'")
    document = page.render(report.build(nasty, findings(nasty)))
    assert b"<script" not in document and b"<b>" not in document
    root = ElementTree.fromstring(document.partition(b"\n")[2])
    assert "<script>alert(1)</script>" in "".join(root.itertext())


@given(st.lists(st.tuples(*[st.floats(0.01, 1e6)] * 4).map(sorted), max_size=6))
def test_percentiles_stand_in_the_picture_in_their_order(rows: list[list[float]]) -> None:
    drawing = plots.spreads("a", [plots.Spread("b", *row, text="c") for row in rows], "ms")
    root = ElementTree.fromstring(drawing)
    for thin, thick in zip(root.findall("line[@class='whisker']"), root.findall("line[@class='box']"), strict=True):
        places = [float(line.attrib[name]) for line, name in ((thin, "x1"), (thick, "x1"), (thick, "x2"), (thin, "x2"))]
        assert places == sorted(places)
        assert places[0] >= plots.LEFT - 0.1 and places[-1] <= plots.WIDTH - plots.RIGHT + 0.1


def test_bars_are_as_long_as_what_they_stand_for() -> None:
    root = ElementTree.fromstring(plots.bars("a", [plots.Bar("b", [3.0, 1.0], "4"), plots.Bar("c", [1.0], "1")]))
    widths = [float(bar.attrib["width"]) for bar in root.iter("rect")]
    assert widths == pytest.approx([plots.INNER * 0.75, plots.INNER * 0.25, plots.INNER * 0.25], abs=0.1)
    ElementTree.fromstring(plots.bars("nothing", [plots.Bar("a", [0.0], "0")]))


# A real run.


@pytest.fixture(scope="module")
def server(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker(*BRISK)


def test_a_run_against_the_real_server(
    server: RunningServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, shown = tmp_path / "report.json", tmp_path / "report.html"
    assert command.run(server.stream, ["*"], ["quotes", "trades"], 1.5, "0.3,0.05", 2, file, shown) == 0
    found = orjson.loads(file.read_bytes())
    check_figures(found)
    check_page(shown.read_bytes())
    printed = capsys.readouterr()
    assert all(name in printed.out for name in NAMES)
    assert f"All lanes saw the same {found['same_ticks']:,} ticks" in " ".join(printed.out.split())
    assert max(len(line.rstrip()) for line in printed.out.splitlines()) <= 80
    assert printed.err == ""


def check_figures(found: dict[str, Any]) -> None:
    lanes = {lane["name"]: lane for lane in found["lanes"]}
    assert list(lanes) == NAMES
    assert found["same_ticks"] > 100
    for lane in lanes.values():
        assert (lane["missed"], lane["repeated"], lane["lagged"], lane["differing"], lane["ended"]) == (
            0,
            0,
            0,
            0,
            None,
        )
        assert lane["staleness_us"]["count"] == lane["ticks"] >= lane["arrivals"] > 0
        assert 0 <= lane["staleness_us"]["min"] <= lane["staleness_us"]["p50"] <= lane["staleness_us"]["p99"]
        assert lane["bytes_down"] > lane["ticks"] * 50
        assert lane["cpu_us_per_tick"] >= 0
        assert lane["alone"]["ticks"] > 0
        assert lane["alone"]["clients"] == 2
        assert 0 < lane["tester_cpu_share"] < 5
        assert lane["talk"]["changes"] > 0
        assert lane["talk"]["seen_us"] <= lane["talk"]["live_us"]
    pushed, events, held, slow, _ = lanes.values()
    assert (pushed["requests"], pushed["connections"], pushed["requests_per_s"]) == (1, 1, 0)
    assert (pushed["talk"]["requests"], pushed["talk"]["connections"]) == (0, 0), "on the same connection"
    assert events["requests_per_s"] == 0
    assert events["talk"]["requests"] == 2 and events["talk"]["connections"] == 1, "a snapshot and a stream anew"
    assert held["arrivals"] <= held["requests"] and held["talk"]["requests"] >= 2
    assert slow["talk"]["requests"] >= 2 and slow["talk"]["connections"] == 0
    assert slow["ticks_per_arrival"] > 3 * pushed["ticks_per_arrival"]
    assert slow["staleness_us"]["p50"] > pushed["staleness_us"]["p50"]
    assert len(found["idle_shares"]) == 2


def check_page(document: bytes) -> None:
    root = ElementTree.fromstring(document.partition(b"\n")[2])
    assert document.startswith(b"<!doctype html>\n")
    assert len(list(root.iter("svg"))) == 5
    assert {heading.text for heading in root.iter("th")} >= set(NAMES)
    assert not {"script", "link", "img", "iframe", "object"} & {element.tag for element in root.iter()}
    assert not {"src", "href", "style"} & {name for element in root.iter() for name in element.attrib}
    assert not re.search(rb"https?:|url\(|@import", document)


@pytest.fixture
def in_part(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Callable[[], object]], None]:
    """Have something happen when a part of the comparison begins."""

    def arrange(part: str, happen: Callable[[], object]) -> None:
        original = getattr(Comparison, part)

        async def begun(comparison: Comparison, *arguments: Any) -> Any:
            asyncio.get_running_loop().call_later(0.5, happen)
            return await original(comparison, *arguments)

        monkeypatch.setattr(Comparison, part, begun)

    return arrange


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("part", ["_listen", "_talk_back", "_alone"])
def test_an_interrupted_run_reports_what_it_saw(
    part: str, server: RunningServer, in_part: Callable[[str, Callable[[], object]], None], tmp_path: Path
) -> None:
    file = tmp_path / "report.json"
    in_part(part, interrupt)
    duration_s = 60.0 if part == "_listen" else 0.5
    assert command.run(server.url, ["*"], ["trades"], duration_s, "0.1", 1, file, None) == 0
    found = orjson.loads(file.read_bytes())
    assert found["window_s"] < 60
    assert found["same_ticks"] > 0
    assert bool(found["lanes"][0]["talk"]) == (part == "_alone")
    assert not any(lane["alone"] for lane in found["lanes"])
    assert any("Interrupted" in warning for warning in found["warnings"])


def test_an_interruption_before_there_is_anything(
    server: RunningServer, in_part: Callable[[str, Callable[[], object]], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ticker_compare.measure.SETTLE_S", 60.0)
    in_part("_side_by_side", interrupt)
    with pytest.raises(SetupError, match="before anything was measured") as raised:
        command.run(server.stream, ["*"], ["trades"], 1.0, "0.1", 1, None, None)
    assert raised.value.exit_code == 130


def test_a_server_that_stops_during_the_run_is_reported(
    ticker_server: RunningServer, in_part: Callable[[str, Callable[[], object]], None], tmp_path: Path
) -> None:
    file = tmp_path / "report.json"
    in_part("_listen", ticker_server.process.terminate)
    assert command.run(ticker_server.stream, ["*"], ["trades"], 60.0, "0.1", 1, file, None) == 1
    found = orjson.loads(file.read_bytes())
    assert found["window_s"] < 60
    assert all(lane["ended"] for lane in found["lanes"])


# Mistakes of the user's.


def ticker_compare(*flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ticker", "compare", *flags], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    ("flags", "code", "sentence"),
    [
        (["NOPE"], 1, "unknown symbol: NOPE"),
        (["--channels", "gossip"], 1, "unknown channel: gossip"),
        (["--intervals", "often"], 2, "--intervals: 'often' is not seconds"),
        (["--url", "nowhere"], 1, "--url: nowhere is not a WebSocket address"),
        (["--url", "ws://127.0.0.1:1/v1/stream"], 1, "connection refused: is the server running?"),
    ],
)
def test_a_mistake_is_one_clear_line(server: RunningServer, flags: list[str], code: int, sentence: str) -> None:
    done = ticker_compare("--url", server.stream, *flags) if "--url" not in flags else ticker_compare(*flags)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith("ticker: ") and done.stderr.count("\n") == 1
    assert sentence in done.stderr


@pytest.mark.parametrize(
    ("duration_s", "clients", "json_path", "html_path", "sentence"),
    [
        (0.0, 1, None, None, "--duration"),
        (float("nan"), 1, None, None, "--duration"),
        (float("inf"), 1, None, None, "--duration"),
        (2.0, 1, None, None, "--duration: 2 s are too few"),
        (5.0, 0, None, None, "--clients"),
        (5.0, 10**9, None, None, "--clients: .*open files"),
        (5.0, 1, Path("/nowhere/a"), None, "--json: /nowhere/a"),
        (5.0, 1, None, Path("/"), "--html: /: is a folder"),
    ],
)
def test_flags_that_make_no_sense(
    duration_s: float, clients: int, json_path: Path | None, html_path: Path | None, sentence: str
) -> None:
    with pytest.raises(SetupError, match=sentence):
        command.run("ws://127.0.0.1:1/", ["*"], ["trades"], duration_s, "1", clients, json_path, html_path)
