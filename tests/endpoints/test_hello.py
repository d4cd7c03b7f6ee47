"""The first server of every WebSocket lesson, and the handshake shown to those who ask."""

import base64
import hashlib
import re
from collections.abc import Callable

import pytest
from websockets.asyncio.client import connect
from websockets.frames import Frame, Opcode

from conftest import RunningServer
from plain_client import PlainClient
from plain_http import refused


@pytest.fixture(scope="module")
def server(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker()


async def test_it_says_thanks(server: RunningServer) -> None:
    async with connect(f"ws://127.0.0.1:{server.port}/hello") as client:
        for said in ("Hello", "", "{", b"\x00\xff", "x" * 10_000):
            await client.send(said)
            assert await client.recv() == "Thanks"


def test_what_breaks_the_rules_is_closed(server: RunningServer) -> None:
    with PlainClient(server.port, "/hello") as client:
        client.send_frames(Frame(Opcode.TEXT, b"x" * 20_000))
        assert client.read_close() == 1009
    with PlainClient(server.port, "/hello") as client:
        client.socket.sendall(b"\x83\x80\x00\x00\x00\x00")
        assert client.read_close() == 1002
    with PlainClient(server.port, "/hello") as client:
        client.send_frames(Frame(Opcode.TEXT, b"Hell\xff"))
        assert client.read_close() == 1007


def test_it_says_goodbye_when_the_server_does(serve_ticker: Callable[..., RunningServer]) -> None:
    server = serve_ticker()
    with PlainClient(server.port, "/hello") as client:
        server.process.terminate()
        assert client.read_close() == 1001
    assert server.process.wait(5) == 0


def test_without_an_upgrade_it_says_what_it_is(server: RunningServer) -> None:
    code, problem = refused(server, "hello")
    assert (code, problem["code"]) == (426, "upgrade_required")
    assert "/hello is a WebSocket" in problem["detail"]


def test_whoever_asks_is_shown_the_handshake(server: RunningServer) -> None:
    with PlainClient(server.port, "/v1/stream?handshake=true") as client:
        welcome, shown = client.read_until("handshake")
    assert welcome["type"] == "welcome"
    asked, answered = dict(shown["request"]["headers"]), dict(shown["response"]["headers"])
    assert shown["request"]["line"] == "GET /v1/stream?handshake=true HTTP/1.1"
    assert shown["response"]["line"] == "HTTP/1.1 101 Switching Protocols"
    assert asked["host"] == "127.0.0.1"
    digest = hashlib.sha1(f"{asked['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
    assert answered["Sec-WebSocket-Accept"] == base64.b64encode(digest).decode()
    line, *lines = client.head.decode().rstrip().split("\r\n")
    assert line == shown["response"]["line"]
    assert [tuple(re.split(": ", text, maxsplit=1)) for text in lines] == [
        (name, value) for name, value in shown["response"]["headers"]
    ]


async def test_secrets_are_not_shown_again(server: RunningServer) -> None:
    secrets = {"Authorization": "Bearer canary", "Cookie": "session=canary"}
    async with connect(f"{server.stream}?handshake=true", additional_headers=secrets) as client:
        await client.recv()
        shown = str(await client.recv())
    assert '"type":"handshake"' in shown
    assert "canary" not in shown
    assert '["authorization","(withheld)"]' in shown


def test_nobody_else_is_shown_it(server: RunningServer) -> None:
    with PlainClient(server.port) as client:
        client.send({"op": "list"})
        assert [message["type"] for message in client.read_until("subscriptions")] == ["welcome", "subscriptions"]
