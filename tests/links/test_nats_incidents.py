"""What is caused on a tape that is shared: whoever takes over knows it, or it never happened."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from nats_server import NatsServer, nats_server
from stations import MARKET, Station, same, same_bytes, settings, stations, whole
from tcp_proxy import Proxy
from ticker.config import AdminConfig
from ticker.errors import Refusal
from ticker.market.incidents import Incident
from ticker.root.source import Root
from ticker.session.controls import CauseAnswer, IncidentWish, SpeedWish
from ticker.stage import stage
from ticker.wire import reel


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[NatsServer]:
    with nats_server(tmp_path) as server:
        yield server


def again(station: Station, incidents: list[Incident]) -> dict[int, bytes]:
    """Return the bytes of every step of a market that never stopped, and knew what was to come."""
    market = stage(settings("nats://x", market=MARKET)).market
    found: dict[int, bytes] = {}
    for incident in incidents:
        assert market.cause(incident) == incident.step
    while market.seq < station.head:
        batch = market.step()
        found[batch.seq] = reel.splice([(batch, 0)])
    return found


def shock(value: float) -> IncidentWish:
    return IncidentWish(kind="shock", value=value)


async def caused(station: Station, wish: IncidentWish) -> CauseAnswer:
    return await asyncio.wait_for(station.source.control.cause(wish), 5)


async def test_what_was_caused_just_before_a_root_is_killed(nats: NatsServer) -> None:
    async with stations() as made:
        root = made.root(nats.url)
        await root.more(10)
        standby, leaf = made.root(nats.url), made.leaf(nats.url)
        await standby.more(5)
        incidents = root.source._heir.stage.incidents
        first = await caused(root, shock(0.1))
        await root.more(20)
        last = await caused(root, IncidentWish(kind="halt", duration_s=0.5))
        await root.die()
        known = list(incidents)
        assert [incident.step for incident in known] == [first.seq, last.seq]
        await standby.until(lambda: standby.source.role == "root")
        await standby.until(lambda: standby.source._term.in_step, "has NATS know of all there is")
        third = await caused(standby, shock(-0.2))
        await standby.more(60)
        await leaf.until(lambda: leaf.head >= standby.head - 3)
        assert whole(standby) and whole(leaf) and same(standby, leaf) > 60
        every = list(standby.source._heir.stage.incidents)
        assert [incident.step for incident in every] == [first.seq, last.seq, third.seq]
        reckoned = again(standby, every)
        assert all(standby.steps[seq][0] == reckoned[seq] for seq in standby.steps)
        assert sum(reckoned[seq] != step for seq, step in again(standby, []).items()) > 20, "it made a difference"


async def test_nothing_is_caused_while_nats_does_not_know(nats: NatsServer) -> None:
    async with stations() as made, Proxy(nats.port) as proxy:
        root = made.root(f"nats://127.0.0.1:{proxy.port}")
        await root.more(10)
        leaf = made.leaf(nats.url)
        await leaf.more(5)
        control = root.source.control
        with pytest.raises(Refusal):
            control.cause(IncidentWish(kind="nonsense"))
        proxy.accepting = False
        proxy.cut()
        coming = control.cause(shock(0.3))  # before anybody notices
        with pytest.raises(Refusal):
            control.pause()
        held = root.head
        await asyncio.sleep(1)
        assert root.head <= held + 1, "the market waits for what is on its way"
        with pytest.raises(Refusal) as refused:
            control.cause(shock(0.1))
        assert refused.value.code == "unavailable"
        proxy.accepting = True
        answer = await asyncio.wait_for(coming, 10)
        await root.more(20)
        await leaf.until(lambda: leaf.head >= root.head - 3)
        assert whole(leaf) and same(root, leaf) > 20
        reckoned = again(root, root.source._heir.stage.incidents)
        assert all(root.steps[seq][0] == reckoned[seq] for seq in root.steps)
        assert held < answer.seq <= held + 3
        nats.kill()
        await root.until(lambda: root.source._link.reason)
        with pytest.raises(Refusal) as refused:
            control.cause(shock(0.1))
        assert refused.value.code == "unavailable"


async def test_what_another_leader_never_saw_has_not_happened(nats: NatsServer) -> None:
    async with stations() as made, Proxy(nats.port) as proxy:
        root = made.root(f"nats://127.0.0.1:{proxy.port}")
        await root.more(10)
        standby = made.root(nats.url)
        await standby.more(5)
        proxy.accepting = False
        proxy.cut()
        coming = root.source.control.cause(shock(0.5))
        await standby.until(lambda: standby.source.role == "root")
        proxy.accepting = True
        with pytest.raises(Refusal, match="took over"):
            await asyncio.wait_for(coming, 10)
        await root.until(lambda: root.source.role == "standby" and root.head >= standby.head - 3 and not root.reason)
        await root.more(20)
        assert whole(root) and same_bytes(root, standby) > 20
        reckoned = again(root, [])
        assert all(root.steps[seq][0] == reckoned[seq] for seq in root.steps)
        with pytest.raises(Refusal, match="not made here"):
            root.source.control.state()


async def test_speed_and_pause_are_taken_over(nats: NatsServer) -> None:
    async with stations() as made:
        root = made.root(nats.url)
        await root.more(10)
        standby, leaf = made.root(nats.url), made.leaf(nats.url)
        await standby.more(5)
        root.source.control.speed(SpeedWish(speed=2.0))
        root.source.control.pause()
        await leaf.until(lambda: leaf.source.paused and leaf.source.speed == 2.0)
        await root.die()
        await standby.until(lambda: standby.source.role == "root")
        at = standby.head
        await leaf.until(lambda: leaf.head == at)
        await asyncio.sleep(0.3)
        assert standby.source.paused and standby.head == at and standby.source.speed == 2.0
        standby.source.control.resume()
        await standby.more(10)
        assert whole(standby)
        await leaf.until(lambda: not leaf.reason and leaf.head >= standby.head - 5)
        assert whole(leaf)


async def test_a_tape_that_depends_on_people_goes_on_too(nats: NatsServer) -> None:
    async with stations() as made:
        admin = AdminConfig(enabled=True)
        root = made.start(Station(replace(settings(nats.url), admin=admin), Root))
        await root.more(10)
        await caused(root, shock(0.2))
        await root.more(5)
        await root.stop()
        other = made.start(Station(replace(settings(nats.url), admin=admin), Root))
        await other.until(lambda: other.source.role == "root")
        await other.more(20)
        assert other.tapes == root.tapes and whole(other) and same(root, other) > 10
