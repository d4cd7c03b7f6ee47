"""Sessions whose statistics are known: made of dice, not of a market."""

import numpy as np

from ticker import universes
from ticker.config import MarketConfig
from ticker.market.market import Market
from ticker.scorecard.sessions import Session

Dice = np.random.Generator


def poisson_times(dice: Dice, rate: float, length_s: float) -> np.ndarray:
    return np.sort(dice.uniform(0, length_s, dice.poisson(rate * length_s)))


def quotes(times: np.ndarray, bid: np.ndarray, spread: int = 1) -> dict[str, np.ndarray]:
    size = np.full(len(times), 100)
    return {
        "quote_s": times,
        "bid_ticks": bid,
        "bid_size": size,
        "ask_ticks": bid + spread,
        "ask_size": size,
    }


def session(**columns: np.ndarray | float | str) -> Session:
    """Return a session of the given columns, empty where none is given."""
    empty = {
        name: np.zeros(0, np.float64 if name.endswith("_s") else np.int64)
        for name in (
            "trade_s",
            "price_ticks",
            "size",
            "side",
            "quote_s",
            "bid_ticks",
            "bid_size",
            "ask_ticks",
            "ask_size",
        )
    }
    return Session(**{**empty, **columns})


def naive_walk(seed: int, length_s: float = 23_400.0) -> Session:
    """Return what no market is: Poisson trades on a coin's side, a mid that walks, sizes drawn from a hat."""
    dice = np.random.default_rng(seed)
    trade_s, quote_s = poisson_times(dice, 0.6, length_s), poisson_times(dice, 2.0, length_s)
    bid = 10_000 + np.cumsum(dice.integers(-1, 2, len(quote_s)))
    standing = np.maximum(np.searchsorted(quote_s, trade_s) - 1, 0)
    side = dice.choice([-1, 1], len(trade_s))
    return session(
        **{
            **quotes(quote_s, bid),
            "bid_size": dice.integers(1, 900, len(bid)),
            "ask_size": dice.integers(1, 900, len(bid)),
        },
        trade_s=trade_s,
        price_ticks=bid[standing] + (side > 0),
        size=dice.integers(1, 900, len(trade_s)),
        side=side,
        length_s=length_s,
    )


def plain(**keys: float) -> MarketConfig:
    """Return the configuration of the plain walk: what no market is either, but whole."""
    return MarketConfig(model="plain", **keys)


def plain_market(**keys: float) -> Market:
    return Market(plain(**keys), universes.load(plain(**keys)))
