"""A budget against a model that counts in quarters of a second."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from ticker.session.budget import Allowance, Budget


@given(
    per_s=st.integers(1, 20),
    burst=st.integers(1, 30),
    start=st.integers(0, 1000),
    pauses=st.lists(st.sampled_from([0, 0, 0, 0, 1, 2, 7, 400]), max_size=200),
)
def test_so_many_at_once_and_so_many_for_long(per_s: int, burst: int, start: int, pauses: list[int]) -> None:
    budget = Budget(Allowance(per_s, burst))
    left, now = Fraction(burst), start
    for pause in pauses:
        now += pause
        left = min(Fraction(burst), left + Fraction(pause * per_s, 4))
        taken = budget.take(now / 4)
        assert taken == (left >= 1)
        left -= taken


def test_a_burst_is_granted_however_long_nothing_was_asked_for() -> None:
    budget = Budget(Allowance(10, 3))
    assert [budget.take(1e6) for _ in range(4)] == [True, True, True, False]
    assert [budget.take(2e6) for _ in range(4)] == [True, True, True, False]


def test_who_asks_too_often_is_granted_no_less() -> None:
    budget = Budget(Allowance(2, 1))
    granted = [budget.take(quarter / 4) for quarter in range(41)]
    assert sum(granted) == 21


def test_less_than_one_a_second() -> None:
    budget = Budget(Allowance(0.25, 1))
    assert [budget.take(second) for second in range(9)] == [second % 4 == 0 for second in range(9)]
