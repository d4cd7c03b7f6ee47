"""Where a token may be, and what becomes of every other: in the query, headers, subprotocols and messages; and origins.

O1 to O8 of the catalogue of bad input; the names and origins of browsers are looked at in `test_callers` too.
"""

import json
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from conftest import RunningServer, start_server
from credentials import AUDIENCE, ROLES, SECRET, signed, tokens_file
from plain_client import PlainClient
from raw_http import PATIENCE_S, body, exchange, get, headers, status
from ticker.dialects import native
from ticker.endpoints.http import Request
from ticker.session.messages import Authenticate

GOOD, OTHER, WRONG = ROLES["everything"].token, ROLES["two symbols"].token, "wrong-0123456789-wrong"
UPGRADE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: " + "A" * 22 + "==",
)
REQUESTS = {
    "snapshot": "/v1/snapshot?symbols=ACME",
    "short poll": "/v1/ticks?symbols=ACME",
    "sse": "/v1/sse?symbols=ACME",
    "bars": "/v1/bars?symbol=ACME",
    "instruments": "/v1/instruments",
    "stream": "/v1/stream",
    "hello": "/hello",
}


@pytest.fixture(scope="module")
def server(serve_ticker: Callable[..., RunningServer], tmp_path_factory: pytest.TempPathFactory) -> RunningServer:
    folder = tmp_path_factory.mktemp("auth")
    (folder / "key").write_text(SECRET)
    quick = ("--stream.close-s", "0.2")
    keys = (*quick, "--auth.jwt-key-file", str(folder / "key"), "--auth.jwt-audience", AUDIENCE)
    return serve_ticker(
        "--auth.file", str(tokens_file(folder / "t.toml")), *keys, "--http.origins", "https://app.example"
    )


@pytest.fixture(scope="module")
def strict(serve_ticker: Callable[..., RunningServer], tmp_path_factory: pytest.TempPathFactory) -> RunningServer:
    """One that takes no token from the query, and has little patience."""
    file = tokens_file(tmp_path_factory.mktemp("auth") / "t.toml")
    return serve_ticker("--auth.file", str(file), "--auth.header-only", "--auth.deadline-s", "0.3")


def bearer(token: str, scheme: str = "Bearer") -> str:
    return f"Authorization: {scheme} {token}"


def ask(server: RunningServer, target: str, *lines: str) -> tuple[int, str]:
    """Return the status of an answer, and the code of a refusal."""
    upgrade = UPGRADE if target.partition("?")[0] in ("/v1/stream", "/hello") else ()
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE_S) as client:
        client.sendall(get(target, *lines, *(upgrade or ("Connection: close",))))
        answer = b""
        while b"\r\n\r\n" not in answer or (status(answer) >= 400 and not answer.endswith(b"}")):
            answer += client.recv(65536)
    found = status(answer)
    return (found, body(answer)["code"]) if found >= 400 else (found, "")


def queried(target: str, *tokens: str, name: str = "token") -> str:
    return target + "".join(("&" if "?" in target or k else "?") + f"{name}={quote(t)}" for k, t in enumerate(tokens))


def let_in(target: str) -> tuple[int, str]:
    return (101, "") if target in ("/v1/stream", "/hello") else (200, "")


@pytest.mark.parametrize("target", REQUESTS.values(), ids=REQUESTS)
def test_a_token_is_taken_from_the_header_and_the_query(server: RunningServer, target: str) -> None:
    for token in (GOOD, signed()):
        assert ask(server, target, bearer(token)) == let_in(target)
        assert ask(server, queried(target, token)) == let_in(target)
        assert ask(server, queried(target, token), bearer(token)) == let_in(target), "the same twice is one"
    assert ask(server, target, bearer(GOOD, "bearer")) == let_in(target)
    assert ask(server, queried(target, GOOD, name="%74oken")) == let_in(target)
    assert ask(server, queried(target, GOOD, GOOD)) == let_in(target)


BAD_TOKENS = {
    "wrong": WRONG,
    "empty": "",
    "expired": signed(seconds=-1),
    "not yet valid": signed(nbf=time.time() + 600),
    "of another audience": signed(aud="another"),
    "signed by another": signed(key=SECRET[::-1]),
    "alg none": "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJleHAiOjQxMDI0NDQ4MDB9.",
    "10 KB": "x" * 7000,
    "two dots": "..",
    "a comma": f"{GOOD},{GOOD}",
    "longer": GOOD + "x",
    "shorter": GOOD[:-1],
    "of other case": GOOD.upper(),
}


@pytest.mark.parametrize("token", BAD_TOKENS.values(), ids=BAD_TOKENS)
@pytest.mark.parametrize("target", ["/v1/snapshot?symbols=ACME", "/v1/sse?symbols=ACME", "/v1/stream", "/hello"])
def test_no_other_token_is_taken(server: RunningServer, target: str, token: str) -> None:
    assert ask(server, target, bearer(token)) == (401, "unauthorized")
    assert ask(server, queried(target, token)) == (401, "unauthorized")


def test_a_token_may_not_be_so_long_that_no_head_is(server: RunningServer) -> None:
    assert ask(server, queried("/v1/instruments", "x" * 10_240)) == (414, "uri_too_long")
    assert ask(server, "/v1/instruments", bearer("x" * 20_000)) == (431, "head_too_large")


@pytest.mark.parametrize("token", ["a\x00b", "é", "\x7f", "%00"])
def test_nor_have_characters_that_no_token_has(server: RunningServer, token: str) -> None:
    answer = exchange(server, get("/v1/instruments", bearer(token), "Connection: close"))
    assert status(answer) in (400, 401)
    assert ask(server, f"/v1/instruments?token={quote(token)}")[0] in (400, 401)


@pytest.mark.parametrize("target", ["/v1/snapshot?symbols=ACME", "/v1/sse?symbols=ACME", "/v1/stream", "/hello"])
@pytest.mark.parametrize("other", [OTHER, WRONG], ids=["good", "wrong"])
def test_two_that_differ_are_none(server: RunningServer, target: str, other: str) -> None:
    for first, second in ((GOOD, other), (other, GOOD)):
        assert ask(server, queried(target, first), bearer(second)) == (400, "bad_request")
        assert ask(server, queried(target, first, second)) == (400, "bad_request")
        assert ask(server, target, bearer(first), bearer(second)) == (400, "bad_request")


def test_what_another_scheme_says_is_not_meant_for_us(server: RunningServer) -> None:
    assert ask(server, "/v1/instruments", "Authorization: Basic dXNlcjpwYXNz") == (401, "unauthorized")
    assert ask(server, "/v1/instruments", f"Authorization: {GOOD}") == (401, "unauthorized")
    assert ask(server, queried("/v1/instruments", GOOD), "Authorization: Basic dXNlcjpwYXNz") == (200, "")
    answer = exchange(server, get("/v1/instruments", "Connection: close"))
    assert headers(answer)["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("name", ["Cookie", "X-Token", "X-Api-Key", "Proxy-Authorization", "Sec-WebSocket-Protocol"])
def test_in_another_header_it_is_none(server: RunningServer, name: str) -> None:
    assert ask(server, "/v1/snapshot?symbols=ACME", f"{name}: Bearer {GOOD}") == (401, "unauthorized")


def test_in_a_subprotocol_it_is_none_either(server: RunningServer) -> None:
    assert ask(server, "/v1/stream", f"Sec-WebSocket-Protocol: {GOOD}") == (400, "bad_request")
    with PlainClient(server.port) as client:
        assert client.read_until("welcome")[0]["auth_required"] is True


def test_a_server_may_take_none_from_the_query(strict: RunningServer) -> None:
    for target in ("/v1/snapshot?symbols=ACME", "/v1/sse?symbols=ACME", "/v1/stream"):
        assert ask(strict, queried(target, GOOD)) == (400, "bad_request")
        assert ask(strict, target, bearer(GOOD)) == let_in(target)


@pytest.mark.parametrize("target", ["/healthz", "/", "/main.js", "/openapi.json"])
def test_where_nobody_is_asked_a_token_does_no_harm(server: RunningServer, target: str) -> None:
    assert ask(server, queried(target, WRONG), bearer(GOOD)) == (200, "")


def test_a_browser_asks_first_whether_it_may_send_one(server: RunningServer) -> None:
    lines = (
        "Origin: https://app.example",
        "Access-Control-Request-Method: GET",
        "Access-Control-Request-Headers: authorization",
    )
    answer = exchange(server, get("/v1/snapshot?symbols=ACME", *lines, "Connection: close", method="OPTIONS"))
    assert status(answer) == 204
    assert headers(answer)["access-control-allow-headers"] == "authorization"
    assert headers(answer)["access-control-allow-origin"] == "https://app.example"
    refused = exchange(server, get("/v1/snapshot?symbols=ACME", "Origin: https://app.example", "Connection: close"))
    assert (status(refused), headers(refused)["access-control-allow-origin"]) == (401, "https://app.example")


@pytest.mark.parametrize("token", [GOOD, OTHER, WRONG, ""], ids=["good", "limited", "wrong", "none"])
def test_what_is_answered_is_for_whoever_asked(server: RunningServer, token: str) -> None:
    """No proxy may keep it, no page of another origin read it, and none is told that it may with the user's cookies."""
    for target in ("/v1/snapshot?symbols=ACME", "/v1/ticks?symbols=ACME", "/v1/bars?symbol=ACME", "/v1/instruments"):
        for origin in ((), ("Origin: https://evil.example",), ("Origin: https://app.example",)):
            answer = exchange(server, get(target, *origin, *([bearer(token)] if token else []), "Connection: close"))
            found = headers(answer)
            assert found["cache-control"] in ("no-store", "no-cache")
            assert found["vary"] == "Origin"
            assert "access-control-allow-credentials" not in found
            allowed = "https://app.example" if origin and "app.example" in origin[0] else None
            assert found.get("access-control-allow-origin") == allowed


def test_tokens_without_tls_where_others_can_listen_are_warned_of(tmp_path: Path) -> None:
    file = tokens_file(tmp_path / "t.toml")
    public = ("--host", "0.0.0.0", "--server.public")
    for number, (flags, warned) in enumerate(
        [
            ((*public, "--auth.file", str(file)), True),
            (("--auth.file", str(file)), False),
        ]
    ):
        log = tmp_path / f"log{number}"
        server = start_server("--market.model", "plain", *flags, log=log)
        server.stop()
        assert server.process.stdout is not None
        server.process.stdout.close()
        assert ("unencrypted" in log.read_text()) == warned


# Over a WebSocket.


def ending(client: PlainClient) -> tuple[int | None, dict[str, Any]]:
    heard = client.read_until("closing")
    return client.read_close(), next(one for one in heard if one["type"] == "closing")


def test_a_message_says_who_one_is(server: RunningServer) -> None:
    with PlainClient(server.port) as client:
        assert client.read_until("welcome")[0]["auth_required"] is True
        client.send({"op": "ping", "ts": 1}, {"op": "subscribe", "symbols": ["ACME"], "id": "early"})
        early = client.read_until("error", id="early")
        assert [one["type"] for one in early] == ["pong", "error"] and early[-1]["code"] == "unauthorized"
        client.send({"op": "auth", "token": GOOD, "id": 7})
        [known] = client.read_until("authenticated")
        assert known == {
            **{"type": "authenticated", "id": 7, "name": "everything", "symbols": ["*"], "subscriptions": {}},
            "channels": ["status", "quotes", "book", "trades", "bars.1s", "bars.1m", "stats"],
        }
        client.send({"op": "subscribe", "symbols": ["ACME"]})
        client.read_until("subscribed")


def test_a_jwt_says_until_when(server: RunningServer) -> None:
    with PlainClient(server.port) as client:
        until_s = int(time.time()) + 600
        client.send({"op": "auth", "token": signed(exp=until_s)})
        assert client.read_until("authenticated")[-1]["expires_ts"] == until_s * 1_000_000


@pytest.mark.parametrize("op", ["subscribe", "unsubscribe", "list", "window"])
def test_before_that_nothing_is_obeyed(server: RunningServer, op: str) -> None:
    more = {"window": {"size": 1}, "list": {}}.get(op, {"symbols": ["ACME"]})
    with PlainClient(server.port) as client:
        client.send({"op": op, "id": 1, **more})
        assert client.read_until("error", id=1)[-1]["code"] == "unauthorized"
        assert not [one for one in client.read(0.2) if one["type"] == "ticks"]


@pytest.mark.parametrize("token", BAD_TOKENS.values(), ids=BAD_TOKENS)
def test_one_guess_is_all(server: RunningServer, token: str) -> None:
    with PlainClient(server.port) as client:
        client.send({"op": "auth", "token": token, "id": 9}, {"op": "auth", "token": GOOD, "id": 10})
        heard = client.read_until("closing")
        assert [one["type"] for one in heard] == ["welcome", "error", "closing"]
        assert (heard[1]["code"], heard[1]["id"], heard[2]["code"]) == ("unauthorized", 9, 4501)
        assert heard[2]["reconnect_after_s"] is None
        assert client.read_close() == 4501


@pytest.mark.parametrize("token", [None, 7, ["a"], {"a": 1}, True, "x" * 8193])
def test_what_is_no_token_is_a_bad_request(server: RunningServer, token: Any) -> None:
    with PlainClient(server.port) as client:
        client.send({"op": "auth", "token": token}, {"op": "auth"})
        errors = [one for one in client.read_until("error", message="token: is missing") if one["type"] == "error"]
        assert [one["code"] for one in errors] == ["bad_request", "bad_request"]


def test_who_says_nothing_is_closed(strict: RunningServer) -> None:
    with PlainClient(strict.port) as client:
        client.send({"op": "ping"})
        code, closing = ending(client)
        assert (code, closing["code"], closing["reason"]) == (4501, 4501, "no token came in time")
    with PlainClient(strict.port) as client:
        client.send({"op": "auth", "token": GOOD}, {"op": "subscribe", "symbols": ["ACME"], "channels": ["quotes"]})
        assert client.read(1.5)[-1]["type"] == "ticks", "who has said it goes on"


def test_a_handshake_is_shown_without_what_is_secret(server: RunningServer) -> None:
    target = f"/v1/stream?token={GOOD}&handshake=true&%74oken={GOOD}"
    lines = (
        f"Referer: http://localhost/?token={GOOD}",
        f"Cookie: a={GOOD}",
        f"X-Odd: {GOOD}",
        f"Sec-WebSocket-Protocol: ticker.v1.json, {GOOD}",
    )
    answer = exchange(server, get(target, bearer(GOOD), *lines, *UPGRADE), patience_s=1.0)
    assert status(answer) == 101
    shown = answer.partition(b'"type":"handshake"')[2]
    assert b'"line":"GET /v1/stream?handshake=true HTTP/1.1"' in shown
    assert shown.count(b"(withheld)") == 5
    assert GOOD.encode() not in answer


# What is not to be seen in a request.


@pytest.mark.parametrize(
    ("target", "left", "tokens"),
    [
        ("/v1/ticks", "/v1/ticks", ()),
        ("/v1/ticks?symbols=*", "/v1/ticks?symbols=*", ()),
        ("/v1/ticks?token=a", "/v1/ticks", ("a",)),
        ("/v1/ticks?symbols=*&token=a&wait=1", "/v1/ticks?symbols=*&wait=1", ("a",)),
        ("/v1/ticks?token=a&token=b", "/v1/ticks", ("a", "b")),
        ("/v1/ticks?%74%6f%6B%65n=a%20b&x=1", "/v1/ticks?x=1", ("a b",)),
        ("/v1/ticks?token", "/v1/ticks", ("",)),
        ("/v1/ticks?token=", "/v1/ticks", ("",)),
        ("/v1/ticks?tokens=a&Token=b", "/v1/ticks?tokens=a&Token=b", ()),
        ("/v1/ticks?token=a=b&y", "/v1/ticks?y", ("a=b",)),
        ("http://h/v1/ticks?token=a", "http://h/v1/ticks", ("a",)),
        ("/token?x=token", "/token?x=token", ()),
        ("/v1/ticks?&&token=a&", "/v1/ticks?&&", ("a",)),
    ],
)
def test_a_request_has_no_token_in_its_target(target: str, left: str, tokens: tuple[str, ...]) -> None:
    request = Request("GET", target, "1.1", [("authorization", "Bearer secret")])
    assert (request.target, request.tokens) == (left, tokens)
    assert "secret" not in repr(request) and "tokens" not in repr(request).replace("tokens=a", "")


def test_a_message_shows_no_token_either() -> None:
    message = native.parse(json.dumps({"op": "auth", "token": "secret", "id": 1}))
    assert isinstance(message, Authenticate) and message.token == "secret"
    assert "secret" not in repr(message)


# Origins (O1 to O6), beyond those of test_callers.

ALLOWED = {
    "absent": (),
    "empty": ("Origin:",),
    "named": ("Origin: https://app.example",),
}
FORBIDDEN = {
    "null": "null",
    "another scheme": "http://app.example",
    "another port": "https://app.example:8443",
    "a path": "https://app.example/page",
    "a trailing slash": "https://app.example/",
    "upper case": "HTTPS://APP.EXAMPLE",
    "a suffix": "https://app.example.evil",
    "a prefix": "https://evilapp.example",
    "a user": "https://app.example@evil.example",
    "a look-alike": "https://xn--pp-0kb.example",
    "look-alike letters": "https://\u0430pp.example".encode().decode("latin-1"),
    "a wildcard": "https://*.example",
    "a dot that is any": "https://appXexample",
    "a file": "file://",
    "an extension": "chrome-extension://abcdefghijklmnop",
    "an address": "https://10.0.0.1",
    "a dot at the end": "https://app.example.",
    "a space": "https://app.example https://evil.example",
    "a fragment": "https://app.example#@evil.example",
    "a backslash": "https://app.example\\@evil.example",
}


@pytest.mark.parametrize("lines", ALLOWED.values(), ids=ALLOWED)
def test_an_origin_that_may(server: RunningServer, lines: tuple[str, ...]) -> None:
    assert ask(server, "/v1/stream", *lines) == (101, "")


@pytest.mark.parametrize("origin", FORBIDDEN.values(), ids=FORBIDDEN)
@pytest.mark.parametrize("token", ["", GOOD], ids=["without a token", "with one"])
def test_an_origin_that_may_not(server: RunningServer, origin: str, token: str) -> None:
    """A token does not help: it may be the user's, and the page somebody else's."""
    lines = [bearer(token)] if token else []
    assert ask(server, "/v1/stream", f"Origin: {origin}", *lines) == (403, "forbidden")


def test_two_origins_are_none(server: RunningServer) -> None:
    pair = ("Origin: https://app.example", "Origin: https://evil.example")
    assert ask(server, "/v1/stream", *pair) == (403, "forbidden")
    assert ask(server, "/v1/stream", *reversed(pair)) == (403, "forbidden")


@pytest.mark.parametrize("ending", ["\n", "\r", "\x00", "\r\n "])
def test_an_origin_with_a_line_break_is_malformed(server: RunningServer, ending: str) -> None:
    origin = f"Origin: https://app.example{ending}https://evil.example"
    assert status(exchange(server, get("/v1/stream", origin, *UPGRADE))) in (400, 403)
