"""The books of a feed: what the user sees of them, and what becomes of one that turns out wrong."""

import asyncio
from collections.abc import Callable
from zlib import crc32

import msgspec
import numpy as np
import pytest

from conftest import RunningServer
from scripted import Scripted, scripted
from tcp_proxy import Proxy
from ticker.dialects.packed import PackedDialect, listing
from ticker.instruments import Instrument, Universe
from ticker.session import messages as say
from ticker.session.requests import SnapshotAnswer
from ticker.ticks import ASK, BID, BOOK, DTYPES, NO_CRC, Rows
from ticker_client import Book, ConnectionEnded, Feed, OrderBook, PriceLevel, connect, connect_sync
from ticker_client.transports import CONFLATED
from witness import DEEP, fetch, opened

UNIVERSE = Universe([Instrument("ACME", "", "", 2, 5, 1, 1), Instrument("BYTE", "", "", 2, 1, 1, 1)])
WAYS = [("ws", "json"), ("ws", "packed"), ("sse", "json"), ("long-poll", "json"), ("short-poll", "json")]
PACED_WAYS = [(*way, pace) for pace in ("every", "latest") for way in WAYS if pace == "every" or way[0] in CONFLATED]


def crc_of(asks: list[tuple[int, int]], bids: list[tuple[int, int]]) -> int:
    padded = [[*side, *[(0, 0)] * (10 - len(side))] for side in (asks, bids)]
    return crc32("".join(f"{price:08x}{size:08x}" for side in padded for price, size in side).encode())


def rows(*of: tuple[int, ...]) -> Rows:
    """Return rows of ACME: n, side, price, size, crc, fresh."""
    return np.array([(0, n, n, side, price, size, crc, fresh) for n, side, price, size, crc, fresh in of], DTYPES[BOOK])


IMAGE = rows((7, ASK, 37, 300, NO_CRC, 1), (7, BID, 36, 200, crc_of([(37, 300)], [(36, 200)]), 0))
RIGHT = rows((8, BID, 35, 100, crc_of([(37, 300)], [(36, 200), (35, 100)]), 0))
WRONG = rows((8, BID, 35, 999, crc_of([(37, 300)], [(36, 200), (35, 100)]), 0))


def shown(seq: int, found: Rows) -> bytes:
    return PackedDialect().snapshot(seq, BOOK, found)


def told(seq: int, found: Rows) -> bytes:
    return PackedDialect().ticks(seq, seq, [(seq, {BOOK: found})])


async def subscribed(script: Scripted, feed: Feed) -> None:
    """Have the feed be shown the book of ACME."""
    await feed.subscribe("ACME", channels=[BOOK])
    await script.send(shown(7, IMAGE))
    await script.until(lambda: feed.book("ACME") is not None)


def said(script: Scripted) -> list[str]:
    """Return what was said about subscriptions."""
    return [type(message).__name__ for message in script.heard[-1] if hasattr(message, "channels")]


async def test_a_book_is_in_money_and_proved() -> None:
    async with scripted() as script:
        script.opening = [listing(UNIVERSE)]
        async with connect(script.url, encoding="packed") as feed:
            assert feed.book("ACME") is None
            await subscribed(script, feed)
            before = feed.book("ACME")
            await script.send(told(8, RIGHT))
            await script.until(lambda: feed.session.books.passed == 2)
            book = feed.book("ACME")
            assert before is not None and book is not None
            assert (before.n, before.bids) == (7, ((1.8, 200),)), "a picture does not change"
            assert (book.symbol, book.n, book.t, book.verified) == ("ACME", 8, 8, True)
            assert book.bids == (PriceLevel(1.8, 200), PriceLevel(1.75, 100)) and book.asks == ((1.85, 300),)
            assert (book.best_bid, book.best_ask) == ((1.8, 200), (1.85, 300))
            assert book.spread == pytest.approx(0.05)
            assert feed.book("BYTE") is feed.book("NONE") is None


async def test_a_book_without_levels_has_no_best_ones() -> None:
    async with scripted() as script:
        script.opening = [listing(UNIVERSE)]
        async with connect(script.url, encoding="packed") as feed:
            await feed.subscribe("ACME", channels=[BOOK])
            await script.send(shown(9, rows((9, BID, 36, 0, crc_of([], []), 1))))
            await script.until(lambda: feed.session.books.passed == 1)
            book = feed.book("ACME")
            assert book is not None
            assert (book.bids, book.asks, book.best_bid, book.best_ask, book.spread) == ((), (), None, None, None)


@pytest.mark.parametrize("bad", [WRONG, rows((9, BID, 35, 1, NO_CRC, 0))], ids=["checksum", "hole"])
async def test_a_wrong_book_is_told_and_asked_for_anew_once(bad: Rows) -> None:
    told_bad: list[str] = []
    async with scripted() as script:
        script.opening = [listing(UNIVERSE)]
        async with connect(script.url, encoding="packed", on_bad_book=told_bad.append) as feed:
            await subscribed(script, feed)
            await script.send(told(8, bad))
            await script.until(lambda: said(script) == ["Subscribe", "Unsubscribe", "Subscribe"])
            assert [message.symbols for message in script.heard[-1] if hasattr(message, "channels")] == [["ACME"]] * 3
            assert (told_bad, feed.session.books.failed + feed.session.books.holes) == (["ACME"], 1)
            await feed.ping()
            await script.send(shown(7, IMAGE), told(8, RIGHT))
            await script.until(lambda: feed.session.books.passed == 3)
            book = feed.book("ACME")
            assert book is not None and book.verified and book.n == 8
            await script.send(told(9, WRONG_AGAIN))
            await script.until(lambda: feed.session.books.failed + feed.session.books.holes == 2)
            book = feed.book("ACME")
            assert book is not None and not book.verified
            await feed.ping()
            assert said(script) == ["Subscribe", "Unsubscribe", "Subscribe"], "that has been tried"
            assert told_bad == ["ACME"]


WRONG_AGAIN = rows((9, BID, 35, 0, 1, 0))


async def test_a_break_while_a_book_is_asked_for_anew_loses_no_subscription() -> None:
    async with scripted() as script:
        script.opening = [listing(UNIVERSE)]
        async with connect(script.url, encoding="packed") as feed:
            await subscribed(script, feed)
            script.mute = say.Subscribe  # the answer never comes
            await script.send(told(8, WRONG))
            await script.until(lambda: said(script) == ["Subscribe", "Unsubscribe", "Subscribe"])
            script.mute = None
            await script.hang_up()
            await script.until(lambda: len(script.heard) == 2 and said(script) == ["Subscribe"])
            await script.send(shown(7, IMAGE))
            await script.until(lambda: feed.session.books.passed == 2)
            assert feed.session.subscriptions == {BOOK: ["ACME"]}


async def test_a_callback_that_fails_ends_the_feed() -> None:
    def fail(symbol: str) -> None:
        raise RuntimeError(symbol)

    async with scripted() as script:
        script.opening = [listing(UNIVERSE)]
        async with connect(script.url, encoding="packed", on_bad_book=fail) as feed:
            await subscribed(script, feed)
            await script.send(told(8, WRONG))
            with pytest.raises(ConnectionEnded, match=r"on_bad_book failed: RuntimeError\('ACME'\)"):
                async for _ in feed:
                    pass


async def test_books_that_are_not_wanted_are_not_kept() -> None:
    async with scripted() as script:
        script.opening = [listing(UNIVERSE)]
        async with connect(script.url, encoding="packed", books=False) as feed:
            await feed.subscribe("ACME", channels=[BOOK])
            await script.send(shown(7, IMAGE), told(8, WRONG))
            messages = feed.arrays()
            assert [(await anext(messages)).size for _ in range(2)] == [2, 1]
            assert feed.book("ACME") is None
            assert (feed.session.books.passed, feed.session.books.failed) == (0, 0)


# Against a server.


@pytest.fixture(scope="module")
def server(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker(*DEEP)


def fetched(url: str, symbol: str) -> OrderBook:
    """Return the server's own book of a symbol."""
    found = msgspec.json.decode(fetch(url, f"/v1/snapshot?symbols={symbol}&channels=book"), type=SnapshotAnswer).data
    levels = [tick for tick in found if isinstance(tick, Book) and tick.sz]
    bids, asks = (
        tuple(PriceLevel(tick.px, tick.sz) for tick in levels if tick.side == side) for side in ("bid", "ask")
    )
    return OrderBook(symbol, found[-1].n, found[-1].t, bids, asks, verified=True)


@pytest.mark.parametrize(("transport", "encoding", "pace"), PACED_WAYS)
async def test_a_book_is_the_servers_at_the_same_position(
    server: RunningServer, transport: str, encoding: str, pace: str
) -> None:
    async with opened(server.url, transport, encoding=encoding) as feed:
        rate_hz = 100.0 if pace == "latest" else None
        await feed.subscribe("*", channels=[BOOK], pace=pace, rate_hz=rate_hz)
        had: dict[tuple[str, int], OrderBook] = {}
        asked = [asyncio.create_task(asyncio.to_thread(fetched, server.url, symbol)) for symbol in ("ACME", "BYTE")]
        compared = 0
        async with asyncio.timeout(20):
            async for batch in feed.batches():
                for symbol in {tick.sym for tick in batch.data}:
                    book = feed.book(symbol)
                    assert book is not None
                    had[symbol, book.n] = book
                for place, task in enumerate(asked):
                    if task.done() and (theirs := task.result()).n <= max(n for s, n in had if s == theirs.symbol):
                        ours = had.get((theirs.symbol, theirs.n))
                        if ours is not None:  # several messages may have come at once, or been merged
                            assert ours == theirs
                            compared += 1
                        asked[place] = asyncio.create_task(asyncio.to_thread(fetched, server.url, theirs.symbol))
                if compared >= 10:
                    break
        await asyncio.gather(*asked)
        books = feed.session.books
        assert books.passed > 20 and (books.failed, books.holes) == (0, 0)


async def test_a_book_goes_on_over_cuts_and_moves(server: RunningServer) -> None:
    async with Proxy(server.port) as proxy, connect(proxy.url, encoding="packed") as feed:
        await feed.subscribe("*", channels=[BOOK, "trades"])
        batches = feed.batches()
        for transport in ("sse", "ws", "long-poll", "ws"):
            before = proxy.connections
            proxy.cut_after(137)
            async with asyncio.timeout(15):
                while proxy.connections == before:
                    await anext(batches)
            await feed.switch(transport)
            passed = feed.session.books.passed
            async with asyncio.timeout(15):
                while feed.session.books.passed < passed + 30:
                    await anext(batches)
        session = feed.session
        assert (session.books.failed, session.books.holes, session.missed, session.repeated) == (0, 0, 0, 0)


async def test_a_book_is_forgotten_when_it_is_unsubscribed(server: RunningServer) -> None:
    async with connect(server.stream) as feed:
        await feed.subscribe("ACME", "BYTE", channels=[BOOK])
        assert feed.book("ACME") is not None and feed.book("BYTE") is not None
        await feed.unsubscribe("BYTE", channels=[BOOK])
        assert feed.book("ACME") is not None and feed.book("BYTE") is None


def test_the_synchronous_face_has_books(server: RunningServer) -> None:
    with connect_sync(server.stream) as feed:
        feed.subscribe("ACME", channels=[BOOK])
        ticks = iter(feed)
        while (book := feed.book("ACME")) is None:
            next(ticks)
        assert book.verified and book.best_bid and book.best_ask and book.best_bid.price < book.best_ask.price


async def test_another_tape_has_other_books(serve_ticker: Callable[..., RunningServer]) -> None:
    first = serve_ticker(*DEEP, "--seed", "1")
    async with connect(first.stream) as feed:
        await feed.subscribe("*", channels=[BOOK])
        first.stop()
        serve_ticker("--seed", "2", "--instruments", "30", "--port", str(first.port))
        async with asyncio.timeout(20):
            async for _ in feed:
                books = feed.session.books
                if feed.session.restarts and len({s for s in books.grids if books.find(s)}) == 30:
                    break
        assert (books.failed, books.holes) == (0, 0)
