"""The load tester's plans, thresholds, and the faults of one client among many."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from ticker.cli import run
from ticker.errors import SetupError
from ticker.session.messages import Ticks, Trade
from ticker_load import plan, threshold
from ticker_load.proof import Place, Step, Ways

OWN = sorted(path.stem for path in (Path(__file__).parents[2] / "configs" / "load").glob("*.toml"))


def message(seq: int, *numbers: int) -> Ticks:
    return Ticks(seq=seq, ts=seq, data=[Trade(sym="A", n=n, t=n, px=1.0, sz=1, side="buy") for n in numbers])


def follow(ways: Ways, place: Place, messages: list[Ticks]) -> list[Step]:
    """Let a reader take messages as a connection does: by their bytes where somebody has made that step before."""
    steps = []
    for one in messages:
        key = repr(one)
        step = place.next.get(key) or ways.step(place, key, one, "ws", 1)
        steps.append(step)
        place = step.place
    return steps


def sums(steps: list[Step]) -> tuple[int, int, int]:
    """Return what was missed, repeated and reordered."""
    return (
        sum(step.missed for step in steps),
        sum(step.repeated for step in steps),
        sum(step.reordered for step in steps),
    )


HEALTHY = [message(seq, seq) for seq in range(1, 30)]


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        (HEALTHY, (0, 0, 0)),
        (HEALTHY[:9] + HEALTHY[10:], (1, 0, 0)),
        ([*HEALTHY[:9], HEALTHY[8], *HEALTHY[9:]], (0, 1, 0)),
        ([*HEALTHY[:9], HEALTHY[10], HEALTHY[9], *HEALTHY[11:]], (0, 0, 1)),
    ],
    ids=["healthy", "one dropped", "one twice", "two swapped"],
)
def test_a_fault_is_of_the_client_that_has_it(sent: list[Ticks], found: tuple[int, int, int]) -> None:
    ways = Ways()
    first = ways.step(ways.start, "first", message(0, 0), "ws", 1).place
    ahead = follow(ways, first, HEALTHY)
    assert sums(follow(ways, first, sent)) == found
    assert sums(follow(ways, first, HEALTHY)) == (0, 0, 0)
    assert all(a is b for a, b in zip(follow(ways, first, HEALTHY), ahead, strict=True)), "looked up, not checked again"


def test_who_has_had_the_same_in_other_messages_is_on_the_common_way_again() -> None:
    ways = Ways()
    first = ways.step(ways.start, "first", message(0, 0), "ws", 1).place
    ahead = follow(ways, first, HEALTHY)
    behind = follow(ways, first, [HEALTHY[0], message(5, 2, 3, 4, 5)])
    assert sums(behind) == (0, 0, 0)
    assert behind[-1].place is ahead[4].place


@pytest.mark.parametrize("name", OWN)
def test_every_plan_is_one(name: str) -> None:
    found = plan.load(name)
    found.check()
    assert found.with_clients(10).clients == 10
    assert found.with_seconds(3).seconds == pytest.approx(3)


@pytest.mark.parametrize("name", [name for name in OWN if name != "soak"])
def test_every_plan_runs(name: str, ticker_server: Any, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    flags = ["--plan", name, "--clients", "20", "--duration", "2", "--processes", "2", "--json", str(file)]
    assert run(["load", "--url", ticker_server.stream, *flags]) == 0
    report = orjson.loads(file.read_bytes())
    assert report["connected"] >= 20
    assert len(report["processes"]) == 2
    assert set(report["faults"].values()) == {0}


def test_a_storm_is_resumed_without_a_hole(ticker_server: Any, tmp_path: Path) -> None:
    own, file = tmp_path / "storm.toml", tmp_path / "report.json"
    own.write_text("storm_every_s = 0.5\ntransports = { ws = 0.5, sse = 0.5 }\nprocesses = 1\n")
    flags = ["--clients", "10", "--duration", "3", "--json", str(file)]
    assert run(["load", "--url", ticker_server.stream, "--plan", str(own), *flags]) == 0
    report = orjson.loads(file.read_bytes())
    assert report["resumed"] >= 5
    assert set(report["faults"].values()) == {0}


def test_who_comes_over_a_ramp_is_not_there_before(ticker_server: Any, tmp_path: Path) -> None:
    own, file = tmp_path / "ramp.toml", tmp_path / "report.json"
    own.write_text('phases = [{ name = "up", clients = 6, seconds = 2, ramp_s = 1 }]\nprocesses = 3\n')
    found = plan.load(str(own))
    assert [found.members_at(second) for second in (0, 0.5, 1, 1.9)] == [1, 3, 6, 6]
    assert found.first == 1
    assert run(["load", "--url", ticker_server.stream, "--plan", str(own), "--json", str(file)]) == 0
    report = orjson.loads(file.read_bytes())
    assert report["connected"] == 6
    assert [process["clients"] for process in report["processes"]] == [2, 2, 2]
    assert set(report["faults"].values()) == {0}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("windows = 3", "windows: no such key; there are url, "),
        ('phases = [{ name = "a", clients = 3 }]', "phases[0]: object missing required field seconds"),
        ('phases = [{ name = "a", clients = 3, seconds = 1, second = 2 }]', "second: no such key; there are name, "),
        ("transports = { ws = 0.5, tcp = 0.5 }", "transports: 'tcp' is not one of ws, sse, "),
        ('acks = "often"', "acks: 'often' is not one of every, interval, late, never"),
        ("mix_symbols = 1.5", "mix_symbols: expected int"),
        ("window = -1", "window: expected int >= 0"),
        ("= 3", "not TOML"),
    ],
)
def test_a_plan_that_makes_no_sense_is_one_clear_sentence(
    text: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "own.toml"
    file.write_text(text)
    assert run(["load", "--plan", str(file)]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"ticker: {file}: ") and words in said and said.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("transports = { ws = 0.5 }", "transports: the shares have to make 1 together"),
        ("bad = { slow = 0.6, herd = 0.5 }", "bad: the shares have to leave some good clients"),
        ('phases = [{ name = "a", clients = 3, seconds = 1, ramp_s = 2 }]', "ramp_s: 2 is not a part of 1 s"),
    ],
)
def test_a_plan_that_contradicts_itself_is_refused(text: str, words: str, tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(text)
    with pytest.raises(SetupError, match=words):
        plan.load(str(file)).check()


def test_a_threshold_that_is_broken_is_told(ticker_server: Any, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["load", "--url", ticker_server.stream, "--clients", "2", "--duration", "1", "--processes", "1"]
    assert run([*flags, "--threshold", "p99<1us", "--threshold", "gaps<1"]) == 1
    assert "threshold p99<1us: it was" in capsys.readouterr().out


def test_a_threshold_that_is_kept_is_told(ticker_server: Any, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["load", "--url", ticker_server.stream, "--clients", "2", "--duration", "0.5"]
    assert run([*flags, "--threshold", "p99<9s", "--threshold", "gaps<1"]) == 0
    assert "kept: p99<9s, gaps<1." in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("text", ["p99", "p98<1ms", "p99<20", "gaps<1ms", "p99<1.2.3ms", "p99=1ms"])
def test_a_threshold_that_makes_no_sense(text: str) -> None:
    with pytest.raises(SetupError, match="--threshold"):
        threshold.read(text)


class Laggard:
    """Passes everything on to a server, 50 ms late for the first client only."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._first = True

    async def pair(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        late_s, self._first = 0.05 * self._first, False
        theirs, to_them = await asyncio.open_connection("127.0.0.1", self._target)
        loop = asyncio.get_running_loop()

        async def down() -> None:
            while data := await theirs.read(1 << 16):
                loop.call_later(late_s, writer.write, data)
            loop.call_later(late_s, writer.close)

        passing = asyncio.create_task(down())
        while data := await reader.read(1 << 16):
            to_them.write(data)
        to_them.close()
        await passing


async def test_a_client_that_gets_everything_late_is_told_of(ticker_server: Any, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    laggard = Laggard(ticker_server.port)
    async with await asyncio.start_server(laggard.pair, "127.0.0.1", 0) as proxy:
        url = f"ws://127.0.0.1:{proxy.sockets[0].getsockname()[1]}/v1/stream"
        arguments = ["load", "--url", url, "--clients", "9", "--duration", "2", "--processes", "1", "--json", str(file)]
        tester = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "ticker", *arguments, stdout=asyncio.subprocess.DEVNULL
        )
        await tester.wait()
    report = orjson.loads(file.read_bytes())
    assert report["later_clients"] >= 1
    assert report["fan_out_us"]["p50"] >= 45_000
    assert any("later than the median" in warning for warning in report["warnings"])
