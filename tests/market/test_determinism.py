"""A tape is decided by seed, universe, model and what is caused: not by when it is saved, nor by who else is traded."""

from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden_tape import MORNING, SCRIPT, STEPS, batches, digest, golden_tape, market_of, written
from ticker import universes
from ticker.config import MarketConfig
from ticker.errors import SetupError
from ticker.instruments import Universe
from ticker.market.incidents import Incident
from ticker.ticks import CHANNELS, Batch, Rows

GOLDEN = "445119dd594a620dad0863b46e45eee73bae98f29ac124593a677ee71313aef6"
"""Of the model's name and `golden_tape`: whoever changes a tick changes `Realistic.name`, and then this."""


def test_the_tape_is_the_one_that_the_models_name_promises() -> None:
    assert golden_tape() == GOLDEN


def test_the_same_twice() -> None:
    once, again = market_of(MORNING, SCRIPT), market_of(MORNING, SCRIPT)
    other = market_of(msgspec.structs.replace(MORNING, seed=2))
    for _ in range(STEPS):
        other.step()  # what happens in another market in between is nobody's business
        assert written(once.step()) == written(again.step())


@pytest.fixture(scope="module")
def whole() -> list[bytes]:
    """The morning, never stopped."""
    return [written(batch) for batch in batches(market_of(MORNING, SCRIPT), STEPS)]


@given(st.lists(st.tuples(st.integers(0, 70), st.booleans(), st.booleans()), min_size=1, max_size=4))
@settings(max_examples=12)
def test_a_run_from_a_checkpoint_is_the_run_that_never_stopped(
    whole: list[bytes], stops: list[tuple[int, bool, bool]]
) -> None:
    market, found = market_of(MORNING, SCRIPT), []
    for steps, prepared, used in stops:
        found += [written(market.step()) for _ in range(min(steps, STEPS - len(found)))]
        if prepared:
            market.prepare()
        saved = market.save()
        market = market_of(MORNING, SCRIPT[:3] if used else ())
        if used:  # by a life of its own, forgotten
            batches(market, 75)
        market.load(saved)
        assert market.save() == saved
    found += [written(market.step()) for _ in range(STEPS - len(found))]
    assert found == whole


def test_before_its_first_step_a_market_can_be_saved() -> None:
    saved = market_of(MORNING, SCRIPT).save()
    market = market_of(MORNING)
    market.load(saved)
    assert digest(batches(market, 70)) == digest(batches(market_of(MORNING, SCRIPT), 70))


def test_between_any_two_steps_of_a_busy_market() -> None:
    """In short steps, where what one leaves to the next is not soon made good."""
    config = MarketConfig(instruments=40)
    market, made, saved = market_of(config), [], {}
    for _ in range(70):
        made.append(written(market.step()))
        saved[market.seq] = market.save()
    for stop in range(20, 66):
        market = market_of(config)
        market.load(saved[stop])
        assert [written(market.step()) for _ in range(3)] == made[stop : stop + 3]


def test_over_a_night() -> None:
    config, saved = MarketConfig(instruments=4, step_ms=60_000.0), {}
    market = market_of(config)
    stops = range(380, 410, 3)  # around the end of the first day and of a block
    made = []
    for _ in range(430):
        made.append(written(market.step()))
        if market.seq in stops:
            saved[market.seq] = market.save()
    for stop, data in saved.items():
        market = market_of(config)
        market.load(data)
        assert [written(market.step()) for _ in range(20)] == made[stop : stop + 20]


def test_a_checkpoint_of_another_market_is_refused() -> None:
    saved = market_of(MORNING).save()
    with pytest.raises(SetupError, match="another market"):
        market_of(msgspec.structs.replace(MORNING, instruments=5)).load(saved)


def rows_of(made: list[Batch], who: Iterable[int]) -> list[tuple[str, Any]]:
    """Return the rows of instruments one after the other, without their places in the universe."""
    found = []
    for index in who:
        for channel in CHANNELS:
            rows: Rows = np.concatenate([batch.rows[channel] for batch in made])
            rows = rows[rows["instrument"] == index]
            rows["instrument"] = 0
            found.append((channel, rows.tobytes()))
    return found


@pytest.mark.parametrize(
    ("fields", "steps"),
    [({}, 260), ({"start": MORNING.start, "step_ms": 500.0}, 150), ({"step_ms": 30_000.0}, 100)],
    ids=["fine", "from the pre-open", "coarse"],
)
def test_nobody_depends_on_who_else_is_traded(fields: dict[str, Any], steps: int) -> None:
    config = MarketConfig(**fields)
    everybody = universes.load(config)
    # The least busy, and not in their order: whatever is as long as the busiest has it would show.
    chosen = sorted(range(100), key=lambda index: everybody[index].orders_per_s)[14:0:-2]
    few = Universe([everybody[index] for index in chosen], hours=everybody.hours, start=everybody.start)
    alone = batches(market_of(config, universe=few), steps)
    together = batches(market_of(config, universe=everybody), steps)
    assert rows_of(alone, range(7)) == rows_of(together, chosen)


def test_those_that_come_first_are_the_same_among_all() -> None:
    few, all_ = MarketConfig(universe="crypto", instruments=7), MarketConfig(universe="crypto")
    assert rows_of(batches(market_of(few), 200), range(7)) == rows_of(batches(market_of(all_), 200), range(7))


@pytest.mark.parametrize("kind", ["halt", "freeze", "shock", "regime", "fat_finger", "quote_stuffing"])
def test_what_happens_to_one_leaves_all_others_alone(kind: str) -> None:
    value = {"shock": -0.2, "regime": 10.0, "fat_finger": 0.5}.get(kind, 0.0)
    script = [Incident(kind, step, (2,), 17, value) for step in (40, 61, 80, 81, 130)]
    quiet, stirred = batches(market_of(MORNING), STEPS), batches(market_of(MORNING, script), STEPS)
    others = [0, 1, 3, 4, 5]
    assert rows_of(quiet, others) == rows_of(stirred, others)
    assert rows_of(quiet, [2]) != rows_of(stirred, [2])
