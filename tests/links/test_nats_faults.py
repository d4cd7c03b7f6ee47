"""What goes wrong around a tape in NATS: servers that die or forget, streams that go, messages that are no good."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from nats_server import NatsServer, nats_server
from stations import MARKET, Station, same, same_bytes, stations, whole
from tcp_proxy import Proxy
from ticker.config import NatsConfig
from ticker.links.nats.addresses import access
from ticker.links.nats.connection import Connection
from ticker.links.nats.jetstream import JetStream
from ticker.links.nats.names import Names


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[NatsServer]:
    with nats_server(tmp_path) as server:
        yield server


@asynccontextmanager
async def operator(nats: NatsServer) -> AsyncIterator[JetStream]:
    """Give somebody who may do everything."""
    known = access(NatsConfig(publish=nats.url))
    connection = await Connection.open(known, known.addresses[0], "operator")
    try:
        yield JetStream(connection)
    finally:
        await connection.close()


async def settled(*members: Station) -> None:
    for one in members:
        await one.until(lambda one=one: one.head and not one.reason, "settles")  # type: ignore[misc]


async def test_a_server_that_is_killed_and_comes_back(nats: NatsServer) -> None:
    async with stations() as made:
        root, leaf = made.root(nats.url), made.leaf(nats.url)
        await settled(leaf)
        for _ in range(2):
            nats.kill()
            await leaf.until(lambda: leaf.reason, "says that it is stale")
            await root.more(30)  # for its own readers
            nats.start()
            await settled(leaf)
            await leaf.until(lambda: leaf.head >= root.head - 5)
        assert whole(leaf) and same(root, leaf) > 60 and not leaf.leapt
        assert len(leaf.notes.entries) <= 4


async def test_a_server_that_has_forgotten_everything(nats: NatsServer) -> None:
    async with stations() as made:
        root, leaf = made.root(nats.url), made.leaf(nats.url)
        await settled(leaf)
        await root.more(20)
        nats.kill()
        nats.forget()
        await root.more(20)
        nats.start()
        await leaf.until(lambda: leaf.head >= root.head - 5 and not leaf.reason)
        assert whole(leaf) and same(root, leaf) > 40 and not leaf.leapt
        late = made.leaf(nats.url)
        await settled(late)
        assert same(root, late) and whole(late)


@pytest.mark.parametrize("what", ["stream", "bucket", "both"])
async def test_what_is_deleted_is_made_again(nats: NatsServer, what: str) -> None:
    names = Names("main")
    async with stations() as made, operator(nats) as jetstream:
        root, leaf = made.root(nats.url), made.leaf(nats.url)
        await settled(leaf)
        await root.more(20)
        for stream in {"stream": [names.stream], "bucket": [names.bucket]}.get(what, [names.stream, names.bucket]):
            await jetstream._ask(f"STREAM.DELETE.{stream}")
        before = root.head
        await leaf.until(lambda: leaf.head > before + 20 and not leaf.reason)
        assert whole(leaf) and same(root, leaf) > 40 and not leaf.leapt and len(root.tapes) == 1
        late = made.leaf(nats.url)
        await settled(late)
        assert same(root, late) and whole(late)


async def test_a_purge_is_not_noticed(nats: NatsServer) -> None:
    async with stations() as made, operator(nats) as jetstream:
        root, leaf = made.root(nats.url), made.leaf(nats.url)
        await settled(leaf)
        for _ in range(3):
            await jetstream.purge(Names("main").stream)
            await root.more(15)
        await leaf.until(lambda: leaf.head >= root.head - 5 and not leaf.reason)
        assert whole(leaf) and not leaf.leapt
        nats.kill()  # whoever connects finds less there than it has had acknowledged
        await root.more(5)
        nats.start()
        await leaf.until(lambda: leaf.head >= root.head - 5 and not leaf.reason)
        assert whole(leaf) and not leaf.leapt


async def test_a_consumer_that_is_gone_is_made_anew(nats: NatsServer) -> None:
    async with stations() as made, operator(nats) as jetstream:
        root, leaf = made.root(nats.url), made.leaf(nats.url)
        await settled(leaf)
        for _ in range(3):
            for consumer in (await jetstream._ask("CONSUMER.NAMES.ticker_main"))["consumers"]:
                await jetstream.forget("ticker_main", consumer)
            restarts = leaf.source._follower.restarts
            await leaf.until(lambda restarts=restarts: leaf.source._follower.restarts > restarts)  # type: ignore[misc]
            await settled(leaf)
        await leaf.until(lambda: leaf.head >= root.head - 5)
        assert whole(leaf) and same(root, leaf) > 20


def poison(epoch: str, seq: int, good: bytes) -> list[tuple[str, dict[str, str], bytes]]:
    """Return messages that are no good: subject, headers, data."""
    here = {"Ticker-Position": f"{epoch}:{seq + 1}", "Ticker-First": str(seq + 1)}
    steps = "ticker.main.steps"
    return [
        (steps, {}, b""),
        (steps, {}, b"hello"),
        (steps, {}, b"\x00" * 900_000),
        (steps, {"Ticker-Position": "nonsense"}, good),
        (steps, {"Ticker-Position": f"another:{seq + 1}", "Ticker-First": str(seq + 1)}, good),
        (steps, here, b""),
        (steps, here, b"{}"),
        (steps, here, b"\xff" * 5000),
        (steps, here, good[:-3]),
        (steps, here, good + b"\0"),
        (steps, {**here, "Ticker-Position": f"{epoch}:-1"}, good),
        (steps, {**here, "Ticker-Position": f"{epoch}:1.5"}, good),
        (steps, {**here, "Ticker-Position": f"{epoch}:99999999999999999999999"}, good),
        (steps, {"Ticker-Position": f"{epoch}:1000000", "Ticker-First": "1000000"}, good),
        (steps, {"Ticker-Position": f"{epoch}:1", "Ticker-First": "1"}, good),
        (steps, {**here, "Ticker-Part": "1/0"}, good),
        (steps, {**here, "Ticker-Part": "0/2"}, good),
        (steps, {**here, "Ticker-Part": "7/9"}, good),
        (steps, {**here, "Ticker-Part": "x"}, good),
        ("ticker.main.incident", {"Ticker-Incident": "x"}, b"{"),
        ("ticker.main.else", here, good),
    ]


async def test_poison_reaches_nobody(nats: NatsServer) -> None:
    async with stations() as made, operator(nats) as jetstream:
        root, leaf = made.root(nats.url), made.leaf(nats.url)
        await settled(leaf)
        await root.more(5)
        last = await jetstream.last("ticker_main", "ticker.main.steps")
        assert last is not None
        for subject, headers, data in poison(root.tapes[0], root.head, last.data):
            await jetstream.put(subject, data, headers or None)
            await root.more(1)
        await root.more(20)
        await leaf.until(lambda: leaf.head >= root.head - 5 and not leaf.reason)
        assert whole(leaf) and same(root, leaf) > 20 and not leaf.leapt
        assert leaf.source._follower.refused.total() >= 10
        assert root.source.role == "root" and not root.failure
        standby = made.root(nats.url)  # who goes on from a stream with such things in it
        await settled(standby)
        await root.die()
        await standby.until(lambda: standby.source.role == "root")
        await standby.more(5)
        assert whole(standby)


async def test_no_server_at_the_start(tmp_path: Path) -> None:
    with nats_server(tmp_path, started=False) as nats:
        async with stations() as made:
            root, leaf = made.root(nats.url), made.leaf(nats.url)
            await asyncio.sleep(0.5)
            assert "cannot be reached" in root.reason and "cannot be reached" in leaf.reason
            assert not root.tapes and not leaf.tapes
            nats.start()
            await settled(root, leaf)
            await leaf.more(5)
            assert [entry["log_level"] for entry in leaf.notes.entries] == ["warning", "info"]


async def test_any_of_several_servers_will_do(nats: NatsServer) -> None:
    async with stations() as made:
        urls = f"nats://127.0.0.1:1,{nats.url},nats://nowhere.invalid:4222"
        root, leaf = made.root(urls), made.leaf(urls)
        await settled(root, leaf)
        await leaf.more(5)


@pytest.mark.parametrize(("cut_s", "taken_over"), [(0.6, False), (2.5, True)], ids=["shortly", "for long"])
async def test_a_root_that_is_cut_off(nats: NatsServer, cut_s: float, taken_over: bool) -> None:
    async with stations() as made, Proxy(nats.port) as proxy:
        lease_s = 1.0 if taken_over else 4.0
        root = made.root(f"nats://127.0.0.1:{proxy.port}", lease_s=lease_s)
        await settled(root)
        leaf, standby = made.leaf(nats.url), made.root(nats.url, lease_s=lease_s)
        await settled(leaf, standby)
        proxy.accepting = False
        proxy.cut()
        before = root.head
        await asyncio.sleep(cut_s)
        assert root.head > before + 10, "it goes on for its own readers"
        proxy.accepting = True
        if taken_over:
            await root.until(lambda: root.source.role == "standby", "stands by")
            assert standby.source.role == "root"
        for one in (root, standby, leaf):
            await one.more(40)
            await settled(one)
        assert root.source.role == ("standby" if taken_over else "root")
        assert all(whole(one) and len(one.tapes) == 1 and not one.leapt for one in (root, standby, leaf))
        leader = standby if taken_over else root
        assert same(leader, leaf) > 40
        await root.until(lambda: root.head >= leader.head - 5)


async def test_two_that_both_believe_that_they_lead(nats: NatsServer) -> None:
    async with stations() as made:
        first = made.root(nats.url)
        await settled(first)
        second, leaf = made.root(nats.url), made.leaf(nats.url)
        await settled(second, leaf)
        for one, other in ((first, second), (second, first)):
            other.source._lease.lease_s = 0.01  # it takes the lease although it is held
            await other.until(lambda other=other: other.source.role == "root")  # type: ignore[misc]
            other.source._lease.lease_s = 1.0
            await one.until(lambda one=one: one.source.role == "standby")  # type: ignore[misc]
            await one.more(20)
            await settled(one, other, leaf)
        assert all(whole(one) and len(one.tapes) == 1 and not one.leapt for one in (first, second, leaf))
        await leaf.until(lambda: leaf.head >= first.head - 5)
        assert same_bytes(first, leaf) > 20 and same_bytes(second, leaf) > 20


async def test_a_backlog_that_was_too_small_is_announced(nats: NatsServer) -> None:
    async with stations() as made:
        root, leaf = made.root(nats.url), made.leaf(nats.url)
        await settled(leaf)
        nats.kill()
        await root.more(10)
        backlog, feed = root.source._term.backlog, root.feed
        assert feed is not None
        for _ in range(3):
            while len(backlog.items) > 3:
                backlog._drop()
            feed.tape.steps_max = 3
            await root.more(5)
        feed.tape.steps_max = 1000
        nats.start()
        await leaf.until(lambda: leaf.leapt, "leaps")
        await leaf.until(lambda: leaf.head >= root.head - 5 and not leaf.reason)
        await leaf.more(10)
        assert len(leaf.leapt) == 1 and leaf.tapes == root.tapes
        assert root.metrics.text().count(b"ticker_source_steps_lost 0.0") == 0


async def test_a_market_that_is_another_is_turned_away(nats: NatsServer) -> None:
    async with stations() as made:
        root = made.root(nats.url)
        await root.more(5)
        other: dict[str, Any] = {"market": replace(MARKET, seed=99)}
        misfit = made.root(nats.url, **other)
        await misfit.until(lambda: misfit.failure)
        assert "--nats.tape" in misfit.failure and "--nats.fresh" in misfit.failure
        fresh = made.root(nats.url, fresh=True, **other)
        await fresh.until(lambda: fresh.failure)
        assert "makes it now" in fresh.failure, "nothing is taken from whoever leads"
        leaf = made.leaf(nats.url)
        await settled(leaf)
        await root.stop()
        fresh = made.root(nats.url, fresh=True, **other)
        await fresh.until(lambda: fresh.source.role == "root")
        await leaf.until(lambda: len(leaf.tapes) == 2 and not leaf.reason)
        await leaf.more(5)
        assert leaf.tapes == [*root.tapes, *fresh.tapes] and whole(leaf) and same(fresh, leaf)


async def test_a_tape_goes_on_although_the_stream_has_nothing_of_it(nats: NatsServer) -> None:
    async with stations() as made, operator(nats) as jetstream:
        root = made.root(nats.url)
        await root.more(20)
        await root.stop()
        await jetstream.purge("ticker_main")  # as if all of it were too old
        other, leaf = made.root(nats.url), made.leaf(nats.url)
        await other.until(lambda: other.source.role == "root")
        await other.more(10)
        await settled(leaf)
        assert other.tapes == leaf.tapes == root.tapes and min(other.steps) == root.head + 1
        await leaf.until(lambda: leaf.head >= other.head - 3)
        assert same(other, leaf) > 5 and whole(leaf)


async def test_messages_may_be_small(tmp_path: Path) -> None:
    with nats_server(tmp_path, settings="max_payload: 16384") as nats:
        async with stations() as made:
            root = made.root(nats.url, market=replace(MARKET, instruments=60))
            await root.more(10)
            leaf, standby = made.leaf(nats.url), made.root(nats.url, market=replace(MARKET, instruments=60))
            await settled(leaf, standby)
            await leaf.more(20)
            await root.die()
            await standby.until(lambda: standby.source.role == "root")
            await standby.more(10)
            await leaf.until(lambda: leaf.head >= standby.head - 3)
            assert whole(leaf) and whole(standby) and same(standby, leaf) > 30
            assert max(len(step) for step, _ in root.steps.values()) > 16384, "there was something to be split"


@pytest.mark.parametrize(
    "greeting",
    [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"INFO {\r\n",
        b"INFO {}\r\n",
        b"\x00" * 100_000,
        b'INFO {"max_payload":1048576}\r\nPONG\r\nMSG x 1 99999999999\r\n',
        b'INFO {"max_payload":1048576}\r\nPONG\r\nHMSG a 1 900 5\r\nxxxxx\r\n',
        b'INFO {"max_payload":1048576}\r\nPONG\r\nnonsense\r\n',
        b"INFO {\"max_payload\":1048576}\r\nPONG\r\n-ERR 'Maximum Connections Exceeded'\r\n",
        b"",
    ],
)
async def test_what_is_no_nats_server(greeting: bytes) -> None:
    class Greeter(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            transport.write(greeting)
            asyncio.get_running_loop().call_later(0.2, transport.abort)

    server = await asyncio.get_running_loop().create_server(Greeter, "127.0.0.1", 0)
    async with server, stations() as made:
        leaf = made.leaf(f"nats://127.0.0.1:{server.sockets[0].getsockname()[1]}")
        await leaf.until(lambda: leaf.reason and "been reached yet" not in leaf.reason)
        await asyncio.sleep(0.5)
        assert not leaf.failure and len(leaf.notes.entries) == 1
        assert not leaf.notes.entries[0].get("exc_info"), leaf.notes.entries
        await leaf.stop()
        await asyncio.sleep(0.3)
