"""Statistics of plain arrays: autocorrelation, tails, fits. Pure; nothing here knows what a trade is.

Where there is too little data, or no variation to divide by, the answer is NaN: the reader of a statistic decides what
that means, and an undefined one never passes a check.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Numbers = NDArray[Any]
"""Of any real type."""


def acf(x: Numbers, lags_max: int) -> Floats:
    """Return the autocorrelation at lags 0 to `lags_max` (by FFT; mean removed); NaN where `x` is constant or short."""
    centred = np.asarray(x, np.float64)
    n = len(centred)
    if n <= lags_max + 1:
        return np.full(lags_max + 1, np.nan)
    centred = centred - centred.mean()
    power = np.abs(np.fft.rfft(centred, 1 << (2 * n - 1).bit_length())) ** 2
    raw: Floats = np.fft.irfft(power)[: lags_max + 1]
    return raw / raw[0] if centred.any() and raw[0] > 0 else np.full(lags_max + 1, np.nan)


def acf_at(x: Numbers, lag: int) -> float:
    """Return the autocorrelation at one lag."""
    return float(acf(x, lag)[lag])


def binned_exponent(correlation: Floats, first: int, last: int, bins: int = 14) -> float:
    """Return -slope of ln C on ln lag over log-spaced bins of lags, up to the first whose mean is not positive.

    NaN where fewer than five bins come before it: that is noise, and no power law to measure.
    """
    last = min(last, len(correlation) - 1)
    if last <= first:
        return np.nan
    edges = np.unique(np.round(np.geomspace(first, last + 1, bins + 1)).astype(int))
    lags = np.arange(len(correlation))
    means = np.add.reduceat(correlation[: last + 1], edges[:-1]) / np.diff(edges)
    centres = np.add.reduceat(np.log(np.maximum(lags[: last + 1], 1)), edges[:-1]) / np.diff(edges)
    count = int(np.cumprod(means > 0).sum())
    return -float(np.polyfit(centres[:count], np.log(means[:count]), 1)[0]) if count >= 5 else np.nan


def hill(x: Numbers, share: float) -> float:
    """Return Hill's tail exponent of the largest `share` of positive values: 1 / mean ln(x_i / x_k)."""
    values = np.sort(np.asarray(x, np.float64)[np.asarray(x) > 0])[::-1]
    k = int(len(values) * share)
    if k < 5:
        return np.nan
    mean = float(np.log(values[:k] / values[k]).mean())
    return 1 / mean if mean > 0 else np.inf


def variation(x: Numbers, weights: Floats | None = None) -> float:
    """Return the coefficient of variation, sd / mean."""
    if len(x) < 2 or (weights is not None and weights.sum() <= 0):
        return np.nan
    mean = float(np.average(x, weights=weights))
    variance = float(np.average((np.asarray(x, np.float64) - mean) ** 2, weights=weights))
    return variance**0.5 / mean if mean > 0 else np.nan


def fano(counts: Ints) -> float:
    """Return variance / mean of counts: 1 for a Poisson process."""
    return float(counts.var() / counts.mean()) if counts.any() else np.nan


def correlation(x: Numbers, y: Numbers) -> float:
    """Return the linear correlation; NaN where one of them does not vary."""
    if len(x) < 3:
        return np.nan
    a, b = np.asarray(x, np.float64) - np.mean(x), np.asarray(y, np.float64) - np.mean(y)
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale > 0 else np.nan


def excess_kurtosis(x: Numbers) -> float:
    """Return the fourth standardised moment less 3: 0 for a Gaussian."""
    if len(x) < 4:
        return np.nan
    centred = np.asarray(x, np.float64) - np.mean(x)
    variance = float((centred**2).mean())
    return float((centred**4).mean()) / variance**2 - 3 if variance > 0 else np.nan


def skewness(x: Numbers) -> float:
    """Return the third standardised moment."""
    if len(x) < 3:
        return np.nan
    centred = np.asarray(x, np.float64) - np.mean(x)
    variance = float((centred**2).mean())
    return float((centred**3).mean()) / variance**1.5 if variance > 0 else np.nan


def ratio(above: float, below: float) -> float:
    """Return above / below; NaN where there is nothing to divide by."""
    return above / below if below > 0 else np.nan


def median(values: Sequence[float]) -> float:
    """Return the median of the defined values; NaN where half or more are undefined: that is no small sample."""
    known = [value for value in values if not np.isnan(value)]
    return float(np.median(known)) if len(known) * 2 > len(values) else np.nan
