"""Halts and frozen feeds of the plain model: nothing is said, nothing is missed in the numbers, and status says why."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticker import universes
from ticker.config import MarketConfig
from ticker.errors import Refusal
from ticker.market.incidents import RULES, Incident
from ticker.market.market import Market
from ticker.market.silence import KINDS
from ticker.ticks import QUOTES, REASONS, STATES, STATUS, TRADES, Rows

BUSY = MarketConfig(model="plain", instruments=4, arrivals="every_step", quotes_per_s=1000.0)
STEPS = 100


def market_of(config: MarketConfig, nonce: str = "") -> Market:
    return Market(config, universes.load(config), nonce)


def run(*incidents: Incident, steps: int = STEPS) -> dict[str, list[Rows]]:
    """Return the rows of each step on three channels."""
    market = market_of(BUSY)
    for incident in incidents:
        market.cause(incident)
    batches = [market.step() for _ in range(steps)]
    return {channel: [batch.rows[channel] for batch in batches] for channel in (STATUS, QUOTES, TRADES)}


def said(rows: list[Rows]) -> list[tuple[int, int, str, str]]:
    """Return (step, instrument, state, reason) of every status row after the opening ones."""
    return [
        (step, int(row["instrument"]), STATES[row["state"]], REASONS[row["reason"]])
        for step, table in enumerate(rows, 1)
        for row in table
        if REASONS[row["reason"]] != "schedule"
    ]


def test_the_market_opens_with_a_word_on_everybody() -> None:
    opening = run(steps=1)[STATUS][0]
    assert opening["instrument"].tolist() == [0, 1, 2, 3]
    assert {STATES[state] for state in opening["state"]} == {"trading"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("timed", [True, False])
def test_who_is_silent_says_nothing_until_it_ends(kind: str, timed: bool) -> None:
    end = KINDS[kind]
    state = "halted" if kind == "halt" else "frozen"
    over = () if timed else (Incident(end, 50, (1, 2)),)
    found = run(Incident(kind, 10, (1, 2), 40 if timed else 0), *over)
    for channel in (QUOTES, TRADES):
        for step, rows in enumerate(found[channel], 1):
            assert rows["instrument"].tolist() == ([0, 3] if 10 <= step < 50 else [0, 1, 2, 3])
    changes = [(10, who, state, kind) for who in (1, 2)] + [(50, who, "trading", end) for who in (1, 2)]
    assert said(found[STATUS]) == changes


def test_who_is_halted_and_frozen_is_free_when_both_are_over() -> None:
    found = run(Incident("halt", 10, (0,), 20), Incident("freeze", 20, (0,), 30))
    assert said(found[STATUS]) == [
        (10, 0, "halted", "halt"),
        (20, 0, "halted", "freeze"),  # halted still, as in the realistic model
        (30, 0, "frozen", "resume"),
        (50, 0, "trading", "thaw"),
    ]
    assert [step for step, rows in enumerate(found[TRADES], 1) if 0 not in rows["instrument"]] == list(range(10, 50))


def test_to_end_what_is_not_is_told_all_the_same() -> None:
    found = run(Incident("resume", 10, (0,)), Incident("thaw", 10, (0,)))
    assert said(found[STATUS]) == [(10, 0, "trading", "resume"), (10, 0, "trading", "thaw")]
    assert found[TRADES][9]["instrument"].tolist() == [0, 1, 2, 3], "and changes nothing"


def test_it_shows_in_the_next_step_or_the_one_after_a_prepared_one() -> None:
    market = market_of(BUSY)
    assert market.cause(Incident("halt", 0, (0,))) == 1
    market.prepare()
    assert market.cause(Incident("halt", 1, (1,))) == 2
    assert market.cause(Incident("halt", 7, (2,))) == 7


@pytest.mark.parametrize("kind", sorted(set(RULES) - {*KINDS, *KINDS.values()}))
def test_what_the_plain_model_cannot_do_is_refused(kind: str) -> None:
    rule = RULES[kind]
    with pytest.raises(Refusal, match=f"plain model knows no {kind}") as raised:
        market_of(BUSY).cause(Incident(kind, 1, (0,), int(rule.must_last), 0.5 if rule.value else 0.0))
    assert raised.value.details["field"] == "kind"


incidents = st.lists(
    st.builds(
        Incident,
        st.sampled_from([*KINDS]),
        st.integers(1, STEPS),
        st.sets(st.integers(0, 3), min_size=1).map(lambda who: tuple(sorted(who))),
        st.integers(0, STEPS),
    ),
    max_size=5,
)


@given(incidents)
@settings(max_examples=40)
def test_numbers_have_no_holes_and_prices_go_on_behind(known: list[Incident]) -> None:
    found, free = run(*known), run()
    for channel, tables in found.items():
        for who in range(4):
            numbers = np.concatenate([rows["n"][rows["instrument"] == who] for rows in tables])
            assert numbers.tolist() == list(range(1, len(numbers) + 1))
        for shown, all_ in zip(tables, free[channel], strict=True):
            if channel != STATUS:
                kept = all_[np.isin(all_["instrument"], shown["instrument"])]
                assert prices(shown) == prices(kept)


def prices(rows: Rows) -> Any:
    return rows[[name for name in rows.dtype.names if name != "n"]].tolist()
