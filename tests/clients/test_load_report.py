"""What is left of a load test: its page, its HdrHistogram log, two reports compared, the live view, bounded counts."""

import io
import math
import re
import sys
from array import array
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import orjson
import pytest
from hdrh.histogram import HdrHistogram
from hdrh.log import HistogramLogReader
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from ticker.cli import run
from ticker.errors import SetupError
from ticker_load import doubts, hdr, plots
from ticker_load.counts import NOTED_MAX, POSITIONS_MAX, SAMPLES_MAX, Durations, Spread, thin
from ticker_load.histogram import Histogram, Packed
from ticker_load.live import Watching
from ticker_load.plan import Phase, Plan
from ticker_load.serverside import LOOKS_MAX, Look, ServerSide
from ticker_load.tally import Seen
from ticker_load.worker import Status


@pytest.fixture(scope="module")
def left(serve_ticker: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with all files that a run over two transports leaves behind."""
    folder = tmp_path_factory.mktemp("left")
    files = [word for kind in ("json", "html", "hdr") for word in (f"--{kind}", str(folder / f"report.{kind}"))]
    size = ["--clients", "6", "--duration", "2", "--processes", "2", "--transports", "ws=0.5,sse=0.5"]
    thresholds = ["--threshold", "gaps<1", "--threshold", "p99<1us"]
    assert run(["load", "--url", serve_ticker().stream, *size, *files, *thresholds]) == 1
    return folder


# The page.


def test_a_page_stands_by_itself(left: Path) -> None:
    document = (left / "report.html").read_bytes()
    root = ElementTree.fromstring(document.partition(b"\n")[2])
    assert not {"script", "link", "img", "iframe", "object"} & {element.tag for element in root.iter()}
    assert not {"src", "href", "style"} & {name for element in root.iter() for name in element.attrib}
    assert not re.search(rb"https?:|url\(|@import", document)
    assert b"prefers-color-scheme: dark" in document


def test_a_page_has_plots_tables_findings_plan_and_thresholds(left: Path) -> None:
    root = ElementTree.fromstring((left / "report.html").read_bytes().partition(b"\n")[2])
    titles = [title.text for title in root.iter("h3")]
    assert titles[:3] == ["Latency over time", "Percentiles", "Rates over time"]
    assert [title.text for title in root.iter("h2")] == ["Times", "Transports", "Counts", "Thresholds", "Plan"]
    rows = {row[0].text: [cell.text for cell in row[1:]] for row in root.iter("tr") if row[0].tag == "th"}
    assert {"ws", "sse", "late from schedule", "gaps"} <= rows.keys()
    assert rows["gaps<1"] == ["kept"]
    assert str(rows["p99<1us"][0]).startswith("it was ")
    assert "Failed: 1 threshold broken." in [paragraph.text for paragraph in root.iter("p")]


def test_lines_of_a_plot_are_as_many_as_what_they_show(left: Path) -> None:
    root = ElementTree.fromstring((left / "report.html").read_bytes().partition(b"\n")[2])
    lines = [len(list(figure.iter("polyline"))) for figure in root.iter("figure")]
    assert lines[:3] == [3, 2, 2]


@pytest.mark.parametrize(("inverse", "spelled"), [(1, "0 %"), (10, "90 %"), (1e4, "99.99 %"), (1e6, "99.9999 %")])
def test_shares_are_spelled_by_their_nines(inverse: float, spelled: str) -> None:
    assert plots._share(inverse) == spelled


# The log.


def read_back(log: bytes) -> HdrHistogram:
    """Return all intervals of a log together, as the library reads them."""
    whole = HdrHistogram(1, 1 << 40, 3)
    for line in log.decode().splitlines():
        if line[:1].isdigit():
            whole.decode_and_add(line.rpartition(",")[2])
    return whole


def in_order(found: HdrHistogram) -> list[int]:
    """Return all values of a histogram, ascending, each the greatest of its bucket."""
    steps = found.get_recorded_iterator()
    return [step.value_iterated_to for step in steps for _ in range(step.count_added_in_this_iter_step)]


def test_a_log_read_back_has_the_same_percentiles(left: Path) -> None:
    found = read_back((left / "report.hdr").read_bytes())
    late = orjson.loads((left / "report.json").read_bytes())["latency_us"]
    values = in_order(found)
    assert found.get_total_count() == late["count"] == len(values) > 0
    for name, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99_9", 0.999), ("p99_99", 0.9999), ("max", 1)):
        rank = max(1, math.ceil(share * len(values) - 1e-9)) - 1
        assert values[rank] == pytest.approx(late[name], rel=0.001)
        near = values[max(rank - 1, 0)], values[min(rank + 1, len(values) - 1)]  # the library rounds ranks
        assert near[0] <= found.get_value_at_percentile(share * 100) <= near[1]


def test_the_library_reads_the_file(left: Path) -> None:
    reader = HistogramLogReader(str(left / "report.hdr"), HdrHistogram(1, 1 << 40, 3))
    first, second = reader.get_next_interval_histogram(), reader.get_next_interval_histogram()
    reader.input_file.close()
    assert second.get_start_time_stamp() - first.get_start_time_stamp() == pytest.approx(250, abs=0.01)
    assert reader.start_time_sec > 1_700_000_000


@given(st.lists(st.lists(st.integers(0, 10**9), min_size=1, max_size=50), min_size=1, max_size=3))
def test_any_latencies_are_the_same_in_the_log(values: list[list[int]]) -> None:
    slices = {place: Histogram.of(found).packed() for place, found in enumerate(values)}
    found = in_order(read_back(hdr.log(slices, 0.25, 1_700_000_000.0)))
    assert found == pytest.approx(sorted(us for one in values for us in one), rel=0.001)


def test_what_writes_the_log_may_not_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hdrh.log", None)
    with pytest.raises(SetupError, match=r"--hdr: .*pip install 'tickerplant\[load\]'"):
        hdr.check()


# Two reports.


def test_two_reports_are_compared(left: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = left / "report.json"
    other = tmp_path / "slower.json"
    report = orjson.loads(first.read_bytes())
    report["latency_us"]["p99"] *= 2
    report["delivered"]["ticks_per_s"] *= 0.75
    report["server"]["cpu_share"] = None
    other.write_bytes(orjson.dumps(report))
    assert run(["load", "compare", str(first), str(other)]) == 0
    lines = {" ".join(line.split()[:2]): line.split() for line in capsys.readouterr().out.splitlines()}
    assert lines["latency p99"][-1] == "+100.0%"
    assert lines["delivered ticks_per_s"][-1] == "-25.0%"
    assert lines["latency p50"][-1] == "+0.0%"
    assert lines["server cpu_share"][-1] == "-", "nothing to compare with"


@pytest.mark.parametrize("content", [None, b"no JSON", b"[]", b'{"plan": 1}'])
def test_a_file_that_is_no_report_is_one_clear_line(
    content: bytes | None, left: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "what.json"
    if content is not None:
        file.write_bytes(content)
    assert run(["load", "compare", str(left / "report.json"), str(file)]) == 1
    said = capsys.readouterr().err
    assert str(file) in said
    assert said.count("\n") == 1


# While it runs.


def shown(watching: Watching, statuses: list[Status], doing: str, server: ServerSide, now_s: float) -> list[str]:
    console = Console(width=80, file=io.StringIO(), color_system=None)
    with console.capture() as captured:
        console.print(watching.lines(statuses, doing, server, now_s))
    return [line.rstrip() for line in captured.get().splitlines()]


def test_the_live_view_tells_how_it_goes() -> None:
    plan = Plan(phases=[Phase("calm", 3, 10), Phase("spike", 30, 10)])
    watching, server = Watching(plan), ServerSide()
    for second, cpu_s in ((1.0, 0.0), (2.0, 0.25)):
        server.take(Look(second, cpu_s, 50 * 2**20, 0.001))
    late = Histogram.of([1000, 3000]).packed()
    statuses = [Status(2, 2, Seen(ticks=500, missed=1), resumed=4, latest=late), Status(1, 1, latest=None)]
    lines = shown(watching, statuses, "measuring", server, 5.0)
    assert [line.split()[0] for line in lines] == ["measuring", "clients", "ticks/s", "late", "server"]
    assert "0 of 20 s, calm" in lines[0]
    assert "3 of 3, 1 missed, 4 resumed" in lines[1]
    assert "p50 1.00, p99 3.00, max 3.00 ms" in lines[3]
    assert "25% of a core, 50 MiB, 1.0 ms late" in lines[4]
    assert max(map(len, lines)) <= 80


def test_before_anything_is_known_there_are_dashes() -> None:
    lines = shown(Watching(Plan()), [Status()], "joining", ServerSide(), 0.0)
    assert [line.split() for line in lines[3:]] == [["late", "-"], ["server", "-"]]


# Who is late, and what is kept.


@pytest.mark.parametrize(
    ("offsets", "found"),
    [
        ([100] * 9 + [50_000], 1),
        ([100, 110, 120, 130, 140, 150], 0),
        ([k * 1000 for k in range(20)], 0),
        ([k * 100 for k in range(20)] + [9_000], 1),
        ([100, 50_000], 0),
    ],
    ids=["one", "alike", "spread widely", "beyond a spread", "too few to tell"],
)
def test_later_than_the_median_is_more_than_clients_differ_by(offsets: list[int], found: int) -> None:
    assert doubts.later({"ws": array("q", offsets)})[0] == found
    polled = array("q", [offset + 250_000 for offset in offsets])
    assert doubts.later({"ws": array("q", offsets), "short-poll": polled})[0] == 2 * found, "by transport"


@given(st.lists(st.integers(0, 10**6), max_size=50))
def test_durations_are_all_counted(values: list[int]) -> None:
    durations = Durations()
    for us in values * (NOTED_MAX // 40):
        durations.append(us)
    assert len(durations) == durations.all().count == len(values) * (NOTED_MAX // 40)


def test_a_spread_keeps_the_same_positions_in_every_process() -> None:
    few, many = Spread(), Spread()
    for seq in range(3 * POSITIONS_MAX):
        many.take(seq, seq, seq + 5, 2)
        if seq < POSITIONS_MAX // 2:
            few.take(seq, seq - 1, seq + 1, 1)
    assert many.every == 4
    few.join(many)
    assert few.every == 4
    found = few.all()
    assert found.count <= POSITIONS_MAX
    assert dict(found.filled()) == {5: found.count - POSITIONS_MAX // 8, 6: POSITIONS_MAX // 8}


def test_samples_are_thinned() -> None:
    samples = array("q")
    for number in range(10 * SAMPLES_MAX):
        thin(samples)
        samples.append(number)
    assert len(samples) <= SAMPLES_MAX
    assert samples[0] == 0


def test_a_server_is_looked_at_for_days_in_bounded_memory() -> None:
    server = ServerSide()
    for second in range(10 * LOOKS_MAX):
        server.take(Look(float(second + 1), second * 0.5, float(second), None))
    assert len(server.looks) <= LOOKS_MAX
    assert server.cpu_share == pytest.approx(0.5)
    assert (server.rss_bytes_max, server.late_s_max) == (10 * LOOKS_MAX - 1, None)


@given(st.lists(st.integers(0, 10**9), max_size=100), st.lists(st.integers(0, 10**9), max_size=100))
def test_a_packed_histogram_is_the_same(one: list[int], other: list[int]) -> None:
    packed = Histogram.of(one).packed()
    assert isinstance(packed, Packed) and len(packed.places) <= len(one)
    added, plain = Histogram.of(other).add(packed), Histogram.of([*other, *one])
    assert (added.min, added.max) == (plain.min, plain.max)
    assert np.array_equal(added.counts, plain.counts)
