"""The facts that need quotes: spread, mid, what a trade does to them, and what order flow tells of the next move."""

import numpy as np

from ticker.scorecard.estimators import Floats, Numbers, acf_at, correlation, ratio, variation
from ticker.scorecard.sessions import Session, counted, grid, sampled, standing, time_held
from ticker.scorecard.trading import MIDDAY, OPENING, signature

FLOW_S = 10.0
"""Seconds over which order flow is set against the move of the mid."""


def spread_facts(session: Session) -> dict[str, float]:
    """Return how much the spread varies in time, weighted by how long it stood."""
    return {"spread CV": variation(session.spread_ticks, time_held(session))}


def spread_day_facts(session: Session) -> dict[str, float]:
    """Return the mean spread of the first half hour over that of midday."""
    return {"spread open/mid": ratio(_mean_spread(session, OPENING), _mean_spread(session, MIDDAY))}


def _mean_spread(session: Session, window: tuple[float, float]) -> float:
    """Return the mean over the seconds of a window, given as shares of the day."""
    start, end = (share * (session.day_s or 0) for share in window)
    return float(sampled(session.quote_s, session.spread_ticks, np.arange(start, end)).mean())


def mean_spread_ticks(session: Session) -> float:
    """Return the mean spread in ticks, weighted by time: what the strata are made of."""
    held = time_held(session)
    return float(np.average(session.spread_ticks, weights=held if held.sum() > 0 else None))


def mid_facts(session: Session) -> dict[str, float]:
    """Return whether the mid moves like a price: no memory at 1 s, not too many moves taken back at once."""
    seconds = np.diff(sampled(session.quote_s, session.mid_ticks, grid(session, 1)))
    moves = np.diff(session.mid_ticks)
    direction = np.sign(moves[moves != 0])
    alternating = direction[1:] != direction[:-1]
    return {
        "signature, mid 1s/300s": signature(session.quote_s, session.mid_ticks, session),
        "mid ACF(1) 1 s": acf_at(seconds, 1),
        "mid alternation share": float(alternating.mean()) if len(alternating) else np.nan,
    }


def response(session: Session, lags: int) -> Floats:
    """Return R(1..lags) in mean spreads: how far the mid goes a trade's way k trades later (Bouchaud et al. 2004).

    Each mid is the one that stood just before its trade; the spread is the mean of those that trades met.
    """
    if len(session.trade_s) <= lags:
        return np.full(lags, np.nan)
    where = standing(session, session.trade_s)
    mid, side = session.mid_ticks[where], session.side
    spread = float(session.spread_ticks[where].mean())
    return np.array([float((side[:-k] * (mid[k:] - mid[:-k])).mean()) / spread for k in range(1, lags + 1)])


def response_facts(session: Session) -> dict[str, float]:
    """Return the mid's response one trade later, and how it grows until the tenth."""
    after = response(session, 10)
    return {"response R(1)/spread": float(after[0]), "response growth R10/R1": ratio(float(after[9]), float(after[0]))}


def order_flow(session: Session) -> Floats:
    """Return each quote's contribution to order-flow imbalance (Cont, Kukanov, Stoikov 2014); the first is 0."""
    bid, ask = session.bid_ticks, session.ask_ticks
    bought = (bid[1:] >= bid[:-1]) * session.bid_size[1:] - (bid[1:] <= bid[:-1]) * session.bid_size[:-1]
    sold = (ask[1:] <= ask[:-1]) * session.ask_size[1:] - (ask[1:] >= ask[:-1]) * session.ask_size[:-1]
    return np.concatenate([[0.0], (bought - sold).astype(np.float64)])


def flow_facts(session: Session) -> dict[str, float]:
    """Return R² of the mid's change in 10 s on order-flow imbalance."""
    at = grid(session, FLOW_S)
    moves = np.diff(sampled(session.quote_s, session.mid_ticks, at))
    return {"OFI R2 10 s": correlation(moves, counted(session.quote_s, at, order_flow(session))) ** 2}


def trade_flow_facts(session: Session) -> dict[str, float]:
    """Return R² of the mid's change in 10 s on signed volume."""
    at = grid(session, FLOW_S)
    moves = np.diff(sampled(session.quote_s, session.mid_ticks, at))
    signed = counted(session.trade_s, at, session.side * session.size)
    return {"trade-imbalance R2 10 s": correlation(moves, signed) ** 2}


def queue_facts(session: Session) -> dict[str, float]:
    """Return how often the mid next moves up where sizes lean to the bid, and to the ask (Gould and Bonart 2015)."""
    lean = (session.bid_size - session.ask_size) / (session.bid_size + session.ask_size)
    moves = np.diff(session.mid_ticks)
    moved = np.flatnonzero(moves)
    following = np.searchsorted(moved, np.arange(len(lean)))
    known = following < len(moved)
    up = moves[moved[following[known]]] > 0
    return {
        "P(up | imbalance>.5)": _share(up, lean[known] > 0.5),
        "P(up | imbalance<-.5)": _share(up, lean[known] < -0.5),
    }


def _share(true: Numbers, among: Numbers) -> float:
    return float(true[among].mean()) if among.any() else np.nan


def message_facts(session: Session) -> dict[str, float]:
    """Return quotes per trade, and how widely sizes at the touch spread."""
    best = np.concatenate([session.bid_size, session.ask_size])
    return {
        "quotes per trade": ratio(len(session.quote_s), len(session.trade_s)),
        "sd of log best size": float(np.log(best).std()),
    }
