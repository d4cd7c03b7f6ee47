"""A tape through NATS: a leaf plays what its root played, byte for byte, and another root goes on with the same one."""

from collections.abc import Iterator

import pytest

from nats_server import PROGRAMS, NatsServer, nats_server
from stations import same, same_bytes, stations, whole


@pytest.fixture(scope="module", params=PROGRAMS)
def nats(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    """A server for all tests of a program: each has a tape of its own."""
    with nats_server(tmp_path_factory.mktemp("nats"), PROGRAMS[request.param]) as server:
        yield server


async def test_a_leaf_plays_what_its_root_plays(nats: NatsServer) -> None:
    async with stations() as made:
        root = made.root(nats.url, tape="same")
        await root.more(20)
        leaf = made.leaf(nats.url, tape="same")
        await leaf.more(1)
        await leaf.more(30)
        await leaf.until(lambda: not leaf.reason)
        assert same(root, leaf) >= 30 and whole(leaf)
        assert set(leaf.flushes[-20:]) <= set(root.flushes)
        assert root.source.role == "root" and leaf.source.role == "leaf" and leaf.source.leader == root.source.leader


async def test_a_leaf_has_the_past_for_those_who_come_back(nats: NatsServer) -> None:
    async with stations() as made:
        root = made.root(nats.url, tape="past")
        await root.more(60)
        leaf = made.leaf(nats.url, tape="past")
        await leaf.more(1)
        await leaf.until(lambda: leaf.head >= 60)
        assert leaf.feed is not None and leaf.feed.tape.oldest == 1
        assert same(root, leaf) >= 60 and whole(leaf)


async def test_who_stands_by_goes_on_with_the_very_same_tape(nats: NatsServer) -> None:
    async with stations() as made:
        root = made.root(nats.url, tape="heir")
        await root.more(10)
        standby, leaf = made.root(nats.url, tape="heir"), made.leaf(nats.url, tape="heir")
        alone = made.alone()
        await standby.more(20)
        assert (root.source.role, standby.source.role) == ("root", "standby")
        await root.die()
        await standby.until(lambda: standby.source.role == "root", "takes over")
        await standby.more(20)
        await leaf.until(lambda: leaf.head >= standby.head - 5)
        await alone.until(lambda: alone.head >= standby.head)
        assert leaf.tapes == standby.tapes == alone.tapes
        assert whole(standby) and whole(leaf)
        assert same(standby, leaf) > 30
        assert same_bytes(standby, alone) > 35 and same_bytes(root, alone) >= 10
        await leaf.until(lambda: leaf.source.leader == standby.source.leader != root.source.leader)


async def test_who_says_goodbye_is_not_waited_for(nats: NatsServer) -> None:
    async with stations() as made:
        root = made.root(nats.url, tape="goodbye", lease_s=60.0)
        await root.more(5)
        standby = made.root(nats.url, tape="goodbye", lease_s=60.0)
        await standby.more(5)
        await root.stop()
        await standby.until(lambda: standby.source.role == "root", "takes over")
        await standby.more(5)
        assert whole(standby)
