"""Server-sent events over real sockets, and in a real browser."""

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import sync_playwright

from conftest import RunningServer
from event_reader import Events
from plain_client import PlainClient, assert_no_hole
from ticker.ticks import CHANNELS

FAST = ("--config", "configs/load.toml", "--instruments", "200")  # about 2 MB a second


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def server(request: pytest.FixtureRequest, serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker("--server.loop", request.param, "--stream.heartbeat-s", "1")


def test_ticks_flow_as_events_with_their_positions(server: RunningServer) -> None:
    with Events(server.port, "symbols=*&channels=trades,quotes") as reader:
        messages = reader.read(1)
        assert reader.head.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"Content-Type: text/event-stream\r\n" in reader.head
        assert b"X-Accel-Buffering: no" in reader.head
        assert assert_no_hole(messages) > 300
        assert all(place.endswith(f":{data['seq']}") for _, place, data in reader.events)


def test_the_same_ticks_come_over_events_and_websocket(server: RunningServer) -> None:
    with (
        PlainClient(server.port) as client,
        Events(server.port, f"symbols=ACME,BYTE&channels={','.join(CHANNELS)}") as reader,
    ):
        client.send({"op": "subscribe", "symbols": ["ACME", "BYTE"], "channels": list(CHANNELS)})
        socket_messages = [message for message in client.read(2) if message["type"] == "ticks"]
        events = reader.read(1)
    by_tick = {(t["ch"], t["sym"], t["n"]): t for message in socket_messages for t in message["data"]}
    shared = [t for message in events for t in message["data"] if (t["ch"], t["sym"], t["n"]) in by_tick]
    assert len(shared) > 20
    assert all(by_tick[tick["ch"], tick["sym"], tick["n"]] == tick for tick in shared)


@pytest.mark.parametrize("how", ["header", "query"])
def test_a_reader_goes_on_where_it_was(server: RunningServer, how: str) -> None:
    query = "symbols=*&channels=trades"
    with Events(server.port, query) as reader:
        first = reader.read(0.5)
        place = reader.events[-1][1]
    time.sleep(0.3)
    header = [f"Last-Event-ID: {place}"] if how == "header" else []
    with Events(server.port, query if how == "header" else f"{query}&from={place}", *header) as reader:
        second = reader.read(0.8)
    assert assert_no_hole([*first, *second]) > 100
    [recovered] = [message for message in second if message["type"] == "recovered"]
    assert (recovered["from"], recovered["complete"]) == (place, True)


@pytest.mark.parametrize("place", ["other:7", "{tape}:99999999", "{tape}:1"])
def test_a_browser_that_comes_back_too_late_is_told_so_and_shown_the_present(
    serve_ticker: Callable[..., RunningServer], place: str
) -> None:
    """After a refusal an EventSource would never come back."""
    server = serve_ticker("--feed.tape-s", "0.5")
    with Events(server.port, "symbols=*") as reader:
        reader.read(1)
        tape = reader.events[0][1].partition(":")[0]
    place = place.format(tape=tape)
    with Events(server.port, f"symbols=*&channels={','.join(CHANNELS)}", f"Last-Event-ID: {place}") as reader:
        messages = reader.read(0.5)
    recovered = messages[0]
    assert reader.events[0][:2] == ("recovered", "")
    assert (recovered["from"], recovered["complete"]) == (place, False)
    assert recovered["gap"] == {"from": place, "to": recovered["to"]}
    assert [kind for kind, _, _ in reader.events[1:9]] == ["snapshot"] * 7 + ["ticks"]
    assert reader.events[1][1] == recovered["to"]
    assert_no_hole(messages)
    with Events(server.port, f"symbols=*&from={place}") as reader:
        assert reader.head.split(b" ")[1] in (b"400", b"410")


def test_a_reader_may_begin_with_the_tape(server: RunningServer) -> None:
    with Events(server.port, "symbols=*") as reader:
        reader.read(0.5)
        tape = reader.events[0][1].partition(":")[0]
    with Events(server.port, f"symbols=*&channels=quotes&from={tape}:0") as reader:
        messages = reader.read(0.5)
    assert messages[0]["data"][0]["n"] == 1
    assert_no_hole(messages)


def test_a_sign_of_life_comes_while_nothing_else_does(serve_ticker: Callable[..., RunningServer]) -> None:
    server = serve_ticker("--config", "configs/load.toml", "--stream.heartbeat-s", "0.3")
    with Events(server.port, "symbols=SYM0000&channels=quotes") as reader:
        assert reader.read(1.8) == []
        assert 2 <= reader.comments <= 8
        assert reader.place.rpartition(":")[2].isdigit()  # so that it need not begin again where the last event was


@pytest.mark.parametrize(
    ("query", "header", "code", "name"),
    [
        ("", "", 400, b"bad_request"),
        ("symbols=NOPE", "", 404, b"unknown_symbol"),
        ("symbols=ACME&channels=x", "", 404, b"unknown_channel"),
        ("symbols=ACME&since=1", "", 400, b"bad_request"),
        ("symbols=ACME&from=here", "", 400, b"bad_position"),
        ("symbols=ACME&from=other:1", "", 400, b"bad_position"),
        ("symbols=ACME", "Last-Event-ID: x:99999999999999999999", 400, b"bad_position"),
    ],
)
def test_what_cannot_be_streamed_is_refused(
    server: RunningServer, query: str, header: str, code: int, name: bytes
) -> None:
    with Events(server.port, query, *([header] if header else [])) as reader:
        assert reader.head.startswith(b"HTTP/1.1 %d " % code)
        reader.read(0.2)
        assert name in reader._rest


def test_http_1_0_is_streamed_to_the_end_of_the_connection(server: RunningServer) -> None:
    with Events(server.port, "symbols=*", version="1.0") as reader:
        assert b"Transfer-Encoding" not in reader.head
        assert b"Connection: close" in reader.head
        assert reader.read(0.3)


def test_a_reader_that_stops_reading_is_cut_off(serve_ticker: Callable[..., RunningServer]) -> None:
    server = serve_ticker(*FAST, "--stream.stall-s", "1")
    with Events(server.port, "symbols=SYM0000") as neighbour, Events(server.port, "symbols=*", buffer=4096) as stuck:
        assert_no_hole(neighbour.read(3))
        stuck.read(5)
        assert stuck.ended
        assert sum(len(data.get("data", ())) for _, _, data in stuck.events) < 10_000  # of some 100,000
        assert assert_no_hole(neighbour.read(0.5)) > 10


def test_a_reader_that_falls_off_the_tape_is_told_what_it_lost(serve_ticker: Callable[..., RunningServer]) -> None:
    server = serve_ticker(*FAST, "--feed.tape-s", "0.6", "--stream.stall-s", "30")
    with Events(server.port, "symbols=*", buffer=4096) as reader:
        time.sleep(2)
        reader.read(1.5)
        kinds = [kind for kind, _, _ in reader.events]
        lag = kinds.index("lag")
        assert kinds[lag + 1] == "snapshot"
        assert kinds[-1] == "ticks"
        ticks = sum(len(data["data"]) for kind, _, data in reader.events if kind == "ticks")
        dropped = sum(data["dropped"] for kind, _, data in reader.events if kind == "lag")
        first, last = reader.events[0][2]["data"][0]["n"], reader.events[-1][2]["data"][-1]["n"]
        assert ticks + dropped == (last - first + 1) * 200


def test_events_end_when_the_server_does(serve_ticker: Callable[..., RunningServer]) -> None:
    server = serve_ticker()
    with Events(server.port, "symbols=*") as reader:
        assert reader.read(0.3)
        assert server.stop() == 0
        reader.read(2)
        assert reader.ended


def test_a_browsers_event_source_reads_it(server: RunningServer) -> None:
    script = """async (url) => {
        const seen = [];
        const source = new EventSource(url);
        source.addEventListener("ticks", (event) => seen.push([event.lastEventId, JSON.parse(event.data)]));
        await new Promise((resolve) => setTimeout(resolve, 1500));
        source.close();
        return seen;
    }"""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page()
        page.goto(server.url + "healthz")
        seen = page.evaluate(script, f"{server.url}v1/sse?symbols=*&channels=trades,quotes")
        browser.close()
    assert assert_no_hole([message for _, message in seen]) > 300
    assert all(place.endswith(f":{message['seq']}") for place, message in seen)
