"""A client's books: what rows make of them, against a dictionary, and the proof by checksum."""

from zlib import crc32

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticker.session.books import PROOFS_TO_ASK_AGAIN, Book, Books, Change, Level, Verdict, checksum
from ticker.session.kinds import Book as BookTick
from ticker.session.messages import Listing
from ticker.ticks import ASK, BID, DTYPES, LEVELS, NO_CRC, Rows
from ticker.ticks import BOOK as CHANNEL

Sides = dict[int, dict[int, int]]
LISTING = Listing(symbols=["ACME", "BYTE"], tick_sizes=[0.05, 0.01], decimals=[2, 2])
EMPTY_CRC = crc32(b"0" * 320)


def printed(sides: Sides) -> bytes:
    """Return the text whose checksum proves a book, as the documents have it."""
    asks, bids = sorted(sides[ASK].items()), sorted(sides[BID].items(), reverse=True)
    padded = [[*side[:LEVELS], *[(0, 0)] * (LEVELS - len(side))] for side in (asks, bids)]
    return "".join(f"{price:08x}{size:08x}" for side in padded for price, size in side).encode()


class Server:
    """A book as a server has it, and the rows that tell of it."""

    def __init__(self) -> None:
        self.sides: Sides = {BID: {}, ASK: {}}
        self.n = 0

    def step(self, changes: list[tuple[int, int, int]]) -> list[Change]:
        """Set levels (side, price, size); return the rows of the step."""
        rows: list[Change] = []
        for side, price, size in changes:
            levels = self.sides[side]
            if size:
                levels[price] = size
            else:
                levels.pop(price, None)
            self.n += 1
            rows.append(Change(self.n, self.n, side, price, size, NO_CRC, 0))
            if len(levels) > LEVELS:
                worst = max(levels) if side == ASK else min(levels)
                del levels[worst]
                self.n += 1
                rows.append(Change(self.n, self.n, side, worst, 0, NO_CRC, 0))
        return [*rows[:-1], rows[-1]._replace(crc=self.crc)]

    def image(self) -> list[Change]:
        """Return the rows of a snapshot."""
        levels = [(ASK, *level) for level in sorted(self.sides[ASK].items())]
        levels += [(BID, *level) for level in sorted(self.sides[BID].items(), reverse=True)]
        rows = [Change(self.n, self.n, *level, NO_CRC, 0) for level in levels or [(BID, 1, 0)]]
        rows[-1] = rows[-1]._replace(crc=self.crc)
        return [rows[0]._replace(fresh=1), *rows[1:]]

    @property
    def crc(self) -> int:
        return crc32(printed(self.sides))


def as_sides(book: Book) -> Sides:
    return {BID: dict(book.bids), ASK: dict(book.asks)}


levels = st.tuples(st.sampled_from([BID, ASK]), st.integers(1, 2**32 - 1) | st.integers(1, 14), st.integers(0, 3))
steps = st.lists(st.lists(levels, min_size=1, max_size=30), min_size=1, max_size=8)


@given(steps)
def test_a_book_is_the_servers_after_every_step(changes: list[list[tuple[int, int, int]]]) -> None:
    server, book = Server(), Book()
    for step in changes:
        told = [book.take(change) for change in server.step(step)]
        assert told == [*[Verdict.NOTHING] * (len(told) - 1), Verdict.PROVED]
        assert as_sides(book) == server.sides
        assert (book.n, book.verified, book.whole, book.checksum()) == (server.n, True, True, server.crc)
        assert book.best_bid == (book.bids[0] if book.bids else None)
        assert book.best_ask == (book.asks[0] if book.asks else None)
        assert book.bids == sorted(book.bids, reverse=True) and book.asks == sorted(book.asks)


@given(steps, steps, st.integers(0, 5))
def test_a_book_goes_on_from_a_snapshot_and_takes_nothing_twice(
    before: list[list[tuple[int, int, int]]], after: list[list[tuple[int, int, int]]], again: int
) -> None:
    server, book = Server(), Book()
    past = [change for step in before for change in server.step(step)]
    for change in server.image():
        book.take(change)
    assert (as_sides(book), book.verified) == (server.sides, True)
    for change in past[-again:] if again else []:
        assert book.take(change) is Verdict.NOTHING, "it is in the snapshot"
    for step in after:
        assert [book.take(change) for change in server.step(step)][-1] is Verdict.PROVED
    older, newest = server.image(), as_sides(book)
    for change in older:
        book.take(change._replace(n=server.n - 1))
    assert (as_sides(book), book.n) == (newest, server.n), "a snapshot from before is none"


@given(steps.filter(lambda changes: sum(map(len, changes)) > 1), st.data())
def test_a_row_that_is_missing_is_noticed(changes: list[list[tuple[int, int, int]]], data: st.DataObject) -> None:
    server, book = Server(), Book()
    rows = [change for step in changes for change in server.step(step)]
    missing = data.draw(st.integers(0, len(rows) - 2))
    told = [book.take(change) for change in [*rows[:missing], *rows[missing + 1 :]]]
    assert told[missing] is Verdict.HOLE
    assert set(told[missing + 1 :]) <= {Verdict.NOTHING}, "it is said once"
    assert not book.whole and not book.verified
    assert book.take(server.image()[0]) is not Verdict.HOLE
    for change in server.image():
        book.take(change)
    assert book.verified and as_sides(book) == server.sides


@given(steps, st.integers(1, 100), st.data())
def test_a_row_that_is_not_the_servers_is_noticed(
    changes: list[list[tuple[int, int, int]]], more: int, data: st.DataObject
) -> None:
    server, book = Server(), Book()
    rows = [change for step in changes for change in server.step(step)]
    end = data.draw(st.sampled_from([place for place, change in enumerate(rows) if change.crc != NO_CRC]))
    rows[end] = rows[end]._replace(size=rows[end].size + more)
    told = [book.take(change) for change in rows]
    assert told[end] is Verdict.WRONG and not book.verified
    assert set(told[:end]) <= {Verdict.NOTHING, Verdict.PROVED} and set(told[end + 1 :]) <= {Verdict.NOTHING}


def test_the_checksum_is_that_of_the_documented_text() -> None:
    assert checksum([], []) == EMPTY_CRC
    text = b"000049280000012c" + b"0" * 144 + b"00004927000000c8" + b"0" * 144
    assert checksum([Level(0x4928, 300)], [Level(0x4927, 200)]) == crc32(text)
    assert checksum([Level(2**32, 1)], []) == checksum([Level(-1, 1)], []) == NO_CRC
    many = [Level(price, 1) for price in range(1, 13)]
    assert checksum(many, []) == checksum(many[:10], []) != checksum(many[:9], [])


def test_an_image_of_an_empty_book() -> None:
    book = Book()
    assert book.take(Change(1, 1, BID, 5, 7, NO_CRC, 0)) is Verdict.NOTHING
    assert book.take(Change(9, 9, BID, 5, 0, EMPTY_CRC, 1)) is Verdict.PROVED
    assert (book.n, book.bids, book.asks, book.best_bid) == (9, [], [], None)


# All of them.


def as_rows(instrument: int, changes: list[Change]) -> Rows:
    rows = np.empty(len(changes), DTYPES[CHANNEL])
    rows["instrument"] = instrument
    for name in Change._fields:
        rows[name] = [getattr(change, name) for change in changes]
    return rows


def as_ticks(symbol: str, changes: list[Change], tick_size: float) -> list[BookTick]:
    return [
        BookTick(
            sym=symbol,
            n=change.n,
            t=change.t,
            side="ask" if change.side == ASK else "bid",
            px=round(change.price_ticks * tick_size, 2),
            sz=change.size,
            **({} if change.crc == NO_CRC else {"crc": change.crc}),
            **({"fresh": True} if change.fresh else {}),
        )
        for change in changes
    ]


def taught() -> Books:
    books = Books()
    books.learn(LISTING)
    return books


def wrong(n: int) -> list[Change]:
    return [Change(n, n, BID, 5, 7, EMPTY_CRC, 1)]


@given(steps)
def test_rows_and_ticks_make_the_same_books(changes: list[list[tuple[int, int, int]]]) -> None:
    server, by_rows, by_ticks = Server(), taught(), taught()
    for step in changes:
        told = server.step(step)
        by_rows.take_rows(as_rows(0, told))
        by_ticks.take(as_ticks("ACME", told, 0.05))
    for books in (by_rows, by_ticks):
        book = books.find("ACME")
        assert book is not None and as_sides(book) == server.sides
        assert (books.passed, books.failed, books.holes, books.to_ask_anew()) == (len(changes), 0, 0, [])
        assert books.find("BYTE") is None


def test_a_price_lies_on_its_grid() -> None:
    books = taught()
    assert [books.grids[symbol].money(37) for symbol in LISTING.symbols] == [1.85, 0.37]
    assert [books.grids[symbol].ticks(1.85) for symbol in LISTING.symbols] == [37, 185]


def test_a_wrong_book_is_asked_for_anew_once_until_it_has_proved_itself() -> None:
    books = taught()
    books.take_rows(as_rows(1, wrong(1)))
    assert (books.failed, books.to_ask_anew(), books.to_ask_anew()) == (1, ["BYTE"], [])
    books.keep({"ACME"})
    books.take_rows(as_rows(1, wrong(2)))
    assert (books.failed, books.to_ask_anew()) == (2, []), "it did not help"
    server = Server()
    for n in range(PROOFS_TO_ASK_AGAIN):
        assert books.to_ask_anew() == []
        server.step([(BID, 5, n + 1)])
        books.take_rows(as_rows(1, [change._replace(n=n + 3) for change in server.image()]))
    books.take_rows(as_rows(1, wrong(500)))
    assert (books.failed, books.to_ask_anew()) == (3, ["BYTE"])
    assert books.passed == PROOFS_TO_ASK_AGAIN


def test_a_hole_is_counted_and_asked_about() -> None:
    books = taught()
    rows = Server().step([(BID, price, 1) for price in range(1, 6)])
    books.take_rows(as_rows(0, [*rows[:2], *rows[3:]]))
    assert (books.holes, books.failed, books.passed, books.to_ask_anew()) == (1, 0, 0, ["ACME"])


def test_what_is_kept_and_what_is_cleared() -> None:
    books = taught()
    for number in (0, 1):
        books.take_rows(as_rows(number, wrong(1)))
    books.keep({"BYTE"})
    assert books.find("ACME") is None and books.find("BYTE") is not None
    assert books.to_ask_anew() == ["BYTE"]
    books.clear()
    assert books.find("BYTE") is None
    books.take_rows(as_rows(1, wrong(1)))
    assert books.to_ask_anew() == ["BYTE"], "on another tape it is another book"


def test_ticks_whose_grid_nobody_has_told_are_asked_about() -> None:
    books = Books()
    books.take(as_ticks("ACME", Server().step([(BID, 1, 1)]), 0.05))
    assert (books.failed, books.to_ask_anew()) == (0, ["ACME"])
    books.learn(LISTING)
    server = Server()
    for rows in (server.step([(BID, 1, 1)]), server.step([(BID, 2, 1)])):
        books.take(as_ticks("ACME", rows, 0.05))
    assert (books.passed, books.holes, books.to_ask_anew()) == (0, 0, []), "until it begins anew"
    books.take(as_ticks("ACME", server.image(), 0.05))
    assert books.passed == 1


def test_a_number_that_nobody_listed_is_an_error() -> None:
    with pytest.raises(IndexError):
        taught().take_rows(as_rows(2, wrong(1)))
