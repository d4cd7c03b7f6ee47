"""The slow layers of the model alone, in steps of six and a half minutes: years of returns in minutes.

Volatility, factors, jumps and nights are those of `climate`; what orders do to a price within such a step is taken for
a normal return of the same variance.
"""

from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ticker.market.climate import BLOCK_STEPS, Climate
from ticker.market.draws import keys, pieces, words
from ticker.market.exact import log
from ticker.market.seasons import Season
from ticker.market.tables import normal
from ticker.market.traits import Traits

BLOCKS = 60
"""Of a day: six and a half minutes each in New York."""


class Years(NamedTuple):
    """Log returns: `night` of shape (days, instruments), `session` of shape (days, BLOCKS, instruments), float32."""

    night: NDArray[np.float32]
    session: NDArray[np.float32]


def years(seed: int, traits: Traits, season: Season, days: int) -> Years:
    """Return so many days of a market of these instruments."""
    count = len(traits)
    climate = Climate(seed, traits, season.day_s / BLOCKS / BLOCK_STEPS, season)
    found = keys(seed, "macro", traits.symbols)
    night = np.zeros((days, count), np.float32)
    session = np.empty((days, BLOCKS, count), np.float32)
    own = np.zeros(count)
    for day in range(days):
        if day and season.has_nights:
            night[day] = log(1 + climate.night(day))
        noise = normal()[pieces(words(found, day * BLOCKS, BLOCKS))[:, :, 0]]
        for block in range(BLOCKS):
            weather = climate.block(day * BLOCKS + block, block / BLOCKS, own)
            own = noise[block]
            moved = weather.factor.sum(axis=0) + weather.own * sqrt(BLOCK_STEPS) * own + weather.news
            session[day, block] = log(1 + np.maximum(moved, -0.9))
    return Years(night, session)
