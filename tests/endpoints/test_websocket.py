"""The WebSocket conversation over real sockets: what is granted, what is refused, and what ends it."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.typing import Subprotocol

from conftest import RunningServer
from plain_client import PlainClient, assert_no_hole


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def server(request: pytest.FixtureRequest, serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker("--server.loop", request.param, "--stream.heartbeat-s", "1")


@pytest.fixture
def neighbour(server: RunningServer) -> Iterator[PlainClient]:
    """A reader that listens on while somebody else misbehaves."""
    with PlainClient(server.port) as client:
        client.send({"op": "subscribe", "symbols": ["*"], "channels": ["trades", "quotes"]})
        client.read_until("subscribed")
        yield client
        assert assert_no_hole(client.read(0.2)) > 50


@asynccontextmanager
async def talk(server: RunningServer, **options: Any) -> AsyncIterator[ClientConnection]:
    """Converse through the stock `websockets` client, after the welcome."""
    async with connect(server.stream, proxy=None, **options) as ws:
        assert json.loads(await ws.recv())["type"] == "welcome"
        yield ws


async def say(ws: ClientConnection, message: dict[str, Any] | str | bytes) -> None:
    await ws.send(json.dumps(message) if isinstance(message, dict) else message)


async def hear(ws: ClientConnection, *kinds: str) -> dict[str, Any]:
    """Return the next message of one of these types."""
    async with asyncio.timeout(10):
        while True:
            message: dict[str, Any] = json.loads(await ws.recv())
            if message["type"] in kinds:
                return message


async def test_the_welcome_says_where_the_tape_stands(server: RunningServer) -> None:
    async with connect(server.stream, proxy=None) as ws:
        welcome = json.loads(await ws.recv())
    assert welcome["type"] == "welcome"
    assert welcome["sim"] is True
    assert welcome["instruments"] == 100
    assert welcome["seq"] >= 0
    assert welcome["protocol"] == "ticker.v1.json"
    assert {"epoch", "seed", "step_ms", "heartbeat_s", "limits", "auth_required", "version"} <= welcome.keys()


async def test_a_subscription_is_granted_shown_and_then_flows(server: RunningServer) -> None:
    async with talk(server) as ws:
        await say(ws, {"op": "subscribe", "symbols": ["ACME", "BYTE"], "channels": ["quotes", "trades"], "id": "a"})
        granted = json.loads(await ws.recv())
        assert granted["type"] == "subscribed"
        assert granted["id"] == "a"
        assert granted["pace"] == "every"
        assert granted["subscriptions"] == {"quotes": ["ACME", "BYTE"], "trades": ["ACME", "BYTE"]}
        snapshots = [json.loads(await ws.recv()) for _ in range(2)]
        assert [(message["type"], message["channel"]) for message in snapshots] == [
            ("snapshot", "quotes"),
            ("snapshot", "trades"),
        ]
        shown = {(tick["ch"], tick["sym"]): tick["n"] for message in snapshots for tick in message["data"]}
        for _ in range(20):
            ticks = await hear(ws, "ticks")
            assert ticks["seq"] > snapshots[0]["seq"]
            for tick in ticks["data"]:
                key = tick["ch"], tick["sym"]
                assert tick["n"] == shown.get(key, 0) + 1  # the first tick follows the snapshot's
                shown[key] = tick["n"]


async def test_several_subscriptions_add_up_and_can_be_taken_back(server: RunningServer) -> None:
    async with talk(server) as ws:
        await say(ws, {"op": "subscribe", "symbols": ["*"], "snapshot": False})
        await say(ws, {"op": "subscribe", "symbols": ["ACME"], "channels": ["quotes"], "snapshot": False})
        await hear(ws, "subscribed")
        granted = await hear(ws, "subscribed")
        assert granted["subscriptions"] == {"quotes": ["ACME"], "trades": ["*"]}
        await say(ws, {"op": "unsubscribe", "symbols": ["ACME"], "channels": ["trades", "quotes"], "id": 7})
        left = await hear(ws, "unsubscribed")
        assert left["id"] == 7
        assert len(left["subscriptions"]["trades"]) == 99
        assert "ACME" not in left["subscriptions"]["trades"]
        await say(ws, {"op": "list", "id": 8})
        listed = await hear(ws, "subscriptions")
        assert (listed["id"], listed["subscriptions"]) == (8, left["subscriptions"])
        for _ in range(20):
            assert all(tick["sym"] != "ACME" for tick in (await hear(ws, "ticks"))["data"])


async def test_both_ends_talk_at_once(server: RunningServer) -> None:
    """Questions sent while ticks flow are answered in order, and every acknowledgement is taken."""
    async with talk(server) as ws:
        await say(ws, {"op": "subscribe", "symbols": ["*"], "channels": ["trades", "quotes"]})
        pongs = refusals = 0
        for number in range(80):
            ticks = await hear(ws, "ticks")
            await say(ws, {"op": "ack", "seq": ticks["seq"]})
            await say(ws, {"op": "ping", "ts": number, "id": number})
            answer = await hear(ws, "pong", "error")
            pongs += (answer["type"], answer.get("ts"), answer.get("id")) == ("pong", number, number)
            refusals += answer["type"] == "error"
        assert (pongs, refusals) == (80, 0)


async def test_a_heartbeat_comes_while_nothing_else_does(server: RunningServer) -> None:
    async with talk(server) as ws:
        beats = [await hear(ws, "heartbeat") for _ in range(2)]
    assert beats[1]["seq"] > beats[0]["seq"]
    assert (beats[0]["sent"], beats[1]["sent"]) == (1, 2)  # the welcome, and then the first heartbeat as well


@pytest.mark.parametrize(
    ("message", "code", "field"),
    [
        ({"op": "subscribe", "symbols": ["ACME"], "channels": ["nothing"]}, "unknown_channel", None),
        ({"op": "subscribe", "symbols": ["NOPE"]}, "unknown_symbol", None),
        ({"op": "subscribe", "symbols": []}, "bad_request", "symbols"),
        ({"op": "subscribe", "symbols": "ACME"}, "bad_request", "symbols"),
        ({"op": "subscribe", "symbols": ["ACME"], "pace": "slowly"}, "bad_request", "pace"),
        ({"op": "subscribe", "symbols": ["X"] * 1001}, "too_many_symbols", None),
        ({"op": "unsubscribe", "symbols": ["ACME"]}, "not_subscribed", None),
        ({"op": "ack", "seq": 2**53 - 1}, "bad_ack", None),
        ({"op": "ack", "seq": -1}, "bad_request", "seq"),
        ({"op": "dance"}, "unknown_op", None),
        ({"ops": "ack"}, "bad_request", "op"),
        ("{", "bad_json", None),
        ("[]", "bad_request", None),
    ],
)
@pytest.mark.usefixtures("neighbour")
async def test_a_refusal_answers_one_message_and_the_conversation_goes_on(
    server: RunningServer, message: dict[str, Any] | str, code: str, field: str | None
) -> None:
    async with talk(server) as ws:
        await say(ws, {**message, "id": 5} if isinstance(message, dict) else message)
        error = await hear(ws, "error")
        assert error["code"] == code
        assert error.get("id") == (5 if isinstance(message, dict) else None)
        assert field is None or error["details"]["field"] == field
        await say(ws, {"op": "ping"})
        assert (await hear(ws, "pong"))["server_ts"] > 0


async def test_the_known_ones_among_unknown_symbols_are_subscribed(server: RunningServer) -> None:
    async with talk(server) as ws:
        await say(ws, {"op": "subscribe", "symbols": ["ACME", "NOPE"], "id": 1})
        assert (await hear(ws, "error"))["details"] == {"symbols": ["NOPE"], "count": 1}
        assert (await hear(ws, "subscribed"))["symbols"] == ["ACME"]


async def test_commands_may_come_in_binary_frames(server: RunningServer) -> None:
    async with talk(server) as ws:
        await say(ws, b'{"op":"ping","id":1}')
        assert (await hear(ws, "pong"))["id"] == 1


@pytest.mark.parametrize(
    ("frames", "code"),
    [
        ([Frame(Opcode.TEXT, b'{"op":"ping","ts":"' + b"x" * 16_384 + b'"}')], 1009),
        ([Frame(Opcode.TEXT, b'{"op":"\xff"}')], 1007),
        ([Frame(Opcode.CONT, b"x")], 1002),
        ([Frame(Opcode.TEXT, b"{", fin=False), Frame(Opcode.TEXT, b"{")], 1002),
        ([Frame(Opcode.TEXT, b"{", fin=False)] + [Frame(Opcode.CONT, b"", fin=False)] * 64, 1009),
    ],
)
@pytest.mark.usefixtures("neighbour")
def test_what_breaks_the_rules_of_the_protocol_is_closed(server: RunningServer, frames: list[Frame], code: int) -> None:
    with PlainClient(server.port) as client:
        client.send_frames(*frames)
        assert client.read_close() == code


@pytest.mark.parametrize(
    "bytes_sent",
    [
        b"\x81\x05hello",  # not masked
        b"\xc1\x80\x00\x00\x00\x00",  # RSV1 without an extension
        b"\x83\x80\x00\x00\x00\x00",  # an opcode that does not exist
        b"\x89\xfe\x00\x7e\x00\x00\x00\x00" + b"x" * 126,  # a ping of 126 bytes
        b"\x09\x80\x00\x00\x00\x00",  # a fragmented ping
    ],
)
@pytest.mark.usefixtures("neighbour")
def test_malformed_frames_are_closed_with_1002(server: RunningServer, bytes_sent: bytes) -> None:
    with PlainClient(server.port) as client:
        client.socket.sendall(bytes_sent)
        assert client.read_close() == 1002


@pytest.mark.usefixtures("neighbour")
def test_an_announced_length_beyond_the_limit_is_refused_before_it_comes(server: RunningServer) -> None:
    with PlainClient(server.port) as client:
        client.socket.sendall(b"\x81\xff" + (2**62).to_bytes(8, "big") + b"\x00" * 4)
        assert client.read_close() == 1009


def test_a_message_may_come_in_pieces_between_pings(server: RunningServer) -> None:
    with PlainClient(server.port) as client:
        client.send_frames(
            Frame(Opcode.TEXT, b'{"op":"pi', fin=False),
            Frame(Opcode.PING, b"still there?"),
            Frame(Opcode.CONT, b'ng","id":1}'),
        )
        assert client.read_until("pong")[-1]["id"] == 1
        assert any(frame.opcode is Opcode.PONG and frame.data == b"still there?" for frame in client.frames)


def test_any_split_of_the_bytes_gives_the_same_conversation(server: RunningServer) -> None:
    command = Frame(Opcode.TEXT, b'{"op":"list","id":3}').serialize(mask=True)
    with PlainClient(server.port) as client:
        for place in range(len(command)):
            client.socket.sendall(command[:place])
            client.socket.sendall(command[place:])
            assert client.read_until("subscriptions")[-1]["id"] == 3


async def test_the_subprotocol_is_negotiated(server: RunningServer) -> None:
    async with connect(server.stream, subprotocols=[Subprotocol("ticker.v1.json")], proxy=None) as ws:
        assert ws.subprotocol == "ticker.v1.json"
    with pytest.raises(InvalidStatus) as refused:
        async with connect(server.stream, subprotocols=[Subprotocol("chess")], proxy=None):
            raise AssertionError("it was let in")
    assert refused.value.response.status_code == 400
    assert b"ticker.v1.json" in (refused.value.response.body or b"")


async def test_compression_is_declined(server: RunningServer) -> None:
    async with connect(server.stream, compression="deflate", proxy=None) as ws:
        assert ws.response is not None
        assert "Sec-WebSocket-Extensions" not in ws.response.headers


async def test_the_closing_handshake_is_answered(server: RunningServer) -> None:
    async with talk(server) as ws:
        await say(ws, {"op": "subscribe", "symbols": ["*"]})
        await ws.close(4321, "enough")
        assert ws.close_code == 4321


async def test_a_server_that_stops_says_so(serve_ticker: Callable[..., RunningServer]) -> None:
    server = serve_ticker()
    async with talk(server) as ws:
        await say(ws, {"op": "subscribe", "symbols": ["*"]})
        await hear(ws, "ticks")
        server.process.terminate()
        closing = await hear(ws, "closing")
        assert (closing["code"], closing["reconnect_after_s"]) == (1001, 1.0)
        with pytest.raises(ConnectionClosed) as ended:
            await hear(ws, "nothing")
        assert ended.value.rcvd is not None
        assert ended.value.rcvd.code == 1001
    assert await asyncio.to_thread(server.process.wait, 10) == 0
