"""Books made of changes, against the market's own and against a reader that only sets and deletes."""

import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticker.feed import books as module
from ticker.feed.board import Board
from ticker.market.depth import Depth, levels_of
from ticker.ticks import ASK, BID, BOOK, DTYPES, EMPTY, LEVELS, NO_CRC, Batch, Rows

INSTRUMENTS = 3
Levels = dict[tuple[int, int, int], int]
"""Size by instrument, side and price."""
Image = list[tuple[int, ...]]

prices = st.lists(st.integers(1, 15), unique=True, max_size=LEVELS)
sizes = st.integers(1, 3) | st.just(2**32 - 1)
steps = st.lists(
    st.dictionaries(st.integers(0, INSTRUMENTS - 1), st.tuples(prices, prices, sizes), max_size=INSTRUMENTS),
    max_size=12,
)


def side(found: list[list[int]], size: int, *, bids: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return prices and sizes as the market hands them to its depth; bids lie above all asks, which is no matter."""
    ticks, amounts = np.zeros((2, len(found), LEVELS), np.int64)
    for place, one in enumerate(found):
        for level, price in enumerate(sorted(one, reverse=bids)):
            ticks[place, level], amounts[place, level] = price, size + level
    return ticks, np.minimum(amounts, 2**32 - 1)


def publish(depth: Depth, seq: int, step: dict[int, tuple[list[int], list[int], int]]) -> Batch:
    who = sorted(step)
    bids = side([step[one][0] for one in who], max([step[one][2] for one in who], default=1), bids=True)
    asks = side([step[one][1] for one in who], max([step[one][2] for one in who], default=1), bids=False)
    rows = depth.rows(np.array(who, np.intp), levels_of(*asks, *bids), np.full(len(who), 10 * seq, np.int64))
    return Batch(seq, 10 * seq, EMPTY | {BOOK: rows})


def follow(levels: Levels, rows: Rows) -> None:
    """Set and delete."""
    for who, on, price, size in rows[["instrument", "side", "price_ticks", "size"]].tolist():
        levels.pop((who, on, price), None)
        if size:
            levels[who, on, price] = size


def image_of(levels: Levels, last: dict[int, tuple[int, ...]]) -> Image:
    """Return what a snapshot is to show: asks, then bids, best first; the newest row where all is gone."""
    image: Image = []
    for who, (_, n, t, on, price, _, crc, _) in sorted(last.items()):
        asks = sorted((key[2], size) for key, size in levels.items() if key[:2] == (who, ASK))
        bids = sorted(((key[2], size) for key, size in levels.items() if key[:2] == (who, BID)), reverse=True)
        shown = [*[(ASK, *level) for level in asks], *[(BID, *level) for level in bids]] or [(on, price, 0)]
        image += [
            (who, n, t, *level, crc if place == len(shown) - 1 else NO_CRC, int(place == 0))
            for place, level in enumerate(shown)
        ]
    return image


@pytest.mark.parametrize("noted_max", [0, 5, 10**6])
@given(steps, st.sets(st.integers(1, 12)))
@settings(deadline=None, max_examples=150)
def test_a_snapshot_is_what_a_reader_of_changes_has(
    noted_max: int, found: list[dict[int, tuple[list[int], list[int], int]]], asked: set[int]
) -> None:
    before, module.NOTED_MAX = module.NOTED_MAX, noted_max
    try:
        compare(found, asked)
    finally:
        module.NOTED_MAX = before


def compare(found: list[dict[int, tuple[list[int], list[int], int]]], asked: set[int]) -> None:
    depth, board, levels, last = Depth(INSTRUMENTS), Board(INSTRUMENTS), Levels(), dict[int, tuple[int, ...]]()
    for seq, step in enumerate(found, 1):
        batch = publish(depth, seq, step)
        board.update(batch)
        board.settle()
        follow(levels, batch.rows[BOOK])
        last |= {row[0]: row for row in batch.rows[BOOK].tolist()}
        if seq in asked or seq == len(found):
            assert board.newest(BOOK, list(range(INSTRUMENTS))).tolist() == image_of(levels, last)
            shown = {who: row for who, row in last.items() if who != 1}
            assert board.newest(BOOK, [0, 2]).tolist() == image_of(levels, shown)
            assert board.counts(BOOK).tolist() == [last.get(who, (0, 0))[1] for who in range(INSTRUMENTS)]


def test_what_was_noted_is_not_held_on_to() -> None:
    books = module.Books(INSTRUMENTS)
    rows = np.ones(module.NOTED_MAX + 1, DTYPES[BOOK])
    held = weakref.ref(rows)
    books.note(rows)
    del rows
    assert held() is not None
    books.settle()
    assert held() is None


def test_an_empty_book_that_was_none_is_one_row() -> None:
    depth, board = Depth(INSTRUMENTS), Board(INSTRUMENTS)
    board.update(publish(depth, 1, {1: ([5], [], 4)}))
    board.update(publish(depth, 2, {1: ([], [], 1)}))
    [(who, n, t, on, price, size, crc, fresh)] = board.newest(BOOK, [0, 1, 2]).tolist()
    assert (who, n, t, on, price, size, fresh) == (1, 2, 20, BID, 5, 0, 1)
    assert crc >= 0


def test_an_image_does_not_change_afterwards() -> None:
    depth, board = Depth(INSTRUMENTS), Board(INSTRUMENTS)
    board.update(publish(depth, 1, {1: ([5], [6], 4)}))
    before = board.newest(BOOK, [1])
    board.update(publish(depth, 2, {1: ([7], [6], 3)}))
    assert before[["side", "price_ticks", "size", "n"]].tolist() == [(ASK, 6, 4, 2), (BID, 5, 4, 2)]
