"""What is not finite is named, and what is finite costs nothing but a look."""

import numpy as np
import pytest

from ticker.errors import BrokenMarket
from ticker.market.soundness import finite, sound
from ticker.ticks import BOOK, DTYPES, EMPTY, QUOTES, TRADES, Rows

SOUND = {
    QUOTES: {"bid_ticks": 1, "ask_ticks": 2, "bid_size": 1, "ask_size": 1},
    BOOK: {"price_ticks": 1, "size": 0},
    TRADES: {"price_ticks": 1, "size": 1},
}
"""The least that can be."""


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_first_that_is_not_finite_is_named(value: float) -> None:
    state = np.ones(9)
    finite(state, state)
    state[[4, 7]] = value
    with pytest.raises(BrokenMarket, match="the state of 2 instruments is not finite, first of number 4"):
        finite(np.ones(3), state)


def test_the_ends_of_what_is_finite_are() -> None:
    finite(np.array([1.7e308, -1.7e308, 5e-324]), np.empty(0))


def step_of(channel: str, **last: int) -> dict[str, Rows]:
    """Return a step with three rows on a channel, in the last of which something is otherwise."""
    rows = np.zeros(3, DTYPES[channel])
    for name, value in SOUND[channel].items():
        rows[name] = value
    for name, value in last.items():
        rows[name][2] = value
    return {**EMPTY, channel: rows}


def test_what_can_be_is_sound() -> None:
    sound(1, dict(EMPTY))
    for channel in SOUND:
        sound(1, step_of(channel))


@pytest.mark.parametrize(
    ("channel", "last"),
    [
        (QUOTES, {"bid_ticks": 0}),
        (QUOTES, {"bid_ticks": 2}),
        (QUOTES, {"bid_size": 0}),
        (QUOTES, {"ask_size": 0}),
        (BOOK, {"price_ticks": 0}),
        (BOOK, {"size": -1}),
        (TRADES, {"price_ticks": 0}),
        (TRADES, {"size": 0}),
    ],
)
def test_what_cannot_be_is_named(channel: str, last: dict[str, int]) -> None:
    with pytest.raises(BrokenMarket, match=f"^step 7: {channel} with a price or a size that cannot be$"):
        sound(7, step_of(channel, **last))
