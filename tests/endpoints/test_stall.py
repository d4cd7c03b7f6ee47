"""Who reads slowly, who trickles and who does not read at all, by what waits here and in a real kernel."""

import asyncio
import socket
from collections.abc import Iterator
from typing import Any, cast

import pytest

from ticker.endpoints.stall import TRICKLE_BYTES, Stall, unacknowledged_bytes


class Transport:
    """Something waits here, and something in the kernel."""

    def __init__(self, peer: socket.socket | None) -> None:
        self.peer = peer
        self.waiting_bytes = 100_000

    def get_write_buffer_size(self) -> int:
        return self.waiting_bytes

    def get_extra_info(self, name: str) -> socket.socket | None:
        assert name == "socket"
        return self.peer


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two ends of a connection, the buffers of which are small."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(listener.getsockname())
        server, _ = listener.accept()
        with server:
            server.setblocking(False)
            yield server, client


def fill(server: socket.socket) -> None:
    """Send until the kernel takes no more."""
    try:
        while True:
            server.send(bytes(65536))
    except BlockingIOError:
        pass


def transport(peer: socket.socket | None) -> tuple[Transport, asyncio.WriteTransport]:
    found = Transport(peer)
    return found, cast(asyncio.WriteTransport, cast(Any, found))


def test_nothing_taken_lasts() -> None:
    _, plain = transport(None)
    stall = Stall(plain, 10.0)
    assert [stall.lasts_s(now_s) for now_s in (10.0, 12.0, 17.5)] == [0.0, 2.0, 7.5]


def test_what_waits_here_and_shrinks_begins_anew() -> None:
    there, plain = transport(None)
    stall = Stall(plain, 10.0)
    there.waiting_bytes -= 1
    assert stall.lasts_s(14.0) == 0.0
    there.waiting_bytes += 50_000  # more to take is no reading
    assert stall.lasts_s(16.0) == 2.0


def test_a_slow_reader_is_seen_in_the_kernel(ends: tuple[socket.socket, socket.socket]) -> None:
    server, client = ends
    fill(server)
    _, plain = transport(server)
    held = unacknowledged_bytes(plain)
    assert held > 4 * TRICKLE_BYTES
    stall = Stall(plain, 10.0)
    assert stall.lasts_s(14.0) == 4.0
    read = 0
    while unacknowledged_bytes(plain) > held - TRICKLE_BYTES:
        assert stall.lasts_s(14.5) == 4.5  # a little is no reading
        read += len(client.recv(1024))
        assert read < held
    assert stall.lasts_s(15.0) == 0.0
    assert stall.lasts_s(18.0) == 3.0


def test_a_socket_that_is_closed_holds_nothing(ends: tuple[socket.socket, socket.socket]) -> None:
    server, _ = ends
    fill(server)
    _, plain = transport(server)
    assert unacknowledged_bytes(plain) > 0
    server.close()
    assert unacknowledged_bytes(plain) == 0
