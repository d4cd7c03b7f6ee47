"""One client, four transports, and all that can break or change between it and its server."""

import asyncio
import json
import random
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import RunningServer
from tcp_proxy import Proxy
from ticker.session.messages import Snapshot
from ticker_client import TRANSPORTS, ConnectionEnded
from ticker_client.backoff import Backoff
from witness import BOTH, BRISK, Witness, fetch, key_of, opened


@pytest.fixture(scope="module")
def server(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker(*BRISK)


@pytest.fixture(scope="module")
def other(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    """Another tape."""
    return serve_ticker(*BRISK, "--seed", "2")


@pytest.fixture(scope="module")
def young(server: RunningServer, serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    """The same tape as that of `server`, not as far."""
    assert server.process.poll() is None
    return serve_ticker(*BRISK)


@pytest.fixture(scope="module")
def forgetful(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    """A tape that is kept for less than half a second."""
    return serve_ticker(*BRISK, "--feed.tape-s", "0.4")


# Breaks.


async def test_a_cut_in_the_middle_of_anything_loses_nothing(
    server: RunningServer, proxy: Proxy, transport: str
) -> None:
    async with opened(proxy.url, transport) as feed:
        await feed.subscribe("ACME", "BYTE", channels=BOTH)
        await feed.subscribe("QBIT", channels=["quotes"])
        witness = Witness(feed)
        for size in (0, 7000) if transport == "sse" else (0, 1, 137, 4001):  # a stream says to wait for seconds
            await witness.read(20)
            before = proxy.connections
            proxy.cut_after(size)
            async with asyncio.timeout(15):
                while proxy.connections == before:
                    await witness.read_message()
        await witness.read(20)
        await witness.check(server.url)
        assert feed.session.restarts == 0


async def test_a_command_that_is_cut_can_be_given_again(server: RunningServer, proxy: Proxy, transport: str) -> None:
    async with opened(proxy.url, transport) as feed:
        await feed.subscribe("ACME", channels=BOTH)
        witness = Witness(feed, once=False)
        for symbol, size in zip(("BYTE", "QBIT", "RBOT", "CLWD"), (0, 150, 400, 700), strict=True):
            await witness.read(5)
            proxy.cut_after(size)
            async with asyncio.timeout(15):
                while True:
                    try:
                        await feed.subscribe(symbol, channels=["quotes"])
                        break
                    except ConnectionEnded:
                        await asyncio.sleep(0.02)
        while {tick.sym for tick in witness.ticks} != {"ACME", "BYTE", "QBIT", "RBOT", "CLWD"}:
            await witness.read(20)
        await witness.check(server.url)
        assert {symbol for _, symbol in witness.shown} == {"ACME", "BYTE", "QBIT", "RBOT", "CLWD"}


async def test_it_says_why_there_is_no_connection(proxy: Proxy, transport: str) -> None:
    async with opened(proxy.url, transport) as feed, asyncio.timeout(30):
        await feed.subscribe("ACME")
        await Witness(feed).read(1)
        assert feed.trouble is None
        proxy.accepting = False
        proxy.cut()
        await until(lambda: feed.trouble is not None)
        assert not feed.live and str(feed.trouble)
        proxy.accepting = True
        await until(lambda: feed.trouble is None)
        assert feed.live


async def until(fine: Callable[[], bool]) -> None:
    while not fine():  # noqa: ASYNC110  # it is no event that is awaited
        await asyncio.sleep(0.01)


async def test_another_tape_begins_anew(proxy: Proxy, other: RunningServer, transport: str) -> None:
    async with opened(proxy.url, transport) as feed:
        await feed.subscribe("ACME", "BYTE", channels=BOTH)
        await feed.subscribe("QBIT")
        witness = Witness(feed)
        await witness.read(20)
        proxy.target = other.port
        proxy.cut()
        await witness.read_restart()
        assert feed.session.welcome is not None and feed.session.welcome.seed == 2
        await witness.read(50)
        while "QBIT" not in {tick.sym for tick in witness.ticks}:  # it trades now and then
            await witness.read(1)
        assert {tick.sym for tick in witness.ticks} == {"ACME", "BYTE", "QBIT"}
        await witness.check(other.url)
        assert feed.session.restarts == 1


async def test_the_same_tape_from_its_beginning_begins_anew(proxy: Proxy, young: RunningServer, transport: str) -> None:
    async with opened(proxy.url, transport) as feed:
        await feed.subscribe("ACME", "BYTE", channels=BOTH)
        witness = Witness(feed)
        await witness.read(20)
        behind = json.loads(fetch(young.url, "/readyz"))["seq"]
        while feed.session.position.seq < behind + 500:  # far enough for the other not to get here soon
            await witness.read(20)
        reached = feed.session.position
        proxy.target = young.port
        proxy.cut()
        await witness.read_restart()
        await witness.read(50)
        assert feed.session.position.epoch == reached.epoch
        assert witness.begun is not None and witness.begun < reached.seq
        await witness.check(young.url)


async def test_what_is_gone_is_counted(forgetful: RunningServer, transport: str) -> None:
    async with Proxy(forgetful.port) as proxy, opened(proxy.url, transport) as feed:
        await feed.subscribe("ACME", "BYTE", channels=BOTH)
        witness = Witness(feed)
        await witness.read(20)
        proxy.accepting = False
        proxy.cut()
        await asyncio.sleep(1)
        before = feed.session.ticks
        await witness.drain()
        last = {key_of(tick): tick.n for tick in [*witness.shown.values(), *witness.ticks]}
        proxy.accepting = True
        missed = 0
        anew = Witness(feed)
        while not isinstance(await anew.read_message(), Snapshot):
            last |= {key_of(tick): tick.n for tick in anew.ticks}
        await anew.read_message()
        missed = sum(tick.n - last[key_of(tick)] - 1 for tick in anew.shown.values())
        assert missed > 10
        await anew.read(30)
        assert feed.session.missed == missed == sum(gap.before_n - gap.after_n - 1 for gap in feed.session.gaps)
        assert (feed.session.repeated, feed.session.restarts) == (0, 0)
        assert feed.session.ticks > before


def test_the_advice_when_to_come_back_is_obeyed() -> None:
    backoff = Backoff()
    delays_s = [backoff.next_s(5.0) for _ in range(20)]
    assert min(delays_s) > 5.0
    assert max(delays_s) <= 15.0
    assert len(set(delays_s)) > 1, "not all at the same moment"
    assert 3600 < Backoff().next_s(1e308) <= 3610, "but not for ever"


def test_pauses_grow_to_a_limit_and_begin_again_after_a_success() -> None:
    backoff = Backoff(random.Random(1))
    pauses_s = [backoff.next_s() for _ in range(10)]
    assert 0.125 <= pauses_s[0] <= 0.25
    assert all(5.0 <= pause_s <= 10.0 for pause_s in pauses_s[-3:])
    assert all(later > earlier / 2 for earlier, later in pairwise(pauses_s))
    backoff.succeed()
    assert 0.125 <= backoff.next_s() <= 0.25


async def test_traffic_is_what_a_proxy_sees(proxy: Proxy, transport: str) -> None:
    async with opened(proxy.url, transport) as feed:
        await feed.subscribe("ACME", "BYTE")
        await Witness(feed).read(10)
        await feed.unsubscribe("*")
        await feed.ping()
        await asyncio.sleep(0.1)
        traffic = feed.traffic
        assert traffic.connections == proxy.connections
        assert traffic.bytes_sent == proxy.bytes_up
        assert traffic.requests >= 1 and traffic.bytes_received > 1000
        # What was under way when a stream was given up has passed the proxy, and reached nobody.
        held = transport in ("sse", "long-poll")
        assert proxy.bytes_down - 20_000 * held <= traffic.bytes_received <= proxy.bytes_down
        before = traffic.connections
        await feed.switch("ws")
        assert traffic.connections == before + 1 == proxy.connections


# Moving on.


async def test_a_move_that_fails_changes_nothing(server: RunningServer, proxy: Proxy, transport: str) -> None:
    other = "sse" if transport == "ws" else "ws"
    async with opened(proxy.url, transport) as feed:
        await feed.subscribe("ACME", "BYTE", channels=BOTH)
        witness = Witness(feed)
        await witness.read(20)
        with pytest.raises(ValueError, match="pigeon"):
            await feed.switch("pigeon")
        proxy.accepting = False
        with pytest.raises(ConnectionEnded, match=r"cannot connect|lost"):
            await feed.switch(other)
        proxy.accepting = True
        assert feed.transport == transport
        await witness.read(20)
        await feed.switch(other)
        await witness.read(20)
        assert feed.transport == other
        await witness.check(server.url)


ACTIONS = st.tuples(
    st.sampled_from(sorted(TRANSPORTS)),
    st.integers(0, 8),
    st.booleans(),
    st.sampled_from([None, None, "CLWD", "QBIT", "RBOT"]),
)


@settings(max_examples=10, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(first=st.sampled_from(sorted(TRANSPORTS)), actions=st.lists(ACTIONS, min_size=2, max_size=6))
def test_hopping_is_the_same_as_staying(
    server: RunningServer, first: str, actions: list[tuple[str, int, bool, str | None]]
) -> None:
    async def hop() -> None:
        async with Proxy(server.port) as proxy, opened(proxy.url, first) as feed:
            witness = Witness(feed)
            await feed.subscribe("ACME", "BYTE", channels=BOTH)
            wanted = {"ACME", "BYTE"}
            for transport, count, cut, symbol in actions:
                await witness.read(count)
                if cut:
                    proxy.cut()
                await feed.switch(transport)
                if symbol and symbol not in wanted:
                    wanted.add(symbol)
                    await feed.subscribe(symbol, channels=["quotes"])
            await witness.read(20)
            await witness.check(server.url)

    asyncio.run(hop())
