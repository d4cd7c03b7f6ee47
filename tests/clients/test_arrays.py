"""Ticks as arrays: the same as one by one, whichever way they come, and prices that are the very numbers of JSON."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import RunningServer
from scripted import scripted, ticks
from tcp_proxy import Proxy
from ticker.dialects.native import NativeDialect
from ticker.dialects.packed import PackedDialect, listing
from ticker.instruments import Instrument, Universe
from ticker.session.messages import Listing, Quote, Snapshot, Tick, Ticks, Trade
from ticker.ticks import (
    BARS_1M,
    BARS_1S,
    BOOK,
    CHANNELS,
    DTYPES,
    NO_CRC,
    QUOTES,
    REASONS,
    STATES,
    STATS,
    STATUS,
    TRADES,
    Rows,
)
from ticker.wire.packed import ROWS
from ticker_client import Arrays, ConnectionEnded, connect, connect_sync
from ticker_client.arrays import gathered, unpacked
from ticker_client.instruments import Instruments
from witness import BOTH, BRISK, Witness, key_of, opened

GRIDS = [(2, 1), (2, 5), (0, 3), (4, 25), (6, 1), (1, 2)]
UNIVERSE = Universe([Instrument(f"SYM{k}", "", "", decimals, units, 1, 1) for k, (decimals, units) in enumerate(GRIDS)])
INSTRUMENTS = Instruments.of(listing(UNIVERSE))
DECODER = msgspec.json.Decoder(Ticks | Snapshot)


@pytest.fixture(scope="module")
def server(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker(*BRISK)


@st.composite
def rows_of(draw: st.DrawFn, channel: str) -> Rows:
    limits = {
        "instrument": st.integers(0, len(GRIDS) - 1),
        **dict.fromkeys(("side", "fresh", "done"), st.integers(0, 1)),
        "state": st.integers(0, len(STATES) - 1),
        "reason": st.integers(0, len(REASONS) - 1),
        "crc": st.integers(NO_CRC, 2**32 - 1),
        **dict.fromkeys(("volume", "size", "value_ppm", "ref"), st.integers(0, 2**40)),
    }
    fields = st.tuples(*(limits.get(name, st.integers(1, 2**40)) for name in DTYPES[channel].names or ()))
    return np.array(draw(st.lists(fields, min_size=1, max_size=6)), DTYPES[channel])


def as_json(seq: int, steps: list[dict[str, Rows]]) -> Ticks | Snapshot:
    """Return what JSON makes of steps, after a trip over the wire."""
    dialect = NativeDialect(UNIVERSE)
    pieces = [
        piece
        for rows in steps
        for channel in CHANNELS
        if channel in rows
        for piece in dialect.render(channel, rows[channel])
    ]
    return DECODER.decode(dialect.ticks(seq, 77, b"".join(pieces)))


steps_of_rows = st.lists(st.fixed_dictionaries({}, optional={c: rows_of(c) for c in CHANNELS}), min_size=1, max_size=4)


@given(steps_of_rows.filter(any))
def test_packed_ticks_are_those_of_json(steps: list[dict[str, Rows]]) -> None:
    data = PackedDialect().ticks(10 + len(steps), 77, [(11 + place, rows) for place, rows in enumerate(steps)])
    arrays = unpacked(data, INSTRUMENTS)
    spoken = as_json(10 + len(steps), steps)
    assert arrays.messages() == [spoken]
    assert msgspec.json.encode(arrays.messages()[0]) == msgspec.json.encode(spoken), "printed alike"
    assert arrays.size == len(spoken.data)


@given(st.fixed_dictionaries({}, optional={c: rows_of(c) for c in CHANNELS}).filter(bool))
def test_what_came_as_json_makes_the_same_arrays(rows: dict[str, Rows]) -> None:
    packed = unpacked(PackedDialect().ticks(11, 77, [(11, rows)]), INSTRUMENTS)
    spoken = as_json(11, [rows])
    made = gathered(spoken, INSTRUMENTS)
    assert made[:3] == packed[:3] == ("ticks", 11, 77)
    assert list(made.rows) == list(packed.rows)
    for channel, found in packed.rows.items():
        assert made.rows[channel].dtype == found.dtype == ROWS[channel]
        if "turnover" in found.dtype.names:
            within = found["volume"] / 10**4 + found["turnover"] * 2.0**-50 + 1
            off = np.abs(made.rows[channel]["turnover"] - found["turnover"] * (found["volume"] > 0))
            assert (off <= within).all(), "as near as the mean price is printed"
            made.rows[channel]["turnover"] = found["turnover"]
        assert made.rows[channel].tolist() == found.tolist()


NAMES = {
    STATUS: {"price_ticks": "px"},
    BOOK: {"price_ticks": "px"},
    **{bars: {f"{name}_ticks": name for name in ("open", "high", "low", "close")} for bars in (BARS_1S, BARS_1M)},
    STATS: {f"{name}_ticks": name for name in ("open", "high", "low", "last", "previous")},
}


@pytest.mark.parametrize("channel", NAMES)
@given(data=st.data())
def test_every_price_is_the_number_of_json(channel: str, data: st.DataObject) -> None:
    rows = {channel: data.draw(rows_of(channel))}
    arrays = unpacked(PackedDialect().ticks(11, 77, [(11, rows)]), INSTRUMENTS)
    spoken = as_json(11, [rows]).data
    for column, name in NAMES[channel].items():
        assert arrays.prices(channel, column).tolist() == [getattr(tick, name) for tick in spoken]
    fields = [name for name in DTYPES[channel].names or () if name.endswith("_ticks")]
    assert set(fields) == set(NAMES[channel])


@given(rows_of(QUOTES), rows_of(TRADES))
def test_prices_are_the_numbers_of_json(quotes: Rows, trades: Rows) -> None:
    arrays = unpacked(PackedDialect().ticks(11, 77, [(11, {QUOTES: quotes, TRADES: trades})]), INSTRUMENTS)
    data = as_json(11, [{QUOTES: quotes, TRADES: trades}]).data
    assert arrays.prices(TRADES).tolist() == [tick.px for tick in data if isinstance(tick, Trade)]
    assert arrays.prices(QUOTES, "bid_ticks").tolist() == [tick.bid for tick in data if isinstance(tick, Quote)]
    assert arrays.prices(QUOTES, "ask_ticks").tolist() == [tick.ask for tick in data if isinstance(tick, Quote)]
    assert arrays.prices(TRADES).dtype == np.float64 and arrays.prices(TRADES).shape == (len(trades),)


def test_what_is_no_price_is_told() -> None:
    arrays = Arrays("ticks", 1, 1, {}, INSTRUMENTS)
    assert arrays.prices(TRADES).tolist() == []
    with pytest.raises(KeyError, match="size is no price of trades: price_ticks"):
        arrays.prices(TRADES, "size")
    with pytest.raises(KeyError):
        arrays.prices("news")


def test_an_empty_snapshot_says_of_what() -> None:
    arrays = unpacked(PackedDialect().snapshot(9, TRADES, np.empty(0, DTYPES[TRADES])), INSTRUMENTS)
    assert arrays.messages() == [Snapshot(seq=9, channel=TRADES, data=[])]
    made = gathered(Snapshot(seq=9, channel=TRADES, data=[]), INSTRUMENTS)
    assert (made.kind, made.ts, {channel: len(rows) for channel, rows in made.rows.items()}) == (
        "snapshot",
        0,
        {TRADES: 0},
    )


@pytest.mark.parametrize("number", [len(GRIDS), -1])
def test_an_instrument_that_nobody_listed_is_refused(number: int) -> None:
    trades = np.array([(number, 1, 1, 1, 1, 0)], DTYPES[TRADES])
    with pytest.raises(ValueError, match="trades of an instrument beyond the 6"):
        unpacked(PackedDialect().ticks(1, 1, [(1, {TRADES: trades})]), INSTRUMENTS)


def test_instruments_are_a_sequence_with_names() -> None:
    assert len(INSTRUMENTS) == 6 and INSTRUMENTS[1] == ("SYM1", 0.05, 2) == INSTRUMENTS[INSTRUMENTS.numbers["SYM1"]]
    assert [instrument.symbol for instrument in INSTRUMENTS[4:]] == ["SYM4", "SYM5"]
    other = Instruments.of(Listing(symbols=["NEW", "SYM0"], tick_sizes=[0.5, 0.01], decimals=[1, 2]))
    assert other.joined(INSTRUMENTS).symbols == ["NEW", "SYM0", "SYM1", "SYM2", "SYM3", "SYM4", "SYM5"]


# Against a server.


def flat(arrays: Arrays) -> list[tuple[Any, ...]]:
    """Return ticks as tuples: channel, symbol, and what a tick says."""
    return [tuple(getattr(tick, name) for name in tick.__struct_fields__) for m in arrays.messages() for tick in m.data]


async def record(url: str, encoding: str, transport: str = "ws") -> dict[tuple[str, str, int], Tick]:
    """Return some ticks, by what they are the only ones of, taken as arrays and then one by one."""
    ticks: list[Tick] = []
    async with opened(url, transport, encoding=encoding) as feed:
        await feed.subscribe("*", channels=BOTH)
        async with asyncio.timeout(30):
            async for arrays in feed.arrays():
                assert arrays.instruments[0].symbol == feed.instruments[0].symbol == "ACME"
                assert len(feed.instruments) == 20
                ticks += [tick for message in arrays.messages() for tick in message.data]
                if len(ticks) > 1500:
                    break
            async for tick in feed:
                ticks.append(tick)
                if len(ticks) > 2500:
                    break
        session = feed.session
        assert (session.missed, session.repeated, session.reordered) == (0, 0, 0)
    return {(*key_of(tick), tick.n): tick for tick in ticks}


async def test_the_same_tape_by_all_ways(server: RunningServer) -> None:
    ways = [("json", "ws"), ("packed", "ws"), ("json", "sse"), ("json", "long-poll")]
    found = await asyncio.gather(*(record(server.url, *way) for way in ways))
    shared = set(found[0]).intersection(*found)
    assert len(shared) > 500
    for others in found[1:]:
        assert {key: others[key] for key in shared} == {key: found[0][key] for key in shared}


async def test_packed_batches_are_those_of_the_tape(server: RunningServer) -> None:
    async with connect(server.stream, encoding="packed") as feed:
        await feed.subscribe("ACME", channels=BOTH)
        await feed.subscribe("BYTE", channels=["quotes"])
        witness = Witness(feed)
        await witness.read(300)
        await witness.check(server.url)


async def test_packed_frames_survive_cuts_and_moves(server: RunningServer) -> None:
    async with Proxy(server.port) as proxy, connect(proxy.url, encoding="packed") as feed:
        await feed.subscribe("ACME", "BYTE", channels=BOTH)
        witness = Witness(feed)
        for size in (0, 1, 137, 4001):
            await witness.read(20)
            before = proxy.connections
            proxy.cut_after(size)
            async with asyncio.timeout(15):
                while proxy.connections == before:
                    await witness.read_message()
        await feed.switch("sse")
        await witness.read(30)
        await feed.switch("ws")
        await witness.read(30)
        await witness.check(server.url)


async def test_a_hole_in_packed_frames_is_told() -> None:
    gaps: list[Any] = []
    trades = np.array([(1, n, 1, 1, 1, 0) for n in (5, 6, 9)], DTYPES[TRADES])
    async with scripted() as script:
        script.opening = [listing(UNIVERSE)]
        async with connect(script.url, encoding="packed", on_gap=gaps.append) as feed:
            await feed.subscribe("*")
            await script.send(PackedDialect().ticks(3, 1, [(3, {TRADES: trades[:2]})]))
            await script.send(PackedDialect().ticks(4, 1, [(4, {TRADES: trades[2:]})]))
            ticks = feed.__aiter__()
            assert [(await anext(ticks)).n for _ in range(3)] == [5, 6, 9]
        assert [tuple(gap) for gap in gaps] == [("trades", "SYM1", 6, 9)]
        assert feed.session.missed == 2


@pytest.mark.parametrize("listed", [False, True])
async def test_a_frame_that_cannot_be_ends_the_feed_with_a_sentence(listed: bool) -> None:
    frame = PackedDialect().ticks(3, 1, [(3, {TRADES: np.array([(0, 1, 1, 1, 1, 0)], DTYPES[TRADES])})])
    async with scripted() as script:
        script.opening = [listing(UNIVERSE)] if listed else []
        async with connect(script.url, encoding="packed") as feed:
            await feed.subscribe("*")
            await script.send(frame[:-1] if listed else frame)
            with pytest.raises(ConnectionEnded, match=r"does not speak ticker.v1.packed: (the message ends|trades of)"):
                await anext(feed.arrays())


async def test_a_server_that_does_not_pack_is_heard_all_the_same() -> None:
    async with scripted(subprotocols=["ticker.v1.json"]) as script, connect(script.url, encoding="packed") as feed:
        await feed.subscribe("ACME")
        await script.send(ticks(1, 1, 2))
        messages = feed.__aiter__()
        assert [(await anext(messages)).n for _ in range(2)] == [1, 2]


async def test_who_cannot_say_what_is_traded_ends_the_feed() -> None:
    async with scripted() as script, connect(script.url) as feed:
        await feed.subscribe("ACME")
        await script.send(Ticks(seq=1, ts=1, data=[Trade(sym="ACME", n=1, t=1, px=1.0, sz=1, side="buy")]))
        with pytest.raises(ConnectionEnded):
            await anext(feed.arrays())


def test_the_synchronous_face_gives_arrays(server: RunningServer) -> None:
    with connect_sync(server.url, transport="sse") as feed:
        feed.subscribe("ACME", "BYTE", channels=["trades"])
        arrays = feed.arrays()
        first, second = next(arrays), next(arrays)
        assert (first.kind, second.kind) == ("snapshot", "ticks")
        assert {feed.instruments[number].symbol for number in first.rows[TRADES]["instrument"]} <= {"ACME", "BYTE"}
        assert json.dumps(second.prices(TRADES)[0]) == f"{second.prices(TRADES)[0]:.2f}".rstrip("0")
