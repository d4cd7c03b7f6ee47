"""The house's side of a venue: who finds it where, that its clients are served as all others, and how they end."""

import socket
import ssl
import struct
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import orjson
import pytest
from toy_venue import GONE, Toy, playing
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.sync.client import ClientConnection, connect

from certificates import pair
from credentials import ALL, ROLES, Role, tokens_file
from puppet import Puppet

FIRST_TWO = frozenset({"ACME", "BYTE"})
KNOWN = {
    "everything": ROLES["everything"],
    "first two": Role("first-two-0123456789", FIRST_TWO, ALL),
    "books": Role("books-0123456789", frozenset({"*"}), frozenset({"book", "stats"})),
}
TOY: dict[str, Any] = {"venues.mount": ("toy",)}


@pytest.fixture(autouse=True)
def toys() -> Iterator[None]:
    GONE.clear()
    yield from playing()


@pytest.fixture(params=["uvloop", "asyncio"])
def puppet(request: pytest.FixtureRequest) -> Iterator[Puppet]:
    with Puppet(request.param, **TOY) as made:
        made.open()
        yield made


def ask(puppet: Puppet, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes, dict[str, str]]:
    asked = urllib.request.Request(f"{puppet.url}{path}", method=method, headers=headers)
    try:
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return answer.status, answer.read(), dict(answer.headers)
    except urllib.error.HTTPError as error:
        return error.code, error.read(), dict(error.headers)


def talk_to(puppet: Puppet, path: str = "/toy/ws", **headers: str) -> ClientConnection:
    return connect(
        f"ws://127.0.0.1:{puppet.port}{path}",
        additional_headers=headers,
        compression=None,
        ping_interval=None,
        max_queue=None,
    )


def silent(puppet: Puppet, receive_buffer: int = 1 << 16) -> socket.socket:
    """Return a client that says nothing of its own accord, not even a pong."""
    client = socket.create_connection(("127.0.0.1", puppet.port), timeout=20)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    client.sendall(
        b"GET /toy/ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
    head = b""
    while b"hello" not in head:
        head += client.recv(1000)
    return client


def until_closed(client: socket.socket) -> bytes:
    received = b""
    with client:
        while chunk := client.recv(1 << 16):
            received += chunk
    return received


def greeted(client: ClientConnection) -> None:
    assert client.recv(10) == "hello"
    assert client.recv(10) == b"\x01"


def want(client: ClientConnection, **channels: list[int]) -> int:
    """Say what is wanted; return the number of the first book then."""
    client.send(b"want " + orjson.dumps(channels))
    answer = client.recv(10)
    assert isinstance(answer, str)
    assert answer.startswith("wanted at ")
    return int(answer.rpartition(" ")[2])


def heard(client: ClientConnection, count: int) -> list[str]:
    return [str(client.recv(10)) for _ in range(count)]


def all_until_closed(client: ClientConnection) -> tuple[list[str], int, str]:
    said = []
    while True:
        try:
            said.append(str(client.recv(20)))
        except ConnectionClosed as end:
            assert end.rcvd
            return said, end.rcvd.code, end.rcvd.reason


def test_a_venue_answers_below_its_name(puppet: Puppet) -> None:
    status, body, headers = ask(puppet, "/toy/book")
    assert (status, orjson.loads(body), headers["X-Toy"]) == (200, [True] * 4, "yes")
    assert headers["Cache-Control"] == "no-store"
    assert ask(puppet, "/toy/elsewhere")[:2] == (404, b'{"toy":"nothing here"}')
    assert ask(puppet, "/toy")[0] == 426  # its WebSocket is at its root
    assert ask(puppet, "/toy/ws")[0] == 426
    status, body, headers = ask(puppet, "/toy/book", "POST")
    assert (status, headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
    assert ask(puppet, "/toy/book", "OPTIONS")[0] == 204
    assert ask(puppet, "/book")[0] == 404
    assert ask(puppet, "/toys/book")[0] == 404


def test_a_venue_at_the_root_takes_what_is_nowhere_else() -> None:
    with Puppet(**TOY, **{"venues.root": "toy"}) as puppet:
        puppet.open()
        assert ask(puppet, "/book")[0] == ask(puppet, "/toy/book")[0] == 200
        assert b"<html" in ask(puppet, "/")[1]
        assert b"instruments" in ask(puppet, "/v1/instruments")[1]
        assert ask(puppet, "/nowhere")[1] == b'{"toy":"nothing here"}'
        for path in ("/", "/ws", "/toy/ws"):
            with talk_to(puppet, path) as client:
                greeted(client)


def test_a_fault_of_the_venue_is_one_request_s_misfortune(puppet: Puppet) -> None:
    assert ask(puppet, "/toy/fail")[0] == 500
    with talk_to(puppet) as client, talk_to(puppet) as other:
        greeted(client)
        greeted(other)
        client.send("fail")
        assert all_until_closed(client)[1] == 1011
        other.send("permits")
        assert other.recv(10) == "[True, True, True, True]"


def test_a_talk_may_be_refused_before_it_begins(puppet: Puppet) -> None:
    with pytest.raises(InvalidStatus) as refused:
        talk_to(puppet, "/toy/ws?refuse=1")
    assert refused.value.response.status_code == 418
    assert refused.value.response.body == b'{"toy":"no"}'


def test_the_answer_comes_first_and_then_every_row(puppet: Puppet) -> None:
    puppet.go(20)
    with talk_to(puppet) as client:
        greeted(client)
        n = want(client, book=[0], trades=[1])
        puppet.go(300)
        said = heard(client, 100)
        books = [int(line.split()[3]) for line in said if line.startswith("row book 0")]
        trades = [int(line.split()[3]) for line in said if line.startswith("row trades 1")]
        assert len(books) + len(trades) == len(said)
        assert books[0] > n
        assert trades == list(range(trades[0], trades[0] + len(trades)))


def test_who_speaks_another_dialect_goes_on_without_a_gap(puppet: Puppet) -> None:
    with talk_to(puppet) as client, talk_to(puppet) as other:
        for one in (client, other):
            greeted(one)
            want(one, trades=[0, 1, 2, 3])
        puppet.go(100)
        client.send("loud")
        said = [str(client.recv(10))]
        while said[-1] != "loud from now on":
            said.append(str(client.recv(10)))
        before = len(said) - 1
        puppet.go(100)
        after = heard(client, 20)
        same = heard(other, before + 20)
        assert said[:before] == same[:before]
        assert [line.lower() for line in after] == same[before:]
        assert all(line.startswith("ROW") for line in after)


def test_a_hole_in_the_tape_ends_it(puppet: Puppet) -> None:
    with talk_to(puppet) as client, talk_to(puppet) as idle:
        greeted(client)
        greeted(idle)
        want(client, trades=[0])
        puppet.go(5)
        puppet.leap(50)
        said, code, _ = all_until_closed(client)
        assert (said[-1], code) == ("bye: source", 4013)
        assert all_until_closed(idle)[1] == 4013
        with talk_to(puppet) as again:
            greeted(again)
            want(again, book=[0])
            puppet.go(100)
            assert heard(again, 3)


def test_at_the_end_everybody_hears_goodbye() -> None:
    with ExitStack() as stack:
        with Puppet(**TOY) as puppet:
            puppet.open()
            client = stack.enter_context(talk_to(puppet))
            greeted(client)
        said, code, _ = all_until_closed(client)
        assert (said, code) == (["bye: shutdown"], 1001)


def test_a_new_tape_sends_everybody_away(puppet: Puppet) -> None:
    with talk_to(puppet) as client:
        greeted(client)
        puppet.begin(2)
        assert all_until_closed(client)[:2] == (["bye: shutdown"], 1001)
        with talk_to(puppet) as again:
            greeted(again)


def test_a_slow_reader_is_told_so_and_nobody_else_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Toy, "ping_s", 60.0)
    with Puppet(**TOY, **{"stream.stall_s": 20.0, "feed.tape_s": 1.0}) as puppet:
        puppet.open()
        with talk_to(puppet) as good:
            greeted(good)
            want(good, trades=[0])
            slow = silent(puppet, receive_buffer=4096)
            slow.sendall(Frame(Opcode.TEXT, b'want {"all":[0,1,2,3]}').serialize(mask=True))
            time.sleep(0.3)
            for _ in range(30):  # more than fits anywhere, and than its tape keeps
                puppet.go(100)
            assert b"bye: slow" in until_closed(slow)
            assert heard(good, 100)[-1] == "row trades 0 100"


def test_pings_come_and_who_does_not_answer_is_closed(puppet: Puppet) -> None:
    with talk_to(puppet) as client:
        greeted(client)
        client.ping().wait(5)
        assert client.recv(10) == "1 controls"
        received = until_closed(silent(puppet))
        assert b"\x89\x0d" in received  # a ping of thirteen digits: milliseconds
        assert received.endswith(Frame(Opcode.CLOSE, b"\x03\xf0Pong timeout").serialize(mask=False))
        client.send("permits")  # it was pinged as often, and answered
        assert client.recv(10) == "[True, True, True, True]"


def test_a_talk_ends_itself(puppet: Puppet) -> None:
    with talk_to(puppet) as client:
        greeted(client)
        client.send("anything else")
        assert all_until_closed(client) == (["enough"], 3456, "enough")


def test_nobody_is_left_behind(puppet: Puppet) -> None:
    for _ in range(3):
        with talk_to(puppet) as client:
            greeted(client)
            want(client, trades=[0, 1], book=[2])
            puppet.go(3)
    mounted = puppet.server.routes._mounts
    assert mounted
    found = mounted.find("/toy/ws")
    assert found
    desk = found[0]._counter.desk

    def left() -> tuple[int, int, int]:
        return len(desk.members), len(desk._channels), desk.line.audiences

    deadline = time.monotonic() + 10
    while puppet.do(left) != (0, 0, 0) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert puppet.do(left) == (0, 0, 0)


def hang_up(puppet: Puppet, client: ClientConnection) -> None:  # noqa: ARG001
    client.close()


def break_off(puppet: Puppet, client: ClientConnection) -> None:  # noqa: ARG001
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.socket.shutdown(socket.SHUT_RD)
    client.socket.close()


def fall_silent(puppet: Puppet, client: ClientConnection) -> None:  # noqa: ARG001
    client.socket.shutdown(socket.SHUT_WR)


def be_sent_away(puppet: Puppet, client: ClientConnection) -> None:
    client.send("anything else")
    assert all_until_closed(client)[1] == 3456
    puppet.go(1)


def meet_a_fault(puppet: Puppet, client: ClientConnection) -> None:  # noqa: ARG001
    client.send("fail")
    assert all_until_closed(client)[1] == 1011


def lose_the_tape(puppet: Puppet, client: ClientConnection) -> None:
    puppet.leap(50)
    assert all_until_closed(client)[1] == 4013


def be_cut_off(puppet: Puppet, client: ClientConnection) -> None:  # noqa: ARG001
    def cut() -> None:
        for connection in list(puppet.server.house.connections):
            connection.abort("as planned")
            connection.sweep(0.0)
            connection.drain()

    puppet.do(cut)


def stay(puppet: Puppet, client: ClientConnection) -> None:
    """Be there when the server stops."""


@pytest.mark.parametrize(
    "leave", [hang_up, break_off, fall_silent, be_sent_away, meet_a_fault, lose_the_tape, be_cut_off, stay]
)
def test_a_talk_learns_once_that_its_client_has_left(leave: Callable[[Puppet, ClientConnection], None]) -> None:
    with ExitStack() as stack, Puppet(**TOY) as puppet:
        puppet.open()
        client = stack.enter_context(talk_to(puppet))
        greeted(client)
        want(client, trades=[0])
        assert GONE == []
        leave(puppet, client)
        until_s = time.monotonic() + 10
        while leave is not stay and not GONE and time.monotonic() < until_s:
            time.sleep(0.01)
        assert len(GONE) == (leave is not stay)
    (talk,) = GONE
    assert talk.after == []


def test_one_that_fails_at_last_has_ended_all_the_same(puppet: Puppet) -> None:
    with talk_to(puppet) as client, talk_to(puppet) as other:
        greeted(client)
        greeted(other)
        client.send("last")
        assert client.recv(10) == "fails at last"
        client.close()
        until_s = time.monotonic() + 10
        while not GONE and time.monotonic() < until_s:
            time.sleep(0.01)
        want(other, trades=[0])
        puppet.go(100)
        assert heard(other, 3)
    assert puppet.server.metrics.faults == 1


def test_over_tls_it_is_the_same(tmp_path: Path) -> None:
    cert, key = pair(tmp_path, "server")
    with Puppet(**TOY, **{"server.tls_cert": str(cert), "server.tls_key": str(key)}) as puppet:
        puppet.open()
        trust = ssl.create_default_context(cafile=cert)
        with connect(f"wss://localhost:{puppet.port}/toy/ws", ssl=trust, compression=None) as client:
            greeted(client)
            want(client, trades=[0, 1])
            puppet.go(50)
            assert heard(client, 1)[0].startswith("row trades")


# Who may have what.


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Puppet]:
    with Puppet(**TOY, **{"auth.file": str(tokens_file(tmp_path / "tokens.toml", roles=KNOWN))}) as made:
        made.open()
        yield made


def test_requests_need_a_token_and_see_what_it_permits(guarded: Puppet) -> None:
    assert ask(guarded, "/toy/book")[0] == 401
    assert orjson.loads(ask(guarded, "/toy/book", **bearer("everything"))[1]) == [True] * 4
    assert orjson.loads(ask(guarded, "/toy/book", **bearer("first two"))[1]) == [True, True, False, False]


def bearer(role: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {KNOWN[role].token}"}


def test_a_token_may_be_where_the_venue_has_it(guarded: Puppet) -> None:
    two = KNOWN["first two"].token
    for headers in ({"X-Toy-Token": two}, {"X-Toy-Token": "wrong", **bearer("first two")}):
        assert orjson.loads(ask(guarded, "/toy/book", **headers)[1]) == [True, True, False, False]
        for path in ("/toy/ws", "/toy/later"):
            with talk_to(guarded, path, **headers) as client:
                greeted(client)
                client.send("permits")
                assert client.recv(10) == "[True, True, False, False]"
                client.send(f"token {KNOWN['everything'].token}")
                assert client.recv(10) == "unknown", "it is known who it is, and nobody asks again"


def test_a_wrong_one_there_is_refused_unless_the_venue_says_so_itself(guarded: Puppet) -> None:
    status, body, _ = ask(guarded, "/toy/book", **{"X-Toy-Token": "wrong-0123456789"})
    assert status == 401 and b"wrong-0123456789" not in body
    with pytest.raises(InvalidStatus) as refused:
        talk_to(guarded, **{"X-Toy-Token": "wrong-0123456789"})
    assert refused.value.response.status_code == 401
    with talk_to(guarded, "/toy/later", **{"X-Toy-Token": "wrong-0123456789"}) as client:
        greeted(client)
        client.send("permits")
        assert client.recv(10) == "[False, False, False, False]"
        client.send(f"token {KNOWN['first two'].token}")
        assert client.recv(10) == "known"


def test_where_the_venue_is_not_nobody_looks_there(tmp_path: Path) -> None:
    auth = {"auth.file": str(tokens_file(tmp_path / "tokens.toml", roles=KNOWN))}
    token = {"X-Toy-Token": KNOWN["everything"].token}
    with Puppet(**TOY, **auth, **{"venues.root": "toy"}) as puppet:
        puppet.open()
        assert ask(puppet, "/book", **token)[0] == ask(puppet, "/toy/book", **token)[0] == 200
        assert ask(puppet, "/v1/instruments", **token)[0] == 401
        assert ask(puppet, "/v1/instruments", **bearer("everything"))[0] == 200
        with pytest.raises(InvalidStatus) as refused:
            talk_to(puppet, "/hello", **token)
        assert refused.value.response.status_code == 401


def test_what_is_not_permitted_is_not_sent_whatever_is_wanted(guarded: Puppet) -> None:
    with talk_to(guarded, **bearer("first two")) as two, talk_to(guarded, **bearer("books")) as books:
        for client in (two, books):
            greeted(client)
            want(client, trades=[0, 1, 2, 3], book=[3], all=[0, 1, 2, 3])
        guarded.go(400)
        assert {tuple(line.split()[1:3]) for line in heard(two, 40)} == {
            ("trades", "0"),
            ("trades", "1"),
        }
        assert {line.split()[1] for line in heard(books, 40)} == {"book", "all"}


def test_a_websocket_needs_one_too_unless_it_says_later_who_it_is(guarded: Puppet) -> None:
    with pytest.raises(InvalidStatus) as refused:
        talk_to(guarded)
    assert refused.value.response.status_code == 401
    with talk_to(guarded, "/toy/later") as client:
        greeted(client)
        want(client, trades=[0, 1, 2, 3])
        guarded.go(50)
        client.send("token wrong")
        assert client.recv(10) == "unknown"  # and not a row before it
        client.send(f"token {KNOWN['first two'].token}")
        assert client.recv(10) == "known"
        client.send("permits")
        assert client.recv(10) == "[True, True, False, False]"
        want(client, trades=[0, 1, 3])
        guarded.go(300)
        assert {line.split()[2] for line in heard(client, 20)} == {"0", "1"}
