"""Which names the server answers to, and whose pages may open a WebSocket: on every way in."""

import socket
from collections.abc import Callable

import pytest

from conftest import RunningServer
from raw_http import PATIENCE_S, body, status

HANDSHAKE = ("Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
WAYS_IN = {
    "request": "/v1/snapshot?symbols=*",
    "short poll": "/v1/ticks?symbols=*",
    "long poll": "/v1/ticks?symbols=*&wait=1",
    "sse": "/v1/sse?symbols=*",
    "page": "/",
    "metrics": "/metrics",
    "nothing": "/nothing",
}
HEAD_END = b"\r\n\r\n"
SOCKETS = ("/v1/stream", "/hello")
EVERYWHERE = (*WAYS_IN.values(), *SOCKETS)


@pytest.fixture(scope="module")
def server(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker("--http.hosts", "market.example", "--http.origins", "https://app.example")


@pytest.fixture(scope="module")
def public(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker("--host", "0.0.0.0", "--server.public")


def ask(server: RunningServer, target: str, host: str, origin: str | None = None) -> bytes:
    """Return the answer to a request, or to a handshake where the path is a WebSocket."""
    upgrading = target in SOCKETS
    headers = [f"Host: {host}", *(HANDSHAKE if upgrading else ()), f"Connection: {'Upgrade' if upgrading else 'close'}"]
    if origin is not None:
        headers.append(f"Origin: {origin}")
    request = "\r\n".join([f"GET {target} HTTP/1.1", *headers, "", ""]).encode("latin-1")
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as client:
        client.sendall(request)
        answer = b""
        while HEAD_END not in answer or (refused(answer) and not answer.endswith(b"}")):
            answer += client.recv(65536)
        return answer


def refused(answer: bytes) -> bool:
    return status(answer) >= 400


def welcome(target: str) -> set[int]:
    return {101} if target in SOCKETS else {200, 404}


@pytest.mark.parametrize("target", EVERYWHERE)
@pytest.mark.parametrize("host", ["127.0.0.1:PORT", "localhost", "app.localhost:1", "[::1]:PORT", "MARKET.example."])
def test_names_of_ours_are_answered(server: RunningServer, target: str, host: str) -> None:
    assert status(ask(server, target, host.replace("PORT", str(server.port)))) in welcome(target)


@pytest.mark.parametrize("target", EVERYWHERE)
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.nip.io", "localhost.evil.example", "10.0.0.1", "[::2]"])
def test_other_names_are_not(server: RunningServer, target: str, host: str) -> None:
    answer = ask(server, target, host)
    assert (status(answer), body(answer)["code"]) == (421, "misdirected")
    assert "http.hosts" in body(answer)["detail"]


def test_a_target_that_names_another_host_is_for_that_one(server: RunningServer) -> None:
    assert status(ask(server, "http://evil.example/healthz", "localhost")) == 421
    assert status(ask(server, "http://localhost/healthz", "evil.example")) == 200


@pytest.mark.parametrize("target", SOCKETS)
@pytest.mark.parametrize(
    "origin",
    [
        None,
        "http://127.0.0.1:PORT",
        "http://localhost:3000",
        "https://localhost",
        "http://dev.localhost:5173",
        "http://[::1]:8080",
        "https://app.example",
    ],
)
def test_programs_local_pages_and_those_named_may_open_a_websocket(
    server: RunningServer, target: str, origin: str | None
) -> None:
    place = f"127.0.0.1:{server.port}"
    assert status(ask(server, target, place, origin and origin.replace("PORT", str(server.port)))) == 101


@pytest.mark.parametrize("target", SOCKETS)
@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "https://evil.example",
        "https://app.example.evil.example",
        "https://evilapp.example",
        "http://app.example",
        "https://app.example:444",
        "http://127.0.0.1.nip.io",
        "http://localhost.evil.example",
        "file://",
        "file://localhost",
        "chrome-extension://localhost",
        "https://app.example, https://evil.example",
        "https://evil.example@localhost.evil.example",
        "http://",
        "*",
    ],
)
def test_other_pages_may_not(server: RunningServer, target: str, origin: str) -> None:
    answer = ask(server, target, f"127.0.0.1:{server.port}", origin)
    assert (status(answer), body(answer)["code"]) == (403, "forbidden")
    assert "http.origins" in body(answer)["detail"]


def test_a_page_is_of_this_server_by_whichever_name_it_was_asked(server: RunningServer, public: RunningServer) -> None:
    assert status(ask(server, "/v1/stream", "market.example", "https://market.example")) == 101
    assert status(ask(server, "/v1/stream", "market.example:80", "http://market.example")) == 101
    assert status(ask(public, "/v1/stream", "any.example", "https://any.example")) == 101
    assert status(ask(public, "/v1/stream", "any.example", "https://other.example")) == 403


def test_a_public_server_has_any_name_until_one_is_named(
    public: RunningServer, serve_ticker: Callable[..., RunningServer]
) -> None:
    assert status(ask(public, "/healthz", "any.example")) == 200
    named = serve_ticker("--host", "0.0.0.0", "--server.public", "--http.hosts", "market.example")
    assert status(ask(named, "/healthz", "any.example")) == 421
    assert status(ask(named, "/healthz", "market.example")) == 200
