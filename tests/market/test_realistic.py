"""The realistic model from inside: what is published is what rests, and what is not finite ends the market."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from ticker import universes
from ticker.config import MarketConfig
from ticker.errors import BrokenMarket
from ticker.market.incidents import Incident
from ticker.market.market import Market
from ticker.market.realistic import Realistic
from ticker.ticks import BOOK, QUOTES, STATUS, TRADES

CONFIG = MarketConfig(instruments=8, start=datetime(2026, 1, 5, 14, 29, 59, tzinfo=UTC))
"""A second of pre-open, the auction in step 100."""
OPEN = 120
REFUSED = (BrokenMarket, ValueError, IndexError)
"""A number that is none may fail as an index or a count before anybody looks whether it is one."""


def model_of(market: Market) -> Realistic:
    assert isinstance(market._model, Realistic)
    return market._model


def opened(config: MarketConfig = CONFIG, steps: int = OPEN) -> Market:
    market = Market(config, universes.load(config))
    for _ in range(steps):
        market.step()
    return market


def test_what_is_published_is_what_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the trades of a step the published book is the best of what rests; what they take shows in the next."""
    market, compared = opened(), []
    match = Realistic._match

    def compare(model: Realistic, *fields: Any) -> Any:
        everybody = np.arange(8)
        published = model._published.state()["depth"]["levels"][~model.turmoil.quiet]
        assert published.tolist() == model._levels.top(everybody)[~model.turmoil.quiet].tolist()
        compared.append(len(published))
        return match(model, *fields)

    monkeypatch.setattr(Realistic, "_match", compare)
    market.cause(Incident("halt", 200, (1, 2), 50))
    market.cause(Incident("freeze", 230, (2, 3), 50))
    trades = sum(len(market.step().rows[TRADES]) for _ in range(600))
    assert len(compared) == 600 and set(compared) == {8, 6, 5}
    assert trades > 50


@pytest.mark.parametrize("state", ["_worth", "_lagging", "_news"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_ends_the_market(state: str, value: float) -> None:
    market = opened()
    getattr(model_of(market), state)[3] = value
    with np.errstate(all="ignore"), pytest.raises(REFUSED):
        market.step()


@pytest.mark.parametrize("ladder", ["own", "market", "liquidity"])
def test_so_does_a_climate_that_is_not(ladder: str) -> None:
    market = opened()
    getattr(model_of(market)._climate, ladder).states[0] = np.nan
    with np.errstate(all="ignore"), pytest.raises(BrokenMarket, match="not finite"):
        for _ in range(40):  # a new one comes with a block
            market.step()


def test_so_does_a_push_that_is_not() -> None:
    market = opened()
    model_of(market).turmoil.push[0] = np.nan
    with np.errstate(all="ignore"), pytest.raises(BrokenMarket, match="not finite"):
        market.step()


def test_arrivals_that_are_not_end_it_as_well() -> None:
    market = opened()
    model_of(market)._orders._excited[0, 2] = np.nan
    with np.errstate(all="ignore"), pytest.raises(REFUSED):
        market.step()


@pytest.mark.parametrize(
    ("channel", "field", "value"),
    [
        *((QUOTES, "bid_ticks", value) for value in (0, -5, 10**9)),
        *((QUOTES, "ask_size", value) for value in (0, -1)),
        *((BOOK, "price_ticks", value) for value in (0, -(2**63))),
        (BOOK, "size", -1),
        *((TRADES, "price_ticks", value) for value in (0, -1)),
        *((TRADES, "size", value) for value in (0, -300)),
    ],
)
def test_no_impossible_number_leaves_a_market(
    monkeypatch: pytest.MonkeyPatch, channel: str, field: str, value: int
) -> None:
    make = Realistic.step

    def spoil(model: Realistic, *fields: Any) -> Any:
        rows = make(model, *fields)
        if len(rows[channel]):
            rows[channel][field][-1] = value
        return rows

    market = opened()
    monkeypatch.setattr(Realistic, "step", spoil)
    with pytest.raises(BrokenMarket, match=f"step [0-9]+: {channel} "):
        for _ in range(100):
            market.step()


def test_two_fat_fingers_of_one_step_name_their_own_trades() -> None:
    market = opened()
    for value in (0.1, 0.2):
        market.cause(Incident("fat_finger", OPEN + 5, (0, 3), 2, value))
    rows: dict[str, list[Any]] = {STATUS: [], TRADES: []}
    for _ in range(10):
        batch = market.step()
        for channel in rows:
            rows[channel] += batch.rows[channel].tolist()
    printed = {(who, n): price for who, n, _, price, *_ in rows[TRADES]}
    named = [(who, ref, price) for who, _, _, _, _, price, _, _, ref in rows[STATUS]]
    assert len(set(named)) == 4 and len(named) == 8, "each is told, and taken back"
    assert all(printed[who, ref] == price for who, ref, price in named)


def test_a_midnight_is_no_night_where_nothing_closes() -> None:
    config = MarketConfig(universe="crypto", step_ms=1000.0, start=datetime(2026, 1, 5, 23, 59, 0, tzinfo=UTC))
    market = opened(config, 59)
    before = model_of(market)._worth.copy()
    market.step(), market.step()
    assert (np.abs(model_of(market)._worth / before - 1) < 0.003).all(), "as in any other second"


def test_a_price_of_one_tick_can_be_traded() -> None:
    universe = universes.load(CONFIG)
    market = Market(CONFIG, type(universe)([type(universe[0])("ONE", "", "", 2, 1, 1, 1, volatility=0.5)]))
    found = [market.step().rows for _ in range(3000)]
    quotes = np.concatenate([rows[QUOTES] for rows in found])
    assert quotes["bid_ticks"].min() >= 1 and len(quotes) > 100
    assert sum(len(rows[TRADES]) for rows in found) > 10
