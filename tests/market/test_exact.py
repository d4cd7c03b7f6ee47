"""Exponential and logarithm: as good as the library's, and the same bytes on every machine."""

import math
from decimal import Decimal, localcontext
from hashlib import sha256

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ticker.market.exact import exp, log, power

GOLDEN = "9170a188fc89c1ba15b76d1fd7efbfd918b44195c584aac78d7c8eb07456319a"
"""Of exponentials and logarithms at 20,000 places: whoever's processor rounds otherwise makes another tape."""
CLOSE = 4e-15


@given(st.floats(-690, 690))
def test_exp(x: float) -> None:
    with localcontext(prec=40):
        assert abs(float(Decimal(float(exp(x))) / Decimal(x).exp() - 1)) < CLOSE


@given(st.floats(1e-300, 1e300))
def test_log(x: float) -> None:
    assert math.isclose(float(log(x)), math.log(x), rel_tol=CLOSE, abs_tol=CLOSE)


@given(st.floats(1e-3, 1e3), st.floats(-5, 5))
def test_power(x: float, y: float) -> None:
    assert math.isclose(float(power(x, y)), x**y, rel_tol=1e-13)


def test_what_is_known_is_exact() -> None:
    assert exp([0.0])[0] == 1.0 and log([1.0])[0] == 0.0 and power([4.0], 0.0)[0] == 1.0
    assert (exp(-1e-320), exp(1e-320)) == (1.0, 1.0)


def test_shapes_stay() -> None:
    assert exp(np.zeros((2, 3))).shape == log(np.ones((2, 3))).shape == (2, 3)
    assert exp(0).shape == ()


def test_a_value_does_not_depend_on_its_neighbours() -> None:
    """As it does where vectors of a processor and what is left over of them are computed by other rules."""
    x = np.linspace(-50, 50, 1009)
    together, logs = exp(x), log(x + 51)
    assert [float(exp(one)) for one in x] == together.tolist()
    assert [float(log(one + 51)) for one in x] == logs.tolist()


def test_the_same_on_every_machine() -> None:
    x = (np.arange(20_000) - 10_000) / 7919.0 * 100
    assert sha256(exp(x).astype("<f8").tobytes() + log(np.abs(x) + 1e-9).astype("<f8").tobytes()).hexdigest() == GOLDEN
