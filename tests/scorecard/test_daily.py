"""The daily block on returns whose statistics are known."""

import numpy as np
import pytest

from ticker.scorecard.daily import (
    DAILY,
    Macro,
    aggregated,
    daily_facts,
    decay_exponent,
    judge_daily,
    leverage,
    macro,
)

DICE = np.random.default_rng(8)
GAUSS = Macro(
    DICE.standard_normal((4032, 12)), DICE.standard_normal(4032), np.full(4032, 1.0), DICE.standard_normal(4032)
)


def a_middle() -> dict[str, float]:
    """Return facts that lie inside every range."""
    middle = {check.name: (check.low + check.high) / 2 for check in DAILY}
    middle |= {"kurtosis 21 d / 1 d": 0.2, "eigenvalues above chance": 3, "yearly corr., max/min": 4}
    return middle


def test_gaussian_noise_has_no_facts_and_fails() -> None:
    facts = daily_facts(GAUSS)
    assert set(facts) == {check.name for check in DAILY}
    assert facts["excess kurtosis, stocks"] == pytest.approx(0, abs=0.2)
    assert facts["ACF(1) of |r|"] == pytest.approx(0, abs=0.03)
    assert facts["leverage, stocks"] == pytest.approx(0, abs=0.03)
    assert facts["kurtosis of r/sqrt(RV)"] == pytest.approx(0, abs=0.3)
    assert facts["eigenvalues above chance"] == 0
    failed = {row.check.name for row in judge_daily([facts]) if not row.passed}
    assert {"excess kurtosis, stocks", "ACF(1) of |r|", "leverage, index", "mean correlation"} <= failed


def test_student_tails_are_found_fat() -> None:
    returns = DICE.standard_t(3, (20_000, 5))
    facts = daily_facts(Macro(returns, returns[:, 0], returns[:, 0] ** 2, returns[:, 0]))
    assert facts["Hill 5 %, stocks"] == pytest.approx(2.8, abs=0.4)
    assert facts["excess kurtosis, stocks"] > 5
    assert facts["kurtosis 21 d / 1 d"] < 0.3


def test_volatility_with_a_long_memory_decays_slowly() -> None:
    # Log-volatility as a ladder of Ornstein-Uhlenbeck times: its covariance falls like a logarithm.
    log_vol = sum(ladder_rung(tau, 20_000) for tau in (2, 10, 60, 500))
    assert 0.15 < decay_exponent(np.exp(0.35 * log_vol) * DICE.standard_normal(20_000)) < 0.8


def ladder_rung(tau: float, days: int) -> np.ndarray:
    keep = np.exp(-1 / tau)
    path, shocks = np.zeros(days), DICE.standard_normal(days) * np.sqrt(1 - keep**2)
    for day in range(1, days):
        path[day] = keep * path[day - 1] + shocks[day]
    return path


def test_leverage_is_negative_where_losses_are_followed_by_large_moves() -> None:
    shocks, returns = DICE.standard_normal(20_000), np.zeros(20_000)
    for day in range(1, 20_000):
        returns[day] = shocks[day] * (1.6 if returns[day - 1] < 0 else 0.6)
    assert leverage(returns) < -0.05
    assert leverage(-returns) > 0.05
    assert np.isnan(leverage(np.zeros(50)))


def test_returns_are_added_up_over_spans() -> None:
    assert aggregated(np.arange(7.0), 3).tolist() == [3, 12]


def test_an_index_is_judged_by_the_median_of_runs_and_stocks_by_each() -> None:
    fine = a_middle()
    assert all(row.passed for row in judge_daily([fine] * 3))
    wild = {**fine, "excess kurtosis, index": 900.0}
    rows = {row.check.name: row for row in judge_daily([fine, wild, fine])}
    assert rows["excess kurtosis, index"].passed and rows["excess kurtosis, index"].values[1] == 900.0
    odd = {**fine, "skewness, stocks": 5.0}
    assert not {row.check.name: row for row in judge_daily([fine, odd, fine])}["skewness, stocks"].passed


def test_correlations_that_never_change_fail() -> None:
    factor = DICE.standard_normal((4032, 1))
    returns = factor * 0.55 + DICE.standard_normal((4032, 12)) * 0.83
    facts = daily_facts(Macro(returns, returns.mean(axis=1), returns[:, 0] ** 2, returns[:, 0]))
    assert facts["mean correlation"] == pytest.approx(0.3, abs=0.04)
    assert facts["yearly corr., max/min"] < 2


def test_nights_and_parts_of_sessions_become_days() -> None:
    night = np.log(np.array([[1.0, 1.0], [1.1, 1.0]]))
    session = np.log(np.array([[[1.2, 1.0], [1.0, 1.0]], [[1.0, 1.0], [1.0, 0.8]]]))
    run = macro(night, session)
    assert np.exp(run.returns) == pytest.approx(np.array([[1.2, 1.0], [1.1, 0.8]]))
    assert np.exp(run.index) == pytest.approx(np.array([1.1, 0.95]))
    assert run.index_rv == pytest.approx(np.log([1.1, 0.9]) ** 2)
    assert run.index_session == pytest.approx(np.log([1.1, 0.9]))
