"""Who gets in: so many at once, so many a second, and so many from one address; the others wait, or are turned away."""

import json
import re
import socket
import time
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from conftest import RunningServer
from plain_client import PlainClient, assert_no_hole
from raw_http import PATIENCE_S, body, exchange, get, headers, read_on, status
from ticker import clock
from ticker.config import Config, ServerConfig
from ticker.endpoints.askers import Askers
from ticker.endpoints.entrance import Entrance
from ticker.errors import Refusal
from ticker.metrics import Metrics
from transcript import metrics

GONE, HERE = b"\x08", b"\x01"


class Visitor:
    """Somebody at the entrance, and what became of it."""

    def __init__(self) -> None:
        self.became = ""
        self.answer = b""
        self.socket = cast(socket.socket, SimpleNamespace(getsockopt=lambda *_: self.state))
        self.state = HERE

    def enter(self) -> None:
        self.became = "in"

    def wait(self) -> None:
        self.became = "waits"

    def turn_away(self, answer: bytes, *, politely: bool) -> None:
        self.became = "turned away" if politely else "cut off"
        self.answer = answer

    def abort(self, reason: str) -> None:
        self.became = reason

    def sweep(self, now_s: float) -> None:
        raise AssertionError(now_s)

    def drain(self) -> None:
        raise AssertionError


class Lobby:
    """An entrance with a clock that stands still, and what it has in hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, connections_max: int = 1000, **limits: Any) -> None:
        self.now_s = 100.0
        self.timers: deque[tuple[float, Callable[[], None]]] = deque()
        self.metrics = Metrics()
        self.told: list[str] = []
        self.here: dict[Visitor, str] = {}
        monkeypatch.setattr(clock, "monotonic_s", lambda: self.now_s)
        loop = SimpleNamespace(call_later=lambda delay_s, act: self.timers.append((self.now_s + delay_s, act)))
        server = ServerConfig(accepts_per_s=10, accepts_burst=3, accepts_waiting_max=5, **limits)
        self.entrance = Entrance(
            Config(server=server), connections_max, self.metrics, cast(Any, loop), self.told.append
        )

    def come(self, peer: str = "192.0.2.1", *, draining: bool = False) -> Visitor:
        visitor = Visitor()
        origin = self.entrance.origin(peer)
        self.here[visitor] = self.entrance.come(visitor, origin, len(self.here), draining=draining)
        return visitor

    def leave(self, visitor: Visitor) -> None:
        self.entrance.gone(visitor, self.here.pop(visitor))

    def wait(self, seconds: float) -> None:
        until_s = self.now_s + seconds
        while self.timers and self.timers[0][0] <= until_s:
            self.now_s, act = self.timers.popleft()
            act()
        self.now_s = until_s


def test_a_burst_comes_in_and_the_others_wait_for_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    lobby = Lobby(monkeypatch)
    crowd = [lobby.come(f"192.0.2.{number}") for number in range(8)]
    assert [visitor.became for visitor in crowd] == ["in"] * 3 + ["waits"] * 5
    lobby.wait(0.25)
    assert [visitor.became for visitor in crowd] == ["in"] * 5 + ["waits"] * 3
    assert lobby.come().became == "waits"  # behind the others
    lobby.wait(1)
    assert {visitor.became for visitor in lobby.here} == {"in"}
    assert lobby.metrics.accepts == 9
    assert lobby.metrics.accepts_delayed == 6
    assert lobby.told == []


def test_where_too_many_wait_one_is_turned_away_and_told_when_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    lobby = Lobby(monkeypatch)
    for _ in range(8):
        lobby.come()
    visitor = lobby.come()
    assert visitor.became == "turned away"
    assert status(visitor.answer) == 503
    assert 2 <= int(headers(visitor.answer)["retry-after"]) <= 4
    assert headers(visitor.answer)["connection"] == "close"
    assert body(visitor.answer)["code"] == "unavailable"
    assert lobby.metrics.accepts_refused == {"rate": 1}
    assert lobby.told == ["rate"]
    lobby.wait(1)
    assert lobby.come().became == "in"


def test_nobody_waits_where_nobody_may(monkeypatch: pytest.MonkeyPatch) -> None:
    lobby = Lobby(monkeypatch)
    lobby.entrance._waiting_max = 0
    assert [lobby.come().became for _ in range(4)] == ["in"] * 3 + ["turned away"]
    lobby.wait(0.11)
    assert lobby.come().became == "in"


def test_who_left_while_it_waited_takes_nobodys_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    lobby = Lobby(monkeypatch)
    crowd = [lobby.come() for _ in range(8)]
    for visitor in crowd[3:6]:
        visitor.state = GONE
    lobby.leave(crowd[6])
    lobby.wait(0.11)
    assert [visitor.became for visitor in crowd[3:6]] == ["left while it waited"] * 3
    assert crowd[7].became == "in"
    assert lobby.entrance.waiting == 0


def test_an_address_has_so_many_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    lobby = Lobby(monkeypatch, connections_per_address=2)
    first, second = lobby.come(), lobby.come("::ffff:192.0.2.1")
    assert (first.became, second.became) == ("in", "in")
    third = lobby.come()
    assert (third.became, headers(third.answer)["retry-after"]) == ("turned away", "5")
    assert lobby.come("192.0.2.2").became == "in"
    lobby.leave(first)
    assert lobby.come().became == "waits"
    assert lobby.come().became == "turned away"
    assert lobby.metrics.accepts_refused == {"address": 2}


def test_a_host_of_ipv6_has_all_addresses_of_its_network(monkeypatch: pytest.MonkeyPatch) -> None:
    entrance = Lobby(monkeypatch).entrance
    assert entrance.origin("2001:db8::1") == entrance.origin("2001:db8::ffff:2") == "2001:db8::/64"
    assert entrance.origin("2001:db8:0:1::1") != entrance.origin("2001:db8::1")
    assert entrance.origin("fe80::1%eth0") == "fe80::/64"


def test_this_machine_is_not_counted_unless_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    peers = ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1")
    lobby = Lobby(monkeypatch, connections_per_address=1)
    assert {lobby.entrance.origin(peer) for peer in (*peers, "")} == {""}
    assert {lobby.come("127.0.0.1").became for _ in range(50)} == {"in"}
    strict = Lobby(monkeypatch, limit_loopback=True).entrance
    assert [strict.origin(peer) for peer in peers] == ["127.0.0.1", "127.9.9.9", "::/64", "127.0.0.1"]


def test_all_together_are_so_many_wherever_they_come_from(monkeypatch: pytest.MonkeyPatch) -> None:
    lobby = Lobby(monkeypatch, connections_max=2)
    first, *_ = [lobby.come("127.0.0.1") for _ in range(2)]
    crowd = [lobby.come("127.0.0.1") for _ in range(40)]
    assert [visitor.became for visitor in crowd] == ["turned away"] * 16 + ["cut off"] * 24
    assert lobby.metrics.accepts_refused == {"total": 40}
    for visitor in crowd[16:]:
        lobby.leave(visitor)
    lobby.leave(first)  # those who are being turned away take nobody's place
    assert lobby.come("127.0.0.1").became == "in"


def test_a_server_that_goes_away_lets_nobody_in(monkeypatch: pytest.MonkeyPatch) -> None:
    lobby = Lobby(monkeypatch)
    assert lobby.come("127.0.0.1", draining=True).became == "turned away"
    assert lobby.metrics.accepts_refused == {"draining": 1}


def test_nothing_is_remembered_of_those_who_have_left(monkeypatch: pytest.MonkeyPatch) -> None:
    lobby = Lobby(monkeypatch)
    for number in range(20):
        lobby.come(f"192.0.2.{number}")
    for visitor in list(lobby.here):
        lobby.leave(visitor)
    assert not lobby.entrance._here
    assert not lobby.entrance._turned_away
    assert not lobby.entrance.waiting


def test_an_address_asks_so_often_and_is_forgotten_when_it_rests() -> None:
    askers = Askers(50, 100)
    for number in range(100):
        askers.ask("192.0.2.1", number / 10_000)
    with pytest.raises(Refusal) as refused:
        askers.ask("192.0.2.1", 0.01)
    assert refused.value.code == "rate_limited"
    assert refused.value.details == {"limit": 50, "retry_after_s": 1}
    askers.ask("192.0.2.2", 0.01)
    askers.forget(1)
    assert len(askers) == 1
    askers.forget(3)
    assert len(askers) == 0


# Over real sockets: this machine is held to the limits too.

STRICT = ("--server.limit-loopback",)


@pytest.fixture(params=["uvloop", "asyncio"])
def loop(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def refusals(server: RunningServer, reason: str) -> float:
    return metrics(server).get(f"ticker_accepts_refused_total.{reason}", 0)


def heard(crowd: list[socket.socket], least: int) -> list[bytes]:
    """Read until so many of a crowd have been told something; return what was said to each."""
    said = [b""] * len(crowd)
    until = time.monotonic() + 30
    while sum(map(bool, said)) < least:
        assert time.monotonic() < until, sum(map(bool, said))
        for number, client in enumerate(crowd):
            said[number] += read_on(client, 0.005)
    return said


def test_c4_too_fast_a_crowd_is_let_in_one_after_the_other(serve_ticker: Callable[..., RunningServer]) -> None:
    """What they have sent is not read before: all are answered, and those who are here notice nothing."""
    server = serve_ticker(*STRICT, "--server.accepts-per-s", "2", "--server.accepts-burst", "3")
    with ExitStack() as stack:
        neighbour = stack.enter_context(PlainClient(server.port))
        neighbour.send({"op": "subscribe", "symbols": ["*"], "channels": ["trades", "quotes"]})
        crowd = [stack.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(8)]
        for client in crowd:
            client.sendall(get("/healthz"))
        crowd[5].close()  # hangs up, and takes nobody's turn
        answers = heard([client for client in crowd if client is not crowd[5]], 7)
        assert {status(answer) for answer in answers} == {200}
        assert assert_no_hole(neighbour.read(0.3)) > 10
        found = metrics(server)
    assert found["ticker_accepts_delayed_total"] >= 2
    assert found["ticker_accepts_waiting"] == 0


def test_c4_where_too_many_wait_one_is_turned_away(
    loop: str, serve_ticker: Callable[..., RunningServer], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    rate = ("--server.accepts-per-s", "0.5", "--server.accepts-burst", "2", "--server.accepts-waiting-max", "3")
    server = serve_ticker(*STRICT, *rate, "--server.loop", loop, log=log)
    with ExitStack() as stack:
        crowd = [stack.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(60)]
        away = [answer for answer in heard(crowd, 40) if answer]
    assert {status(answer) for answer in away} == {503}
    assert {body(answer)["detail"] for answer in away} == {"too many connections at once"}
    deadline_s = time.monotonic() + 30
    while not exchange(server, get("/healthz")).startswith(b"HTTP/1.1 200"):  # who has left is not waited for
        assert time.monotonic() < deadline_s
    time.sleep(1)
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    told = [line for line in lines if line["event"] == "connections turned away"]
    assert {line["reason"] for line in told} == {"rate"}
    assert sum(line["count"] for line in told) >= 40
    assert len(told) < 20


def test_c4_one_address_has_so_many_connections_of_any_kind(serve_ticker: Callable[..., RunningServer]) -> None:
    server = serve_ticker(*STRICT, "--server.connections-per-address", "4")
    with ExitStack() as stack:
        stack.enter_context(PlainClient(server.port))
        stack.enter_context(PlainClient(server.port, "/hello"))
        events = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        events.sendall(get("/v1/sse?symbols=*"))
        poll = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
        poll.sendall(get("/v1/ticks?symbols=*&wait=20"))
        time.sleep(0.3)
        answer = exchange(server, get("/healthz"))
        assert status(answer) == 503
        assert headers(answer)["retry-after"] == "5"
        assert "address" in body(answer)["detail"]
    time.sleep(0.3)
    assert status(exchange(server, get("/healthz"))) == 200
    assert refusals(server, "address") == 1


def test_c11_streams_of_events_fill_the_house_as_anybody_does(serve_ticker: Callable[..., RunningServer]) -> None:
    server = serve_ticker("--server.connections-max", "5")
    with ExitStack() as stack:
        for _ in range(5):
            events = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            events.sendall(get("/v1/sse?symbols=*"))
            assert b"200 OK" in events.recv(4096)
        answers = [exchange(server, get("/healthz")) for _ in range(3)]
        assert {status(answer) for answer in answers} == {503}
        assert all("retry-after" in headers(answer) for answer in answers)
    time.sleep(0.3)
    assert status(exchange(server, get("/healthz"))) == 200
    assert refusals(server, "total") == 3


def test_c12_too_many_polls_are_told_to_wait(serve_ticker: Callable[..., RunningServer]) -> None:
    server = serve_ticker(*STRICT, "--http.requests-per-s", "5", "--http.requests-burst", "10")
    answer = exchange(server, get("/v1/ticks?symbols=ACME") * 30)
    assert answer.count(b"HTTP/1.1 200 OK") in (10, 11)
    refused = answer[answer.index(b"HTTP/1.1 429") :]
    assert headers(refused)["retry-after"] == "1"
    assert headers(refused)["connection"] == "keep-alive"
    assert b'"code":"rate_limited"' in refused
    assert answer.count(b"HTTP/1.1 429 Too Many Requests") >= 19
    deadline_s = time.monotonic() + PATIENCE_S
    while status(exchange(server, get("/healthz"))) == 429:
        assert time.monotonic() < deadline_s
        time.sleep(0.2)


def test_c12_this_machine_polls_as_it_likes(serve_ticker: Callable[..., RunningServer]) -> None:
    server = serve_ticker("--http.requests-per-s", "1", "--http.requests-burst", "1")
    answer = exchange(server, get("/v1/ticks?symbols=ACME") * 100)
    assert answer.count(b"HTTP/1.1 200 OK") == 100


# As many as there may be files.

LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
from ticker.cli import run
sys.exit(run(sys.argv[1:]))
"""


def limited(files: int) -> tuple[str, ...]:
    """Return a program that may have so many files open."""
    return ("-c", LIMITED.replace("FILES", str(files)))


def test_c6_there_are_fewer_connections_than_files_and_the_log_says_so(
    loop: str, serve_ticker: Callable[..., RunningServer], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    server = serve_ticker("--server.loop", loop, "--http.head-s", "60", log=log, program=limited(84))
    with ExitStack() as stack:
        neighbour = stack.enter_context(PlainClient(server.port))
        neighbour.send({"op": "subscribe", "symbols": ["*"], "channels": ["trades", "quotes"]})
        crowd = [stack.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(300)]
        answers = heard(crowd, 281)
        assert assert_no_hole(neighbour.read(0.3)) > 10
        assert answers.count(b"") == 19  # 20 with the neighbour
    time.sleep(0.5)
    found = metrics(server)
    assert found["ticker_connections_max"] == 20
    assert found["ticker_accepts_refused_total.total"] == 281
    text = log.read_text()
    warning = next(json.loads(line) for line in text.splitlines() if "connections_max" in line)
    assert (warning["level"], warning["connections_max"], warning["asked"]) == ("warning", 20, 12_000)
    assert "accept" not in text
    assert len(text.splitlines()) < 20


def test_c6_too_few_files_are_a_sentence(serve_ticker: Callable[..., RunningServer], tmp_path: Path) -> None:
    log = tmp_path / "log"
    with pytest.raises(AssertionError, match="ended with 1"):
        serve_ticker(log=log, program=limited(60))
    assert re.search(r"60 open files are allowed here, and 65 are the least: raise ulimit -n", log.read_text())
    assert "Traceback" not in log.read_text()
