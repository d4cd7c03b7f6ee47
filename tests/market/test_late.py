"""Incidents of every kind in every state: none vanishes; what needs trading waits for it, and says that it does."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product
from typing import Any

import msgspec
import numpy as np
import pytest

from golden_tape import MORNING, market_of
from ticker.config import MarketConfig
from ticker.market.foresight import Late, foresee, warnings
from ticker.market.incidents import RULES, Incident
from ticker.market.market import Market
from ticker.market.turmoil import NEEDS_TRADING
from ticker.ticks import QUOTES, REASONS, STATES, STATUS, TRADES, Batch

VALUES = {"shock": -0.2, "regime": 5.0, "fat_finger": 0.3}
AUCTION = 60
"""Of MORNING: the step in which it is held."""
EVENING = msgspec.structs.replace(MORNING, start=datetime(2026, 1, 5, 20, 59, 50, tzinfo=UTC))
"""Twenty steps of trading, and then it is closed."""
STEPS = {"pre_open": (MORNING, 20), "auction": (MORNING, AUCTION), "trading": (MORNING, 80), "closed": (EVENING, 30)}
LONG = MarketConfig(instruments=4, step_ms=60_000.0)
"""From the open of a Monday: 390 steps to the close."""


def incident(kind: str, step: int, steps: int = 0, who: tuple[int, ...] = (1, 3)) -> Incident:
    return Incident(kind, step, who, steps or int(RULES[kind].must_last), VALUES.get(kind, 0.0))


def said(batch: Batch, who: int) -> list[tuple[str, str, int]]:
    """Return state, reason and named trade of what is said of an instrument."""
    rows = batch.rows[STATUS]
    return [(STATES[row["state"]], REASONS[row["reason"]], int(row["ref"])) for row in rows[rows["instrument"] == who]]


def run(market: Market, steps: int) -> Iterator[Batch]:
    for _ in range(steps):
        yield market.step()


@pytest.mark.parametrize(("kind", "state"), list(product(RULES, [*STEPS, "halted", "frozen"])))
def test_every_kind_is_told_when_it_is_due_whatever_the_state(kind: str, state: str) -> None:
    config, step = STEPS.get(state, STEPS["trading"])
    market = market_of(config)
    if state in ("halted", "frozen"):
        market.cause(Incident({"halted": "halt", "frozen": "freeze"}[state], step - 5, (1, 3)))
    assert market.cause(incident(kind, step)) == step
    *_, batch = run(market, step)
    for who in (1, 3):
        assert kind in [reason for _, reason, _ in said(batch, who)]
    assert not len(batch.rows[STATUS]) or {0, 2}.isdisjoint(
        batch.rows[STATUS]["instrument"][batch.rows[STATUS]["reason"] != REASONS.index("schedule")]
    )


@pytest.mark.parametrize(("kind", "end"), [("halt", "resume"), ("freeze", "thaw")])
@pytest.mark.parametrize("saved", [False, True])
def test_a_fat_finger_waits_until_it_can_trade(kind: str, end: str, saved: bool) -> None:
    market = market_of(MORNING, [Incident(kind, 80, (1,)), incident("fat_finger", 85), Incident(end, 95, (1,))])
    told = {}
    for batch in run(market, 90):
        told[batch.seq] = said(batch, 1), said(batch, 3)
    if saved:
        data = market.save()
        market = market_of(MORNING)
        market.load(data)
    for batch in run(market, 10):
        told[batch.seq] = said(batch, 1), said(batch, 3)
        if batch.seq == 95:
            [(price, n)] = trades(batch, 1, far=1.2)
    state = {"halt": "halted", "freeze": "frozen"}[kind]
    assert told[85][0] == [(state, "fat_finger", 0)]
    assert [reason for _, reason, ref in told[85][1] if ref] == ["fat_finger"], "the other trades, and has it at once"
    assert all(not told[step][0] for step in range(86, 95)), "it is said once that it waits"
    assert told[95][0] == [("trading", end, 0), ("trading", "fat_finger", n)]
    assert price > 0


def trades(batch: Batch, who: int, far: float) -> list[tuple[int, int]]:
    """Return price and `n` of the trades of a step that are so many times as dear as its bid."""
    quotes, rows = batch.rows[QUOTES], batch.rows[TRADES]
    bid = quotes["bid_ticks"][quotes["instrument"] == who][-1]
    rows = rows[(rows["instrument"] == who) & (rows["price_ticks"] > far * bid)]
    return [(int(row["price_ticks"]), int(row["n"])) for row in rows]


@pytest.mark.parametrize("kind", NEEDS_TRADING)
def test_before_the_open_it_waits_for_the_open(kind: str) -> None:
    market = market_of(MORNING, [incident(kind, 20, 10)])
    told = {batch.seq: said(batch, 1) for batch in run(market, AUCTION + 15)}
    assert (told[20][0], told[20][0][2]) == (("pre_open", kind, 0), 0)
    [begun] = [row for row in told[AUCTION + 1] if row[1] == kind]
    assert begun[0] == "trading" and (kind != "fat_finger" or begun[2])
    if kind == "quote_stuffing":
        assert ("trading", kind, 0) in told[AUCTION + 11], "it lasts as long as it was to last"


def test_after_the_close_it_waits_for_the_next_day() -> None:
    market = market_of(LONG, [incident("fat_finger", 395)])
    told = [(batch.seq, *row) for batch in run(market, 900) for row in said(batch, 1) if row[1] == "fat_finger"]
    assert [row[:3] for row in told[:1]] == [(395, "closed", "fat_finger")] and len(told) == 2
    opened = next(batch.seq for batch in run(market_of(LONG), 900) if batch.seq > 395 and trading(batch))
    assert told[1][0] == opened and told[1][3] > 0


def trading(batch: Batch) -> bool:
    return ("trading", "schedule", 0) in said(batch, 1)


def test_stuffing_waits_and_lasts() -> None:
    script = [Incident("halt", 80, (1,), 20), incident("quote_stuffing", 85, 5)]
    market = market_of(MORNING, script)
    told = [(batch.seq, *row[:2]) for batch in run(market, 120) for row in said(batch, 1) if row[1] == "quote_stuffing"]
    assert told == [
        (85, "halted", "quote_stuffing"),
        (100, "trading", "quote_stuffing"),
        (105, "trading", "quote_stuffing"),
    ]


def auction_price(market: Market, steps: int) -> Any:
    for batch in run(market, steps):
        rows = batch.rows[STATUS]
        rows = rows[(rows["state"] == STATES.index("auction")) & (rows["reason"] == REASONS.index("schedule"))]
        if len(rows):
            found = rows["price_ticks"]
    return found


@pytest.mark.parametrize(
    ("config", "step", "steps"), [(MORNING, 20, AUCTION), (LONG, 395, 900)], ids=["before the open", "after the close"]
)
def test_a_shock_while_nobody_trades_is_in_the_price_of_the_auction(
    config: MarketConfig, step: int, steps: int
) -> None:
    calm = auction_price(market_of(config), steps)
    shocked = auction_price(market_of(config, [Incident("shock", step, (1, 3), 2, -0.2)]), steps)
    share = shocked / calm
    assert np.abs(share[[1, 3]] - 0.8).max() < 0.02 and (share[[0, 2]] == 1).all()


# What is known before.


def late(market: Market, *script: Incident) -> list[tuple[str, tuple[int, ...], bool]]:
    found = foresee(script, 6, market.times)
    return [(one.incident.kind, one.incident.instruments, one.never) for one in found]


@pytest.mark.parametrize("kind", NEEDS_TRADING)
def test_what_has_to_wait_is_known_before(kind: str) -> None:
    market = market_of(MORNING)
    assert late(market, incident(kind, 80)) == []
    assert late(market, incident(kind, 20)) == late(market, incident(kind, AUCTION)) == [(kind, (1, 3), False)]
    assert late(market, incident(kind, 90), Incident("halt", 80, (1, 2), 11)) == [(kind, (1,), False)]
    assert late(market, incident(kind, 91), Incident("halt", 80, (1, 2), 11)) == []
    assert late(market, incident(kind, 90), Incident("freeze", 90, (3,))) == [(kind, (3,), True)]
    assert late(market, incident(kind, 90), Incident("freeze", 80, (3,)), Incident("thaw", 90, (3,))) == []
    parted = [Incident("halt", 80, (1, 3)), Incident("resume", 200, (1,))]
    assert late(market, incident(kind, 90), *parted) == [(kind, (1,), False), (kind, (3,), True)]


def test_what_waits_for_the_open_has_been_by_the_time_of_a_halt() -> None:
    market = market_of(MORNING)
    assert late(market, incident("fat_finger", 20), Incident("halt", 100, (1, 3))) == [("fat_finger", (1, 3), False)]
    assert late(market, incident("fat_finger", 20), Incident("halt", 50, (1, 3))) == [("fat_finger", (1, 3), True)]
    evening = market_of(EVENING)
    assert late(evening, incident("fat_finger", 30), Incident("halt", 40, (1, 3))) == [("fat_finger", (1, 3), True)]
    tomorrow = 200_000
    assert STATES[evening.times(tomorrow).phase[0]] in ("trading", "closed") and evening.times(tomorrow).day[0] > 0
    assert late(evening, incident("fat_finger", 30), Incident("halt", tomorrow, (1, 3))) == [
        ("fat_finger", (1, 3), False)
    ]


def test_what_is_foreseen_is_what_happens() -> None:
    script = [
        Incident("halt", 80, (1,)),
        Incident("freeze", 82, (2,), 30),
        incident("fat_finger", 85, who=(0, 1, 2, 3)),
    ]
    market = market_of(MORNING, script)
    told: dict[int, list[tuple[str, int]]] = {who: [] for who in range(4)}
    for batch in run(market, 200):
        for who, rows in told.items():
            rows += [(state, ref) for state, reason, ref in said(batch, who) if reason == "fat_finger"]
    waited = [(who,) for who, rows in told.items() if not rows[0][1]]
    never = [(who,) for who, rows in told.items() if not rows[-1][1]]
    assert waited == [(1,), (2,)] and never == [(1,)]
    assert late(market_of(MORNING), *script) == [("fat_finger", (2,), False), ("fat_finger", (1,), True)]


def test_a_sentence_names_who_when_and_why() -> None:
    universe = market_of(MORNING).universe
    found = [Late(incident("fat_finger", 21, who=(0, 1, 2, 3, 4, 5)), False), Late(incident("fat_finger", 21), True)]
    first, second = warnings(found, universe, 500_000)
    assert first == "fat_finger at 10s: *: not trading then: it takes place when they are"
    names = f"{universe[1].symbol}, {universe[3].symbol}"
    assert second == f"fat_finger at 10s: {names}: halted or frozen, and nothing here ends that: it will not take place"
