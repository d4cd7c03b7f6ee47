"""Packed messages over real sockets: the same ticks as JSON, in the same order, whatever happens to the reader."""

import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from websockets.frames import Opcode

from conftest import RunningServer
from packed_client import PackedClient, upgrade
from plain_client import PlainClient, assert_no_hole
from plain_http import fetch
from ticker.ticks import CHANNELS
from ticker.wire.packed import SNAPSHOT, TICKS, unpack
from transcript import ask, find, kinds_of, polled, ticks_in, ticks_of

FAST = ("--config", "configs/load.toml", "--instruments", "200")
PACKED, JSON = "ticker.v1.packed", "ticker.v1.json"
ALL = {"op": "subscribe", "symbols": ["*"], "channels": list(CHANNELS)}


@pytest.fixture(scope="module")
def server(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker("--stream.heartbeat-s", "0.3", "--instruments", "30")


@pytest.fixture(scope="module")
def fast(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    """Two hundred trades a step, and patience."""
    return serve_ticker(*FAST, "--stream.stall-s", "30")


def binaries(client: PlainClient) -> list[bytes]:
    return [bytes(frame.data) for frame in client.frames if frame.opcode is Opcode.BINARY]


@pytest.mark.parametrize("wish", [{"symbols": ["*"]}, {"symbols": ["BYTE", "ACME", "CLWD"]}])
def test_the_same_ticks_as_json(server: RunningServer, wish: dict[str, Any]) -> None:
    with PackedClient(server.port) as packed, PlainClient(server.port) as plain:
        asked = {**ALL, **wish}
        said = ask(packed, asked) + packed.read_until("ticks"), ask(plain, asked) + plain.read_until("ticks")
        mine, theirs = said[0] + packed.read(0.6), said[1] + plain.read(0.6)
    start = max(find(mine, "subscribed")["seq"], find(theirs, "subscribed")["seq"])
    # Where a reader fell behind its steps are joined: both are compared from one end of a message to another.
    ends = {m["seq"] for m in ticks_in(mine)} & {m["seq"] for m in ticks_in(theirs)}
    first, last = min(seq for seq in ends if seq >= start), max(ends)
    one, other = ([m for m in ticks_in(messages) if first < m["seq"] <= last] for messages in (mine, theirs))
    assert len(ticks_of(one)) > 5
    assert ticks_of(one) == ticks_of(other)  # every field of every tick
    alike = {m["seq"]: m for m in one}
    assert all(m == alike[m["seq"]] for m in other if len(one) == len(other))  # and seq and ts
    for messages in mine, theirs:
        assert {m["channel"] for m in messages if m["type"] == "snapshot"} == set(CHANNELS)
    if find(mine, "subscribed")["seq"] == find(theirs, "subscribed")["seq"]:
        assert find(mine, "snapshot") == find(theirs, "snapshot")


def test_what_is_read_again_is_the_tape(server: RunningServer) -> None:
    with PackedClient(server.port) as client:
        epoch = client.read_until("welcome")[0]["epoch"]
        messages = ask(client, {**ALL, "from": f"{epoch}:0"})
        if "recovered" not in kinds_of(messages):
            messages += client.read_until("recovered")
    recovered = find(messages, "recovered")
    assert (recovered["from"], recovered["complete"]) == (f"{epoch}:0", True)
    last = ticks_in(messages)[-1]["seq"]
    assert ticks_of(messages) == polled(server, "*", ",".join(CHANNELS), epoch, 0, last)
    assert any(len(set(rows["seq"].tolist())) > 3 for data in binaries(client) for rows in unpack(data).rows.values())


def test_ticks_and_snapshots_are_packed_and_all_else_is_text(server: RunningServer) -> None:
    with PackedClient(server.port) as client:
        messages = ask(
            client,
            ALL,
            {"op": "window", "size": 3},
            {"op": "list"},
            {"op": "ack", "seq": 2**53 - 1},
            {"op": "subscribe", "symbols": ["NOPE"]},
            {"op": "unsubscribe", "symbols": ["ACME"]},
        )
        messages += client.read_until("heartbeat")
        binary = [unpack(data) for data in binaries(client)]
        text = b"".join(bytes(frame.data) for frame in client.frames if frame.opcode is Opcode.TEXT)
    assert kinds_of(messages)[:3] == ["welcome", "instruments", "subscribed"]
    kinds = {"welcome", "instruments", "subscribed", "window", "subscriptions", "error", "unsubscribed", "pong"}
    assert set(kinds_of(messages)) == kinds | {"heartbeat", "ticks", "snapshot"}
    assert {message.kind for message in binary} == {TICKS, SNAPSHOT}
    assert len(binary) == sum(kind in ("ticks", "snapshot") for kind in kinds_of(messages))
    assert b'"type":"ticks"' not in text
    assert b'"type":"snapshot"' not in text


def test_the_listing_is_the_universe(server: RunningServer) -> None:
    with PackedClient(server.port) as client:
        listing = client.read_until("instruments")[-1]
    rows = fetch(server, "v1/instruments")[0]["instruments"]
    assert listing["symbols"] == [row["symbol"] for row in rows]
    assert listing["tick_sizes"] == [row["tick_size"] for row in rows]
    assert listing["decimals"] == [row["decimals"] for row in rows]
    assert listing["size_decimals"] == [row["size_decimals"] for row in rows]


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (PACKED, PACKED),
        (JSON, JSON),
        (f"{PACKED}, {JSON}", PACKED),  # the first that the client names
        (f"{JSON}, {PACKED}", JSON),
        (f"mqtt, {PACKED}", PACKED),
        (f"{PACKED}, mqtt, {PACKED}", PACKED),
    ],
)
def test_the_first_that_is_offered_and_known_is_chosen(server: RunningServer, offered: str, chosen: str) -> None:
    with PackedClient(server.port, offered) as client:
        assert f"sec-websocket-protocol: {chosen}\r\n".encode() in client.head.lower()
        messages = ask(client, {"op": "subscribe", "symbols": ["*"]})
        assert ("instruments" in kinds_of(messages)) == bool(binaries(client)) == (chosen == PACKED)


def test_who_offers_nothing_gets_json(server: RunningServer) -> None:
    with PlainClient(server.port) as client:
        assert b"sec-websocket-protocol" not in client.head.lower()
        assert "instruments" not in kinds_of(ask(client, {"op": "subscribe", "symbols": ["*"]}))
        assert not binaries(client)


@pytest.mark.parametrize("offered", ["ticker.v1.Packed", "ticker.v2.packed", "mqtt", "packed"])
def test_an_unknown_subprotocol_is_refused(server: RunningServer, offered: str) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as line:
        line.sendall(upgrade("/v1/stream", offered))
        answer = line.recv(1 << 16)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"no such subprotocol; known: ticker.v1.json, ticker.v1.packed" in answer


def test_a_slow_reader_catches_up_in_larger_messages(fast: RunningServer) -> None:
    with PackedClient(fast.port, receive_buffer=4096) as client:
        messages = ask(client, {"op": "subscribe", "symbols": ["*"], "snapshot": False})
        time.sleep(1.2)
        messages += client.read(1.5)
        until_s = time.monotonic() + 20
        while assert_no_hole(messages) <= 200 * 100:
            assert time.monotonic() < until_s
            messages += client.read(0.5)
        frames = [unpack(data) for data in binaries(client)]
        epoch = find(messages, "welcome")["epoch"]
    wide = [frame for frame in frames if len(frame.rows["trades"]) > 200]
    assert wide
    for frame in wide:  # `step` tells each row's step: the trade's number, in this market
        rows = frame.rows["trades"]
        assert rows["seq"].max() == frame.seq
        assert (rows["seq"] == rows["n"]).all()
        assert (rows["seq"][1:] >= rows["seq"][:-1]).all()
    start, last = find(messages, "subscribed")["seq"], ticks_in(messages)[-1]["seq"]
    assert ticks_of(messages) == polled(fast, "*", "trades", epoch, start, last)


def test_a_reader_that_falls_off_the_tape_is_told_in_text_and_shown_the_present_packed(
    serve_ticker: Callable[..., RunningServer],
) -> None:
    server = serve_ticker(*FAST, "--feed.tape-s", "0.2", "--stream.stall-s", "30")
    with PackedClient(server.port, receive_buffer=4096) as client:
        messages = ask(client, {"op": "subscribe", "symbols": ["*"], "snapshot": False})
        time.sleep(1.5)
        messages += client.read(1)
    lags = [message for message in messages if message["type"] == "lag"]
    assert lags
    received = len(ticks_of(messages))
    assert received + sum(lag["dropped"] for lag in lags) == 200 * (
        ticks_in(messages)[-1]["seq"] - find(messages, "subscribed")["seq"]
    )
    for lag in lags:
        after = messages[messages.index(lag) + 1]
        assert (after["type"], after["seq"], len(after["data"])) == ("snapshot", lag["to"], 200)
        assert {tick["n"] for tick in after["data"]} == {lag["to"]}


def test_readers_of_both_kinds_do_not_mix(fast: RunningServer) -> None:
    """One falls behind and comes back packed, the other stays level in JSON, and they see the same."""
    with PackedClient(fast.port, receive_buffer=4096) as packed, PlainClient(fast.port) as plain:
        wish = {"op": "subscribe", "symbols": ["SYM0000", "SYM0001", "SYM0002"], "snapshot": False}
        mine, theirs = ask(packed, wish), ask(plain, wish)
        theirs += plain.read(0.5)
        mine += packed.read(0.3)
    assert assert_no_hole(mine) > 30
    assert assert_no_hole(theirs) > 30
    by_tick = {(tick["sym"], tick["n"]): tick for tick in ticks_of(theirs)}
    shared = [tick for tick in ticks_of(mine) if (tick["sym"], tick["n"]) in by_tick]
    assert len(shared) > 30
    assert all(by_tick[tick["sym"], tick["n"]] == tick for tick in shared)
