"""Distributions as tables of 65,536 quantiles, one for each 16-bit random number: a draw is a look-up.

Built from `exact` alone, so that they are equal on every machine.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from ticker.market.exact import Floats, exp, log, power

COUNT = 1 << 16
FARTHEST = 60

# Rational approximation of the normal quantile (Acklam, 2003), relative error 1e-9.
_A = (-3.969683028665376e1, 2.209460984245205e2, -2.759285104469687e2, 1.383577518672690e2, -3.066479806614716e1)
_A_LAST = 2.506628277459239
_B = (-5.447609879822406e1, 1.615858368580409e2, -1.556989798598866e2, 6.680131188771972e1, -1.328068155288572e1)
_C = (-7.784894002430293e-3, -3.223964580411365e-1, -2.400758277161838, -2.549732539343734, 4.374664141464968)
_C_LAST = 2.938163982698783
_D = (7.784695709041462e-3, 3.224671290700398e-1, 2.445134137142996, 3.754408661907416)
_TAIL = 0.02425


def _uniform() -> Floats:
    """Return the middles of as many equal parts of (0, 1)."""
    return (np.arange(COUNT) + 0.5) / COUNT


def _horner(x: Floats, coefficients: tuple[float, ...], last: float) -> Floats:
    total = np.zeros_like(x)
    for coefficient in coefficients:
        total = (total + coefficient) * x
    return total + last


@cache
def normal() -> Floats:
    """Return quantiles of the standard normal distribution, scaled to a variance of exactly about one."""
    u = _uniform()
    found = np.empty(COUNT)
    middle = np.abs(u - 0.5) <= 0.5 - _TAIL
    q = u[middle] - 0.5
    found[middle] = q * _horner(q * q, _A, _A_LAST) / _horner(q * q, _B, 1.0)
    low = u < _TAIL
    q = np.sqrt(-2 * log(u[low]))
    found[low] = _horner(q, _C, _C_LAST) / _horner(q, _D, 1.0)
    found[u > 1 - _TAIL] = -found[low][::-1]
    return found


@cache
def pareto(exponent: float, largest: int) -> NDArray[np.int64]:
    """Return quantiles of whole numbers from 2 on with P(X > x) ~ x**-exponent, cut at `largest`."""
    return np.minimum(np.ceil(power(_uniform(), -1 / exponent)), largest).astype(np.int64)


@cache
def lognormal(deviation: float) -> Floats:
    """Return quantiles of exp(deviation x normal), scaled to a mean of one."""
    return exp(deviation * normal() - deviation * deviation / 2)


@cache
def order_size() -> NDArray[np.int64]:
    """Return quantiles of the size of a market order: many of exactly 100, odd lots, round lots with a heavy tail."""
    u = _uniform()
    sizes = np.full(COUNT, 100, np.int64)
    odd = u < _ODD
    sizes[odd] = np.maximum(1, np.ceil(99 * power(u[odd] / _ODD, 1.3))).astype(np.int64)
    mixed = (u >= _ODD) & (u < _ODD + _MIXED)
    v = (u[mixed] - _ODD) / _MIXED
    sizes[mixed] = np.minimum(1 + np.floor(120 * power(1 - v, -1 / 1.6)), 3000).astype(np.int64)
    large = u >= 1 - _ROUND
    v = (u[large] - (1 - _ROUND)) / _ROUND
    lots = np.minimum(np.ceil(1.15 * power(np.maximum(1 - v, 1e-7), -1 / 1.75)), 400)
    sizes[large] = 100 * np.maximum(2, lots).astype(np.int64)
    return sizes


_ODD, _MIXED, _ROUND = 0.28, 0.14, 0.20


@cache
def level() -> NDArray[np.int64]:
    """Return quantiles of how many ticks behind the best price an order is placed: 1 to FARTHEST, P ~ l**-0.9."""
    weights = power(np.arange(1, FARTHEST + 1), -0.9)
    edges = np.cumsum(weights)
    return np.searchsorted(edges / edges[-1], _uniform()).astype(np.int64) + 1
