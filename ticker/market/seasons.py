"""How a trading day goes: volatility, activity and spread by the fraction of it that has passed.

An exchange with hours is busy at its opening and before its close (Wood, McInish and Ord, 1985); one that never closes
follows the sun over the continents that trade there.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from ticker.market.exact import Floats, exp

COUNT = 1024


@dataclass(frozen=True, slots=True)
class Season:
    """Factors at `COUNT` places of a day of `day_s` seconds: volatility with mean square 1, activity with mean 1."""

    volatility: Floats
    activity: Floats
    spread: Floats
    day_s: float
    has_nights: bool


def session(day_s: float) -> Season:
    """Return the season of a market with hours."""
    u = (np.arange(COUNT) + 0.5) / COUNT
    volatility = 0.74 + 1.30 * exp(-u / 0.045) + 0.35 * exp(-(1 - u) / 0.10)
    activity = 0.72 + 1.25 * exp(-u / 0.06) + 1.9 * exp(-(1 - u) / 0.045)
    spread = 0.88 + 2.4 * exp(-u / 0.05)
    return _scaled(volatility, activity, spread, day_s, has_nights=True)


def round_the_clock() -> Season:
    """Return the season of a market that never closes: quiet before the east wakes, busy when east and west overlap."""
    u = (np.arange(COUNT) + 0.5) / COUNT
    busy = np.zeros(COUNT)
    for centre, width, height in ((0.08, 0.10, 0.5), (0.38, 0.09, 0.5), (0.62, 0.10, 1.0)):
        for turn in (-1, 0, 1):
            away = (u - centre - turn) / width
            busy += height * exp(np.maximum(-away * away, -700.0))
    return _scaled(0.7 + 0.6 * busy, 0.6 + busy, 1.2 - 0.3 * busy, 86_400.0, has_nights=False)


def _scaled(volatility: Floats, activity: Floats, spread: Floats, day_s: float, *, has_nights: bool) -> Season:
    root = sqrt(sum((volatility * volatility).tolist()) / COUNT)
    return Season(volatility / root, activity / (sum(activity.tolist()) / COUNT), spread, day_s, has_nights)
