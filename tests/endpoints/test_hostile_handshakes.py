"""WebSocket handshakes that nobody should send: answered as RFC 6455 says, and doing no harm.

The families are those of a catalogue: U1 to U18. No origin is looked at here: `test_callers` does that.
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import pytest

from conftest import RunningServer
from good_company import UPGRADE, masked
from hostile import LINGER, Case, cases, come_back, parameters, spelled, times
from plain_client import PlainClient
from raw_http import answered, exchange, get, read_on, statuses, verdict

GOOD = get("/v1/stream", *UPGRADE)
GET = get("/healthz")
KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def replaced(old: str, *new: str) -> bytes:
    """Return a handshake with other header fields in the place of one of its own."""
    return get("/v1/stream", *(field for field in UPGRADE if not field.startswith(old)), *new)


def upgrade(value: bytes) -> bytes:
    return replaced("Upgrade", "Upgrade: " + value.decode("latin-1"))


def connection(value: bytes) -> bytes:
    return replaced("Connection", "Connection: " + value.decode("latin-1"))


def key(value: bytes) -> bytes:
    return replaced("Sec-WebSocket-Key", "Sec-WebSocket-Key: " + value.decode("latin-1"))


def version(value: bytes) -> bytes:
    return replaced("Sec-WebSocket-Version", "Sec-WebSocket-Version: " + value.decode("latin-1"))


def offer(value: bytes) -> bytes:
    return get("/v1/stream", *UPGRADE, "Sec-WebSocket-Extensions: " + value.decode("latin-1"))


def subprotocol(value: bytes) -> bytes:
    return get("/v1/stream", *UPGRADE, "Sec-WebSocket-Protocol: " + value.decode("latin-1"))


def at(target: bytes) -> bytes:
    return get(target.decode("latin-1"), *UPGRADE)


UPGRADES = [
    *cases("U1", 426, {"missing": replaced("Upgrade")}),
    *cases("U1", 101, spelled(upgrade, [b"Websocket", b"WEBSOCKET", b" websocket ", b"\twebsocket"])),
    *cases("U1", 426, spelled(upgrade, [b"websocket, h2c", b"h2c", b"websockets", b"websocket/13", b""])),
    *cases("U1", 400, spelled(upgrade, [b"web socket"])),
    *cases("U1", 426, {"two": replaced("Upgrade", "Upgrade: websocket", "Upgrade: websocket")}),
    *cases("U2", 426, {"missing": replaced("Connection")}),
    *cases(
        "U2",
        101,
        spelled(connection, [b"keep-alive, Upgrade", b"upgrade", b"UPGRADE", b"Upgrade, close", b"a,,Upgrade"]),
    ),
    *cases("U2", 426, spelled(connection, [b"close", b"keep-alive", b"", b"Upgrades", b"Up grade", b'"Upgrade"'])),
    *cases("U2", 101, {"two": replaced("Connection", "Connection: keep-alive", "Connection: Upgrade")}),
]

KEYS = [
    *cases("U3", 400, {"missing": replaced("Sec-WebSocket-Key")}),
    *cases("U3", 400, {"two": get("/v1/stream", *UPGRADE, UPGRADE[-1])}),
    *cases("U3", 400, spelled(key, [b"", b"c2hvcnQ=", b"AAAAAAAAAAAAAAAAAAAA", b"AAAAAAAAAAAAAAAAAAAAAAA="])),
    *cases("U3", 400, spelled(key, [b"not base64 at all!!", b"dGhlIHNhbXBsZSBub25jZQ", b"dGhlIHNhbXBsZSBub25jZQ="])),
    *cases(
        "U3",
        400,
        spelled(key, [b"dGhlIHNhbXBsZSBub25jZQ===", b"=dGhlIHNhbXBsZSBub25jZQ=", b"dGhl IHNhbXBsZSBub25jZQ=="]),
    ),
    *cases("U3", 400, spelled(key, [b"dGhlIHNhbXBsZSBub25jZQ==, x", b"A" * 8192, b"\xe9" * 24, b"_-" * 11 + b"=="])),
    *cases("U4", 400, {"missing": replaced("Sec-WebSocket-Version")}),
    *cases(
        "U4", 400, spelled(version, [b"0", b"8", b"12", b"14", b"13, 8", b"13.0", b"", b"013", b"+13", b"x", b"1e1"])
    ),
    *cases(
        "U4",
        400,
        {
            "two": get("/v1/stream", *UPGRADE, UPGRADE[2]),
            "8 too": get("/v1/stream", *UPGRADE, "Sec-WebSocket-Version: 8"),
        },
    ),
]

REQUESTS = [
    *cases("U5", 405, {word: get("/v1/stream", *UPGRADE, method=word) for word in ("POST", "HEAD", "PUT", "DELETE")}),
    *cases("U5", 400, {"1.0": get("/v1/stream", *UPGRADE, version="1.0")}),
    *cases("U6", 400, {"length": get("/v1/stream", *UPGRADE, "Content-Length: 5") + b"hello"}),
    *cases("U6", 400, {"chunked": get("/v1/stream", *UPGRADE, "Transfer-Encoding: chunked") + b"0\r\n\r\n"}),
    *cases("U6", 101, {"of nothing": get("/v1/stream", *UPGRADE, "Content-Length: 0")}),
    *cases("U7", 400, {"ping": GOOD + masked(0x89, b"hi"), "text": GOOD + masked(0x81, b'{"op":"list"}')}),
    *cases("U7", 400, {"close": GOOD + masked(0x88, b"\x03\xe8"), "RSV1": GOOD + masked(0xC1, b"x")}),
    *cases("U7", 400, {"unmasked": GOOD + b"\x81\x02hi", "garbage": GOOD + b"\xff" * 100, "a byte": GOOD + b"\0"}),
    *cases("U7", 400, {"a GET": GOOD + GET, "another": GOOD + GOOD, "much": GOOD + b"x" * 100_000}),
    *cases("U11", 404, spelled(at, [b"/v1/nowhere", b"/v1/stream/", b"/V1/stream", b"/v1/stream/x"])),
    *cases("U11", 200, spelled(at, [b"/", b"/healthz"])),
    *cases("U11", 400, spelled(at, [b"/v1/stream?handshake=2", b"/hello?x=1"])),
    *cases(
        "U11",
        101,
        spelled(
            at,
            [
                b"/v1/stream?",
                b"/v1/stream?token=secret",
                b"/v1/strea%6d",
                b"/v1/stream?handshake=true",
                b"http://x/v1/stream",
            ],
        ),
    ),
    *cases("U11", 400, {"8 KiB of query": at(b"/v1/stream?" + b"a" * 8000)}),
    *cases("U11", 414, {"more": at(b"/v1/stream?" + b"a" * 8192)}),
]

DEFLATE = b"permessage-deflate"
VALID = [b"", b"server_no_context_takeover", b"client_no_context_takeover", b"client_max_window_bits"]
BITS = [b"7", b"8", b"9", b"15", b"16", b"-1", b'"15"', b"x", b'"x"', b"", b"1e1", b"015", b"9" * 100]
OFFERS = [
    *cases("U8", 101, spelled(offer, [DEFLATE + b"; " + words if words else DEFLATE for words in VALID])),
    *cases("U8", 101, spelled(offer, [DEFLATE + b"; " + word + b"; " + word for word in VALID[1:]])),
    *cases("U8", 101, {f"server {bits!r}": offer(DEFLATE + b"; server_max_window_bits=" + bits) for bits in BITS[:4]}),
    *cases(
        "U9", 101, {"1,000": offer(b", ".join([b"x"] * 1000)), "8 KiB": offer(b"x" * 8192), "unknown": offer(b"x;y=z")}
    ),
    *cases("U9", 101, {"deflate 500 times": offer(b", ".join([DEFLATE] * 500))}),
]
TORN = [
    b'permessage-deflate; a="',
    b'"',
    b";",
    b",",
    b",,",
    b"=",
    b"a=b",
    b"permessage-deflate;",
    b"permessage-deflate; =1",
    b"\xff",
]

SUBPROTOCOLS = [
    *cases("U10", 101, spelled(subprotocol, [b"ticker.v1.json", b"x, ticker.v1.json", b"ticker.v1.packed"])),
    *cases("U10", 101, {"1,000": subprotocol(b", ".join([b"x"] * 1000) + b", ticker.v1.json")}),
    *cases("U10", 101, {"twice": subprotocol(b"ticker.v1.json, ticker.v1.json")}),
    *cases(
        "U10", 400, spelled(subprotocol, [b"chess", b"TICKER.V1.JSON", b"ticker.v1", b"ticker v1 json", b"a b", b'"x"'])
    ),
    *cases("U10", 101, {"missing": GOOD}),
    *cases("U10", 400, spelled(subprotocol, [b"", b"\xe9", b"x=y", b"a/b"])),
    *cases(
        "U10",
        101,
        {
            "two headers": get(
                "/v1/stream", *UPGRADE, "Sec-WebSocket-Protocol: x", "Sec-WebSocket-Protocol: ticker.v1.json"
            )
        },
    ),
]

HIXIE = (
    b"GET /v1/stream HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n"
    b"Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n\r\n"
)
OLD = [
    *cases("U16", 400, {"hixie-76": HIXIE, "with its key": HIXIE + b"^n:ds[4U", "hixie-75": replaced("Sec")}),
    *cases("U16", 400, {"hybi-00": HIXIE.replace(b"\r\n\r\n", b"\r\nSec-WebSocket-Draft: 2\r\n\r\n") + b"^n:ds[4U"}),
]


@pytest.fixture(scope="module")
def shared(
    serve_ticker: Callable[..., RunningServer], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """A server that compresses, whose log stays clean."""
    log = tmp_path_factory.mktemp("shared") / "log"
    yield serve_ticker("--stream.compression", "shared", "--http.hosts", "x", log=log)
    assert "Traceback" not in log.read_text()


@parameters(UPGRADES, KEYS, REQUESTS, OFFERS, SUBPROTOCOLS, OLD)
def test_handshakes(case: Case, watched: RunningServer) -> None:
    assert [verdict(watched, case.sent)] == case.ours


BYTES_OF_HEAD = range(1, len(GOOD))


def test_offers_that_are_no_list(watched: RunningServer, shared: RunningServer) -> None:
    """U9: where nothing is compressed they are not read; where something is, they are refused."""
    for words in TORN:
        assert verdict(watched, offer(words)) == 101
        assert verdict(shared, offer(words)) in (101, 400)
    assert verdict(shared, GOOD) == 101


@parameters(OFFERS)
def test_offers_to_a_server_that_compresses(case: Case, shared: RunningServer) -> None:
    """U8 and U9: what cannot be agreed on is declined, and the conversation begins without it."""
    assert verdict(shared, case.sent) == 101


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("side", ["server", "client"])
def test_windows_that_are_none(shared: RunningServer, side: str, bits: bytes) -> None:
    """U8: a window is 8 to 15 bits; a smaller one of ours cannot be shared. The server's log stays clean."""
    asked = offer(DEFLATE + b"; " + side.encode() + b"_max_window_bits=" + bits)
    answer = answered(shared, asked)
    agreed = b"Sec-WebSocket-Extensions: permessage-deflate" in answer
    assert statuses(answer) == [400 if bits in (b"", b"-1") else 101] or not agreed
    fine = {b"15", b'"15"'} if side == "server" else {b"8", b"9", b"15", b'"15"'}
    assert agreed == (bits in fine)


def test_a_handshake_cut_anywhere(watched: RunningServer) -> None:
    """U12: two packets are as good as one."""
    for place in BYTES_OF_HEAD:
        assert verdict(watched, GOOD[:place], GOOD[place:]) == 101


@pytest.mark.parametrize("resets", [False, True])
def test_a_handshake_that_stops_anywhere(watched: RunningServer, resets: bool) -> None:
    """U12: who hangs up is forgotten, whether with a FIN or a RST."""
    for place in BYTES_OF_HEAD:
        with socket.create_connection(("127.0.0.1", watched.port)) as client:
            client.sendall(GOOD[:place])
            if resets:
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)


def test_a_handshake_that_comes_a_byte_at_a_time(watched: RunningServer) -> None:
    """U12: it has a deadline, of a second here."""
    answer = exchange(watched, *(GOOD[place : place + 1] for place in range(12)), pause_s=0.15)
    assert statuses(answer) == [408]


def test_handshakes_that_go_silent(watched: RunningServer) -> None:
    """U12: at every byte; all of them at once."""
    with ExitStack() as crowd:
        clients = [
            crowd.enter_context(socket.create_connection(("127.0.0.1", watched.port))) for _ in BYTES_OF_HEAD[::4]
        ]
        for client, place in zip(clients, BYTES_OF_HEAD[::4], strict=True):
            client.sendall(GOOD[:place])
        assert {tuple(statuses(read_on(client, 5))) for client in clients} == {(408,)}


def test_a_second_handshake(watched: RunningServer) -> None:
    """U13: on an open WebSocket it is a frame, and a bad one."""
    with PlainClient(watched.port) as client:
        client.socket.sendall(GOOD)
        assert client.read_close() == 1002


@pytest.mark.parametrize("before", [1, 2, 20])
@pytest.mark.parametrize("joined", [False, True])
def test_a_handshake_after_requests(watched: RunningServer, before: int, joined: bool) -> None:
    """U14 and U15: on a connection that was kept, or in the packet of requests that are answered at once."""
    packets = [GET * before + GOOD] if joined else [GET] * before + [GOOD]
    assert statuses(exchange(watched, *packets, pause_s=0.0 if joined else 0.02)) == [200] * before + [101]


@pytest.fixture
def flooded(watched: RunningServer) -> Iterator[RunningServer]:
    """A server to be flooded: soon after, it is as open as before."""
    yield watched
    come_back(watched)


def test_crowds_that_leave_before_they_are_answered(flooded: RunningServer) -> None:
    """U17: ten handshakes at once, again and again."""
    for _ in range(times(20, 100)):
        with ExitStack() as crowd:
            for _ in range(10):
                client = crowd.enter_context(socket.create_connection(("127.0.0.1", flooded.port)))
                with suppress(ConnectionResetError, BrokenPipeError):  # a door may be shut to a crowd
                    client.sendall(GOOD)


def test_who_is_answered_and_resets(flooded: RunningServer) -> None:
    """U18: what was begun for a client is gone with it."""
    for _ in range(times(300, 10_000)):
        with socket.create_connection(("127.0.0.1", flooded.port), timeout=10) as client, suppress(OSError):
            client.sendall(GOOD)
            client.recv(16)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
