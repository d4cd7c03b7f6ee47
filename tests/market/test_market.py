"""The market is a function of seed, universe, rates and step, and what it makes are possible prices."""

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticker import universes
from ticker.config import MarketConfig
from ticker.instruments import Universe
from ticker.market.market import Market
from ticker.market.plain import Plain
from ticker.market.walk import BLOCK_STEPS, Rates, Walk
from ticker.ticks import (
    ASK,
    BARS_1M,
    BARS_1S,
    BID,
    BOOK,
    BUY,
    CHANNELS,
    DTYPES,
    QUOTES,
    SELL,
    STATES,
    STATS,
    STATUS,
    TRADES,
    Rows,
)

STEPS = 1000
SMALL = MarketConfig(model="plain", instruments=7, trades_per_s=40.0, quotes_per_s=60.0)
GOLDEN = ("walk-3", "e744e5dc2bac", "5e749bf0333da098ae4e3d77d1e58dd1ebe29cedcd447738c7325c19c0d74fd3")

configs = st.builds(
    MarketConfig,
    model=st.just("plain"),
    seed=st.sampled_from([0, 1, 2**63 - 1]),
    instruments=st.integers(1, 12),
    universe=st.sampled_from(["default", "crypto", "numbered"]),
    step_ms=st.sampled_from([1.0, 10.0, 1000.0]),
    arrivals=st.sampled_from(["poisson", "every_step"]),
    trades_per_s=st.sampled_from([0.0, 1.0, 50.0, 1000.0]),
    quotes_per_s=st.sampled_from([0.0, 1.0, 50.0, 1000.0]),
)


def changed(**fields: Any) -> MarketConfig:
    return msgspec.structs.replace(SMALL, **fields)


def market_of(config: MarketConfig) -> Market:
    return Market(config, universes.load(config))


def digest(config: MarketConfig, steps: int = STEPS) -> str:
    market = market_of(config)
    found = hashlib.sha256()
    for _ in range(steps):
        batch = market.step()
        for channel in CHANNELS:
            found.update(batch.rows[channel].tobytes())
    return found.hexdigest()


def tape(config: MarketConfig, steps: int = 3 * BLOCK_STEPS + 5) -> dict[str, Rows]:
    """Return all rows of a market's first steps, by channel."""
    market = market_of(config)
    batches = [market.step() for _ in range(steps)]
    return {channel: np.concatenate([batch.rows[channel] for batch in batches]) for channel in CHANNELS}


def test_what_is_prepared_is_what_would_have_been_made() -> None:
    ready, market = market_of(SMALL), market_of(SMALL)
    for k in range(3 * BLOCK_STEPS):
        for _ in range(k % 3):
            ready.prepare()
        found, expected = ready.step(), market.step()
        assert (found.seq, found.t) == (expected.seq, expected.t)
        assert all(np.array_equal(found.rows[channel], expected.rows[channel]) for channel in CHANNELS)


def test_a_step_that_was_prepared_draws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    market = market_of(SMALL)
    for _ in range(BLOCK_STEPS):
        market.step()
    market.prepare()
    monkeypatch.setattr(Walk, "next_block", None)
    for _ in range(BLOCK_STEPS):
        market.step()
    with pytest.raises(TypeError):
        market.step()


def test_the_same_seed_makes_the_same_bytes() -> None:
    assert digest(SMALL) == digest(changed())


@pytest.mark.parametrize(
    "fields",
    [
        {"seed": 2},
        {"seed": 2**63 - 1},
        {"instruments": 8},
        {"universe": "numbered"},
        {"step_ms": 20.0},
        {"trades_per_s": 41.0},
        {"quotes_per_s": 61.0},
        {"arrivals": "every_step"},
        {"start": datetime(2026, 1, 5, 14, 30, 1, tzinfo=UTC)},
    ],
    ids=str,
)
def test_another_market_is_another_tape_and_has_another_name(fields: dict[str, Any]) -> None:
    assert digest(changed(**fields), 200) != digest(SMALL, 200)
    assert market_of(changed(**fields)).epoch != market_of(SMALL).epoch


def test_what_a_size_is_called_makes_no_other_tape() -> None:
    config = MarketConfig(universe="pairs", instruments=3)
    pairs = universes.load(config)
    whole = Universe((replace(one, size_decimals=0) for one in pairs), name=pairs.name, start=pairs.start)
    assert Market(config, whole).epoch == Market(config, pairs).epoch
    fewer = Universe((replace(one, lot=2) for one in pairs), name=pairs.name, start=pairs.start)
    assert Market(config, fewer).epoch != Market(config, pairs).epoch


def test_another_model_has_another_name(monkeypatch: pytest.MonkeyPatch) -> None:
    before = market_of(SMALL).epoch
    monkeypatch.setattr(Plain, "name", "walk-x")
    assert market_of(SMALL).epoch != before


def test_the_model_is_the_one_that_its_name_promises() -> None:
    """Whoever changes a tick changes `Plain.name`, and then this."""
    assert (Plain.name, market_of(SMALL).epoch, digest(SMALL)) == GOLDEN


def test_two_markets_in_one_process_do_not_disturb_each_other() -> None:
    alone = digest(SMALL, 2 * BLOCK_STEPS)
    market, other, found = market_of(SMALL), market_of(changed(seed=9)), hashlib.sha256()
    np.random.seed(1)  # the global generator is nobody's business
    for _ in range(2 * BLOCK_STEPS):
        other.step()
        batch = market.step()
        for channel in CHANNELS:
            found.update(batch.rows[channel].tobytes())
    assert found.hexdigest() == alone


def test_what_was_handed_out_is_not_changed_by_later_steps() -> None:
    market = market_of(SMALL)
    first = market.step()
    before = {channel: first.rows[channel].tobytes() for channel in CHANNELS}
    for _ in range(3 * BLOCK_STEPS):
        market.step()
    assert {channel: first.rows[channel].tobytes() for channel in CHANNELS} == before


@given(configs)
@settings(deadline=None, max_examples=40)
def test_steps_are_numbered_and_dated_from_the_start(config: MarketConfig) -> None:
    market = market_of(config)
    start_us = round(market.universe.start.timestamp() * 1_000_000)
    assert market.time_us(0) == start_us
    for seq in range(1, 2 * BLOCK_STEPS + 2):
        batch = market.step()
        assert batch.seq == market.seq == seq
        assert batch.t == market.time_us(seq)
        for channel in CHANNELS:
            assert batch.rows[channel].dtype == DTYPES[channel]
            if channel not in (BARS_1S, BARS_1M):  # whose time is when they opened
                assert (batch.rows[channel]["t"] == start_us + seq * round(config.step_ms * 1000)).all()


def test_nights_are_skipped() -> None:
    """A minute before the end of a Monday, in steps of 20 seconds."""
    market = market_of(changed(step_ms=20_000.0, start=datetime(2026, 1, 5, 21, 4, tzinfo=UTC)))
    times = [datetime.fromtimestamp(market.step().t / 1e6, UTC) for _ in range(BLOCK_STEPS + 5)]
    assert [f"{moment:%d %H:%M:%S}" for moment in times[:5]] == [
        *("05 21:04:20", "05 21:04:40", "05 21:05:00"),
        *("06 14:25:20", "06 14:25:40"),
    ]
    assert len(set(times)) == BLOCK_STEPS + 5


@given(configs)
@settings(deadline=None, max_examples=40)
def test_n_counts_every_instruments_events_without_a_hole(config: MarketConfig) -> None:
    rows = tape(config)
    for channel in CHANNELS:
        for instrument in range(config.instruments):
            n = rows[channel]["n"][rows[channel]["instrument"] == instrument]
            assert n.tolist() == list(range(1, len(n) + 1))


@given(configs)
@settings(deadline=None, max_examples=40)
def test_rows_of_a_step_are_in_the_order_of_the_instruments(config: MarketConfig) -> None:
    market = market_of(config)
    for _ in range(BLOCK_STEPS + 3):
        for channel, rows in market.step().rows.items():
            several = channel in (BOOK, BARS_1S, BARS_1M)  # rows of an instrument there may be in a step
            assert (np.diff(rows["instrument"]) >= (0 if several else 1)).all()
            assert not len(rows) or 0 <= rows["instrument"].min() <= rows["instrument"].max() < config.instruments


@given(configs)
@settings(deadline=None, max_examples=40)
def test_prices_and_sizes_are_possible(config: MarketConfig) -> None:
    rows = tape(config)
    quotes, trades = rows[QUOTES], rows[TRADES]
    assert (quotes["bid_ticks"] >= 1).all()
    assert (quotes["ask_ticks"] > quotes["bid_ticks"]).all()
    assert (trades["price_ticks"] >= 1).all()
    assert all((column > 0).all() for column in (quotes["bid_size"], quotes["ask_size"], trades["size"]))
    assert set(trades["side"].tolist()) <= {BUY, SELL}


@given(configs)
@settings(deadline=None, max_examples=20)
def test_the_book_is_what_is_quoted(config: MarketConfig) -> None:
    market = market_of(config)
    book: dict[tuple[int, int], dict[int, int]] = {}
    for _ in range(BLOCK_STEPS + 3):
        rows = market.step().rows
        for _, who, side, price, size in rows[BOOK][["t", "instrument", "side", "price_ticks", "size"]].tolist():
            levels = book.setdefault((who, side), {})
            levels[price] = size
            if not size:
                del levels[price]
        for who, bid, bid_size, ask, ask_size in rows[QUOTES][
            ["instrument", "bid_ticks", "bid_size", "ask_ticks", "ask_size"]
        ].tolist():
            assert (book[who, BID], book[who, ASK]) == ({bid: bid_size}, {ask: ask_size})


def test_everything_trades_from_the_first_step_on() -> None:
    rows = tape(SMALL)[STATUS]
    assert rows["instrument"].tolist() == list(range(SMALL.instruments))
    assert {STATES[state] for state in rows["state"]} == {"trading"}


@given(configs)
@settings(deadline=None, max_examples=20)
def test_bars_and_statistics_are_of_the_trades(config: MarketConfig) -> None:
    steps = 2 * BLOCK_STEPS
    rows = tape(config, steps)
    until = market_of(config).time_us(steps)
    done = rows[BARS_1S][rows[BARS_1S]["done"] == 1]
    trades = rows[TRADES][rows[TRADES]["t"] < until // 1_000_000 * 1_000_000]
    assert done["volume"].sum() == trades["size"].sum()
    assert done["turnover"].sum() == (trades["size"] * trades["price_ticks"]).sum()
    assert set(rows[STATS]["instrument"].tolist()) <= set(rows[TRADES]["instrument"].tolist())


def test_a_price_that_falls_to_the_floor_bounces() -> None:
    rates = Rates.of(1.0, 1000.0, 1000.0, every_step=False)
    walk = Walk(1, np.array([1, 2, 3], np.int64), np.ones(3, np.int64), rates)
    times = np.arange(BLOCK_STEPS)
    bids = np.concatenate([walk.next_block(times).rows[QUOTES]["bid_ticks"] for _ in range(10)])
    assert bids.min() == 1
    assert bids.max() > 3


@given(configs.filter(lambda config: config.quotes_per_s >= 1))
@settings(deadline=None, max_examples=40)
def test_a_trade_prints_at_the_quote_that_stands(config: MarketConfig) -> None:
    market = market_of(config)
    standing: dict[int, tuple[int, int]] = {}
    for _ in range(BLOCK_STEPS + 20):
        batch = market.step()
        for quote in batch.rows[QUOTES]:
            standing[int(quote["instrument"])] = (int(quote["bid_ticks"]), int(quote["ask_ticks"]))
        for trade in batch.rows[TRADES]:
            bid, ask = standing[int(trade["instrument"])]
            assert trade["price_ticks"] == (ask if trade["side"] == BUY else bid)


@given(configs)
@settings(deadline=None, max_examples=20)
def test_everything_is_quoted_in_the_first_step(config: MarketConfig) -> None:
    assert market_of(config).step().rows[QUOTES]["instrument"].tolist() == list(range(config.instruments))


def test_no_quotes_but_the_opening_ones_where_none_are_wanted() -> None:
    assert len(tape(changed(quotes_per_s=0.0))[QUOTES]) == SMALL.instruments


def test_no_trades_where_none_are_wanted() -> None:
    assert len(tape(changed(trades_per_s=0.0))[TRADES]) == 0


def test_every_step_arrivals_make_one_trade_per_instrument_and_step() -> None:
    market = market_of(changed(arrivals="every_step", trades_per_s=0.0))
    for _ in range(2 * BLOCK_STEPS + 1):
        assert market.step().rows[TRADES]["instrument"].tolist() == list(range(SMALL.instruments))


def test_rates_are_about_what_was_asked_for() -> None:
    seconds = STEPS * 0.01 * SMALL.instruments
    assert len(tape(changed(quotes_per_s=0.0), STEPS)[TRADES]) == pytest.approx(40 * seconds, rel=0.1)
    assert len(tape(changed(trades_per_s=0.0), STEPS)[QUOTES]) == pytest.approx(60 * seconds, rel=0.1)


def test_prices_go_both_ways_and_buyers_are_no_rarer_than_sellers() -> None:
    rows = tape(changed(instruments=0, arrivals="every_step"), STEPS)
    first, last = rows[QUOTES]["bid_ticks"][:100], rows[QUOTES]["bid_ticks"][-100:]
    assert 20 < np.count_nonzero(last > first) < 80
    assert 0.48 < rows[TRADES]["side"].mean() < 0.52
