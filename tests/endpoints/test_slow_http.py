"""Who sends or reads slowly over HTTP: bodies have a deadline, answers are to be taken, and streams have an end."""

import asyncio
import re
import socket
import time
from collections.abc import Callable

import pytest
import structlog

from conftest import ROOT, RunningServer
from raw_http import get, read_on, status, statuses
from ticker.config import Config, ServerConfig
from ticker.server import Server
from transcript import metrics

LIMITS = ("--http.body-s", "1", "--http.head-s", "1", "--http.idle-s", "1", "--stream.stall-s", "2")
LIFE = ("--http.events-max-s", "1", "--stream.heartbeat-s", "0.5")
MANY = ("--config", "configs/load.toml", "--instruments", "5000", "--paused")  # /v1/instruments is half a megabyte


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def server(request: pytest.FixtureRequest, serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker(*MANY, *LIMITS, *LIFE, "--server.loop", request.param)


def small(server: RunningServer) -> socket.socket:
    """Connect with a kernel that takes in little by itself."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(20)
    client.connect(("127.0.0.1", server.port))
    return client


@pytest.mark.parametrize("framing", ["Content-Length: 1000", "Transfer-Encoding: chunked"])
def test_c2_a_body_that_drips_has_a_deadline(server: RunningServer, framing: str) -> None:
    """The deadline is for all of it: a byte now and then does not keep the door open."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(get("/healthz", framing, method="POST"))
        began_s, answer = time.monotonic(), b""
        while not answer and time.monotonic() < began_s + 15:
            client.sendall(b"1\r\na\r\n" if "chunked" in framing else b"a")
            answer = read_on(client, 0.2)
    assert status(answer) == 408
    assert b"Connection: close" in answer
    assert metrics(server)["ticker_refusals_total.timeout"] >= 1


def test_c2_a_body_may_come_later_than_a_head_may(serve_ticker: Callable[..., RunningServer]) -> None:
    server = serve_ticker("--http.head-s", "0.5", "--http.body-s", "30")
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(get("/healthz", "Content-Length: 2", method="POST"))
        time.sleep(2)
        client.sendall(b"ok" + get("/healthz", "Connection: close"))
        assert statuses(read_on(client, 5)) == [405, 200]


def test_a_body_is_as_large_as_the_limit_says(serve_ticker: Callable[..., RunningServer]) -> None:
    server = serve_ticker("--http.body-bytes-max", "10")
    for size, code in ((10, 405), (11, 413)):
        for framing, body in ((f"Content-Length: {size}", b"x" * size), ("Transfer-Encoding: chunked", chunk(size))):
            with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
                client.sendall(get("/healthz", framing, "Connection: close", method="POST") + body)
                assert statuses(read_on(client, 5)) == [code]


def chunk(size: int) -> bytes:
    return b"%x\r\n" % size + b"x" * size + b"\r\n0\r\n\r\n"


def test_c3_an_answer_that_is_not_read_is_given_up(server: RunningServer) -> None:
    before = metrics(server).get("ticker_closes_total.http stalled", 0)
    with small(server) as client:
        client.sendall(get("/v1/instruments") * 3)
        until = time.monotonic() + 20
        while metrics(server).get("ticker_closes_total.http stalled", 0) == before:
            assert time.monotonic() < until
            time.sleep(0.1)


def test_c3_who_reads_slowly_has_it_all_in_the_end(server: RunningServer) -> None:
    """It takes longer than an idle connection is kept: who reads is not idle."""
    with small(server) as client:
        client.sendall(get("/v1/instruments", "Connection: close"))
        answer, began_s = b"", time.monotonic()
        while part := client.recv(16_384):
            answer += part
            time.sleep(0.05)
        assert time.monotonic() - began_s > 1.2
    size = re.search(rb"Content-Length: (\d+)", answer)
    assert size is not None
    assert len(answer.partition(b"\r\n\r\n")[2]) == int(size[1]) > 400_000


def test_c11_a_stream_of_events_has_an_end_and_goes_on_where_it_was(serve_ticker: Callable[..., RunningServer]) -> None:
    server = serve_ticker("--config", "configs/load.toml", *LIFE)
    last, numbers = "", list[int]()
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
            returning = [f"Last-Event-ID: {last}"] if last else []
            client.sendall(get("/v1/sse?symbols=SYM0000", *returning))
            said = read_on(client, 20).decode()
        assert said.count("retry: ") == 2
        assert re.search(r"retry: \d+\n\n$", said)
        last = re.findall(r"^id: (\S+)$", said, re.MULTILINE)[-1]
        numbers += [int(number) for number in re.findall(r'"n":(\d+)', said)]
    assert len(numbers) > 30
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert metrics(server)["ticker_closes_total.sse life over"] == 3


async def test_a4_the_kernel_is_told_to_hide_little() -> None:
    """What is set on the listening socket is set on those that it accepts."""
    config = Config(server=ServerConfig(port=0, unsent_bytes=20_000, vanished_s=17, keepalive_s=9))
    server = Server(config, ROOT / "clients" / "ticker_web", structlog.get_logger())
    await server.start()
    host, port = server.origin.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(get("/healthz"))
    await reader.readuntil(b"\r\n\r\n")
    [door] = server.house.connections
    accepted = door.socket  # type: ignore[attr-defined]
    found = [
        accepted.getsockopt(socket.IPPROTO_TCP, option)
        for option in (socket.TCP_NOTSENT_LOWAT, socket.TCP_USER_TIMEOUT, socket.TCP_KEEPIDLE, socket.TCP_NODELAY)
    ]
    assert found == [20_000, 17_000, 9, 1]
    assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    writer.write(
        b"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    await reader.readuntil(b"welcome")
    # A kernel that gives up who reads slowly would take what is lost on the way for silence: there pings decide.
    assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 0
    writer.close()
    await server.stop()
