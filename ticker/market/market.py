"""The market: one step a call. Step `k` depends on the seed, the universe, the rates and `k`, and on nothing else."""

import hashlib

import numpy as np
import orjson

from ticker.config import MarketConfig
from ticker.instruments import Universe
from ticker.market.listings import universe
from ticker.market.walk import BLOCK_STEPS, Block, Rates, Walk
from ticker.ticks import Batch

MODEL = "walk-1"
"""Names the rules: a change that changes any tick changes this, and so the epoch."""


class Market:
    """A source of batches, numbered from 1."""

    def __init__(self, config: MarketConfig) -> None:
        self.universe: Universe = universe(config.instruments, config.names)
        self.step_us = round(config.step_ms * 1000)
        self.seq = 0
        self._start_us = round(config.start.timestamp() * 1_000_000)
        rates = Rates.of(
            config.step_ms / 1000,
            config.trades_per_s,
            config.quotes_per_s,
            every_step=config.arrivals == "every_step",
        )
        self.epoch = self._name(config.seed, rates)
        self._walk = Walk(
            config.seed,
            np.array([instrument.reference_ticks for instrument in self.universe], np.int64),
            np.array([instrument.lot for instrument in self.universe], np.int64),
            rates,
        )
        self._block: Block | None = None
        self._ahead: Batch | None = None

    def step(self) -> Batch:
        """Advance by one step and return what happened in it."""
        batch = self.prepare()
        self._ahead = None
        self.seq = batch.seq
        return batch

    def prepare(self) -> Batch:
        """Return what the next step is going to return: made now, when there is time."""
        if self._ahead is None:
            self._ahead = self._next()
        return self._ahead

    def _next(self) -> Batch:
        if self._block is None:
            self._block = self._walk.next_block(self._start_us + self.seq * self.step_us, self.step_us)
        rows = self._block.step(self.seq % BLOCK_STEPS)
        seq = self.seq + 1
        if seq % BLOCK_STEPS == 0:
            self._block = None
        return Batch(seq, self._start_us + seq * self.step_us, rows)

    def _name(self, seed: int, rates: Rates) -> str:
        """Return the epoch: equal names mean equal tapes."""
        identity = [MODEL, seed, self.step_us, self._start_us, rates, list(self.universe)]
        return hashlib.sha256(orjson.dumps(identity)).hexdigest()[:12]
