"""Compression is agreed on where its terms can be shared, and else there is none."""

import asyncio
import json
from collections.abc import Callable

import pytest
from websockets.asyncio.client import connect
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.frames import Frame, Opcode

from conftest import RunningServer
from plain_client import PlainClient, assert_no_hole

SHARED = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"


@pytest.fixture(scope="module")
def server(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker("--stream.compression", "shared")


def agreed(client: PlainClient) -> str:
    """Return what a server answered to an offer of extensions."""
    lines = [line.split(": ", 1) for line in client.head.decode().rstrip().split("\r\n")[1:]]
    return "".join(value for name, value in lines if name == "Sec-WebSocket-Extensions")


@pytest.mark.parametrize(
    ("offer", "answer"),
    [
        ("", ""),
        ("permessage-deflate", SHARED),
        ("permessage-deflate; server_no_context_takeover", SHARED),
        ("permessage-deflate; client_no_context_takeover; server_no_context_takeover", SHARED),
        ("permessage-deflate; client_max_window_bits", SHARED),
        ("permessage-deflate; server_max_window_bits=15", f"{SHARED}; server_max_window_bits=15"),
        ('permessage-deflate; server_max_window_bits="15"', f"{SHARED}; server_max_window_bits=15"),
        ("permessage-deflate; server_max_window_bits=14", ""),
        ("permessage-deflate; server_max_window_bits=8", ""),
        ("permessage-deflate; server_max_window_bits=16", ""),
        ("permessage-deflate; server_max_window_bits", ""),
        ("permessage-deflate; client_max_window_bits=16", ""),
        ("permessage-deflate; server_no_context_takeover; server_no_context_takeover", ""),
        ("permessage-deflate; server_no_context_takeover=1", ""),
        ("permessage-deflate; quality=9", ""),
        ("permessage-deflate, permessage-deflate", SHARED),
        ("permessage-deflate; server_max_window_bits=10, permessage-deflate", SHARED),
        ("x-webkit-deflate-frame, permessage-deflate", SHARED),
        ("permessage-bzip2", ""),
    ],
)
def test_an_offer_is_answered(server: RunningServer, offer: str, answer: str) -> None:
    with PlainClient(server.port, extensions=offer) as client:
        assert agreed(client) == answer
        client.send({"op": "subscribe", "symbols": ["*"]}, {"op": "list", "id": 1})
        client.read_until("subscribed")
        assert assert_no_hole(client.read(0.1)) > 0


@pytest.mark.parametrize("bits", [9, 12, 15])
async def test_a_client_may_use_a_smaller_window_itself(server: RunningServer, bits: int) -> None:
    offer = ClientPerMessageDeflateFactory(client_max_window_bits=bits)
    async with connect(server.stream, extensions=[offer], compression=None, proxy=None) as ws:
        assert ws.response is not None
        assert ws.response.headers["Sec-WebSocket-Extensions"] == f"{SHARED}; client_max_window_bits={bits}"
        symbols = [f"NOT{number}" for number in range(900)]
        await ws.send(json.dumps({"op": "subscribe", "symbols": symbols}))
        assert json.loads(await ws.recv())["type"] == "welcome"
        assert json.loads(await ws.recv())["details"]["count"] == 900


async def test_a_stock_client_reads_everything(server: RunningServer) -> None:
    async with asyncio.timeout(10), connect(server.stream, proxy=None) as ws:
        assert ws.response is not None
        assert ws.response.headers["Sec-WebSocket-Extensions"] == SHARED
        await ws.send(json.dumps({"op": "subscribe", "symbols": ["*"], "channels": ["trades", "quotes"]}))
        await ws.send(b'{"op":"list"}')
        messages = [json.loads(await ws.recv()) for _ in range(100)]
    assert {"welcome", "subscribed", "subscriptions", "snapshot", "ticks"} <= {message["type"] for message in messages}
    assert assert_no_hole(messages) > 100


def test_a_compressed_command_is_obeyed_whole_or_in_fragments(server: RunningServer) -> None:
    with PlainClient(server.port, extensions="permessage-deflate") as client:
        client.send({"op": "ping", "id": 1})
        client.send_frames(
            Frame(Opcode.TEXT, b'{"op":"pi', fin=False), Frame(Opcode.PING, b"?"), Frame(Opcode.CONT, b'ng","id":2}')
        )
        client.socket.sendall(b'\x81\x94\x00\x00\x00\x00{"op":"ping","id":3}')  # not deflated, which is its choice
        answers = client.read_until("pong", id=3)
        assert [message["id"] for message in answers if message["type"] == "pong"] == [1, 2, 3]


def test_what_does_not_inflate_is_a_fault(server: RunningServer) -> None:
    with PlainClient(server.port, extensions="permessage-deflate") as client:
        client.socket.sendall(b"\xc1\x84\x00\x00\x00\x00\xff\xff\xff\xff")
        assert client.read_close() == 1002


def test_nothing_is_offered_where_it_is_off(serve_ticker: Callable[..., RunningServer]) -> None:
    with PlainClient(serve_ticker().port, extensions="permessage-deflate") as client:
        assert agreed(client) == ""
        client.socket.sendall(b"\xc1\x80\x00\x00\x00\x00")
        assert client.read_close() == 1002
