"""What stock servers do to themselves for a client that does not behave: each of it once, on both event loops.

D1 to D5 are measured defects of the websockets library's own server, whose parser we use. A neighbour must notice
nothing of any of them.
"""

import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from websockets.frames import Frame, Opcode

from conftest import RunningServer
from plain_client import PlainClient, assert_no_hole
from plain_http import fetch
from raw_http import exchange, get, status

FAST = ("--config", "configs/load.toml", "--instruments", "200")  # about 2 MB a second
LIMITS = ("--stream.ping-s", "0.5", "--stream.stall-s", "1", "--stream.close-s", "0.5")
ALL = {"op": "subscribe", "symbols": ["*"], "snapshot": False}
PERMITTED_MB = 20.0
DEFLATE = "permessage-deflate"


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def loop(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def server(loop: str, serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker(*FAST, *LIMITS, "--server.loop", loop, "--stream.compression", "shared")


@pytest.fixture
def neighbour(server: RunningServer) -> Iterator[None]:
    with watching(server):
        yield


@contextmanager
def watching(server: RunningServer) -> Iterator[None]:
    """Have a healthy reader, which must not notice anything; nobody costs much memory, not even for a moment."""
    with PlainClient(server.port) as client:
        client.send({**ALL, "symbols": ["SYM0000"]})
        client.read_until("subscribed")
        before_mb = peak_mb(server)
        yield
        messages = client.read(0.3)
        client.send({"op": "ping", "id": "alive"})
        messages += client.read_until("pong", id="alive")
        assert assert_no_hole(messages) > 10
        assert not any(message["type"] == "lag" for message in messages)
        assert peak_mb(server) < before_mb + PERMITTED_MB


def peak_mb(server: RunningServer) -> float:
    """Return the most memory that a server has ever had resident."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{server.process.pid}/status").read_text())
    assert found
    return int(found[1]) / 1024


def ends(server: RunningServer, reason: str) -> int:
    """Return how many conversations have ended for a reason."""
    text = fetch(server, "metrics")[0].decode()
    return sum(int(float(count)) for count in re.findall(rf'ticker_closes_total{{reason="{reason}"}} (\S+)', text))


def await_end(server: RunningServer, reason: str, before: int, limit_s: float) -> None:
    """Wait until one more conversation has ended for a reason; the limit is a deadline of ours, and some patience."""
    until = time.monotonic() + limit_s + 2
    while ends(server, reason) == before:
        assert time.monotonic() < until, f"nobody was ended for {reason!r} in time"
        time.sleep(0.05)


def stall(server: RunningServer, message: dict[str, object] = ALL) -> PlainClient:
    client = PlainClient(server.port, receive_buffer=4096)
    client.send(message)
    return client


@pytest.mark.usefixtures("neighbour")
def test_d1_a_reader_that_stops_is_cut_off_though_it_is_owed_a_ping(server: RunningServer) -> None:
    before = ends(server, "1006 stalled")
    with stall(server):
        await_end(server, "1006 stalled", before, 2)


@pytest.mark.usefixtures("neighbour")
def test_d2_a_ping_flood_that_is_not_read_ends_soon(server: RunningServer) -> None:
    flood = Frame(Opcode.PING, b"x" * 125).serialize(mask=True) * 2000
    for _ in range(10):
        with PlainClient(server.port, receive_buffer=4096) as client, pytest.raises(OSError):
            for _ in range(1000):
                client.socket.sendall(flood)


@pytest.mark.usefixtures("neighbour")
def test_d2_a_ping_flood_that_is_read_is_answered_for_a_while_and_closed(server: RunningServer) -> None:
    with PlainClient(server.port) as client:
        client.send_frames(*[Frame(Opcode.PING, b"x" * 125)] * 1000)
        assert client.read_close() == 1008
        pongs = [frame for frame in client.frames if frame.opcode is Opcode.PONG]
        assert 20 <= len(pongs) < 100  # the burst, and what else came in the same 4 KiB
    assert ends(server, "1008 too many control frames")


@pytest.mark.usefixtures("neighbour")
def test_d2_pongs_that_nobody_asked_for_count_as_well(server: RunningServer) -> None:
    with PlainClient(server.port) as client:
        client.send_frames(*[Frame(Opcode.PONG, b"")] * 25)
        assert client.read_until("closing")[-1]["reason"] == "too many control frames"
        assert client.read_close() == 1008


def test_d2_where_many_pings_are_allowed_their_answers_must_be_read(
    loop: str, serve_ticker: Callable[..., RunningServer]
) -> None:
    allowance = ("--stream.control-per-s", "10000", "--stream.control-burst", "10000")
    server = serve_ticker(*FAST, "--server.loop", loop, *allowance)
    with watching(server), PlainClient(server.port, receive_buffer=4096) as client:
        with suppress(OSError):
            for _ in range(45):
                client.send_frames(*[Frame(Opcode.PING, b"x" * 125)] * 200)
                time.sleep(0.02)
        await_end(server, "1006 answers not read", 0, 2)


@pytest.mark.usefixtures("neighbour")
@pytest.mark.parametrize(
    "frame",
    [
        b"\x89\x82....hi",  # a ping
        b"\x88\x80....",  # a close
        b"\x81\x02hi",  # not masked
        b"\xf1\x80....",  # RSV bits
    ],
)
def test_d3_nothing_is_answered_before_the_101(server: RunningServer, frame: bytes) -> None:
    handshake = get(
        "/v1/stream",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    )
    answer = exchange(server, handshake + frame)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert status(answer) == 400
    assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize("last", ["a close frame", "a half-close", "a fault"])
def test_d4_a_close_behind_a_full_buffer_ends_in_time(
    loop: str, serve_ticker: Callable[..., RunningServer], last: str
) -> None:
    server = serve_ticker(*FAST, "--server.loop", loop, "--stream.stall-s", "60", "--stream.close-s", "0.5")
    with watching(server), stall(server) as client:
        time.sleep(0.5)
        if last == "a close frame":
            client.send_frames(Frame(Opcode.CLOSE, b"\x03\xe8"))
        elif last == "a half-close":
            client.socket.shutdown(socket.SHUT_WR)
        else:
            client.send_frames(Frame(Opcode.CONT, b"x"))
        code = {"a close frame": "1000", "a half-close": "1006", "a fault": "1002"}[last]
        await_end(server, f"{code} no closing handshake", 0, 0.5)


def test_d4_a_server_stops_in_time_though_200_clients_do_not_read(
    loop: str, serve_ticker: Callable[..., RunningServer]
) -> None:
    patience = ("--stream.stall-s", "60", "--stream.close-s", "60", "--server.drain-s", "1")
    server = serve_ticker(*FAST, "--server.loop", loop, *patience)
    with ExitStack() as clients:
        for _ in range(200):
            clients.enter_context(stall(server))
        time.sleep(0.5)
        server.process.terminate()
        assert server.process.wait(4) == 0  # drain_s, a second, and some patience


def spaces(message: dict[str, object], size: int) -> Frame:
    return Frame(Opcode.TEXT, json.dumps(message).encode().ljust(size))


@pytest.mark.usefixtures("neighbour")
def test_d5_hundreds_of_small_bombs_in_a_packet_are_read_one_after_the_other(server: RunningServer) -> None:
    with PlainClient(server.port, extensions=DEFLATE) as client:
        client.send_frames(*[spaces({"op": "ack", "seq": 0}, 16_384)] * 1500, spaces({"op": "ping", "id": 1}, 16_384))
        assert "error" not in {message["type"] for message in client.read_until("pong", id=1)}


@pytest.mark.usefixtures("neighbour")
@pytest.mark.parametrize("size", [16_385, 10_000_000])
def test_d5_what_inflates_beyond_the_limit_is_closed(server: RunningServer, size: int) -> None:
    with PlainClient(server.port, extensions=DEFLATE) as client:
        client.send_frames(*[spaces({"op": "list"}, size)] * 10)
        assert client.read_close() == 1009
        assert [frame for frame in client.frames if b"subscriptions" in frame.data] == []


@pytest.mark.usefixtures("neighbour")
def test_d5_fragments_inflate_to_no_more_than_a_message(server: RunningServer) -> None:
    with PlainClient(server.port, extensions=DEFLATE) as client:
        client.send_frames(Frame(Opcode.TEXT, b" " * 16_380, fin=False), Frame(Opcode.CONT, b" " * 10))
        assert client.read_close() == 1009
    with PlainClient(server.port, extensions=DEFLATE) as client:
        client.send_frames(
            Frame(Opcode.TEXT, b'{"op":"ping",' + b" " * 16_300, fin=False), Frame(Opcode.CONT, b'"id":1}')
        )
        assert client.read_until("pong", id=1)
