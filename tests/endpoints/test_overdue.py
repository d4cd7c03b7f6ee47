"""A window that stays shut: what is said and done when the patience ends, and that an ack in time keeps everything."""

import time
from collections.abc import Callable

import pytest

from conftest import RunningServer
from packed_client import PackedClient
from plain_client import PlainClient, assert_no_hole
from transcript import ALL, LOAD, TRADES_A_STEP, ask, fill, find, kinds_of, metrics, take, ticks_in


@pytest.fixture(scope="module")
def strict(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    """A server that waits for acks a second and a half at most."""
    return serve_ticker(*LOAD, "--stream.ack-deadline-s", "1.5", "--stream.close-s", "0.3")


def test_who_is_overdue_is_told_what_it_lost_and_shown_the_present(strict: RunningServer) -> None:
    lags = metrics(strict).get("ticker_lags_total.window", 0)
    with PlainClient(strict.port) as client:
        messages = fill(client, 4)
        last = ticks_in(messages)[-1]["seq"]
        messages += client.read_until("snapshot")
        lag, snapshot = messages[-2:]
        assert (lag["type"], lag["from"], lag["reason"], lag["conflated"]) == ("lag", last, "window", 0)
        assert lag["dropped"] == (lag["to"] - last) * TRADES_A_STEP
        assert (snapshot["type"], snapshot["seq"]) == ("snapshot", lag["to"])
        assert {tick["n"] for tick in snapshot["data"]} == {lag["to"]}
        again = client.read_until("snapshot")  # it stays shut, and the present moves on
        assert "ticks" not in kinds_of(again)
        second = find(again, "lag")
        assert (second["from"], second["reason"]) == (lag["to"], "window")
        assert second["dropped"] == (second["to"] - second["from"]) * TRADES_A_STEP
        assert metrics(strict)["ticker_lags_total.window"] == lags + 2
        client.send({"op": "ack", "seq": second["to"]})
        after = take(client, 4)
        assert {tick["n"] for tick in ticks_in(after)[0]["data"][:TRADES_A_STEP]} == {second["to"] + 1}
        assert_no_hole(after)


def test_who_asked_to_be_closed_is_closed_and_can_go_on_from_there(strict: RunningServer) -> None:
    with PlainClient(strict.port) as client:
        epoch = client.read_until("welcome")[0]["epoch"]
        messages = fill(client, 4, on_lag="close")
        messages += client.read_until("closing")
        assert client.read_close() == 4008
    closing = messages[-1]
    assert closing["type"] == "closing"
    assert closing["code"] == 4008
    assert closing["reconnect_after_s"] > 0
    assert ticks_in(messages) == ticks_in(messages)[:4]
    with PlainClient(strict.port) as client:
        client.send({**ALL, "from": f"{epoch}:{ticks_in(messages)[-1]['seq']}"})
        messages += client.read_until("recovered")
    assert find(messages, "recovered")["complete"] is True
    assert_no_hole(messages)


def test_acks_before_the_deadline_keep_everything(strict: RunningServer) -> None:
    with PlainClient(strict.port) as client:
        messages = fill(client, 2)
        for _ in range(10):
            time.sleep(0.15)
            client.send({"op": "ack", "seq": ticks_in(messages)[-2]["seq"]})  # always shut again, never overdue
            messages += client.read_until("ticks")
        assert "lag" not in kinds_of(messages)
        assert_no_hole(messages)


def test_an_ack_after_the_deadline_is_as_good_as_one_before(strict: RunningServer) -> None:
    with PlainClient(strict.port) as client:
        messages = fill(client, 2)
        lag = find(client.read_until("lag"), "lag")
        client.send({"op": "ack", "seq": ticks_in(messages)[-1]["seq"]})
        after = take(client, 2)
        assert {tick["n"] for tick in ticks_in(after)[0]["data"][:TRADES_A_STEP]} == {lag["to"] + 1}
        assert_no_hole(after)


def test_packed_messages_are_overdue_too(strict: RunningServer) -> None:
    with PackedClient(strict.port) as client:
        messages = fill(client, 3)
        messages += client.read_until("snapshot")
        lag, snapshot = messages[-2:]
        assert (lag["type"], lag["reason"]) == ("lag", "window")
        assert lag["dropped"] == (lag["to"] - lag["from"]) * TRADES_A_STEP
        assert {tick["n"] for tick in snapshot["data"]} == {lag["to"]}
        client.send({"op": "ack", "seq": lag["to"]})
        assert {tick["n"] for tick in ticks_in(take(client, 3))[0]["data"][:TRADES_A_STEP]} == {lag["to"] + 1}


def test_who_does_not_acknowledge_and_falls_off_the_tape_is_told_why(
    serve_ticker: Callable[..., RunningServer],
) -> None:
    """It read all it was sent: what it did not do is acknowledge."""
    server = serve_ticker(*LOAD, "--feed.tape-s", "0.2")
    with PlainClient(server.port) as client:
        messages = fill(client, 2)
        last = ticks_in(messages)[-1]["seq"]
        client.read(0.6)
        client.send({"op": "ack", "seq": last})
        news = client.read_until("lag")
        lag = find(news, "lag")
        assert (lag["from"], lag["reason"], lag["dropped"]) == (last, "window", (lag["to"] - last) * TRADES_A_STEP)
        after = news[news.index(lag) + 1 :] + take(client, 2 - len(ticks_in(news)))
        assert {tick["n"] for tick in ticks_in(after)[0]["data"][:TRADES_A_STEP]} == {lag["to"] + 1}
        assert_no_hole(after)
    with PlainClient(server.port) as client:
        messages = ask(client, {"op": "window", "size": 1}, {**ALL, "pace": "latest", "rate_hz": 50})
        messages += client.read(0.8)
        messages += ask(client, {**ALL, "pace": "every"})
        lag = find(messages, "lag")
        owed = (lag["to"] - find(messages, "subscribed")["seq"]) * TRADES_A_STEP
        assert (lag["reason"], lag["conflated"]) == ("window", owed - TRADES_A_STEP)  # one message was received
