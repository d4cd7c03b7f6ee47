"""What a live server sends, over every transport, is what its documents say; and the documents please a linter."""

import http.client
import json
import os
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import ValidationError
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from conftest import ROOT, RunningServer
from npm import installed
from packed_client import TAGS
from plain_client import PlainClient
from published import Conversation, Requests
from ticker.dialects import packed
from ticker.dialects.documents import asyncapi, openapi
from ticker.ticks import CHANNELS
from ticker.wire.packed import SNAPSHOT, unpack

PATIENCE_S = 10.0
REDOCLY = "1.34.20"  # the newest that runs on the Node of Debian 12
QUIET = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "CI": "1"}
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}
SLOW = ("--config", "configs/load.toml", "--instruments", "200", "--feed.tape-s", "0.2", "--stream.stall-s", "30")
Answer = tuple[int, dict[str, str], bytes]


@pytest.fixture(scope="module")
def server(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker("--stream.heartbeat-s", "0.2", "--feed.tape-s", "0.5")


def get(server: RunningServer, path: str, headers: dict[str, str] | None = None) -> Answer:
    """Return status, headers with lower names, and body; of a WebSocket or of events, nothing of what follows."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
    try:
        connection.request("GET", path, headers=headers or {})
        response = connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        endless = found.get("content-type") == "text/event-stream" or response.status == 101
        return response.status, found, b"" if endless else response.read()
    finally:
        connection.close()


@pytest.fixture(scope="module")
def conversation(server: RunningServer) -> Conversation:
    return Conversation(json.loads(get(server, "/asyncapi.json")[2]))


@pytest.fixture(scope="module")
def requests(server: RunningServer) -> Requests:
    return Requests(json.loads(get(server, "/openapi.json")[2]))


def hear(client: ClientConnection, kind: str) -> list[dict[str, Any]]:
    """Read until a message of a kind has come, and return all that came."""
    messages: list[dict[str, Any]] = []
    until = time.monotonic() + PATIENCE_S
    while not messages or messages[-1]["type"] != kind:
        assert time.monotonic() < until, f"no {kind} in {messages[-5:]}"
        messages.append(json.loads(client.recv(PATIENCE_S)))
    return messages


def talk(client: ClientConnection, epoch: str) -> list[dict[str, Any]]:
    """Provoke whatever a server can be provoked to say while it is well."""
    messages = hear(client, "heartbeat")
    for wish, answer in (
        ({"op": "subscribe", "symbols": ["ACME"], "from": f"{epoch}:0", "id": 1}, "recovered"),
        ({"op": "subscribe", "symbols": ["*"], "channels": list(CHANNELS), "id": "two"}, "snapshot"),
        ({"op": "subscribe", "symbols": ["*"], "snapshot": False}, "ticks"),
        ({"op": "unsubscribe", "symbols": ["ACME"]}, "unsubscribed"),
        ({"op": "list"}, "subscriptions"),
        ({"op": "window", "size": 64, "id": 9}, "window"),
        ({"op": "ping", "ts": {"any": ["thing"]}, "id": 3}, "pong"),
        ({"op": "ping"}, "pong"),
        ({"op": "auth", "token": "nobody is asked here", "id": 4}, "authenticated"),
        ({"op": "fly"}, "error"),
        ({"op": "subscribe", "symbols": []}, "error"),
        ({"op": "subscribe", "symbols": ["NONE"]}, "error"),
        ({"op": "subscribe", "symbols": ["A"] * 1001}, "error"),
        ({"op": "subscribe", "symbols": ["ACME"], "channels": ["weather"]}, "error"),
        ({"op": "subscribe", "symbols": ["ACME"], "from": f"{epoch}:1"}, "error"),
        ({"op": "subscribe", "symbols": ["ACME"], "from": "elsewhere:1"}, "error"),
        ({"op": "unsubscribe", "symbols": ["ACME"]}, "error"),
        ({"op": "ack", "seq": 2**50}, "error"),
    ):
        client.send(json.dumps(wish))
        messages += hear(client, answer)
    client.send("{")
    return messages + hear(client, "error")


def test_whatever_is_said_over_a_websocket_is_documented(
    server: RunningServer, serve_ticker: Callable[..., RunningServer], conversation: Conversation
) -> None:
    mortal = serve_ticker("--stream.heartbeat-s", "0.2", "--feed.tape-s", "0.5")
    with connect(f"{mortal.stream}?handshake=true".replace("http", "ws"), compression=None) as client:
        messages = hear(client, "handshake")
        time.sleep(0.6)  # until the tape no longer holds its first step
        messages += talk(client, messages[0]["epoch"])
        mortal.process.terminate()
        with pytest.raises(ConnectionClosed):
            while True:
                messages.append(json.loads(client.recv(PATIENCE_S)))
    with PlainClient(serve_ticker(*SLOW).port, receive_buffer=4096) as sluggard:
        sluggard.send({"op": "subscribe", "symbols": ["*"], "snapshot": False})
        time.sleep(1.5)
        messages += sluggard.read_until("lag")
    heard = {conversation.check(message) for message in messages}
    assert {tick["ch"] for message in messages for tick in message.get("data", ())} == set(TAGS.values())
    with connect(f"ws://127.0.0.1:{server.port}/v1/stream", subprotocols=[packed.SUBPROTOCOL]) as client:
        heard |= {conversation.check(json.loads(client.recv(PATIENCE_S))) for _ in range(2)}
        client.send('{"op":"subscribe","symbols":["ACME"]}')
        client.recv(PATIENCE_S)
        assert unpack(client.recv(PATIENCE_S, decode=False)).kind == SNAPSHOT
        heard.add("packed")
    assert heard == conversation.names("send")
    codes = {message["code"] for message in messages if message["type"] == "error"}
    assert codes == {
        "bad_json", "bad_request", "unknown_op", "unknown_channel", "unknown_symbol", "too_many_symbols",
        "not_subscribed", "bad_ack", "bad_position", "gone",
    }  # fmt: skip
    assert all(f"`{code}`" in conversation.document["info"]["description"] for code in codes)


def test_what_is_not_documented_does_not_pass(conversation: Conversation, requests: Requests) -> None:
    for message in [*conversation.examples("send"), *conversation.examples("receive")]:
        conversation.check(message)
        with pytest.raises(ValidationError):
            conversation.check({**message, "surprise": 1})
    with pytest.raises(ValidationError):
        conversation.check({"type": "heartbeat", "seq": 1, "ts": 1})
    with pytest.raises(ValidationError):
        requests.check("/healthz", 200, {"content-type": "application/json"}, b'{"status":"ok","mood":"good"}')
    with pytest.raises(ValidationError):
        requests.check_event({"event": "ticks", "id": "E:1", "data": '{"type":"ticks","seq":1,"ts":1,"data":[{}]}'})


def test_every_example_of_a_client_is_obeyed(server: RunningServer, conversation: Conversation) -> None:
    examples = conversation.examples("receive")
    assert {example["op"] for example in examples} == conversation.names("receive")
    with connect(server.stream, compression=None) as client:
        hear(client, "welcome")
        for example in examples:
            client.send(json.dumps(example))
        client.send('{"op":"ping","id":"end"}')
        messages = hear(client, "pong")
        while messages[-1].get("id") != "end":
            messages += hear(client, "pong")
    assert not [message for message in messages if message["type"] == "error"]
    answered = {message["id"] for message in messages if "id" in message}
    assert {example["id"] for example in examples if "id" in example} <= answered


def test_every_path_is_documented_and_no_other(server: RunningServer, requests: Requests) -> None:
    told = json.loads(get(server, "/", {"Accept": "application/json"})[2])["paths"]
    assert sorted(path.replace("{symbol}", "*") for path in requests.document["paths"]) == told


def cases(requests: Requests, epoch: str) -> list[tuple[str, str, dict[str, str], int]]:
    """Return (path, target, headers, status) for every status of every path but 304 and 503."""
    place = f"symbols=ACME&channels={','.join(CHANNELS)}"
    wrong = [("", 400), ("symbols=NONE", 404), ("symbols=*&channels=rain", 404), (f"symbols={'A,' * 1001}", 400)]
    selecting = ("/v1/sse", "/v1/ticks", "/v1/snapshot")
    found = [
        ("/", "/", {"Accept": "application/json"}, 200),
        ("/v1/stream", "/v1/stream?handshake=true", UPGRADE, 101),
        ("/v1/stream", "/v1/stream?nonsense=1", UPGRADE, 400),
        ("/hello", "/hello", UPGRADE, 101),
        ("/hello", "/hello?nonsense=1", UPGRADE, 400),
        ("/v1/instruments/{symbol}", "/v1/instruments/NONE", {}, 404),
        ("/v1/instruments/{symbol}", "/v1/instruments/ACME?nonsense=1", {}, 400),
        ("/v1/instruments/{symbol}", "/v1/instruments/ACME", {}, 200),
        ("/v1/bars", "/v1/bars?symbol=ACME&interval=1s", {}, 200),
        ("/v1/bars", "/v1/bars?symbol=NONE", {}, 404),
        ("/v1/ticks", f"/v1/ticks?{place}&since={epoch}:0", {}, 200),
        ("/v1/ticks", f"/v1/ticks?{place}&wait=5", {}, 200),
        ("/v1/ticks", f"/v1/ticks?{place}&since={epoch}:1", {}, 410),
        ("/v1/ticks", f"/v1/ticks?{place}&since={epoch}:999999999", {}, 400),
        ("/v1/ticks", f"/v1/ticks?{place}&wait=999", {}, 400),
        ("/v1/sse", f"/v1/sse?{place}&from={epoch}:1", {}, 410),
        ("/v1/sse", f"/v1/sse?{place}&from=elsewhere:1", {}, 400),
        *((path, f"{path}?{query}", {}, status) for path in selecting for query, status in wrong),
        *((path, f"{path}?{place}", {}, 200) for path in selecting),
    ]
    plain = [path for path in requests.document["paths"] if "{" not in path]
    found += [(path, path, {}, 426 if 426 in requests.statuses(path) else 200) for path in plain if path[:4] != "/v1/"]
    found += [("/v1/stream", "/v1/stream", {}, 426), ("/v1/instruments", "/v1/instruments", {}, 200)]
    found += [(path, f"{path}?nonsense=1", {}, 400) for path in plain if 101 not in requests.statuses(path)]
    return found


def test_whatever_is_answered_over_http_is_documented(
    server: RunningServer, serve_ticker: Callable[..., RunningServer], requests: Requests
) -> None:
    epoch = json.loads(get(server, "/readyz")[2])["epoch"]
    time.sleep(1.2)  # until there are finished bars, and the tape no longer holds its first step
    seen = set()
    for path, target, headers, status in cases(requests, epoch):
        answer = get(server, target, headers)
        assert answer[0] == status, (target, answer)
        requests.check(path, *answer)
        seen.add((path, status))
        if 304 in requests.statuses(path) and "etag" in answer[1]:
            unchanged = get(server, target, {**headers, "If-None-Match": answer[1]["etag"]})
            requests.check(path, *unchanged)
            seen.add((path, unchanged[0]))
    seen |= {(path, 503) for path in refused_when_full(serve_ticker("--server.connections-max", "1"), requests)}
    named = {(path, status) for path in requests.document["paths"] for status in requests.statuses(path)}
    assert seen == named, seen ^ named


def refused_when_full(full: RunningServer, requests: Requests) -> list[str]:
    """Ask a server that takes no more for every path that says it may then refuse."""
    paths = [path for path in requests.document["paths"] if 503 in requests.statuses(path)]
    with PlainClient(full.port):
        for path in paths:
            requests.check(path, *get(full, path))
    return paths


@pytest.mark.parametrize("target", ["/nothing", "/v1/stream/", "/" + "x" * 9000])
def test_any_other_refusal_is_documented_too(server: RunningServer, requests: Requests, target: str) -> None:
    answer = get(server, target)
    assert answer[0] in (404, 414)
    requests.check("/", *answer)


class Events:
    """A reader of server-sent events with small buffers."""

    def __init__(self, server: RunningServer, query: str, **headers: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
        self._connection.sock = socket.socket()
        self._connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._connection.sock.settimeout(PATIENCE_S)
        self._connection.sock.connect(("127.0.0.1", server.port))
        self._connection.request("GET", f"/v1/sse?{query}", headers=headers)
        self.response = self._connection.getresponse()

    def __enter__(self) -> "Events":
        return self

    def __exit__(self, *_: object) -> None:
        self.response.close()
        self._connection.close()

    def until(self, name: str) -> list[dict[str, str]]:
        """Read until an event of a name has come; return all that came."""
        events: list[dict[str, str]] = []
        fields: dict[str, str] = {}
        while not events or events[-1]["event"] != name:
            line = self.response.readline().decode().rstrip("\n")
            key, _, value = line.partition(": ")
            if not line and "data" in fields:
                events.append({key: fields[key] for key in ("event", "id", "data") if key in fields})
            fields = {**fields, key: value} if line else {}
        return events


def test_every_event_is_documented(
    server: RunningServer, serve_ticker: Callable[..., RunningServer], requests: Requests
) -> None:
    epoch = json.loads(get(server, "/readyz")[2])["epoch"]
    time.sleep(0.6)
    with Events(server, "symbols=*", **{"Last-Event-ID": f"{epoch}:1"}) as lost:
        events = lost.until("ticks")
    with Events(server, f"symbols=*&from={epoch}:0") as found:
        events += found.until("recovered")
    with Events(serve_ticker(*SLOW), "symbols=*") as sluggard:
        time.sleep(1.5)
        events += sluggard.until("lag")
    heard = {requests.check_event(event) for event in events}
    kinds = requests.document["components"]["schemas"]["Event"]["oneOf"]
    assert heard == {kind["properties"]["event"]["const"] for kind in kinds}


def test_a_document_names_the_host_it_was_asked_of(server: RunningServer) -> None:
    for host in (f"127.0.0.1:{server.port}", "ticker.localhost"):
        status, headers, body = get(server, "/asyncapi.json", {"Host": host})
        assert (status, headers["content-type"]) == (200, "application/json")
        assert json.loads(body)["servers"]["here"]["host"] == host
    assert get(server, "/asyncapi.json", {"Host": 'x"}]}<script>'})[0] == 400
    assert json.loads(get(server, "/openapi.json")[2])["servers"][0]["url"] == "/"


@pytest.fixture(scope="module")
def redocly() -> str:
    """Return the linter."""
    return str(installed("@redocly/cli", REDOCLY) / "bin" / "cli.js")


def lint(redocly: str, folder: Path, document: dict[str, Any]) -> dict[str, int]:
    """Return how many errors and warnings there are in a document."""
    file = folder / "document.json"
    file.write_text(json.dumps(document))
    command = [redocly, "lint", f"--config={ROOT / 'tests/redocly.yaml'}", "--format=json", str(file)]
    environment = {**os.environ, **QUIET, "HOME": str(folder)}
    told = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert told.stdout.startswith("{"), told.stderr
    totals: dict[str, int] = json.loads(told.stdout)["totals"]
    return totals


@pytest.mark.parametrize("name", ["asyncapi", "openapi"])
def test_a_linter_has_nothing_to_say(server: RunningServer, redocly: str, tmp_path: Path, name: str) -> None:
    document = json.loads(get(server, f"/{name}.json")[2])
    assert lint(redocly, tmp_path, document) == {"errors": 0, "warnings": 0, "ignored": 0}
    del document["info"]
    assert lint(redocly, tmp_path, document)["errors"] == 1


@pytest.mark.parametrize("token", [False, True])
def test_nor_of_the_admin_api(redocly: str, tmp_path: Path, token: bool) -> None:
    document = openapi.document(admin=True, token=token)
    assert lint(redocly, tmp_path, document) == {"errors": 0, "warnings": 0, "ignored": 0}


@pytest.mark.parametrize("document", [openapi.document(asks=True), asyncapi.document("here", secure=True, asks=True)])
def test_nor_of_a_server_that_asks_for_tokens(redocly: str, tmp_path: Path, document: dict[str, Any]) -> None:
    assert lint(redocly, tmp_path, document) == {"errors": 0, "warnings": 0, "ignored": 0}
