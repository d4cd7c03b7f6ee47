"""TCP as it is in the wild: connections that break, stall, trickle and come in crowds; on both event loops.

The families are those of a catalogue: T1 to T21. What needs the rights of root (packet loss, small packets) is had from
a line of our own (`lossy`), which holds, delays, splits or loses what it carries.
"""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from conftest import ROOT, RunningServer
from event_reader import Events
from good_company import UPGRADE, counts, masked
from hostile import LINGER, come_back, goes_on, times
from lossy import DOWN, UP, Lossy
from plain_client import PlainClient, assert_no_hole
from plain_http import fetch
from raw_http import get, read_on, status, statuses, verdict
from watched import Victim

pytestmark = pytest.mark.parametrize("victim", ["uvloop", "asyncio"], indirect=True, scope="module")

FLAGS = ("--market.model", "plain", "--instruments", "100", "--market.trades-per-s", "40", "--market.quotes-per-s", "0")
"""About 350 kB a second for who wants everything: enough to fill a line that nobody reads."""
SYMBOL = "ACME"  # is what the good company wants

HEAD = get("/v1/stream", *UPGRADE)
LIST = masked(0x81, b'{"op":"list","id":1}')
ALL = {"op": "subscribe", "symbols": ["*"], "snapshot": False}


@pytest.fixture
def flooded(watched: RunningServer) -> Iterator[RunningServer]:
    """A server to be flooded: soon after, it is as open as before."""
    yield watched
    come_back(watched)


def reset(client: socket.socket) -> None:
    """Hang up with a RST."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
    client.close()


def connect(server: RunningServer, source: str = "", port: int = 0) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), 10, (source, port))


def until_cut(client: socket.socket, said: bytes = b"") -> None:
    """Go on saying something, reading nothing, until one is hung up on."""
    until = time.monotonic() + 20
    with suppress(BrokenPipeError, ConnectionResetError):
        while True:
            assert time.monotonic() < until, "still open"
            client.sendall(said or masked(0x8A, b""))
            time.sleep(0.3)


def test_who_says_nothing(watched: RunningServer) -> None:
    """T1: nothing at all, a byte, or a byte now and then: a head has its deadline."""
    with ExitStack() as crowd:
        clients = [crowd.enter_context(connect(watched)) for _ in range(3)]
        clients[1].sendall(b"G")
        clients[2].sendall(b"G")
        with suppress(BrokenPipeError, ConnectionResetError):
            for octet in (b"E", b"T", b" "):
                time.sleep(0.4)
                clients[2].sendall(octet)
        assert [statuses(read_on(client, 5)) for client in clients] == [[], [408], [408]]


@pytest.mark.parametrize("resets", [False, True])
@pytest.mark.parametrize(
    "sent", [HEAD, get("/v1/ticks?symbols=*&wait=5"), get("/v1/sse?symbols=*")], ids=["ws", "poll", "sse"]
)
def test_who_hangs_up_after_any_byte(flooded: RunningServer, sent: bytes, resets: bool) -> None:
    """T2: of a head; with the last one, of what it asked for."""
    for size in range(0, len(sent) + 1, times(2, 1)):
        with connect(flooded) as client:
            client.sendall(sent[:size])
            if resets:
                reset(client)


@pytest.mark.parametrize("resets", [False, True])
def test_who_hangs_up_in_a_frame(flooded: RunningServer, resets: bool) -> None:
    """T2: after any byte of it."""
    for size in range(len(LIST) + 1):
        with PlainClient(flooded.port) as client:
            client.socket.sendall(LIST[:size])
            if resets:
                reset(client.socket)


@pytest.mark.parametrize(
    ("sent", "found"),
    [
        (b"", []),
        (HEAD[:40], []),
        (get("/healthz"), [200]),
        (get("/healthz") * 5, [200] * 5),
        (get("/v1/ticks?symbols=ACME&channels=bars.1m&wait=9"), []),
        (HEAD, [101]),
        (get("/v1/sse?symbols=*"), [200]),
    ],
)
def test_half_closes(watched: RunningServer, sent: bytes, found: list[int]) -> None:
    """T3: who says that nothing more will come is answered what can be answered at once, and hung up on."""
    with connect(watched) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        assert statuses(read_on(client, 5)) == found


@pytest.mark.parametrize("asked", [get("/v1/instruments") * 900, get("/v1/sse?symbols=*")], ids=["answers", "events"])
def test_who_reads_nothing(watched: RunningServer, asked: bytes) -> None:
    """T4: a window of nothing; what is sent to it stops, and then it is cut off."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        client.settimeout(10)
        client.connect(("127.0.0.1", watched.port))
        client.sendall(asked)
        until_cut(client, b"x")


def test_who_reads_slowly(watched: RunningServer) -> None:
    """T4: a little at a time, which is never a stall; afterwards all that came was right."""
    with Events(watched.port, "symbols=*&pace=latest&rate_hz=20", buffer=1024) as reader:
        for _ in range(5):
            time.sleep(0.25)
            reader.read(0.01)
        assert not reader.ended
    with PlainClient(watched.port, receive_buffer=4096) as client:
        client.send({**ALL, "symbols": ["ACME", "BYTE"]})
        messages = []
        for _ in range(5):
            time.sleep(0.25)
            messages += client.read()
        assert assert_no_hole(messages) > 0
        assert goes_on(client)


def test_who_stops_reading(watched: RunningServer) -> None:
    """T5: after the 101, the first tick, or within a frame: wherever it does, it is cut off."""
    before = counts(watched)["closes"]
    with ExitStack() as crowd:
        clients = [crowd.enter_context(PlainClient(watched.port, receive_buffer=4096)) for _ in range(3)]
        for client in clients:
            client.send(ALL)
        for client in clients[1:]:
            client.read_until("ticks")
        clients[2].socket.recv(7)
        for client in clients:
            until_cut(client.socket)
    assert counts(watched)["closes"] == before + 3


READER = """
import sys, time
from plain_client import PlainClient, assert_no_hole
with PlainClient(int(sys.argv[1])) as client:
    client.send({"op": "subscribe", "symbols": ["ACME"]})
    print("reading", flush=True)
    messages = []
    while not client.ended and sys.stdin not in __import__("select").select([sys.stdin], [], [], 0)[0]:
        messages += client.read(0.05)
        client.send({"op": "list"})
    print(assert_no_hole(messages), client.ended, flush=True)
"""


@pytest.mark.parametrize("seconds", [0.1, 1.0])
def test_a_client_that_is_stopped_and_goes_on(watched: RunningServer, seconds: float) -> None:
    """T6: for a while, which is no harm to it; for longer it is as who does not answer (`test_keepalive`)."""
    paths = os.pathsep.join([str(ROOT / "tests"), str(ROOT), str(ROOT / "clients")])
    command = [sys.executable, "-c", READER, str(watched.port)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, **pipes, env={**os.environ, "PYTHONPATH": paths}) as reader:  # type: ignore[call-overload]
        assert reader.stdout.readline() == "reading\n"
        time.sleep(0.2)
        reader.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        reader.send_signal(signal.SIGCONT)
        time.sleep(0.3)
        found, _ = reader.communicate("enough\n", timeout=20)
    count, ended = found.split()
    assert int(count) > 0
    assert ended == "False"


def test_what_is_lost_on_the_way(watched: RunningServer) -> None:
    """T7: one way or both, nothing comes from the client any more: it is asked for a sign of life, and cut off."""
    with ExitStack() as all_of_them:
        clients = []
        for lost in ({UP}, {DOWN}, {UP, DOWN}):
            line = all_of_them.enter_context(Lossy(watched.port))
            clients.append(all_of_them.enter_context(PlainClient(line.port)))
            clients[-1].send({"op": "subscribe", "symbols": ["ACME"]})
            clients[-1].read_until("ticks")
            line.lost = lost
        until = time.monotonic() + 20
        while not all(client.ended for client in clients):
            assert time.monotonic() < until, "still open"
            for client in clients:
                client.read()


def test_what_is_held_up_on_the_way(watched: RunningServer) -> None:
    """T7: and comes after all: nothing is missing."""
    with Lossy(watched.port) as line, PlainClient(line.port) as client:
        client.send({"op": "subscribe", "symbols": ["ACME"]})
        messages = client.read_until("ticks")
        line.held = {UP, DOWN}
        client.send({"op": "list", "id": 1})
        messages += client.read(0.7)
        line.held = set()
        messages += client.read_until("subscriptions", id=1) + client.read(0.3)
        assert assert_no_hole(messages) > 10


@pytest.mark.parametrize(("piece", "delay_s"), [(28, 0.0), (1460, 0.02), (65536, 0.25)])
def test_lines_that_are_slow(watched: RunningServer, piece: int, delay_s: float) -> None:
    """T8: small packets and long ways change nothing but the time."""
    with Lossy(watched.port, piece=piece, delay_s=delay_s) as line, PlainClient(line.port) as client:
        client.send({"op": "subscribe", "symbols": ["ACME"]}, {"op": "list", "id": 1})
        messages = client.read_until("subscriptions", id=1) + client.read(0.5)
        assert assert_no_hole(messages) > 0


def test_connections_one_after_the_other(flooded: RunningServer) -> None:
    """T9: opened and closed again, with a FIN or a RST."""
    for number in range(times(300, 100_000)):
        with suppress(ConnectionResetError), connect(flooded) as client:
            if number % 2:
                reset(client)


def test_connections_at_once(flooded: RunningServer) -> None:
    """T9: a crowd that says nothing; others are served, or told to come later."""
    with ExitStack() as crowd:
        for number in range(times(300, 5000)):
            with suppress(ConnectionResetError):
                crowd.enter_context(connect(flooded, f"127.0.3.{number % 250 + 1}"))
        assert verdict(flooded, get("/healthz", "Connection: close")) in (0, 200, 429, 503)


def test_a_queue_before_a_server_that_does_not_run(flooded: RunningServer, victim: Victim) -> None:
    """T10: those whom the kernel let in are answered once it does; the others try again."""
    os.kill(victim.server.process.pid, signal.SIGSTOP)
    try:
        with ExitStack() as crowd:
            clients = []
            for _ in range(times(300, 1500)):
                client = crowd.enter_context(socket.socket())
                client.setblocking(False)
                client.connect_ex(("127.0.0.1", flooded.port))
                clients.append(client)
            time.sleep(0.2)
            os.kill(victim.server.process.pid, signal.SIGCONT)
            found = []
            for client in clients:
                client.settimeout(10)
                with suppress(OSError):
                    client.sendall(get("/healthz", "Connection: close"))
                    found.append(status(client.recv(4096)))
            assert set(found) <= {200, 429, 503}
            assert 200 in found
    finally:
        os.kill(victim.server.process.pid, signal.SIGCONT)


def test_many_addresses(flooded: RunningServer) -> None:
    """T11: all of them are this machine."""
    for number in range(1, 150):
        source = f"127.{number}.{number % 7}.{number}"
        with connect(flooded, source) as client:
            client.sendall(get("/healthz", "Connection: close"))
            assert status(client.recv(4096)) in (200, 429, 503)


def test_one_port_again_and_again(flooded: RunningServer) -> None:
    """T11: the same source, before anything can have forgotten the connection before."""
    with connect(flooded, "127.0.0.9") as first:
        port = first.getsockname()[1]
        reset(first)
    for _ in range(times(30, 1000)):
        with socket.socket() as client:
            client.settimeout(10)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            client.bind(("127.0.0.9", port))
            client.connect(("127.0.0.1", flooded.port))
            client.sendall(get("/healthz"))
            assert status(client.recv(4096)) in (200, 429, 503)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)


def test_an_address_that_changes(watched: RunningServer) -> None:
    """T12: who comes back from another port goes on where it was, while the old connection is still there."""
    epoch = fetch(watched, "readyz")[0]["epoch"]
    with PlainClient(watched.port) as old:
        old.send({"op": "subscribe", "symbols": ["ACME"]})
        messages = old.read_until("ticks")
        last = max(message["seq"] for message in messages if message["type"] == "ticks")
        with PlainClient(watched.port) as new:
            new.send({"op": "subscribe", "symbols": ["ACME"], "from": f"{epoch}:{last}"})
            messages += new.read_until("recovered") + new.read(0.2)
            assert assert_no_hole(messages) > 1


def test_urgent_data(watched: RunningServer) -> None:
    """T13: it is not in the stream; a head that lacks a byte is another head, a frame between frames is none."""
    with connect(watched) as client:
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nA: b")
        client.send(b"!", socket.MSG_OOB)
        client.sendall(b"c\r\nConnection: close\r\n\r\n")
        assert statuses(read_on(client, 5)) == [200]
    with PlainClient(watched.port) as client:
        client.socket.sendall(LIST)
        client.socket.send(b"!", socket.MSG_OOB)
        assert goes_on(client)


def test_a_byte_a_segment(watched: RunningServer) -> None:
    """T14: a handshake and a message, each byte sent on its own."""
    with connect(watched) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for octet in HEAD:
            client.sendall(bytes([octet]))
        assert status(client.recv(4096)) == 101
        for octet in LIST:
            client.sendall(bytes([octet]))
        answer = b""
        while b"subscriptions" not in answer:
            part = client.recv(4096)
            assert part
            answer += part


@pytest.mark.parametrize("data", [b"\0", b"G", b"\r\n", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"])
def test_bursts_and_pauses(watched: RunningServer, data: bytes) -> None:
    """T15: 256 KiB at once, a while of nothing, and again."""
    burst = (data * (256 * 1024 // len(data)))[: 256 * 1024]
    with connect(watched) as client, suppress(BrokenPipeError, ConnectionResetError):
        for _ in range(3):
            client.settimeout(3)
            with suppress(TimeoutError):
                client.sendall(burst)
            time.sleep(0.2)
        assert set(statuses(read_on(client, 3))) <= {200, 400, 414, 429, 431}


def test_bursts_of_frames(watched: RunningServer) -> None:
    """T15: of messages that are obeyed, and one that is none."""
    with PlainClient(watched.port) as client:
        with suppress(BrokenPipeError, ConnectionResetError):
            for _ in range(3):
                client.socket.sendall(masked(0x81, b'{"op":"ack","seq":0}') * 10_000)
                time.sleep(0.1)
        goes_on(client)


def test_who_leaves_without_having_read(flooded: RunningServer) -> None:
    """T16: the kernel says it with a RST."""
    for _ in range(times(30, 1000)):
        with PlainClient(flooded.port) as client:
            client.send(ALL)
            client.socket.recv(1)
            time.sleep(0.005)


def test_a_server_that_was_stopped(watched: RunningServer, victim: Victim) -> None:
    """T19: for as long as a client may be silent and longer; nobody is cut off for it, and nothing is missing."""
    for seconds in (0.1, times(2.5, 25)):
        os.kill(victim.server.process.pid, signal.SIGSTOP)
        time.sleep(seconds)
        os.kill(victim.server.process.pid, signal.SIGCONT)
        time.sleep(0.3)
        victim.company.check()
    assert verdict(watched, get("/healthz", "Connection: close")) == 200


@pytest.mark.parametrize("size", [1, 2048, 16 * 2**20])
def test_buffers_of_the_kernel(watched: RunningServer, size: int) -> None:
    """T21: as small as can be, or as large."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)
        client.settimeout(10)
        client.connect(("127.0.0.1", watched.port))
        client.sendall(HEAD)
        answer = b""
        while b"welcome" not in answer:
            answer += client.recv(4096)
        client.sendall(LIST)
        while b"subscriptions" not in answer:
            part = client.recv(4096)
            assert part
            answer += part
