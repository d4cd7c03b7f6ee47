"""Windows, acks, pace and callbacks: what the client says by itself, and what it makes of what it is told."""

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest
from msgspec import UNSET

from conftest import RunningServer
from scripted import scripted, ticks
from tcp_proxy import Proxy
from ticker.session import messages as say
from ticker_client import ConnectionEnded, Gap, Lag, connect, connect_sync
from witness import BOTH, BRISK, Witness, opened


@pytest.fixture(scope="module")
def server(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker(*BRISK)


@pytest.fixture(scope="module")
def torrent(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    """A thousand messages a second."""
    return serve_ticker(*BRISK, "--step-ms", "1", "--stream.report-s", "1")


# What goes together.


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"window": 4, "ack_every": 5}, "ack_every: 5 is more than the window of 4"),
        ({"ack_every": 65}, "ack_every: 65 is more than the window of 64"),
        ({"ack_every": 0}, "ack_every: 0 is less than 1"),
        ({"window": -1}, "window: -1"),
        ({"encoding": "xml"}, "encoding: 'xml' is none; known: json, packed"),
        ({"pace": "slow"}, "pace: 'slow' is none; known: every, latest"),
        ({"rate_hz": 4}, "rate_hz: 4 goes with pace latest"),
        ({"pace": "latest", "rate_hz": 0}, "rate_hz: 0 goes with"),
        ({"pace": "latest", "transport": "long-poll"}, "pace: latest cannot be had by long-poll"),
        ({"pace": "latest", "transport": "short-poll"}, "pace: latest cannot be had by short-poll"),
    ],
)
def test_what_does_not_go_together_is_told_at_once(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        connect("ws://127.0.0.1:1/", **options)


@pytest.mark.parametrize("transport", ["long-poll", "short-poll"])
async def test_a_poll_is_never_asked_for_the_latest(server: RunningServer, transport: str) -> None:
    async with opened(server.url, transport) as feed:
        before = feed.traffic.requests
        with pytest.raises(ValueError, match="cannot be had by"):
            await feed.subscribe("ACME", pace="latest")
        assert feed.traffic.requests == before
        await feed.switch("ws")
        await feed.subscribe("ACME", pace="latest")
        with pytest.raises(ValueError, match="cannot be had by"):
            await feed.switch(transport)
        assert feed.transport == "ws" and feed.live


# Windows and acks.


async def test_the_window_is_said_before_anything_else() -> None:
    async with scripted() as server, connect(server.url, window=8) as feed:
        await feed.subscribe("ACME")
        first, second, *_ = server.heard[0]
        assert isinstance(first, say.Window) and first.size == 8
        assert isinstance(second, say.Subscribe)
        assert feed.session.window == 8


@pytest.mark.parametrize("window", [0, None])
async def test_without_a_window_there_are_no_acks(window: int | None) -> None:
    async with scripted() as server, connect(server.url, window=window) as feed:
        await feed.subscribe("ACME")
        await server.send(*(ticks(seq, seq) for seq in range(1, 41)))
        numbers = [tick.n async for tick in _first(feed, 40)]
        await feed.ping()
        assert numbers == list(range(1, 41))
        assert {type(message) for message in server.heard[0]} == {say.Subscribe, say.Ping}


async def test_nobody_who_does_not_read_acknowledges() -> None:
    async with scripted() as server, connect(server.url, window=8, ack_every=2) as feed:
        await feed.subscribe("ACME")
        await server.send(*(ticks(seq, seq) for seq in range(1, 9)))
        await server.until(lambda: feed.waiting == 8)
        await feed.ping()
        assert server.acked == []
        batches = feed.batches()
        for _ in range(5):
            await anext(batches)
        await feed.ping()
        assert server.acked == [2, 4], "the fifth is still being read, the first ones were cumulative"
        await batches.aclose()
    assert server.acked == [2, 4, 5], "leaving says what was done"


@pytest.mark.parametrize(("window", "granted", "ack_every"), [(8, 2, 8), (8, 1, None), (1, 1, None), (3, 3, 3)])
async def test_a_window_that_is_smaller_than_asked_for_is_kept_open(
    window: int, granted: int, ack_every: int | None
) -> None:
    async with scripted(granted) as server, connect(server.url, window=window, ack_every=ack_every) as feed:
        await feed.subscribe("ACME")
        reader = asyncio.create_task(_count(feed))
        for seq in range(1, 21):
            await server.send(ticks(seq, seq))
            if seq - max(server.acked, default=0) >= granted:
                await server.until(lambda seq=seq: max(server.acked, default=0) > seq - granted)  # type: ignore[misc]
        assert max(server.acked) > 20 - granted
        reader.cancel()


async def test_a_message_without_news_is_acknowledged_in_its_turn() -> None:
    async with scripted() as server, connect(server.url, window=4, ack_every=1) as feed:
        await feed.subscribe("ACME")
        await server.send(say.Snapshot(seq=9, channel="trades", data=ticks(9, 9).data))
        await server.send(ticks(5, 8, 9), ticks(10, 10), ticks(11, 11))
        await server.until(lambda: feed.waiting == 3)
        await feed.ping()
        assert server.acked == []
        batches = feed.batches()
        came = [(await anext(batches)).seq for _ in range(3)]
        await feed.ping()
        assert (came, server.acked) == ([9, 10, 11], [5, 10])


async def test_an_ack_never_names_a_position_of_another_connection() -> None:
    async with scripted() as server, connect(server.url, window=4, ack_every=1) as feed:
        await feed.subscribe("ACME")
        await server.send(ticks(1, 1), ticks(2, 2), ticks(3, 3))
        await server.until(lambda: feed.waiting == 3)
        server.head = 3
        await server.hang_up()
        await server.until(lambda: len(server.heard) == 2 and len(server.heard[1]) == 2)
        window, resume = server.heard[1]
        assert isinstance(window, say.Window) and window.size == 4
        assert isinstance(resume, say.Subscribe) and resume.from_ == "tape:3"
        await server.send(ticks(4, 4), ticks(5, 5))
        assert [tick.n async for tick in _first(feed, 5)] == [1, 2, 3, 4, 5]
        await feed.ping()
        assert set(server.acked) <= {4, 5}
        assert feed.session.missed == 0
    assert server.acked[-1] == 5


async def test_a_reader_that_pauses_is_waited_for_and_loses_nothing(torrent: RunningServer) -> None:
    async with connect(torrent.stream, window=16) as feed:
        await feed.subscribe("*", channels=BOTH)
        witness = Witness(feed)
        await witness.read(50)
        await asyncio.sleep(0.5)
        await feed.ping()
        assert feed.waiting <= 16
        await witness.read(5000)
        await witness.check(torrent.url)
        assert feed.session.window == 16


async def test_one_at_a_time_is_a_window_too(server: RunningServer) -> None:
    async with connect(server.stream, window=1) as feed:
        await feed.subscribe("*", channels=BOTH)
        witness = Witness(feed)
        await witness.read(300)
        await witness.check(server.url)


@pytest.mark.parametrize("encoding", ["json", "packed"])
async def test_windows_survive_cuts_and_moves(server: RunningServer, encoding: str) -> None:
    async with Proxy(server.port) as proxy, connect(proxy.url, window=2, ack_every=2, encoding=encoding) as feed:
        await feed.subscribe("ACME", "BYTE", channels=BOTH)
        witness = Witness(feed)
        for _ in range(3):
            await witness.read(30)
            proxy.cut()
            await witness.read(30)
            await feed.switch("long-poll")
            await witness.read(30)
            await feed.switch("ws")
        await witness.read(30)
        await witness.check(server.url)


# Callbacks.


async def test_gaps_and_lags_are_told_as_soon_as_they_are_noticed() -> None:
    gaps: list[Gap] = []
    lags: list[Lag] = []
    async with scripted() as server, connect(server.url, on_gap=gaps.append, on_lag=lags.append) as feed:
        await feed.subscribe("ACME")
        lag = say.Lag(from_=2, to=9, dropped=3, conflated=0, reason="window")
        await server.send(ticks(1, 1, 4), ticks(2, 6), lag, ticks(10, 20), ticks(11, 22))
        await server.until(lambda: feed.session.messages == 4)
        assert [tuple(gap) for gap in gaps] == [
            ("trades", "ACME", 1, 4),
            ("trades", "ACME", 4, 6),
            ("trades", "ACME", 20, 22),
        ]
        assert lags == [lag]
        assert feed.waiting == 4, "nobody has read anything yet"


@pytest.mark.parametrize("name", ["on_gap", "on_lag"])
async def test_a_callback_that_fails_ends_the_feed_and_says_so(name: str) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("not today")

    options: dict[str, Any] = {name: fail}
    async with scripted() as server, connect(server.url, **options) as feed:
        await feed.subscribe("ACME")
        lag = say.Lag(from_=2, to=9, dropped=3, conflated=0, reason="window")
        await server.send(ticks(1, 1), ticks(2, 3), lag)
        with pytest.raises(ConnectionEnded, match=f"{name} failed: RuntimeError.'not today'") as ended:
            async for _ in feed:
                pass
        assert isinstance(ended.value.__cause__, RuntimeError)
        with pytest.raises(ConnectionEnded, match=f"{name} failed"):
            await feed.subscribe("BYTE")
        await server.until(lambda: not feed.live)


async def test_a_callback_that_fails_over_http_ends_the_feed_too(server: RunningServer, transport: str) -> None:
    def fail(_: object) -> None:
        raise RuntimeError("not today")

    async with opened(server.url, transport, on_gap=fail) as feed:
        await feed.subscribe("ACME", channels=BOTH)
        feed.session._numbers.follow([say.Trade(sym="ACME", n=1, t=0, px=1.0, sz=1, side="buy")])
        with pytest.raises(ConnectionEnded, match="on_gap failed"):
            async with asyncio.timeout(10):
                async for _ in feed:
                    feed.session._numbers._tables[say.Trade]["ACME"] = 1


# Pace.


async def test_pace_and_window_are_asked_for_again() -> None:
    async with scripted() as server, connect(server.url, pace="latest", rate_hz=4, window=8) as feed:
        await feed.subscribe("ACME")
        await feed.subscribe("BYTE", rate_hz=2)
        await server.send(ticks(1, 1))
        await server.until(lambda: feed.waiting == 1)
        said = [message for message in server.heard[0] if isinstance(message, say.Subscribe)]
        assert [(message.pace, message.rate_hz) for message in said] == [("latest", 4.0), ("latest", 2.0)]
        await server.hang_up()
        await server.until(lambda: len(server.heard) == 2 and len(server.heard[1]) >= 2)
        window, wish = server.heard[1][:2]
        assert isinstance(window, say.Window) and window.size == 8
        assert isinstance(wish, say.Subscribe)
        assert (wish.pace, wish.rate_hz, wish.from_) == ("latest", 2.0, UNSET)


async def test_who_names_no_pace_leaves_it_to_the_server() -> None:
    async with scripted() as server, connect(server.url) as feed:
        await feed.subscribe("ACME")
        wish = server.heard[0][1]
        assert isinstance(wish, say.Subscribe) and (wish.pace, wish.rate_hz) == (UNSET, UNSET)


@pytest.mark.parametrize("transport", ["ws", "sse"])
async def test_the_latest_comes_merged_and_every_tick_again_when_asked(torrent: RunningServer, transport: str) -> None:
    lags: list[Lag] = []
    gaps: list[Gap] = []
    async with opened(torrent.url, transport, on_lag=lags.append, on_gap=gaps.append) as feed:
        granted = await feed.subscribe("ACME", "BYTE", channels=BOTH, pace="latest", rate_hz=20)
        assert (granted.pace, granted.rate_hz) == ("latest", 20.0)
        async with asyncio.timeout(20):
            async for batch in feed.batches():
                keys = [(tick.channel, tick.sym) for tick in batch.data]
                assert len(keys) == len(set(keys)), "one of each"
                if feed.session.merged > 50 and lags:
                    break
        assert {lag.reason for lag in lags} == {"pace"}
        assert (feed.session.missed, feed.session.lagged, gaps) == (0, 0, [])
        granted = await feed.subscribe("ACME", "BYTE", channels=BOTH, pace="every")
        assert granted.pace == "every"
        messages = feed.batches()
        while feed.waiting:
            await anext(messages)
        merged = feed.session.merged
        numbers: dict[tuple[str, str], list[int]] = {}
        async with asyncio.timeout(20):
            while sum(map(len, numbers.values())) < 500:
                for tick in (await anext(messages)).data:
                    numbers.setdefault((tick.channel, tick.sym), []).append(tick.n)
        for found in numbers.values():
            assert found == list(range(found[0], found[0] + len(found)))
        assert (feed.session.missed, feed.session.repeated, gaps, feed.session.merged) == (0, 0, [], merged)


@pytest.mark.parametrize("transport", ["ws", "sse"])
async def test_the_latest_survives_a_cut(torrent: RunningServer, transport: str) -> None:
    async with Proxy(torrent.port) as proxy, opened(proxy.url, transport, pace="latest", rate_hz=20) as feed:
        await feed.subscribe("ACME", "BYTE", channels=BOTH)
        batches = feed.batches()
        for _ in range(4):
            await anext(batches)
        before = feed.connections
        proxy.cut()
        async with asyncio.timeout(20):
            while True:
                batch = await anext(batches)
                if feed.connections > before and isinstance(batch, say.Snapshot):
                    break
            for _ in range(4):
                await anext(batches)
        assert feed.session.paced == ("latest", 20.0)
        assert (feed.session.missed, feed.session.lagged) == (0, 0)


def test_the_synchronous_face_has_it_all_and_calls_back_in_its_thread(torrent: RunningServer) -> None:
    threads: set[str] = set()

    def note(_: Lag) -> None:
        threads.add(threading.current_thread().name)

    with connect_sync(torrent.stream, window=8, ack_every=2, encoding="packed", on_lag=note) as feed:
        assert feed.subscribe("ACME", channels=BOTH, pace="latest", rate_hz=50).rate_hz == 50
        arrays = feed.arrays()
        kinds = [next(arrays).kind for _ in range(10)]
        assert kinds[:2] == ["snapshot", "snapshot"] and set(kinds[2:]) == {"ticks"}
        for _, _ in zip(arrays, range(1000), strict=False):  # twenty seconds
            if threads:
                break
        assert [instrument.symbol for instrument in feed.instruments][:1] == ["ACME"]
        arrays.close()
        assert next(feed.batches()).data
        assert feed.session.missed == 0
    assert threads == {"ticker-client"}


async def _first(feed: Any, count: int) -> Any:
    async with asyncio.timeout(10):
        async for tick in feed:
            yield tick
            count -= 1
            if not count:
                return


async def _count(feed: Any) -> None:
    async for _ in feed:
        pass
