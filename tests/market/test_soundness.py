"""What is not finite is named, and what is finite costs nothing but a look."""

import numpy as np
import pytest

from ticker.errors import BrokenMarket
from ticker.market.soundness import finite, sound
from ticker.ticks import EMPTY


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_the_first_that_is_not_finite_is_named(value: float) -> None:
    state = np.ones(9)
    finite(state, state)
    state[[4, 7]] = value
    with pytest.raises(BrokenMarket, match="the state of 2 instruments is not finite, first of number 4"):
        finite(np.ones(3), state)


def test_nothing_is_sound() -> None:
    sound(1, dict(EMPTY))
    finite(np.array([1.7e308, -1.7e308, 5e-324]))
