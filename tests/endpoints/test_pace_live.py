"""Readers of the newest over real sockets: no more often than they asked for, and every tick is accounted for."""

import math
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from conftest import RunningServer
from event_reader import Events
from packed_client import PackedClient
from plain_client import PlainClient, assert_no_hole
from plain_http import fetch, refused
from transcript import ask, find, kinds_of, metrics, take, ticks_in

# Ten trades a step, in which `n` is the step's `seq`; a hundred steps a second.
LOAD = ("--config", "configs/load.toml", "--stream.report-s", "0.3", "--stream.heartbeat-s", "0.3")
SYMBOLS = 10
ALL = {"op": "subscribe", "symbols": ["*"], "snapshot": False}
WAYS = ("ticker.v1.json", "ticker.v1.packed")


@pytest.fixture(scope="module")
def server(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker(*LOAD, "--stream.ack-deadline-s", "1", "--stream.close-s", "0.3")


@pytest.fixture(scope="module")
def quiet(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    """A market in which something happens now and then."""
    return serve_ticker("--instruments", "12", "--stream.report-s", "0.3")


def latest(rate_hz: float, **wish: Any) -> dict[str, Any]:
    return {**ALL, "pace": "latest", "rate_hz": rate_hz, **wish}


def every() -> dict[str, Any]:
    return {**ALL, "pace": "every"}


def lags_in(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [message for message in messages if message["type"] == "lag"]


def assert_rate(messages: list[dict[str, Any]], rate_hz: float) -> int:
    """Check that there is one message a slot at most, by the server's own clock; return how many there are."""
    times = [message["ts"] for message in ticks_in(messages)]
    slots = [int(ts * rate_hz / 1e6) for ts in times]
    assert len(set(slots)) == len(slots) and slots == sorted(slots), slots
    if times:
        assert len(times) <= math.ceil(rate_hz * (times[-1] - times[0]) / 1e6) + 1
    return len(times)


def assert_newest(messages: list[dict[str, Any]], symbols: int = SYMBOLS) -> None:
    """Check that each message shows every symbol once, as it stood at the message's position."""
    for message in ticks_in(messages):
        assert len({tick["sym"] for tick in message["data"]}) == len(message["data"]) == symbols
        assert {tick["n"] for tick in message["data"]} == {message["seq"]}


def assert_accounts(messages: list[dict[str, Any]], start: int, symbols: int = SYMBOLS) -> int:
    """Check that what was received and what was announced as left out is all there was; return how far that is proved.

    That is up to the last announcement; `start` is the last step that was not owed.
    """
    known, place, left_out = 0, start, 0
    sent = [(message["seq"], len(message["data"])) for message in ticks_in(messages)]
    for lag in lags_in(messages):
        assert place <= max(start, lag["from"]) < lag["to"]
        known = sum(count for seq, count in sent if start < seq <= lag["to"])
        left_out += lag["conflated"] + lag["dropped"]
        place = lag["to"]
        assert known + left_out == (place - start) * symbols, lag
    return place


def until_reported(client: PlainClient) -> list[dict[str, Any]]:
    """Read until it has been said what was merged."""
    return client.read_until("lag", reason="pace")


# How often, and what.


@pytest.mark.parametrize(("way", "rate_hz"), [(WAYS[0], 5), (WAYS[1], 20), (WAYS[0], 33.3)])
def test_the_newest_comes_no_more_often_than_asked_for(server: RunningServer, way: str, rate_hz: float) -> None:
    with PackedClient(server.port, way) as client:
        messages = ask(client, latest(rate_hz))
        granted = find(messages, "subscribed")
        assert (granted["pace"], granted["rate_hz"]) == ("latest", rate_hz)
        messages += client.read(1.0) + until_reported(client)
    assert assert_rate(messages, rate_hz) >= 3
    assert_newest(messages)
    assert assert_accounts(messages, granted["seq"]) > granted["seq"]
    assert {lag["reason"] for lag in lags_in(messages)} == {"pace"}
    assert {lag["dropped"] for lag in lags_in(messages)} == {0}


@pytest.mark.parametrize("way", WAYS)
def test_only_what_is_new_comes_and_it_is_the_newest(quiet: RunningServer, way: str) -> None:
    with PackedClient(quiet.port, way) as client:
        messages = ask(client, latest(8, channels=["trades", "quotes"]))
        messages += client.read(1.5) + until_reported(client)
    start, sent = find(messages, "subscribed")["seq"], ticks_in(messages)
    epoch = find(messages, "welcome")["epoch"]
    query = f"v1/ticks?symbols=*&channels=trades,quotes&limit=1000&since={epoch}:{start}"
    steps = [(batch["seq"], batch["data"]) for batch in fetch(quiet, query)[0]["batches"]]
    since = start
    for message in sent:
        expected: dict[tuple[str, str], dict[str, Any]] = {}
        for seq, ticks in steps:
            if since < seq <= message["seq"]:
                expected |= {(tick["ch"], tick["sym"]): tick for tick in ticks}
        assert {(tick["ch"], tick["sym"]): tick for tick in message["data"]} == expected
        since = message["seq"]
    assert len(sent) > 5
    last = lags_in(messages)[-1]["to"]
    told = sum(lag["conflated"] for lag in lags_in(messages))
    received = sum(len(message["data"]) for message in sent if message["seq"] <= last)
    assert told + received == sum(len(ticks) for seq, ticks in steps if seq <= last)


def test_a_rate_that_nobody_names_or_nobody_can_have(server: RunningServer) -> None:
    with PlainClient(server.port) as client:
        assert find(ask(client, {**ALL, "pace": "latest"}), "subscribed")["rate_hz"] == 10
        assert find(ask(client, latest(1000)), "subscribed")["rate_hz"] == 100
        messages = client.read(0.3)
        assert_rate(messages, 100)
        assert_newest(messages)


def test_events_show_the_newest_too(server: RunningServer) -> None:
    with Events(server.port, "symbols=*&pace=latest&rate_hz=10") as reader:
        messages = reader.read(1.2)
        places = [(kind, place, data["seq"]) for kind, place, data in reader.events if kind == "ticks"]
    assert assert_rate(messages, 10) >= 4
    assert_newest(messages)
    assert lags_in(messages)
    assert_accounts(messages, lags_in(messages)[0]["from"])
    assert all(place.endswith(f":{seq}") for _, place, seq in places)
    with Events(server.port, "symbols=*&pace=latest&rate_hz=10", f"Last-Event-ID: {places[-1][1]}") as reader:
        messages = reader.read(0.5)
    assert kinds_of(messages)[0] == "snapshot"  # what it has not seen meanwhile
    assert_newest(messages)


# What is refused.


TOGETHER = [
    ({"rate_hz": 5}, "rate_hz"),
    ({"pace": "every", "rate_hz": 5}, "rate_hz"),
    ({"pace": "latest", "from": "{epoch}:1"}, "from"),
    ({"pace": "latest", "rate_hz": 5, "from": "{epoch}:1"}, "from"),
    ({"pace": "latest", "rate_hz": 0}, "rate_hz"),
    ({"pace": "latest", "rate_hz": -1}, "rate_hz"),
    ({"pace": "latest", "rate_hz": 1000.5}, "rate_hz"),
    ({"pace": "latest", "rate_hz": "5"}, "rate_hz"),
    ({"pace": "latest", "rate_hz": None}, "rate_hz"),
    ({"pace": "latest", "rate_hz": True}, "rate_hz"),
    ({"pace": "fast"}, "pace"),
    ({"pace": None}, "pace"),
]


def test_what_does_not_go_together_is_refused_and_changes_nothing(server: RunningServer) -> None:
    with PlainClient(server.port) as client:
        epoch = client.read_until("welcome")[0]["epoch"]
        messages = ask(client, {**ALL, "symbols": ["SYM0001"]})
        for wish, field in TOGETHER:
            place = {"from": f"{epoch}:1"} if "from" in wish else {}
            answers = ask(client, {"op": "subscribe", "id": 5, "symbols": ["*"], **wish, **place}, {"op": "list"})
            error = find(answers, "error")
            assert (wish, error["code"], error["id"]) == (wish, "bad_request", 5)
            assert (wish, error["details"]["field"]) == (wish, field)
            assert find(answers, "subscriptions")["subscriptions"] == {"trades": ["SYM0001"]}
            messages += answers
        assert assert_no_hole(messages + client.read_until("ticks")) > 0


def test_from_is_refused_while_the_newest_is_sent(server: RunningServer) -> None:
    with PlainClient(server.port) as client:
        epoch = client.read_until("welcome")[0]["epoch"]
        ask(client, latest(10))
        error = find(ask(client, {"op": "subscribe", "symbols": ["*"], "from": f"{epoch}:1"}), "error")
        assert (error["code"], error["details"]["field"]) == ("bad_request", "from")
        assert_newest(client.read_until("ticks"))


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("rate_hz=5", "rate_hz"),
        ("pace=every&rate_hz=5", "rate_hz"),
        ("pace=latest&from={epoch}:1", "from"),
        ("pace=latest&rate_hz=0", "rate_hz"),
        ("pace=latest&rate_hz=x", "rate_hz"),
        ("pace=fast", "pace"),
    ],
)
def test_events_refuse_the_same(server: RunningServer, query: str, field: str) -> None:
    epoch = fetch(server, "readyz")[0]["epoch"]
    status, problem = refused(server, f"v1/sse?symbols=*&{query.format(epoch=epoch)}")
    assert (status, problem["code"], problem["field"]) == (400, "bad_request", field)


# Changes while connected.


def test_the_rate_may_change(server: RunningServer) -> None:
    with PlainClient(server.port) as client:
        messages = ask(client, latest(5))
        start = find(messages, "subscribed")["seq"]
        messages += client.read(0.4)
        assert_rate(messages, 5)
        for rate_hz in (40, 4, 100, 20):
            answers = ask(client, latest(rate_hz))
            assert find(answers, "subscribed")["rate_hz"] == rate_hz
            after = answers[kinds_of(answers).index("subscribed") :] + client.read(0.4)
            assert_rate(after, rate_hz)
            messages += answers[: kinds_of(answers).index("subscribed")] + after
        messages += until_reported(client)
    assert_newest(messages)
    assert assert_accounts(messages, start) > start


def test_what_is_subscribed_may_change(server: RunningServer) -> None:
    with PlainClient(server.port) as client:
        messages = ask(client, latest(20, symbols=["SYM0000", "SYM0001"]))
        messages += client.read(0.2)
        assert_newest(messages, 2)
        answers = ask(client, {**ALL, "symbols": ["SYM0002"]})
        granted = find(answers, "subscribed")
        assert (granted["pace"], granted["rate_hz"]) == ("latest", 20)  # the conversation's
        messages = client.read(0.3)
        assert_newest(messages[2:], 3)
        ask(client, {"op": "unsubscribe", "symbols": ["SYM0000", "SYM0001"]})
        messages = client.read(0.3)
        assert {tick["sym"] for message in ticks_in(messages) for tick in message["data"]} == {"SYM0002"}
        assert_newest(messages, 1)
        ask(client, {"op": "unsubscribe", "symbols": ["*"]})
        client.read()
        assert "ticks" not in kinds_of(client.read(0.2))


@pytest.mark.parametrize("way", WAYS)
def test_from_every_tick_to_the_newest_and_back(server: RunningServer, way: str) -> None:
    """No tick is sent twice or forgotten where it changes: `n` and what is announced prove it."""
    with PackedClient(server.port, way) as client:
        messages = ask(client, ALL)
        start = find(messages, "subscribed")["seq"]
        for _ in range(4):
            whole = client.read(0.1)
            assert_no_hole(messages[-2:] + whole)
            messages += whole + ask(client, latest(15)) + client.read(0.25)
            messages += ask(client, every())
        messages += client.read(0.2)
    assert "snapshot" not in kinds_of(messages)
    place = start
    seen = dict[str, int]()
    for message in ticks_in(messages):
        assert message["seq"] > place
        place = message["seq"]
        for tick in message["data"]:
            assert tick["n"] > seen.get(tick["sym"], start)
            seen[tick["sym"]] = tick["n"]
    received = sum(len(message["data"]) for message in ticks_in(messages))
    merged = sum(lag["conflated"] for lag in lags_in(messages))
    assert merged > 0
    assert received + merged == (place - start) * SYMBOLS
    assert set(seen.values()) == {place}


def test_to_every_tick_and_back_at_once(server: RunningServer) -> None:
    with PlainClient(server.port) as client:
        messages = ask(client, latest(10))
        start = find(messages, "subscribed")["seq"]
        for _ in range(30):
            messages += ask(client, every(), latest(10))
        messages += client.read(0.2) + ask(client, every())
        messages += client.read(0.2)
    received = sum(len(message["data"]) for message in ticks_in(messages))
    merged = sum(lag["conflated"] for lag in lags_in(messages))
    assert received + merged == (ticks_in(messages)[-1]["seq"] - start) * SYMBOLS


# With a window, and with a reader that does not read.


def test_a_window_holds_the_newest_back(server: RunningServer) -> None:
    with PlainClient(server.port) as client:
        messages = ask(client, {"op": "window", "size": 2}, latest(20))
        start = find(messages, "subscribed")["seq"]
        messages += take(client, 2 - len(ticks_in(messages)))
        for _ in range(4):
            messages += client.read(0.2)
            client.send({"op": "ack", "seq": ticks_in(messages)[-1]["seq"]})
            messages += client.read_until("ticks")
            messages += client.read_until("ticks")
        messages += ask(client, {"op": "window", "size": 0}) + until_reported(client)
    assert assert_rate(messages, 20) >= 10
    assert_newest(messages)
    assert assert_accounts(messages, start) > start
    assert {lag["reason"] for lag in lags_in(messages)} == {"pace"}


def test_overdue_acks_of_the_newest(server: RunningServer) -> None:
    with PlainClient(server.port) as client:
        messages = ask(client, {"op": "window", "size": 2}, latest(20))
        start = find(messages, "subscribed")["seq"]
        messages += client.read_until("lag", reason="window")
        messages += client.read_until("snapshot") if messages[-1]["type"] != "snapshot" else []
        lag, snapshot = next(m for m in messages if m.get("reason") == "window"), find(messages, "snapshot")
        assert len(ticks_in(messages)) == 2
        assert (snapshot["seq"], lag["dropped"]) == (lag["to"], 0)
        assert {tick["n"] for tick in snapshot["data"]} == {lag["to"]}
        client.send({"op": "ack", "seq": lag["to"]})
        messages += client.read_until("ticks") + ask(client, {"op": "window", "size": 0}) + until_reported(client)
    assert_newest(messages)
    assert assert_accounts(messages, start) > lag["to"]


def test_acks_too_late_close_where_that_was_asked_for(server: RunningServer) -> None:
    with PlainClient(server.port) as client:
        ask(client, {"op": "window", "size": 1}, latest(20, on_lag="close"))
        messages = client.read_until("closing")
        assert (messages[-1]["code"], messages[-2]["type"], messages[-2]["reason"]) == (4008, "lag", "window")


def test_a_reader_that_pauses_is_sent_the_newest_when_it_reads_again(
    serve_ticker: Callable[..., RunningServer],
) -> None:
    server = serve_ticker(*LOAD, "--instruments", "200", "--stream.stall-s", "30")
    with PlainClient(server.port, receive_buffer=4096) as client:
        messages = ask(client, latest(100))
        start = find(messages, "subscribed")["seq"]
        time.sleep(1.5)
        messages += client.read(1)
        head = fetch(server, "readyz")[0]["seq"]
        messages += client.read(0.3)
    sent = ticks_in(messages)
    assert_newest(messages, 200)
    assert_rate(messages, 100)
    gap, resumed = max((after["seq"] - before["seq"], after["seq"]) for before, after in pairwise(sent))
    assert gap > 50
    assert sent[-1]["seq"] >= head  # level again
    assert assert_accounts(messages, start, 200) >= resumed
    assert {lag["dropped"] for lag in lags_in(messages)} == {0}


# Beside others.


def test_readers_at_one_rate_are_served_as_one(serve_ticker: Callable[..., RunningServer]) -> None:
    server = serve_ticker(*LOAD)
    with PlainClient(server.port) as one, PlainClient(server.port) as two, PlainClient(server.port) as other:
        for client in one, two:
            ask(client, latest(20))
            client.read_until("ticks")
        found = one.read(0.3), two.read(0.3)
        assert metrics(server)["ticker_audiences"] == 1
        first, second = ({m["seq"]: m for m in ticks_in(messages)} for messages in found)
        second |= {m["seq"]: m for m in ticks_in(two.read(0.3))}
        shared = first.keys() & second.keys()
        assert len(shared) >= 2
        assert all(first[seq] == second[seq] for seq in shared)
        ask(other, latest(10))
        other.read_until("ticks")
        assert metrics(server)["ticker_audiences"] == 2
        ask(other, latest(20))
        other.read_until("ticks")
        other.read_until("ticks")
        assert metrics(server)["ticker_audiences"] == 1


def test_readers_of_the_newest_do_not_disturb_readers_of_everything(server: RunningServer) -> None:
    with PlainClient(server.port) as whole, PlainClient(server.port) as newest, PackedClient(server.port) as packed:
        messages = ask(whole, ALL)
        ask(newest, latest(10))
        ask(packed, latest(10))
        messages += whole.read(0.6)
        ask(newest, latest(50))
        ask(packed, {"op": "window", "size": 1})
        messages += whole.read(0.4)
        assert assert_no_hole(messages) > 50 * SYMBOLS
        assert not lags_in(messages)
        assert_newest(newest.read(0.2))
        assert_newest(packed.read(0.2))
