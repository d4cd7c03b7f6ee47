"""Rows on the disk: in the order of their time however they came, those of one time as they came."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ticker.links.own_data_store import PIECE, Cursor, Store

ROW = np.dtype([("t", "<i8"), ("k", "<i4")])


def filled(blocks: list[list[int]]) -> Store:
    store = Store(ROW)
    number = 0
    for block in blocks:
        rows = np.zeros(len(block), ROW)
        rows["t"], rows["k"] = block, np.arange(number, number + len(block))
        number += len(block)
        store.add(rows)
    store.settle()
    return store


@given(st.lists(st.lists(st.integers(0, 50), max_size=30), max_size=5))
def test_rows_come_in_the_order_of_time_whatever_the_order_they_were_added_in(blocks: list[list[int]]) -> None:
    store = filled(blocks)
    times = [t for block in blocks for t in block]
    expected = sorted((t, number) for number, t in enumerate(times))
    assert store.read(0, 1000).tolist() == expected
    assert store.late == sum(t < max(times[:number]) for number, t in enumerate(times) if number)
    store.close()


@given(st.lists(st.integers(0, 100), max_size=60), st.lists(st.integers(0, 120), max_size=8))
def test_a_cursor_gives_every_row_once(times: list[int], stops: list[int]) -> None:
    store = filled([sorted(times)])
    cursor = Cursor(store)
    found: list[int] = []
    for stop in sorted(stops):
        rows = cursor.upto(stop)["t"].tolist()
        assert all(t <= stop for t in rows)
        found += rows
        assert found == [t for t in sorted(times) if t <= stop]
    store.close()


def test_a_cursor_reads_on_over_many_pieces() -> None:
    count = 2 * PIECE + 7
    store = filled([list(range(count))])
    cursor = Cursor(store)
    assert cursor.ahead(10) == 10
    assert len(cursor.upto(PIECE + 3)) == PIECE + 4
    assert cursor.ahead(0) == PIECE + 4
    assert cursor.upto(count)["t"].tolist() == list(range(PIECE + 4, count))
    assert cursor.ahead(0) is None
    store.close()
