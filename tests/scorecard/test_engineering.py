"""What a run must keep: the same bytes twice, quotes that do not cross, trades where the quote stood."""

from dataclasses import replace

import numpy as np
import pytest

from synthetic import naive_walk, plain, plain_market, session
from ticker.market.market import Market
from ticker.scorecard.engineering import among_fewer, continued, digest, engineering, off_touch, twice
from ticker.scorecard.sessions import Session
from ticker.ticks import Batch


def market(seed: int = 1) -> Market:
    return plain_market(seed=seed, instruments=5, step_ms=100)


def test_a_fresh_market_makes_the_same_bytes_again() -> None:
    row = twice(market, 50)
    assert (row.count, row.broken, row.passed) == (50, 0, True)
    assert digest(market(), 50) != digest(market(2), 50)
    assert digest(market(), 50) != digest(market(), 51)


def test_a_market_that_depends_on_anything_else_is_found() -> None:
    seeds = iter((1, 2))
    assert not twice(lambda: market(next(seeds)), 50).passed


class Forgetful(Market):
    """A market that does not load what it saved."""

    def load(self, data: bytes) -> None:
        del data


def test_a_market_goes_on_from_a_checkpoint_or_is_found_out() -> None:
    row = continued(market, 81)
    assert (row.count, row.passed) == (81, True)
    assert not continued(lambda: Forgetful(plain(instruments=5, step_ms=100), market().universe), 81).passed


class Alone:
    """A market of instruments that each have a walk of their own."""

    step_us = 100_000

    def __init__(self, instruments: int) -> None:
        self.universe = plain_market(instruments=instruments).universe
        self._walks = [market_of_one(seed) for seed in range(instruments)]

    def step(self) -> Batch:
        batches = [walk.step() for walk in self._walks]
        for index, batch in enumerate(batches):
            for rows in batch.rows.values():
                rows["instrument"] = index
        joined = {channel: np.concatenate([batch.rows[channel] for batch in batches]) for channel in batches[0].rows}
        return Batch(batches[0].seq, batches[0].t, joined)


def market_of_one(seed: int) -> Market:
    return plain_market(seed=seed, instruments=1, step_ms=100)


def test_instruments_that_do_not_depend_on_others_are_told_from_those_that_do() -> None:
    row = among_fewer(Alone, 5, 100)
    assert (row.count, row.broken, row.passed) == (2, 0, True)
    # The plain walk draws for all instruments at once.
    together = among_fewer(lambda count: plain_market(instruments=count, step_ms=100), 5, 100)
    assert (together.count, together.broken) == (2, 2)
    assert among_fewer(Alone, 1).count == 0


def test_a_naive_walk_is_at_least_well_formed() -> None:
    assert [(row.name, row.broken) for row in engineering([naive_walk(1, 3600.0)])] == [
        ("bid below ask", 0),
        ("sizes > 0", 0),
        ("prices in whole ticks > 0", 0),
        ("trades at the touch", 0),
    ]


@pytest.mark.parametrize(
    ("column", "value", "row"),
    [("ask_ticks", 1, 0), ("bid_size", 0, 1), ("size", -5, 1), ("price_ticks", 0, 2), ("bid_ticks", -1, 2)],
)
def test_what_cannot_be_is_counted(column: str, value: int, row: int) -> None:
    walk = naive_walk(1, 3600.0)
    broken = getattr(walk, column).copy()
    broken[[3, 9]] = value
    found = engineering([replace(walk, **{column: broken})])[row]
    assert found.broken == 2 and not found.passed


def test_prices_off_the_grid_are_counted() -> None:
    walk = naive_walk(1, 600.0)
    off = replace(walk, price_ticks=walk.price_ticks + 0.5)
    assert engineering([off])[2].broken == len(walk.trade_s) + len(walk.quote_s)


def traded(prices: list[int], sides: list[int], times: list[float]) -> Session:
    return session(
        quote_s=np.array([0.0, 5.0]),
        bid_ticks=np.array([10, 12]),
        ask_ticks=np.array([11, 14]),
        bid_size=np.array([1, 1]),
        ask_size=np.array([1, 1]),
        trade_s=np.array(times),
        price_ticks=np.array(prices),
        size=np.ones(len(prices), np.int64),
        side=np.array(sides),
    )


@pytest.mark.parametrize(
    ("prices", "sides", "times", "off"),
    [
        ([11, 10], [1, -1], [0.0, 5.5], 1),  # 10 is below the bid that stands since 5
        ([11, 12, 13], [1, 1, 1], [1.0, 1.0, 1.0], 0),  # walks up the book
        ([12], [1], [1.0], 1),  # the first one prints at the touch
        ([13], [1], [5.0], 0),  # inside the spread
        ([10, 9, 12], [-1, -1, -1], [1.0, 1.0, 1.0], 1),  # a sale above the ask
    ],
)
def test_trades_print_at_the_touch_or_walk_the_book(
    prices: list[int], sides: list[int], times: list[float], off: int
) -> None:
    assert off_touch(traded(prices, sides, times)) == off


def test_trades_alone_say_nothing_of_a_touch() -> None:
    rows = engineering([session(trade_s=np.array([1.0]), price_ticks=np.array([9]), size=np.array([1]))])
    assert [row.count for row in rows] == [0, 1, 1, 0]
    assert not rows[3].passed
