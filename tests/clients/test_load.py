"""The load tester: its arithmetic, a real run, and that it finds what a faulty server does wrong."""

import os
import random
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from websockets.sync.server import ServerConnection

from fake_stream import MARKET_US, STEP_US, WALL_US, answer, await_window, fake, greet, trade_message, welcome
from ticker.errors import SetupError
from ticker.session.kinds import Bar1s
from ticker.session.messages import Ticks, Trade
from ticker_load import command
from ticker_load.command import Outputs
from ticker_load.crew import Crew
from ticker_load.histogram import Histogram
from ticker_load.latency import Latencies
from ticker_load.percentiles import Percentiles
from ticker_load.plan import Phase, Plan
from ticker_load.proof import Ways
from ticker_load.tally import Tally

DELAY_US = 300


def ticks(first: int, last: int, *, emitted_us: int | None = None) -> Ticks:
    """A message with a trade in each step from `first` to `last`, emitted on time unless told otherwise."""
    trades = [
        Trade(sym="A", n=seq, t=MARKET_US + seq * STEP_US, px=1.0, sz=1, side="buy") for seq in range(first, last + 1)
    ]
    return Ticks(seq=last, ts=WALL_US + last * STEP_US if emitted_us is None else emitted_us, data=list(trades))


def latencies(*received: tuple[Ticks, int]) -> list[int]:
    """What is found, ascending, to three digits."""
    found, ways = Latencies(step_us=STEP_US), Ways()
    for message, received_us in received:
        step = ways.step(ways.start, b"", message, "ws", 0)
        found.anchors.learn(step, STEP_US)
        found.take(step, np.array([received_us]), 0)
    return in_full(found.lanes().get("ws", Histogram()))


def in_full(histogram: Histogram) -> list[int]:
    return [value for value, count in histogram.filled() for _ in range(count)]


def about(values: Iterable[int]) -> Any:
    return pytest.approx(sorted(values), rel=0.001)


def attack(url: str, clients: int, symbols: list[str], channels: list[str], seconds: float, file: Path | None) -> int:
    phases = [Phase("steady", clients, seconds)]
    plan = Plan(url=url, symbols=symbols, channels=channels, processes=1, phases=phases)
    return command.run(plan, Outputs(file))


def on_time(seq: int) -> tuple[Ticks, int]:
    return ticks(seq, seq), WALL_US + seq * STEP_US + DELAY_US


def test_a_server_on_time_shows_only_the_way() -> None:
    assert latencies(*(on_time(seq) for seq in range(1, 6))) == [DELAY_US] * 5


def test_a_late_server_shows() -> None:
    late_us = WALL_US + 2 * STEP_US + 7_000
    message = ticks(2, 2, emitted_us=late_us)
    assert latencies(on_time(1), (message, late_us + DELAY_US), on_time(3)) == about(
        [DELAY_US, 7_000 + DELAY_US, DELAY_US]
    )


def test_a_server_that_is_late_from_the_start_shows_once_it_has_been_on_time() -> None:
    late = ticks(1, 1, emitted_us=WALL_US + STEP_US + 5_000)
    assert latencies((late, late.ts + DELAY_US), on_time(2)) == about([5_000 + DELAY_US, DELAY_US])


def test_steps_made_up_for_in_one_message_are_as_late_as_the_oldest() -> None:
    assert latencies(on_time(1), (ticks(2, 21), WALL_US + 21 * STEP_US + DELAY_US)) == about(
        [DELAY_US, 19 * STEP_US + DELAY_US]
    )


def test_the_newest_steps_of_a_message_may_have_had_no_ticks_for_us() -> None:
    sparse = Ticks(seq=5, ts=WALL_US + 5 * STEP_US, data=ticks(3, 4).data)
    assert latencies(on_time(1), (sparse, sparse.ts + DELAY_US)) == about([DELAY_US, 2 * STEP_US + DELAY_US])


def bar(opened_seq: int) -> Bar1s:
    prices = dict.fromkeys(("open", "high", "low", "close", "vwap"), 1.0)
    opened_us = ticks(opened_seq, opened_seq).data[0].t
    return Bar1s(sym="A", n=1, t=opened_us, volume=1, trades=1, done=False, **prices)


def test_a_bar_is_not_as_late_as_it_is_old() -> None:
    seen = [on_time(seq) for seq in range(1, 102)]
    plain, received_us = on_time(102)
    beside = structs.replace(plain, data=[bar(1), *plain.data, bar(1)])
    alone = structs.replace(plain, seq=103, ts=plain.ts + STEP_US, data=[bar(1)])
    assert latencies(*seen, (beside, received_us)) == [DELAY_US] * 102
    assert latencies(*seen, (alone, received_us + STEP_US)) == [DELAY_US] * 102
    assert latencies((alone, alone.ts + DELAY_US)) == [DELAY_US], "and where there is nothing else"


def test_messages_outside_the_window_settle_the_schedule_and_do_not_count() -> None:
    tally, ways = Tally(10.0), Ways()
    tally.found.latencies.step_us = STEP_US

    def take(message: Ticks, received_us: int) -> None:
        tally.take(ways.step(ways.start, b"", message, "ws", 0), received_us)

    take(*on_time(1))
    tally.begin(WALL_US)
    late = ticks(2, 2, emitted_us=WALL_US + 2 * STEP_US + 400)
    take(late, late.ts + DELAY_US)
    tally.end()
    take(*on_time(3))
    tally.digest()
    assert in_full(tally.found.latencies.lanes()["ws"]) == [400 + DELAY_US]


@given(lateness_us=st.lists(st.integers(0, 10**7), min_size=1, max_size=30), seed=st.integers())
def test_the_order_in_which_messages_come_does_not_matter(lateness_us: list[int], seed: int) -> None:
    received = [
        (ticks(seq, seq, emitted_us=WALL_US + seq * STEP_US + late_us), WALL_US + seq * STEP_US + late_us + DELAY_US)
        for seq, late_us in enumerate(lateness_us, 1)
    ]
    shuffled = random.Random(seed).sample(received, len(received))
    assert latencies(*shuffled) == latencies(*received)
    assert latencies(*received) == about(us - min(lateness_us) + DELAY_US for us in lateness_us)


def test_nothing_received_is_no_latency() -> None:
    assert latencies() == []
    assert Percentiles.of([]) is None


def test_percentiles_are_observed_values() -> None:
    values = random.Random(1).sample(range(1, 1001), 1000)
    assert Percentiles.of(values) == Percentiles(
        1000, min=1, p50=500, p90=900, p99=990, p99_9=999, p99_99=1000, max=1000
    )
    assert Percentiles.of([7]) == Percentiles(1, 7, 7, 7, 7, 7, 7, 7)


# A real run.


def test_a_run_against_the_real_server(ticker_server: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "report.json"
    assert attack(ticker_server.stream, 20, ["*"], ["quotes", "trades"], 1.0, file) == 0
    report = orjson.loads(file.read_bytes())
    assert report["connected"] == report["clients"] == 20
    assert report["closes"] == {"1000": 20}
    assert report["delivered"]["ticks"] >= report["delivered"]["messages"] > 20
    assert report["latency_us"]["count"] == report["delivered"]["messages"]
    assert 0 <= report["latency_us"]["min"] <= report["latency_us"]["p50"] <= report["latency_us"]["max"]
    assert report["first_tick_us"]["count"] == 20
    assert report["ping_us"]["count"] >= 1
    assert set(report["faults"].values()) == {0}
    printed = capsys.readouterr()
    assert "20 of 20 connected" in printed.out
    assert "Passed" in printed.out
    assert max(len(line.rstrip()) for line in printed.out.splitlines()) <= 80
    assert printed.err.startswith("plan"), "first of all, and beside what may be read by a program"


def test_some_symbols_only(ticker_server: Any, tmp_path: Path) -> None:
    file = tmp_path / "report.json"
    symbols = ["ACME", "BYTE"]
    assert attack(ticker_server.stream, 2, symbols, ["quotes", "trades"], 1.0, file) == 0
    assert orjson.loads(file.read_bytes())["symbols"] == symbols


@pytest.fixture
def at_the_window(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Have something happen just when the measured window begins."""

    def arrange(happen: Callable[[], object]) -> None:
        go = Crew.go

        def happening(crew: Crew) -> None:
            go(crew)
            happen()

        monkeypatch.setattr(Crew, "go", happening)

    return arrange


def test_a_server_that_stops_during_the_run_is_a_fault(
    ticker_server: Any, at_the_window: Callable[[Callable[[], object]], None], tmp_path: Path
) -> None:
    file = tmp_path / "report.json"
    at_the_window(ticker_server.process.terminate)
    assert attack(ticker_server.stream, 3, ["*"], ["trades"], 60.0, file) == 1
    report = orjson.loads(file.read_bytes())
    assert report["faults"]["lost_connections"] == 3
    assert report["closes"] == {"1001": 3}
    assert report["delivered"]["window_s"] < 60


def test_an_interrupted_run_reports_what_it_saw(
    ticker_server: Any, at_the_window: Callable[[Callable[[], object]], None], tmp_path: Path
) -> None:
    file = tmp_path / "report.json"
    at_the_window(lambda: os.kill(os.getpid(), signal.SIGINT))
    attack(ticker_server.stream, 3, ["*"], ["trades"], 60.0, file)
    report = orjson.loads(file.read_bytes())
    assert report["delivered"]["window_s"] < 60
    assert set(report["faults"].values()) == {0}
    assert any("Interrupted" in warning for warning in report["warnings"])


# Faults that a fake server commits on purpose.

Fault = Callable[[list[str]], list[str]]
MESSAGES = 20


def sending(fault: Fault) -> Callable[[ServerConnection], None]:
    """A server that sends `MESSAGES` messages as a fault has changed them, inside the window."""

    def converse(ws: ServerConnection) -> None:
        greet(ws)
        await_window(ws)
        for message in fault([trade_message(seq) for seq in range(1, MESSAGES + 1)]):
            ws.send(message)
        answer(ws)

    return converse


def run_against(converse: Callable[[ServerConnection], None], folder: Path) -> tuple[int, dict[str, Any]]:
    file = folder / "report.json"
    with fake(converse) as url:
        code = attack(url, 1, ["*"], ["trades"], 0.5, file)
    return code, orjson.loads(file.read_bytes())


def found(report: dict[str, Any]) -> set[str]:
    return {name for name, count in report["faults"].items() if count}


def swap(messages: list[str]) -> list[str]:
    return [*messages[:5], messages[6], messages[5], *messages[7:]]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (lambda messages: [*messages[:5], messages[4], *messages[5:]], "duplicates"),
        (lambda messages: messages[:5] + messages[6:], "gaps"),
        (swap, "reorderings"),
        (lambda messages: [*messages, '{"type":"error","code":"unavailable","message":"no"}'], "errors"),
        (lambda messages: [*messages, "not JSON"], "errors"),
        (lambda messages: [*messages, welcome("another")], "errors"),
    ],
    ids=["duplicate", "gap", "reordering", "error", "nonsense", "another tape"],
)
def test_a_fault_is_found(fault: Fault, kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, report = run_against(sending(fault), tmp_path)
    assert code == 1
    assert kind in found(report)
    assert f"{kind} {report['faults'][kind]}" in capsys.readouterr().out.splitlines()[-1]


def test_a_faultless_fake_is_not_accused(tmp_path: Path) -> None:
    def converse(ws: ServerConnection) -> None:
        greet(ws)
        for seq in range(1, 11):
            ws.send(trade_message(seq))
        await_window(ws)
        for seq in range(11, 21):
            ws.send(trade_message(seq))
        answer(ws)

    code, report = run_against(converse, tmp_path)
    assert (code, found(report)) == (0, set())
    assert 10 <= report["delivered"]["ticks"] <= 20  # the first ten may or may not have come before the window


def test_a_gap_is_named(tmp_path: Path) -> None:
    _, report = run_against(sending(lambda messages: messages[:5] + messages[7:]), tmp_path)
    assert report["faults"]["gaps"] == 2
    assert "First gap: A on trades, n 5 was followed by 8." in report["warnings"]


def test_pings_without_an_answer_are_a_fault(tmp_path: Path) -> None:
    def converse(ws: ServerConnection) -> None:
        greet(ws)
        ws.recv()  # the only ping
        ws.send(trade_message(1))
        for _ in ws:
            pass

    code, report = run_against(converse, tmp_path)
    assert code == 1
    assert report["faults"]["unanswered_pings"] == 1
    assert report["ping_us"] is None


def test_no_ticks_at_all_is_no_success(tmp_path: Path) -> None:
    def converse(ws: ServerConnection) -> None:
        greet(ws)
        answer(ws)

    code, report = run_against(converse, tmp_path)
    assert code == 1
    assert report["latency_us"] is None
    assert any("Not one tick" in warning for warning in report["warnings"])


@pytest.mark.parametrize("close_code", [1000, 4008])
def test_a_server_that_hangs_up_first_is_a_fault(close_code: int, tmp_path: Path) -> None:
    def converse(ws: ServerConnection) -> None:
        greet(ws)
        await_window(ws)
        ws.send(trade_message(1))
        ws.close(close_code)

    code, report = run_against(converse, tmp_path)
    assert code == 1
    assert report["faults"]["lost_connections"] == 1
    assert report["closes"] == {str(close_code): 1}


def test_clients_that_cannot_join_are_counted(tmp_path: Path) -> None:
    joined = threading.Event()

    def converse(ws: ServerConnection) -> None:
        if joined.is_set():
            ws.close(4013, "full")
        else:
            joined.set()
            greet(ws)
            await_window(ws)
            ws.send(trade_message(1))
            answer(ws)

    file = tmp_path / "report.json"
    with fake(converse) as url:
        assert attack(url, 5, ["*"], ["trades"], 0.3, file) == 1
    report = orjson.loads(file.read_bytes())
    assert report["faults"]["not_connected"] == 4
    assert report["errors"] == {f"{url} hung up: 4013 full": 4}


# Mistakes of the user's.


def ticker_load(*flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ticker", "load", "--clients", "2", *flags],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def assert_one_line(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode == 1
    assert done.stdout == ""
    sentence = done.stderr[done.stderr.index("ticker: ") :]
    assert sentence.count("\n") == 1
    for word in words:
        assert word in sentence


def test_a_refused_port_is_one_clear_line() -> None:
    with socket.socket() as closed:  # bound, but not listening: nobody else gets this port meanwhile
        closed.bind(("127.0.0.1", 0))
        url = f"ws://127.0.0.1:{closed.getsockname()[1]}/v1/stream"
        assert_one_line(ticker_load("--url", url), url, "connection refused")


def test_addresses_that_are_no_stream_are_one_clear_line(ticker_server: Any) -> None:
    page = ticker_server.url
    assert_one_line(ticker_load("--url", page), page, "not a WebSocket address", "ws://")
    nowhere = page.replace("http", "ws") + "nowhere"
    assert_one_line(ticker_load("--url", nowhere), nowhere, "HTTP 404")


def test_an_unknown_symbol_or_channel_is_one_clear_line(ticker_server: Any) -> None:
    stream = ticker_server.stream
    assert_one_line(ticker_load("--url", stream, "--symbols", "NOPE"), "unknown symbol: NOPE")
    assert_one_line(ticker_load("--url", stream, "--symbols", "ACME", "--symbols", "NOPE"), "unknown symbol: NOPE")
    assert_one_line(ticker_load("--url", stream, "--channels", "gossip"), "unknown channel: gossip")


def test_a_server_that_does_not_speak_our_protocol_is_one_clear_line() -> None:
    with fake(lambda ws: ws.send("Thanks")) as url, pytest.raises(SetupError, match=r"does not speak ticker\.v1\.json"):
        attack(url, 1, ["*"], ["trades"], 0.1, None)


def test_something_that_is_not_http_is_one_clear_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def mumble() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(b"220 mail.example.com\r\n")

        thread = threading.Thread(target=mumble)
        thread.start()
        url = f"ws://127.0.0.1:{listener.getsockname()[1]}/"
        with pytest.raises(SetupError, match="does not answer as a WebSocket"):
            attack(url, 1, ["*"], ["trades"], 0.1, None)
        thread.join()


@pytest.mark.parametrize(
    ("clients", "duration_s", "file", "words"),
    [
        (0, 1.0, None, "--clients"),
        (10**9, 1.0, None, "open files"),
        (1, 0.0, None, "--duration"),
        (1, float("nan"), None, "--duration"),
        (1, float("inf"), None, "--duration"),
        (1, 1.0, Path("/nowhere/report.json"), "/nowhere/report.json"),
    ],
)
def test_flags_that_make_no_sense(clients: int, duration_s: float, file: Path | None, words: str) -> None:
    with pytest.raises(SetupError, match=words):
        attack("ws://127.0.0.1:1/", clients, ["*"], ["trades"], duration_s, file)
