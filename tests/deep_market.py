"""The plain market with a book ten levels deep: any levels at all, so that every kind of change comes up."""

from dataclasses import replace

import numpy as np

from ticker.config import MarketConfig
from ticker.instruments import Universe
from ticker.market.depth import Depth, levels_of
from ticker.market.market import Market
from ticker.ticks import BOOK, LEVELS, Batch

CHANCE = 0.3  # that an instrument's book changes in a step


class DeepMarket(Market):
    """Prices of a book are drawn from 30, sizes from 3; now and then a side is empty."""

    def __init__(self, config: MarketConfig, universe: Universe) -> None:
        super().__init__(config, universe)
        self._random = np.random.default_rng(config.seed)
        self._deep = Depth(len(self.universe))
        self._taken: Batch | None = None

    def prepare(self) -> Batch:
        batch = super().prepare()
        if self._taken is None or self._taken.seq != batch.seq:
            who = np.flatnonzero(self._random.random(len(self.universe)) < CHANCE)
            bids, asks = self._side(len(who)), self._side(len(who))
            levels = levels_of(*asks, bids[0][:, ::-1], bids[1][:, ::-1])
            rows = self._deep.rows(who, levels, np.full(len(who), batch.t, np.int64))
            self._taken = replace(batch, rows={**batch.rows, BOOK: rows})
        return self._taken

    def _side(self, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return prices that rise and their sizes; what is not there stands at the end, or all over."""
        order = np.argsort(self._random.random((count, 30)), axis=1)[:, :LEVELS]
        ticks = np.sort(100 + order, axis=1)
        return ticks, self._random.integers(1, 4, (count, LEVELS)) * (self._random.random((count, 1)) < 0.9)
