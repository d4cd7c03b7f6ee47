"""Who is silent is asked, who does not answer is cut off, and nobody is who could not be heard because of us."""

import asyncio
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any, cast

import pytest
import structlog
import uvloop
from websockets.asyncio.client import connect
from websockets.datastructures import Headers
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.server import ServerProtocol

from conftest import ROOT, RunningServer
from plain_client import PlainClient
from plain_http import fetch
from ticker.config import Config, ServerConfig, StreamConfig
from ticker.endpoints.house import House
from ticker.endpoints.websocket import WebSocket
from ticker.metrics import Metrics
from ticker.server import Server

PING = b"\x89\x00"
PONG = b"\x8a\x80...."


class Wire:
    """A transport that keeps what is written, and holds back as much of it as it is told."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.waiting_bytes = 0
        self.aborted = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def get_extra_info(self, _: str) -> None:
        """Have no socket."""

    def get_write_buffer_size(self) -> int:
        return self.waiting_bytes

    def is_closing(self) -> bool:
        return self.aborted

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        pass

    def abort(self) -> None:
        self.aborted = True


class Parlour:
    """A house with one client, who has arrived when the first sweep comes, at 0 s."""

    def __init__(self, **limits: Any) -> None:
        config = Config(stream=StreamConfig(ping_s=10, pong_s=5, **limits))
        self.house = House(config, *[cast(Any, None)] * 3, Metrics(), cast(Any, None), *[cast(Any, None)] * 2, 10)
        self.wire = Wire()
        protocol = ServerProtocol(state=State.OPEN)
        self.client = WebSocket(self.house, protocol, Response(101, "Switching Protocols", Headers()))
        self.client.connection_made(cast(Any, self.wire))
        self.house.sweep(0)
        self.wire.written.clear()

    def sweep(self, start_s: float, stop_s: float) -> None:
        """Sweep four times a second from one time up to another."""
        for quarter in range(round(start_s * 4) + 1, round(stop_s * 4) + 1):
            self.house.sweep(quarter / 4)


def test_the_silent_are_asked_once_and_cut_off_where_they_do_not_answer() -> None:
    parlour = Parlour()
    parlour.sweep(0, 9.75)
    assert parlour.wire.written == []
    parlour.sweep(9.75, 15)
    assert parlour.wire.written == [PING]
    assert not parlour.wire.aborted
    parlour.sweep(15, 15.25)
    assert parlour.wire.aborted


@pytest.mark.parametrize("data", [PONG, b"\x81", b"\x81\x82....hi"])
def test_any_byte_is_an_answer(data: bytes) -> None:
    parlour = Parlour()
    parlour.sweep(0, 15)
    parlour.client.data_received(data)
    parlour.sweep(15, 25)
    assert parlour.wire.written == [PING]
    parlour.sweep(25, 30)
    assert parlour.wire.written == [PING, PING]
    assert not parlour.wire.aborted


def test_who_speaks_is_not_asked() -> None:
    parlour = Parlour()
    for number, byte in enumerate(b"\x81\xfd....hello"):
        parlour.sweep(number * 9, number * 9 + 9)
        parlour.client.data_received(bytes([byte]))
    assert parlour.wire.written == []


def test_while_what_waits_gets_less_the_ping_may_be_waiting_too() -> None:
    parlour = Parlour()
    parlour.wire.waiting_bytes = 60_000
    for second in range(100):
        parlour.sweep(second, second + 1)
        parlour.wire.waiting_bytes -= 100
    assert parlour.wire.written == [PING]
    assert not parlour.wire.aborted
    parlour.sweep(100, 106)
    assert parlour.wire.aborted


def test_a_full_transport_is_not_asked_through() -> None:
    parlour = Parlour()
    parlour.wire.waiting_bytes = parlour.house.config.stream.buffer_bytes + 1
    parlour.sweep(0, 100)
    assert parlour.wire.written == []
    assert not parlour.wire.aborted


def test_a_ping_that_waits_behind_a_full_transport_is_not_late() -> None:
    parlour = Parlour()
    parlour.sweep(0, 12)
    assert parlour.wire.written == [PING]
    parlour.wire.waiting_bytes = parlour.house.config.stream.buffer_bytes + 1
    parlour.sweep(12, 100)
    parlour.wire.waiting_bytes = 60_000
    parlour.sweep(100, 104)
    assert not parlour.wire.aborted
    parlour.sweep(104, 106)
    assert parlour.wire.aborted


def test_the_pong_that_was_asked_for_is_free_and_no_other() -> None:
    parlour = Parlour(control_burst=2)
    parlour.sweep(0, 10)
    parlour.client.data_received(PONG * 3)
    assert parlour.wire.written == [PING]
    parlour.client.data_received(PONG)
    assert parlour.wire.written[1][4:] == b"too many control frames"


def test_a_late_sweep_decides_nothing_and_the_next_one_does() -> None:
    parlour = Parlour()
    parlour.sweep(0, 10)
    parlour.house.sweep(30)
    assert not parlour.wire.aborted
    parlour.client.data_received(PONG)
    parlour.sweep(30, 39)
    assert not parlour.wire.aborted
    parlour.house.sweep(60)
    parlour.house.sweep(90)  # late again, but all that had come was read in between
    assert parlour.wire.written == [PING, PING]
    parlour.house.sweep(120)
    assert not parlour.wire.aborted
    parlour.house.sweep(150)
    assert parlour.wire.aborted


def test_a_closing_handshake_has_its_deadline_and_is_not_pinged() -> None:
    parlour = Parlour(close_s=60)
    parlour.client.drain()
    parlour.wire.written.clear()
    parlour.house.sweep(0.25)
    deadline_s = time.monotonic() + 60
    parlour.house.sweep(deadline_s)  # late
    parlour.house.sweep(deadline_s - 0.5)
    assert not parlour.wire.aborted
    parlour.house.sweep(deadline_s + 0.25)
    assert parlour.wire.aborted
    assert parlour.wire.written == []


# Over real sockets.

SHORT = ("--stream.ping-s", "0.6", "--stream.pong-s", "0.6")
SILENT = """
import sys
from websockets.sync.client import connect
with connect(sys.argv[1]) as client:
    for _ in client:
        pass
"""


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def server(request: pytest.FixtureRequest, serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker("--server.loop", request.param, *SHORT)


def cut(server: RunningServer) -> int:
    """Return how many have been cut off because they did not answer."""
    found = re.search(r'ticker_closes_total\{reason="1006 no pong"\} (\S+)', fetch(server, "metrics")[0].decode())
    return int(float(found[1])) if found else 0


def await_cut(server: RunningServer, before: int) -> None:
    until = time.monotonic() + 5
    while cut(server) == before:
        assert time.monotonic() < until, "nobody was cut off"
        time.sleep(0.05)


def test_a_client_that_answers_nothing_is_cut_off(server: RunningServer) -> None:
    before = cut(server)
    with PlainClient(server.port) as client:
        assert client.read_close() is None
        assert [frame.opcode for frame in client.frames if frame.opcode is not Opcode.TEXT] == [Opcode.PING]
    await_cut(server, before)


def test_a_client_that_is_frozen_is_cut_off(server: RunningServer) -> None:
    before = cut(server)
    client = subprocess.Popen([sys.executable, "-c", SILENT, server.stream], stderr=subprocess.DEVNULL)
    try:
        time.sleep(2.5)  # it starts, and then it answers
        assert client.poll() is None
        assert cut(server) == before
        client.send_signal(signal.SIGSTOP)
        await_cut(server, before)
    finally:
        client.kill()
        client.wait()


def test_any_byte_keeps_a_client_alive(server: RunningServer) -> None:
    command = Frame(Opcode.TEXT, b'{"op":"list","id":3}').serialize(mask=True)
    with PlainClient(server.port) as client:
        for place in range(len(command)):
            client.socket.sendall(command[place : place + 1])
            time.sleep(0.1)
        assert client.read_until("subscriptions")[-1]["id"] == 3
        assert Opcode.PING not in {frame.opcode for frame in client.frames}


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_a_server_that_was_held_up_cuts_nobody_off(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is held up with a ping on its way, and so is the client: both run in one loop."""

    async def hold_up() -> dict[str, int]:
        config = Config(server=ServerConfig(port=0), stream=StreamConfig(ping_s=0.5, pong_s=0.5))
        server = Server(config, ROOT / "clients" / "ticker_web", structlog.get_logger())
        await server.start()
        sweep, held_up = server.house.sweep, asyncio.Event()

        def sweep_and_sleep(now_s: float) -> None:
            sweep(now_s)
            if not held_up.is_set() and any(getattr(each, "_pinged_s", None) for each in server.house.connections):
                held_up.set()
                server.loop.call_soon(time.sleep, 2)  # and the next sweep falls due meanwhile

        monkeypatch.setattr(server.house, "sweep", sweep_and_sleep)
        async with connect(f"ws://{server.origin}/v1/stream", proxy=None, ping_interval=None):
            await asyncio.wait_for(held_up.wait(), 10)
            await asyncio.sleep(1)
            closes = dict(server.metrics.closes)
        await server.stop()
        return closes

    with asyncio.Runner(loop_factory=uvloop.new_event_loop if loop == "uvloop" else None) as runner:
        assert runner.run(hold_up()) == {}


def test_every_connection_is_looked_at_in_ten_sweeps_and_those_that_are_gone_are_not() -> None:
    parlour = Parlour()
    looked: list[int] = []

    class Somebody:
        def __init__(self, number: int) -> None:
            self.number = number

        def sweep(self, now_s: float) -> None:
            looked.append(self.number)
            assert now_s < 1

    crowd = [Somebody(number) for number in range(25)]
    parlour.house.connections = cast(Any, dict.fromkeys(crowd))
    parlour.house.sweep(0.1)
    assert looked == [0, 1, 2]
    del parlour.house.connections[cast(Any, crowd[4])]
    for _ in range(8):
        parlour.house.sweep(0.2)
    assert looked == [number for number in range(25) if number != 4]
