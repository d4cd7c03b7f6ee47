"""A token that nobody can mistake, sent in every way, right and wrong: it comes out nowhere.

Not in the log (at its most talkative), the metrics, an answer, a welcome, a handshake that is shown, the audit of the
admin API, a report of the load tester, nor in what clients print, log or raise.
"""

import asyncio
import contextlib
import http.client
import json
import logging
import os
import socket
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from websockets.frames import Frame, Opcode

from conftest import ROOT, RunningServer
from credentials import AUDIENCE, SECRET, signed
from plain_client import PlainClient
from raw_http import exchange
from ticker import cli
from ticker.config import Config, LogConfig
from ticker.dialects.documents.routes import ADMIN_GETS, ADMIN_POSTS, ROUTES
from ticker_client import ConnectionEnded, Refused, connect

RIGHT, WRONG, ADMIN = "kanarie-right-7c1f2b9e", "kanarie-wrong-d04a6e51", "kanarie-admin-93be7720"
KEY = f"kanarie-secret-{SECRET}"
LIMITED = '[[token]]\nname = "limited"\ntoken = "kanarie-other-58d1c3a6"\nsymbols = ["ACME"]\nchannels = ["trades"]\n'
OTHER = "kanarie-other-58d1c3a6"
UPGRADE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: " + "A" * 22 + "==",
)
QUICK = ("--stream.close-s", "0.2", "--http.head-s", "1", "--auth.deadline-s", "1")


@dataclass
class Aviary:
    """A server, where it writes, and all that it was heard to say."""

    server: RunningServer
    folder: Path
    jwts: tuple[str, ...]
    heard: list[tuple[str, bytes]] = field(default_factory=list)

    @property
    def tokens(self) -> tuple[str, ...]:
        return (RIGHT, WRONG, OTHER, ADMIN, *self.jwts)

    def hear(self, what: str, data: bytes) -> None:
        self.heard.append((what, data))

    def check(self) -> None:
        """Look for the bird, and for a part of a JWT that says or proves something."""
        parts = [part.encode() for token in self.jwts for part in token.split(".")[1:] if len(part) > 8]
        log = (self.folder / "log").read_bytes()
        heard, self.heard = self.heard, []
        for what, data in [*heard, ("the log", log)]:
            found = [bird for bird in (b"kanarie", b"KANARIE", *ENCODED, *parts) if bird in data]
            assert not found, (what, found, data[max(0, data.find(found[0]) - 200) :][:400])


@pytest.fixture(scope="module")
def aviary(serve_ticker: Callable[..., RunningServer], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Aviary]:
    folder = tmp_path_factory.mktemp("aviary")
    (folder / "t.toml").write_text(
        f'[[token]]\nname = "bird"\ntoken = "{RIGHT}"\nsymbols = "*"\nchannels = "*"\n{LIMITED}'
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TICKER_AUTH_JWT_KEY", KEY)
        patch.setenv("TICKER_ADMIN_TOKEN", ADMIN)
        patch.setenv("PYTHONASYNCIODEBUG", "1")
        files = ("--auth.file", str(folder / "t.toml"), "--auth.jwt-audience", AUDIENCE)
        server = serve_ticker(
            *(*files, *QUICK, "--admin.enabled", "--log.level", "debug", "--server.loop", "asyncio"), log=folder / "log"
        )
    jwts = (signed(key=KEY), signed(key=SECRET), signed(key=KEY, seconds=-5), signed(key=KEY, aud="kanaries"))
    yield Aviary(server, folder, jwts)


def answer(aviary: Aviary, method: str, target: str, headers: dict[str, str], body: str = "") -> int:
    """Ask, hear all of the answer, or the beginning of one without an end, and return its status."""
    connection = http.client.HTTPConnection("127.0.0.1", aviary.server.port, timeout=10)
    try:
        connection.request(method, target, body or None, headers)
        response = connection.getresponse()
        head = str(response.getheaders()).encode()
        endless = response.headers.get_content_type() == "text/event-stream"
        aviary.hear(f"{method} {target}", head + (response.read(1) if endless else response.read()))
        return response.status
    finally:
        connection.close()


def placed(token: str, target: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield a target and headers for every place that a token may be put in, the right ones and others."""
    joined, text = ("&" if "?" in target else "?"), quote(token)
    yield target, {"Authorization": f"Bearer {token}"}
    yield f"{target}{joined}token={text}", {}
    yield f"{target}{joined}%74oke%6E={text}", {"Referer": f"http://localhost/?token={token}"}
    yield f"{target}{joined}token={text}&token={quote(WRONG)}", {"Authorization": f"Bearer {OTHER}"}
    yield target, {"Authorization": token, "Cookie": f"token={token}", "X-Api-Key": token}
    yield target, {"Authorization": f"Basic {token}", "Origin": "https://evil.example"}
    yield target, {"APCA-API-KEY-ID": token, "APCA-API-SECRET-KEY": token}
    yield target, {"Authorization": f"Basic {basic(token)}", "APCA-API-SECRET-KEY": WRONG}
    yield target, {"Authorization": f"Basic {basic(token)}"}


def basic(token: str) -> str:
    """Return a key and a token as one word, as Basic has them."""
    return b64encode(f"k:{token}".encode()).decode()


ENCODED = [basic(token)[4:-4].encode() for token in (RIGHT, WRONG, OTHER, ADMIN)]


QUERIES = {
    **{"/v1/sse": "?symbols=ACME", "/v1/ticks": "?symbols=ACME&wait=0.1"},
    **{"/v1/snapshot": "?symbols=*", "/v1/bars": "?symbol=BANK"},
}
PATHS = [path.replace("{symbol}", "ACME") + QUERIES.get(path, "") for path in [*ROUTES, *ADMIN_GETS]]
PATHS += ["/alpaca/v2/stocks/trades/latest?symbols=ACME", "/alpaca/v2/nothing"]


def test_no_request_brings_it_out(aviary: Aviary) -> None:
    seen = set()
    for path in PATHS:
        for token in aviary.tokens:
            for target, headers in placed(token, path):
                for method in ("GET", "OPTIONS") if token == RIGHT else ("GET",):
                    seen.add(answer(aviary, method, target, headers))
    assert seen >= {200, 204, 400, 401, 403, 426}
    for token, status in ((RIGHT, 200), (WRONG, 401)):
        for headers in ({"APCA-API-SECRET-KEY": token}, {"Authorization": f"Basic {basic(token)}"}):
            assert answer(aviary, "GET", "/alpaca/v2/stocks/trades/latest?symbols=ACME", headers) == status
    aviary.check()


def test_nor_does_the_admin_api_and_its_audit(aviary: Aviary) -> None:
    bodies = [
        "",
        "{}",
        json.dumps({"token": RIGHT}),
        json.dumps({"speed": 1.0, "token": WRONG}),
        f'{{"token": "{ADMIN}',
        RIGHT,
    ]
    for path in ADMIN_POSTS:
        if path == "/admin/checkpoint":
            continue
        for token in (ADMIN, RIGHT, WRONG):
            for body in bodies:
                headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
                answer(aviary, "POST", path, headers, body)
                for method, media in (("POST", "text/plain"), ("PUT", "application/json")):
                    headers = {"Authorization": f"Bearer {token}", "Content-Type": media}
                    answer(aviary, method, path, headers, body)
            answer(aviary, "POST", f"{path}?token={token}", {"Content-Type": "application/json"}, bodies[2])
            answer(aviary, "POST", path, {"Authorization": token}, token + " " * 70_000)
            request = f"POST {path}?token={token} HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
            said = exchange(aviary.server, f"{request}{len(token):x}\r\n{token}\r\n{token}\r\n".encode())
            aviary.hear(f"a broken body to {path}", said)
    assert answer(aviary, "POST", "/admin/resume", {"Authorization": f"Bearer {ADMIN}"}) == 200
    log = (aviary.folder / "log").read_text()
    results = ("accepted", "unauthorized", "bad_json", "unsupported_media_type", "method_not_allowed", "too_large")
    assert all(f'"result":"{result}"' in log.replace(" ", "") for result in results), "the audit has them all"
    aviary.check()


def malformed(token: str) -> Iterator[bytes]:
    """Yield what is no request, and has a token in it."""
    said, line = f"Authorization: Bearer {token}", f"GET /v1/instruments?token={token} HTTP/1.1"
    whole = f"{line}\r\nHost: localhost\r\n{said}\r\n\r\n"
    yield from (
        text.encode("latin-1")
        for text in (
            whole.replace("HTTP/1.1", "HTTP/3.7"),
            whole.replace("Host: localhost", "Host: evil.example"),
            whole.replace("Host: localhost\r\n", ""),
            whole.replace("Host: localhost", "Host: a\r\nHost: b"),
            whole.replace("\r\n", "\n"),
            whole.replace("Bearer ", "Bearer \x00"),
            whole.replace("Bearer ", "Bearer\r\n "),
            whole.replace("GET", "G(T"),
            whole.replace("?token", "?x=%zz&token"),
            whole.replace("?token", "?x=%00&token"),
            whole.replace("/v1/instruments?", "/v1/../instruments?"),
            whole.replace("/v1/instruments", "v1/instruments"),
            whole.replace("/v1/instruments", "ftp://localhost/"),
            whole.replace("/v1/instruments", "/v1/instruments" + "x" * 8200),
            whole.replace(said, f"{said}\r\nContent-Length: 5\r\nTransfer-Encoding: chunked"),
            whole.replace(said, f"{said}\r\nContent-Length: x"),
            whole.replace(said, f"{said}\r\n" + "A: b\r\n" * 80),
            whole.replace(said, f"{said}\r\nExpect: {token}"),
            whole.replace(said, f"{said}\r\nX: " + "y" * 20_000),
            whole.replace(said, said.replace(": ", "")),
            whole.replace("GET", "POST").replace("\r\n\r\n", f"\r\nContent-Length: {len(token)}\r\n\r\n{token}"),
            whole.replace("/v1/instruments", "/v1/stream").replace(said, f"{said}\r\nUpgrade: websocket"),
            f"{token}\r\n\r\n",
            f"{line}\r\nHost: localhost\r\n{said[:-4]}",
            f"\x16\x03\x01\x02\x00{token}",
            f"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n{token}",
        )
    )


def test_nor_what_is_malformed(aviary: Aviary) -> None:
    for token in (RIGHT, WRONG):
        for number, data in enumerate(malformed(token)):
            aviary.hear(f"malformed {number}", exchange(aviary.server, data, patience_s=2.5))
    aviary.check()


def test_nor_a_handshake(aviary: Aviary) -> None:
    for path in ("/v1/stream", "/v1/stream?handshake=true", "/hello", "/alpaca/v2/sip"):
        for token in aviary.tokens:
            for target, headers in placed(token, path):
                lines = [f"{name}: {value}" for name, value in headers.items()]
                protocols = f"Sec-WebSocket-Protocol: ticker.v1.json, {token}"
                for more in ([], [protocols] if path.startswith("/v1") else []):
                    data = "\r\n".join([f"GET {target} HTTP/1.1", "Host: 127.0.0.1", *lines, *more, *UPGRADE, "", ""])
                    with socket.create_connection(("127.0.0.1", aviary.server.port), timeout=10) as client:
                        client.sendall(data.encode())
                        said = client.recv(65536)
                        client.settimeout(0.05)
                        with contextlib.suppress(TimeoutError):
                            while part := client.recv(65536):
                                said += part
                    assert said.startswith(b"HTTP/1.1 ")
                    aviary.hear(f"handshake {target}", said)
    aviary.check()


MESSAGES: list[Any] = [
    {"op": "auth", "token": "TOKEN"},
    {"op": "auth", "token": ["TOKEN"]},
    {"op": "auth", "token": {"token": "TOKEN"}},
    {"op": "auth", "token": "TOKEN" * 2000},
    {"op": "auth", "tokens": "TOKEN"},
    {"op": "auth", "token": "TOKEN", "more": "TOKEN"},
    {"op": "authenticate", "token": "TOKEN"},
    {"op": "subscribe", "token": "TOKEN", "symbols": ["ACME"]},
    {"token": "TOKEN"},
    ["TOKEN"],
    "TOKEN",
]


def test_nor_what_is_said_over_a_websocket(aviary: Aviary) -> None:
    for token in aviary.tokens:
        for target in ("/v1/stream", f"/v1/stream?token={RIGHT}", f"/hello?token={RIGHT}"):
            texts = [json.dumps(message).replace("TOKEN", token) for message in MESSAGES]
            texts += [f'{{"op":"auth","token":"{token}', f'{{"op":"auth","token":"{token}\\ud800"}}', token]
            for text in texts:
                with PlainClient(aviary.server.port, target) as client:
                    client.send_frames(Frame(Opcode.TEXT, text.encode()))
                    with contextlib.suppress(json.JSONDecodeError):  # /hello says Thanks
                        client.read(0.03)
                    frames = b"\n".join(bytes(frame.data) for frame in client.frames)
                    aviary.hear(f"{target} {text}", frames)
    with PlainClient(aviary.server.port, f"/hello?token={RIGHT}") as client:
        client.send_frames(Frame(Opcode.TEXT, b"\xff" + RIGHT.encode()), Frame(Opcode.BINARY, RIGHT.encode()))
        with contextlib.suppress(json.JSONDecodeError):
            client.read(0.1)
    aviary.check()


def command(aviary: Aviary, *words: str, token: str) -> int:
    """Run a command with a token and hear what it prints."""
    ran = subprocess.run(
        [sys.executable, "-m", "ticker", *words, "--url", aviary.server.stream, "--token", token],
        cwd=ROOT,
        env={**os.environ, "PYTHONASYNCIODEBUG": "1"},
        capture_output=True,
        timeout=90,
        check=False,
    )
    aviary.hear(f"ticker {words}", ran.stdout + ran.stderr)
    return ran.returncode


@pytest.mark.parametrize("token", [RIGHT, WRONG])
def test_nor_a_command(aviary: Aviary, tmp_path: Path, token: str) -> None:
    reports = [tmp_path / name for name in ("report.json", "report.html", "report.hlog")]
    written = ("--json", str(reports[0]), "--html", str(reports[1]), "--hdr", str(reports[2]))
    ways = ("--transports", "ws=0.4,sse=0.2,long-poll=0.2,short-poll=0.2")
    code = command(
        aviary, "load", "--clients", "10", "--duration", "1", "--processes", "1", *ways, *written, token=token
    )
    assert (code == 0) == (token == RIGHT)
    for transport in ("ws", "sse", "long-poll", "short-poll"):
        code = command(aviary, "watch", "ACME", "--transport", transport, "--count", "1", "--json", token=token)
        assert (code == 0) == (token == RIGHT)
    if token == RIGHT:
        assert all(report.stat().st_size for report in reports)
    for report in reports:
        if report.exists():
            aviary.hear(report.name, report.read_bytes())
    aviary.check()


@pytest.mark.parametrize("token", [RIGHT, WRONG, OTHER])
@pytest.mark.parametrize("transport", ["ws", "sse", "long-poll", "short-poll"])
async def test_nor_the_library(aviary: Aviary, transport: str, token: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    asyncio.get_running_loop().set_debug(True)
    said: list[str] = []
    try:
        async with connect(aviary.server.stream, transport=transport, token=token) as feed:
            said.append(repr(feed))
            await feed.subscribe("ACME", "BANK", channels=["trades"])
            await feed.next(timeout_s=10)
    except (ConnectionEnded, Refused) as error:
        said += [str(error), repr(error), repr(error.__context__), repr(vars(error))]
    assert (len(said) == 1) == (token == RIGHT)
    aviary.hear(f"{transport} client", "\n".join([*said, caplog.text]).encode())
    aviary.check()


def test_and_the_metrics_have_none_either(aviary: Aviary) -> None:
    for path in ("/metrics", "/", "/openapi.json", "/asyncapi.json"):
        assert answer(aviary, "GET", path, {"Accept": "application/json"}) == 200
    assert any(b'ticker_refusals_total{code="unauthorized"}' in data for _, data in aviary.heard)
    aviary.check()


@pytest.mark.parametrize("form", ["json", "text"])
def test_a_traceback_shows_no_variables(form: Any, capsys: pytest.CaptureFixture[str]) -> None:
    log = cli._logger(Config(log=LogConfig(format=form)))

    def fail(token: str) -> None:
        raise LookupError(len(token))

    try:
        fail(RIGHT)
    except LookupError as error:
        log.error("a request failed", exc_info=error)
    said = capsys.readouterr().err
    assert "LookupError" in said and "fail" in said and "kanarie" not in said


@pytest.mark.parametrize("key", ["admin.token", "auth.jwt_key"])
def test_a_mistake_in_the_configuration_does_not_show_it(
    key: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "c.toml"
    section, name = key.split(".")
    for value in ('"kanarie with spaces"', '["kanarie"]'):
        file.write_text(f"[{section}]\n{name} = {value}\n")
        assert cli.run(["serve", "--config", str(file)]) == 2
        assert cli.run(["check", str(file)]) == 2
    monkeypatch.setenv(f"TICKER_{section}_{name}".upper(), "kanarie with spaces")
    assert cli.run(["serve"]) == 2
    assert cli.run(["serve", f"--{key}", "kanarie with spaces"]) == 2
    said = capsys.readouterr()
    assert key in said.err and "kanarie" not in said.out + said.err
