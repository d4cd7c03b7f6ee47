"""Bar 7: events a second of CPU for a thousand instruments, the longest step, and what each part of a step costs.

    python tests/benchmarks/market.py [--universe large] [--activity 10] [--step-ms 20] [--steps 1500] [--rounds 3]

An event is a row on the tape: a trade, a quote, a level of a book, a bar, a statistic, a status. Nothing is encoded.
"""

import argparse
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from findings import Finding, at_least, at_most, tell

from ticker import universes
from ticker.config import MarketConfig
from ticker.market.market import Market
from ticker.market.realistic import Realistic

WARM_UP_STEPS = 200
PARTS = {
    "_turn_weather": "volatility and factors (once in 32 steps)",
    "_quote": "makers: limit orders and cancels",
    "quotes": "quotes",
    "book": "book: ten levels, changes, checksums",
    "_match": "orders at market, trades, what it is worth",
    "tally": "bars and statistics",
}


def timed(part: str, spent: Counter[str], function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that notes how long each call of it takes."""

    def call(*arguments: Any) -> Any:
        start = time.perf_counter()
        result = function(*arguments)
        spent[part] += time.perf_counter() - start  # type: ignore[assignment]
        return result

    return call


def watched(market: Market) -> Counter[str]:
    """Note what the parts of a market's steps take from now on."""
    spent: Counter[str] = Counter()
    model: Any = market._model
    assert isinstance(model, Realistic)
    for name in PARTS:
        owner: Any = market if name == "tally" else model._published if name in ("quotes", "book") else model
        if name == "tally":
            owner._tally.rows = timed(name, spent, owner._tally.rows)
        else:
            setattr(owner, name, timed(name, spent, getattr(owner, name)))
    return spent


def measure(config: MarketConfig, steps: int) -> tuple[float, float, Counter[str]]:
    """Return the seconds of CPU of so many steps, the longest step in seconds of wall time, and the rows by channel."""
    market = Market(config, universes.load(config))
    for _ in range(WARM_UP_STEPS):
        market.step()
    rows: Counter[str] = Counter()
    longest = 0.0
    begun = time.process_time()
    for _ in range(steps):
        start = time.perf_counter()
        batch = market.step()
        longest = max(longest, time.perf_counter() - start)
        rows.update({channel: len(found) for channel, found in batch.rows.items()})
    return time.process_time() - begun, longest, rows


def split(config: MarketConfig, steps: int) -> list[tuple[str, float]]:
    """Return what each part of a step takes, in µs of wall time."""
    market = Market(config, universes.load(config))
    for _ in range(WARM_UP_STEPS):
        market.step()
    spent = watched(market)
    start = time.perf_counter()
    for _ in range(steps):
        market.step()
    total = time.perf_counter() - start
    parts = [(PARTS[name], spent[name] / steps * 1e6) for name in PARTS]
    return [*parts, ("the rest", (total - sum(spent.values())) / steps * 1e6), ("all", total / steps * 1e6)]


def run(arguments: argparse.Namespace) -> Iterator[Finding]:
    """Prints what a step makes and costs; yields the bars."""
    config = MarketConfig(universe=arguments.universe, activity=arguments.activity, step_ms=arguments.step_ms)
    rates, longest = [], []
    for _ in range(arguments.rounds):
        cpu_s, worst_s, rows = measure(config, arguments.steps)
        rates.append(sum(rows.values()) / cpu_s)
        longest.append(worst_s * 1000)
    market_s = arguments.steps * arguments.step_ms / 1000
    print(f"{config.universe}, activity {config.activity:g}, a step of {config.step_ms:g} ms, {arguments.steps} steps")
    print(f"times real time: {market_s / cpu_s:.1f}")
    for channel, count in rows.items():
        print(f"  {channel:8} {count / market_s:12,.0f} a second of market time")
    for name, us in split(config, arguments.steps):
        print(f"  {us:8.0f} µs  {name}")
    what = f"events of {config.universe}, activity {config.activity:g}"
    yield at_least(7, what, 2, statistics.median(rates) / 1e6, " M a second of CPU")
    yield at_most(7, f"longest step of {config.step_ms:g} ms", config.step_ms / 2, max(longest), " ms", 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--universe", default="large")
    parser.add_argument("--activity", type=float, default=10.0)
    parser.add_argument("--step-ms", type=float, default=20.0)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    tell(list(run(arguments)))


if __name__ == "__main__":
    main()
