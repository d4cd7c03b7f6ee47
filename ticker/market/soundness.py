"""What must never reach the tape: a state that is not finite, and prices and sizes that cannot be.

Both are looked at in every step: some twenty microseconds at a thousand instruments. A market in which it happens ends
there.
"""

import numpy as np

from ticker.errors import BrokenMarket
from ticker.market.exact import Floats
from ticker.ticks import BOOK, QUOTES, TRADES, Rows


def finite(*states: Floats) -> None:
    """Raise BrokenMarket unless every number of a state is one."""
    for state in states:
        if not np.isfinite(state).all():
            places = np.flatnonzero(~np.isfinite(state))
            raise BrokenMarket(f"the state of {len(places)} instruments is not finite, first of number {places[0]}")


def sound(seq: int, rows: dict[str, Rows]) -> None:
    """Raise BrokenMarket where a step has a price or a size that cannot be."""
    quotes, book, trades = rows[QUOTES], rows[BOOK], rows[TRADES]
    if len(quotes) and not (
        quotes["bid_ticks"].min() > 0
        and (quotes["bid_ticks"] < quotes["ask_ticks"]).all()
        and quotes["bid_size"].min() > 0
        and quotes["ask_size"].min() > 0
    ):
        raise _broken(seq, QUOTES)
    if len(book) and not (book["price_ticks"].min() > 0 and book["size"].min() >= 0):
        raise _broken(seq, BOOK)
    if len(trades) and not (trades["price_ticks"].min() > 0 and trades["size"].min() > 0):
        raise _broken(seq, TRADES)


def _broken(seq: int, channel: str) -> BrokenMarket:
    return BrokenMarket(f"step {seq}: {channel} with a price or a size that cannot be")
