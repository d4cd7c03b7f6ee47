"""The series behind the pictures, from sessions whose answer is known."""

import numpy as np
import pytest

from synthetic import naive_walk, session
from ticker.scorecard.pictures import MINUTE_LAGS, SIGN_LAGS, SLICES, SPANS_S, pictures


def test_a_naive_walk_gives_every_series_and_no_memory_in_any() -> None:
    shown = pictures([naive_walk(seed) for seed in range(10)])
    assert len(shown.returns) == 10 * 390
    assert shown.returns.std() == pytest.approx(1, abs=0.01)
    for memory, lags in ((shown.abs_acf, MINUTE_LAGS), (shown.return_acf, MINUTE_LAGS), (shown.sign_acf, SIGN_LAGS)):
        assert len(memory) == lags
        assert np.abs(memory).max() < 0.08
    assert len(shown.activity) == len(shown.volatility) == SLICES
    assert shown.activity == pytest.approx(np.ones(SLICES), abs=0.1)
    assert shown.signature_mid[0] == pytest.approx(1, abs=0.2) and shown.signature_mid[-1] == 1
    assert shown.signature_trades[0] > shown.signature_mid[0]
    assert len(shown.signature_trades) == len(SPANS_S)
    assert len(shown.eigenvalues) == 10 and shown.eigenvalues[0] < shown.edge * 1.1
    assert shown.aspect == 10 / 390


def test_nothing_gives_nothing() -> None:
    shown = pictures([session()])
    arrays = [value for name in shown.__slots__ if isinstance(value := getattr(shown, name), np.ndarray)]
    assert len(arrays) == 9 and all(len(array) == 0 for array in arrays)
