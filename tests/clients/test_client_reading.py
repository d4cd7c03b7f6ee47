"""What a feed brings, in every form there is, on both faces."""

import asyncio
import sys
from collections.abc import Callable

import numpy as np
import pytest
import uvloop

from conftest import RunningServer
from scripted import scripted, ticks
from ticker_client import ConnectionEnded, Feed, Quote, Refused, Trade, connect, connect_sync
from ticker_client.arrays import Arrays, joined
from ticker_client.instruments import Instrument, Instruments

BOTH = ["trades", "quotes"]


@pytest.fixture(scope="module")
def server(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker()


@pytest.mark.parametrize("encoding", ["json", "packed"])
async def test_the_next_of_a_symbol_passes_over_others(server: RunningServer, encoding: str) -> None:
    async with connect(server.stream, encoding=encoding) as feed:
        await feed.subscribe("ACME", "BYTE", channels=BOTH)
        for symbol in ("BYTE", "ACME", "BYTE"):
            assert (await feed.next(symbol, timeout_s=10)).sym == symbol


async def test_what_was_read_in_part_goes_on_in_any_form() -> None:
    async with scripted() as server, connect(server.url) as feed:
        await feed.subscribe("ACME")
        await server.send(ticks(1, 1, 2, 3, 4, 5, 6))
        assert await _first_n(feed) == 1
        assert (await feed.next()).n == 2
        assert await _first_n(feed) == 3
        batch = await anext(feed.batches())
        assert [tick.n for tick in batch.data] == [4, 5, 6]


async def _first_n(feed: Feed) -> int:
    async for tick in feed:
        return tick.n
    raise AssertionError("nothing came")


async def test_next_times_out_and_loses_nothing() -> None:
    async with scripted() as server, connect(server.url) as feed:
        await feed.subscribe("ACME")
        with pytest.raises(TimeoutError):
            await feed.next(timeout_s=0.01)
        await server.send(ticks(1, 1))
        assert (await feed.next(timeout_s=10)).n == 1
        assert feed.session.missed == 0


async def test_next_ends_with_the_feed(server: RunningServer) -> None:
    feed = connect(server.stream)
    async with feed:
        waiting = asyncio.ensure_future(feed.next())
        await asyncio.sleep(0)
    with pytest.raises(ConnectionEnded, match="closed"):
        await waiting


async def test_a_feed_is_read_in_one_place(server: RunningServer) -> None:
    async with connect(server.stream) as feed:
        waiting = asyncio.ensure_future(feed.next())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="elsewhere"):
            await feed.next()
        waiting.cancel()


async def test_callbacks_are_told_of_what_is_read(server: RunningServer) -> None:
    trades: list[Trade] = []
    quotes: list[Quote] = []
    async with connect(server.stream, on_trade=trades.append, on_quote=quotes.append) as feed:
        await feed.subscribe("*", channels=BOTH)
        while not (trades and quotes):
            await feed.run(0.05)
        assert {type(tick) for tick in trades} == {Trade}
        assert {type(tick) for tick in quotes} == {Quote}


async def test_what_a_callback_raises_the_reader_raises(server: RunningServer) -> None:
    def fail(trade: Trade) -> None:
        raise LookupError(trade.sym)

    async with connect(server.stream, on_trade=fail) as feed:
        await feed.subscribe("ACME")
        with pytest.raises(LookupError, match="ACME"):
            await feed.run(10)


async def test_what_is_newest_is_only_asked(server: RunningServer) -> None:
    async with connect(server.stream) as feed:
        shown = await feed.snapshot("ACME", "BYTE", channels=["quotes"])
        assert [(type(tick), tick.sym) for tick in shown] == [(Quote, "ACME"), (Quote, "BYTE")]
        assert await feed.subscriptions() == {}
        with pytest.raises(Refused, match="NOPE"):
            await feed.snapshot("ACME", "NOPE")
        await feed.subscribe("ACME", channels=["bars.1s"])
        async for tick in feed:
            if tick.done:
                break
        bars = await feed.bars("ACME", "1s", limit=5)
        assert 0 < len(bars) <= 5
        assert [bar.t for bar in bars] == sorted(bar.t for bar in bars)
        with pytest.raises(Refused, match="interval"):
            await feed.bars("ACME", "2s")


@pytest.mark.parametrize("encoding", ["json", "packed"])
async def test_some_seconds_are_collected_as_columns_and_tables(server: RunningServer, encoding: str) -> None:
    async with connect(server.stream, encoding=encoding) as feed:
        await feed.subscribe("*", channels=BOTH)
        await feed.next()
        found = await feed.collect(0.5)
        while not set(BOTH) <= set(found.rows):
            found = await feed.collect(0.5)
    rows = found.rows["trades"]
    table = found.table("trades")
    assert list(table) == ["sym", "n", "t", "px", "sz", "side"]
    for number in np.unique(rows["instrument"]):
        assert (np.diff(rows["n"][rows["instrument"] == number]) == 1).all()  # nothing is lost between messages
    pandas, polars = found.pandas("trades"), found.polars("trades")
    assert pandas["px"].tolist() == polars["px"].to_list() == found.prices("trades").tolist() == table["px"]
    assert pandas["sym"].tolist() == polars["sym"].to_list() == table["sym"]
    assert polars["t"].to_physical().to_list() == rows["t"].tolist()
    assert found.pandas("status").empty


async def test_a_library_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    nothing = Arrays("ticks", 0, 0, {}, Instruments())
    for name, ask in (("pandas", nothing.pandas), ("polars", nothing.polars)):
        monkeypatch.setitem(sys.modules, name, None)
        with pytest.raises(ImportError, match=f"pip install {name}"):
            ask("trades")


def test_messages_are_joined_also_where_numbers_changed() -> None:
    acme, byte = Instrument("ACME", 0.01, 2), Instrument("BYTE", 0.01, 2)
    here, there = Instruments([acme, byte]), Instruments([byte, acme])
    dtype = [("instrument", "<i4"), ("n", "<i8")]
    pieces = [
        Arrays("ticks", 1, 10, {"trades": np.array([(0, 1), (1, 1)], dtype)}, here),
        Arrays("ticks", 2, 20, {"trades": np.array([(0, 2), (1, 2)], dtype)}, there),
    ]
    whole = joined(pieces, here)
    assert (whole.seq, whole.ts) == (2, 20)
    assert [whole.instruments.symbols[each] for each in whole.rows["trades"]["instrument"]] == [
        *("ACME", "BYTE", "BYTE", "ACME")
    ]


def test_the_synchronous_face_has_the_same_names(server: RunningServer) -> None:
    asynchronous = {name for name in dir(connect(server.stream)) if not name.startswith("_")}
    inside = {"begin", "rest"}
    assert asynchronous - inside <= {name for name in dir(connect_sync(server.stream)) if not name.startswith("_")}
    with connect_sync(server.stream) as feed:
        assert feed.snapshot("ACME", channels=["quotes"])[0].sym == "ACME"
        assert isinstance(feed.bars("ACME"), list)
        feed.subscribe("ACME", channels=BOTH)
        assert feed.next("ACME", timeout_s=10).sym == "ACME"
        assert next(feed.batches()).data
        assert next(feed.arrays()).size
        feed.run(0.01)
        assert isinstance(feed.collect(0.1), Arrays)
        with pytest.raises(TimeoutError):
            feed.next("NOBODY", timeout_s=0.01)
    with pytest.raises(ConnectionEnded, match="not connected"):
        feed.ping()


def test_it_runs_on_uvloop_and_on_asyncio_and_leaves_no_task(server: RunningServer) -> None:
    async def work(transport: str) -> None:
        async with connect(server.stream, transport=transport) as feed:
            await feed.subscribe("*", channels=BOTH)
            await feed.next(timeout_s=10)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await feed.run()
            assert feed.session.missed == 0
        assert asyncio.all_tasks() == {asyncio.current_task()}

    for loop in (uvloop.new_event_loop, asyncio.new_event_loop):
        for transport in ("ws", "sse", "long-poll", "short-poll"):
            with asyncio.Runner(loop_factory=loop) as runner:
                runner.run(work(transport))
