"""The daily block: years of daily returns of many stocks and their index, against reality. Pure.

Stock rows are medians over the stocks. An index is one path, and wild: its rows are judged on the median of several
runs, the others in each of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ticker.scorecard import estimators as of
from ticker.scorecard.cross import correlations, mean_correlation, spectrum
from ticker.scorecard.estimators import Floats, Numbers

YEAR = 252
MONTH = 21
INDEX_RUNS_MIN = 5
"""Runs that the index rows need to be judged on."""
INF = float("inf")


@dataclass(frozen=True, slots=True, eq=False)
class Macro:
    """A long run: daily log returns `returns[day, stock]`, those of the index, and its daily realised variance.

    `index_rv` is the sum of squared 5-minute returns of the day's session, `index_session` the session's own return
    (without the night), which is what the variance belongs to.
    """

    returns: Floats
    index: Floats
    index_rv: Floats
    index_session: Floats


def macro(night: Numbers, session: Numbers) -> Macro:
    """Return the daily columns of log returns by night (days, stocks) and by part of the session (days, parts, stocks).

    The index holds the same worth of every stock each day; its variance is that of the parts, some minutes each.
    """
    returns = night.astype(np.float64) + session.sum(axis=1, dtype=np.float64)
    parts = np.log(np.exp(session.astype(np.float64)).mean(axis=2))
    index = np.log(np.exp(returns).mean(axis=1))
    return Macro(returns, index, (parts**2).sum(axis=1), parts.sum(axis=1))


@dataclass(frozen=True, slots=True)
class DailyCheck:
    """One row: the range, what reality shows (as market.md words it), whether it is the index's."""

    name: str
    low: float
    high: float
    real: str
    index: bool = False

    def passes(self, value: float) -> bool:
        """Tell whether a value lies in the range; NaN never does."""
        return self.low <= value <= self.high


DAILY = (
    DailyCheck("excess kurtosis, stocks", 3, 30, "3.3; 14.0"),
    DailyCheck("excess kurtosis, index", 4, 40, "5.4 to 37", index=True),
    DailyCheck("Hill 5 %, stocks", 2.6, 3.7, "3.08; 3.58"),
    DailyCheck("Hill 5 %, index", 2.6, 3.7, "2.93 to 3.46", index=True),
    DailyCheck("|ACF(1)| of returns", 0, 0.08, ".02; .08"),
    DailyCheck("ACF(1) of |r|", 0.15, 0.35, ".25; .17"),
    DailyCheck("ACF(10) of |r|", 0.08, 0.30, ".19; .09"),
    DailyCheck("decay exponent, stocks", 0.15, 0.65, ".23 to .44"),
    DailyCheck("decay exponent, index", 0.15, 0.65, ".45 to .49", index=True),
    DailyCheck("leverage, stocks", -0.25, -0.03, "-.12"),
    DailyCheck("leverage, index", -0.45, -0.10, "-.23 to -.29", index=True),
    DailyCheck("skewness, stocks", -1.0, 0.1, "-.32"),
    DailyCheck("kurtosis 21 d / 1 d", -INF, 0.6, ".15"),
    DailyCheck("kurtosis of r/sqrt(RV)", -0.4, 0.4, ".06", index=True),
    DailyCheck("sd of log RV", 0.7, 1.3, ".99", index=True),
    DailyCheck("ACF(1) of log RV", 0.7, 0.92, ".78", index=True),
    DailyCheck("ACF(22) of log RV", 0.2, 0.6, ".30", index=True),
    DailyCheck("mean correlation", 0.15, 0.45, ".30; .22"),
    DailyCheck("largest eigenvalue / N", 0.18, 0.5, ".35; .25"),
    DailyCheck("eigenvalues above chance", 2, INF, "3; 3"),
    DailyCheck("yearly corr., max/min", 2, INF, ".10 to .55"),
)


@dataclass(frozen=True, slots=True)
class DailyRow:
    """A row's value in each run, what it is judged on, and the judgement."""

    check: DailyCheck
    values: tuple[float, ...]
    median: float
    passed: bool


def daily_facts(run: Macro) -> dict[str, float]:
    """Return the daily facts of one run, by the names of the checks."""
    return {**_stock_facts(run.returns), **_index_facts(run), **_cross_facts(run.returns)}


def judge_daily(found: Sequence[dict[str, float]]) -> tuple[DailyRow, ...]:
    """Return the rows of some runs: index rows pass by their median, the others have to in every run."""
    return tuple(_row(check, tuple(facts[check.name] for facts in found)) for check in DAILY)


def _row(check: DailyCheck, values: tuple[float, ...]) -> DailyRow:
    middle = of.median(values)
    passed = check.passes(middle) and (check.index or all(check.passes(value) for value in values))
    return DailyRow(check, values, middle, passed)


def decay_exponent(returns: Floats) -> float:
    """Return the exponent of the memory of |r|: -slope of ln ACF on ln lag, 5 to 250 days."""
    return of.binned_exponent(of.acf(np.abs(returns), 250), 5, 250)


def leverage(returns: Floats) -> float:
    """Return the mean of L(1..10), L(k) = <r_t r²_(t+k)> / <r²>^1.5 (Bouchaud, Matacz and Potters 2001)."""
    if len(returns) <= 10 or not returns.any():
        return np.nan
    scale: float = float((returns**2).mean()) ** 1.5
    after = [float((returns[:-k] * returns[k:] ** 2).mean()) for k in range(1, 11)]
    return sum(after) / len(after) / scale


def aggregated(returns: Floats, days: int) -> Floats:
    """Return the sums of returns over spans of `days` that do not overlap."""
    whole = len(returns) // days * days
    sums: Floats = returns[:whole].reshape(-1, days, *returns.shape[1:]).sum(axis=1)
    return sums


def _stock_facts(returns: Floats) -> dict[str, float]:
    per_stock = [_one_stock(column) for column in returns.T]
    return {name: of.median([facts[name] for facts in per_stock]) for name in per_stock[0]}


def _one_stock(returns: Floats) -> dict[str, float]:
    memory = of.acf(np.abs(returns), 10)
    kurtosis = of.excess_kurtosis(returns)
    return {
        "excess kurtosis, stocks": kurtosis,
        "Hill 5 %, stocks": of.hill(np.abs(returns), 0.05),
        "|ACF(1)| of returns": abs(of.acf_at(returns, 1)),
        "ACF(1) of |r|": float(memory[1]),
        "ACF(10) of |r|": float(memory[10]),
        "decay exponent, stocks": decay_exponent(returns),
        "leverage, stocks": leverage(returns),
        "skewness, stocks": of.skewness(returns),
        "kurtosis 21 d / 1 d": of.ratio(of.excess_kurtosis(aggregated(returns, MONTH)), kurtosis),
    }


def _index_facts(run: Macro) -> dict[str, float]:
    known = run.index_rv > 0
    log_rv = np.log(run.index_rv[known])
    memory = of.acf(log_rv, 22)
    return {
        "excess kurtosis, index": of.excess_kurtosis(run.index),
        "Hill 5 %, index": of.hill(np.abs(run.index), 0.05),
        "decay exponent, index": decay_exponent(run.index),
        "leverage, index": leverage(run.index),
        "kurtosis of r/sqrt(RV)": of.excess_kurtosis(run.index_session[known] / np.sqrt(run.index_rv[known])),
        "sd of log RV": float(log_rv.std()) if len(log_rv) else np.nan,
        "ACF(1) of log RV": float(memory[1]),
        "ACF(22) of log RV": float(memory[22]),
    }


def _cross_facts(returns: Floats) -> dict[str, float]:
    days, stocks = returns.shape
    values, edge = spectrum(returns)
    yearly = [
        mean_correlation(correlations(returns[start : start + YEAR])) for start in range(0, days - YEAR + 1, YEAR)
    ]
    lowest = min(yearly, default=np.nan)
    return {
        "mean correlation": mean_correlation(correlations(returns)),
        "largest eigenvalue / N": float(values[0]) / stocks,
        "eigenvalues above chance": float((values > edge).sum()),
        "yearly corr., max/min": max(yearly) / lowest if lowest > 0 else (INF if yearly else np.nan),
    }
