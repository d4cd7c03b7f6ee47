"""A tape that every interpreter and machine must make alike: `python tests/golden_tape.py` prints its digest."""

from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256

from ticker import universes
from ticker.config import MarketConfig
from ticker.instruments import Universe
from ticker.market.incidents import Incident
from ticker.market.market import Market
from ticker.market.realistic import Realistic
from ticker.ticks import CHANNELS, Batch

MORNING = MarketConfig(instruments=6, step_ms=500.0, start=datetime(2026, 1, 5, 14, 29, 30, tzinfo=UTC))
"""Half a minute of pre-open, the auction in step 60, then trading."""
STEPS = 200
SCRIPT = [
    Incident("halt", 30, (1,), 60),
    Incident("freeze", 55, (2,)),
    Incident("regime", 63, (0, 3), 40, 5.0),
    Incident("shock", 70, (0, 1, 2, 3), 10, -0.1),
    Incident("fat_finger", 72, (4,), 20, 0.2),
    Incident("fat_finger", 72, (4, 5), 3, -0.2),
    Incident("quote_stuffing", 90, (3, 5), 20),
    Incident("thaw", 120, (2,)),
    Incident("shock", 150, (5,), 0, 0.5),
    Incident("halt", 160, (0,)),
]


def market_of(config: MarketConfig, script: Iterable[Incident] = (), universe: Universe | None = None) -> Market:
    market = Market(config, universe or universes.load(config))
    for incident in script:
        market.cause(incident)
    return market


def batches(market: Market, steps: int) -> list[Batch]:
    return [market.step() for _ in range(steps)]


def written(batch: Batch) -> bytes:
    return b"%d %d " % (batch.seq, batch.t) + b"".join(batch.rows[channel].tobytes() for channel in CHANNELS)


def digest(made: Iterable[Batch]) -> str:
    found = sha256()
    for batch in made:
        found.update(written(batch))
    return found.hexdigest()


def golden_tape() -> str:
    """Return the digest of a morning with incidents, of days in long steps, and of a market without end."""
    morning = digest(batches(market_of(MORNING, SCRIPT), STEPS))
    days = digest(batches(market_of(MarketConfig(instruments=4, step_ms=60_000.0, seed=7)), 500))
    endless = digest(batches(market_of(MarketConfig(universe="crypto", instruments=5, seed=3)), 300))
    return sha256(f"{Realistic.name} {morning} {days} {endless}".encode()).hexdigest()


if __name__ == "__main__":
    print(golden_tape())
