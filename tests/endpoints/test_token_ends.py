"""What ends with a token, on every transport: when it expires or is taken back; what goes on with a fresh one."""

import asyncio
import http.client
import json
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Any, cast

import pytest
from websockets.frames import Frame, Opcode

from conftest import RunningServer
from credentials import AUDIENCE, ROLES, SECRET, signed, tokens_file
from event_reader import Events
from plain_client import PlainClient
from plain_http import fetch
from raw_http import get
from stage import Stage
from ticker import clock
from ticker.dialects import native
from ticker.endpoints import conversation
from ticker.endpoints.gate import Gate
from ticker.endpoints.http import Request
from ticker.errors import Close, Refusal
from ticker.session.messages import Authenticate, ClientMessage
from ticker.session.permits import Permit
from ticker_client import ConnectionEnded, connect

PATIENCE_S = 15.0
LIFE_S = 2.0
QUIET = ("--market.model", "plain", "--market.trades-per-s", "0", "--market.quotes-per-s", "0")
"""A market in which nothing happens: a poll is held, and nothing but the sweep can notice anything."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("auth")


@pytest.fixture(scope="module")
def server(serve_ticker: Callable[..., RunningServer], folder: Path) -> RunningServer:
    (folder / "key").write_text(SECRET)
    keys = ("--auth.jwt-key-file", str(folder / "key"), "--auth.jwt-audience", AUDIENCE)
    return serve_ticker(*QUIET, "--auth.file", str(tokens_file(folder / "t.toml")), *keys, log=folder / "log")


def poll(server: RunningServer, token: str, answers: list[Any]) -> Thread:
    """Ask for a poll that is held; what is answered, and when, comes into the list."""

    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        for _ in range(2):  # the connection itself goes on
            connection.request("GET", "/v1/ticks?symbols=*&wait=25", headers={"Authorization": f"Bearer {token}"})
            response = connection.getresponse()
            answers.append((response.status, json.loads(response.read()), time.time()))
        connection.close()

    thread = Thread(target=ask)
    thread.start()
    return thread


def test_everything_ends_when_its_token_expires(server: RunningServer) -> None:
    until_s = time.time() + LIFE_S
    token = signed(exp=until_s)
    answers: list[Any] = []
    thread = poll(server, token, answers)
    with (
        PlainClient(server.port) as client,
        PlainClient(server.port, f"/v1/stream?token={token}") as other,
        Events(server.port, "symbols=*", f"Authorization: Bearer {token}") as events,
    ):
        client.send({"op": "auth", "token": token}, {"op": "subscribe", "symbols": ["*"]})
        client.read_until("subscribed")
        for one in (client, other):
            closing = one.read_until("closing")[-1]
            assert time.time() >= until_s
            assert (closing["code"], closing["reason"]) == (4005, "token expired")
            assert closing["reconnect_after_s"] is not None
            assert one.read_close() == 4005
        deadline = time.monotonic() + PATIENCE_S
        while not events.ended:
            assert time.monotonic() < deadline
            events.read(0.1)
        name, _, last = events.events[-1]
        assert (name, last["type"], last["code"], last["reason"]) == ("closing", "closing", 4005, "token expired")
    thread.join(PATIENCE_S)
    (status, answer, when_s), (after, problem, _) = answers
    assert (status, answer["batches"], after) == (200, [], 401)
    assert (problem["code"], problem["detail"]) == ("unauthorized", "the token has expired")
    assert until_s <= when_s < until_s + 20.0, "long before the poll would have ended by itself"


def test_a_fresh_token_in_time_goes_on(server: RunningServer) -> None:
    first_s = time.time() + LIFE_S
    with PlainClient(server.port) as client:
        client.send({"op": "auth", "token": signed(exp=first_s)}, {"op": "subscribe", "symbols": ["ACME"]})
        client.read_until("subscribed")
        client.send({"op": "auth", "token": signed(exp=first_s + 600)})
        again = client.read_until("authenticated")[-1]
        assert again["subscriptions"] == {"trades": ["ACME"]}
        client.read(first_s + 1.5 - time.time())
        client.send({"op": "ping"})
        assert client.read_until("pong")[-1]["type"] == "pong", "it has outlived the first"


def test_who_comes_with_one_that_has_expired_is_told_not_to_come_back(server: RunningServer) -> None:
    with PlainClient(server.port) as client:
        client.send({"op": "auth", "token": signed(seconds=-1)})
        assert client.read_until("closing")[-1]["code"] == 4501


async def test_a_client_whose_token_expires_says_so(server: RunningServer) -> None:
    """It comes back once, is not let in, and does not try for ever."""
    async with connect(server.stream, token=signed(seconds=LIFE_S)) as feed:
        await feed.subscribe("ACME", channels=["quotes"])
        with pytest.raises(ConnectionEnded) as raised:
            while True:
                await feed.next(timeout_s=PATIENCE_S)
        assert raised.value.code == 4501


@pytest.mark.parametrize(("transport", "code"), [("ws", 4005), ("sse", None)])
async def test_a_client_that_has_a_fresh_one_comes_back(
    server: RunningServer, transport: str, code: int | None
) -> None:
    tokens = [signed(seconds=LIFE_S)]
    back: asyncio.Future[ConnectionEnded] = asyncio.get_running_loop().create_future()

    def token() -> str:
        return tokens[-1]

    async with connect(server.stream, token=token, transport=transport, on_reconnect=back.set_result) as feed:
        await feed.subscribe("ACME", channels=["quotes"])
        await asyncio.sleep(0.5)  # until the stream is asked for
        tokens.append(signed())
        assert (await asyncio.wait_for(back, PATIENCE_S)).code == code
        await feed.ping()


async def test_one_that_polls_does_not_even_notice(server: RunningServer) -> None:
    until_s = time.time() + LIFE_S
    tokens = [signed(exp=until_s)]
    async with connect(server.stream, token=lambda: tokens[-1], transport="long-poll") as feed:
        await feed.subscribe("ACME", channels=["quotes"])
        tokens.append(signed())
        await asyncio.sleep(until_s + 1.5 - time.time())
        assert feed.live and feed.trouble is None and feed.connections == 1
        await feed.ping()


async def test_a_function_that_has_none_ends_it(server: RunningServer) -> None:
    with pytest.raises(ConnectionEnded, match="token: what the function returns is none"):
        async with connect(server.stream, token=lambda: "two words"):
            pass


def test_what_is_taken_back_is_closed_and_what_is_not_goes_on(server: RunningServer, folder: Path) -> None:
    gone, stays = ROLES["one channel"].token, ROLES["everything"].token
    answers: list[Any] = []
    thread = poll(server, gone, answers)
    with (
        PlainClient(server.port, f"/v1/stream?token={gone}") as closed,
        PlainClient(server.port, f"/v1/stream?token={stays}") as open_,
        PlainClient(server.port, f"/v1/stream?token={signed()}") as another,
        Events(server.port, "symbols=*", f"Authorization: Bearer {gone}") as events,
    ):
        closed.read_until("welcome")
        file = folder / "t.toml"
        before = file.read_text()
        file.write_text("nonsense = 1\n")
        server.process.send_signal(signal.SIGHUP)
        until(lambda: "not everything was read again" in (folder / "log").read_text())
        closed.send({"op": "ping"})
        closed.read_until("pong")
        tokens_file(file, "one channel")
        server.process.send_signal(signal.SIGHUP)
        closing = closed.read_until("closing")[-1]
        assert (closing["code"], closing["reason"]) == (4501, "token revoked")
        deadline = time.monotonic() + PATIENCE_S
        while not events.ended:
            assert time.monotonic() < deadline
            events.read(0.1)
        assert events.events[-1][2]["code"] == 4501
        for one in (open_, another):
            one.send({"op": "ping"})
            one.read_until("pong")
    thread.join(PATIENCE_S)
    assert answers[0][1]["batches"] == []
    assert (answers[1][0], answers[1][1]["detail"]) == (401, "nobody has that token")
    file.write_text(before)
    server.process.send_signal(signal.SIGHUP)


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_one_whose_reader_has_stopped_is_cut_off_all_the_same(server: RunningServer) -> None:
    """Who does not read cannot be told: the connection is cut after the patience for a closing handshake."""
    token = signed(seconds=1.0)
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as client:
        client.sendall(get(f"/v1/sse?symbols=*&token={token}"))
        client.recv(1)
        until(lambda: "sse token expired" in metrics(server))
        client.settimeout(PATIENCE_S)
        while client.recv(65536):
            pass


def metrics(server: RunningServer) -> str:
    return str(fetch(server, "metrics")[0])


# With a clock that is set by hand.


class Keys:
    """A keyring with one token and a clock."""

    def __init__(self) -> None:
        self.now_us = 0

    def permit(self, token: str) -> Permit:
        if token != "good":
            raise Refusal("unauthorized", "nobody has that token")
        return Permit("somebody", expires_us=self.now_us + 60_000_000)

    def over(self, permit: Permit) -> tuple[Close, str] | None:
        gone = permit.expires_us is not None and permit.expires_us <= self.now_us
        return (Close.TOKEN_EXPIRED, "token expired") if gone else None


class Wire:
    """A transport that keeps what is written to it."""

    def __init__(self) -> None:
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return False

    def get_extra_info(self, _: str) -> None:
        """Have no socket."""

    def get_write_buffer_size(self) -> int:
        return 0


HEADERS = [
    *(("host", "x"), ("connection", "Upgrade"), ("upgrade", "websocket"), ("sec-websocket-version", "13")),
    ("sec-websocket-key", "A" * 22 + "=="),
]


def test_a_minute_is_a_minute_and_a_fresh_token_makes_it_another() -> None:
    house, keys, wire = Stage().house, Keys(), Wire()
    house.gate = Gate(keys, deadline_s=1e9)
    taken = conversation.accept(house, Request("GET", "/v1/stream", "1.1", HEADERS, permit=None))
    assert isinstance(taken, conversation.Conversation)
    taken.connection_made(cast(Any, wire))

    def say(message: ClientMessage) -> None:
        taken.data_received(Frame(Opcode.TEXT, native.command(message)).serialize(mask=True))

    def over() -> bool:
        taken.sweep(clock.monotonic_s())
        return b"token expired" in wire.written

    say(Authenticate(token="good"))
    assert b'"type":"authenticated"' in wire.written
    keys.now_us += 59_999_999
    assert not over()
    say(Authenticate(token="good"))
    keys.now_us += 59_999_999
    assert not over()
    keys.now_us += 1
    assert over()
    taken.connection_lost(None)
