"""Going on from any position, however the line was cut and over whichever transport: no hole, no repeat."""

import os
import random
import socket
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import State
from websockets.uri import parse_uri

from conftest import RunningServer
from event_reader import Events
from packed_client import MessageReader, PackedClient, upgrade
from plain_client import PlainClient, assert_no_hole
from plain_http import fetch, refused
from ticker.ticks import CHANNELS
from transcript import find, kinds_of, polled, ticks_of

RESUMES = 1000
WAYS = ("json", "packed", "header", "from")
CUTS = ("reset", "finish", "inside")
# Some thirteen ticks a step, and small messages for those who are behind: cuts fall everywhere.
MARKET = ("--market.model", "plain", "--instruments", "12", "--step-ms", "5", "--market.trades-per-s", "60")
SMALL = ("--market.quotes-per-s", "60", "--stream.catch-up-bytes", "1500")
ALL = {"symbols": ["*"], "channels": list(CHANNELS)}


@pytest.fixture(scope="module", params=["uvloop", "asyncio"])
def server(request: pytest.FixtureRequest, serve_ticker: Callable[..., RunningServer]) -> Iterator[RunningServer]:
    server = serve_ticker(*MARKET, *SMALL, "--server.loop", request.param)
    wait_for(server, 400)
    yield server
    server.stop()  # one fast market at a time


@pytest.fixture
def dice() -> random.Random:
    """Chance, the same again with TICKER_TEST_SEED: what failed shows it."""
    seed = int(os.environ.get("TICKER_TEST_SEED") or random.randrange(2**32))
    print(f"TICKER_TEST_SEED={seed}")
    return random.Random(seed)


def wait_for(server: RunningServer, seq: int) -> str:
    """Wait until the tape is so long; return its name."""
    while (ready := fetch(server, "readyz")[0])["seq"] < seq:
        time.sleep(0.05)
    return str(ready["epoch"])


def asked_again(server: RunningServer, wish: dict[str, list[str]], epoch: str, since: int, until: int) -> list[Any]:
    """Return what the tape holds of a wish after one step, up to another."""
    return polled(server, ",".join(wish["symbols"]), ",".join(wish["channels"]), epoch, since, until)


# One connection, cut after so many bytes.


class Line:
    """A socket that is read as bytes, and cut."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.received = b""

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def read_head(self) -> None:
        while b"\r\n\r\n" not in self.received:
            data = self._socket.recv(1 << 16)
            assert data, self.received
            self.received += data
        head, _, self.received = self.received.partition(b"\r\n\r\n")
        assert head.startswith((b"HTTP/1.1 101 ", b"HTTP/1.1 200 ")), head

    def read_until(self, size: int, patience_s: float) -> None:
        """Read until there are so many bytes after the head, or patience ends."""
        until = time.monotonic() + patience_s
        while len(self.received) < size and (left := until - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                data = self._socket.recv(1 << 16)
            except TimeoutError:
                return
            assert data, "the server hung up"
            self.received += data

    def cut(self, how: str, size: int) -> bytes:
        """Hang up; return what came, `inside` a message only so many bytes of it."""
        if how == "finish":
            self._socket.shutdown(socket.SHUT_WR)
        else:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()
        return self.received[:size] if how == "inside" else self.received


def say(message: dict[str, Any]) -> bytes:
    return Frame(Opcode.TEXT, orjson.dumps(message)).serialize(mask=True)


def read_frames(data: bytes) -> list[dict[str, Any]]:
    """Return the whole messages in what came over a WebSocket."""
    client = ClientProtocol(parse_uri("ws://127.0.0.1/"), state=State.OPEN, max_size=None)
    client.receive_data(data)
    return MessageReader().read([event for event in client.events_received() if isinstance(event, Frame)])


def read_events(data: bytes) -> list[dict[str, Any]]:
    """Return the whole messages in what came as events, a place that was named without one as a heartbeat."""
    found = []
    for block in data.decode(errors="replace").split("\n\n")[:-1]:
        fields = dict(line.split(": ", 1) for line in block.split("\n"))
        if "data" in fields:
            found.append(orjson.loads(fields["data"]))
            assert "id" not in fields or fields["id"].endswith(f":{found[-1]['seq']}")
        elif "id" in fields:
            found.append({"type": "heartbeat", "seq": int(fields["id"].rpartition(":")[2])})
    return found


def ride(
    port: int, way: str, wish: dict[str, list[str]], place: str, cut: str, size: int, patience_s: float = 0.02
) -> list[dict[str, Any]]:
    """Go on from a place over a new connection, and cut it after so many bytes; return the messages that came."""
    line = Line(port)
    if way in ("json", "packed"):
        line.send(upgrade("/v1/stream", f"ticker.v1.{way}"))
        line.read_head()
        line.send(say({"op": "subscribe", "from": place, **wish}))
    else:
        query = f"symbols={','.join(wish['symbols'])}&channels={','.join(wish['channels'])}"
        query += f"&from={place}" if way == "from" else ""
        header = f"Last-Event-ID: {place}\r\n" if way == "header" else ""
        line.send(f"GET /v1/sse?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\n{header}\r\n".encode())
        line.read_head()
    line.read_until(size, patience_s)
    data = line.cut(cut, size)
    return read_frames(data) if way in ("json", "packed") else read_events(data)


@dataclass
class Journey:
    """One wish followed over many connections."""

    epoch: str
    wish: dict[str, list[str]]
    start: int
    seq: int = 0
    ticks: list[dict[str, Any]] = field(default_factory=list)
    recovered: int = 0
    idle: int = 0

    def __post_init__(self) -> None:
        self.seq = self.start

    def go_on(self, server: RunningServer, way: str, cut: str, size: int) -> None:
        """Go on from where it is."""
        place = f"{self.epoch}:{self.seq}"
        before = self.seq
        for message in ride(server.port, way, self.wish, place, cut, size):
            self.take(message, place)
        self.idle += self.seq == before

    def take(self, message: dict[str, Any], place: str) -> None:
        match message["type"]:
            case "ticks":
                assert message["seq"] > self.seq
                self.ticks += message["data"]
                self.seq = message["seq"]
            case "recovered":
                assert (message["from"], message["complete"]) == (place, True)
                assert "gap" not in message
                self.seq = max(self.seq, int(message["to"].rpartition(":")[2]))
                self.recovered += 1
            case "heartbeat":
                assert message["seq"] >= self.seq
                self.seq = message["seq"]
            case other:
                assert other in ("welcome", "instruments", "subscribed"), message


def journeys(epoch: str, symbols: list[str], dice: random.Random) -> Iterator[Journey]:
    """Yield journeys with wishes of all sizes, from places all over the tape."""
    for channels in (["trades"], ["quotes"], ["trades", "quotes"]):
        for count in (1, 3, len(symbols)):
            wish = {"symbols": sorted(dice.sample(symbols, count)), "channels": channels}
            yield Journey(epoch, wish, dice.randrange(1, 300))
    yield Journey(epoch, ALL, 1)


def test_a_thousand_cuts_lose_and_repeat_nothing(
    server: RunningServer, dice: random.Random, request: pytest.FixtureRequest
) -> None:
    resumes = RESUMES if "uvloop" in request.node.name else RESUMES // 4
    epoch = wait_for(server, 400)
    symbols = [row["symbol"] for row in fetch(server, "v1/instruments")[0]["instruments"]]
    found = list(journeys(epoch, symbols, dice))
    for number in range(resumes):
        size = int(10 ** dice.uniform(1.5, 4.2))
        found[number % len(found)].go_on(server, WAYS[number // len(found) % 4], dice.choice(CUTS), size)
    assert sum(journey.recovered for journey in found) > resumes // 10
    assert sum(journey.idle for journey in found) < resumes // 2
    for journey in found:
        assert len(journey.ticks) > 20
        assert journey.ticks == asked_again(server, journey.wish, epoch, journey.start, journey.seq)


def test_every_position_may_be_gone_on_from(server: RunningServer) -> None:
    """One step after the other, each over another way than the one before."""
    epoch = wait_for(server, 400)
    query = f"v1/ticks?symbols=*&channels={','.join(CHANNELS)}&limit=100&since={epoch}:100"
    batches = fetch(server, query)[0]["batches"]
    for since in range(100, 140):
        ticks = ticks_of(ride(server.port, WAYS[since % 4], ALL, f"{epoch}:{since}", "reset", 8000, patience_s=5))
        expected = [tick for batch in batches if batch["seq"] > since for tick in batch["data"]]
        shared = min(len(expected), len(ticks))
        assert shared > 5
        assert ticks[:shared] == expected[:shared]


# Positions that are none.


@pytest.fixture(scope="module")
def forgetful(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    """A server whose tape is half a second long."""
    server = serve_ticker(*MARKET, "--feed.tape-s", "0.5")
    wait_for(server, 200)
    return server


BAD = ["other:7", "{epoch}:99999999", "{epoch}:", ":7", "7", "{epoch}:-1", "{epoch}:1.5", "{epoch}:x", "{epoch}:1e3"]
WRONG = [("{epoch}:1", "gone", 410), *((place, "bad_position", 400) for place in [*BAD, "{epoch}:9007199254740993"])]


@pytest.mark.parametrize(("place", "code", "status"), WRONG)
def test_a_position_that_is_none_changes_nothing(forgetful: RunningServer, place: str, code: str, status: int) -> None:
    epoch = wait_for(forgetful, 200)
    place = place.format(epoch=epoch)
    with PackedClient(forgetful.port) as packed, PlainClient(forgetful.port) as plain:
        for client in packed, plain:
            client.send({"op": "subscribe", "symbols": ["ACME"], "snapshot": False})
            messages = client.read_until("ticks")
            client.send({"op": "subscribe", "id": 7, "from": place, **ALL}, {"op": "list", "id": 8})
            messages += client.read_until("subscriptions", id=8)
            error = find(messages, "error")
            assert (error["code"], error["id"]) == (code, 7)
            assert find(messages, "subscriptions")["subscriptions"] == {"trades": ["ACME"]}
            if code == "gone":
                assert error["details"]["oldest"].startswith(f"{epoch}:")
            messages += client.read(0.1) + client.read_until("ticks")
            assert {tick["sym"] for tick in ticks_of(messages)} == {"ACME"}
            assert assert_no_hole(messages) > 1
            assert "recovered" not in kinds_of(messages)
    found, problem = refused(forgetful, f"v1/sse?symbols=*&from={place}")
    assert (found, problem["code"]) == (status, code)
    if code == "gone":
        assert int(problem["oldest"].rpartition(":")[2]) > 1


@pytest.mark.parametrize("place", ["{epoch}:1", "other:7", "{epoch}:99999999"])
def test_a_reader_of_events_that_cannot_go_on_is_told_what_it_lost(forgetful: RunningServer, place: str) -> None:
    place = place.format(epoch=wait_for(forgetful, 200))
    with Events(forgetful.port, "symbols=*&channels=trades,quotes", f"Last-Event-ID: {place}") as reader:
        messages = reader.read(0.3)
    assert kinds_of(messages)[:4] == ["recovered", "snapshot", "snapshot", "ticks"]
    recovered = messages[0]
    assert (recovered["from"], recovered["complete"]) == (place, False)
    assert recovered["gap"] == {"from": place, "to": recovered["to"]}
    assert_no_hole(messages)
    shown = {(tick["ch"], tick["sym"]): tick["n"] for message in messages[1:3] for tick in message["data"]}
    first = {(tick["ch"], tick["sym"]): tick["n"] for tick in reversed(ticks_of(messages))}
    assert first
    assert all(shown[key] + 1 == n for key, n in first.items())


def test_what_a_refusal_names_as_the_oldest_can_be_gone_on_from(forgetful: RunningServer) -> None:
    epoch = wait_for(forgetful, 200)
    with PlainClient(forgetful.port) as client:
        client.send({"op": "subscribe", "from": f"{epoch}:1", **ALL})
        error = client.read_until("error")[-1]
        oldest = int(error["details"]["oldest"].rpartition(":")[2])
        client.send({"op": "subscribe", "from": f"{epoch}:{oldest + 60}", **ALL})  # the tape has gone on since then
        messages = client.read_until("recovered")
    assert messages[0]["type"] == "subscribed"
    assert assert_no_hole(messages) > 20


# With a window.


@pytest.mark.parametrize(("way", "size"), [("ticker.v1.json", 1), ("ticker.v1.packed", 2), ("ticker.v1.json", 5)])
def test_a_recovery_waits_for_acks(server: RunningServer, way: str, size: int) -> None:
    epoch = wait_for(server, 400)
    since = fetch(server, "readyz")[0]["seq"] - 100
    with PackedClient(server.port, way) as client:
        client.send({"op": "window", "size": size}, {"op": "subscribe", "from": f"{epoch}:{since}", **ALL})
        messages: list[dict[str, Any]] = []
        rounds = 0
        while "recovered" not in kinds_of(messages):
            messages += client.read_until("ticks")
            client.send({"op": "ping", "id": rounds})
            messages += client.read_until("pong", id=rounds)
            if rounds % 10 == 0:
                messages += client.read(0.05)  # nothing more comes
            sent = [message for message in messages if message["type"] == "ticks"]
            assert len(sent) <= (rounds + 1) * size
            client.send({"op": "ack", "seq": sent[-1]["seq"]})
            rounds += 1
        messages += client.read(0.2)
    recovered = find(messages, "recovered")
    assert (recovered["from"], recovered["complete"]) == (f"{epoch}:{since}", True)
    last = max(message["seq"] for message in messages if message["type"] == "ticks")
    assert ticks_of(messages) == asked_again(server, ALL, epoch, since, last)


def test_what_was_sent_and_not_acknowledged_can_be_had_again(server: RunningServer) -> None:
    """An application that acknowledges what it has stored goes on from there, wherever it died."""
    epoch = wait_for(server, 400)
    start = seq = fetch(server, "readyz")[0]["seq"] - 200
    stored: list[dict[str, Any]] = []
    for number in range(20):
        with PackedClient(server.port, f"ticker.v1.{WAYS[number % 2]}") as client:
            client.send({"op": "window", "size": 4}, {"op": "subscribe", "from": f"{epoch}:{seq}", **ALL})
            first = find(client.read_until("ticks"), "ticks")
            stored += first["data"]
            seq = first["seq"]
            client.send({"op": "ack", "seq": seq})
    assert stored == asked_again(server, ALL, epoch, start, seq)


# After a restart.


@pytest.mark.parametrize("seed", ["1", "2"])
def test_a_restarted_server_does_not_pretend(serve_ticker: Callable[..., RunningServer], seed: str) -> None:
    """Another seed is another tape; the same seed is the same tape, not as far yet."""
    before = serve_ticker(*MARKET, "--market.seed", "1")
    epoch = wait_for(before, 20)
    port = before.port
    assert before.stop() == 0
    after = serve_ticker(*MARKET, "--market.seed", seed, "--port", str(port))
    place = f"{epoch}:{99999 if seed == '1' else 5}"
    with PlainClient(port) as client:
        client.send({"op": "subscribe", "from": place, **ALL}, {"op": "subscribe", "symbols": ["ACME"]})
        messages = client.read_until("subscribed")
        error = find(messages, "error")
        assert error["code"] == "bad_position"
        assert error["details"].keys() == ({"seq"} if seed == "1" else {"epoch"})
        assert_no_hole(messages + client.read_until("ticks"))
    assert (messages[0]["epoch"] == epoch) == (seed == "1")
    assert refused(after, f"v1/sse?symbols=*&from={place}")[1]["code"] == "bad_position"
    assert refused(after, f"v1/ticks?symbols=*&since={place}")[1]["code"] == "bad_position"
    with Events(port, "symbols=*", f"Last-Event-ID: {place}") as reader:
        messages = reader.read(0.3)
    assert kinds_of(messages)[:2] == ["recovered", "snapshot"]
    assert messages[0]["complete"] is False
    assert messages[0]["to"].startswith(f"{epoch}:") == (seed == "1")
    assert after.stop() == 0
