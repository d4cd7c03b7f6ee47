"""The published book against plain dicts, and its checksum against zlib."""

import zlib
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticker.market.depth import Depth, levels_of
from ticker.ticks import ASK, BID, BOOK, EMPTY, LEVELS, NO_CRC, Rows

INSTRUMENTS = 4
Side = dict[int, int]
"""Size by price."""


class Book(NamedTuple):
    """One instrument's."""

    asks: Side
    bids: Side


def checksum(book: Book) -> int:
    """Return the sum of the text as the protocol describes it."""
    asks, bids = sorted(book.asks.items()), sorted(book.bids.items(), reverse=True)
    text = ""
    for levels in (asks, bids):
        padded = [*levels, *[(0, 0)] * (LEVELS - len(levels))]
        text += "".join(f"{price:08x}{size:08x}" for price, size in padded)
    assert len(text) == 320
    return zlib.crc32(text.encode())


def columns(sides: list[Side], *, best_is_high: bool) -> tuple[np.ndarray, np.ndarray]:
    ticks, sizes = np.zeros((2, len(sides), LEVELS), np.int64)
    for place, side in enumerate(sides):
        for level, (price, size) in enumerate(sorted(side.items(), reverse=best_is_high)):
            ticks[place, level], sizes[place, level] = price, size
    return ticks, sizes


def publish(depth: Depth, books: dict[int, Book], t: int = 5) -> Rows:
    who = sorted(books)
    bids = columns([books[index].bids for index in who], best_is_high=True)
    asks = columns([books[index].asks for index in who], best_is_high=False)
    return depth.rows(np.array(who, np.intp), levels_of(*asks, *bids), np.array([t + index for index in who], np.int64))


prices = st.integers(1, 14) | st.integers(1, 2**31 - 2)
sides = st.dictionaries(prices, st.integers(1, 3) | st.integers(1, 2**32 - 1), max_size=LEVELS)
books = st.dictionaries(st.integers(0, INSTRUMENTS - 1), st.builds(Book, sides, sides))


def expected(index: int, before: Book, after: Book, n: int) -> list[tuple[int, ...]]:
    """Return an instrument's rows: instrument, n, side, price, size."""
    pairs = [(ASK, before.asks, after.asks), (BID, before.bids, after.bids)]
    orders = [(side, old, new, side == BID) for side, old, new in pairs]
    gone = [
        (side, price, 0) for side, old, new, high in orders for price in sorted(old, reverse=high) if price not in new
    ]
    new_ones = [
        (side, price, new[price])
        for side, old, new, high in orders
        for price in sorted(new, reverse=high)
        if old.get(price) != new[price]
    ]
    return [(index, n + place, *row) for place, row in enumerate(gone + new_ones, 1)]


@given(st.lists(books, max_size=8), st.integers(0, 8))
@settings(deadline=None, max_examples=300)
def test_what_changed_is_said_and_nothing_else(steps: list[dict[int, Book]], saved: int) -> None:
    depth = Depth(INSTRUMENTS)
    standing = dict.fromkeys(range(INSTRUMENTS), Book({}, {}))
    n = dict.fromkeys(range(INSTRUMENTS), 0)
    for number, step in enumerate(steps):
        if number == saved:
            state, depth = depth.state(), Depth(INSTRUMENTS)
            depth.restore(state)
        rows = publish(depth, step, t=100 * number)
        told = []
        for index in sorted(step):
            own = expected(index, standing[index], step[index], n[index])
            told += own
            n[index] += len(own)
            standing[index] = step[index]
            last = [NO_CRC] * (len(own) - 1) + [checksum(step[index])] * bool(own)
            assert rows["crc"][rows["instrument"] == index].tolist() == last
        assert rows[["instrument", "n", "side", "price_ticks", "size"]].tolist() == told
        assert (rows["t"] == 100 * number + rows["instrument"]).all()
        assert not rows["fresh"].any()


def test_levels_pushed_out_by_better_ones_are_deleted() -> None:
    depth = Depth(1)
    publish(depth, {0: Book({100 + place: 5 for place in range(LEVELS)}, {})})
    rows = publish(depth, {0: Book({99 + place: 5 for place in range(LEVELS)}, {})})
    assert rows[["side", "price_ticks", "size"]].tolist() == [(ASK, 109, 0), (ASK, 99, 5)]


def test_nothing_new_is_no_rows() -> None:
    depth = Depth(2)
    book = {1: Book({5: 1}, {4: 1})}
    assert len(publish(depth, book)) == 2
    assert publish(depth, book) is EMPTY[BOOK]
    assert publish(depth, {}) is EMPTY[BOOK]


def test_what_is_saved_does_not_change_afterwards() -> None:
    depth = Depth(1)
    publish(depth, {0: Book({5: 1}, {})})
    state = depth.state()
    publish(depth, {0: Book({5: 2}, {})})
    depth.restore(state)
    assert publish(depth, {0: Book({5: 2}, {})})[["n", "size"]].tolist() == [(2, 2)]


@pytest.mark.parametrize("level", range(LEVELS))
def test_a_size_at_any_level_is_in_the_sum(level: int) -> None:
    asks = {100 + place: 7 for place in range(LEVELS)}
    depth = Depth(1)
    publish(depth, {0: Book(asks, {})})
    changed = {**asks, 100 + level: 8}
    assert publish(depth, {0: Book(changed, {})})["crc"].tolist() == [checksum(Book(changed, {}))]
