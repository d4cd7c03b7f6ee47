"""Windows at the end of the way out: what is under way, what waits, and what happens when no acknowledgement comes.

Every message is judged by a ledger as it is written (`stage`, `ledger`); here is what must happen beyond that.
"""

from collections.abc import Callable
from typing import Any

import pytest
from msgspec import UNSET

from conftest import RunningServer
from plain_client import PlainClient, assert_no_hole
from stage import Client, Stage
from ticker.session.messages import Subscribe, Window
from ticker.ticks import CHANNELS, Position

DEADLINE_S = 30.0


def windowed(size: int, **terms: Any) -> tuple[Stage, Client]:
    """Return a client with a window that is owed everything."""
    stage = Stage()
    client = stage.connect()
    assert not client.say(Window(size=size))
    assert not client.subscribe(Subscribe(symbols=["*"], channels=list(CHANNELS), **terms))
    return stage, client


def beat(stage: Stage, steps: int) -> None:
    for _ in range(steps):
        stage.step()
        stage.flush()
        stage.run()


def test_nothing_goes_through_a_shut_window_and_all_of_it_once_it_opens() -> None:
    stage, client = windowed(2)
    beat(stage, 10)
    assert (client.ledger.messages, len(client.ledger.owed) > 0) == (2, True)
    assert client.ack(client.ledger.unacked[0])
    stage.run()
    assert client.ledger.messages == 3  # one ack, one message, however much is in it
    while client.ledger.owed:
        assert client.ack(client.ledger.seq)
        stage.run()
    assert client.ack(client.ledger.seq)
    beat(stage, 1)
    assert client.ledger.owed == []
    assert not client.ledger.lags


def test_answers_go_through_a_shut_window() -> None:
    stage, client = windowed(1)
    beat(stage, 3)
    assert client.blocked
    assert client.ack(stage.tape.head + 1) is False
    assert client.say(Window(size=1)) == []
    stage.wait(11)
    assert client.ledger.reached[-1] == client.ledger.seq  # a sign of life, that claims no more than was sent


def test_acks_that_come_twice_or_too_late_or_too_early_change_nothing() -> None:
    stage, client = windowed(3)
    beat(stage, 5)
    first, second, _ = client.ledger.unacked
    assert client.ack(second)
    beat(stage, 5)
    assert (client.ledger.messages, stage.house.unacked(), stage.house.windows_shut()) == (5, 3, 1)
    for old in (first, second, 0):
        assert client.ack(old)
    for beyond in (stage.tape.head + 1, 2**53 - 1):
        assert not client.ack(beyond)
    beat(stage, 5)
    assert (client.ledger.messages, stage.house.unacked()) == (5, 3)


def test_a_window_may_be_changed_and_ended_at_any_time() -> None:
    stage, client = windowed(1)
    beat(stage, 3)
    client.say(Window(size=4))
    beat(stage, 10)
    assert (client.ledger.messages, client.blocked) == (4, True)
    client.say(Window(size=2))  # more is under way than that: nothing more goes out before three are acknowledged
    client.ack(client.ledger.unacked[1])
    beat(stage, 2)
    assert client.ledger.messages == 4
    client.ack(client.ledger.unacked[0])
    stage.run()
    assert client.ledger.messages == 5
    client.say(Window(size=0))
    beat(stage, 3)
    assert client.ledger.owed == []
    assert stage.house.flows == {}


def test_a_window_is_no_larger_than_is_granted() -> None:
    stage, client = windowed(1_000_000)
    assert client.ledger.window == stage.house.terms.window_max


@pytest.mark.parametrize("pace", ["every", "latest"])
def test_what_is_overdue_is_given_up_once_a_deadline_and_the_window_stays_shut(pace: str) -> None:
    stage, client = windowed(1, pace=pace)
    stage.wait(1)
    beat(stage, 30)
    for _ in range(2 * int(DEADLINE_S) + 1):
        beat(stage, 2)
        stage.wait(1)
    reasons = [lag.reason for lag in client.ledger.lags]
    assert reasons.count("window") == 2
    assert client.ledger.messages == 1
    assert stage.metrics.lags["window"] == 2
    client.ack(max(client.ledger.positions))
    beat(stage, 20)
    assert client.ledger.messages > 1


def test_who_wants_it_that_way_is_closed() -> None:
    stage, client = windowed(1, on_lag="close")
    beat(stage, 5)
    stage.wait(0.25)
    stage.wait(DEADLINE_S)
    assert client.over
    client.leave()
    assert (stage.house.flows, stage.feed.laggards, stage.feed.audiences) == ({}, {}, 0)


def test_a_window_that_is_shut_costs_its_neighbours_nothing() -> None:
    stage, client = windowed(1)
    neighbour, alone = stage.connect(), Stage()
    same = alone.connect()
    for each in (neighbour, same):
        each.subscribe(Subscribe(symbols=["*"], channels=list(CHANNELS)))
    beat(stage, 50)
    beat(alone, 50)
    assert client.ledger.messages == 1
    assert neighbour.ledger.positions == same.ledger.positions


def test_a_recovery_waits_for_the_window_and_is_told_once_it_is_through() -> None:
    stage = Stage()
    client = stage.connect()
    beat(stage, 30)
    client.say(Window(size=1))
    place = str(Position(stage.market.epoch, 5))
    client.subscribe(Subscribe(symbols=["*"], channels=list(CHANNELS), from_=place))
    for _ in range(100):
        stage.run()
        if not client.ledger.stretches:
            break
        assert client.ledger.messages < 30
        client.ack(client.ledger.seq)
    assert (client.ledger.stretches, client.ledger.owed) == ([], [])
    assert client.ledger.messages > 3


def test_over_a_real_connection(serve_ticker: Callable[..., RunningServer]) -> None:
    server = serve_ticker("--stream.ack-deadline-s", "60")
    with PlainClient(server.port) as client:
        client.send({"op": "window", "size": 3}, {"op": "subscribe", "symbols": ["*"], "snapshot": False})
        messages = client.read(1)
        ticks = [message for message in messages if message["type"] == "ticks"]
        assert len(ticks) == 3
        client.send({"op": "ping"})
        assert [message["type"] for message in client.read(0.3)] == ["pong"]
        for _ in range(20):
            client.send({"op": "ack", "seq": ticks[-1]["seq"]})
            ticks += [message for message in client.read_until("ticks") if message["type"] == "ticks"]
        assert_no_hole(ticks)
        assert ticks[-1]["seq"] - ticks[0]["seq"] > 90  # it caught up in larger messages


def test_a_subscription_says_nothing_of_the_window() -> None:
    stage, client = windowed(2)
    assert client.subscribe(Subscribe(symbols=["*"], pace=UNSET)) == []
    beat(stage, 5)
    assert client.ledger.messages == 2
