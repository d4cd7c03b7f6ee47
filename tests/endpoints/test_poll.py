"""Short and long polls over real sockets: positions, holding, and what a crowd that waits for the same is told."""

import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import pytest

from conftest import RunningServer
from plain_client import PlainClient
from plain_http import fetch, refused


@pytest.fixture(scope="module")
def server(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker()


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def quiet(request: pytest.FixtureRequest, serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    """A market in which trades come every 10 ms and quotes never after the first step."""
    return serve_ticker("--config", "configs/load.toml", "--server.loop", request.param)


def test_polls_follow_each_other_without_a_hole(server: RunningServer) -> None:
    path = "v1/ticks?symbols=*&channels=trades,quotes"
    answer = fetch(server, path)[0]
    assert answer["batches"] == []  # without since: where the tape stands
    last: dict[tuple[str, str], int] = {}
    here, seq = f"{answer['epoch']}:0", 0
    for _ in range(30):
        answer = fetch(server, f"{path}&limit=3&since={here}")[0]
        here = f"{answer['epoch']}:{answer['seq']}"
        assert len(answer["batches"]) <= 3
        for batch in answer["batches"]:
            assert batch["type"] == "ticks"
            assert seq < batch["seq"] <= answer["seq"]
            seq = batch["seq"]
            for tick in batch["data"]:
                key = tick["ch"], tick["sym"]
                assert tick["n"] == last.get(key, tick["n"] - 1) + 1
                last[key] = tick["n"]
    assert len(last) > 100  # the opening quotes, and trades


def test_a_poll_may_begin_with_the_tape(server: RunningServer) -> None:
    epoch = fetch(server, "v1/ticks?symbols=ACME")[0]["epoch"]
    first = fetch(server, f"v1/ticks?symbols=*&channels=status&since={epoch}:0&limit=1")[0]
    assert first["seq"] == first["batches"][0]["seq"] == 1
    assert len(first["batches"][0]["data"]) == 100


def test_a_poll_reads_the_same_ticks_as_a_stream(server: RunningServer) -> None:
    with PlainClient(server.port) as client:
        client.send({"op": "subscribe", "symbols": ["ACME", "BYTE"], "channels": ["trades", "quotes"]})
        granted = client.read_until("subscribed")[-1]
        streamed = [tick for message in client.read(1.5) if message["type"] == "ticks" for tick in message["data"]]
    epoch = fetch(server, "v1/ticks?symbols=ACME")[0]["epoch"]
    path = f"v1/ticks?symbols=ACME,BYTE&channels=trades,quotes&since={epoch}:{granted['seq']}&limit=1000"
    polled = [tick for batch in fetch(server, path)[0]["batches"] for tick in batch["data"]]
    assert len(streamed) > 5
    assert polled[: len(streamed)] == streamed


def test_a_position_that_cannot_be_read_on_from_is_refused(serve_ticker: Callable[..., RunningServer]) -> None:
    server = serve_ticker("--feed.tape-s", "0.5")
    time.sleep(1)
    here = fetch(server, "v1/ticks?symbols=ACME")[0]
    path = "v1/ticks?symbols=ACME&since="
    code, problem = refused(server, f"{path}other:1")
    assert (code, problem["code"], problem["epoch"]) == (400, "bad_position", here["epoch"])
    assert refused(server, f"{path}{here['epoch']}:99999999")[1]["code"] == "bad_position"
    assert refused(server, f"{path}nonsense")[1]["code"] == "bad_position"
    code, problem = refused(server, f"{path}{here['epoch']}:1")
    assert (code, problem["code"]) == (410, "gone")
    epoch, _, oldest = problem["oldest"].partition(":")
    assert epoch == here["epoch"]
    assert int(oldest) > 1
    for limit in ("0", "1001", "x", "-1", ""):
        assert refused(server, f"v1/ticks?symbols=ACME&limit={limit}")[1]["field"] == "limit"


def held(server: RunningServer, *targets: str, seconds: float) -> list[tuple[float, dict[str, Any]]]:
    """Send requests in one packet; return when each answer came, in seconds, and its document."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=seconds) as client:
        started_s = time.monotonic()
        client.sendall(b"".join(f"GET /{target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode() for target in targets))
        file = client.makefile("rb")
        answers = []
        for _ in targets:
            assert file.readline().startswith(b"HTTP/1.1 200")
            size = 0
            while (line := file.readline()) != b"\r\n":
                name, _, value = line.partition(b":")
                size = int(value) if name == b"Content-Length" else size
            document = orjson.loads(file.read(size))
            answers.append((time.monotonic() - started_s, document))
        return answers


def test_a_long_poll_is_answered_when_something_comes(quiet: RunningServer) -> None:
    here = fetch(quiet, "v1/ticks?symbols=SYM0001")[0]
    for _ in range(20):
        since = f"{here['epoch']}:{here['seq']}"
        here = fetch(quiet, f"v1/ticks?symbols=SYM0001&wait=5&since={since}")[0]
        assert here["batches"]
        assert here["batches"][-1]["seq"] == here["seq"]


def test_a_long_poll_without_news_is_answered_in_the_end_with_a_position_that_moved_on(quiet: RunningServer) -> None:
    here = fetch(quiet, "v1/ticks?symbols=*&channels=quotes")[0]
    path = f"v1/ticks?symbols=*&channels=quotes&wait=0.7&since={here['epoch']}:{here['seq']}"
    [(after_s, answer)] = held(quiet, path, seconds=5)
    assert after_s > 0.5
    assert answer["batches"] == []
    assert answer["seq"] >= here["seq"] + 50


def test_a_reader_far_behind_is_led_on_without_waiting(serve_ticker: Callable[..., RunningServer]) -> None:
    server = serve_ticker("--config", "configs/load.toml", "--http.scan-steps", "20")
    time.sleep(1)
    here = fetch(server, "v1/ticks?symbols=*&channels=quotes")[0]
    start = f"{here['epoch']}:1"
    answer = fetch(server, f"v1/ticks?symbols=*&channels=quotes&wait=20&since={start}")[0]
    assert (answer["batches"], answer["seq"]) == ([], 21)


def test_answers_keep_their_order_behind_one_that_is_held(quiet: RunningServer) -> None:
    quotes = "v1/ticks?symbols=*&channels=quotes&wait=0.5"
    (first_s, first), (second_s, second), (third_s, third) = held(quiet, quotes, "healthz", quotes, seconds=5)
    assert first["batches"] == third["batches"] == []
    assert second == {"status": "ok"}
    assert 0.3 < first_s <= second_s < third_s
    assert third["seq"] > first["seq"]


def test_a_crowd_that_waits_for_the_same_hears_the_same(quiet: RunningServer) -> None:
    here = fetch(quiet, "v1/ticks?symbols=*")[0]
    path = f"v1/ticks?symbols=*&wait=5&since={here['epoch']}:{here['seq']}"

    def follow(_: int) -> list[dict[str, Any]]:
        place, batches = path, list[dict[str, Any]]()
        while len(batches) < 30:
            answer = fetch(quiet, place)[0]
            batches += answer["batches"]
            place = f"v1/ticks?symbols=*&wait=5&since={answer['epoch']}:{answer['seq']}"
        return batches

    with ThreadPoolExecutor(10) as crowd:
        heard = list(crowd.map(follow, range(10)))
    for batches in heard:
        ticks = [tick for batch in batches for tick in batch["data"]]
        assert ticks[:300] == [tick for batch in heard[0] for tick in batch["data"]][:300]
        assert [tick["n"] for tick in ticks if tick["sym"] == "SYM0003"] == list(
            range(ticks[3]["n"], ticks[3]["n"] + len(ticks) // 10)
        )


def test_who_hangs_up_while_waiting_leaves_nothing_behind(quiet: RunningServer) -> None:
    def gauge(name: str) -> float:
        text = fetch(quiet, "metrics")[0].decode()
        return float(next(line.split()[1] for line in text.splitlines() if line.startswith(f"ticker_{name} ")))

    clients = [socket.create_connection(("127.0.0.1", quiet.port)) for _ in range(20)]
    for client in clients:
        client.sendall(b"GET /v1/ticks?symbols=*&channels=quotes&wait=20 HTTP/1.1\r\nHost: localhost\r\n\r\n")
    time.sleep(0.3)
    assert gauge("audiences") == 1
    assert gauge("polls_held") == 20
    assert gauge("connections") == 21
    for client in clients:
        client.close()
    time.sleep(0.3)
    assert gauge("audiences") == gauge("polls_held") == 0
    assert gauge("connections") == 1


def test_waiting_ends_when_the_server_does(serve_ticker: Callable[..., RunningServer]) -> None:
    server = serve_ticker("--config", "configs/load.toml")
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
        client.sendall(b"GET /v1/ticks?symbols=*&channels=quotes&wait=20 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(0.3)
        server.process.terminate()
        answer = client.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 200 OK")
    assert b"Connection: close" in answer
    assert b'"batches":[]' in answer
    assert server.process.wait(5) == 0


def test_too_many_requests_behind_one_that_is_held_are_refused(quiet: RunningServer) -> None:
    waiting = b"GET /v1/ticks?symbols=*&channels=quotes&wait=20 HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with socket.create_connection(("127.0.0.1", quiet.port), timeout=5) as client:
        client.sendall(waiting + b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" * 9)
        answer = client.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 429 ")
    assert b"Retry-After: 1" in answer
    assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("wait", ["-1", "25.1", "1e9", "nan", "inf", "1e400", "x", ""])
def test_a_wait_that_is_none_is_refused(server: RunningServer, wait: str) -> None:
    code, problem = refused(server, f"v1/ticks?symbols=ACME&wait={wait}")
    assert (code, problem["field"]) == (400, "wait")
