"""The micro block: what passes, what is strict, and that a naive walk fails."""

import numpy as np

from synthetic import naive_walk
from ticker.scorecard.checks import MICRO
from ticker.scorecard.facts import micro_facts
from ticker.scorecard.micro import STRATA, WIDE, judge, micro, stratum_of

REAL = {check.name: float(np.mean(check.real)) for check in MICRO}
NARROW = STRATA[0][0]


def test_there_are_31_checks_and_reality_passes_them_all() -> None:
    assert len(REAL) == 31
    for check in MICRO:
        assert all(check.passes(value) and check.is_real(value) for value in check.real), check.name
        assert check.low <= check.observed[0] and check.observed[1] <= check.high, check.name


def test_reality_meets_the_bar() -> None:
    block = judge([(REAL, WIDE)] * 5, whole_day=True)
    assert (block.passes, block.strict, block.like_with_like, block.bold_failures) == (31, 31, 31, ())
    assert block.meets_bar and block.meets_strict


def test_two_failures_are_allowed_three_are_not_and_a_bold_one_never() -> None:
    plain = [check.name for check in MICRO if not check.bold]
    assert judge([({**REAL, **dict.fromkeys(plain[:2], 999.0)}, WIDE)], whole_day=True).meets_bar
    assert not judge([({**REAL, **dict.fromkeys(plain[:3], 999.0)}, WIDE)], whole_day=True).meets_bar
    bold = judge([({**REAL, "duration CV": 1.0}, WIDE)], whole_day=True)
    assert not bold.meets_bar and bold.bold_failures == ("duration CV",)


def test_a_naive_walk_fails_the_bold_rows() -> None:
    block = micro([naive_walk(seed) for seed in range(8)])
    # Its mid is a martingale by construction: the only bold rows that it passes.
    passed = {"signature, mid 1s/300s", "mid ACF(1) 1 s"}
    assert set(block.bold_failures) == {check.name for check in MICRO if check.bold} - passed
    assert not block.meets_bar and block.passes < 12


def test_the_median_counts_and_the_quantiles_are_shown() -> None:
    found = [({**REAL, "duration CV": value}, WIDE) for value in (1.3, 1.4, 9.0)]
    row = judge(found, whole_day=True).rows[0]
    assert (row.median, row.count, row.passed) == (1.4, 3, True)
    assert (row.q10, row.q90) == (1.3, 9.0)


def test_an_endless_value_is_one_among_others() -> None:
    row = judge([({**REAL, "size tail exponent": value}, WIDE) for value in (2.0, 2.0, np.inf)], whole_day=True).rows[9]
    assert (row.median, row.q10, row.q90, row.passed) == (2.0, 2.0, np.inf, True)


def test_quote_rows_are_compared_with_the_wide_instruments_alone() -> None:
    odd = {**REAL, "spread CV": 0.4, "duration CV": 2.5}
    block = judge([(odd, NARROW), (odd, NARROW), ({**REAL, "duration CV": 2.5}, WIDE)], whole_day=True)
    rows = {row.check.name: row for row in block.rows}
    assert not rows["spread CV"].strict and rows["spread CV"].like
    assert rows["duration CV"].like == rows["duration CV"].strict
    assert block.strata == {NARROW: 2, STRATA[1][0]: 0, WIDE: 1}
    assert block.strict_in(NARROW) == 30 and block.strict_in(STRATA[1][0]) == 0


def test_what_is_not_in_the_data_is_neither_passed_nor_failed() -> None:
    block = judge([({"duration CV": 1.5, "duration ACF(1)": 0.1}, "")], whole_day=True)
    assert (block.known, block.passes, block.bold_failures) == (2, 2, ())
    assert [row.count for row in block.rows[2:]] == [0] * 29


def test_undefined_for_most_instruments_is_a_failure() -> None:
    block = judge([({**REAL, "duration CV": value}, WIDE) for value in (1.5, np.nan, np.nan)], whole_day=True)
    assert block.bold_failures == ("duration CV",)


def test_nothing_at_all_does_not_meet_the_bar() -> None:
    assert not judge([], whole_day=True).meets_bar


def test_part_of_a_day_widens_the_correlations() -> None:
    facts = {**REAL, "corr(|r|, N) 1 min": 0.07}
    assert "corr(|r|, N) 1 min" in judge([(facts, WIDE)], whole_day=True).bold_failures
    assert judge([(facts, WIDE)], whole_day=False).bold_failures == ()


def test_strata_are_by_mean_spread() -> None:
    assert stratum_of(naive_walk(1)) == NARROW
    facts = micro_facts(naive_walk(1))
    assert judge([(facts, NARROW)], whole_day=True).rows[0].strata == {NARROW: facts["duration CV"]}
