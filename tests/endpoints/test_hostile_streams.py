"""Streams of events and polls, asked for as nobody should: answered, and nothing is left of those who have gone.

The families are those of a catalogue: E1 to E18; those about headers and parameters are in `test_hostile_headers`.
"""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from conftest import RunningServer
from event_reader import Events
from good_company import UPGRADE, vitals
from hostile import LINGER, come_back, times
from plain_client import assert_no_hole
from raw_http import body, exchange, get, headers, read_on, status, statuses, verdict
from watched import Victim, position

FULL_UP = {429, 503}
"""Where there are enough of them."""
ROUTES = ["/", "/healthz", "/metrics", "/v1/instruments", "/v1/snapshot?symbols=ACME", "/v1/ticks?symbols=ACME"]
ROUTES += ["/v1/bars?symbol=ACME", "/asyncapi.json", "/openapi.json"]


def place(server: RunningServer, seq: int) -> str:
    """Return a position on the server's tape as text."""
    answer = exchange(server, get("/readyz", "Connection: close"))
    return f"{body(answer)['epoch']}:{seq}"


@pytest.fixture
def flooded(watched: RunningServer) -> Iterator[RunningServer]:
    """A server to be flooded: soon after, it is as open as before."""
    yield watched
    come_back(watched)


def connect(server: RunningServer, number: int = 0) -> socket.socket:
    """Return a connection, from an address of its own where there is a number."""
    return socket.create_connection(("127.0.0.1", server.port), 10, (f"127.0.2.{number % 250}" if number else "", 0))


@pytest.mark.parametrize(
    "accept", ["", "Accept: text/html", "Accept: text/event-stream", "Accept: application/json, */*;q=0"]
)
@pytest.mark.parametrize("coding", ["", "Accept-Encoding: gzip, br", "Accept-Encoding: identity;q=0"])
def test_whatever_is_accepted_events_are_sent(watched: RunningServer, accept: str, coding: str) -> None:
    """E1 and E5: as they are, never compressed, and marked as not to be held back."""
    with Events(watched.port, "symbols=*", *(field for field in (accept, coding) if field)) as reader:
        assert b"Content-Type: text/event-stream" in reader.head
        assert b"Content-Encoding" not in reader.head
        assert b"X-Accel-Buffering: no" in reader.head
        reader.read(0.05)


def test_a_storm_of_readers_that_come_back(flooded: RunningServer) -> None:
    """E2: each has all that it missed, or is told to come later."""
    last = place(flooded, position(flooded))
    time.sleep(0.2)
    with ExitStack() as crowd:
        count = times(100, 1000)
        clients = [crowd.enter_context(connect(flooded, number + 1)) for number in range(count)]
        for client in clients:
            client.sendall(get("/v1/sse?symbols=*", f"Last-Event-ID: {last}"))
        for client in clients:
            answer = b""
            while b'"complete":' not in answer and not (answer and status(answer) in FULL_UP):
                part = client.recv(65536)
                assert part, answer
                answer += part
            assert b'"complete":false' not in answer


@pytest.mark.parametrize(("seq", "epoch"), [(1, ""), (99_999_999, ""), (1, "other"), (0, "other")])
def test_readers_that_come_back_too_late(watched: RunningServer, seq: int, epoch: str) -> None:
    """E3: they are told what they cannot have, and shown the present."""
    last = f"{epoch}:{seq}" if epoch else place(watched, seq)
    with Events(watched.port, "symbols=*", f"Last-Event-ID: {last}") as reader:
        messages = reader.read(0.3)
    assert messages[0]["type"] == "recovered"
    assert (messages[0]["from"], messages[0]["complete"]) == (last, False)
    assert messages[1]["type"] == "snapshot"
    assert_no_hole(messages)


@pytest.mark.parametrize(
    "second", [get("/healthz"), get("/v1/sse?symbols=*"), get("/v1/stream", *UPGRADE), b"\x16\x03\x01" * 9]
)
def test_a_second_request_on_the_same_connection(watched: RunningServer, second: bytes) -> None:
    """E4: it is not heard, before the first event or after it."""
    for packets in ([second], [second] * 20):
        with connect(watched) as client:
            client.sendall(get("/v1/sse?symbols=*") + packets[0])
            answer = client.recv(65536)
            for packet in packets:
                client.sendall(packet)
            while answer.count(b"event: ticks") < 5:
                part = client.recv(65536)
                assert part, answer
                answer += part
        assert statuses(answer) == [200]


def test_events_asked_for_by_head(watched: RunningServer) -> None:
    """E5: a head, and the connection stays as it was."""
    asked = get("/v1/sse?symbols=*", method="HEAD")
    answer = exchange(watched, asked + get("/healthz", "Connection: close"))
    assert statuses(answer)[0] == 200
    assert b"event:" not in answer


def test_a_hundred_readers_from_one_address(flooded: RunningServer) -> None:
    """E7: they are served, or told that there are enough of them."""
    with ExitStack() as crowd:
        clients = [crowd.enter_context(connect(flooded)) for _ in range(times(150, 300))]
        for client in clients:
            client.sendall(get("/v1/sse?symbols=ACME"))
        assert {status(client.recv(4096)) for client in clients} <= {200} | FULL_UP
        assert vitals(flooded).connections > 100


@pytest.mark.parametrize("seq", [99_999_999, 2**53 - 1])
def test_polls_from_the_future(watched: RunningServer, seq: int) -> None:
    """E10: nobody waits for what may never come."""
    answer = exchange(watched, get(f"/v1/ticks?symbols=*&wait=5&since={place(watched, seq)}", "Connection: close"))
    assert (status(answer), body(answer)["code"]) == (400, "bad_position")


def test_a_crowd_that_waits_for_one_symbol(flooded: RunningServer) -> None:
    """E10: from now on; what is told to one is told to all who waited before it came."""
    with ExitStack() as crowd:
        clients = [crowd.enter_context(connect(flooded, number + 1)) for number in range(times(200, 1000))]
        for client in clients:
            client.sendall(get("/v1/ticks?symbols=ACME&wait=10", "Connection: close"))
        answers = [read_on(client, 10) for client in clients]
    assert {status(answer) for answer in answers} <= {200} | FULL_UP
    assert {len(body(answer)["batches"]) for answer in answers if status(answer) == 200} == {1}


@pytest.mark.parametrize("resets", [False, True])
def test_who_waits_and_hangs_up(flooded: RunningServer, victim: Victim, resets: bool) -> None:
    """E11: nothing waits for them any longer."""
    with ExitStack() as crowd:
        clients = [crowd.enter_context(connect(flooded, number + 1)) for number in range(times(100, 1000))]
        for client in clients:
            client.sendall(get("/v1/ticks?symbols=ACME&channels=status&wait=20"))
        until = time.monotonic() + 10
        while not vitals(flooded).polls_held:
            assert time.monotonic() < until
        for client in clients:
            if resets:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
    victim.settled(victim.base)


def test_polls_that_wait_behind_one_another(watched: RunningServer) -> None:
    """E12: each is answered, in order; no more than eight may wait."""
    poll = "/v1/ticks?symbols=ACME&channels=bars.1m&wait=0.05"
    assert statuses(exchange(watched, get(poll) * 3 + get("/nowhere"))) == [200] * 3 + [404]
    assert statuses(exchange(watched, get(poll) + get("/healthz") * 9)) == [429]


@pytest.mark.parametrize("field", ["", 'If-None-Match: "x"', "If-None-Match: *", "Cache-Control: no-cache"])
def test_polls_as_fast_as_they_are_answered(flooded: RunningServer, field: str) -> None:
    """E13: one after the other on one connection; they are never told that nothing has changed."""
    asked = get("/v1/ticks?symbols=ACME", *([field] if field else []))
    found = set()
    with connect(flooded) as client:
        for _ in range(times(100, 900)):
            client.sendall(asked)
            found.add(status(client.recv(65536)))
    assert found <= {200, 429}


def test_polls_that_would_not_be_cached(watched: RunningServer) -> None:
    """E13: a parameter that means nothing is refused by name, and nothing is cached anyway."""
    answer = exchange(watched, get("/v1/ticks?symbols=ACME&_=17", "Connection: close"))
    assert (status(answer), body(answer)["field"]) == (400, "_")
    assert headers(exchange(watched, get("/v1/ticks?symbols=ACME", "Connection: close")))["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("count", "found"), [(1, 200), (128, 200), (1000, 200), (1001, 400), (1600, 400), (100_000, 414)]
)
@pytest.mark.parametrize("path", ["ticks", "snapshot", "sse"])
def test_polls_for_many_symbols(watched: RunningServer, path: str, count: int, found: int) -> None:
    """E14: the same one as often as one likes, as far as a request goes."""
    assert verdict(watched, get(f"/v1/{path}?symbols={','.join(['ACME'] * count)}")) == found


@pytest.mark.parametrize("kept", ["Connection: keep-alive", "Connection: close", "TE: trailers"])
def test_events_over_http_1_0(watched: RunningServer, kept: str) -> None:
    """E17: not in chunks; they end with the connection."""
    with Events(watched.port, "symbols=*", kept, version="1.0") as reader:
        assert b"Transfer-Encoding" not in reader.head
        assert b"Connection: close" in reader.head
        assert assert_no_hole(reader.read(0.1)) > 0


@pytest.mark.parametrize("asked", ["bytes=0-0", "bytes=-1", "bytes=0-,0-,0-", "bytes=" + ",".join(["0-0"] * 1000), "x"])
@pytest.mark.parametrize("path", ROUTES)
def test_parts_of_answers(watched: RunningServer, path: str, asked: str) -> None:
    """E18: whoever asks for a part has it all, which is allowed (RFC 9110, section 14.2)."""
    answer = exchange(watched, get(path, f"Range: {asked}", "Connection: close"))
    assert status(answer) == 200
    assert "content-range" not in headers(answer)
