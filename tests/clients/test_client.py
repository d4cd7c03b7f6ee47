"""The Python client against a real server."""

import asyncio
import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from websockets.asyncio.server import ServerConnection, serve

from conftest import ROOT, RunningServer
from ticker_client import ConnectionEnded, Quote, Refused, Trade, connect, connect_sync
from ticker_client.websocket import WebSocketLine


@pytest.fixture(scope="module")
def server(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker()


async def test_ticks_come_typed_and_without_a_hole(server: RunningServer) -> None:
    async with connect(server.stream, ack_every=3) as feed:
        await feed.subscribe("ACME", "BYTE", channels=["trades", "quotes"])
        ticks = []
        async for tick in feed:
            ticks.append(tick)
            if len(ticks) == 200:
                break
        assert {type(tick) for tick in ticks} == {Trade, Quote}
        assert {tick.sym for tick in ticks} == {"ACME", "BYTE"}
        assert (feed.session.missed, feed.session.repeated, feed.session.reordered) == (0, 0, 0)
        assert feed.session.position.seq > 0


async def test_commands_are_answered_while_ticks_flow(server: RunningServer) -> None:
    async with connect(server.stream) as feed:
        await feed.subscribe("*", channels=["trades", "quotes"])
        for _ in range(20):
            assert await feed.ping() < 5
        await feed.unsubscribe("*", channels=["quotes"])
        assert await feed.subscriptions() == {"trades": ["*"]}


async def test_a_refusal_is_an_exception_with_its_code(server: RunningServer) -> None:
    async with connect(server.stream) as feed:
        with pytest.raises(Refused, match="NOPE") as refused:
            await feed.subscribe("ACME", "NOPE")
        assert refused.value.code == "unknown_symbol"
        assert refused.value.details["symbols"] == ["NOPE"]
        assert await feed.subscriptions() == {"trades": ["ACME"]}


async def test_who_asks_faster_than_the_server_likes_is_answered_a_little_later(
    serve_ticker: Callable[..., RunningServer],
) -> None:
    server = serve_ticker("--stream.commands-per-s", "20", "--stream.commands-burst", "10")
    async with connect(server.stream) as feed:
        for symbol in ("ACME", "BYTE", "CRUX", "DUNE", "EDGE", "FLUX", "GRID", "HELM"):
            with suppress(Refused):  # some of them do not exist, which is another matter
                await feed.subscribe(symbol)
        assert {"ACME", "BYTE"} <= set((await feed.subscriptions())["trades"])
        assert feed.connections == 1


async def test_a_flood_that_is_closed_is_come_back_from(serve_ticker: Callable[..., RunningServer]) -> None:
    """4029 asks to come back, after a pause that it names."""
    server = serve_ticker("--stream.acks-burst", "5", "--stream.acks-per-s", "5", "--market.step-ms", "1000")
    back: asyncio.Future[ConnectionEnded] = asyncio.get_running_loop().create_future()
    async with connect(server.stream, on_reconnect=back.set_result) as feed:
        await feed.subscribe("ACME")
        line = feed._life.line
        assert isinstance(line, WebSocketLine)
        for _ in range(100):
            await line._send(b'{"op":"ack","seq":0}')
        ended = await asyncio.wait_for(back, 30)
        assert (ended.code, ended.final) == (4029, False)
        assert feed.connections == 2


async def test_a_consumer_that_dawdles_still_gets_its_answers(server: RunningServer) -> None:
    async with connect(server.stream, window=0) as feed:
        await feed.subscribe("*", channels=["trades", "quotes"])
        while feed.waiting < 256:  # noqa: ASYNC110  # nobody tells us: we are the consumer that dawdles
            await asyncio.sleep(0.05)
        async with asyncio.timeout(5):
            await feed.ping()
        assert feed.waiting >= 256  # and it has lost nothing by it


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("ws://127.0.0.1:1/v1/stream", "is the server running"),
        ("http://127.0.0.1:1/", "is the server running"),
        ("ftp://127.0.0.1/", "not a WebSocket address"),
        ("nonsense", "not a WebSocket address"),
    ],
)
async def test_a_connection_that_cannot_be_made_is_explained(url: str, words: str) -> None:
    with pytest.raises(ConnectionEnded, match=words):
        async with connect(url):
            raise AssertionError("connected")


async def test_it_comes_back_and_subscribes_again(serve_ticker: Callable[..., RunningServer]) -> None:
    first = serve_ticker("--seed", "5")
    async with connect(first.stream) as feed:
        await feed.subscribe("ACME")
        async with asyncio.timeout(10):
            await anext(aiter(feed))
        port = str(first.port)
        await asyncio.to_thread(first.stop)
        second = await asyncio.to_thread(serve_ticker, "--seed", "6", "--port", port)
        assert second.port == first.port
        async with asyncio.timeout(20):
            async for _ in feed.batches():
                if feed.connections == 2 and feed.session.welcome and feed.session.welcome.seed == 6:
                    break
        assert await feed.subscriptions() == {"trades": ["ACME"]}


async def test_it_does_not_come_back_when_told_not_to() -> None:
    async def refuse(ws: ServerConnection) -> None:
        await ws.close(4503, "not you")

    async with serve(refuse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with connect(f"ws://127.0.0.1:{port}/") as feed:
            with pytest.raises(ConnectionEnded, match="not you") as ended:
                await anext(aiter(feed))
            assert ended.value.code == 4503
            assert feed.connections == 1


async def test_leaving_leaves_no_task_behind(server: RunningServer) -> None:
    before = asyncio.all_tasks()
    async with connect(server.stream) as feed:
        await feed.subscribe("*")
    assert asyncio.all_tasks() == before


def test_the_synchronous_face_does_the_same(server: RunningServer) -> None:
    threads = threading.active_count()
    with connect_sync(server.stream) as feed:
        assert feed.subscribe("ACME").symbols == ["ACME"]
        assert feed.ping() > 0
        ticks = [tick for tick, _ in zip(feed, range(5), strict=False)]
        assert len(ticks) == 5
        assert feed.unsubscribe("ACME").subscriptions == {}
    assert threading.active_count() == threads


def watch(server: RunningServer, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "ticker", "watch", "--url", server.stream, *arguments]


def test_watch_prints_json_lines_into_a_pipe(server: RunningServer) -> None:
    done = subprocess.run(
        watch(server, "ACME", "--count", "20"), capture_output=True, text=True, cwd=ROOT, timeout=30, check=True
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == 20
    assert all(line["sym"] == "ACME" for line in lines)


def test_watch_survives_a_reader_that_has_seen_enough(server: RunningServer) -> None:
    command = " ".join(watch(server)) + " | head -n 3"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, cwd=ROOT, timeout=30, check=True)
    assert len(done.stdout.splitlines()) == 3
    assert done.stderr == ""


def test_watch_paints_a_table_on_a_terminal(server: RunningServer) -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
    process = subprocess.Popen(watch(server, "ACME", "BYTE"), stdout=theirs, cwd=ROOT, env=environment)
    os.close(theirs)
    screen = b""
    until_s = time.monotonic() + 15
    while not (b"ACME" in screen and b"ticks/s" in screen and b"live" in screen) and time.monotonic() < until_s:
        screen += os.read(ours, 65536)
    process.send_signal(signal.SIGINT)
    drain = threading.Thread(target=_drain, args=(ours,))
    drain.start()
    assert process.wait(10) == 0
    drain.join()
    os.close(ours)
    assert b"ACME" in screen
    assert b"ticks/s" in screen


def _drain(descriptor: int) -> None:
    try:
        while os.read(descriptor, 65536):
            pass
    except OSError:
        pass
