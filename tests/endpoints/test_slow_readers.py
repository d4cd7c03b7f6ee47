"""A reader that does not keep up costs itself, and nobody else."""

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.frames import Frame, Opcode

from conftest import RunningServer
from plain_client import PlainClient, assert_no_hole

FAST = ("--config", "configs/load.toml", "--instruments", "200")  # about 2 MB a second
SHORT_TAPE = ("--feed.tape-s", "0.2", "--stream.stall-s", "30")
ALL = {"op": "subscribe", "symbols": ["*"], "snapshot": False}


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def server(request: pytest.FixtureRequest, serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker(*FAST, "--stream.stall-s", "1", "--server.loop", request.param)


@pytest.fixture
def neighbour(server: RunningServer) -> Iterator[PlainClient]:
    """A healthy reader, which must not notice anything."""
    with PlainClient(server.port) as client:
        client.send({**ALL, "symbols": ["SYM0000"]})
        client.read_until("subscribed")
        yield client
        messages = client.read(0.3)
        assert assert_no_hole(messages) > 10
        assert not any(message["type"] == "lag" for message in messages)


def stall(server: RunningServer) -> PlainClient:
    client = PlainClient(server.port, receive_buffer=4096)
    client.send(ALL)
    return client


@pytest.mark.usefixtures("neighbour")
def test_a_reader_that_stops_reading_is_cut_off(server: RunningServer) -> None:
    with stall(server) as client:
        time.sleep(2.5)  # stall_s, and as long again for kernels to fill and sweeps to come round
        assert client.read_close() is None
        assert client.bytes_received < 1_000_000  # of some 5 MB: nothing piled up behind it


@pytest.mark.usefixtures("neighbour")
def test_a_reader_that_pauses_catches_up_without_a_hole(server: RunningServer) -> None:
    with stall(server) as client:
        client.read_until("subscribed")
        time.sleep(0.7)
        messages = client.read(2.0)
        assert assert_no_hole(messages) > 20_000
        assert max(len(message.get("data", ())) for message in messages) > 200  # it came in larger messages
        head = client_position(server)
        assert messages[-1]["seq"] > head - 50  # and level again


def client_position(server: RunningServer) -> int:
    with PlainClient(server.port) as client:
        return int(client.read_until("welcome")[0]["seq"])


@pytest.mark.usefixtures("neighbour")
def test_answers_overtake_the_backlog(server: RunningServer) -> None:
    with stall(server) as client:
        time.sleep(0.5)
        client.send({"op": "ping", "id": 1})
        before_pong = client.read_until("pong", id=1)
        assert client.bytes_received < 600_000
        assert_no_hole(before_pong)


@pytest.mark.usefixtures("neighbour")
def test_a_ping_flood_by_a_reader_that_does_not_read_ends_it(server: RunningServer) -> None:
    with PlainClient(server.port, receive_buffer=4096) as client:
        flood = [Frame(Opcode.PING, b"x" * 125)] * 200
        with pytest.raises(OSError):
            for _ in range(2000):
                client.send_frames(*flood)


def test_a_reader_that_falls_off_the_tape_is_told_exactly_what_it_lost(
    serve_ticker: Callable[..., RunningServer],
) -> None:
    server = serve_ticker(*FAST, *SHORT_TAPE)
    with stall(server) as client:
        client.read_until("subscribed")
        time.sleep(1.5)
        messages = client.read(1.5)
        lags = [message for message in messages if message["type"] == "lag"]
        assert lags
        received = sum(len(message["data"]) for message in messages if message["type"] == "ticks")
        shown = [message for message in messages if message["type"] in ("ticks", "snapshot")]
        first, last = shown[0]["data"][0]["n"], shown[-1]["data"][-1]["n"]
        assert received + sum(lag["dropped"] for lag in lags) == (last - first + 1) * 200
        assert all(lag["reason"] == "slow_reader" and lag["from"] < lag["to"] for lag in lags)
        after = messages[messages.index(lags[-1]) + 1]
        assert after["type"] == "snapshot"
        assert after["seq"] == lags[-1]["to"]


def test_a_reader_may_ask_to_be_closed_instead(serve_ticker: Callable[..., RunningServer]) -> None:
    server = serve_ticker(*FAST, *SHORT_TAPE)
    with stall(server) as client:
        client.send({**ALL, "on_lag": "close"})
        time.sleep(1.5)
        assert client.read_close() == 4008


def test_the_log_says_why_in_a_line_for_many(serve_ticker: Callable[..., RunningServer], tmp_path: Path) -> None:
    log = tmp_path / "log"
    server = serve_ticker(*FAST, "--feed.tape-s", "0.2", "--stream.stall-s", "2", log=log)
    crowd = [stall(server) for _ in range(5)]
    with PlainClient(server.port) as overdue:
        overdue.send({"op": "window", "size": 1}, {**ALL, "symbols": ["SYM0000"]})
        overdue.read_until("ticks")  # from here on the window is shut
        time.sleep(0.5)
        overdue.send({"op": "window", "size": 0})
        overdue.read_until("lag")
        until = time.monotonic() + 10
        while sum(line["count"] for line in told(log, "conversations ended")) < 5:
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.1)
    for client in crowd:
        client.socket.close()
    ended = told(log, "conversations ended")
    assert {line["reason"] for line in ended} == {"1006 stalled"}
    assert len(ended) < 5
    assert ("window", 1) in [(line["reason"], line["count"]) for line in told(log, "readers lagged")]


def told(log: Path, event: str) -> list[dict[str, Any]]:
    """Return the lines of a log that tell of an event."""
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.endswith("}")]
    return [line for line in lines if line["event"] == event]
