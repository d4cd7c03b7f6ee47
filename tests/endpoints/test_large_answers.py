"""Answers of megabytes: who reads them is heard on, however much it asked for at once; who does not is cut off."""

import time
from collections.abc import Callable

import pytest
from websockets.frames import Frame, Opcode

from conftest import RunningServer
from plain_client import PlainClient

CHANNELS = ("book", "quotes", "trades", "stats", "status", "bars.1s", "bars.1m")
PLAIN = ("--market.model", "plain", "--universe", "numbered", "--instruments", "2000", "--step-ms", "1000")


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def server(request: pytest.FixtureRequest, serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    quick = ("--stream.stall-s", "1", "--stream.ping-s", "1", "--stream.pong-s", "1", "--feed.tape-s", "600")
    return serve_ticker(*PLAIN, *quick, "--server.loop", request.param)


def ask(client: PlainClient) -> None:
    """Ask for a megabyte and more, and say other things in between, all in one go."""
    for channel in CHANNELS:
        client.send({"op": "subscribe", "symbols": ["*"], "channels": [channel], "id": channel})
        client.send({"op": "ping", "id": f"after {channel}"})
        client.send_frames(Frame(Opcode.PING, b"?"))


def test_all_that_was_asked_for_at_once_is_answered_in_order(server: RunningServer) -> None:
    with PlainClient(server.port, receive_buffer=4096) as client:
        ask(client)
        time.sleep(0.3)  # the first answer alone fills all buffers
        said = client.read_until("pong", id=f"after {CHANNELS[-1]}")
        assert [message["id"] for message in said if "id" in message] == [
            name for channel in CHANNELS for name in (channel, f"after {channel}")
        ]
        assert client.bytes_received > 700_000
        assert sum(frame.opcode is Opcode.PONG for frame in client.frames) == len(CHANNELS)
        client.send({"op": "list", "id": "still there"})
        client.read_until("subscriptions", id="still there")


def test_who_reads_slowly_is_heard_when_it_has_read(server: RunningServer) -> None:
    with PlainClient(server.port, receive_buffer=4096) as client:
        ask(client)
        for _ in range(30):  # longer than a ping may go unanswered
            client.socket.recv(8192)
            time.sleep(0.1)
        client.socket.settimeout(10)
        seen = b""
        while f"after {CHANNELS[-1]}".encode() not in seen[-200_000:]:
            data = client.socket.recv(65536)
            assert data, "it was cut off"
            seen += data


def test_who_does_not_read_is_cut_off(server: RunningServer) -> None:
    with PlainClient(server.port, receive_buffer=4096) as client:
        ask(client)
        time.sleep(3.5)
        with pytest.raises(AssertionError, match="pong"):
            client.read_until("pong", id=f"after {CHANNELS[-1]}")


def test_a_close_is_heard_although_nothing_else_is(server: RunningServer) -> None:
    with PlainClient(server.port, receive_buffer=4096) as client:
        ask(client)
        client.send_frames(Frame(Opcode.CLOSE, b"\x03\xe8"))
        assert client.read_close() == 1000
