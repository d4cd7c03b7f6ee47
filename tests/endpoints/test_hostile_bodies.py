"""Bodies framed so that two readers could disagree where a request ends: refused, and doing no harm.

The families are those of a catalogue: B1 to B20. No request of ours has a body; a small one is read and forgotten.
"""

import socket
import time
from collections.abc import Callable

import pytest

from conftest import RunningServer
from hostile import TAB, Case, cases, compare, parameters, spelled
from raw_http import converse, exchange, get, headers, read_on, status, statuses
from web_servers import WebServer

GOOD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked"
END = b"0\r\n\r\n"
STRICT = "llhttp is strict about chunks: what a proxy in front reads otherwise could smuggle a request"
TRAILER = "nginx does not look at trailers"
LIMIT = "64 KiB of body are our limit, 1 MiB nginx's"


def post(*fields: bytes, body: bytes = b"", method: bytes = b"POST", version: bytes = b"1.1") -> bytes:
    head = b"\r\n".join([method + b" /healthz HTTP/" + version, b"Host: localhost", *fields])
    return head + b"\r\n\r\n" + body


def length(value: bytes) -> bytes:
    return post(b"Content-Length:" + value, body=b"abcde")


def coding(value: bytes) -> bytes:
    return post(b"Transfer-Encoding:" + value, body=END)


def chunks(body: bytes) -> bytes:
    return post(CHUNKED, body=body)


def chunk(line: bytes) -> bytes:
    return chunks(line + b"\r\na\r\n" + END)


def trailer(field: bytes) -> bytes:
    return chunks(b"0\r\n" + field + b"\r\n\r\n")


def expecting(value: bytes) -> bytes:
    return post(b"Expect: " + value, b"Content-Length: 2", body=b"ab")


def content_type(value: bytes) -> bytes:
    return post(b"Content-Type: " + value, b"Content-Length: 2", body=b"{}")


def two(first: bytes, second: bytes, body: bytes = END) -> dict[str, bytes]:
    """Return a request with two header fields, in both orders."""
    fields = repr(first + b" " + second)[2:-1]
    return {fields: post(first, second, body=body), f"{fields} turned": post(second, first, body=body)}


LENGTHS = [
    *cases("B1", 405, spelled(length, [b" 5", b"  5", b" 5 ", b" 05", b" 0005", b" " + b"0" * 50 + b"5"])),
    *cases("B1", 400, spelled(length, [b" -1", b" +5", b" 0x5", b" 5.0", b" 5,5", b" 5, 5", b" 1e1", b"", b" "])),
    *cases("B1", 400, spelled(length, [b" 5_0", b" \xb25", b" 5;", b" 5 5", b" five"])),
    *cases("B1", 400, spelled(length, [b" 18446744073709551616", b" 18446744073709551621", b" " + b"9" * 100])),
    *cases("B1", 413, spelled(length, [b" 9223372036854775808", b" 9223372036854775807", b" 10485760"])),
    *cases("B1", 405, spelled(length, [b" 5\t", b"\t5"]), TAB),
    *cases("B2", 400, two(b"Content-Length: 5", b"Content-Length: 5", b"abcde")),
    *cases("B2", 400, two(b"Content-Length: 5", b"Content-Length: 6", b"abcdef")),
    *cases("B3", 400, two(b"Content-Length: 6", CHUNKED, END + b"X")),
    *cases("B3", 400, two(b"Content-Length: 4", CHUNKED, END + GOOD)),
    *cases("B3", 400, two(b"Content-Length: 5", b"Transfer-Encoding: identity", b"abcde")),
    *cases("B14", 405, {"POST": post(), "PUT": post(method=b"PUT")}),
    *cases("B14", [405, 400], {"and bytes": post(body=b"abcde\r\n\r\n")}),
    *cases("B15", 405, {str(size): post(b"Content-Length: %d" % size, body=b"x" * size) for size in (65_535, 65_536)}),
    *cases("B15", 413, {"65537": post(b"Content-Length: 65537", body=b"x" * 65_537)}, LIMIT),
    *cases("B15", 413, {"chunk": chunks(b"10001\r\n" + b"x" * 65_537 + b"\r\n" + END)}, LIMIT),
    *cases("B15", 413, {"10 MiB": post(b"Content-Length: 10485760", body=b"x" * 100_000)}),
    *cases(
        "B16", 405, spelled(content_type, [b"", b"x", b"text/html; charset=utf-7", b'multipart/form-data; boundary="'])
    ),
    *cases("B17", 405, {"gzip": post(b"Content-Encoding: gzip", b"Content-Length: 2", body=b"\x1f\x8b")}),
]

CODINGS = [
    *cases("B4", 405, spelled(coding, [b" chunked", b" Chunked", b" CHUNKED", b"chunked", b" chunked "])),
    *cases(
        "B4",
        400,
        spelled(coding, [b"", b" chunked, chunked", b" identity", b" xchunked", b" chunked;q=1", b" chunkedx"]),
    ),
    *cases("B4", 400, spelled(coding, [b" gzip, chunked", b" chunked, gzip", b" gzip", b" ,chunked", b" chunked,"])),
    *cases(
        "B4",
        400,
        spelled(coding, [b' "chunked"', b" identity, chunked", b" x, chunked", b"\x0bchunked", b"\r\n chunked"]),
    ),
    *cases("B4", 400, spelled(coding, [b" chunked\t"])),
    *cases("B4", 405, spelled(coding, [b"\tchunked"]), TAB),
    *cases("B4", 400, two(CHUNKED, b"Transfer-Encoding: gzip") | two(CHUNKED, b"Transfer-Encoding: identity")),
    *cases(
        "B4", 400, {"twice": post(CHUNKED, CHUNKED, body=END), "space": post(b"Transfer-Encoding : chunked", body=END)}
    ),
    *cases("B4", [405, 400], {"underscore": post(b"Transfer_Encoding: chunked", body=END)}),
    *cases(
        "B5",
        400,
        {
            "POST": post(CHUNKED, body=END, version=b"1.0"),
            "GET": post(CHUNKED, body=END, method=b"GET", version=b"1.0"),
        },
    ),
    *cases("B5", 400, {"kept": post(CHUNKED, b"Connection: keep-alive", body=END + GOOD, version=b"1.0")}),
]

CHUNKS = [
    *cases("B8", 405, spelled(chunk, [b"1", b"0" * 100 + b"1", b"1;x=y", b'1;x="y"', b"1;x=" + b"e" * 10_240])),
    *cases("B8", 400, spelled(chunk, [b"", b"-1", b"0x1", b"+1", b" 1", b"g", b"1_0", b"1" + b"0" * 16])),
    *cases("B8", 408, spelled(chunk, [b"f" * 16, b"8000000000000000", b"7fffffffffffffff"])),
    *cases("B8", 400, spelled(chunk, [b"1 ", b"1\t", b"1 ;x", b"1;", b"1;\0"]), STRICT),
    *cases("B8", 400, spelled(chunk, [b"1;x\ny"])),
    *cases("B8", 400, spelled(chunks, [b"1\na\n0\n\n", b"1\r\na\n0\r\n\r\n", b"1\r\na\r\n0\n\n"]), STRICT),
    *cases("B8", 400, spelled(chunks, [b"1\ra\r\n0\r\n\r\n"])),
    *cases(
        "B9",
        400,
        spelled(chunks, [b"1\r\nab\r\n0\r\n\r\n", b"1\r\na0\r\n\r\n", b"1\r\na\r0\r\n\r\n", b"1\r\naXX0\r\n\r\n"]),
    ),
    *cases("B9", 400, spelled(chunks, [b"3\r\na\r\n0\r\n\r\n\r\n", b"5\r\nabc\r\n0\r\n\r\n"])),
    *cases("B10", 405, spelled(trailer, [b"A: b", b"Host: evil", b"Connection: close"])),
    *cases("B10", 400, spelled(trailer, [b"Content-Length: 5", CHUNKED, b"A : b", b"nocolon", b": x"]), TRAILER),
    *cases("B10", 400, spelled(trailer, [b"A: \0", b"A\0: b", b" A: b"]), TRAILER),
    *cases("B10", 431, spelled(trailer, [b"T: x\r\n" * 999 + b"T: x", b"T: " + b"x" * 65_536]), TRAILER),
    *cases("B12", 405, {"1000": chunks(b"1\r\na\r\n" * 1000 + END)}),
    *cases("B12", 431, {"65536": chunks(b"1\r\na\r\n" * 65_536 + END)}, "so much framing is an attack"),
]

FOLLOWED = [
    *cases("B7", [405, 200], {"request": post(b"Content-Length: 5", body=b"abcde" + GOOD)}),
    *cases("B7", [405, 400], {"junk": post(b"Content-Length: 5", body=b"abcdefgh\r\n\r\n")}),
    *cases("B11", [405, 200], {"request": chunks(END + GOOD), "lines": chunks(END + b"\r\n\r\n" + GOOD)}),
    *cases("B11", [405, 400], {"junk": chunks(END + b"junk\r\n\r\n")}),
    *cases(
        "B13",
        [200, 200],
        {word.decode(): post(b"Content-Length: 5", body=b"abcde" + GOOD, method=word) for word in (b"GET", b"HEAD")},
    ),
    *cases("B13", [405, 200], {"DELETE": post(b"Content-Length: 5", body=b"abcde" + GOOD, method=b"DELETE")}),
    *cases("B13", [200, 200], {"GET chunked": post(CHUNKED, body=b"1\r\na\r\n" + END + GOOD, method=b"GET")}),
    *cases("B18", [200] * 2, {"2": GOOD * 2}),
    *cases("B18", [200] * 9, {"9": GOOD * 9}),
    *cases("B18", [200] * 900, {"900": GOOD * 900}),
    *cases("B18", [405, 200, 200], {"after POST": post(b"Content-Length: 1", body=b"a") + GOOD * 2}),
    *cases("B19", 200, {"request": post(b"Connection: close", method=b"GET") + GOOD}),
    *cases("B19", 200, {"junk": post(b"Connection: close", method=b"GET") + b"junk\r\n\r\n"}),
    *cases("B19", 200, {"1.0": post(method=b"GET", version=b"1.0") + GOOD}),
    *cases("B19", [200, 200], {"1.0 kept": post(b"Connection: keep-alive", method=b"GET", version=b"1.0") + GOOD}),
    *cases("H25", [100, 405], spelled(expecting, [b"100-continue", b"100-Continue"])),
    *cases("H25", 417, spelled(expecting, [b"x", b"", b"100-continue, x"]), "we say so (RFC 9110, section 10.1.1)"),
    *cases("H25", 200, {"1.0": post(b"Expect: 100-continue", method=b"GET", version=b"1.0")}),
]


@parameters(LENGTHS, CODINGS)
def test_lengths_and_codings(case: Case, watched: RunningServer, nginx_peer: WebServer) -> None:
    compare(case, watched, nginx_peer)


@parameters(CHUNKS, FOLLOWED)
def test_chunks_and_what_follows(case: Case, watched: RunningServer, nginx_peer: WebServer) -> None:
    compare(case, watched, nginx_peer)


@pytest.mark.parametrize("field", ["Accept: application/json", "If-None-Match: *", "Host: y"])
def test_trailers_are_not_headers(watched: RunningServer, field: str) -> None:
    """B10: what comes after the body cannot change what was asked."""
    asked = b"GET / HTTP/1.1\r\nHost: localhost\r\n" + CHUNKED + b"\r\n\r\n0\r\n" + field.encode() + b"\r\n\r\n"
    with socket.create_connection(("127.0.0.1", watched.port)) as client:
        client.sendall(asked)
        answer = client.recv(65536)
    assert status(answer) == 200
    assert headers(answer)["content-type"].startswith("text/html")


@pytest.mark.parametrize("framing", [b"Content-Length: 5", b"Content-Length: 65536", CHUNKED])
@pytest.mark.parametrize("end", ["silence", "FIN", "RST"])
def test_a_body_that_does_not_come(watched: RunningServer, framing: bytes, end: str) -> None:
    """B6: it has a deadline; who hangs up is forgotten."""
    with socket.create_connection(("127.0.0.1", watched.port)) as client:
        client.sendall(post(framing, body=b"3\r"))
        if end == "RST":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
            return
        if end == "FIN":
            client.shutdown(socket.SHUT_WR)
        assert statuses(read_on(client, 5)) == ([408] if end == "silence" else [])


def test_a_body_is_not_asked_for_that_would_be_refused(watched: RunningServer) -> None:
    """B15: 413 comes in the place of 100."""
    assert converse(watched, post(b"Expect: 100-continue", b"Content-Length: 65537")) == [413]


def test_an_endless_body_is_cut_off(watched: RunningServer) -> None:
    """B15: and its last bytes are read before we hang up, or a reset would overtake the answer."""
    answer = exchange(watched, post(CHUNKED), *[b"1000\r\n" + b"x" * 4096 + b"\r\n"] * 20)
    assert status(answer) == 413


@pytest.fixture(scope="module")
def patient(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    """A market in which quotes never come after the first step."""
    return serve_ticker("--config", "configs/load.toml")


@pytest.mark.parametrize(("behind", "found"), [(2, [200] * 3), (8, [200] * 9), (9, [429]), (1000, [429])])
def test_requests_behind_one_that_waits(patient: RunningServer, behind: int, found: list[int]) -> None:
    """B18: so many may wait behind an answer that is held, and no more."""
    poll = get("/v1/ticks?symbols=SYM0000&channels=quotes&wait=0.3")
    assert statuses(exchange(patient, poll + GOOD * behind, pause_s=1)) == found


@pytest.mark.parametrize("rest", [b"\0", GOOD[:20], b"NONSENSE\r\n\r\n", b"\x16\x03\x01"])
def test_bytes_that_come_while_a_poll_waits(patient: RunningServer, rest: bytes) -> None:
    """B20: the answer comes first, then the refusal of what came behind it."""
    poll = get("/v1/ticks?symbols=SYM0000&channels=quotes&wait=1")
    found = statuses(exchange(patient, poll, rest, pause_s=0.6))
    assert found == ([200] if rest == GOOD[:20] else [200, 400])


def test_an_upgrade_does_not_wait_behind_a_poll(patient: RunningServer) -> None:
    """B20 and U15: the answer comes first, then the refusal."""
    poll = get("/v1/ticks?symbols=SYM0000&channels=quotes&wait=1")
    key = ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
    upgrade = get("/v1/stream", "Connection: Upgrade", "Upgrade: websocket", *key)
    assert statuses(exchange(patient, poll, upgrade, pause_s=0.6)) == [200, 400]


@pytest.mark.parametrize("rest", [GOOD, b"\0" * 100_000, b"NONSENSE\r\n\r\n"])
def test_bytes_that_come_while_events_flow(watched: RunningServer, rest: bytes) -> None:
    """B20 and E4: they are not heard, and the events flow on."""
    with socket.create_connection(("127.0.0.1", watched.port), timeout=5) as client:
        client.sendall(get("/v1/sse?symbols=*") + rest)
        answer = client.recv(65536)
        client.sendall(rest)
        until = time.monotonic() + 5
        while answer.count(b"event: ticks") < 30:
            assert time.monotonic() < until
            answer += client.recv(65536)
    assert statuses(answer) == [200]
