"""Going on from a position over WebSocket: everything after it, once and in order, and then the present."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from conftest import RunningServer
from plain_client import PlainClient, assert_no_hole
from plain_http import fetch
from ticker.ticks import CHANNELS


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def server(request: pytest.FixtureRequest, serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    server = serve_ticker("--server.loop", request.param)
    while fetch(server, "readyz")[0]["seq"] < 50:
        time.sleep(0.1)
    return server


def ticks_of(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [tick for message in messages if message["type"] == "ticks" for tick in message["data"]]


def only(messages: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    [found] = [message for message in messages if message["type"] == kind]
    return found


@pytest.mark.parametrize("spelling", ["symbols", "subscriptions"])
def test_everything_after_a_position_comes_and_then_the_present(server: RunningServer, spelling: str) -> None:
    epoch = fetch(server, "readyz")[0]["epoch"]
    wish: dict[str, Any] = {"symbols": ["*"], "channels": list(CHANNELS)}
    if spelling == "subscriptions":
        wish = {"subscriptions": {channel: ["*"] for channel in CHANNELS}}
    with PlainClient(server.port) as client:
        client.send({"op": "subscribe", "from": f"{epoch}:7", **wish})
        messages = client.read_until("recovered")
        granted, recovered = messages[1], only(messages, "recovered")
        assert (granted["type"], granted["snapshot"]) == ("subscribed", False)
        assert granted["subscriptions"] == {channel: ["*"] for channel in CHANNELS}
        assert recovered == {
            "type": "recovered",
            "from": f"{epoch}:7",
            "to": f"{epoch}:{granted['seq']}",
            "complete": True,
        }
        messages += client.read(0.5)
    assert "snapshot" not in {message["type"] for message in messages}
    last = max(message["seq"] for message in messages if message["type"] == "ticks")
    polled, names = [], ",".join(CHANNELS)
    seq = 7
    while seq < last:
        answer = fetch(server, f"v1/ticks?symbols=*&channels={names}&limit=1000&since={epoch}:{seq}")[0]
        polled += [tick for batch in answer["batches"] if batch["seq"] <= last for tick in batch["data"]]
        seq = answer["seq"]
    assert ticks_of(messages) == polled
    assert_no_hole(messages)


def test_the_tape_may_be_read_from_its_beginning(server: RunningServer) -> None:
    epoch = fetch(server, "readyz")[0]["epoch"]
    with PlainClient(server.port) as client:
        client.send({"op": "subscribe", "symbols": ["ACME"], "channels": ["quotes"], "from": f"{epoch}:0"})
        assert ticks_of(client.read_until("recovered"))[0]["n"] == 1


def test_one_kept_subscription_may_be_widened_from_where_the_client_is(server: RunningServer) -> None:
    """A position is only ever asked for again: what is on its way is not overtaken, and never sent twice."""
    epoch = fetch(server, "readyz")[0]["epoch"]
    with PlainClient(server.port) as client:
        client.send(
            {"op": "subscribe", "symbols": ["ACME"], "from": f"{epoch}:0"},
            {"op": "subscribe", "symbols": ["ACME", "BYTE"], "from": f"{epoch}:0"},
            {"op": "subscribe", "symbols": ["CLWD"]},
        )
        messages = client.read_until("subscribed", symbols=["CLWD"]) + client.read(1)
        while "CLWD" not in {tick["sym"] for tick in ticks_of(messages)}:
            messages += client.read_until("ticks")
    assert [message["type"] for message in messages].count("recovered") == 2
    assert_no_hole(messages)
    first = {tick["sym"]: tick["n"] for tick in reversed(ticks_of(messages))}
    assert (first["ACME"], first["BYTE"]) == (1, 1)
    assert first["CLWD"] > 1


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ("other:1", "bad_position"),
        ("{epoch}:99999999", "bad_position"),
        ("here", "bad_position"),
        ("", "bad_position"),
        ("{epoch}:-1", "bad_position"),
        ("{epoch}:1.5", "bad_position"),
        ("{epoch}:18446744073709551616", "bad_position"),
    ],
)
def test_a_position_that_is_none_is_refused_and_changes_nothing(server: RunningServer, place: str, code: str) -> None:
    epoch = fetch(server, "readyz")[0]["epoch"]
    with PlainClient(server.port) as client:
        client.send({"op": "subscribe", "id": 1, "symbols": ["*"], "from": place.format(epoch=epoch)}, {"op": "list"})
        messages = client.read_until("subscriptions")
    assert [message.get("code") for message in messages if message["type"] == "error"] == [code]
    assert messages[-1]["subscriptions"] == {}


def test_a_position_before_what_was_sent_is_refused(server: RunningServer) -> None:
    epoch = fetch(server, "readyz")[0]["epoch"]
    with PlainClient(server.port) as client:
        client.send({"op": "subscribe", "symbols": ["*"]})
        client.read(0.3)
        client.send({"op": "subscribe", "id": 9, "symbols": ["*"], "channels": ["quotes"], "from": f"{epoch}:1"})
        error = only(client.read_until("error", id=9), "error")
    assert error["code"] == "bad_position"
    assert error["details"]["seq"] > 1


def test_a_position_that_is_gone_is_refused_with_the_oldest_that_is_kept(
    serve_ticker: Callable[..., RunningServer],
) -> None:
    server = serve_ticker("--feed.tape-s", "0.5")
    time.sleep(1)
    epoch = fetch(server, "readyz")[0]["epoch"]
    with PlainClient(server.port) as client:
        client.send({"op": "subscribe", "symbols": ["*"], "from": f"{epoch}:1"})
        error = only(client.read_until("error"), "error")
        assert error["code"] == "gone"
        tape, _, oldest = error["details"]["oldest"].partition(":")
        assert tape == epoch
        assert int(oldest) > 1


def test_what_falls_off_the_tape_while_it_is_read_again_is_announced(
    serve_ticker: Callable[..., RunningServer],
) -> None:
    server = serve_ticker(
        "--config", "configs/load.toml", "--instruments", "200", "--feed.tape-s", "1", "--stream.stall-s", "30"
    )
    time.sleep(1.5)
    place = fetch(server, "readyz")[0]
    with PlainClient(server.port, receive_buffer=4096) as client:
        client.send({"op": "subscribe", "symbols": ["*"], "from": f"{place['epoch']}:{place['seq'] - 60}"})
        time.sleep(3)
        messages = client.read_until("recovered")
    recovered, lag = only(messages, "recovered"), only(messages, "lag")
    assert recovered["complete"] is False
    assert recovered["gap"] == {"from": f"{place['epoch']}:{lag['from']}", "to": f"{place['epoch']}:{lag['to']}"}
    ticks = [tick for message in messages[: messages.index(lag)] for tick in message.get("data", ())]
    assert len(ticks) + lag["dropped"] == (lag["to"] - (place["seq"] - 60)) * 200
