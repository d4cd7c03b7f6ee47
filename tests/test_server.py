"""The whole server: the same tape for everybody, and an end within its deadline whatever clients do."""

import signal
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest
from websockets.frames import Opcode

from conftest import RunningServer
from plain_client import PlainClient

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
        for packet in (b"", b"GET / HTT", b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"):
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
