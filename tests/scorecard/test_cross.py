"""Correlations that are known, and those that come late."""

import numpy as np
import pytest

from synthetic import session
from ticker.scorecard.cross import correlations, epps_curve, mean_correlation, spectrum
from ticker.scorecard.sessions import Session

DICE = np.random.default_rng(3)


def common(days: int, stocks: int, share: float) -> np.ndarray:
    """Return returns of which one factor makes `share` of the variance, and so of every pair's correlation."""
    factor = DICE.standard_normal((days, 1))
    return np.sqrt(share) * factor + np.sqrt(1 - share) * DICE.standard_normal((days, stocks))


def test_one_factor_makes_one_eigenvalue_above_chance() -> None:
    returns = common(5000, 40, 0.3)
    values, edge = spectrum(returns)
    assert edge == pytest.approx((1 + np.sqrt(40 / 5000)) ** 2)
    assert (values > edge).sum() == 1
    assert values[0] / 40 == pytest.approx(0.3 + 0.7 / 40, abs=0.03)
    assert mean_correlation(correlations(returns)) == pytest.approx(0.3, abs=0.03)


def test_independent_series_stay_below_the_edge() -> None:
    values, edge = spectrum(DICE.standard_normal((5000, 40)))
    assert values[0] < edge * 1.02


def test_nothing_varies_nothing_is_correlated() -> None:
    assert np.isnan(mean_correlation(correlations(np.zeros((50, 3)))))
    assert np.isnan(spectrum(np.zeros((50, 3)))[1])


def traded(times: np.ndarray, path: np.ndarray) -> Session:
    """Return trades at the price that a path by the second has then."""
    return session(trade_s=times, price_ticks=path[times.astype(int)])


def test_trades_at_their_own_times_hide_a_common_path_from_short_returns() -> None:
    path = 1_000_000 + np.cumsum(DICE.integers(-50, 51, 23_401))
    several = [traded(np.sort(DICE.uniform(0, 23_400, 1500)), path) for _ in range(6)]
    curve = epps_curve(several)
    assert curve[1] < 0.3 * curve[300]
    assert curve[300] > 0.85
    assert curve[1] < curve[10] < curve[60] < curve[300]


def test_without_trades_there_is_no_curve() -> None:
    assert all(np.isnan(value) for value in epps_curve([session(), session()]).values())
    assert all(np.isnan(value) for value in epps_curve([]).values())
