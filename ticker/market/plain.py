"""The plain model: a random walk at set rates with one level of book a side, for load tests.

It never closes, and incidents can only silence it.
"""

from typing import Any

import numpy as np

from ticker.market.calendar import Times
from ticker.market.depth import Depth, levels_of
from ticker.market.incidents import Incident
from ticker.market.silence import Silence
from ticker.market.traits import Traits
from ticker.market.walk import Block, Rates, Walk
from ticker.ticks import BOOK, LEVELS, QUOTES, Rows


class Plain:
    """The state of every instrument; steps are made in order, each once."""

    name = "walk-3"

    def __init__(self, seed: int, traits: Traits, step_s: float, rates: Rates) -> None:
        self._walk = Walk(seed, traits.reference_ticks, traits.lot, rates)
        self._silence = Silence(len(traits), step_s)
        self._depth = Depth(len(traits))
        self._begun = self._walk.state()
        self._block: Block | None = None

    def cause(self, incident: Incident) -> None:
        """Take in what is to happen at a step that has not been made. Raises Refusal for what cannot."""
        self._silence.cause(incident)

    def step(self, step: int, since_us: int, times: Times, at: int) -> dict[str, Rows]:  # noqa: ARG002  # a Model's
        """Make a step: number `at` of the block with these times."""
        if at == 0 or self._block is None:
            self._begun = self._walk.state()
            self._block = self._walk.next_block(times.t_us)
        rows = self._silence.take(step, int(times.t_us[at]), self._block.step(at))
        rows[BOOK] = self._touch(rows[QUOTES])
        return rows

    def state(self) -> dict[str, Any]:
        """Return how the block of the last step began, and all that changes within it."""
        return {"walk": self._begun, "silence": self._silence.state(), "depth": self._depth.state()}

    def restore(self, state: dict[str, Any], step: int, times: Times) -> None:
        """Go on from a state that was taken after a step."""
        self._begun = state["walk"]
        self._walk.restore(self._begun)
        self._silence.restore(state["silence"])
        self._depth.restore(state["depth"])
        self._block = None
        if step:
            # After the last step of a block its walk has to be made once more, for the next one to begin.
            self._block = self._walk.next_block(times.t_us)

    def _touch(self, quotes: Rows) -> Rows:
        """Return what quotes change in the book, which has no more than them: one level a side."""
        sides = np.zeros((4, len(quotes), LEVELS), np.int64)
        for side, name in zip(sides, ("ask_ticks", "ask_size", "bid_ticks", "bid_size"), strict=True):
            side[:, 0] = quotes[name]
        return self._depth.rows(quotes["instrument"], levels_of(*sides), quotes["t"])
