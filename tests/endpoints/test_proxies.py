"""Between us and the reader: curl, nginx, HAProxy, and a browser whose cable is cut."""

import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Page, sync_playwright

from browser import CHROMIUM, FLAGS
from cable import Cable
from conftest import RunningServer
from event_reader import Events
from plain_client import PlainClient, assert_no_hole
from raw_http import exchange, get, status, statuses
from web_servers import WebServer, haproxy, nginx

PLAIN = "server { listen PORT; location / { proxy_pass http://127.0.0.1:%d; %s } }"
HELD_BACK = "proxy_ignore_headers X-Accel-Buffering;"
UPGRADING = 'proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade";'
PATIENCE_S = 1  # of the proxies that cut
HAPROXY = """
frontend here
    bind PORT
    default_backend there
backend there
    timeout server %ds
    timeout tunnel %ds
    server ours 127.0.0.1:%d
"""
SLOW = "symbols=ACME&channels=trades"  # some four events a second, 150 bytes each
BUFFER = 4096  # bytes that nginx holds back at least, where it does
NEVER = "symbols=SYM0000&channels=quotes"  # of the market of configs/load.toml

WATCH = """(url) => {
    window.seen = [];
    window.source = new EventSource(url);
    for (const kind of ["ticks", "recovered", "snapshot", "lag"])
        source.addEventListener(kind, (event) => seen.push([kind, event.lastEventId, JSON.parse(event.data)]));
}"""


@pytest.fixture(scope="module")
def server(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker("--market.model", "plain")


def impatient(proxy: str, folder: Path, port: int) -> AbstractContextManager[WebServer]:
    """Return a proxy to a port that cuts what is silent for `PATIENCE_S`."""
    if proxy == "haproxy":
        return haproxy(folder, HAPROXY % (PATIENCE_S, PATIENCE_S, port))
    return nginx(folder, f"proxy_read_timeout {PATIENCE_S}s;" + PLAIN % (port, UPGRADING))


class Cutting(NamedTuple):
    """Proxies that cut what is silent, before a server that gives signs of life in time and one that does not."""

    alive: WebServer
    mute: WebServer


@pytest.fixture(scope="module", params=["nginx", "haproxy"])
def cutting(
    request: pytest.FixtureRequest,
    serve_ticker: Callable[..., RunningServer],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Cutting]:
    with ExitStack() as proxies:
        found = []
        for heartbeat_s in ("0.2", "3600"):
            server = serve_ticker("--config", "configs/load.toml", "--stream.heartbeat-s", heartbeat_s)
            folder = tmp_path_factory.mktemp("cutting")
            found.append(proxies.enter_context(impatient(request.param, folder, server.port)))
        yield Cutting(*found)


def read_apart(source: int, events: int) -> bytes:
    """Read until so many reads each brought the end of an event."""
    answer = b""
    while events:
        part = os.read(source, 65536)
        assert part, answer
        events -= b"\n\n" in part
        answer += part
    return answer


@pytest.mark.parametrize("through", ["nothing", "nginx"])
def test_curl_shows_events_as_they_come(server: RunningServer, tmp_path: Path, through: str) -> None:
    """Through nginx with nothing but `proxy_pass`: we ask it not to hold events back."""
    with (
        nginx(tmp_path, PLAIN % (server.port, "")) as proxy,
        subprocess.Popen(
            ["curl", "-sNi", f"http://127.0.0.1:{proxy.port if through == 'nginx' else server.port}/v1/sse?{SLOW}"],
            stdout=subprocess.PIPE,
        ) as curl,
    ):
        assert curl.stdout is not None
        answer = read_apart(curl.stdout.fileno(), 4)
        assert curl.poll() is None
        curl.terminate()
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.count(b"event: ticks\n") >= 3
    assert len(answer) < BUFFER


def test_nginx_holds_events_back_where_it_does_not_listen(server: RunningServer, tmp_path: Path) -> None:
    """What curl would see above without our asking."""
    with nginx(tmp_path, PLAIN % (server.port, HELD_BACK)) as proxy:
        assert b"event:" not in exchange(proxy, get(f"/v1/sse?{SLOW}"), pause_s=2, patience_s=0.5)


def test_a_conversation_through_nginx(server: RunningServer, tmp_path: Path) -> None:
    with nginx(tmp_path, PLAIN % (server.port, UPGRADING)) as proxy, PlainClient(proxy.port) as client:
        client.send({"op": "subscribe", "symbols": ["*"], "channels": ["trades", "quotes"]})
        messages = client.read(1)
        client.send({"op": "ping", "ts": 1})
        messages += client.read_until("pong")
    assert messages[0]["type"] == "welcome"
    assert assert_no_hole(messages) > 300


def test_a_proxy_that_does_not_upgrade_is_told_what_is_missing(server: RunningServer, tmp_path: Path) -> None:
    key = ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
    with nginx(tmp_path, PLAIN % (server.port, "")) as proxy:
        answer = exchange(proxy, get("/v1/stream", "Connection: Upgrade", "Upgrade: websocket", *key))
    assert status(answer) == 426
    assert b"upgrade_required" in answer


def test_a_quiet_stream_of_events_is_kept_alive(cutting: Cutting) -> None:
    with Events(cutting.alive.port, NEVER, version="1.0") as reader:
        assert reader.read(3 * PATIENCE_S) == []
        assert not reader.ended
        assert reader.comments >= 3


def test_a_quiet_conversation_is_kept_alive(cutting: Cutting) -> None:
    with PlainClient(cutting.alive.port) as client:
        messages = client.read(3 * PATIENCE_S)
        assert not client.ended
    assert [message["type"] for message in messages].count("heartbeat") >= 3


def test_polls_that_wait_less_than_the_proxy_does_are_answered(cutting: Cutting) -> None:
    poll = get(f"/v1/ticks?{NEVER}&wait={0.5 * PATIENCE_S}")
    answer = b"".join(exchange(cutting.alive, poll, pause_s=PATIENCE_S) for _ in range(3))
    assert statuses(answer) == [200] * 3
    assert answer.count(b'"batches":[]') == 3


def test_without_signs_of_life_a_stream_of_events_is_cut(cutting: Cutting) -> None:
    with Events(cutting.mute.port, NEVER, version="1.0") as reader:
        assert reader.read(5 * PATIENCE_S) == []
        assert reader.ended


def test_without_signs_of_life_a_conversation_is_cut(cutting: Cutting) -> None:
    with PlainClient(cutting.mute.port) as client:
        client.read(5 * PATIENCE_S)
        assert client.ended


def test_a_poll_that_waits_longer_than_the_proxy_does_is_cut(cutting: Cutting) -> None:
    poll = get(f"/v1/ticks?{NEVER}&wait={5 * PATIENCE_S}")
    assert statuses(exchange(cutting.mute, poll, pause_s=3 * PATIENCE_S)) == [504]


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser.new_page()
        browser.close()


def watch(page: Page, port: int, until: str) -> list[list[Any]]:
    """Open an event source and return what it has seen once a condition holds."""
    page.goto(f"http://127.0.0.1:{port}/healthz")
    page.evaluate(WATCH, "/v1/sse?symbols=*&channels=trades,quotes")
    return see(page, until)


def see(page: Page, until: str) -> list[list[Any]]:
    """Return what has been seen once a condition holds."""
    page.wait_for_function(until, timeout=30_000, polling=50)
    seen: list[list[Any]] = page.evaluate("seen")
    return seen


def test_a_browser_comes_back_without_a_hole_or_a_repeat(server: RunningServer, page: Page) -> None:
    with Cable(server.port) as cable:
        watch(page, cable.port, "seen.length > 50")
        cable.cut()
        seen = see(page, "seen.some(([kind]) => kind == 'recovered') && seen.at(-1)[0] == 'ticks'")
        page.evaluate("source.close()")
        page.goto("about:blank")
    first, again = (head for head in cable.packets if b"/v1/sse" in head)
    [recovered] = [data for kind, _, data in seen if kind == "recovered"]
    assert b"last-event-id:" not in first.lower()
    assert f"Last-Event-ID: {recovered['from']}\r\n".encode() in again
    assert recovered["complete"] is True
    assert assert_no_hole([data for _, _, data in seen]) > 300
    assert recovered["from"] in [place for _, place, _ in seen]


def test_a_browser_comes_back_to_a_server_that_began_anew(
    serve_ticker: Callable[..., RunningServer], page: Page
) -> None:
    """Equal seeds are equal tapes: the position that it had is still to come, and it is told so."""
    server = serve_ticker("--seed", "7")
    seen = watch(page, server.port, "seen.at(-1)?.[2].seq > 600")  # more than the new server has when it comes back
    assert server.stop() == 0
    serve_ticker("--seed", "7", "--port", str(server.port))
    seen = see(page, "seen.some(([kind]) => kind == 'recovered') && seen.at(-1)[0] == 'ticks'")
    page.evaluate("source.close()")
    kinds = [kind for kind, _, _ in seen]
    place = kinds.index("recovered")
    recovered = seen[place][2]
    assert recovered["complete"] is False
    assert recovered["from"] == seen[place - 1][1]
    assert recovered["gap"] == {"from": recovered["from"], "to": recovered["to"]}
    assert kinds[place + 1 : place + 3] == ["snapshot", "snapshot"]
    assert_no_hole([data for _, _, data in seen[:place]])
    assert assert_no_hole([data for _, _, data in seen[place:]]) > 0
