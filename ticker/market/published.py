"""What readers are shown of the book: quotes and levels, as far as they are not as they were shown last."""

from typing import Any

import numpy as np

from ticker.market.depth import Depth
from ticker.market.levels import Ints, Levels
from ticker.ticks import DTYPES, QUOTES, Rows


class Published:
    """The quotes and the ten best levels of every instrument, as published."""

    def __init__(self, instruments: int, levels: Levels) -> None:
        self._levels = levels
        self._depth = Depth(instruments)
        self._quoted = np.zeros((4, instruments), np.int64)
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
        keys_, sizes = self._levels.keys, self._levels.sizes
        bids, asks = 2 * who, 2 * who + 1
        now = np.array([-keys_[bids, 0], sizes[bids, 0], keys_[asks, 0], sizes[asks, 0]], np.int64)
        news = ((now != self._quoted[:, who]).any(axis=0)) & (now[1] > 0) & (now[3] > 0)
        who, now = who[news], now[:, news]
        self._quoted[:, who] = now
        self._n[who] += 1
        rows = np.empty(len(who), DTYPES[QUOTES])
        rows["instrument"], rows["n"], rows["t"] = who, self._n[who], t[news]
        rows["bid_ticks"], rows["bid_size"], rows["ask_ticks"], rows["ask_size"] = now
        return rows

    def book(self, who: Ints, t: Ints) -> Rows:
        """Return what has changed in the books of these instruments."""
        return self._depth.rows(who, *self._levels.top(who), t)
