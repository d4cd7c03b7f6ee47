"""What changes slowly: volatility, activity, liquidity, and the factors that move many prices at once.

Computed a block of steps at a time. Log-volatility is a sum of Ornstein-Uhlenbeck processes whose time constants form
a ladder from a minute to two years, which gives it a long memory; part of each is driven by the returns themselves,
so that falls stir the market more than rises. Prices owe their common movement to one factor of the market and one of
each sector (delayed by the model), and their jumps to rare news.
"""

from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ticker.market.draws import keys, pieces, words
from ticker.market.exact import Floats, exp, power
from ticker.market.seasons import COUNT as SEASON_COUNT
from ticker.market.seasons import Season
from ticker.market.tables import COUNT, normal
from ticker.market.traits import Traits

BLOCK_STEPS = 32

_DAY_S = 23_400.0  # of trading: what the constants below call a day
TAUS_S = (60.0, 480.0, 3600.0, 2 * _DAY_S, 10 * _DAY_S, 60 * _DAY_S, 500 * _DAY_S)
OWN_VARIANCE = (0.04, 0.04, 0.04, 0.05, 0.10, 0.14, 0.20)
OWN_LEVERAGE = (0.0, 0.0, -0.1, -0.3, -0.3, -0.2, -0.1)
MARKET_VARIANCE = (0.02, 0.03, 0.04, 0.05, 0.09, 0.11, 0.15)
MARKET_LEVERAGE = (0.0, 0.0, -0.1, -0.25, -0.6, -0.6, -0.3)
LIQUIDITY_TAUS_S = (40.0, 1200.0)
LIQUIDITY_VARIANCE = (0.04, 0.04)
"""Of the logarithm of the half-spread."""
BUSTLE = (0.7, 0.7, 0.2, 0.2, 0.2, 0.2, 0.2)
"""By which powers of the excess of volatility orders come more often, for each time constant."""
CALM = 0.4
"""By which power of the excess of volatility makers widen less."""
ORDINARY = 0.5
"""Begin within so many standard deviations of each process's mean: the first day is an ordinary one."""

MARKET_SHARE, MARKET_SHARE_MAX, SECTOR_SHARE = 0.24, 0.5, 0.16
"""Of an instrument's variance: the market's by beta squared, and its sector's."""
OVERNIGHT_SHARE = 0.2
EARNINGS_CHANCE, EARNINGS_FACTOR = 4 / 252, 4.0
"""Four nights a year are so many times as eventful."""

_WORDS = 4  # a block draws so many for each instrument, and for the market
_STIR_OWN, _STIR_MARKET = 0.5, 0.25  # what a jump adds to the log-volatility of eight minutes
_JUMP_MAX = 12.0


@dataclass(frozen=True, slots=True)
class Weather:
    """What holds for a block of steps. Arrays of shape (instruments,) but for `factor`."""

    factor: Floats
    """Relative returns that come from market and sectors: shape (BLOCK_STEPS, instruments)."""
    own: Floats
    """Standard deviation of the own return in a step."""
    total: Floats
    """Of the whole return in a second."""
    activity: Floats
    """Factor on the rate of orders."""
    spread: Floats
    """Factor on the half-spread."""
    news: Floats
    """Relative jumps that begin with this block."""


class Ladder:
    """Sums of OU processes, one of each time constant: `states` has shape (time constants, width)."""

    def __init__(
        self, taus_s: tuple[float, ...], variances: tuple[float, ...], leverage: tuple[float, ...], block_s: float
    ) -> None:
        keep = exp(np.array([-block_s / tau_s for tau_s in taus_s]))[:, None]
        variance = np.array(variances)[:, None]
        share = np.array(leverage)[:, None]
        self.mean = sum(variances)
        """Of the squares: what the logarithm of a mean square exceeds the mean logarithm by."""
        self._keep = keep
        self._deviation = np.sqrt(variance)
        self._led = np.sqrt(variance * (1 - keep * keep)) * share
        self._free = np.sqrt(variance * (1 - keep * keep)) * np.sqrt(1 - share * share)
        self.states = np.zeros((len(taus_s), 1))

    def begin(self, draws: Floats) -> None:
        """Begin at an ordinary place, by draws of shape (time constants, width)."""
        self.states = self._deviation * np.clip(draws, -ORDINARY, ORDINARY)

    def move(self, returns: Floats | float, draws: Floats) -> None:
        """Advance by a block in which these standardised returns were made."""
        self.states = self._keep * self.states + self._led * returns + self._free * draws

    @property
    def value(self) -> Floats:
        """The sum, of shape (width,)."""
        return self.weighed((1.0,) * len(self.states))

    def weighed(self, weights: tuple[float, ...]) -> Floats:
        """Return the sum with a weight for each time constant, of shape (width,)."""
        total: Floats = weights[0] * self.states[0]
        for weight, row in zip(weights[1:], self.states[1:], strict=True):
            total += weight * row
        return total


class Climate:
    """The slow state of a market of these instruments, in steps of `step_s` and trading days of `season.day_s`."""

    def __init__(self, seed: int, traits: Traits, step_s: float, season: Season) -> None:
        names = sorted(set(traits.sectors))
        self._sector = np.array([names.index(sector) for sector in traits.sectors])
        self._keys = keys(seed, "climate", traits.symbols)
        self._market_key = keys(seed, "market", [""])
        self._factor_keys = keys(seed, "factor", ["", *names])
        self._night_keys = keys(seed, "night", traits.symbols), keys(seed, "night of", ["", *names])
        self._traits = traits
        self._step_s = step_s
        self._block_s = BLOCK_STEPS * step_s
        self._season = season
        self.own = Ladder(TAUS_S, OWN_VARIANCE, OWN_LEVERAGE, self._block_s)
        self.market = Ladder(TAUS_S, MARKET_VARIANCE, MARKET_LEVERAGE, self._block_s)
        none = (0.0,) * len(LIQUIDITY_TAUS_S)
        self.liquidity = Ladder(LIQUIDITY_TAUS_S, LIQUIDITY_VARIANCE, none, self._block_s)
        self.own.begin(normal()[_drawn(keys(seed, "first climate", traits.symbols), 0)[: len(TAUS_S)]])
        self.market.begin(normal()[_drawn(keys(seed, "first climate of", [""]), 0)[: len(TAUS_S)]])
        self.liquidity.begin(np.zeros((len(LIQUIDITY_TAUS_S), len(traits))))
        market = np.minimum(MARKET_SHARE_MAX, MARKET_SHARE * traits.beta * traits.beta)
        shares = market, np.full(len(traits), SECTOR_SHARE), 1 - market - SECTOR_SHARE
        self._market_sd, self._sector_sd, self._own_sd = (traits.volatility * np.sqrt(share) for share in shares)
        self._market_return = 0.0

    def state(self) -> dict[str, Any]:
        """Return all that later blocks depend on."""
        ladders = [ladder.states.copy() for ladder in (self.own, self.market, self.liquidity)]
        return {"ladders": ladders, "market_return": self._market_return}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.own.states, self.market.states, self.liquidity.states = (states.copy() for states in state["ladders"])
        self._market_return = state["market_return"]

    def block(self, number: int, fraction: float, own_returns: Floats) -> Weather:
        """Return the weather of a block; `own_returns` are the standardised own returns of the block before it."""
        drawn = _drawn(self._keys, _WORDS * number)
        common = _drawn(self._market_key, _WORDS * number)
        self.own.move(own_returns, normal()[drawn[: len(TAUS_S)]])
        self.market.move(self._market_return, normal()[common[: len(TAUS_S)]])
        self.liquidity.move(0.0, normal()[drawn[7:9]])
        factors = normal()[pieces(words(self._factor_keys, number * BLOCK_STEPS, BLOCK_STEPS))[:, :, 0]]
        total = sum(factors[:, 0].tolist()) / sqrt(BLOCK_STEPS)
        self._market_return = min(4.0, max(-4.0, total))
        news = self._news(drawn, common)
        return self._weather(min(SEASON_COUNT - 1, int(fraction * SEASON_COUNT)), factors, news)

    def night(self, day: int) -> Floats:
        """Return the relative returns over the night before a day: the market's, the sectors' and everyone's own."""
        own = pieces(words(self._night_keys[0], day, 1))[0]
        common = normal()[pieces(words(self._night_keys[1], day, 1))[0, :, 0]]
        eventful = np.where(own[:, 1] < EARNINGS_CHANCE * COUNT, EARNINGS_FACTOR, 1.0)
        log_m, log_i = self.market.value - self.market.mean, self.own.value - self.own.mean
        found = (
            exp(log_m) * self._market_sd * common[0]
            + exp((log_m + log_i) / 2) * self._sector_sd * common[1:][self._sector]
        )
        found += exp(log_i) * self._own_sd * eventful * normal()[own[:, 0]]
        return np.asarray(np.clip(sqrt(OVERNIGHT_SHARE) * found, -0.5, 0.5), np.float64)

    def _weather(self, place: int, factors: Floats, news: Floats) -> Weather:
        log_m, log_i = self.market.value - self.market.mean, self.own.value - self.own.mean
        stirred = self.market.value + self.own.value
        by_day = ((1 - OVERNIGHT_SHARE) if self._season.has_nights else 1.0) / self._season.day_s
        deviation = self._season.volatility[place] * sqrt(by_day)  # of a day's, in a second
        market = deviation * exp(log_m) * self._market_sd
        sector = deviation * exp((log_m + log_i) / 2) * self._sector_sd
        own = deviation * exp(log_i) * self._own_sd
        root = sqrt(self._step_s)
        return Weather(
            factor=factors[:, :1] * (market * root) + factors[:, 1:][:, self._sector] * (sector * root),
            own=own * root,
            total=np.sqrt(own * own + market * market + sector * sector),
            activity=self._season.activity[place] * exp(self.market.weighed(BUSTLE) + self.own.weighed(BUSTLE)),
            spread=self._season.spread[place]
            * exp(self.liquidity.value - self.liquidity.mean / 2 - CALM * stirred / 2),
            news=news,
        )

    def _news(self, own: NDArray[np.uint16], common: NDArray[np.uint16]) -> Floats:
        """Return the jumps of a block, and let those they hit be stirred."""
        days = self._block_s / self._season.day_s
        jumps = np.zeros(len(self._traits))
        hit = np.flatnonzero(_long(own) < 0.20 * days * 2.0**32)
        if len(hit):
            size = np.minimum(0.40 * power((own[11, hit] + 0.5) / COUNT, -1 / 3.2), _JUMP_MAX)
            jumps[hit] += self._traits.volatility[hit] * size * np.where(own[12, hit] & 1, 1.0, -1.0)
            self.own.states[1, hit] += _STIR_OWN
        if _long(common)[0] < 0.06 * days * 2.0**32:
            size = np.minimum(0.45 * power((common[11] + 0.5) / COUNT, -1 / 3.5), _JUMP_MAX)
            jumps += 0.009 * size * self._traits.beta * (1.0 if common[12, 0] & 1 else -1.0)
            self.market.states[1] += _STIR_MARKET
        return jumps


def _drawn(found: NDArray[np.uint64], first: int) -> NDArray[np.uint16]:
    """Return 16-bit numbers of shape (4 x _WORDS, keys)."""
    return pieces(words(found, first, _WORDS)).transpose(0, 2, 1).reshape(4 * _WORDS, len(found))


def _long(drawn: NDArray[np.uint16]) -> NDArray[np.uint32]:
    """Return the 32-bit number in two places that nothing else uses: rare events need more than 16 bits."""
    found: NDArray[np.uint32] = drawn[9].astype(np.uint32) << 16 | drawn[10]
    return found
