"""The series that the report draws, computed from sessions. Pure; nothing here knows how a plot looks."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ticker.scorecard.cross import spectrum
from ticker.scorecard.estimators import Floats, acf
from ticker.scorecard.sessions import Session, counted, grid, merged, sampled, two_sided
from ticker.scorecard.trading import signature

SPANS_S = (1, 2, 5, 10, 20, 30, 60, 120, 300)
SIGN_LAGS, MINUTE_LAGS = 300, 60
SLICES = 39
"""Of a session: ten minutes each on a US day."""


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """All of it; arrays are empty where the source does not give them.

    `returns` are one-minute log returns in standard deviations of their instrument, of all instruments; `abs_acf` and
    `return_acf` their mean autocorrelation at lags 1 to 60 minutes; `sign_acf` that of trade signs at lags 1 to 300;
    `activity` and `volatility` trades and |return| by slice of the session, over their mean; `signature_trades` and
    `signature_mid` realised variance at `SPANS_S` over that at 300 s; `eigenvalues` and `edge` those of the
    correlation of one-minute returns, `aspect` instruments over returns.
    """

    returns: Floats
    abs_acf: Floats
    return_acf: Floats
    sign_acf: Floats
    activity: Floats
    volatility: Floats
    signature_trades: Floats
    signature_mid: Floats
    eigenvalues: Floats
    edge: float
    aspect: float


def pictures(sessions: Sequence[Session]) -> Pictures:
    """Return the series of some sessions of one day."""
    cleaned = [two_sided(merged(session)) for session in sessions]
    minutes = [path for path in map(_minutes, cleaned) if path is not None and np.ptp(path) > 0]
    together = np.array([path for path in minutes if len(path) == len(minutes[0])]).T if minutes else np.zeros((0, 0))
    values, edge = spectrum(together) if together.size else (np.zeros(0), np.nan)
    signed = [acf(one.side, SIGN_LAGS)[1:] for one in cleaned if one.has_sides]
    return Pictures(
        returns=np.concatenate([(path - path.mean()) / path.std() for path in minutes]) if minutes else np.zeros(0),
        abs_acf=_mean([acf(np.abs(path), MINUTE_LAGS)[1:] for path in minutes]),
        return_acf=_mean([acf(path, MINUTE_LAGS)[1:] for path in minutes]),
        sign_acf=_mean(signed),
        activity=_mean([_over_mean(counted(one.trade_s, _slices(one))) for one in cleaned if len(one.trade_s)]),
        volatility=_mean([_over_mean(_by_slice(np.abs(path))) for path in minutes if len(path) >= SLICES]),
        signature_trades=_median([_signatures(one, quotes=False) for one in cleaned if len(one.trade_s) > 1]),
        signature_mid=_median([_signatures(one, quotes=True) for one in cleaned if one.has_quotes]),
        eigenvalues=values,
        edge=edge,
        aspect=together.shape[1] / len(together) if together.size else np.nan,
    )


def _minutes(session: Session) -> Floats | None:
    """Return one-minute log returns, of mids where there are quotes."""
    times, prices = (
        (session.quote_s, session.mid_ticks) if session.has_quotes else (session.trade_s, session.price_ticks)
    )
    at = grid(session, 60)
    return np.diff(np.log(sampled(times, prices, at))) if len(times) > 1 and len(at) > 10 else None


def _mean(series: Sequence[Floats]) -> Floats:
    """Return the mean over instruments of those that are defined throughout."""
    whole = [values for values in series if np.isfinite(values).all()]
    return np.mean(whole, axis=0).astype(np.float64) if whole else np.zeros(0)


def _median(series: Sequence[Floats]) -> Floats:
    """Return the median over instruments: a ratio has outliers."""
    whole = [values for values in series if np.isfinite(values).all()]
    return np.median(whole, axis=0).astype(np.float64) if whole else np.zeros(0)


def _slices(session: Session) -> Floats:
    return np.linspace(0, session.length_s, SLICES + 1)


def _by_slice(values: Floats) -> Floats:
    return np.array([part.mean() for part in np.array_split(values, SLICES)])


def _over_mean(values: Floats) -> Floats:
    return values / values.mean() if values.any() else np.full(len(values), np.nan)


def _signatures(session: Session, *, quotes: bool) -> Floats:
    """Return realised variance at each span over that at the longest."""
    times, prices = (session.quote_s, session.mid_ticks) if quotes else (session.trade_s, session.price_ticks)
    to_one = [1.0 if span == 1 else signature(times, prices, session, span) for span in SPANS_S]
    return np.array([to_one[-1] / value for value in to_one])
