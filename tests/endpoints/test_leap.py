"""A hole in the tape, another tape, none yet, one that is not current: everybody is told, over every transport."""

import asyncio
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import pytest

from event_reader import Events
from plain_client import PlainClient, assert_no_hole
from puppet import Puppet
from tcp_proxy import Proxy
from ticker_client import Feed, connect

LOOPS = ("uvloop", "asyncio")
EVERYTHING = {"op": "subscribe", "symbols": ["*"], "channels": ["trades", "quotes", "stats"]}
CHANNELS = {"trade": "trades", "quote": "quotes", "stats": "stats"}


def fetch(puppet: Puppet, path: str) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(puppet.url + path, timeout=10) as answer:
            return answer.status, orjson.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, orjson.loads(error.read())


def counts(ticks: list[dict[str, Any]]) -> dict[tuple[str, str], int]:
    """Return the newest `n` by channel and symbol."""
    return {(tick["ch"], tick["sym"]): tick["n"] for tick in ticks}


def opened(puppet: Puppet) -> PlainClient:
    """Open a tape with ten steps of past, and return a client."""
    puppet.open(10)
    return PlainClient(puppet.port)


def of(messages: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [message for message in messages if message["type"] == kind]


def data(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [tick for message in messages for tick in message["data"]]


@pytest.mark.parametrize("loop", LOOPS)
def test_a_live_reader_is_told_how_much_of_its_own_it_lost_and_goes_on(loop: str) -> None:
    with Puppet(loop) as puppet, opened(puppet) as client:
        client.send(EVERYTHING)
        client.read_until("subscribed")
        puppet.go(50)
        before = client.read_until("ticks", seq=puppet.strings.market.seq)
        puppet.leap(70)
        puppet.go(30)
        after = client.read_until("ticks", seq=puppet.strings.market.seq)
    [lag] = of(after, "lag")
    assert (lag["from"], lag["to"], lag["conflated"], lag["reason"]) == (60, 130, 0, "source")
    place = after.index(lag)
    shown = data(of(after[place:], "snapshot"))
    lost = counts(shown)
    had = counts(data(of(before, "snapshot")) + data(of(before, "ticks")))
    assert lag["dropped"] == sum(lost.values()) - sum(had.values()) > 100
    assert_no_hole([{"type": "ticks", "seq": 1, "data": shown}, *after[place:]])


def test_who_lost_nothing_of_its_own_is_told_nothing() -> None:
    with Puppet(**{"market.quotes_per_s": 0.0}) as puppet, opened(puppet) as client:
        client.send({"op": "subscribe", "symbols": ["*"], "channels": ["status"]})
        client.read_until("subscribed")
        puppet.leap(20)
        puppet.go(5)
        said = client.read(0.5)
    assert not of(said, "lag")
    assert of(said, "heartbeat")[-1]["seq"] == 35


def test_who_is_behind_loses_what_it_had_not_read_too() -> None:
    stream = {"stream.buffer_bytes": 4096, "server.unsent_bytes": 4096, "stream.stall_s": 60.0}
    with Puppet(**stream) as puppet:
        puppet.open(10)
        with PlainClient(puppet.port, receive_buffer=4096) as client:
            client.send({**EVERYTHING, "channels": ["trades"]})
            client.read_until("subscribed")
            puppet.go(3000)
            assert puppet.do(lambda: len(puppet.server.feed.laggards)) == 1
            puppet.leap(100)
            puppet.go(100)
            said = client.read_until("heartbeat", seq=puppet.strings.market.seq)
    [lag] = of(said, "lag")
    place = said.index(lag)
    had = counts(data(of(said[:place], "snapshot")) + data(of(said[:place], "ticks")))
    shown = counts(data(of(said[place:], "snapshot")))
    assert lag["to"] == 3210
    assert lag["from"] < 3010
    assert lag["dropped"] == sum(shown.values()) - sum(had.values())
    assert_no_hole(said[:place])


def test_on_lag_close_is_closed_with_the_reason() -> None:
    with Puppet() as puppet, opened(puppet) as client:
        client.send({**EVERYTHING, "on_lag": "close"})
        client.read_until("subscribed")
        puppet.leap(50)
        [closing] = of(client.read_until("closing"), "closing")
        assert closing["code"] == client.read_close() == 4008
        assert "hole" in closing["reason"]


def test_a_resume_from_before_the_hole_is_gone_and_one_across_it_incomplete() -> None:
    with Puppet() as puppet, opened(puppet) as client:
        epoch = puppet.strings.market.epoch
        client.send({"op": "window", "size": 1}, {**EVERYTHING, "from": f"{epoch}:2"})
        client.read_until("ticks")
        puppet.leap(50)
        client.send({"op": "ack", "seq": 10})
        said = client.read_until("recovered")
        assert of(said, "recovered")[0]["complete"] or of(said, "recovered")[0]["gap"]
        with PlainClient(puppet.port) as other:
            other.send({**EVERYTHING, "from": f"{epoch}:5"})
            [error] = of(other.read_until("error"), "error")
            assert error["code"] == "gone"
            assert error["details"]["oldest"] == f"{epoch}:60"
        status, problem = fetch(puppet, f"/v1/ticks?symbols=*&since={epoch}:5")
        assert (status, problem["code"], problem["oldest"]) == (410, "gone", f"{epoch}:60")


def test_the_newest_only_counts_the_hole_as_merged() -> None:
    with Puppet(**{"stream.report_s": 0.25}) as puppet, opened(puppet) as client:
        client.send({**EVERYTHING, "pace": "latest", "rate_hz": 20.0})
        first = client.read_until("subscribed")
        first += client.read(0.2)
        puppet.leap(50)
        said = first + client.read(1.2)
    lag = of(said, "lag")[-1]
    assert lag["reason"] == "pace"
    had, now = counts(data(of(said, "snapshot"))), counts(data(of(said, "ticks")))
    merged = sum(now[key] - had.get(key, 0) - 1 for key in now)
    assert sum(message["conflated"] for message in of(said, "lag")) == merged > 50


def test_events_and_long_polls_hear_of_it() -> None:
    with Puppet() as puppet:
        puppet.open(10)
        with Events(puppet.port, "symbols=*&channels=trades") as events:
            events.read(0.1)
            puppet.leap(50)
            puppet.go(20)
            events.read(0.5)
            kinds = [kind for kind, _, _ in events.events]
            assert kinds[:2] == ["lag", "snapshot"]
            assert set(kinds[2:]) == {"ticks"}
            assert events.events[0][2]["reason"] == "source"
        held = in_background(lambda: fetch(puppet, "/v1/ticks?symbols=*&wait=9"))
        while not puppet.do(lambda: puppet.server.feed.audiences):
            pass
        puppet.leap(10)
        status, body = held()
        assert (status, body["seq"], body["batches"]) == (200, 80, [])


def in_background(act: Callable[[], Any]) -> Callable[[], Any]:
    """Begin something; return what waits for it."""
    with_one = ThreadPoolExecutor(1)
    begun = with_one.submit(act)
    with_one.shutdown(wait=False)
    return lambda: begun.result(15)


@pytest.mark.parametrize("loop", LOOPS)
def test_without_a_tape_it_lives_and_is_not_ready(loop: str) -> None:
    with Puppet(loop) as puppet:
        assert fetch(puppet, "/healthz") == (200, {"status": "ok"})
        for path in ("/readyz", "/", "/v1/snapshot?symbols=*", "/v1/nothing"):
            status, problem = fetch(puppet, path)
            assert (status, problem["code"]) == (503, "unavailable"), path
        with pytest.raises(AssertionError, match=r"503"):
            PlainClient(puppet.port)
        puppet.open(10)
        assert fetch(puppet, "/readyz") == (200, {"status": "ready", "epoch": puppet.strings.market.epoch, "seq": 10})
        with PlainClient(puppet.port) as client:
            [welcome] = client.read_until("welcome")
            assert (welcome["role"], welcome["leader"], welcome["seq"]) == ("leaf", "somebody", 10)


@pytest.mark.parametrize("loop", LOOPS)
def test_another_tape_sends_everybody_away_and_serves_them_when_they_come_back(loop: str) -> None:
    with Puppet(loop) as puppet, opened(puppet) as client:
        first = puppet.strings.market.epoch
        client.send(EVERYTHING)
        client.read_until("subscribed")
        with Events(puppet.port, "symbols=*") as events:
            puppet.begin(2, past=5)
            [closing] = of(client.read_until("closing"), "closing")
            assert (closing["code"], closing["reconnect_after_s"]) == (1001, 1.0)
            assert "another tape" in closing["reason"]
            events.read(2.0)
            assert events.ended
        assert client.read_close() == 1001
        second = puppet.strings.market.epoch
        assert second != first
        with PlainClient(puppet.port) as back, Events(puppet.port, "symbols=*", f"Last-Event-ID: {first}:10") as again:
            back.send({**EVERYTHING, "from": f"{first}:10"})
            [error] = of(back.read_until("error"), "error")
            assert (error["code"], error["details"]["epoch"]) == ("bad_position", second)
            back.send(EVERYTHING)
            back.read_until("subscribed")
            puppet.go(20)
            assert_no_hole(back.read_until("ticks", seq=25))
            again.read(0.5)
            assert again.events[0][2]["complete"] is False


def test_who_does_not_leave_the_old_tape_is_cut_off() -> None:
    with Puppet(**{"stream.close_s": 30.0}) as puppet, opened(puppet) as client:
        client.send(EVERYTHING)
        client.read_until("subscribed")
        puppet.begin(2)
        client.read_until("closing")  # it does not close
        assert client.read_close() == 1001
        until = time.monotonic() + 10
        while puppet.do(lambda: list(puppet.server._former)):
            assert time.monotonic() < until, "the old house is still there"
            time.sleep(0.05)


def test_stale_is_said_to_those_who_come_and_those_who_are_there() -> None:
    with Puppet() as puppet, opened(puppet) as client:
        [welcome] = client.read_until("welcome")
        assert "stale" not in welcome
        client.send(EVERYTHING)
        puppet.do(lambda: puppet.server.stale("NATS does not answer"))
        client.read_until("heartbeat", stale=True)
        status, problem = fetch(puppet, "/readyz")
        assert (status, problem["detail"]) == (503, "NATS does not answer")
        assert fetch(puppet, "/v1/snapshot?symbols=*")[0] == 200
        with PlainClient(puppet.port) as other:
            other.read_until("welcome", stale=True)
        puppet.do(lambda: puppet.server.stale(""))
        assert fetch(puppet, "/readyz")[0] == 200
        client.read(0.05)
        assert "stale" not in of(client.read_until("heartbeat"), "heartbeat")[-1]


def test_followers_hear_of_every_step_once() -> None:
    with Puppet() as puppet:
        puppet.open()
        heard: list[int] = []
        puppet.server.feed.followers.append(lambda entries: heard.extend(entry.batch.seq for entry in entries))
        puppet.go(20)
        puppet.leap(5)
        puppet.go(3)
    assert heard == [*range(1, 21), *range(26, 29)]


@pytest.mark.parametrize("loop", LOOPS)
def test_who_was_further_elsewhere_waits_until_this_tape_has_passed_it(loop: str) -> None:
    with Puppet(loop) as puppet, opened(puppet) as client:
        epoch = puppet.strings.market.epoch
        [welcome] = client.read_until("welcome")
        assert welcome["limits"]["ahead"] == 1000
        client.send({"op": "subscribe", "symbols": ["*"], "channels": ["quotes"], "from": f"{epoch}:25"})
        client.read_until("subscribed")
        puppet.go(5)
        client.send({"op": "subscribe", "symbols": ["*"], "channels": ["trades"]})
        shown = client.read_until("snapshot")
        puppet.go(20)
        said = [*shown, *client.read_until("heartbeat", seq=35)]
    assert of(said, "recovered") == [
        {"type": "recovered", "from": f"{epoch}:25", "to": f"{epoch}:25", "complete": True}
    ]
    ticks = of(said, "ticks")
    quotes = [message["seq"] for message in ticks for tick in message["data"] if tick["ch"] == "quote"]
    trades = [message["seq"] for message in ticks for tick in message["data"] if tick["ch"] == "trade"]
    assert min(quotes) > 25 >= min(trades) > 15
    assert_no_hole([{"type": "ticks", "seq": 15, "data": data(of(shown, "snapshot"))}, *ticks])


def test_who_was_too_far_elsewhere_is_told_so() -> None:
    with Puppet() as puppet, opened(puppet) as client:
        epoch = puppet.strings.market.epoch
        client.send({**EVERYTHING, "from": f"{epoch}:1011"})
        [error] = of(client.read_until("error"), "error")
        assert (error["code"], error["details"]["seq"]) == ("bad_position", 10)
        client.send({**EVERYTHING, "from": f"{epoch}:1010"})
        client.read_until("subscribed")


def test_polls_and_events_wait_too() -> None:
    with Puppet() as puppet:
        puppet.open(10)
        place = f"{puppet.strings.market.epoch}:15"
        assert fetch(puppet, f"/v1/ticks?symbols=*&since={place}")[1]["batches"] == []
        held = in_background(lambda: fetch(puppet, f"/v1/ticks?symbols=*&channels=quotes&wait=9&since={place}"))
        with Events(puppet.port, "symbols=*&channels=quotes", f"Last-Event-ID: {place}") as events:
            events.read(0.1)
            puppet.go(30)
            events.read(0.5)
        status, body = held()
        assert status == 200
        assert body["batches"][0]["seq"] == body["seq"] > 15
        kinds = [kind for kind, _, _ in events.events]
        assert set(kinds) == {"ticks", "recovered"}
        assert events.events[kinds.index("ticks")][2]["data"][0] == body["batches"][0]["data"][0]


async def reach(feed: Feed, seq: int) -> None:
    async for _ in feed:
        if feed.session.reached >= seq:
            return


async def test_a_client_goes_from_one_server_to_another_that_is_behind_without_a_hole() -> None:
    with Puppet() as one, Puppet() as other:
        one.open(10)
        other.open(10)
        async with Proxy(one.port) as proxy, asyncio.timeout(30), connect(proxy.url) as feed:
            await feed.subscribe("*", channels=["quotes", "trades"])
            one.go(30)
            other.go(20)
            await reach(feed, 40)
            proxy.target = other.port
            proxy.cut()
            while feed.connections < 2:  # noqa: ASYNC110  # not an event of ours
                await asyncio.sleep(0.01)
            other.go(40)
            await reach(feed, 70)
        session = feed.session
        assert (session.missed, session.repeated, session.reordered, session.restarts) == (0, 0, 0, 0)
        assert session.reached == 70
