"""The newest only: switches of the pace in every state, and the same over server-sent events.

Every message is judged by a ledger as it is written (`stage`, `ledger`); here is what must happen beyond that.
"""

import time
from collections.abc import Callable
from typing import Any

import pytest

from conftest import RunningServer
from event_reader import Events
from stage import Client, Stage
from ticker.session.messages import Subscribe, Unsubscribe, Window
from ticker.ticks import CHANNELS, Position

ALL: dict[str, Any] = {"symbols": ["*"], "channels": list(CHANNELS)}


def want(client: Client, **terms: Any) -> None:
    assert not client.subscribe(Subscribe(**ALL, **terms))


def beat(stage: Stage, steps: int) -> None:
    for _ in range(steps):
        stage.step()
        stage.flush()
        stage.run()


def stalled(client: Client, steps: int) -> None:
    """Have a client stop reading, and that many steps pass."""
    client.reads = False
    beat(client.stage, steps)
    assert client.paused


def level(client: Client) -> None:
    """Let a client read on, and time pass: then it is owed nothing."""
    client.read_on()
    for _ in range(3):
        client.stage.run()
        client.stage.wait(1.1)
    assert (client.ledger.owed, client.ledger.merged, client.ledger.stretches) == ([], 0, [])


def test_a_message_a_slot_and_every_tick_accounted_for() -> None:
    stage = Stage()
    client = stage.connect()
    want(client, pace="latest", rate_hz=10.0)
    beat(stage, 100)  # one second
    assert 9 <= client.ledger.messages <= 11
    level(client)
    assert sum(lag.conflated for lag in client.ledger.lags) == stage.metrics.ticks_conflated > 100
    assert {lag.reason for lag in client.ledger.lags} == {"pace"}


def test_readers_of_one_rate_share_their_messages_and_rates_do_not_mix() -> None:
    stage = Stage()
    clients = [stage.connect() for _ in range(4)]
    for client, rate_hz in zip(clients, (10.0, 10.0, 10.0, 50.0), strict=True):
        want(client, pace="latest", rate_hz=rate_hz)
    beat(stage, 30)
    assert stage.feed.audiences == 2
    assert clients[0].ledger.positions == clients[1].ledger.positions == clients[2].ledger.positions
    assert clients[3].ledger.messages > 3 * clients[0].ledger.messages


@pytest.mark.parametrize("behind", [False, True])
@pytest.mark.parametrize("steps_max", [6, 10_000])
def test_there_and_back_again_in_any_state(behind: bool, steps_max: int) -> None:
    stage = Stage(steps_max)
    client = stage.connect()
    want(client, snapshot=False)
    beat(stage, 5)
    for pace in ("latest", "every", "latest", "latest", "every"):
        if behind:
            stalled(client, 60)
        want(client, pace=pace)
        beat(stage, 3)
        level(client)
        beat(stage, 3)
    level(client)
    lost = any(lag.dropped for lag in client.ledger.lags)
    assert lost == (behind and steps_max == 6)


def test_a_backlog_is_merged_into_the_newest() -> None:
    stage = Stage()
    client = stage.connect()
    want(client)
    stalled(client, 50)
    before, backlog = client.ledger.messages, len(client.ledger.owed)
    owing = {tick.key for tick in client.ledger.owed}  # instruments, by channel
    assert backlog > 100
    want(client, pace="latest")
    level(client)
    assert client.ledger.messages == before + 1
    [lag] = client.ledger.lags
    assert (lag.reason, lag.dropped, lag.conflated) == ("pace", 0, backlog - len(owing))


def test_what_was_not_merged_yet_comes_tick_by_tick_when_every_one_is_wanted_again() -> None:
    stage = Stage()
    client = stage.connect()
    want(client)
    stalled(client, 50)
    backlog = len(client.ledger.owed)
    want(client, pace="latest")
    want(client, pace="every")
    level(client)
    assert client.ledger.lags == []
    assert backlog > 100


def test_a_recovery_under_way_is_told_incomplete() -> None:
    stage = Stage()
    beat(stage, 60)
    client = stage.connect()
    want(client, from_=str(Position(stage.market.epoch, 10)))
    stage.loop.turn()
    assert client.ledger.messages == 1
    assert len(client.ledger.stretches) == 1
    want(client, pace="latest")
    assert client.ledger.stretches == []  # the ledger has checked what was told
    level(client)


def test_a_position_that_was_given_up_in_the_same_breath_is_told_incomplete() -> None:
    """Off the tape as a reader of the newest, it wants every tick again, and one more channel from where it can."""
    stage = Stage(steps_max=6)
    client = stage.connect()
    assert not client.subscribe(Subscribe(symbols=["*"], channels=["trades"], pace="latest"))
    beat(stage, 30)
    client.reads = False
    beat(stage, 100)
    assert client.paused
    place = str(Position(stage.market.epoch, stage.tape.head - 3))
    message = Subscribe(symbols=["*"], channels=["quotes"], pace="every", from_=place)
    assert not client.subscribe(message)
    client.read_on()
    beat(stage, 10)
    level(client)


def test_nothing_wanted_for_a_while() -> None:
    """Slots pass; what is subscribed afterwards is served in the next one."""
    stage = Stage()
    client = stage.connect()
    want(client, pace="latest")
    client.say(Unsubscribe(**ALL))
    beat(stage, 30)
    want(client)
    beat(stage, 30)
    assert client.ledger.messages >= 2


def test_whoever_wanted_nothing_has_lost_nothing() -> None:
    """However far it stood back on the tape, what it asks for now is sent from where it asks."""
    stage = Stage(steps_max=6)
    client = stage.connect()
    want(client, pace="latest")
    beat(stage, 4)
    client.say(Unsubscribe(**ALL))
    beat(stage, 30)
    want(client, pace="every", from_=str(Position(stage.market.epoch, stage.tape.head - 5)))
    assert len(client.ledger.owed) > 5
    stage.run()
    assert (client.ledger.owed, client.ledger.stretches, client.ledger.lags) == ([], [], [])


def test_a_switch_between_two_flushes_is_served_in_a_slot_not_at_the_flush() -> None:
    stage = Stage()
    client, other = stage.connect(), stage.connect()
    want(other, pace="latest", rate_hz=1.0)
    beat(stage, 150)
    stage.step()
    want(client)
    stage.run()
    want(client, pace="latest", rate_hz=1.0)
    stage.flush()
    assert client.ledger.messages == 0
    beat(stage, 100)
    assert client.ledger.messages == 1
    assert stage.feed.audiences == 1


@pytest.mark.parametrize("size", [0, 1])
def test_a_rate_of_one_in_many_years_is_forgotten_with_its_reader(size: int) -> None:
    stage = Stage()
    client = stage.connect()
    client.say(Window(size=size))
    want(client, pace="latest", rate_hz=1e-12)
    beat(stage, 3)
    client.leave()
    stage.wait(0.0)
    assert (stage.feed._slots, stage.house.flows) == ({}, {})


# Over real connections.


@pytest.fixture(scope="module")
def server(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker("--stream.report-s", "0.25")


LATEST = "symbols=*&channels=trades,quotes&pace=latest"


def test_events_keep_to_their_rate_and_count_what_they_merged(server: RunningServer) -> None:
    with Events(server.port, f"{LATEST}&rate_hz=5") as reader:
        reader.read(3)
    ticks = [data for kind, _, data in reader.events if kind == "ticks"]
    lags = [data for kind, _, data in reader.events if kind == "lag"]
    begun, ended = ticks[0]["ts"], ticks[-1]["ts"]
    assert len({int(message["ts"] * 5 / 1e6) for message in ticks}) == len(ticks)  # one a slot
    assert len(ticks) - 1 <= 5 * (ended - begun) / 1e6 + 1
    last: dict[tuple[str, str], int] = {}
    skipped = 0
    upto = lags[-1]["to"]
    counted = [message for message in ticks if message["seq"] <= upto]
    for message in counted:
        for tick in message["data"]:
            key = tick["ch"], tick["sym"]
            assert tick["n"] > last.get(key, 0)
            skipped += tick["n"] - last[key] - 1 if key in last else 0
            last[key] = tick["n"]
    told = sum(lag["conflated"] for lag in lags)
    assert all((lag["reason"], lag["dropped"]) == ("pace", 0) for lag in lags)
    assert skipped <= told  # what was merged into the first tick of each cannot be seen from here
    assert told > 100


def test_a_reader_of_the_newest_that_comes_back_is_shown_what_there_is(server: RunningServer) -> None:
    with Events(server.port, f"{LATEST}&rate_hz=10") as reader:
        reader.read(0.5)
        place = reader.events[-1][1] or reader.place
    time.sleep(0.3)
    with Events(server.port, f"{LATEST}&rate_hz=10", f"Last-Event-ID: {place}") as reader:
        messages = reader.read(0.7)
    kinds = [kind for kind, _, _ in reader.events]
    assert kinds[:2] == ["snapshot", "snapshot"]
    assert set(kinds[2:]) <= {"ticks", "lag"}
    shown = {(tick["ch"], tick["sym"]): tick["n"] for message in messages[:2] for tick in message["data"]}
    ticks = [tick for message in messages if message["type"] == "ticks" for tick in message["data"]]
    assert ticks
    assert all(tick["n"] > shown[tick["ch"], tick["sym"]] for tick in ticks)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("symbols=*&rate_hz=5", "rate_hz"),
        ("symbols=*&pace=every&rate_hz=5", "rate_hz"),
        ("symbols=*&pace=latest&from=x:1", "from"),
        ("symbols=*&pace=latest&rate_hz=0", "rate_hz"),
        ("symbols=*&pace=latest&rate_hz=-1", "rate_hz"),
        ("symbols=*&pace=latest&rate_hz=1001", "rate_hz"),
        ("symbols=*&pace=latest&rate_hz=nan", "rate_hz"),
        ("symbols=*&pace=latest&rate_hz=soon", "rate_hz"),
        ("symbols=*&pace=newest", "pace"),
    ],
)
def test_what_does_not_go_together_is_refused(server: RunningServer, query: str, field: str) -> None:
    with Events(server.port, query) as reader:
        assert reader.head.startswith(b"HTTP/1.1 400 ")
        reader.read(0.2)
        assert b'"field":"%b"' % field.encode() in reader._rest
