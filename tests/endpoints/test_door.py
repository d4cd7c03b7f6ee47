"""The one port: heads good and bad, answered or closed as they should be."""

import re
import socket
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from conftest import RunningServer
from raw_http import body, exchange, get, headers, status

WEBSOCKET = (
    b"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@pytest.fixture(scope="module")
def server(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker("--http.head-s", "1", "--http.idle-s", "2", "--http.requests-max", "50")


def test_an_upgrade_is_switched_with_the_key_of_rfc_6455(server: RunningServer) -> None:
    answer = exchange(server, WEBSOCKET)
    assert answer.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n" in answer
    assert b'"type":"welcome"' in answer


def test_a_handshake_may_come_byte_by_byte(server: RunningServer) -> None:
    answer = exchange(server, *(WEBSOCKET[place : place + 1] for place in range(len(WEBSOCKET))))
    assert status(answer) == 101


def test_an_upgrade_may_follow_requests_on_the_same_connection(server: RunningServer) -> None:
    answer = exchange(server, get("/healthz"), WEBSOCKET, pause_s=0.1)
    assert answer.count(b"HTTP/1.1 200 OK") == 1
    assert b"HTTP/1.1 101 Switching Protocols" in answer


@pytest.mark.parametrize("rest", [b"\x89\x80\x00\x00\x00\x00", b"GET / HTTP/1.1\r\n\r\n", b"\x00"])
def test_nothing_may_come_between_a_handshake_and_its_101(server: RunningServer, rest: bytes) -> None:
    answer = exchange(server, WEBSOCKET + rest)
    assert status(answer) == 400
    assert b"101" not in answer.split(b"\r\n")[0]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b"Sec-WebSocket-Version: 13\r\n", 400),
        (b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", 400),
        (b"Upgrade: websocket\r\n", 426),
        (b"Connection: Upgrade\r\n", 426),
    ],
)
def test_a_handshake_that_lacks_something_is_refused(server: RunningServer, line: bytes, code: int) -> None:
    answer = exchange(server, WEBSOCKET.replace(line, b""))
    assert status(answer) == code
    assert code != 426 or b"\r\nUpgrade: websocket\r\n" in answer


@pytest.mark.parametrize("key", [b"", b"c2hvcnQ=", b"not base64 at all!!", b"dGhlIHNhbXBsZSBub25jZQ==, x"])
def test_a_wrong_key_is_refused(server: RunningServer, key: bytes) -> None:
    assert status(exchange(server, WEBSOCKET.replace(b"dGhlIHNhbXBsZSBub25jZQ==", key))) == 400


@pytest.mark.parametrize(
    ("request_bytes", "code", "name"),
    [
        (get("/nowhere"), 404, "not_found"),
        (get("/v1/stream"), 426, "upgrade_required"),
        (get("/healthz", method="POST"), 405, "method_not_allowed"),
        (get("/healthz?x=1"), 400, "bad_request"),
        (get("/v1/instruments/NOPE"), 404, "unknown_symbol"),
        (get("/v1/snapshot"), 400, "bad_request"),
        (get("/v1/snapshot?symbols=ACME,NOPE"), 404, "unknown_symbol"),
        (get("/v1/snapshot?symbols=ACME&channels=nothing"), 404, "unknown_channel"),
        (get("/v1/snapshot?symbols=ACME&symbols=BYTE"), 400, "bad_request"),
        (get("/v1/snapshot?symbols=" + "A," * 1500), 400, "too_many_symbols"),
        (get("/v1/snapshot?symbols=" + "A" * 8192), 414, "uri_too_long"),
        (get("/", *(f"X-{number}: 1" for number in range(64))), 431, "head_too_large"),
        (get("/", "X: " + "x" * 16_384), 431, "head_too_large"),
        (b"NONSENSE\r\n\r\n", 400, "bad_request"),
        (
            b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            400,
            "bad_request",
        ),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400, "bad_request"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400, "bad_request"),
        (get("/", "Content-Length: 70000", method="POST") + b"x" * 70_000, 413, "too_large"),
    ],
)
def test_a_bad_request_gets_a_problem_with_a_code(
    server: RunningServer, request_bytes: bytes, code: int, name: str
) -> None:
    answer = exchange(server, request_bytes)
    assert status(answer) == code
    assert b"Content-Type: application/problem+json" in answer
    assert (body(answer)["code"], body(answer)["status"]) == (name, code)


def test_a_head_that_never_ends_is_not_kept(server: RunningServer) -> None:
    answer = exchange(server, b"GET / HTTP/1.1\r\nX: ", *[b"x" * 1000] * 30)
    assert status(answer) == 431


def test_a_slow_head_has_a_deadline(server: RunningServer) -> None:
    """A byte now and then does not keep the door open."""
    answer = exchange(server, *(b"GET / HTTP/1.1\r\n"[place : place + 1] for place in range(9)), pause_s=0.2)
    assert status(answer) == 408


def test_a_silent_connection_is_closed(server: RunningServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
        assert client.recv(1) == b""


def test_requests_may_be_pipelined_and_answers_keep_their_order(server: RunningServer) -> None:
    answer = exchange(server, get("/v1/instruments/ACME") + get("/v1/instruments/BYTE") + get("/healthz"))
    assert answer.count(b"HTTP/1.1 200 OK") == 3
    assert answer.index(b"ACME") < answer.index(b"BYTE") < answer.index(b'"ok"')


def test_a_connection_is_kept_for_so_many_requests_and_no_more(server: RunningServer) -> None:
    answer = exchange(server, get("/healthz") * 60)
    assert answer.count(b"HTTP/1.1 200 OK") == 50
    assert answer.count(b"Connection: close") == 1


def test_http_1_0_is_answered_and_closed(server: RunningServer) -> None:
    answer = exchange(server, get("/healthz", version="1.0"))
    assert status(answer) == 200
    assert b"Connection: close" in answer


def test_head_has_the_length_and_no_body(server: RunningServer) -> None:
    answer = exchange(server, get("/healthz", method="HEAD"))
    assert b"Content-Length: 15\r\n" in answer
    assert answer.endswith(b"\r\n\r\n")


def test_an_upgrade_to_something_else_is_answered_as_http(server: RunningServer) -> None:
    answer = exchange(server, get("/healthz", "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c"))
    assert status(answer) == 200
    assert b"Connection: close" in answer


def test_connections_beyond_the_limit_are_told_to_come_again(serve_ticker: Callable[..., RunningServer]) -> None:
    server = serve_ticker("--server.connections-max", "3")
    with ExitStack() as held:
        for _ in range(3):
            held.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        time.sleep(0.2)
        answer = exchange(server, b"")
        assert status(answer) == 503
        assert 1 <= int(headers(answer)["retry-after"]) <= 3
        assert body(answer)["code"] == "unavailable"
    time.sleep(0.2)
    assert status(exchange(server, get("/healthz"))) == 200


def test_a_crowd_at_the_door_is_let_in(server: RunningServer) -> None:
    with ThreadPoolExecutor(50) as crowd:
        answers = list(crowd.map(lambda _: exchange(server, get("/healthz", "Connection: close")), range(200)))
    assert all(status(answer) == 200 for answer in answers)


@pytest.mark.parametrize("path", ["/healthz", "/", "/v1/sse", "/v1/ticks", "/v1/stream", "*"])
def test_options_say_what_may_be_asked(server: RunningServer, path: str) -> None:
    answer = exchange(
        server, get(path, "Origin: https://x.example", "Access-Control-Request-Method: GET", method="OPTIONS")
    )
    assert answer.startswith(b"HTTP/1.1 204 No Content\r\n")
    assert b"Allow: GET, HEAD, OPTIONS\r\n" in answer
    assert b"Content-Length" not in answer
    assert b"Access-Control" not in answer


def test_pages_of_other_origins_may_read_us_only_where_they_are_named(
    serve_ticker: Callable[..., RunningServer],
) -> None:
    server = serve_ticker("--http.origins", "http://localhost:3000,https://app.example")
    allowed = b"Access-Control-Allow-Origin: https://app.example\r\n"
    for path in ("/healthz", "/v1/ticks?symbols=ACME&wait=5", "/v1/sse?symbols=*", "/nowhere"):
        method = "HEAD" if path.startswith("/v1/sse") else "GET"
        answer = exchange(server, get(path, "Origin: https://app.example", "Connection: close", method=method))
        assert allowed in answer
        assert b"Vary: Origin\r\n" in answer
    with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
        client.sendall(get("/v1/sse?symbols=*", "Origin: https://app.example"))
        assert allowed in client.recv(4096)
    strangers = ("https://app.example.evil", "http://app.example", "https://app.example:443", "null", "*", "x" * 5000)
    for origin in strangers:
        answer = exchange(server, get("/healthz", f"Origin: {origin}"))
        assert b"Access-Control" not in answer
        assert b"Vary: Origin\r\n" in answer
    headers = ("Origin: https://app.example", "Access-Control-Request-Method: GET")
    preflight = exchange(server, get("/v1/sse", *headers, "Access-Control-Request-Headers: x-y", method="OPTIONS"))
    assert allowed in preflight
    assert b"Access-Control-Allow-Methods: GET, HEAD, OPTIONS\r\n" in preflight
    assert b"Access-Control-Allow-Headers: x-y\r\n" in preflight


def test_http_1_0_is_kept_alive_where_it_asks(server: RunningServer) -> None:
    answer = exchange(server, get("/healthz", "Connection: keep-alive", version="1.0") * 2)
    assert answer.count(b"HTTP/1.1 200 OK") == answer.count(b"Connection: keep-alive") == 2


@pytest.mark.parametrize(
    ("request_bytes", "code"),
    [
        (b"GET /healthz HTTP/1.1\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        (b"GET /healthz HTTP/1.0\r\n\r\n", 200),
        (b"GET /healthz HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        (get("/healthz", "Expect: the-unexpected"), 417),
    ],
)
def test_hosts_versions_and_expectations(server: RunningServer, request_bytes: bytes, code: int) -> None:
    assert status(exchange(server, request_bytes)) == code


def test_a_body_that_waits_to_be_asked_for_is_asked_for(server: RunningServer) -> None:
    head = get("/healthz", "Expect: 100-continue", "Content-Length: 5")
    answer = exchange(server, head, b"hello", pause_s=0.1)
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")


def test_a_packet_full_of_requests_does_not_fill_our_memory(serve_ticker: Callable[..., RunningServer]) -> None:
    """Answers of a megabyte each: none is made before the client has read most of the ones before it."""
    server = serve_ticker("--universe", "numbered", "--instruments", "10000", "--paused")
    urllib.request.urlopen(f"{server.url}v1/instruments").read()
    before = peak_kib(server)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as client:
        client.sendall(get("/v1/instruments") * 100)
        time.sleep(0.5)
        answer = b""
        while answer.count(b"HTTP/1.1 200 OK") < 10:
            answer += client.recv(1 << 20)
        assert peak_kib(server) - before < 20_000


def test_more_requests_than_a_connection_may_make_are_refused_where_nobody_reads(server: RunningServer) -> None:
    """50 are the most; none of their answers is read before all were sent."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", server.port))
        client.settimeout(5)
        client.sendall(get("/v1/instruments") * 500)
        time.sleep(0.3)
        answer = b""
        with suppress(TimeoutError, ConnectionResetError):
            while part := client.recv(1 << 16):
                answer += part
    assert answer.count(b"HTTP/1.1 200 OK") <= 50


def peak_kib(server: RunningServer) -> int:
    """Return the most memory that a server has ever had resident."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{server.process.pid}/status").read_text())
    assert found is not None
    return int(found[1])


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_a_client_that_does_not_read_its_answers_cannot_begin_a_conversation(
    serve_ticker: Callable[..., RunningServer], loop: str
) -> None:
    """What took the transport over would not know that it is full."""
    server = serve_ticker(
        "--server.loop", loop, "--stream.buffer-bytes", "2048", "--universe", "numbered", "--instruments", "2000"
    )
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(("127.0.0.1", server.port))
        client.settimeout(5)
        client.sendall(get("/v1/instruments") * 3)
        time.sleep(0.3)
        client.sendall(WEBSOCKET)
        time.sleep(0.3)
        answer = b""
        with suppress(TimeoutError, ConnectionResetError):
            while part := client.recv(65536):
                answer += part
    assert b"HTTP/1.1 400 Bad Request" in answer
    assert b"101 Switching Protocols" not in answer
