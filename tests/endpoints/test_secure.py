"""TLS on the one port, with both event loops: the same promises as without, to the well and to the ill behaved."""

import contextlib
import http.client
import os
import re
import signal
import socket
import ssl
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from certificates import pair
from conftest import RunningServer, start_server
from plain_client import PlainClient, assert_no_hole
from ticker_client import connect

PATIENCE_S = 15.0
BUSY = (
    "--market.model",
    "plain",
    "--market.arrivals",
    "every_step",
    "--instruments",
    "100",
    "--market.universe",
    "numbered",
)
QUICK = ("--http.head-s", "0.5", "--stream.stall-s", "1", "--stream.close-s", "0.5", "--server.drain-s", "1")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return pair(tmp_path_factory.mktemp("tls"), "server")


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def server(
    request: pytest.FixtureRequest,
    serve_ticker: Callable[..., RunningServer],
    files: tuple[Path, Path],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningServer]:
    cert, key = files
    flags = ("--tls-cert", str(cert), "--tls-key", str(key), "--server.loop", request.param)
    log = tmp_path_factory.mktemp("log") / "log"
    yield serve_ticker(*BUSY, *QUICK, *flags, "--log.level", "debug", log=log)
    assert "Traceback" not in log.read_text() and "rror" not in re.sub("TLS error", "", log.read_text())


@pytest.fixture
def trust(files: tuple[Path, Path]) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=files[0])


def open_tls(server: RunningServer, trust: ssl.SSLContext) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S)
    return trust.wrap_socket(plain, server_hostname="localhost", suppress_ragged_eofs=False)


class SecureClient(PlainClient):
    """A WebSocket over TLS that reads only when it is told to."""

    def __init__(self, port: int, trust: ssl.SSLContext, *, receive_buffer: int | None = None) -> None:
        self._trust = trust
        super().__init__(port, receive_buffer=receive_buffer)

    def _shake_hands(self, target: str, header: str) -> bytes:
        self.socket = self._trust.wrap_socket(self.socket, server_hostname="localhost")
        return super()._shake_hands(target, header)


def read_all(client: socket.socket) -> bytes:
    answer = b""
    while part := client.recv(65536):
        answer += part
    return answer


def metrics(server: RunningServer, trust: ssl.SSLContext) -> str:
    connection = http.client.HTTPSConnection("localhost", server.port, context=trust, timeout=PATIENCE_S)
    with contextlib.closing(connection):
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


# The well behaved.


@pytest.mark.parametrize("transport", ["ws", "sse", "long-poll", "short-poll"])
async def test_every_transport(server: RunningServer, files: tuple[Path, Path], transport: str) -> None:
    assert server.stream.startswith("wss://") and server.url.startswith("https://")
    async with connect(server.stream, transport=transport, cafile=files[0], strict=True) as feed:
        await feed.subscribe("SYM0001", "SYM0002", channels=["trades", "quotes"])
        for _ in range(50):
            await feed.next(timeout_s=PATIENCE_S)
        assert feed.session.missed == 0


def test_many_requests_on_one_connection_and_answers_of_many_records(
    server: RunningServer, trust: ssl.SSLContext
) -> None:
    connection = http.client.HTTPSConnection("localhost", server.port, context=trust, timeout=PATIENCE_S)
    with contextlib.closing(connection):
        for path in (
            "/client/client.js",
            "/",
            "/openapi.json",
            "/v1/snapshot?symbols=*&channels=trades,quotes,book",
        ) * 5:
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
            assert response.status == 200 and len(body) == int(response.headers["Content-Length"])


def test_pipelined_requests_in_pieces(server: RunningServer, trust: ssl.SSLContext) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with open_tls(server, trust) as client:
        for byte in request:
            client.sendall(bytes([byte]))
        client.sendall(request * 3 + request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        answer = read_all(client)  # to the word that TLS has for the end: without it, this raises
        assert answer.count(b"HTTP/1.1 200") == 5 and answer.endswith(b"}")


def test_a_long_answer_is_whole_before_the_end_is_said(server: RunningServer, trust: ssl.SSLContext) -> None:
    with open_tls(server, trust) as client:
        client.sendall(b"GET /v1/ticks?symbols=*&since=0:0 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert b"bad_position" in read_all(client)
    with open_tls(server, trust) as client:
        client.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        head, _, body = read_all(client).partition(b"\r\n\r\n")
        assert f"Content-Length: {len(body)}".encode() in head


def test_a_conversation_ends_as_it_should(server: RunningServer, trust: ssl.SSLContext) -> None:
    with SecureClient(server.port, trust) as client:
        client.send({"op": "subscribe", "symbols": ["*"], "channels": ["trades", "quotes"]})
        messages = client.read_until("ticks") + client.read(0.5)
        assert assert_no_hole(messages) > 100
        client.send_frames(client._ws and _close_frame())
        assert client.read_close() == 1000


def _close_frame() -> Any:
    from websockets.frames import Frame, Opcode

    return Frame(Opcode.CLOSE, struct.pack("!H", 1000))


def test_who_says_that_nothing_more_will_come_is_let_go(server: RunningServer, trust: ssl.SSLContext) -> None:
    before = int(re.search(r"ticker_connections (\d+)", metrics(server, trust))[1])  # type: ignore[index]
    clients = [open_tls(server, trust) for _ in range(5)]
    plain = [SecureClient(server.port, trust) for _ in range(5)]
    for client in clients:
        client.sendall(b"GET /v1/sse?symbols=* HTTP/1.1\r\nHost: localhost\r\n\r\n")
        client.recv(1)
    for one in [*clients, *(client.socket for client in plain)]:
        assert isinstance(one, ssl.SSLSocket)
        with contextlib.suppress(ssl.SSLError):
            one.settimeout(5)
            one.unwrap().close()  # what was on its way is lost: that is what it asked for
        one.close()
    until(lambda: f"ticker_connections {before}\n" in metrics(server, trust).replace(".0\n", "\n"))


# The ill behaved.


def test_plain_http_is_told_what_is_spoken_here(server: RunningServer) -> None:
    for data in (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", b"G", b"\x00" * 100, b"SSH-2.0-x\r\n"):
        with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as client:
            client.sendall(data)
            answer = read_all(client)
            assert answer.startswith(b"HTTP/1.1 400") and b"https://" in answer


def hello(trust: ssl.SSLContext) -> bytes:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    end = trust.wrap_bio(incoming, outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        end.do_handshake()
    return outgoing.read()


@pytest.mark.parametrize(
    "spoilt", ["silence", "half", "one byte", "garbage", "an old version", "and then nothing", "fin", "reset"]
)
def test_a_handshake_that_is_none_ends(server: RunningServer, trust: ssl.SSLContext, spoilt: str) -> None:
    data = hello(trust)
    sent = {
        **{
            "silence": b"",
            "half": data[: len(data) // 2],
            "one byte": data[:1],
            "garbage": data[:60] + os.urandom(500),
        },
        **{"an old version": b"\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x00" + bytes(36), "and then nothing": data},
        **{"fin": data[:100], "reset": data},
    }[spoilt]
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as client:
        client.sendall(sent)
        if spoilt == "fin":
            client.shutdown(socket.SHUT_WR)
        if spoilt == "reset":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return
        with contextlib.suppress(ConnectionResetError):
            read_all(client)
    with open_tls(server, trust) as other:
        other.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert b"200 OK" in read_all(other)


def test_what_is_broken_later_ends_too(server: RunningServer, trust: ssl.SSLContext) -> None:
    for data in (
        os.urandom(100),
        b"\x17\x03\x03\x00\x10" + os.urandom(16),
        b"\x15\x03\x03\x00\x02\x02\x00",
        b"GET / HTTP/1.1\r\n\r\n",
    ):
        client = open_tls(server, trust)
        raw = socket.socket(fileno=client.detach())
        raw.settimeout(PATIENCE_S)
        with raw, contextlib.suppress(ConnectionResetError):
            raw.sendall(data)
            read_all(raw)


def test_a_reader_that_stops_is_cut_off_and_one_that_is_slow_is_not(
    server: RunningServer, trust: ssl.SSLContext
) -> None:
    """A1 and A3: what is encrypted and waits is counted where it waits, so that both are seen for what they are."""
    wish = {"op": "subscribe", "symbols": ["*"], "channels": ["trades", "quotes"], "snapshot": False}
    with (
        SecureClient(server.port, trust, receive_buffer=4096) as stuck,
        SecureClient(server.port, trust, receive_buffer=4096) as slow,
        SecureClient(server.port, trust) as well,
    ):
        for client in (stuck, slow, well):
            client.send(wish)
        slow.socket.settimeout(PATIENCE_S)
        messages = []
        closed = False
        began = time.monotonic()
        while not closed or time.monotonic() - began < 5.0:
            assert time.monotonic() - began < 3 * PATIENCE_S
            assert slow.socket.recv(2048), "it reads, if slowly: it is not cut off"
            messages += well.read(0.05)
            closed = closed or 'ticker_closes_total{reason="1006 stalled"}' in metrics(server, trust)
        assert_no_hole(messages)
        assert len([one for one in messages if one["type"] == "ticks"]) > 100
        stuck.socket.settimeout(PATIENCE_S)
        with contextlib.suppress(ConnectionResetError, ssl.SSLError):
            while stuck.socket.recv(65536):
                pass
        slow.socket.settimeout(PATIENCE_S)
        assert slow.socket.recv(1024)


def test_a_stop_is_quick_whoever_is_there(files: tuple[Path, Path], trust: ssl.SSLContext) -> None:
    cert, key = files
    server = start_server(*BUSY, *QUICK, "--tls-cert", str(cert), "--tls-key", str(key))
    try:
        wish = {"op": "subscribe", "symbols": ["*"], "channels": ["trades", "quotes"]}
        stuck = [SecureClient(server.port, trust, receive_buffer=4096) for _ in range(3)]
        with SecureClient(server.port, trust) as well, socket.create_connection(("127.0.0.1", server.port)):
            for client in (*stuck, well):
                client.send(wish)
            well.read_until("ticks")
            began = time.monotonic()
            server.process.send_signal(signal.SIGTERM)
            well.read_until("closing")
            assert well.read_close() == 1001
            assert server.process.wait(PATIENCE_S) == 0
            assert time.monotonic() - began < PATIENCE_S
        for client in stuck:
            client.socket.close()
    finally:
        if server.process.poll() is None:
            server.process.kill()
        assert server.process.stdout is not None
        server.process.stdout.close()


def test_a_hello_on_the_plain_port_is_answered_or_closed(
    serve_ticker: Callable[..., RunningServer], trust: ssl.SSLContext
) -> None:
    plain = serve_ticker()
    with socket.create_connection(("127.0.0.1", plain.port), timeout=PATIENCE_S) as client:
        client.sendall(hello(trust))
        answer = read_all(client)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 400")


def test_a_certificate_is_read_again_on_sighup(serve_ticker: Callable[..., RunningServer], tmp_path: Path) -> None:
    cert, key = pair(tmp_path, "mine")
    server = serve_ticker("--tls-cert", str(cert), "--tls-key", str(key))
    first = ssl.create_default_context(cadata=cert.read_text())
    open_tls(server, first).close()
    other_cert, other_key = pair(tmp_path, "other")
    key.write_bytes(other_key.read_bytes())
    cert.write_bytes(other_cert.read_bytes())
    open_tls(server, first).close()
    server.process.send_signal(signal.SIGHUP)
    second = ssl.create_default_context(cadata=cert.read_text())

    def renewed() -> bool:
        with contextlib.suppress(ssl.SSLCertVerificationError):
            open_tls(server, second).close()
            return True
        return False

    until(renewed)


def test_one_of_our_own_is_made_and_the_start_says_whom_to_trust(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    server = start_server("--tls-self-signed")
    try:
        assert server.process.stdout is not None
        said = ""
        while "Ctrl-C" not in said:
            said += server.process.stdout.readline()
        ca = str(tmp_path / "ticker" / "tls" / "ca.pem")
        for way in (
            f"cafile='{ca}'",
            f"--cafile {ca}",
            f"NODE_EXTRA_CA_CERTS={ca}",
            f"SSL_CERT_FILE={ca}",
            f"--cacert {ca}",
        ):
            assert way in said
        open_tls(server, ssl.create_default_context(cafile=ca)).close()
    finally:
        server.stop()
        assert server.process.stdout is not None
        server.process.stdout.close()
