"""A budget against a model that counts in quarters of a second."""

from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from ticker.session.budget import KEYS_MAX, Allowance, Budget, Budgets


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


def test_each_key_has_its_own() -> None:
    both = Budgets(Allowance(1 / 60, 1))
    assert both.take("a", 0.0) and both.take("b", 0.0)
    assert not both.take("a", 1.0)
    assert both.take("a", 60.0)


def test_those_that_earned_all_again_are_forgotten_and_a_key_too_many_has_nothing() -> None:
    many = Budgets(Allowance(1 / 60, 1))
    assert all(many.take(str(number), 0.0) for number in range(KEYS_MAX))
    assert not many.take("one more", 1.0)
    assert many.take("one more", 60.0)
    assert len(many) == 1
