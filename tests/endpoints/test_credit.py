"""Windows over real sockets: who does not acknowledge is sent no more than it allowed, and nobody else notices."""

import time
from collections.abc import Callable, Iterator

import pytest
from websockets.frames import Frame, Opcode

from conftest import RunningServer
from packed_client import PackedClient
from plain_client import PlainClient, assert_no_hole
from transcript import ALL, LOAD, TRADES_A_STEP, ask, fill, find, kinds_of, metrics, take, ticks_in

both_loops = pytest.mark.parametrize("server", ["auto", "asyncio"], indirect=True, scope="module")


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest, serve_ticker: Callable[..., RunningServer]) -> Iterator[RunningServer]:
    server = serve_ticker(*LOAD, "--server.loop", getattr(request, "param", "auto"))
    yield server
    server.stop()


@pytest.fixture
def client(server: RunningServer) -> Iterator[PlainClient]:
    with PlainClient(server.port) as client:
        client.read_until("welcome")
        yield client


# How much comes.


@both_loops
@pytest.mark.parametrize("size", [1, 16])
def test_who_never_acknowledges_is_sent_exactly_the_window(client: PlainClient, size: int) -> None:
    messages = fill(client, size)
    assert find(messages, "window")["size"] == size
    assert_no_hole(messages)
    last = ticks_in(messages)[-1]["seq"]
    silence = client.read_until("heartbeat") + client.read_until("heartbeat")
    assert set(kinds_of(silence)) == {"heartbeat"}
    assert {message["seq"] for message in silence} == {last}


def test_the_same_over_packed_messages(server: RunningServer) -> None:
    with PackedClient(server.port) as client:
        messages = fill(client, 5)
        client.send({"op": "ack", "seq": ticks_in(messages)[1]["seq"]})
        messages += take(client, 2)
        assert assert_no_hole(messages) > 6 * TRADES_A_STEP


@both_loops
def test_slow_acks_free_a_window_each_in_larger_messages(client: PlainClient) -> None:
    messages = fill(client, 3)
    for _ in range(4):
        time.sleep(0.2)
        client.send({"op": "ack", "seq": ticks_in(messages)[-1]["seq"]})
        messages += take(client, 3)
    assert_no_hole(messages)
    assert len(ticks_in(messages)) == 15
    assert max(len(message["data"]) for message in ticks_in(messages)) >= 10 * TRADES_A_STEP


def test_an_ack_for_every_message_with_a_window_of_one(client: PlainClient) -> None:
    messages = fill(client, 1)
    for _ in range(30):
        client.send({"op": "ack", "seq": ticks_in(messages)[-1]["seq"]})
        news = client.read_until("ticks")
        assert len(ticks_in(news)) == 1
        messages += news
    assert_no_hole(messages)


def test_an_ack_always_one_behind(client: PlainClient) -> None:
    messages = fill(client, 2)
    for _ in range(10):
        client.send({"op": "ack", "seq": ticks_in(messages)[-2]["seq"]})
        messages += client.read_until("ticks")
    messages += client.read(0.2)
    assert len(ticks_in(messages)) == 12
    assert_no_hole(messages)


@both_loops
def test_an_ack_in_time_of_every_message_lets_all_through(client: PlainClient) -> None:
    """An acknowledgement may meet the next message on its way: nothing is lost or held for ever."""
    messages = ask(client, {"op": "window", "size": 4}, ALL)
    acked = 0
    until = time.monotonic() + 1.5
    while time.monotonic() < until:
        for message in ticks_in(messages[acked:]):
            client.send({"op": "ack", "seq": message["seq"]})
        acked = len(messages)
        messages += client.read()
    assert assert_no_hole(messages) > 50 * TRADES_A_STEP
    assert "lag" not in kinds_of(messages)


def test_control_messages_take_no_credit(client: PlainClient, server: RunningServer) -> None:
    messages = fill(client, 3)
    before = metrics(server)["ticker_unacked_messages"]
    for number in range(50):
        client.send({"op": "ping", "id": number}, {"op": "list"})
    answers = client.read_until("pong", id=49)
    assert "ticks" not in kinds_of(answers)
    assert metrics(server)["ticker_unacked_messages"] == before
    client.send({"op": "ack", "seq": ticks_in(messages)[0]["seq"]})
    assert_no_hole(messages + take(client, 1))


def test_a_neighbour_without_a_window_notices_nothing(client: PlainClient, server: RunningServer) -> None:
    with PlainClient(server.port) as neighbour:
        neighbour.send(ALL)
        neighbour.read_until("subscribed")
        fill(client, 2)
        messages = neighbour.read(0.3)
    assert assert_no_hole(messages) > 20 * TRADES_A_STEP


# What may be acknowledged.


@pytest.mark.parametrize("seq", ["0", "welcome"])
def test_an_ack_before_anything_is_subscribed_is_no_news(server: RunningServer, seq: str) -> None:
    with PlainClient(server.port) as client:
        shown = client.read_until("welcome")[0]["seq"]
        answers = ask(client, {"op": "ack", "seq": 0 if seq == "0" else shown})
        assert kinds_of(answers) == ["pong"]
        assert len(ticks_in(fill(client, 2))) == 2


def test_an_ack_before_the_first_message_gives_no_credit(client: PlainClient) -> None:
    messages = ask(client, {"op": "ack", "seq": 0}, {"op": "window", "size": 2}, ALL, {"op": "ack", "seq": 0})
    assert "error" not in kinds_of(messages)
    messages += take(client, 2 - len(ticks_in(messages)))
    assert_no_hole(messages)


BAD_ACKS = {
    "last + 1": "bad_ack",
    "9007199254740991": "bad_ack",
    "9007199254740992": "bad_request",
    "9223372036854775808": "bad_request",
    "18446744073709551616": "bad_request",
    "1e400": "bad_json",
    "-1": "bad_request",
    "1.5": "bad_request",
    "null": "bad_request",
    "true": "bad_request",
    '"5"': "bad_request",
    "[1]": "bad_request",
}


def test_acks_that_are_none_are_refused_and_free_nothing(client: PlainClient) -> None:
    messages = fill(client, 3)
    last = ticks_in(messages)[-1]["seq"]
    for seq, code in BAD_ACKS.items():
        spelled = str(last + 1) if seq == "last + 1" else seq
        client.send_frames(Frame(Opcode.TEXT, f'{{"op":"ack","id":"mine","seq":{spelled}}}'.encode()))
        answers = client.read_until("error")
        error = answers[-1]
        assert (seq, error["code"], error.get("id", "mine")) == (seq, code, "mine")
        if code == "bad_ack":
            assert error["details"] == {"seq": int(spelled), "last": last}
        elif code == "bad_request":
            assert error["details"] == {"field": "seq"}
        assert "ticks" not in kinds_of(answers + client.read(0.02)), seq
    client.send({"op": "ack", "seq": last})
    assert_no_hole(messages + take(client, 3))


def test_an_ack_without_a_position_is_refused(client: PlainClient) -> None:
    messages = fill(client, 2)
    client.send({"op": "ack"})
    assert client.read_until("error")[-1]["details"] == {"field": "seq"}
    assert "ticks" not in kinds_of(client.read(0.1))
    assert len(ticks_in(messages)) == 2


def test_older_and_repeated_acks_change_nothing(client: PlainClient) -> None:
    messages = fill(client, 8)
    seqs = [message["seq"] for message in ticks_in(messages)]
    client.send({"op": "ack", "seq": seqs[3]})
    messages += take(client, 4)
    acks = [{"op": "ack", "seq": seq} for seq in (seqs[3], seqs[2], seqs[0], 0)]
    answers = ask(client, *acks, *[acks[0]] * 1000)
    assert kinds_of(answers) == ["pong"]
    assert "ticks" not in kinds_of(client.read(0.1))
    client.send({"op": "ack", "seq": seqs[4]}, acks[0])
    assert_no_hole(messages + take(client, 1))


def test_an_ack_between_two_messages_frees_the_first(client: PlainClient) -> None:
    messages = fill(client, 2)
    time.sleep(0.1)
    client.send({"op": "ack", "seq": ticks_in(messages)[1]["seq"]})
    messages += take(client, 2)
    wide = ticks_in(messages)[2]  # it carries several steps, and counts as one message
    assert len(wide["data"]) > TRADES_A_STEP
    client.send({"op": "ack", "seq": wide["seq"] - 1})
    assert "ticks" not in kinds_of(client.read(0.1))
    client.send({"op": "ack", "seq": wide["seq"]})
    assert_no_hole(messages + take(client, 1))


def test_what_a_snapshot_shows_may_be_acknowledged(client: PlainClient) -> None:
    messages = ask(client, {"op": "window", "size": 2}, {**ALL, "snapshot": True})
    seq = find(messages, "snapshot")["seq"]
    assert "error" not in kinds_of(ask(client, {"op": "ack", "seq": seq}))


@both_loops
def test_fifteen_hundred_acks_in_one_packet(client: PlainClient, server: RunningServer) -> None:
    messages = fill(client, 2)
    before = metrics(server)["ticker_acks_received_total"]
    seq = ticks_in(messages)[-1]["seq"]
    answers = ask(client, *[{"op": "ack", "seq": seq}] * 1500)
    assert "error" not in kinds_of(answers)
    assert metrics(server)["ticker_acks_received_total"] == before + 1500
    assert_no_hole(messages + answers + take(client, 2 - len(ticks_in(answers))))


@both_loops
def test_an_ack_in_fragments_and_single_bytes(client: PlainClient) -> None:
    messages = fill(client, 2)
    data = b'{"op":"ack","seq":%d}' % ticks_in(messages)[-1]["seq"]
    fragments = [
        Frame(Opcode.TEXT if at == 0 else Opcode.CONT, data[at : at + 1], fin=False) for at in range(len(data))
    ]
    fragments += [Frame(Opcode.PING, b"between"), Frame(Opcode.CONT, b"", fin=True)]
    for byte in b"".join(fragment.serialize(mask=True) for fragment in fragments):
        client.socket.sendall(bytes([byte]))
    assert_no_hole(messages + take(client, 2))
    assert any(frame.opcode is Opcode.PONG and frame.data == b"between" for frame in client.frames)


@both_loops
def test_acks_and_changes_of_interest_in_one_packet(client: PlainClient) -> None:
    """In each of them what was subscribed, freed and taken away comes out in its order."""
    messages = fill(client, 2, symbols=["SYM0000"])
    for _ in range(5):
        last = ticks_in(messages)[-1]["seq"]
        messages += ask(
            client,
            {"op": "subscribe", "symbols": ["SYM0001"], "snapshot": False},
            {"op": "ack", "seq": last},
            {"op": "unsubscribe", "symbols": ["SYM0001"]},
            {"op": "ack", "seq": last},
        )
        while ticks_in(messages)[-1]["seq"] == last:
            messages += client.read_until("ticks")
    assert_no_hole([m for m in messages if all(tick["sym"] == "SYM0000" for tick in m.get("data", ()))])


def test_who_gives_up_all_and_asks_for_other_ticks_waits_for_its_acks_too(client: PlainClient) -> None:
    messages = fill(client, 2, symbols=["SYM0000"])
    answers = ask(
        client,
        {"op": "unsubscribe", "symbols": ["*"]},
        {"op": "subscribe", "symbols": ["SYM0001"]},
    )
    assert kinds_of(answers) == ["unsubscribed", "subscribed", "snapshot", "pong"]
    assert "ticks" not in kinds_of(client.read(0.2))
    client.send({"op": "ack", "seq": ticks_in(messages)[-1]["seq"]})
    news = ticks_in(take(client, 2))
    assert {tick["sym"] for message in news for tick in message["data"]} == {"SYM0001"}
    assert news[0]["data"][0]["n"] == find(answers, "snapshot")["data"][0]["n"] + 1
    assert_no_hole(news)


# How the window changes.


@both_loops
def test_a_window_may_be_made_smaller_than_what_is_under_way(client: PlainClient) -> None:
    messages = fill(client, 8)
    seqs = [message["seq"] for message in ticks_in(messages)]
    assert find(ask(client, {"op": "window", "size": 3}), "window")["size"] == 3
    client.send({"op": "ack", "seq": seqs[4]})  # three are under way: it is still shut
    assert "ticks" not in kinds_of(client.read(0.15))
    client.send({"op": "ack", "seq": seqs[5]})
    messages += take(client, 1)
    client.send({"op": "ack", "seq": ticks_in(messages)[-1]["seq"]})
    assert_no_hole(messages + take(client, 3))


def test_a_window_may_be_made_larger(client: PlainClient) -> None:
    messages = fill(client, 2) + ask(client, {"op": "window", "size": 6})
    messages += take(client, 6 - len(ticks_in(messages)))
    assert_no_hole(messages)


def test_a_window_may_be_given_up_and_taken_again(client: PlainClient, server: RunningServer) -> None:
    messages = fill(client, 8)
    messages += ask(client, {"op": "window", "size": 0}) + client.read(0.5)
    assert len(ticks_in(messages)) > 8 + 10
    answers = ask(client, {"op": "window", "size": 8})
    at = kinds_of(answers).index("window")
    messages += answers[:at]
    after = answers[at:]
    after += take(client, 8 - len(ticks_in(after)))
    assert_no_hole(messages + after)
    assert metrics(server)["ticker_windows_shut"] >= 1


def test_a_window_is_granted_up_to_the_limit(client: PlainClient) -> None:
    for size, granted in (64, 64), (65, 64), (2**31, 64), (1, 1), (0, 0):
        answer = find(ask(client, {"op": "window", "id": 3, "size": size}), "window")
        assert answer == {"type": "window", "id": 3, "size": granted}


def test_a_window_that_is_none_is_refused(client: PlainClient) -> None:
    messages = fill(client, 2)
    for size in (-1, 2**31 + 1, 1.5, "5", None, True, [1], 2**64):
        error = find(ask(client, {"op": "window", "id": 4, "size": size}), "error")
        assert (error["code"], error["id"], error["details"]) == ("bad_request", 4, {"field": "size"}), size
    client.send({"op": "ack", "seq": ticks_in(messages)[-1]["seq"]})
    assert_no_hole(messages + take(client, 2))


def test_a_window_of_the_last_moment_counts_from_then_on(client: PlainClient) -> None:
    messages = ask(client, ALL) + client.read(0.2)
    answers = ask(client, {"op": "window", "size": 3})
    at = kinds_of(answers).index("window")
    messages += answers[:at]
    after = answers[at:]
    after += take(client, 3 - len(ticks_in(after)))
    assert_no_hole(messages + after)


# Readers that stall as well.


def test_acks_of_a_reader_that_does_not_read(serve_ticker: Callable[..., RunningServer]) -> None:
    server = serve_ticker("--config", "configs/load.toml", "--instruments", "200", "--stream.stall-s", "30")
    with PlainClient(server.port, receive_buffer=4096) as client:
        messages = ask(client, {"op": "window", "size": 60}, ALL)
        for _ in range(8):
            messages += client.read()
            if news := ticks_in(messages):
                client.send({"op": "ack", "seq": news[-1]["seq"]})
            time.sleep(0.1)
        messages += client.read(1.2)
        client.send({"op": "ack", "seq": ticks_in(messages)[-1]["seq"]})
        messages += client.read(0.5)
        assert assert_no_hole(messages) > 100 * 200
        assert max(len(message["data"]) for message in ticks_in(messages)) > 200
        assert metrics(server)["ticker_unacked_messages"] <= 60


# The numbers.


def test_windows_are_measured(serve_ticker: Callable[..., RunningServer]) -> None:
    server = serve_ticker(*LOAD)
    names = [f"ticker_{name}" for name in ("windows", "windows_shut", "unacked_messages", "acks_received_total")]
    with PlainClient(server.port) as one, PlainClient(server.port) as two:
        fill(one, 3)
        messages = fill(two, 5)
        found = metrics(server)
        assert [found[name] for name in names] == [2, 2, 8, 0]
        ask(two, {"op": "unsubscribe", "symbols": ["*"]}, {"op": "ack", "seq": ticks_in(messages)[1]["seq"]})
        found = metrics(server)
        assert [found[name] for name in names] == [2, 1, 6, 1]
        ask(one, {"op": "window", "size": 0})
        found = metrics(server)
        assert [found[name] for name in names] == [1, 0, 3, 1]
    until = time.monotonic() + 5
    while metrics(server)["ticker_windows"] and time.monotonic() < until:
        time.sleep(0.05)
    found = metrics(server)
    assert [found[name] for name in names] == [0, 0, 0, 1]
    assert found["ticker_ack_round_trip_seconds_count"] == 1
    assert 0 < found["ticker_ack_round_trip_seconds_sum"] < 5
