"""How fine prices and sizes are: as they were written, whatever binary fractions make of them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticker.errors import ConfigError
from ticker.links.own_data_grid import Fineness, Grid


def noted(prices: list[float], sizes: list[float]) -> Fineness:
    fineness = Fineness(3)
    fineness.note(np.zeros(len(prices), np.int32), np.array(prices), np.array(sizes))
    fineness.note_sizes(np.array(sizes))
    return fineness


@given(st.integers(0, 8), st.lists(st.integers(1, 10**7), min_size=1, max_size=20))
def test_prices_are_as_fine_as_they_were_written(decimals: int, units: list[int]) -> None:
    prices = [float(f"{unit / 10**decimals:.{decimals}f}") for unit in units]
    needed = max(len(f"{unit / 10**decimals:.{decimals}f}".rstrip("0").partition(".")[2]) for unit in units)
    fineness = noted(prices, [1.0] * len(prices))
    (grid,) = fineness.grids(["A"], None)
    assert grid == Grid(needed, 1)
    assert grid.ticks(np.array(prices)).tolist() == [unit // 10 ** (decimals - needed) for unit in units]


def test_eight_decimals_are_the_most() -> None:
    assert noted([1 / 3], [1.0]).grids(["A"], None) == [Grid(8, 1)]


def test_a_grid_that_is_given_takes_every_price_to_the_nearest() -> None:
    grid = Grid.parse("0.05")
    assert (grid, str(grid)) == (Grid(2, 5), "0.05")
    np.testing.assert_allclose(grid.snap(np.array([10.02, 10.03, 7.0])), [10.0, 10.05, 7.0])
    assert grid.ticks(np.array([10.05])).tolist() == [201]
    assert Grid.parse("5") == Grid(0, 5)
    with pytest.raises(ConfigError, match=r"replay\.tick: must be more than 0"):
        Grid.parse("0.00")


def test_sizes_are_counted_in_one_unit_that_fits() -> None:
    assert noted([100.0], [3.0]).power(["A"], [Grid(0, 1)]) == 0
    assert noted([100.0], [0.25]).power(["A"], [Grid(0, 1)]) == 2
    assert noted([60_000.01] * 2, [1e5, 1.000_000_01]).power(["A"], [Grid(2, 1)]) == 6  # 6e6 x 1e5 x 1e6


def test_what_cannot_fit_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"replay\.tick: the prices of A, up to 1e\+10, are too large for a tick"):
        noted([1e10], [1.0]).grids(["A"], Grid(8, 1))
    with pytest.raises(ConfigError, match=r"replay\.tick: price times size of A does not fit"):
        noted([1e6], [1e9]).power(["A"], [Grid(8, 1)])
