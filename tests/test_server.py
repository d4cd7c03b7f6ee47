"""The whole server: the same tape for everybody, a beat that keeps time, and an end within its deadline."""

import asyncio
import signal
import socket
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import structlog
import uvloop
from websockets.frames import Opcode

from conftest import ROOT, RunningServer
from plain_client import PlainClient
from ticker import clock, settings
from ticker.beat import Beat
from ticker.server import Server

ALL = {"op": "subscribe", "symbols": ["*"], "channels": ["quotes", "trades"], "snapshot": False}


def tape(client: PlainClient) -> dict[bytes, list[bytes]]:
    """Return the bytes of the ticks that a client was sent, by step: a late message may carry several."""
    found: dict[bytes, list[bytes]] = {}
    for frame in client.frames:
        payload = bytes(frame.data)
        if frame.opcode is Opcode.TEXT and payload.startswith(b'{"type":"ticks"'):
            for tick in payload.partition(b'"data":[')[2].split(b"},{"):
                step = tick.partition(b'"t":')[2].partition(b",")[0]
                found.setdefault(step, []).append(tick.strip(b"{}]"))
    return found


def run(server: RunningServer, clients: int) -> dict[bytes, list[bytes]]:
    """Have so many clients listen for a while, the last one slowly; return what the first one got."""
    with ExitStack() as stack:
        readers = [stack.enter_context(PlainClient(server.port)) for _ in range(clients - 1)]
        if clients > 1:
            sluggard = stack.enter_context(PlainClient(server.port, receive_buffer=4096))
            sluggard.send(ALL)
        first = stack.enter_context(PlainClient(server.port))
        for reader in [first, *readers]:
            reader.send(ALL)
        first.read(1.5)
        return tape(first)


def test_the_same_seed_gives_the_same_bytes_whoever_listens(serve_ticker: Callable[..., RunningServer]) -> None:
    alone = run(serve_ticker("--seed", "42"), 1)
    crowd = run(serve_ticker("--seed", "42", "--server.loop", "asyncio"), 100)
    other = run(serve_ticker("--seed", "43"), 1)
    both = alone.keys() & crowd.keys()
    assert len(both) > 50
    assert all(alone[step] == crowd[step] for step in both)
    assert any(alone[step] != other[step] for step in alone.keys() & other.keys())


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_within_its_deadline_whatever_clients_do(
    serve_ticker: Callable[..., RunningServer], loop: str, number: signal.Signals
) -> None:
    server = serve_ticker("--server.loop", loop, "--server.drain-s", "1", "--config", "configs/load.toml")
    with ExitStack() as stack:
        for _ in range(20):  # some read nothing and answer nothing
            mute = stack.enter_context(PlainClient(server.port, receive_buffer=4096))
            mute.send(ALL)
        for packet in (b"", b"GET / HTT", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"):
            half = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            half.sendall(packet)
        reader = stack.enter_context(PlainClient(server.port))
        reader.send(ALL)
        reader.read(0.5)
        began_s = time.monotonic()
        server.process.send_signal(number)
        assert reader.read_until("closing", code=1001)
        assert server.process.wait(10) == 0
        assert time.monotonic() - began_s < 6  # a deadline of one second, on a machine that may be busy


def test_flush_ms_joins_steps_into_one_message(serve_ticker: Callable[..., RunningServer]) -> None:
    server = serve_ticker("--feed.flush-ms", "100", "--config", "configs/load.toml")
    with PlainClient(server.port) as client:
        client.send({"op": "subscribe", "symbols": ["*"]})
        messages = client.read(1.0)
    snapshot = next(message for message in messages if message["type"] == "snapshot")
    ticks = [message for message in messages if message["type"] == "ticks"]
    assert all(message["seq"] % 10 == 0 for message in ticks)
    assert all(len(message["data"]) == 100 for message in ticks[1:])
    # The first message begins right after the snapshot, though the audience's own began before it.
    assert ticks[0]["data"][0]["n"] == snapshot["data"][0]["n"] + 1 == snapshot["seq"] + 1


LOOPS = pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
ALARMS = pytest.mark.parametrize("alarm", [True, False])
STEP_S = 0.005


def alarms() -> int:
    """Return how many alarms this process has open."""
    names = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            names.append(str(link.readlink()))
        except FileNotFoundError:  # the descriptor that listed the folder
            continue
    return names.count("anon_inode:[timerfd]")


class House:
    """A server in this process, whose steps note when they were taken."""

    def __init__(self, **values: Any) -> None:
        market = {"market.model": "plain", "market.instruments": 2, "market.step_ms": 1000 * STEP_S}
        given = {"server.port": 0, "server.drain_s": 0.0, **market, **values}
        self.server = Server(settings.build(given), ROOT / "clients/ticker_web", structlog.get_logger())
        self.taken_s: list[float] = []
        self.beats = 0
        self.step = self.server.source.market.step
        self.server.source.market.step = self._step  # type: ignore[method-assign]
        self.server.source.beat.beat = self._beat  # type: ignore[method-assign]

    def _step(self) -> Any:
        self.taken_s.append(clock.monotonic_s())
        return self.step()

    def _beat(self) -> None:
        self.beats += 1
        Beat.beat(self.server.source.beat)

    def early_s(self) -> float:
        """Return by how much the earliest step was taken before it was due, the opening one left out."""
        first_s = self.server.source.beat.metronome.next_s - len(self.taken_s[1:]) * STEP_S
        return max(first_s + k * STEP_S - taken_s for k, taken_s in enumerate(self.taken_s[1:]))

    def run(self, new_loop: Callable[[], asyncio.AbstractEventLoop], act: Callable[[], Awaitable[None]]) -> None:
        async def live() -> None:
            await self.server.start()
            try:
                await act()
            finally:
                await self.server.stop()

        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(live())


@pytest.fixture
def alarm_or_none(alarm: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not alarm:
        monkeypatch.setattr("ticker.clock.alarm", lambda: None)


@LOOPS
@ALARMS
@pytest.mark.usefixtures("alarm_or_none")
def test_steps_keep_time(new_loop: Callable[[], asyncio.AbstractEventLoop], alarm: bool) -> None:
    house = House(**{"feed.lag_max_s": 60.0})

    async def act() -> None:
        assert alarms() == before + alarm
        await asyncio.sleep(100 * STEP_S)

    before = alarms()
    house.run(new_loop, act)
    assert house.server.feed.tape.head == len(house.taken_s) > 50
    assert house.early_s() <= (0.0 if alarm else clock.LOOP_S) + 1e-9
    assert house.beats <= 3 * len(house.taken_s)  # it does not spin
    assert alarms() == before


@LOOPS
@ALARMS
@pytest.mark.usefixtures("alarm_or_none")
def test_a_loop_that_was_blocked_makes_up_for_a_little_and_skips_more(
    new_loop: Callable[[], asyncio.AbstractEventLoop],
) -> None:
    house = House(**{"feed.lag_max_s": 1.0})
    heads: list[int] = []
    skipped: list[int] = []

    async def head_after(done: Callable[[], bool]) -> None:
        while not done():  # noqa: ASYNC110  # not an event of ours
            await asyncio.sleep(0)
        assert house.server.feed.flushed == house.server.feed.tape.head
        heads.append(house.server.feed.tape.head)

    async def block(seconds: float) -> None:
        before = house.server.feed.tape.head
        heads.append(before)
        time.sleep(seconds)  # noqa: ASYNC251  # the very thing
        await head_after(lambda: house.server.feed.tape.head > before)
        skipped.append(house.server.metrics.steps_skipped)
        await head_after(lambda: house.server.source.beat.metronome.next_s > clock.monotonic_s())

    async def act() -> None:
        await block(20 * STEP_S)
        await block(1.0 + 20 * STEP_S)
        await head_after(lambda: house.server.feed.tape.head > heads[-1])

    house.run(new_loop, act)
    assert heads[2] - heads[0] >= 20
    assert skipped[1] - skipped[0] >= 200
    assert heads[4] - heads[3] == 1


@LOOPS
@ALARMS
@pytest.mark.usefixtures("alarm_or_none")
def test_a_market_that_cannot_step_ends_the_beat(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    house = House()

    def refuse() -> Any:
        raise ZeroDivisionError

    async def act() -> None:
        house.step = refuse
        with pytest.raises(ZeroDivisionError):
            await house.server.failed
        house.beats = 0
        await asyncio.sleep(10 * STEP_S)
        assert (house.beats, alarms()) == (0, before)

    before = alarms()
    house.run(new_loop, act)


def test_the_tape_is_as_long_as_its_bytes_allow(serve_ticker: Callable[..., RunningServer]) -> None:
    server = serve_ticker("--feed.tape-bytes", "65536", "--config", "configs/load.toml", "--step-ms", "1")
    with PlainClient(server.port) as client:
        client.send({"op": "subscribe", "symbols": ["*"]})
        client.read(1.0)
    found = scraped(server)
    assert found["ticker_tape_bytes"] <= 65536 < found["ticker_tape_bytes"] + 5000
    others = found["ticker_tape_ticks"] - found["ticker_tape_steps"] * 10  # ten trades a step; bars and statistics
    least = found["ticker_tape_steps"] * (488 + 112 + 370)
    assert others >= 0
    assert least + others * 77 <= found["ticker_tape_bytes"] <= least + others * (84 + 112)
    assert found["ticker_tape_seconds"] == pytest.approx((found["ticker_tape_steps"] - 1) / 1000)
    assert found["ticker_steps_total"] > found["ticker_tape_steps"]
    assert found["ticker_tape_rendered_bytes"] > 0


def scraped(server: RunningServer) -> dict[str, float]:
    """Return the metrics that have no labels."""
    with urlopen(f"{server.url}metrics") as answer:
        lines = answer.read().decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}
