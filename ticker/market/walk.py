"""A plain random walk on the tick grid, computed a block of steps at a time.

Random numbers are counter-based: block `b` draws the same ones whatever was drawn before it. All arithmetic is on
integers, so that every machine computes the same bytes.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ticker.ticks import BUY, DTYPES, EMPTY, QUOTES, SELL, TRADES, Rows

BLOCK_STEPS = 64
"""Steps computed together: numpy's cost is a call, not an element."""

_DRAWS = 8  # 16-bit random numbers per instrument and step
_FULL = 1 << 16

# Sizes in lots, drawn by one byte: half of all are a single hundred, few are large.
_LOTS = np.repeat(np.array([100, 200, 300, 500, 1000, 2000, 5000, 7]), [120, 50, 24, 20, 14, 5, 1, 22]).astype(np.int64)


@dataclass(frozen=True, slots=True)
class Rates:
    """How often things happen to an instrument, as chances out of 65,536 a step."""

    trade: int
    quote: int
    every_step: bool

    @classmethod
    def of(cls, step_s: float, trades_per_s: float, quotes_per_s: float, *, every_step: bool) -> "Rates":
        """Return the chances in a step of `step_s` seconds; at most one trade and one refresh fit in a step."""
        trade = _FULL if every_step else min(_FULL, round(trades_per_s * step_s * _FULL))
        return cls(trade, min(_FULL, round(quotes_per_s * step_s * _FULL)), every_step)


@dataclass(frozen=True, slots=True)
class Block:
    """The ticks of `BLOCK_STEPS` steps: rows by channel, and where each step begins in them."""

    rows: dict[str, Rows]
    starts: dict[str, list[int]]

    def step(self, offset: int) -> dict[str, Rows]:
        """Return the rows of one step of the block, as views."""
        step = {}
        for channel, rows in self.rows.items():
            start, end = self.starts[channel][offset : offset + 2]
            step[channel] = rows[start:end] if start < end else EMPTY[channel]
        return step


class Walk:
    """The state of every instrument between blocks: where its bid is and how many events it has had."""

    def __init__(self, seed: int, reference_ticks: NDArray[np.int64], lots: NDArray[np.int64], rates: Rates) -> None:
        self._seed = seed
        self._rates = rates
        self._lots = lots
        self._path = reference_ticks.astype(np.int64)
        self._spread = 1 + np.arange(len(reference_ticks), dtype=np.int64) % 3
        self._n = {channel: np.zeros(len(reference_ticks), np.int64) for channel in (QUOTES, TRADES)}
        self._block = 0

    def state(self) -> dict[str, Any]:
        """Return all that the next block depends on; nothing in it changes later."""
        return {"path": self._path, "n": dict(self._n), "block": self._block}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self._path, self._n, self._block = state["path"], dict(state["n"]), state["block"]

    def next_block(self, times: NDArray[np.int64]) -> Block:
        """Advance by `BLOCK_STEPS`, whose market times are given in microseconds."""
        draws = self._draw()
        trade = draws[0] < self._rates.trade
        refresh = draws[1] < self._rates.quote
        # One event in four moves the bid up a tick, one in four down.
        move = (trade | refresh) * ((draws[2] >= 3 * _FULL // 4).astype(np.int64) - (draws[2] < _FULL // 4))
        path = self._path + np.cumsum(move, axis=0)
        bid = 1 + np.abs(path - 1)  # reflected, so that no price is ever below one tick
        ask = bid + self._spread
        quote = (refresh | (move != 0)) if self._rates.quote else np.zeros_like(refresh)
        if self._block == 0:
            quote[0] = True
        side = np.where(draws[3] & 1, SELL, BUY)
        blocks = {
            QUOTES: self._rows(
                QUOTES,
                quote,
                times,
                bid_ticks=bid,
                bid_size=self._sizes(draws[4]),
                ask_ticks=ask,
                ask_size=self._sizes(draws[5]),
            ),
            TRADES: self._rows(
                TRADES, trade, times, price_ticks=np.where(side == BUY, ask, bid), size=self._sizes(draws[6]), side=side
            ),
        }
        self._path = path[-1].copy()  # a view would keep the whole block
        self._block += 1
        return Block({c: rows for c, (rows, _) in blocks.items()}, {c: starts for c, (_, starts) in blocks.items()})

    def _draw(self) -> NDArray[np.int64]:
        """Return random numbers below 65,536, of shape (draws, steps, instruments)."""
        shape = (_DRAWS, BLOCK_STEPS, len(self._path))
        bits = np.random.Philox(key=[self._seed, 0], counter=[0, 0, 0, self._block])
        raw = bits.random_raw(int(np.prod(shape)) // 4)
        draws: NDArray[np.int64] = raw.astype("<u8").view("<u2").reshape(shape).astype(np.int64)
        return draws

    def _sizes(self, draws: NDArray[np.int64]) -> NDArray[np.int64]:
        sizes: NDArray[np.int64] = _LOTS[draws & 255] * self._lots
        return sizes

    def _rows(
        self, channel: str, happens: NDArray[np.bool_], times: NDArray[np.int64], **columns: NDArray[np.int64]
    ) -> tuple[Rows, list[int]]:
        step, instrument = np.nonzero(happens)
        count = np.cumsum(happens, axis=0) + self._n[channel]
        rows = np.empty(len(step), DTYPES[channel])
        rows["instrument"] = instrument
        rows["n"] = count[step, instrument]
        rows["t"] = times[step]
        for name, values in columns.items():
            rows[name] = values[step, instrument]
        self._n[channel] = count[-1].copy()
        return rows, np.searchsorted(step, np.arange(BLOCK_STEPS + 1)).tolist()
