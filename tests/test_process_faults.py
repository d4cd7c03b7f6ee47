"""Faults of the process: what fails, is held up, exhausted, killed or full, and what everybody else sees of it."""

import json
import resource
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from conftest import RunningServer, servers
from event_reader import Events
from haunted_server import say
from plain_client import PATIENCE_S, PlainClient, assert_no_hole
from raw_http import body, exchange, get, read_on, status
from test_server import scraped
from witness import BRISK, Witness, opened

EVERY = {"op": "subscribe", "channels": ["trades", "quotes"], "symbols": ["*"], "snapshot": False}
LATEST = {"op": "subscribe", "channels": ["trades"], "symbols": ["*"], "pace": "latest", "rate_hz": 20}
QUIET = ("--config", "configs/load.toml")
HOUR_S = 3600
LOOPS = pytest.mark.parametrize("loop", ["uvloop", "asyncio"])


class Haunted(NamedTuple):
    """A server, the socket its ghost listens at, and its log."""

    server: RunningServer
    ear: Path
    log: Path

    def say(self, line: str) -> None:
        say(self.ear, line)

    def lines(self, event: str) -> list[dict[str, Any]]:
        """Return what the log says of an event."""
        ours = (line for line in self.log.read_text().splitlines() if line.startswith("{"))  # numpy warns of no numbers
        return [line for line in map(json.loads, ours) if line["event"] == event]

    def faults(self) -> int:
        return round(scraped(self.server)["ticker_faults_total"])


Haunt = Callable[..., Haunted]


@pytest.fixture(scope="module")
def haunt(serve_ticker: Callable[..., RunningServer], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Haunt]:
    """Start servers with a ghost and flags of one's own."""

    def start(*flags: str) -> Haunted:
        folder = tmp_path_factory.mktemp("haunted")
        ear, log = folder / "ear", folder / "log"
        return Haunted(serve_ticker(*flags, log=log, program=("tests/haunted_server.py", str(ear))), ear, log)

    yield start


@pytest.fixture(scope="module")
def haunted(haunt: Haunt) -> Haunted:
    return haunt(*QUIET)


def soon(happened: Callable[[], bool]) -> None:
    """Wait until something has happened."""
    until_s = time.monotonic() + PATIENCE_S
    while not happened():
        assert time.monotonic() < until_s, "it has not happened"
        time.sleep(0.02)


# A fault of ours.


@pytest.mark.parametrize(
    ("place", "message", "code"),
    [
        ("hear", {"op": "list"}, 1011),
        ("offer", EVERY, 1011),
        ("compose", EVERY, 1011),
        ("merge", LATEST, 1011),
    ],
)
def test_a_fault_costs_one_reader_its_connection(
    haunted: Haunted, place: str, message: dict[str, Any], code: int | None
) -> None:
    before = haunted.faults()
    with PlainClient(haunted.server.port) as other, PlainClient(haunted.server.port) as unlucky:
        if place == "hear":
            haunted.say("raise hear")
        unlucky.send(message)
        if place != "hear":
            unlucky.read_until("ticks")
            haunted.say(f"raise {place}")
        assert unlucky.read_close() == code
        other.send(EVERY | {"channels": ["trades"]})
        assert assert_no_hole(other.read(0.3)) > 100
    assert haunted.faults() == before + 1


def test_a_fault_in_looking_at_one_leaves_the_others_their_deadlines(haunted: Haunted) -> None:
    before = haunted.faults()
    with PlainClient(haunted.server.port) as unlucky:
        haunted.say("raise look")
        assert unlucky.read_close() is None
    with socket.create_connection(("127.0.0.1", haunted.server.port), PATIENCE_S) as slow:
        slow.sendall(b"GET /healthz HTTP/1.1\r\n")
        assert status(read_on(slow, PATIENCE_S)) == 408
    assert haunted.faults() == before + 1


def test_a_fault_while_one_catches_up_costs_the_others_nothing(haunted: Haunted) -> None:
    before = haunted.faults()
    with PlainClient(haunted.server.port) as other, PlainClient(haunted.server.port) as unlucky:
        other.send(EVERY)
        seen = other.read(0.2)
        haunted.say("raise catch up")
        epoch, seq = unlucky.read_until("welcome")[0]["epoch"], seen[-1]["seq"]
        unlucky.send(EVERY | {"from": f"{epoch}:{max(0, seq - 10)}"})
        assert unlucky.read_close() == 1011
        assert assert_no_hole(seen + other.read(0.3)) > 100
    assert haunted.faults() == before + 1


@pytest.mark.parametrize("place", ["look at events", "offer"])
def test_a_fault_ends_a_stream_of_events(haunted: Haunted, place: str) -> None:
    before = haunted.faults()
    with Events(haunted.server.port, "symbols=*&channels=trades") as reader:
        assert reader.read(0.3)
        haunted.say(f"raise {place}")
        reader.read(PATIENCE_S)
        assert reader.ended
    assert haunted.faults() == before + 1


def test_a_fault_is_an_answer_too(haunted: Haunted) -> None:
    before = haunted.faults()
    haunted.say("raise answer")
    refused = exchange(haunted.server, get("/v1/snapshot?symbols=*"))
    assert (status(refused), body(refused)["code"]) == (500, "internal")
    haunted.say("raise wait")
    held = exchange(haunted.server, get("/v1/ticks?symbols=*&channels=trades&wait=5"))
    assert (status(held), body(held)["code"]) == (500, "internal")
    assert status(exchange(haunted.server, get("/v1/snapshot?symbols=*"))) == 200
    assert haunted.faults() == before + 2


def test_faults_are_logged_once_a_second_and_kind(haunt: Haunt) -> None:
    haunted = haunt(*QUIET)
    for _ in range(20):
        haunted.say("raise answer")
        exchange(haunted.server, get("/v1/snapshot?symbols=*"))
    time.sleep(1.1)
    haunted.say("raise answer")
    exchange(haunted.server, get("/v1/snapshot?symbols=*"))
    lines = haunted.lines("a request failed")
    assert 2 <= len(lines) < 20
    assert len(lines) + sum(line.get("more", 0) for line in lines) == 21 == haunted.faults()
    assert lines[0]["exception"][0]["exc_type"] == "Planted"
    assert lines[0]["path"] == "/v1/snapshot"


@LOOPS
def test_a_price_that_is_no_number_ends_the_server_before_anybody_reads_it(haunt: Haunt, loop: str) -> None:
    haunted = haunt("--instruments", "5", "--universe", "crypto", "--server.loop", loop)
    with PlainClient(haunted.server.port) as reader:
        reader.send(EVERY)
        reader.read_until("ticks")
        haunted.say("poison")
        assert b"NaN" not in json.dumps(reader.read_until("closing", code=1001)).encode()
        assert reader.read_close() == 1001
    assert haunted.server.process.wait(PATIENCE_S) == 1
    assert len(haunted.lines("the market failed")) == 1


# Time.


@pytest.mark.parametrize("seconds", [HOUR_S, -HOUR_S])
def test_a_jump_of_the_wall_clock_shows_in_the_data_and_nowhere_else(haunt: Haunt, seconds: int) -> None:
    haunted = haunt(*QUIET, "--stream.heartbeat-s", "0.5", "--stream.ping-s", "0.5", "--stream.pong-s", "0.5")
    with PlainClient(haunted.server.port) as every, PlainClient(haunted.server.port) as latest:
        every.send(EVERY)
        latest.send(LATEST)
        seen = every.read(0.3)
        latest.read_until("ticks")
        haunted.say(f"jump {seconds}")
        seen += every.read(0.5)
        assert latest.read_until("ticks")
        for _ in range(4):
            latest.send({"op": "ping"})  # signs of life
            every.send({"op": "ping"})
            seen += every.read(0.3)
        assert any(message["type"] == "ticks" for message in latest.read(0.5))
        assert not every.ended and not latest.ended
    assert assert_no_hole(seen) > 100
    stamps = [message["ts"] for message in seen if message["type"] == "ticks"]
    jumps = [later - before for before, later in pairwise(stamps) if abs(later - before) > 1e9]
    assert jumps == [pytest.approx(seconds * 1e6, abs=5e6)]


# Descriptors.


@LOOPS
def test_without_descriptors_those_who_are_there_go_on_and_others_come_when_there_are_some(
    serve_ticker: Callable[..., RunningServer], tmp_path: Path, loop: str
) -> None:
    log = tmp_path / "log"
    server = serve_ticker(*QUIET, "--server.loop", loop, log=log)
    _, hard = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
    with PlainClient(server.port) as reader:
        reader.send(EVERY)
        seen = reader.read(0.2)
        held = len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (held + 3, hard))
        with ExitStack() as stack:
            for _ in range(30):
                stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            seen += reader.read(2.5)
        resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE, (hard, hard))
        assert status(exchange(server, get("/healthz"), patience_s=PATIENCE_S)) == 200
        assert assert_no_hole(seen) > 1000
    assert len(log.read_text().splitlines()) < 20
    assert "Traceback" not in log.read_text()


# Ends.


@pytest.mark.parametrize("seed", ["1", "2"])
async def test_clients_recover_by_themselves_from_a_server_that_was_killed(transport: str, seed: str) -> None:
    """The same seed is the same tape: they go on, or begin anew where it is not as far yet. Another seed is another."""
    with servers() as serve:
        first = serve(*BRISK)
        async with opened(first.url, transport) as feed:
            await feed.subscribe("ACME", "BYTE", channels=["trades", "quotes"])
            witness = Witness(feed)
            await witness.read(50)
            first.process.kill()
            first.process.wait(PATIENCE_S)
            second = serve(*BRISK, "--seed", seed, "--port", str(first.port))
            if seed != "1":
                await witness.read_restart()
            await witness.read(50)
            await witness.check(second.url)


def test_a_disk_that_takes_nothing_does_not_keep_a_server_from_stopping(
    serve_ticker: Callable[..., RunningServer], tmp_path: Path
) -> None:
    folder, log = tmp_path / "gone", tmp_path / "log"
    folder.mkdir()
    server = serve_ticker(*BRISK, "--market.checkpoint", str(folder / "kept"), log=log)
    folder.rmdir()
    assert server.stop() == 0
    said = [json.loads(line) for line in log.read_text().splitlines()]
    reasons = [line["reason"] for line in said if line["event"] == "no checkpoint was stored"]
    assert reasons == ["No such file or directory"]


@LOOPS
def test_everybody_is_told_when_it_stops_and_a_stream_of_events_when_to_come_back(
    serve_ticker: Callable[..., RunningServer], loop: str
) -> None:
    server = serve_ticker(*QUIET, "--server.loop", loop, "--server.drain-s", "1")
    with ExitStack() as stack:
        for _ in range(40):
            stack.enter_context(PlainClient(server.port, receive_buffer=4096)).send(EVERY)
        readers = [stack.enter_context(PlainClient(server.port)) for _ in range(20)]
        events = stack.enter_context(Events(server.port, "symbols=*&channels=trades"))
        for reader in readers:
            reader.send(EVERY)
            reader.read_until("ticks")
        server.process.send_signal(signal.SIGTERM)
        for reader in readers:
            assert reader.read_until("closing", code=1001)[-1]["reconnect_after_s"] > 0
            assert reader.read_close() == 1001
        assert server.process.wait(PATIENCE_S) == 0
        events.read(PATIENCE_S)
        assert events.ended
        assert events.retry_ms > 0
