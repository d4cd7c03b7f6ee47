"""What instruments have in common: correlations, their spectrum, and how they fade at short times (Epps). Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ticker.scorecard.estimators import Floats
from ticker.scorecard.sessions import Session, grid, sampled

CORRELATED_MIN = 0.03
"""At 300 s; below it, two correlations are noise and so is their ratio."""
EPPS_S = (1, 5, 10, 30, 60, 300)


def correlations(returns: Floats) -> Floats:
    """Return the correlation matrix of columns; of those that vary."""
    varying = returns[:, np.ptp(returns, axis=0) > 0] if len(returns) > 2 else returns[:, :0]
    if varying.shape[1] == 0:
        return np.full((1, 1), np.nan)
    return np.atleast_2d(np.corrcoef(varying, rowvar=False))


def mean_correlation(matrix: Floats) -> float:
    """Return the mean over pairs; NaN where there is none."""
    n = len(matrix)
    return float((matrix.sum() - np.trace(matrix)) / (n * (n - 1))) if n > 1 else np.nan


def spectrum(returns: Floats) -> tuple[Floats, float]:
    """Return the eigenvalues of the correlation matrix, largest first, and the upper edge that chance alone gives.

    The edge is Marchenko and Pastur's (1 + sqrt(N/T))^2 for N independent series of length T (Laloux et al. 1999).
    """
    matrix = correlations(returns)
    if np.isnan(matrix).any():
        return np.full(1, np.nan), np.nan
    edge = (1 + np.sqrt(len(matrix) / len(returns))) ** 2
    values: Floats = np.linalg.eigvalsh(matrix)[::-1].astype(np.float64)
    return values, float(edge)


@dataclass(frozen=True, slots=True)
class EppsCheck:
    """A ratio of mean correlations at two times, and the range it must lie in."""

    name: str
    seconds: int
    low: float
    high: float
    real: str


EPPS = (
    EppsCheck("Epps: corr. 1 s / 300 s", 1, -0.1, 0.5, ".15 to .40"),
    EppsCheck("Epps: corr. 60 s / 300 s", 60, 0.5, 0.98, ".94 to .97"),
)


def trade_returns(sessions: Sequence[Session], seconds: int) -> Floats:
    """Return log returns of trade prices over `seconds`, one column an instrument, one row for each second's start.

    Previous tick; instruments that did not trade are left out.
    """
    at = grid(sessions[0], 1) if sessions else np.zeros(0)
    paths = [np.log(sampled(one.trade_s, one.price_ticks, at)) for one in sessions if len(one.trade_s)]
    path = np.array(paths).T if paths and len(at) > seconds else np.zeros((seconds, 0))
    return path[seconds:] - path[:-seconds]


def epps_curve(sessions: Sequence[Session]) -> dict[int, float]:
    """Return the mean correlation of trade prices by the seconds that returns are taken over."""
    return {seconds: mean_correlation(correlations(trade_returns(sessions, seconds))) for seconds in EPPS_S}


def epps_ratio(check: EppsCheck, curve: dict[int, float]) -> float:
    """Return the correlation at a check's time over that at 300 s; NaN where there is none to come to."""
    return curve[check.seconds] / curve[300] if curve[300] >= CORRELATED_MIN else np.nan
