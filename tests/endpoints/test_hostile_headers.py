"""Headers and queries that are well-formed and mean no good: what they may ask for, and what they may not.

The families are those of a catalogue: H14, H20, H23 to H30, and E1, E9, E15, E16 and E18.
"""

import socket
from collections.abc import Callable

import pytest

from conftest import RunningServer
from hostile import Case, cases, compare, parameters
from raw_http import body, exchange, get, headers, status
from web_servers import WebServer

PATHS = ["/", "/healthz", "/readyz", "/metrics", "/v1/instruments", "/v1/instruments/ACME", "/favicon.ico", "/main.js"]
QUERIES = ["/v1/snapshot?symbols=ACME", "/v1/ticks?symbols=ACME", "/v1/bars?symbol=ACME", "/v1/sse?symbols=ACME"]
UPGRADES = ["/v1/stream", "/hello"]
LIMIT = "64 headers in 16 KiB are our limit"


def ask(*fields: str) -> bytes:
    return get("/healthz", *fields)


def named(prefix: str, *values: str) -> dict[str, bytes]:
    return {f"{prefix} {value[:16]}": ask(f"{prefix}: {value}") for value in values}


IGNORED = [
    *cases("H23", 200, named("Connection", "close", "keep-alive", "close, keep-alive", "Host", "", ",,,", '"close"')),
    *cases("H23", 200, named("Connection", ", ".join(f"t{number}" for number in range(100)), "upgrade, close")),
    *cases("H24", 200, named("X-Forwarded-For", "6.6.6.6", ", ".join(["10.0.0.1"] * 100), "unknown", "fe80::1%eth0")),
    *cases("H24", 200, named("Forwarded", "for=_x;by=y", 'for="[') | named("X-Real-IP", "127.0.0.1", "'; --")),
    *cases("H26", 200, named("Accept", ", ".join(["a/b;q=0.5"] * 1000), "*/*;q=NaN", "/", "")),
    *cases("H26", 200, named("Accept-Encoding", ", ".join(["gzip;q=1"] * 1000), "*;q=0", "identity;q=0")),
    *cases("H27", 200, named("Authorization", "", "Basic", "Basic !", "Bearer " + "x" * 8192, "\xff", "Digest a=")),
    *cases("H28", 200, named("Cookie", "; ".join(f"c{number}=1" for number in range(300)), "x" * 8192, "=;=;")),
    *cases("H29", 200, named("Range", "bytes=0-0", "bytes=-1", "x") | named("If-Modified-Since", "garbage", "")),
]

MANY = [
    *cases("H20", 200, {"64": ask(*(f"A{number}: x" for number in range(63)))}),
    *cases("H20", 431, {"65": ask(*(f"A{number}: x" for number in range(64)))}, LIMIT),
    *cases("H20", 431, {"1000": ask(*(f"A{number}: x" for number in range(1000)))}),
    *cases("H20", 431, {"1 MiB": ask("A: " + "x" * 2**20), "endless": ask("A: " + "x" * 2**17)[:-4]}),
]


@parameters(IGNORED, MANY)
def test_what_changes_nothing(case: Case, watched: RunningServer, nginx_peer: WebServer) -> None:
    compare(case, watched, nginx_peer)


@pytest.mark.parametrize(("more", "code"), [(0, 200), (1, 431)])
def test_a_head_has_so_many_bytes_and_no_more(watched: RunningServer, more: int, code: int) -> None:
    """H20: target and fields count, with four bytes of punctuation each."""
    rest = "/healthz" + "Host: 127.0.0.1\r\n" + "Connection: close\r\n" + "A: \r\n"
    long = "A: " + "x" * (16_384 - len(rest) + more)
    assert status(exchange(watched, get("/healthz", "Connection: close", long))) == code


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("&".join(f"p{number}=1" for number in range(1000)), "p0"),
        ("symbols=ACME&symbols=BYTE", "symbols"),
        ("symbols=ACME&a[]=1", "a[]"),
        ("symbols=ACME&=1", ""),
        ("symbols=ACME&x", "x"),
        ("symbols=ACME&callback=alert", "callback"),
        ("symbols=ACME&callback=<script>", "callback"),
        ("symbols=ACME&SYMBOLS=ACME", "SYMBOLS"),
        ("symbols=ACME&symbols%00=1", None),
        ("", "symbols"),
        ("symbols=", "symbols"),
    ],
)
@pytest.mark.parametrize("path", ["/v1/snapshot", "/v1/ticks", "/v1/sse"])
def test_parameters_that_are_none(watched: RunningServer, path: str, query: str, field: str | None) -> None:
    """H14 and E15: what is not known is refused by name, a JSONP callback too."""
    answer = exchange(watched, get(f"{path}?{query}", "Connection: close"))
    assert status(answer) == 400
    assert body(answer)["code"] == "bad_request"
    assert body(answer).get("field") == field


@pytest.mark.parametrize(
    "symbol", ["A%0D%0AX", "%0a%0adata:x", "<script>", "../ACME", ">", "A" * 8000, "%ff", "$JS.API.%3e"]
)
@pytest.mark.parametrize(
    "path", ["/v1/snapshot?symbols=", "/v1/ticks?symbols=", "/v1/sse?symbols=", "/v1/bars?symbol="]
)
def test_symbols_that_are_none(watched: RunningServer, path: str, symbol: str) -> None:
    """E8 and S1: they come back, if at all, as a JSON string."""
    answer = exchange(watched, get(path + symbol, "Connection: close"))
    assert status(answer) == 404
    assert body(answer)["code"] == "unknown_symbol"
    assert headers(answer)["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "wait", ["-1", "1e9", "nan", "inf", "-inf", "1e400", "text", "", "0x1", "1,5", "25.001", "1_0", "true"]
)
def test_waits_that_are_none(watched: RunningServer, wait: str) -> None:
    answer = exchange(watched, get(f"/v1/ticks?symbols=ACME&wait={wait}", "Connection: close"))
    assert status(answer) == 400
    assert body(answer)["field"] == "wait"


@pytest.mark.parametrize("wait", ["0", "0.0", "0.001", "1e-400", "-0"])
def test_waits_that_are_short(watched: RunningServer, wait: str) -> None:
    assert status(exchange(watched, get(f"/v1/ticks?symbols=ACME&wait={wait}", "Connection: close"))) == 200


@pytest.mark.parametrize("path", PATHS + QUERIES)
def test_head_is_get_without_a_body(watched: RunningServer, path: str) -> None:
    """E18."""
    answer = exchange(watched, get(path, "Connection: close", method="HEAD"))
    assert status(answer) == 200
    assert answer.endswith(b"\r\n\r\n")
    assert answer.count(b"\r\n\r\n") == 1


@pytest.mark.parametrize("path", PATHS + QUERIES + UPGRADES)
def test_options_name_the_methods(watched: RunningServer, path: str) -> None:
    answer = exchange(watched, get(path, "Connection: close", method="OPTIONS"))
    assert status(answer) == 204
    assert headers(answer)["allow"] == "GET, HEAD, OPTIONS"
    assert answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE"])
@pytest.mark.parametrize("path", PATHS + QUERIES)
def test_other_methods_are_not_allowed(watched: RunningServer, path: str, method: str) -> None:
    answer = exchange(watched, get(path, "Connection: close", "Content-Length: 0", method=method))
    assert status(answer) == 405
    assert headers(answer)["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ("*", 304),
        ("TAG", 304),
        ("W/TAG", 304),
        ('"x", TAG', 304),
        (", ".join(f'"{number}"' for number in range(1000)) + ", TAG", 304),
        (", ".join(f'"{number}"' for number in range(1000)), 200),
        ("", 200),
        (",,,", 200),
        ('"', 200),
        ('"*"', 200),
        ("w/TAG", 200),
        ("\xff", 200),
    ],
)
@pytest.mark.parametrize("path", ["/v1/instruments/ACME", "/main.js", "/"])
def test_tags_that_match_and_tags_that_do_not(watched: RunningServer, path: str, asked: str, code: int) -> None:
    """H29: a 304 has the tag and no body."""
    tag = headers(exchange(watched, get(path, "Connection: close")))["etag"]
    answer = exchange(watched, get(path, f"If-None-Match: {asked.replace('TAG', tag)}", "Connection: close"))
    assert status(answer) == code
    assert headers(answer)["etag"] == tag
    assert code != 304 or answer.endswith(b"\r\n\r\n")


@pytest.mark.parametrize("accept", ["", "Accept: text/html", "Accept: application/json", "Accept: image/*;q=0"])
@pytest.mark.parametrize(
    ("place", "code"),
    [
        ("", 200),
        ("-1", 400),
        ("E:-1", 400),
        ("E:18446744073709551616", 400),
        ("E:1.5", 400),
        ("E:1e3", 400),
        ("x" * 10_240, 400),
        ("\xff:1", 200),
        ("E\t:1", 200),
        ("other:1", 200),
        ("E:99999999", 200),
        ("E:0, E:0", 200),
    ],
)
def test_last_event_ids(watched: RunningServer, place: str, code: int, accept: str) -> None:
    """H30: what is no position is refused; who had one that is not ours is told, or it would not come back."""
    tape = str(body(exchange(watched, get("/readyz", "Connection: close")))["epoch"])
    fields = [f"Last-Event-ID: {place.replace('E', tape)}", *([accept] if accept else [])]
    with socket.create_connection(("127.0.0.1", watched.port), timeout=5) as client:
        client.sendall(get("/v1/sse?symbols=*", *fields))
        answer = client.recv(65536)
        while code == 200 and b"event: " not in answer:
            answer += client.recv(65536)
    assert status(answer) == code
    assert (b"event: recovered" in answer and b'"complete":false' in answer) == (code == 200 and bool(place))


@pytest.fixture(scope="module")
def shared(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker("--http.origins", "https://app.example,http://localhost:3000")


STRANGERS = [
    "",
    "null",
    "*",
    "https://app.example/",
    "https://app.example:443",
    "http://app.example",
    "HTTPS://APP.EXAMPLE",
    "https://app.example.evil",
    "https://evil.app.example",
    "https://evilapp.example",
    "https://app.example@evil",
    "https://app.example evil",
    "https://app.example, https://evil",
    "https://appXexample",
    "http://localhost",
    "http://localhost:30000",
    "file://",
    "chrome-extension://x",
    "http://[::1]:3000",
    "x" * 10_240,
]


@pytest.mark.parametrize("origin", STRANGERS)
def test_strangers_read_nothing(shared: RunningServer, origin: str) -> None:
    """O1 to O6: an origin is compared whole."""
    for method in ("GET", "OPTIONS"):
        fields = (f"Origin: {origin}", "Access-Control-Request-Method: GET", "Connection: close")
        answer = exchange(shared, get("/v1/snapshot?symbols=ACME", *fields, method=method))
        assert status(answer) in (200, 204)
        assert b"Access-Control" not in answer
        assert headers(answer)["vary"] == "Origin"


@pytest.mark.parametrize("asked", ["GET", "PUT", "get", "", "X" * 1000])
@pytest.mark.parametrize("path", QUERIES + UPGRADES)
def test_a_preflight_of_a_friend_is_told_what_there_is(shared: RunningServer, path: str, asked: str) -> None:
    """E16: whatever is asked for, the same methods are allowed."""
    friend = ("Origin: https://app.example", "Access-Control-Request-Headers: last-event-id", "Connection: close")
    answer = exchange(shared, get(path, *friend, f"Access-Control-Request-Method: {asked}", method="OPTIONS"))
    found = headers(answer)
    assert status(answer) == 204
    assert found["access-control-allow-origin"] == "https://app.example"
    assert found.get("access-control-allow-methods") == ("GET, HEAD, OPTIONS" if asked else None)
    assert found.get("access-control-allow-headers") == ("last-event-id" if asked else None)
    assert "access-control-allow-credentials" not in found


@pytest.mark.parametrize("path", PATHS + QUERIES[:3])
def test_nobody_reads_across_origins_by_default(watched: RunningServer, path: str) -> None:
    for method in ("GET", "OPTIONS"):
        fields = ("Origin: http://localhost:3000", "Access-Control-Request-Method: GET", "Connection: close")
        answer = exchange(watched, get(path, *fields, method=method))
        assert status(answer) in (200, 204)
        assert b"access-control" not in answer.lower().partition(b"\r\n\r\n")[0]
