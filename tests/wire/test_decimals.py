"""Printed decimals against the decimal module."""

import sys
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from ticker.wire import decimals
from ticker.wire.decimals import Decimals

counts = st.integers(-(2**63), 2**63 - 1) | st.integers(-1000, 1000)
places = st.integers(0, 12)


@given(counts, places, st.integers(1, 10**6))
@settings(deadline=None, max_examples=500)
def test_a_text_is_the_exact_product(count: int, decimals: int, unit: int) -> None:
    text = Decimals(decimals, unit)[count]
    assert Decimal(text) == Decimal(count * unit).scaleb(-decimals)
    assert "e" not in text.lower()


@given(counts, places, st.integers(1, 10**6))
@settings(deadline=None)
def test_a_text_has_all_its_decimals_and_no_zeros_before(count: int, decimals: int, unit: int) -> None:
    whole, _, part = Decimals(decimals, unit)[count].partition(".")
    assert len(part) == decimals
    assert str(int(whole)) == whole.replace("-0", "0")


@given(st.lists(st.integers(-5, 5)))
@settings(deadline=None)
def test_a_text_that_is_remembered_is_the_same(asked: list[int]) -> None:
    table = Decimals(2)
    assert [table[count] for count in asked] == [Decimals(2)[count] for count in asked]


def test_some_texts() -> None:
    assert Decimals(2, 5)[37] == "1.85"
    assert [Decimals(2)[count] for count in (0, 5, 100, -5, -105, 18_732)] == [
        *["0.00", "0.05", "1.00", "-0.05", "-1.05", "187.32"]
    ]
    assert [Decimals(0)[count] for count in (0, 7, -7)] == ["0", "7", "-7"]
    assert Decimals(8)[1] == "0.00000001"


def test_a_table_does_not_grow_for_ever() -> None:
    table = Decimals(2)
    before = sys.getsizeof(table)
    for count in range(3 * decimals.KEPT_MAX):
        assert table[count].endswith(f"{count % 100:02d}")
        assert len(table) <= decimals.KEPT_MAX
    assert before < sys.getsizeof(table) < 100 * decimals.KEPT_MAX
