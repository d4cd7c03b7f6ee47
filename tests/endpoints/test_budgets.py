"""What a client says too much, too often or too badly: warned, then closed, counted, and nobody else notices."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from websockets.frames import Frame, Opcode

from conftest import RunningServer
from plain_client import PlainClient, assert_no_hole
from raw_http import read_on
from transcript import ask, find, kinds_of, metrics

BURSTS = ("--stream.commands-burst", "30", "--stream.acks-burst", "50", "--stream.acks-per-s", "50")
BYTES = ("--stream.bytes-burst", "65536", "--stream.bytes-per-s", "4096")
PING = {"op": "ping"}
RATE = "rate_limited"


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("budgets") / "log"


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def server(request: pytest.FixtureRequest, serve_ticker: Callable[..., RunningServer], log: Path) -> RunningServer:
    return serve_ticker(*BURSTS, *BYTES, "--server.loop", request.param, log=log)


@pytest.fixture
def client(server: RunningServer) -> Iterator[PlainClient]:
    """Somebody who is about to misbehave, beside somebody who does not."""
    with PlainClient(server.port) as neighbour, PlainClient(server.port) as client:
        neighbour.send({"op": "subscribe", "symbols": ["*"], "channels": ["trades", "quotes"]})
        neighbour.read_until("subscribed")
        client.read_until("welcome")
        yield client
        neighbour.send({"op": "ping", "id": "still here"})
        messages = neighbour.read_until("pong", id="still here") + neighbour.read(0.2)
        assert assert_no_hole(messages) > 10
        assert "lag" not in kinds_of(messages)


def ended(client: PlainClient) -> tuple[int | None, list[dict[str, Any]]]:
    """Read to the end, and hang up; return the close code, and all that was said."""
    code = client.read_close()
    client.socket.close()
    return code, [json.loads(frame.data) for frame in client.frames if frame.opcode is Opcode.TEXT]


def await_close(server: RunningServer, reason: str) -> None:
    """Wait until the end of a conversation has been counted."""
    until = time.monotonic() + 5
    while not metrics(server).get(f"ticker_closes_total.{reason}"):
        assert time.monotonic() < until, f"nobody was ended for {reason!r}"
        time.sleep(0.05)


def told_of(messages: list[dict[str, Any]]) -> Counter[str]:
    """Return how often each was said: the codes of errors, else the types."""
    return Counter(message.get("code", "") if message["type"] == "error" else message["type"] for message in messages)


def test_the_welcome_says_what_is_borne(server: RunningServer) -> None:
    with PlainClient(server.port) as client:
        limits = find(client.read_until("welcome"), "welcome")["limits"]
    assert limits["commands_per_s"] == 50
    assert limits["commands_burst"] == 30
    assert limits["acks_per_s"] == 200  # twice a step every 10 ms, though 50 were asked for
    assert limits["acks_burst"] == 50
    assert (limits["bytes_per_s"], limits["bytes_burst"]) == (4096, 65_536)
    assert limits["errors"] == 20


def test_b4_a_flood_of_messages_is_warned_of_and_closed(client: PlainClient, server: RunningServer) -> None:
    refused = metrics(server).get(f"ticker_refusals_total.{RATE}", 0)
    client.send(*[{**PING, "id": number} for number in range(2000)])
    code, messages = ended(client)
    said = told_of(messages)
    assert code == 4029
    assert 30 <= said["pong"] < 200
    assert said[RATE] >= 20
    error = next(message for message in messages if message.get("code") == RATE)
    assert error["id"] == said["pong"]  # the first that was not obeyed
    assert 0 < error["details"]["retry_after_s"] <= 1
    assert messages[-1] == {
        "type": "closing",
        "code": 4029,
        "reason": "too many messages",
        "reconnect_after_s": 5.0,
    }
    await_close(server, "4029 too many messages")
    assert metrics(server)[f"ticker_refusals_total.{RATE}"] >= refused + 20


def test_who_heeds_the_warning_goes_on(client: PlainClient) -> None:
    for _ in range(2):
        client.send(*[PING] * 40)
        wait_s = client.read_until("error", code=RATE)[-1]["details"]["retry_after_s"]
        time.sleep(wait_s)
    client.read(0.1)
    assert kinds_of(ask(client))[-1] == "pong"


def test_b5_a_flood_of_acks_is_closed(client: PlainClient, server: RunningServer) -> None:
    client.send(*[{"op": "ack", "seq": 0}] * 2000)
    code, messages = ended(client)
    assert code == 4029
    assert find(messages, "closing")["reason"] == "too many acks"
    assert told_of(messages)[RATE] >= 20
    await_close(server, "4029 too many acks")


def test_b5_an_ack_of_every_message_is_fine(client: PlainClient) -> None:
    messages = ask(client, {"op": "window", "size": 8}, {"op": "subscribe", "symbols": ["*"], "snapshot": False})
    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        came = client.read_until("ticks")
        client.send(*[{"op": "ack", "seq": message["seq"]} for message in came if message["type"] == "ticks"])
        messages += came
    assert "error" not in kinds_of(messages)
    assert assert_no_hole(messages) > 10


def test_long_messages_are_weighed(client: PlainClient, server: RunningServer) -> None:
    fat = Frame(Opcode.TEXT, json.dumps(PING).encode().ljust(16_000))
    client.send_frames(*[fat] * 25)
    code, messages = ended(client)
    assert code == 4029
    assert find(messages, "closing")["reason"] == "too many bytes"
    assert told_of(messages)[RATE] >= 1
    await_close(server, "4029 too many bytes")


@pytest.mark.parametrize(
    "message",
    [
        {"op": "subscribe", "symbols": ["NOPE"]},
        {"op": "subscribe", "symbols": ["ACME", "NOPE"], "snapshot": False},
        {"op": "unsubscribe", "symbols": ["ACME"], "channels": ["quotes"]},
        {"op": "ack", "seq": 2**53 - 1},
        {"op": "dance"},
    ],
    ids=["unknown", "partly unknown", "not subscribed", "bad ack", "unknown op"],
)
def test_b9_too_many_errors_end_it_for_good(
    client: PlainClient, message: dict[str, Any], server: RunningServer
) -> None:
    before = metrics(server)
    client.send(*[message] * 25)
    code, messages = ended(client)
    assert code == 4509
    assert kinds_of(messages).count("error") == 21
    assert messages[-1] == {
        "type": "closing",
        "code": 4509,
        "reason": "too many errors",
        "reconnect_after_s": None,
    }
    label = f"ticker_refusals_total.{find(messages, 'error')['code']}"
    assert metrics(server)[label] == before.get(label, 0) + 21
    await_close(server, "4509 too many errors")


def test_b9_unknown_symbols_are_an_error_and_no_more(client: PlainClient) -> None:
    client.send(*[{"op": "subscribe", "symbols": [f"NOPE{number}"]} for number in range(20)])
    assert kinds_of(ask(client)).count("error") == 20


def test_b9_more_symbols_than_a_request_may_name(client: PlainClient) -> None:
    names = [f"S{number}" for number in range(1001)]
    assert find(ask(client, {"op": "subscribe", "symbols": names}), "error")["code"] == "too_many_symbols"
    assert find(ask(client, {"op": "subscribe", "symbols": names[1:]}), "error")["code"] == "unknown_symbol"
    client.send({"op": "subscribe", "symbols": [f"S{number}" for number in range(10_000)]})
    assert client.read_close() == 1009


@pytest.mark.parametrize("garbage", [b"hello", b"", b"{", b"[" * 2000, b'{"op":"ping"} x'])
def test_b11_who_does_not_speak_json_is_told_three_times(client: PlainClient, garbage: bytes) -> None:
    frame = Frame(Opcode.TEXT, garbage)
    client.send_frames(*[frame] * 3)
    assert told_of(ask(client))["bad_json"] == 3
    client.send_frames(frame)
    code, messages = ended(client)
    assert code == 1007
    assert find(messages, "closing")["reason"] == "messages are JSON"


def test_a_flood_of_hellos_is_closed(server: RunningServer) -> None:
    with PlainClient(server.port, "/hello") as client:
        client.send_frames(*[Frame(Opcode.TEXT, b"Hello")] * 500)
        said = read_on(client.socket, 5)
    assert said.endswith((4029).to_bytes(2, "big") + b"too many messages")
    assert 30 <= said.count(b"Thanks") < 200


def test_what_clients_close_with_does_not_fill_the_metrics(server: RunningServer) -> None:
    before = {name for name in metrics(server) if name.startswith("ticker_closes_total")}
    for code in (1000, 3000, 3001, 3999, 4100, 4101, 4321, 4999):
        with PlainClient(server.port) as client:
            client.send_frames(Frame(Opcode.CLOSE, code.to_bytes(2, "big") + b"a reason of my own"))
            assert client.read_close() == code
    until = time.monotonic() + 5
    while metrics(server).get("ticker_closes_total.4xxx", 0) < 4:
        assert time.monotonic() < until
        time.sleep(0.05)
    new = {name for name in metrics(server) if name.startswith("ticker_closes_total")} - before
    assert new <= {f"ticker_closes_total.{label}" for label in ("1000", "3xxx", "4xxx")}


@pytest.mark.usefixtures("server")
def test_the_log_has_a_line_for_many(log: Path) -> None:
    """Every flood above, on this loop or the other: a few lines each, and not one a message."""
    time.sleep(1)
    lines = [json.loads(line) for line in log.read_text().splitlines() if line.endswith("}")]
    counted = Counter[str]()
    for line in lines:
        if line["event"] in ("refused", "conversations ended"):
            counted[line["reason"]] += line["count"]
    assert counted[RATE] >= 60
    assert {"4029 too many messages", "4029 too many acks", "4509 too many errors"} <= counted.keys()
    assert len(lines) < 150
