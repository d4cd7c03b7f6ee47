"""Books ten levels deep, in both languages: ten thousand times the server's own at the same position."""

import random

import pytest

from deep_market import DeepMarket
from said import welcome
from ticker import universes
from ticker.config import MarketConfig
from ticker.dialects import native
from ticker.dialects.native import NativeDialect
from ticker.dialects.packed import PackedDialect, listing
from ticker.feed.board import Board
from ticker.session.books import Book, Books, Change
from ticker.session.client import ClientSession
from ticker.session.messages import Snapshot, Subscribed, Ticks
from ticker.ticks import BOOK, LEVELS, Rows
from ticker.wire.packed import unpack

INSTRUMENTS = 40
COMPARISONS = 10_000


class Follower:
    """A client's session that keeps books, and hears of one channel in one language."""

    def __init__(self, market: DeepMarket, language: str) -> None:
        self._json = language == "json"
        self._native, self._packed = NativeDialect(market.universe), PackedDialect()
        self.session = ClientSession(None, books=Books())
        self.session.note(welcome())
        self.session.note(listing(market.universe))

    def subscribe(self, seq: int, rows: Rows) -> None:
        """Be granted everything, and shown it."""
        granted = {BOOK: ["*"]}
        self.session.note(
            Subscribed(
                seq=seq,
                channels=[BOOK],
                symbols=["*"],
                pace="every",
                snapshot=True,
                on_lag="skip",
                subscriptions=granted,
            )
        )
        if self._json:
            pieces = b"".join(self._native.render(BOOK, rows))
            message = native.read(self._native.snapshot(seq, BOOK, pieces))
            assert isinstance(message, Snapshot)
            self.session.note(message)
        else:
            self.session.note_shown(seq, unpack(self._packed.snapshot(seq, BOOK, rows)).rows)

    def hear(self, seq: int, rows: Rows) -> None:
        """Be told of a step."""
        if self._json:
            message = native.read(self._native.ticks(seq, seq, b"".join(self._native.render(BOOK, rows))))
            assert isinstance(message, Ticks)
            self.session.note(message)
        else:
            self.session.note_rows(seq, unpack(self._packed.ticks(seq, seq, [(seq, {BOOK: rows})])).rows)


def images(rows: Rows) -> dict[int, Book]:
    """Return the books that the rows of a snapshot show, by instrument."""
    books: dict[int, Book] = {}
    for number, *fields in rows[["instrument", *Change._fields]].tolist():
        books.setdefault(number, Book()).take(Change(*fields))
    return books


@pytest.mark.parametrize("language", ["json", "packed"])
def test_a_book_from_a_snapshot_and_changes_is_the_servers(language: str) -> None:
    config = MarketConfig(instruments=INSTRUMENTS, seed=5)
    market = DeepMarket(config, universes.load(config))
    board, chance, everything = Board(INSTRUMENTS), random.Random(5), list(range(INSTRUMENTS))
    symbols = [instrument.symbol for instrument in market.universe]
    follower, compared, deepest = Follower(market, language), 0, 0
    begins = chance.randrange(1, 20)
    books = follower.session.books
    while compared < COMPARISONS:
        batch = market.step()
        board.update(batch)
        if batch.seq == begins:
            follower.subscribe(batch.seq, board.newest(BOOK, everything))
        elif batch.seq > begins and len(batch.rows[BOOK]):
            follower.hear(batch.seq, batch.rows[BOOK])
            for number, theirs in images(board.newest(BOOK, everything)).items():
                ours = books.find(symbols[number])
                assert ours is not None and ours.verified
                assert (ours.n, ours.t, ours.bids, ours.asks) == (theirs.n, theirs.t, theirs.bids, theirs.asks)
                assert ours.checksum() == theirs.checksum() and theirs.verified
                compared += 1
                deepest = max(deepest, len(ours.bids), len(ours.asks))
    assert deepest == LEVELS
    assert (books.failed, books.holes) == (0, 0) and books.passed > COMPARISONS / 10
    assert (follower.session.missed, follower.session.repeated) == (0, 0)
