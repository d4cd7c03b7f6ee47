"""The micro facts of sessions made so that the answer is known."""

from dataclasses import replace

import numpy as np
import pytest

from synthetic import naive_walk, poisson_times, quotes, session
from ticker.scorecard import quoting, trading
from ticker.scorecard.checks import MICRO
from ticker.scorecard.facts import micro_facts
from ticker.scorecard.sessions import Session, merged, sampled, two_sided

DICE = np.random.default_rng(5)


def trades(times: np.ndarray, **columns: np.ndarray) -> Session:
    n = len(times)
    plain = {"price_ticks": np.full(n, 1000), "size": np.full(n, 100), "side": np.ones(n, np.int64)}
    return session(trade_s=times, **{**plain, **columns})


def test_poisson_arrivals_have_no_memory() -> None:
    facts = trading.arrival_facts(trades(poisson_times(DICE, 1.0, 23_400)))
    assert facts["duration CV"] == pytest.approx(1, abs=0.03)
    assert facts["duration ACF(1)"] == pytest.approx(0, abs=0.03)
    assert facts["Fano counts 1 s"] == pytest.approx(1, abs=0.05)
    assert facts["Fano counts 60 s"] == pytest.approx(1, abs=0.3)


def test_arrivals_in_waves_are_over_dispersed_and_remembered() -> None:
    minutes = np.repeat(np.tile([0.2, 3.0], 10), 20)  # quiet and busy times of 20 minutes
    times = np.concatenate([60 * i + poisson_times(DICE, rate, 60) for i, rate in enumerate(minutes[:390])])
    facts = trading.arrival_facts(trades(np.sort(times)))
    assert facts["duration CV"] > 1.5 and facts["duration ACF(1)"] > 0.1
    assert facts["Fano counts 60 s"] > 40
    assert facts["count ACF at 10 min"] == pytest.approx(0, abs=0.15)  # a quarter of the wave's period


def test_prints_of_one_instant_and_side_are_one_trade() -> None:
    raw = trades(
        np.array([1.0, 1.0, 1.0, 1.0, 2.0]),
        price_ticks=np.array([10, 11, 12, 9, 10]),
        size=np.array([1, 2, 3, 4, 5]),
        side=np.array([1, 1, 1, -1, -1]),
    )
    one = merged(raw)
    assert one.trade_s.tolist() == [1, 1, 2]
    assert one.price_ticks.tolist() == [11, 9, 10]
    assert one.size.tolist() == [6, 4, 5]
    assert one.side.tolist() == [1, -1, -1]


def test_signs_that_repeat_with_probability_p_have_an_acf_of_2p_minus_1() -> None:
    flips = DICE.uniform(size=60_000) > 0.75
    side = np.where(np.cumsum(flips) % 2, 1, -1)
    assert trading.sign_facts(trades(np.arange(60_000.0), side=side))["trade-sign ACF(1)"] == pytest.approx(
        0.5, abs=0.02
    )


def test_signs_of_power_law_runs_decay_with_exponent_alpha_minus_one() -> None:
    lengths = np.ceil(DICE.uniform(size=300_000) ** (-1 / 1.6)).astype(int)
    side = np.repeat(DICE.choice([-1, 1], len(lengths)), np.minimum(lengths, 100_000))
    found = trading.sign_facts(trades(np.arange(float(len(side))), side=side))
    assert found["trade-sign ACF exponent"] == pytest.approx(0.6, abs=0.1)


def test_sizes_are_counted_by_kind() -> None:
    size = np.array([100, 100, 200, 50, 150, 7, 1000, 99])
    facts = trading.lot_facts(trades(np.arange(8.0), size=size))
    assert facts["round-lot share"] == 0.5
    assert facts["share of exactly 100"] == 0.25
    assert facts["odd-lot share"] == 0.375
    shape = trading.size_facts(trades(np.arange(8.0), size=size))
    assert shape["sd of log size"] == pytest.approx(np.log(size).std())


def test_a_bounce_between_bid_and_ask_has_minus_a_half_and_a_signature_above_one() -> None:
    # A coin's bounce around a price that stands still: changes have an ACF(1) of exactly -1/2.
    price = 1000 + DICE.integers(0, 2, 23_400)
    facts = trading.price_facts(trades(np.arange(23_400.0), price_ticks=price))
    assert facts["trade price-change ACF(1)"] == pytest.approx(-0.5, abs=0.02)
    assert facts["signature, trades 1s/300s"] == pytest.approx(300, rel=0.1)


def test_a_random_walk_has_a_flat_signature_and_no_memory() -> None:
    bid = 100_000 + np.cumsum(DICE.integers(-2, 3, 23_400))
    facts = quoting.mid_facts(session(**quotes(np.arange(23_400.0), bid)))
    assert facts["signature, mid 1s/300s"] == pytest.approx(1, abs=0.3)
    assert facts["mid ACF(1) 1 s"] == pytest.approx(0, abs=0.03)
    assert facts["mid alternation share"] == pytest.approx(0.5, abs=0.02)


def test_a_mid_that_goes_back_and_forth_alternates_always() -> None:
    bid = 1000 + np.arange(5000) % 2
    assert quoting.mid_facts(session(**quotes(np.arange(5000.0), bid)))["mid alternation share"] == 1


def test_activity_is_measured_against_midday() -> None:
    at = [poisson_times(DICE, rate, 1800) + 1800 * i for i, rate in enumerate([3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2])]
    facts = trading.activity_facts(trades(np.concatenate(at)))
    assert facts == pytest.approx({"activity open/mid": 3, "activity close/mid": 2}, rel=0.05)


def test_returns_that_grow_with_the_number_of_trades_are_correlated_with_it() -> None:
    counts = DICE.integers(1, 20, 390)
    times = np.concatenate([60 * i + np.sort(DICE.uniform(0.1, 59, n)) for i, n in enumerate(counts)])
    path = 100_000 + np.cumsum(counts * DICE.choice([-10, 10], 390))
    day = trades(times, size=np.full(len(times), 7))
    facts = trading.volume_facts(session(**quotes(60 * np.arange(390) + 59.0, path), **_columns(day)))
    assert facts["corr(|r|, N) 1 min"] > 0.95
    assert facts["corr(|r|, V) 1 min"] == pytest.approx(facts["corr(|r|, N) 1 min"])


def _columns(day: Session) -> dict[str, np.ndarray]:
    return {name: getattr(day, name) for name in ("trade_s", "price_ticks", "size", "side")}


def test_the_spread_is_weighted_by_time_and_compared_with_midday() -> None:
    bid = np.full(3, 1000)
    day = session(**{**quotes(np.array([0.0, 1800.0, 21_600.0]), bid), "ask_ticks": bid + np.array([4, 2, 2])})
    assert quoting.spread_day_facts(day) == {"spread open/mid": 2.0}
    mean = (4 * 1800 + 2 * 21_600) / 23_400
    assert quoting.mean_spread_ticks(day) == pytest.approx(mean)
    sd = np.sqrt((1800 * (4 - mean) ** 2 + 21_600 * (2 - mean) ** 2) / 23_400)
    assert quoting.spread_facts(day)["spread CV"] == pytest.approx(sd / mean)


def test_a_trade_that_moves_the_mid_a_tick_for_good_has_the_same_response_at_every_lag() -> None:
    side = DICE.choice([-1, 1], 20_000)
    times = np.arange(20_000.0)
    bid = 100_000 + np.concatenate([[0], np.cumsum(side)[:-1]])
    day = session(**quotes(times, bid, spread=2), trade_s=times, price_ticks=bid, size=side * 0 + 1, side=side)
    assert quoting.response(day, 3) == pytest.approx([0.5, 0.5, 0.5], abs=0.02)
    assert quoting.response_facts(day)["response growth R10/R1"] == pytest.approx(1, abs=0.05)


def test_order_flow_is_counted_as_the_paper_does() -> None:
    day = session(
        quote_s=np.arange(5.0),
        bid_ticks=np.array([10, 10, 11, 11, 10]),
        bid_size=np.array([5, 8, 3, 3, 6]),
        ask_ticks=np.array([12, 12, 12, 13, 12]),
        ask_size=np.array([7, 7, 4, 9, 2]),
    )
    # bid grows 3; a better bid of 3 and the ask loses 3; the ask of 4 goes away; the bid of 3 goes, an ask of 2 comes.
    assert quoting.order_flow(day).tolist() == [0, 3, 6, 4, -5]


def test_a_mid_made_of_order_flow_is_explained_by_it() -> None:
    steps = DICE.choice([-1, 1], 23_400)
    day = session(**quotes(np.arange(23_400.0), 100_000 + np.cumsum(steps)))
    assert quoting.flow_facts(day)["OFI R2 10 s"] == pytest.approx(1)


def test_signed_volume_explains_what_it_moved_and_nothing_else() -> None:
    side = DICE.choice([-1, 1], 23_000)
    times = np.arange(23_000.0) + 0.5
    moved = session(**quotes(times + 0.1, 100_000 + np.cumsum(side)), trade_s=times, size=side * 0 + 5, side=side)
    other = session(
        **quotes(times, 100_000 + np.cumsum(DICE.choice([-1, 1], 23_000))), trade_s=times, size=side * 0 + 5, side=side
    )
    assert quoting.trade_flow_facts(moved)["trade-imbalance R2 10 s"] > 0.95
    assert quoting.trade_flow_facts(other)["trade-imbalance R2 10 s"] < 0.01


def test_queues_that_know_the_next_move_are_believed() -> None:
    up = DICE.uniform(size=20_000) < 0.5
    told = DICE.uniform(size=20_000) < 0.7  # the sizes tell the truth about the next move seven times in ten
    bid = 100_000 + np.concatenate([[0], np.cumsum(np.where(up, 1, -1))[:-1]])
    bid_size = np.where(up == told, 900, 100)
    day = session(**{**quotes(np.arange(20_000.0), bid), "bid_size": bid_size, "ask_size": 1000 - bid_size})
    facts = quoting.queue_facts(day)
    assert facts["P(up | imbalance>.5)"] == pytest.approx(0.7, abs=0.02)
    assert facts["P(up | imbalance<-.5)"] == pytest.approx(0.3, abs=0.02)


def test_the_next_move_is_the_next_that_moves() -> None:
    day = session(**{**quotes(np.arange(4.0), np.array([10, 10, 10, 11])), "bid_size": np.array([900, 900, 100, 100])})
    assert quoting.queue_facts(day)["P(up | imbalance>.5)"] == 1
    assert np.isnan(quoting.queue_facts(day)["P(up | imbalance<-.5)"])


def test_sampling_takes_the_previous_tick_and_the_first_before_it() -> None:
    assert sampled(np.array([1.0, 2.0]), np.array([10, 20]), np.array([0, 1, 1.9, 2, 9])).tolist() == [
        10,
        10,
        10,
        20,
        20,
    ]


def test_quotes_without_a_side_are_left_out() -> None:
    day = session(**{**quotes(np.arange(3.0), np.array([10, 10, 10])), "bid_size": np.array([1, 0, 1])})
    assert two_sided(day).quote_s.tolist() == [0, 2]


def test_what_a_source_lacks_is_left_out_not_invented() -> None:
    walk = naive_walk(1)
    everything = micro_facts(walk)
    assert len(everything) == 31
    without_quotes = micro_facts(session(**_columns(walk)))
    assert len(without_quotes) == 31 - sum(check.quoted for check in MICRO)
    without_sides = micro_facts(session(**{**_columns(walk), "side": walk.side * 0}))
    assert set(without_quotes) - set(without_sides) == {"trade-sign ACF(1)", "trade-sign ACF exponent"}
    in_parts = micro_facts(replace(walk, size_unit=0.01))
    assert set(everything) - set(in_parts) == {"round-lot share", "share of exactly 100", "odd-lot share"}
    hour = micro_facts(naive_walk(1, 3600.0))
    assert set(everything) - set(hour) == {
        "activity open/mid",
        "activity close/mid",
        "spread open/mid",
        "count ACF at 10 min",
    }


def test_an_empty_session_has_no_facts_but_does_not_fail() -> None:
    assert all(np.isnan(value) for value in micro_facts(session()).values())
