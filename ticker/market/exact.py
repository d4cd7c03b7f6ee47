"""Exponential and logarithm that are the same bytes on every machine: made of + - x / and exact scaling alone.

Numpy's own depend on the processor, and differ in the last digit; a tape must not.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_LOG2_E = 1.4426950408889634
_LN2_HIGH, _LN2_LOW = 6.93147180369123816490e-01, 1.90821492927058770002e-10
_SQRT_HALF = 0.7071067811865476
_FACTORIALS = [1.0]
for _k in range(1, 14):
    _FACTORIALS.append(_FACTORIALS[-1] * _k)


def exp(x: ArrayLike) -> Floats:
    """Return e**x to about 1e-15, for |x| < 700."""
    x = np.asarray(x, np.float64)
    power = np.rint(x * _LOG2_E)
    rest = (x - power * _LN2_HIGH) - power * _LN2_LOW
    total = np.full_like(rest, 1 / _FACTORIALS[13])
    for factorial in _FACTORIALS[12::-1]:
        total = total * rest + 1 / factorial
    return np.ldexp(total, power.astype(np.int32))


def log(x: ArrayLike) -> Floats:
    """Return the natural logarithm of x > 0 to about 1e-15."""
    mantissa, power = np.frexp(np.asarray(x, np.float64))
    small = mantissa < _SQRT_HALF
    mantissa = np.where(small, 2 * mantissa, mantissa)
    power = power - small
    ratio = (mantissa - 1) / (mantissa + 1)
    square = ratio * ratio
    total = np.full_like(ratio, 1 / 23)
    for odd in range(21, 0, -2):
        total = total * square + 1 / odd
    found: Floats = power * _LN2_HIGH + (power * _LN2_LOW + 2 * ratio * total)
    return found


def power(x: ArrayLike, y: float) -> Floats:
    """Return x**y for x > 0."""
    return exp(y * log(x))
