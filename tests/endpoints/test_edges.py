"""Exactly as much as is allowed is taken and one more is not; and what ends on one side ends on both."""

import socket
import time
from collections.abc import Callable, Iterator

import pytest
from websockets.frames import Frame, Opcode

from conftest import RunningServer
from plain_client import PlainClient
from raw_http import get, read_on, statuses
from transcript import metrics
from watched import descriptors

SIZE = 16 * 1024
CLOSE = Frame(Opcode.CLOSE, b"\x03\xe8")


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def server(request: pytest.FixtureRequest, serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker("--server.loop", request.param, "--http.idle-s", "1", "--market.step-ms", "50")


@pytest.fixture
def client(server: RunningServer) -> Iterator[PlainClient]:
    with PlainClient(server.port) as client:
        yield client


def padded(size: int) -> bytes:
    """Return a ping of so many bytes."""
    return b'{"op":"ping","id":1}'.ljust(size)


@pytest.mark.parametrize("pieces", [1, 64])
def test_b1_b2_a_message_of_the_most_bytes_in_the_most_fragments_is_taken(client: PlainClient, pieces: int) -> None:
    client.send_frames(*fragments(padded(SIZE), pieces))
    assert client.read_until("pong", id=1)


@pytest.mark.parametrize(("size", "pieces"), [(SIZE + 1, 1), (SIZE + 1, 64), (100, 65)])
def test_b1_b2_a_byte_or_a_fragment_more_is_not(client: PlainClient, size: int, pieces: int) -> None:
    client.send_frames(*fragments(padded(size), pieces))
    assert client.read_close() == 1009
    assert b'"pong"' not in b"".join(frame.data for frame in client.frames)


def fragments(data: bytes, count: int) -> list[Frame]:
    """Return a message in so many frames."""
    edges = [len(data) * number // count for number in range(count + 1)]
    return [
        Frame(Opcode.CONT if number else Opcode.TEXT, data[edges[number] : edges[number + 1]], fin=number == count - 1)
        for number in range(count)
    ]


def test_b2_fragments_of_nothing_come_to_an_end(client: PlainClient) -> None:
    client.send_frames(Frame(Opcode.TEXT, b"", fin=False), *[Frame(Opcode.CONT, b"", fin=False)] * 10_000)
    assert client.read_close() == 1009


def test_b14_what_comes_after_a_close_is_not_heard(client: PlainClient) -> None:
    client.read_until("welcome")
    client.send_frames(CLOSE, *[Frame(Opcode.TEXT, b'{"op":"ping"}'), Frame(Opcode.PING, b"?"), CLOSE] * 10)
    assert client.read_close() == 1000
    assert [frame.opcode for frame in client.frames] == [Opcode.TEXT, Opcode.CLOSE]


def test_c10_a_connection_without_requests_is_not_kept(server: RunningServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(get("/healthz"))
        said = b""
        while part := client.recv(4096):
            said += part
    assert statuses(said) == [200]
    assert b"Connection: keep-alive" in said


@pytest.mark.parametrize("head", [b"", b"GET /heal", get("/healthz"), get("/v1/ticks?symbols=ACME&wait=20")])
def test_c16_who_says_no_more_over_http_is_let_go(server: RunningServer, head: bytes) -> None:
    before = settled(server)
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(head)
        client.shutdown(socket.SHUT_WR)
        read_on(client, 10)
    assert settled(server) <= before


def test_c16_who_says_no_more_is_gone_to_a_stream_of_events(server: RunningServer) -> None:
    before = settled(server)
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as client:
        client.sendall(get("/v1/sse?symbols=*"))
        assert b"retry" in client.recv(4096)
        client.shutdown(socket.SHUT_WR)
        while client.recv(65_536):
            pass
        assert settled(server) <= before


def test_c16_who_says_no_more_without_a_goodbye_has_left_the_conversation(
    client: PlainClient, server: RunningServer
) -> None:
    client.read_until("welcome")
    client.socket.shutdown(socket.SHUT_WR)
    client.read_close()
    client.socket.close()
    until = time.monotonic() + 10
    while not metrics(server).get("ticker_closes_total.1006"):
        assert time.monotonic() < until
        time.sleep(0.05)


def settled(server: RunningServer) -> int:
    """Return how many descriptors are open, once that has not changed for a while."""
    counts = [0] * 5
    while len(set(counts)) > 1 or not counts[0]:
        time.sleep(0.05)
        counts = [*counts[1:], descriptors(server)]
    return counts[0]
