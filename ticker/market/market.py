"""The market: one step a call. Step `k` depends on the seed, the universe, the model and `k`, and on nothing else.

A model makes what happens to the instruments, the calendar says when, the tally adds bars and statistics. What is
caused is part of the tape from the step on that shows it: the same incidents make the same bytes.
"""

import hashlib
import zlib
from dataclasses import asdict
from typing import Any, Protocol

import numpy as np
import orjson

from ticker.config import MarketConfig
from ticker.errors import SetupError
from ticker.instruments import Hours, Instrument, Universe
from ticker.market.calendar import Calendar, Times, microseconds
from ticker.market.checkpoint import pack, unpack
from ticker.market.incidents import Incident, check, soonest
from ticker.market.plain import Plain
from ticker.market.realistic import Realistic
from ticker.market.seasons import round_the_clock, session
from ticker.market.soundness import sound
from ticker.market.tally import Tally
from ticker.market.traits import Traits
from ticker.market.walk import BLOCK_STEPS, Rates
from ticker.ticks import CHANNELS, STATES, TRADES, Batch, Rows


class Model(Protocol):
    """What makes the rows of a step: status, quotes, book and trades."""

    name: str
    """Names the rules: a change that changes any tick changes this, and so the epoch."""

    def step(self, step: int, since_us: int, times: Times, at: int) -> dict[str, Rows]:
        """Make a step that began at `since_us` and is number `at` of these times."""

    def cause(self, incident: Incident) -> None:
        """Take in what is to happen at a step that has not been made. Raises Refusal for what cannot."""

    def state(self) -> dict[str, Any]:
        """Return all that later steps depend on."""

    def restore(self, state: dict[str, Any], step: int, times: Times) -> None:
        """Go on from a state that was taken after a step; `times` are those of the block of the next one."""


class Market:
    """A source of batches, numbered from 1. A `nonce` names what the tape depends on besides the configuration."""

    def __init__(self, config: MarketConfig, universe: Universe, nonce: str = "") -> None:
        self.universe = universe
        self.step_us = config.step_us
        self.seq = 0
        self._start_us = microseconds(config.start or universe.start)
        self._calendar = Calendar(universe.hours, self._start_us, self.step_us)
        self._model = _model(config, universe)
        self._identity = self._name(config)
        self.epoch = _named(self._identity, nonce)
        keys = np.array([zlib.crc32(instrument.symbol.encode()) for instrument in universe], np.int64)
        reference_ticks = np.array([instrument.reference_ticks for instrument in universe], np.int64)
        self._tally = Tally(len(universe), self.step_us, reference_ticks, keys)
        self._times: Times | None = None
        self._made = 0
        self._since_us = self._start_us
        self._ahead: Batch | None = None

    @property
    def phase(self) -> str:
        """That of the market as a whole: one of `ticks.STATES`."""
        return STATES[int(self.times(max(1, self.seq)).phase[0])]

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

    def time_us(self, seq: int) -> int:
        """Return the market time at the end of a step; of step 0, when the market starts."""
        return self._calendar.time_us(seq)

    def times(self, step: int) -> Times:
        """Return what the calendar says of a step, from 1."""
        return self._calendar.block(step, 1)

    def cause(self, incident: Incident) -> int:
        """Have something happen, as soon as it can; return the first step that shows it. Raises Refusal."""
        check(incident, len(self.universe))
        due = soonest(incident, self._made + 1)
        self._model.cause(due)
        return due.step

    def save(self) -> bytes:
        """Return a checkpoint: the state, and the step that was made ahead of it."""
        ahead = None if self._ahead is None else {"t": self._ahead.t, "rows": self._ahead.rows}
        where = {"identity": self._identity, "epoch": self.epoch, "seq": self.seq, "made": self._made, "ahead": ahead}
        return pack({**where, "since_us": self._since_us, "model": self._model.state(), "tally": self._tally.state()})

    def load(self, data: bytes) -> None:
        """Go on from a checkpoint. Raises SetupError where it is damaged, or another market's."""
        state = unpack(data)
        if state.get("identity") != self._identity:
            raise SetupError("a checkpoint of another market: seed, universe, model, step or version differ")
        self.epoch, self.seq, self._made = state["epoch"], state["seq"], state["made"]
        self._since_us = state["since_us"]
        self._times = self._calendar.block(self._made - self._made % BLOCK_STEPS + 1, BLOCK_STEPS)
        self._model.restore(state["model"], self._made, self._times)
        self._tally.restore(state["tally"])
        ahead = state["ahead"]
        self._ahead = None if ahead is None else Batch(self._made, ahead["t"], ahead["rows"])

    def _next(self) -> Batch:
        at = self._made % BLOCK_STEPS
        seq = self._made + 1
        if at == 0 or self._times is None:
            self._times = self._calendar.block(seq - at, BLOCK_STEPS)
        times = self._times
        t_us, day = int(times.t_us[at]), int(times.day[at])
        since_us = t_us - self.step_us if times.night[at] else self._since_us
        rows = self._model.step(seq, since_us, times, at)
        sound(seq, rows)
        rows |= self._tally.rows(seq, t_us, day, rows[TRADES])
        self._made, self._since_us = seq, t_us
        return Batch(seq, t_us, {channel: rows[channel] for channel in CHANNELS})

    def _name(self, config: MarketConfig) -> str:
        """Return the epoch: equal names mean equal tapes."""
        rates = [config.arrivals, config.trades_per_s, config.quotes_per_s] if config.model == "plain" else []
        identity = [self._model.name, config.seed, self.step_us, self._start_us, rates]
        identity += [[_grown(instrument) for instrument in self.universe], _spelled(self.universe.hours)]
        return hashlib.sha256(orjson.dumps(identity)).hexdigest()[:12]


def _model(config: MarketConfig, universe: Universe) -> Model:
    traits = Traits.of(universe)
    if config.model == "plain":
        every_step = config.arrivals == "every_step"
        step_s = config.step_us / 1_000_000
        rates = Rates.of(step_s, config.trades_per_s, config.quotes_per_s, every_step=every_step)
        return Plain(config.seed, traits, step_s, rates)
    hours = universe.hours
    season = round_the_clock() if hours is None else session(hours.trading_s)
    return Realistic(config.seed, traits, config.step_us, season)


def _named(identity: str, nonce: str) -> str:
    return hashlib.sha256(f"{identity} {nonce}".encode()).hexdigest()[:12] if nonce else identity


def _grown(instrument: Instrument) -> dict[str, Any]:
    """Return what of an instrument decides its ticks: not what a size is called."""
    told = asdict(instrument)
    del told["size_decimals"]
    return told


def _spelled(hours: Hours | None) -> list[Any] | None:
    return [str(hours.zone), hours.pre_open, hours.open, hours.close, hours.end] if hours else None
