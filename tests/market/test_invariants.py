"""The rules of `market_rules`, over universes, scenarios, steps, days, incidents and parameters at their bounds."""

from datetime import UTC, datetime
from functools import cache
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market_rules import Rules, judge
from ticker import universes
from ticker.config import Config, MarketConfig
from ticker.files import shipped
from ticker.instruments import Instrument, Universe
from ticker.market.incidents import RULES, Incident
from ticker.market.market import Market
from ticker.stage import stage
from ticker.ticks import BARS_1M, BARS_1S, BOOK, CHANNELS, QUOTES, STATS, STATUS, TRADES, Batch

EVENTS = 12_000


def market_of(**fields: Any) -> Market:
    return stage(Config(market=MarketConfig(**fields))).market


def hold(rules: Rules, *channels: str) -> None:
    """Demand that no rule was broken, and that there was something to be judged on these channels."""
    assert not rules.broken, (rules.broken, rules.told)
    assert all(rules.events[channel] for channel in channels), rules.events


@pytest.mark.parametrize("seed", [2, 2**63 - 1])
@pytest.mark.parametrize("universe", shipped("universes"))
def test_universes(universe: str, seed: int) -> None:
    rules = judge(market_of(universe=universe, seed=seed), EVENTS)
    hold(rules, STATUS, BOOK, TRADES, BARS_1S, BARS_1M, STATS)


@pytest.mark.parametrize("step_ms", [1.0, 7.0, 50.0, 780.0, 10_000.0, 60_000.0])
def test_steps(step_ms: float) -> None:
    market = market_of(step_ms=step_ms, instruments=12, start=datetime(2026, 1, 5, 14, 29, 59, 123457, UTC))
    hold(judge(market, EVENTS), *CHANNELS)


@pytest.mark.parametrize("name", shipped("scenarios"))
def test_scenarios(name: str) -> None:
    step_ms = 60_000.0 if name == "ordinary_day" else 2000.0
    rules = judge(market_of(scenario=name, step_ms=step_ms, instruments=60), steps=330)
    hold(rules, *CHANNELS)
    assert rules.reasons > {"schedule"}, "something happened"


def test_two_days_with_a_night_between() -> None:
    rules = judge(market_of(instruments=4, step_ms=30_000.0), steps=1640)
    hold(rules, *CHANNELS)
    assert rules.states == {"pre_open", "auction", "trading", "closed"}
    assert rules.days == 3


def test_days_of_a_market_that_never_closes() -> None:
    rules = judge(market_of(universe="crypto", instruments=2, step_ms=60_000.0), steps=1500)
    hold(rules, QUOTES, BOOK, TRADES)
    assert (rules.states, rules.days) == ({"trading"}, 2)


@st.composite
def incidents(draw: st.DrawFn) -> tuple[int, Incident]:
    """Return an incident of any kind for a market of 8, and how many steps before it is caused."""
    kind = draw(st.sampled_from(sorted(RULES)))
    rule = RULES[kind]
    who = tuple(sorted(draw(st.sets(st.integers(0, 7), min_size=1))))
    value = draw(st.floats(*rule.value).filter(bool)) if rule.value else 0.0
    steps = draw(st.sampled_from([0, 1, 2, 9, 60])) if rule.lasts else 0
    ahead = draw(st.sampled_from([0, 0, 1, 5]))
    return draw(st.integers(0, 30)), Incident(kind, ahead, who, steps or int(rule.must_last), value)


@given(
    st.lists(incidents(), min_size=1, max_size=15),
    st.sampled_from([50.0, 1000.0, 60_000.0]),
    st.sampled_from([datetime(2026, 1, 5, 14, 29, 59, tzinfo=UTC), datetime(2026, 1, 5, 20, 59, 58, tzinfo=UTC)]),
    st.booleans(),
)
@settings(max_examples=12)
def test_incidents(plan: list[tuple[int, Incident]], step_ms: float, start: datetime, prepared: bool) -> None:
    market = market_of(instruments=8, step_ms=step_ms, start=start)
    rules = Rules.of(market)
    for steps, incident in plan:
        for _ in range(steps):
            rules.take(market.step())
        if prepared:
            market.prepare()
        ahead = market.seq + incident.step if incident.step else 0
        shows = market.cause(Incident(incident.kind, ahead, incident.instruments, incident.steps, incident.value))
        assert shows >= market.seq + 1 + prepared
    for _ in range(80):
        rules.take(market.step())
    hold(rules, STATUS)
    assert rules.reasons >= {incident.kind for _, incident in plan}, "nothing vanishes"


EXTREMES = [
    Instrument(f"X{number}", "", f"S{number % 3}", 2, 1, lot, ticks, volatility, beta, orders_per_s, touch_size)
    for number, (ticks, volatility, beta, orders_per_s, touch_size, lot) in enumerate(
        product((1, 40, 100_000_000), (1e-4, 0.5), (0.01, 10.0), (0.001, 1000.0), (1.0, 1e6), (1, 7, 10_000))
    )
    if ticks * lot * orders_per_s <= universes.TURNOVER_MAX
]


@pytest.mark.parametrize(("step_ms", "steps"), [(10.0, 60), (1000.0, 60), (60_000.0, 60)])
@pytest.mark.parametrize("hours", [True, False], ids=["hours", "round the clock"])
def test_extremes(step_ms: float, steps: int, hours: bool) -> None:
    universe = Universe(EXTREMES, hours=universes.load(MarketConfig()).hours if hours else None)
    market = Market(MarketConfig(step_ms=step_ms), universe)
    everybody = tuple(range(len(universe)))
    market.cause(Incident("regime", 10, everybody, 0, 20.0))
    market.cause(Incident("shock", 20, everybody, 3, 2.0))
    market.cause(Incident("fat_finger", 25, everybody, 10, 2.0))
    market.cause(Incident("shock", 40, everybody, 3, -0.9))
    hold(judge(market, steps=steps), *CHANNELS)


@pytest.mark.parametrize("activity", [0.01, 100.0])
def test_activity(activity: float) -> None:
    hold(judge(market_of(activity=activity, instruments=30), EVENTS, 1000), BOOK, TRADES)


def test_a_day_that_ends_with_a_step_of_a_microsecond() -> None:
    hours = universes.load(MarketConfig()).hours
    assert hours is not None
    short = type(hours)(hours.zone, hours.pre_open, hours.open, hours.close, hours.close.replace(microsecond=1))
    universe = Universe(tuple(universes.load(MarketConfig()))[:5], hours=short)
    start = datetime(2026, 1, 5, 20, 59, 59, 999_991 - 9_990, tzinfo=UTC)
    hold(judge(Market(MarketConfig(start=start), universe), steps=40))


def judged(change: Any, steps: int) -> Rules:
    """Return what the judge says of a morning, one row of which was changed."""
    market = market_of(instruments=5)
    rules = Rules.of(market)
    for _ in range(steps):
        batch = market.step()
        if market.seq == steps:
            rows = {channel: found.copy() for channel, found in batch.rows.items()}
            change(rows)
            batch = Batch(batch.seq, batch.t, rows)
        rules.take(batch)
    return rules


@cache
def full_step() -> int:
    """Return a step in which there is something on every channel but `status`."""
    market = market_of(instruments=5)
    while True:
        batch = market.step()
        if batch.seq > 40 and all(len(rows) for channel, rows in batch.rows.items() if channel != STATUS):
            return batch.seq


def spoil(channel: str, field: str, value: Any, place: int = 0) -> Any:
    """Return what sets a field of one of a channel's rows."""

    def change(rows: dict[str, Any]) -> None:
        rows[channel][field][place] = value(rows[channel][place]) if callable(value) else value

    return change


SPOILT = {
    "bid below ask": spoil(QUOTES, "bid_ticks", lambda row: row["ask_ticks"]),
    "quote is the touch": spoil(QUOTES, "bid_size", lambda row: row["bid_size"] + 100),
    "n has no hole": spoil(QUOTES, "n", lambda row: row["n"] + 1),
    "t lies in the step": spoil(QUOTES, "t", lambda row: row["t"] + 10_000),
    "sizes of a quote": spoil(QUOTES, "ask_size", 0),
    "checksum": spoil(BOOK, "size", lambda row: row["size"] + 100),
    "level": spoil(BOOK, "price_ticks", -1),
    "every book is proved": spoil(BOOK, "crc", -1, place=-1),
    "trades print at the touch": spoil(TRADES, "price_ticks", lambda row: row["price_ticks"] + 1),
    "no more trades than rests": spoil(TRADES, "size", 1_000_000),
    "a trade": spoil(TRADES, "size", 0),
    "bars add up": spoil(BARS_1S, "volume", lambda row: row["volume"] + 1),
    "done when it is over": spoil(BARS_1S, "done", lambda row: 1 - row["done"]),
    "stats add up": spoil(STATS, "low_ticks", 1),
    "the close of the day before": spoil(STATS, "previous_ticks", 5),
}


@pytest.mark.parametrize("rule", SPOILT)
def test_the_judge_notices(rule: str) -> None:
    assert rule in judged(SPOILT[rule], full_step()).broken


@pytest.mark.parametrize("channel", [BOOK, QUOTES])
def test_the_judge_notices_a_book_that_is_not_what_the_last_trades_left(channel: str) -> None:
    market = market_of(instruments=30, step_ms=500.0, start=datetime(2026, 1, 5, 20, 59, 58, tzinfo=UTC))
    rules, told = Rules.of(market), []
    for _ in range(6):
        batch = market.step()
        told.append(len(batch.rows[channel]))
        if market.phase == "closed":
            batch = Batch(batch.seq, batch.t, batch.rows | {channel: batch.rows[channel][:0]})
        rules.take(batch)
    assert told[4] and not told[5], "the first step after the close tells it, once"
    rule = "the book of the close is what is left" if channel == BOOK else "quote is the touch"
    assert rules.broken[rule]


def test_the_judge_notices_what_is_left_out() -> None:
    def silence(rows: dict[str, Any]) -> None:
        for channel in (STATUS, BARS_1S):
            rows[channel] = rows[channel][:0]

    assert "a phase is told to all" in judged(silence, 1).broken
    assert "all bars that are over are told" in judged(silence, 100).broken
