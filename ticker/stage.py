"""Sets the stage: a market as the configuration wants it, what is going to happen to it, and where it goes on from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC

from msgspec.structs import replace

from ticker import checkpoints, clock, universes
from ticker.config import Config
from ticker.errors import ConfigError, Refusal, SetupError
from ticker.market.foresight import foresee, warnings
from ticker.market.incidents import Incident
from ticker.market.market import Market
from ticker.market.scenarios import Timing
from ticker.scenarios import KEY, Play
from ticker.ticks import Batch, Rows


@dataclass(frozen=True, slots=True)
class Stage:
    """A market; `incidents` have happened or are going to; `shown` is what readers were shown last, if it goes on."""

    market: Market
    timing: Timing
    play: Play
    incidents: list[Incident]
    shown: Batch | None
    seed: int
    warnings: tuple[str, ...] = ()
    """What of the scenario cannot happen when it is meant to."""
    bars: Mapping[str, Sequence[Rows]] = field(default_factory=dict)
    """The finished bars of before, if it goes on."""


def stage(config: Config) -> Stage:
    """Return the stage, ready for its next step. Raises SetupError."""
    play = Play(config.market.scenario)
    universe = universes.load(config.market)
    zone = universe.hours.zone if universe.hours else UTC
    known = checkpoints.load(config.market.checkpoint, play.identity) if config.market.checkpoint else None
    # With the admin API on, a tape depends on what people do: its name must not be taken for another's.
    nonce = f"{play.identity} {clock.wall_us()}" if config.admin.enabled else play.identity
    start = play.start(config.market.start or universe.start, zone)
    market = Market(replace(config.market, start=start), universe, nonce)
    timing = Timing(market.step_us, market.time_us, zone)
    scenario = play.scenario(universe, timing)
    if known is None:
        incidents = [_caused(market, incident, play.name) for incident in scenario.incidents]
        late = foresee(scenario.incidents, len(universe), market.times)
        warned = tuple(f"{play.name}: {sentence}" for sentence in warnings(late, universe, market.step_us))
        return Stage(market, timing, play, incidents, None, config.market.seed, warned)
    try:
        market.load(known.market)
    except SetupError as error:
        raise SetupError(f"market.checkpoint: {config.market.checkpoint}: {error}") from None
    shown = Batch(market.seq, market.time_us(market.seq), known.shown)
    return Stage(market, timing, play, known.incidents, shown, config.market.seed, bars=known.bars)


def _caused(market: Market, incident: Incident, name: str) -> Incident:
    try:
        market.cause(incident)
    except Refusal as refusal:
        raise ConfigError(f"{KEY}: {name}: {refusal.message}") from None
    return incident
