"""What readers are shown of the book: quotes and levels, as far as they are not as they were shown last."""

from typing import Any

import numpy as np

from ticker.market.depth import Depth
from ticker.market.levels import KEY_BITS, SIZE_MASK, Ints, Levels
from ticker.ticks import DTYPES, QUOTES, Rows


class Published:
    """The quotes and the ten best levels of every instrument, as published."""

    def __init__(self, instruments: int, levels: Levels) -> None:
        self._levels = levels
        self._depth = Depth(instruments)
        self._quoted = np.zeros((2, instruments), np.int64)  # levels: bid, ask
        self._n = np.zeros(instruments, np.int64)

    def state(self) -> dict[str, Any]:
        """Return all that later rows depend on."""
        return {"depth": self._depth.state(), "quoted": self._quoted.copy(), "n": self._n.copy()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self._depth.restore(state["depth"])
        self._quoted, self._n = state["quoted"].copy(), state["n"].copy()

    def quotes(self, who: Ints, t: Ints) -> Rows:
        """Return the quotes of these instruments that are not as they were."""
        bids, asks = self._levels.touch(2 * who), self._levels.touch(2 * who + 1)
        quoted_bids, quoted_asks = self._quoted
        news = (bids != quoted_bids.take(who)) | (asks != quoted_asks.take(who))
        news &= (bids & SIZE_MASK > 0) & (asks & SIZE_MASK > 0)
        found = np.flatnonzero(news)
        who, bids, asks = who[found], bids[found], asks[found]
        quoted_bids[who], quoted_asks[who] = bids, asks
        self._n[who] += 1
        rows = np.empty(len(who), DTYPES[QUOTES])
        rows["instrument"], rows["n"], rows["t"] = who, self._n[who], t[found]
        rows["bid_ticks"], rows["bid_size"] = -(bids >> KEY_BITS), bids & SIZE_MASK
        rows["ask_ticks"], rows["ask_size"] = asks >> KEY_BITS, asks & SIZE_MASK
        return rows

    def book(self, who: Ints, t: Ints) -> Rows:
        """Return what has changed in the books of these instruments."""
        return self._depth.rows(who, self._levels.top(who), t)
