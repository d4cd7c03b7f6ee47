"""What chance makes of good heads and good sessions: whatever it is, it is answered, refused or hung up on.

The families are those of a catalogue: R1, R3 and R8. The seed is the same each time, so that what fails fails again.
"""

import random
import socket
import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_chunks import SESSIONS, Line, frozen_clocks
from websockets.exceptions import InvalidHandshake
from websockets.http11 import Request
from websockets.streams import StreamReader

from conftest import RunningServer
from good_company import UPGRADE, masked
from hostile import LINGER, come_back, times
from raw_http import get, statuses
from stage import Stage

__all__ = ["frozen_clocks"]

WORDS = [
    b"GET",
    b"HEAD",
    b"POST",
    b" ",
    b"  ",
    b"\t",
    b"/",
    b"/healthz",
    b"/v1/ticks?symbols=AAA",
    b"*",
    b"HTTP/1.1",
    b"HTTP/1.0",
]
WORDS += [
    b"HTTP/2",
    b"\r\n",
    b"\n",
    b"\r",
    b"Host: x",
    b"Host:",
    b":",
    b"A: b",
    b"A : b",
    b" A: b",
    b"\0",
    b"\xff",
    b"%00",
    b"..",
]
WORDS += [
    b"Content-Length: 0",
    b"Content-Length: 1",
    b"Transfer-Encoding: chunked",
    b"Connection: close",
    b"\r\n\r\n",
    b"0",
]
GOOD = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
heads = st.lists(st.sampled_from(WORDS), min_size=1, max_size=14).map(b"".join)


@settings(max_examples=times(400, 20_000))
@given(
    heads | st.tuples(heads, st.integers(0, len(GOOD))).map(lambda pair: GOOD[: pair[1]] + pair[0] + GOOD[pair[1] :])
)
def test_heads_that_chance_makes(data: bytes) -> None:
    """R1: what we answer with success, another parser takes for a request too."""
    line = Line(Stage())
    line.receive(data)
    line.hang_up()
    found = statuses(b"".join(line.written))
    if found and found[0] < 400 and b"HTTP/1.0" not in data:
        assert understood(data)


def understood(data: bytes) -> bool:
    """Tell whether the parser of the websockets library takes what begins with a request for one."""
    reader = StreamReader()
    reader.feed_data(data.lstrip(b"\r\n"))
    reader.feed_eof()
    try:
        for _ in Request.parse(reader.read_line):
            pass
    except (ValueError, EOFError, InvalidHandshake) as error:
        return "unsupported" in str(error)  # methods, bodies, and codings that it knows and does not want
    return True


def changed(data: bytes, chance: random.Random) -> bytes:
    """Return bytes with one of them flipped, some left out, or some of them put elsewhere."""
    place, length = chance.randrange(len(data) + 1), chance.randrange(1, 20)
    match chance.randrange(4):
        case 0:
            return data[:place] + bytes([chance.randrange(256)]) + data[place + 1 :]
        case 1:
            return data[:place] + data[place + length :]
        case 2:
            return data[:place]
        case _:
            other = chance.randrange(len(data) + 1)
            return data[:place] + data[other : other + length] + data[place:]


@pytest.mark.parametrize("name", SESSIONS)
def test_sessions_that_chance_has_changed(name: str) -> None:
    """R3: nothing is raised, whatever comes, and nothing is left."""
    chance = random.Random(name)
    for _ in range(times(60, 40_000)):
        stage = Stage()
        line = Line(stage)
        parts = list(SESSIONS[name])
        for _ in range(chance.randrange(1, 4)):
            number = chance.randrange(len(parts))
            parts[number] = changed(parts[number], chance)
        for part in parts:
            line.receive(part)
            stage.step()
            stage.flush()
            stage.run()
        line.hang_up()
        assert not stage.house.connections
        assert not stage.feed.laggards
        assert not stage.feed.audiences


def test_some_behave_badly_all_the_time(watched: RunningServer) -> None:
    """R8: of every kind, at once and one after the other, for as long as one likes."""
    chance = random.Random(8)
    until = time.monotonic() + times(4, 3600)
    opened: list[socket.socket] = []
    deeds: list[Callable[[socket.socket], object]] = [
        lambda client: client.sendall(get("/v1/stream", *UPGRADE)),
        lambda client: client.sendall(get("/v1/sse?symbols=*")),
        lambda client: client.sendall(get("/v1/ticks?symbols=ACME&wait=5")),
        lambda client: client.sendall(masked(0x81, b'{"op":"subscribe","symbols":["*"]}')),
        lambda client: client.sendall(masked(0x89, b"") * chance.randrange(1, 40)),
        lambda client: client.sendall(chance.randbytes(chance.randrange(1, 4096))),
        lambda client: client.recv(chance.randrange(1, 65536)),
        lambda client: client.shutdown(socket.SHUT_WR),
        lambda client: client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER),
        lambda client: client.close(),
    ]
    while time.monotonic() < until:
        if len(opened) < 30:
            opened.append(socket.create_connection(("127.0.0.1", watched.port), 10))
            opened[-1].settimeout(0.01)
        client = chance.choice(opened)
        with suppress(OSError):
            chance.choice(deeds)(client)
        if client.fileno() < 0 or chance.random() < 0.02:
            client.close()
            opened.remove(client)
        time.sleep(0.002)
    for client in opened:
        client.close()
    come_back(watched)
