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

    def step(self) -> Batch:
        """Advance by one step and return what happened in it."""
        rows = self._prepared().step(self.seq % BLOCK_STEPS)
        self.seq += 1
        if self.seq % BLOCK_STEPS == 0:
            self._block = None
        return Batch(self.seq, self._start_us + self.seq * self.step_us, rows)

    def prepare(self) -> None:
        """Do now, when there is time, what the next step would have to do before it can return."""
        self._prepared()

    def _prepared(self) -> Block:
        if self._block is None:
            self._block = self._walk.next_block(self._start_us + self.seq * self.step_us, self.step_us)
        return self._block

    def _name(self, seed: int, rates: Rates) -> str:
        """Return the epoch: equal names mean equal tapes."""
        identity = [MODEL, seed, self.step_us, self._start_us, rates, list(self.universe)]
        return hashlib.sha256(orjson.dumps(identity)).hexdigest()[:12]
