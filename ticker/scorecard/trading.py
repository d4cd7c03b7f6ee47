"""The facts that trades alone show: when they come, on which side, at what price, how large."""

import numpy as np

from ticker.scorecard.estimators import (
    Floats,
    Numbers,
    acf,
    acf_at,
    binned_exponent,
    correlation,
    fano,
    hill,
    ratio,
    variation,
)
from ticker.scorecard.sessions import Session, counted, grid, sampled

LOT = 100
"""A round lot of US stocks, in shares."""
OPENING, MIDDAY, CLOSING = (0.0, 1 / 13), (5 / 13, 8 / 13), (12 / 13, 1.0)
"""First half hour, 12:00 to 13:30 and last half hour, as shares of a US day."""


def arrival_facts(session: Session) -> dict[str, float]:
    """Return how unevenly trades come: durations, and counts per second and minute (Engle and Russell 1998)."""
    durations = np.diff(session.trade_s)
    per_minute = counted(session.trade_s, grid(session, 60))
    return {
        "duration CV": variation(durations),
        "duration ACF(1)": acf_at(durations, 1),
        "Fano counts 1 s": fano(counted(session.trade_s, grid(session, 1)).astype(np.int64)),
        "Fano counts 60 s": fano(per_minute.astype(np.int64)),
        "count ACF at 10 min": acf_at(per_minute, 10),
    }


def sign_facts(session: Session) -> dict[str, float]:
    """Return the memory of trade signs, trade by trade (Lillo and Farmer 2004)."""
    memory = acf(session.side, 300)
    return {"trade-sign ACF(1)": float(memory[1]), "trade-sign ACF exponent": binned_exponent(memory, 2, 300)}


def size_facts(session: Session) -> dict[str, float]:
    """Return how widely trade sizes spread, and their tail."""
    size = session.size
    return {
        "sd of log size": float(np.log(size).std()) if len(size) else np.nan,
        "size tail exponent": hill(size, 0.02),
    }


def lot_facts(session: Session) -> dict[str, float]:
    """Return the shares of round and odd lots: facts of a market of whole shares."""
    size = session.size
    n = len(size)
    return {
        "round-lot share": ratio(float((size % LOT == 0).sum()), n),
        "share of exactly 100": ratio(float((size == LOT).sum()), n),
        "odd-lot share": ratio(float((size < LOT).sum()), n),
    }


def price_facts(session: Session) -> dict[str, float]:
    """Return the bounce of trade prices, and what it adds to variance at 1 s over 300 s."""
    return {
        "trade price-change ACF(1)": acf_at(np.diff(session.price_ticks), 1),
        "signature, trades 1s/300s": signature(session.trade_s, session.price_ticks, session),
    }


def signature(times: Floats, prices: Numbers, session: Session, slow_s: int = 300) -> float:
    """Return realised variance at 1 s over that at `slow_s`: previous tick, logs, the slow ones from every second."""
    if len(times) < 2 or session.length_s < 2 * slow_s:
        return np.nan
    path = np.log(sampled(times, prices, grid(session, 1)))
    fast, slow = np.diff(path), path[slow_s:] - path[:-slow_s]
    return ratio(slow_s * float((fast**2).mean()), float((slow**2).mean()))


def activity_facts(session: Session) -> dict[str, float]:
    """Return the rate of trades in the first and the last half hour over that of midday."""
    midday = _rate(session, MIDDAY)
    return {
        "activity open/mid": ratio(_rate(session, OPENING), midday),
        "activity close/mid": ratio(_rate(session, CLOSING), midday),
    }


def _rate(session: Session, window: tuple[float, float]) -> float:
    start, end = (share * (session.day_s or 0) for share in window)
    return float(counted(session.trade_s, np.array([start, end]))[0]) / (end - start)


def volume_facts(session: Session) -> dict[str, float]:
    """Return how |return|, number of trades and volume go together minute by minute, on mids where there are quotes."""
    at = grid(session, 60)
    times, prices = (
        (session.quote_s, session.mid_ticks) if session.has_quotes else (session.trade_s, session.price_ticks)
    )
    if len(times) < 2:
        return {"corr(|r|, N) 1 min": np.nan, "corr(|r|, V) 1 min": np.nan}
    moves = np.abs(np.diff(np.log(sampled(times, prices, at))))
    return {
        "corr(|r|, N) 1 min": correlation(moves, counted(session.trade_s, at)),
        "corr(|r|, V) 1 min": correlation(moves, counted(session.trade_s, at, session.size)),
    }
