"""Statistics of data whose answer is known."""

import numpy as np
import pytest

from ticker.scorecard import estimators as of

DICE = np.random.default_rng(11)


def autoregressive(phi: float, n: int) -> np.ndarray:
    shocks, path = DICE.standard_normal(n), np.zeros(n)
    for i in range(1, n):
        path[i] = phi * path[i - 1] + shocks[i]
    return path


def test_the_autocorrelation_of_an_ar1_is_its_coefficient_to_the_power_of_the_lag() -> None:
    found = of.acf(autoregressive(0.7, 100_000), 4)
    assert found == pytest.approx([1, 0.7, 0.49, 0.343, 0.24], abs=0.02)


def test_the_autocorrelation_is_the_one_of_the_definition() -> None:
    x = DICE.standard_normal(50)
    y = x - x.mean()
    assert of.acf(x, 3) == pytest.approx([y[: 50 - k] @ y[k:] / (y @ y) for k in range(4)])


@pytest.mark.parametrize("x", [np.zeros(0), np.ones(3), np.full(1000, 5.0)])
def test_what_does_not_vary_has_no_autocorrelation(x: np.ndarray) -> None:
    assert np.isnan(of.acf_at(x, 2))


@pytest.mark.parametrize("gamma", [0.3, 0.6, 0.95])
def test_the_exponent_of_a_power_law_is_found(gamma: float) -> None:
    lags = np.maximum(np.arange(301.0), 1)
    assert of.binned_exponent(0.4 * lags**-gamma, 2, 300) == pytest.approx(gamma, abs=0.02)


def test_noise_around_zero_is_no_power_law() -> None:
    assert np.isnan(of.binned_exponent(np.full(301, -0.01), 2, 300))
    assert np.isnan(of.binned_exponent(np.full(301, np.nan), 2, 300))


@pytest.mark.parametrize("alpha", [1.7, 3.0])
def test_the_tail_of_a_pareto_is_its_exponent(alpha: float) -> None:
    assert of.hill(DICE.uniform(size=400_000) ** (-1 / alpha), 0.02) == pytest.approx(alpha, rel=0.05)


def test_a_tail_of_equal_values_is_infinitely_thin() -> None:
    assert of.hill(np.full(1000, 100), 0.02) == np.inf
    assert np.isnan(of.hill(np.arange(20), 0.02))


def test_fano_is_one_for_poisson_and_more_where_rates_vary() -> None:
    assert of.fano(DICE.poisson(4.0, 50_000)) == pytest.approx(1, abs=0.03)
    assert of.fano(DICE.poisson(np.repeat([1.0, 9.0], 25_000))) == pytest.approx(1 + 16 / 5, rel=0.05)
    assert np.isnan(of.fano(np.zeros(5, np.int64)))


def test_variation_is_weighted() -> None:
    assert of.variation(DICE.exponential(3.0, 100_000)) == pytest.approx(1, abs=0.02)
    assert of.variation(np.array([1, 3]), np.array([3.0, 1.0])) == pytest.approx(np.sqrt(0.75) / 1.5)
    assert np.isnan(of.variation(np.array([1])))


def test_moments_of_known_distributions() -> None:
    assert of.excess_kurtosis(DICE.standard_normal(200_000)) == pytest.approx(0, abs=0.06)
    assert of.excess_kurtosis(DICE.laplace(size=400_000)) == pytest.approx(3, abs=0.3)
    assert of.skewness(DICE.exponential(size=400_000)) == pytest.approx(2, abs=0.1)
    assert np.isnan(of.excess_kurtosis(np.ones(9))) and np.isnan(of.skewness(np.ones(9)))


def test_correlation() -> None:
    x = DICE.standard_normal(50_000)
    assert of.correlation(x, 0.6 * x + 0.8 * DICE.standard_normal(50_000)) == pytest.approx(0.6, abs=0.02)
    assert np.isnan(of.correlation(x, np.ones(50_000)))
