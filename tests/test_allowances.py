"""Allowances: so many at once, again as many in a period, and no memory without end."""

from hypothesis import given
from hypothesis import strategies as st

from ticker.allowances import KEYS_MAX, Allowance, Allowances


def test_what_was_taken_comes_back_evenly() -> None:
    allowance = Allowance(4, 2.0, 10.0)
    assert [allowance.takes(10.0) for _ in range(5)] == [True] * 4 + [False]
    assert [allowance.takes(10.5) for _ in range(2)] == [True, False]
    assert not allowance.is_whole(12.0)
    assert allowance.is_whole(12.5)
    assert [allowance.takes(99.0) for _ in range(5)] == [True] * 4 + [False]


def test_some_are_taken_together_or_not_at_all() -> None:
    allowance = Allowance(4, 2.0, 0.0)
    assert allowance.takes(0.0, 3)
    assert not allowance.takes(0.0, 2)
    assert allowance.takes(0.0, 1)


@given(st.lists(st.floats(0, 3), max_size=200))
def test_never_are_more_taken_than_a_burst_and_what_came_back(waits_s: list[float]) -> None:
    allowance, now_s, taken = Allowance(5, 1.0, 0.0), 0.0, 0
    for wait_s in waits_s:
        now_s += wait_s
        taken += allowance.takes(now_s)
    assert taken <= 5 + 5 * now_s + 1e-6


def test_each_key_has_its_own() -> None:
    both = Allowances(1, 60.0)
    assert both.takes("a", 0.0) and both.takes("b", 0.0)
    assert not both.takes("a", 1.0)
    assert both.takes("a", 60.0)


def test_whole_ones_are_forgotten_and_a_key_too_many_has_none() -> None:
    many = Allowances(1, 60.0)
    assert all(many.takes(str(number), 0.0) for number in range(KEYS_MAX))
    assert not many.takes("one more", 1.0)
    assert many.takes("one more", 60.0)
    assert len(many._by_key) == 1
