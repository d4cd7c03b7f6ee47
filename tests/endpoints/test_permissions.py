"""Who may have what: every way of asking, who asks, what is asked for, against one sentence of an oracle."""

import http.client
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest

from conftest import RunningServer
from credentials import EVERYTHING, ROLES, Role, tokens_file
from event_reader import Events
from plain_client import PlainClient
from ticker.ticks import CHANNELS
from ticker_client import Refused, connect

PATIENCE_S = 10.0
MARKET = ("--market.model", "plain", "--market.arrivals", "every_step", "--step-ms", "20")
KINDS = {"trade": "trades", "quote": "quotes", "stats": "stats"}
ASKED = {
    "what both have": (["ACME"], ["trades"]),
    "what one has": (["BANK"], ["trades"]),
    "some of it": (["ACME", "BANK"], ["trades"]),
    "another channel": (["ACME", "BANK"], ["stats"]),
    "two channels": (["ACME"], ["trades", "stats"]),
    "everything": (["*"], ["trades"]),
    "everything on two": (["*"], ["trades", "stats"]),
}
STRANGERS = {"no token": "", "a wrong token": "wrong-0123456789-wrong"}


class Seen(NamedTuple):
    """What somebody got: pairs of symbol and channel, and the code and names of a refusal."""

    had: set[tuple[str, str]]
    code: str = ""
    symbols: frozenset[str] = frozenset()
    channels: frozenset[str] = frozenset()


@pytest.fixture(scope="module")
def server(serve_ticker: Callable[..., RunningServer], tmp_path_factory: pytest.TempPathFactory) -> RunningServer:
    file = tokens_file(tmp_path_factory.mktemp("auth") / "tokens.toml")
    return serve_ticker(*MARKET, "--auth.file", str(file), "--auth.deadline-s", "30")


@pytest.fixture(scope="module")
def universe(server: RunningServer) -> list[str]:
    return [one["symbol"] for one in get(server, "/v1/instruments", ROLES["everything"].token)[1]["instruments"]]


def get(server: RunningServer, target: str, token: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
    try:
        connection.request("GET", target, headers={"Authorization": f"Bearer {token}"} if token else {})
        response = connection.getresponse()
        return response.status, json.loads(response.read())
    finally:
        connection.close()


def pairs(ticks: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(tick["sym"], KINDS[tick["ch"]]) for tick in ticks}


def refused(document: dict[str, Any], had: set[tuple[str, str]] | None = None) -> Seen:
    """Return what a problem, or the details of an error, says."""
    details = document.get("details", document)
    names = frozenset(details.get("symbols", ())), frozenset(details.get("channels", ()))
    return Seen(had or set(), document["code"], *names)


def spelled(symbols: list[str], channels: list[str]) -> str:
    return f"symbols={','.join(symbols)}&channels={','.join(channels)}"


# The ways. Each takes a server, a token, symbols and channels.


def snapshot(server: RunningServer, token: str, symbols: list[str], channels: list[str]) -> Seen:
    status, document = get(server, f"/v1/snapshot?{spelled(symbols, channels)}", token)
    return Seen(pairs(document["data"])) if status == 200 else refused(document)


def polled(server: RunningServer, target: str, token: str) -> Seen:
    status, document = get(server, target, token)
    return Seen(pairs([t for b in document["batches"] for t in b["data"]])) if status == 200 else refused(document)


def short_poll(server: RunningServer, token: str, symbols: list[str], channels: list[str]) -> Seen:
    epoch = get(server, "/readyz", "")[1]["epoch"]
    return polled(server, f"/v1/ticks?{spelled(symbols, channels)}&since={epoch}:0&limit=1000", token)


def long_poll(server: RunningServer, token: str, symbols: list[str], channels: list[str]) -> Seen:
    return polled(server, f"/v1/ticks?{spelled(symbols, channels)}&wait=9", token)


def streamed(server: RunningServer, query: str, token: str, *headers: str) -> Seen:
    said = [f"Authorization: Bearer {token}"] if token else []
    with Events(server.port, query, *headers, *said) as events:
        if not events.head.startswith(b"HTTP/1.1 200"):
            while not events.ended and b"}" not in events._rest:
                events._receive()
            return refused(json.loads(events._rest))
        messages: list[dict[str, Any]] = []
        while not messages:
            messages = [m for m in events.read(0.05) if m["type"] == "ticks"]
        return Seen(pairs([tick for message in messages for tick in message["data"]]))


def sse(server: RunningServer, token: str, symbols: list[str], channels: list[str]) -> Seen:
    return streamed(server, spelled(symbols, channels), token)


def sse_resumed(server: RunningServer, token: str, symbols: list[str], channels: list[str]) -> Seen:
    epoch = get(server, "/readyz", "")[1]["epoch"]
    return streamed(server, f"{spelled(symbols, channels)}&from={epoch}:0", token)


def sse_returning(server: RunningServer, token: str, symbols: list[str], channels: list[str]) -> Seen:
    epoch = get(server, "/readyz", "")[1]["epoch"]
    return streamed(server, spelled(symbols, channels), token, f"Last-Event-ID: {epoch}:1")


def sse_newest(server: RunningServer, token: str, symbols: list[str], channels: list[str]) -> Seen:
    return streamed(server, f"{spelled(symbols, channels)}&pace=latest&rate_hz=20", token)


@contextmanager
def conversation(server: RunningServer, token: str) -> Iterator[PlainClient]:
    """Open a WebSocket, and say who we are by a message."""
    with PlainClient(server.port) as client:
        assert client.read_until("welcome")[0]["auth_required"] is True
        if token:
            client.send({"op": "auth", "token": token})
        yield client


def told(client: PlainClient, message: dict[str, Any]) -> Seen:
    """Subscribe, and return what was granted, shown and sent, which has to agree."""
    client.send({"op": "subscribe", "id": "it", **message}, {"op": "ping", "id": "end"})
    heard: list[dict[str, Any]] = []
    while not any(one["type"] in ("pong", "closing") for one in heard):
        heard += client.read(0.02)
    had: set[tuple[str, str]] = set()
    for one in heard:
        if one["type"] == "subscribed":
            heard += client.read_until("ticks")
            had = {(symbol, channel) for channel, symbols in one["subscriptions"].items() for symbol in symbols}
    moved = pairs([tick for one in heard if one["type"] in ("ticks", "snapshot") for tick in one["data"]])
    wild = {channel for symbol, channel in had if symbol == "*"}
    assert all(pair in had or pair[1] in wild for pair in moved)
    had = {pair for pair in had if pair[0] != "*"} | {pair for pair in moved if pair[1] in wild}
    errors = [one for one in heard if one["type"] == "error"]
    return refused(errors[0], had) if errors else Seen(had)


def websocket(server: RunningServer, token: str, symbols: list[str], channels: list[str]) -> Seen:
    with conversation(server, token) as client:
        return told(client, {"symbols": symbols, "channels": channels})


def websocket_table(server: RunningServer, token: str, symbols: list[str], channels: list[str]) -> Seen:
    with conversation(server, token) as client:
        return told(client, {"subscriptions": dict.fromkeys(channels, symbols)})


def websocket_resumed(server: RunningServer, token: str, symbols: list[str], channels: list[str]) -> Seen:
    epoch = get(server, "/readyz", "")[1]["epoch"]
    with conversation(server, token) as client:
        return told(client, {"symbols": symbols, "channels": channels, "from": f"{epoch}:0"})


def websocket_newest(server: RunningServer, token: str, symbols: list[str], channels: list[str]) -> Seen:
    with conversation(server, token) as client:
        return told(client, {"symbols": symbols, "channels": channels, "pace": "latest", "rate_hz": 20})


def websocket_by_query(server: RunningServer, token: str, symbols: list[str], channels: list[str]) -> Seen:
    with PlainClient(server.port, f"/v1/stream?token={quote(token)}") as client:
        assert client.read_until("welcome")[0]["auth_required"] is False
        return told(client, {"symbols": symbols, "channels": channels})


WAYS = (
    snapshot,
    *(short_poll, long_poll),
    *(sse, sse_resumed, sse_returning, sse_newest),
    *(websocket, websocket_table, websocket_resumed, websocket_newest, websocket_by_query),
)
PARTLY = {way for way in WAYS if way.__name__.startswith("websocket")}
"""Ways that give what may be had, and refuse the rest; the others refuse all of it."""


def expected(role: Role, universe: list[str], symbols: list[str], channels: list[str], *, partly: bool) -> Seen:
    """Say what somebody is to have: `*` is all they may, and what is named and may not be had is named."""
    wild = symbols == ["*"]
    named = universe if wild else symbols
    had = {(symbol, channel) for symbol in named for channel in channels if role.may(symbol, channel)}
    bare = {channel for channel in channels if not any(role.may(symbol, channel) for symbol in named)}
    lost = {(s, c) for s in named for c in channels if not role.may(s, c) and (not wild or c in bare)}
    if not lost:
        return Seen(had)
    names = frozenset() if wild else frozenset(symbol for symbol, _ in lost)
    return Seen(had if partly else set(), "forbidden", names, frozenset(channel for _, channel in lost))


@pytest.mark.parametrize("who", ROLES)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_everybody_has_what_they_may_and_no_more(
    server: RunningServer, universe: list[str], way: Callable[..., Seen], who: str
) -> None:
    role = ROLES[who]
    for name, (symbols, channels) in ASKED.items():
        seen = way(server, role.token, symbols, channels)
        wanted = expected(role, universe, symbols, channels, partly=way in PARTLY)
        due = {pair for pair in wanted.had if pair[1] != "stats"}  # of which there are some now and then only
        assert due <= seen.had <= wanted.had, name
        assert seen[1:] == wanted[1:], name


@pytest.mark.parametrize("who", STRANGERS)
@pytest.mark.parametrize("way", [way for way in WAYS if way is not websocket_by_query], ids=lambda way: way.__name__)
def test_strangers_have_nothing(server: RunningServer, way: Callable[..., Seen], who: str) -> None:
    assert way(server, STRANGERS[who], ["ACME"], ["trades"]) == Seen(set(), "unauthorized")


@pytest.mark.parametrize("who", ROLES)
def test_instruments_are_those_one_may_have(server: RunningServer, universe: list[str], who: str) -> None:
    role = ROLES[who]
    listed = {one["symbol"] for one in get(server, "/v1/instruments", role.token)[1]["instruments"]}
    assert listed == (set(universe) if role.symbols == EVERYTHING else role.symbols)
    for symbol in ("ACME", "BANK"):
        status, document = get(server, f"/v1/instruments/{symbol}", role.token)
        assert (status, document.get("code")) == ((200, None) if symbol in listed else (403, "forbidden"))
    assert get(server, "/v1/instruments/NONE", role.token)[1]["code"] == "unknown_symbol"


@pytest.mark.parametrize("who", ROLES)
def test_bars_are_of_a_channel_too(server: RunningServer, who: str) -> None:
    role = ROLES[who]
    for symbol in ("ACME", "BANK"):
        for interval in ("1s", "1m"):
            status, document = get(server, f"/v1/bars?symbol={symbol}&interval={interval}", role.token)
            may = role.may(symbol, f"bars.{interval}")
            assert (status, document.get("code")) == ((200, None) if may else (403, "forbidden"))
            assert may or document["channels"] == [f"bars.{interval}"]


@pytest.mark.parametrize("transport", ["ws", "sse", "long-poll", "short-poll"])
async def test_the_library_goes_on_with_what_it_may_have(server: RunningServer, transport: str) -> None:
    async with connect(server.stream, transport=transport, token=ROLES["two symbols"].token, poll_every_s=0.1) as feed:
        with pytest.raises(Refused) as raised:
            await feed.subscribe("ACME", "BANK", channels=["trades"])
        assert (raised.value.code, raised.value.details["symbols"]) == ("forbidden", ["BANK"])
        for _ in range(5):
            assert (await feed.next(timeout_s=PATIENCE_S)).sym == "ACME"
        await feed.subscribe("*", channels=["trades"])
        seen = set()
        while seen != {"ACME", "BYTE"}:
            seen.add((await feed.next(timeout_s=PATIENCE_S)).sym)


def test_unknown_comes_before_forbidden(server: RunningServer) -> None:
    two = ROLES["two symbols"].token
    assert snapshot(server, two, ["NONE", "BANK"], ["trades"]).code == "unknown_symbol"
    assert snapshot(server, two, ["ACME"], ["weather"]).code == "unknown_channel"
    with conversation(server, two) as client:
        client.send({"op": "subscribe", "symbols": ["NONE", "BANK", "ACME"]}, {"op": "ping"})
        heard = client.read_until("pong")
        assert [one["code"] for one in heard if one["type"] == "error"] == ["unknown_symbol", "forbidden"]
        [granted] = [one for one in heard if one["type"] == "subscribed"]
        assert granted["subscriptions"] == {"trades": ["ACME"]}


def test_a_star_is_all_that_one_may_have_in_what_is_answered_too(server: RunningServer) -> None:
    with conversation(server, ROLES["two symbols"].token) as client:
        [known] = [one for one in client.read_until("authenticated") if one["type"] == "authenticated"]
        assert (known["name"], known["channels"], known["symbols"]) == (
            "two symbols",
            ["quotes", "trades"],
            ["ACME", "BYTE"],
        )
        client.send({"op": "subscribe", "symbols": ["*"], "channels": ["trades", "quotes"]})
        granted = client.read_until("subscribed")[-1]
        granted = granted if granted["type"] == "subscribed" else {}
        client.send(
            {"op": "list"}, {"op": "unsubscribe", "symbols": ["BANK"]}, {"op": "unsubscribe", "symbols": ["BYTE"]}
        )
        heard = [one for one in client.read_until("unsubscribed") if one["type"] not in ("ticks", "snapshot")]
        told = next(one for one in heard if one["type"] == "subscriptions")
        assert told["subscriptions"] == {"trades": ["*"], "quotes": ["*"]}
        assert next(one for one in heard if one["type"] == "error")["code"] == "not_subscribed"
        assert heard[-1]["subscriptions"] == {"quotes": ["*"], "trades": ["ACME"]}


def test_a_token_that_permits_less_takes_away_the_rest(server: RunningServer) -> None:
    with conversation(server, ROLES["everything"].token) as client:
        client.send({"op": "subscribe", "symbols": ["ACME", "BANK"], "channels": ["trades", "stats"]})
        client.read_until("subscribed")
        client.send({"op": "auth", "token": "a-wrong-one-for-once"})
        assert next(m for m in client.read_until("error") if m["type"] == "error")["code"] == "unauthorized"
        client.send({"op": "auth", "token": ROLES["two symbols"].token})
        [known] = [
            one for one in client.read_until("authenticated", name="two symbols") if one["type"] == "authenticated"
        ]
        assert known["subscriptions"] == {"trades": ["ACME"]}
        client.read(0.2)
        assert pairs([t for m in client.read(0.3) if m["type"] == "ticks" for t in m["data"]]) == {("ACME", "trades")}


OPEN_PATHS = (
    "/",
    "/docs",
    "/main.js",
    "/client/client.js",
    "/favicon.ico",
    "/asyncapi.json",
    "/openapi.json",
    "/healthz",
    "/readyz",
)


@pytest.mark.parametrize("path", OPEN_PATHS)
def test_pages_documents_and_health_are_open(server: RunningServer, path: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
    connection.request("GET", path)
    assert connection.getresponse().status == 200
    connection.close()


@pytest.mark.parametrize(
    "path", ["/v1/snapshot", "/v1/ticks", "/v1/sse", "/v1/bars", "/v1/instruments", "/hello", "/nothing", "//", "/v1"]
)
def test_everything_else_is_asked_of_nobody_in_particular(server: RunningServer, path: str) -> None:
    for method in ("GET", "HEAD", "POST", "DELETE"):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
        connection.request(method, path)
        response = connection.getresponse()
        assert (response.status, response.headers["WWW-Authenticate"]) == (401, "Bearer")
        connection.close()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"X-Forwarded-For": "10.0.0.1"}, 401),
        ({"Forwarded": "for=10.0.0.1"}, 401),
        ({"Via": "1.1 proxy"}, 401),
    ],
)
def test_metrics_are_for_this_machine_or_for_those_with_a_token(
    server: RunningServer, headers: dict[str, str], status: int
) -> None:
    for token, wanted in (("", status), (ROLES["one channel"].token, 200), ("wrong", 401)):
        said = {**headers, **({"Authorization": f"Bearer {token}"} if token else {})}
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
        connection.request("GET", "/metrics", headers=said)
        assert connection.getresponse().status == wanted
        connection.close()


def test_every_channel_is_one_that_is_asked_for_here_or_listed(server: RunningServer) -> None:
    for channel in CHANNELS:
        seen = snapshot(server, ROLES["two symbols"].token, ["ACME"], [channel]) if channel in KINDS.values() else None
        status, document = get(server, f"/v1/snapshot?symbols=ACME&channels={channel}", ROLES["two symbols"].token)
        assert (status == 200) == (channel in ROLES["two symbols"].channels)
        assert seen is None or status == 200 or document["channels"] == [channel]
