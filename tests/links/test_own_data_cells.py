"""Cells: every spelling of one moment is that moment, and what is none is refused with its row."""

import numpy as np
import pytest

from ticker.errors import ConfigError
from ticker.links.own_data_cells import MAKERS, NO_TIME, SIDES, UNKNOWN, Place, Times, numbers, sides, texts
from ticker.ticks import BUY, SELL

PLACE = Place("f.csv", "line", 2, "col")
T = 1_767_623_400_123_456  # 2026-01-05T14:30:00.123456Z
SECOND = 1_767_623_400_000_000
MOMENTS = {
    "seconds": (["1767623400"], None, SECOND),
    "seconds with a fraction": (["1767623400.123456"], None, T),
    "milliseconds": (["1767623400123"], None, 1_767_623_400_123_000),
    "microseconds": ([str(T)], None, T),
    "nanoseconds": ([f"{T}789"], None, T),
    "numbers of seconds": (np.array([1767623400.5]), None, 1_767_623_400_500_000),
    "numbers of nanoseconds": (np.array([T * 1000 + 999]), None, T),
    "with Z": (["2026-01-05T14:30:00.123456Z"], None, T),
    "with an offset": (["2026-01-05T09:30:00.123456-05:00"], None, T),
    "with no offset": (["2026-01-05 14:30:00.123456"], None, T),
    "to the nanosecond": (["2026-01-05T14:30:00.123456789Z"], None, T),
    "without a fraction": (["2026-01-05T14:30:00"], None, SECOND),
    "with slashes": (["2026/01/05 14:30:00"], None, SECOND),
    "a date apart": (["14:30:00.123456"], ["2026-01-05"], T),
    "a compact date apart": (["9:30:00"], ["20260105"], SECOND - 5 * 3600 * 1_000_000),
    "a date that is not needed": (["2026-01-05T14:30:00Z"], ["2026-01-05"], SECOND),
    "a date beside numbers": ([str(T)], ["2026-01-05"], T),
}


@pytest.mark.parametrize(("cells", "dates", "expected"), MOMENTS.values(), ids=MOMENTS)
def test_every_spelling_of_a_moment_is_that_moment(cells: list[str], dates: list[str] | None, expected: int) -> None:
    assert Times().read(cells, dates, PLACE).tolist() == [expected]


def test_times_may_be_missing_and_offsets_may_differ() -> None:
    cells = ["2026-01-05T14:30:00Z", "", "2026-01-05T15:30:00+01:00", "nan"]
    assert Times().read(cells, None, PLACE).tolist() == [SECOND, NO_TIME, SECOND, NO_TIME]
    assert Times().read([str(SECOND), "", "-1"], None, PLACE).tolist() == [SECOND, NO_TIME, NO_TIME]
    assert Times().read(["1767623400.5", ""], None, PLACE).tolist() == [SECOND + 500_000, NO_TIME]
    assert Times().read(np.array([SECOND, np.iinfo(np.int64).min]), None, PLACE).tolist() == [SECOND, NO_TIME]
    assert Times().read(np.array([np.nan, np.inf, 1767623400.0]), None, PLACE).tolist() == [NO_TIME, NO_TIME, SECOND]


def test_the_first_time_decides_for_a_whole_file() -> None:
    times = Times()
    times.read(["1767623400123"], None, PLACE)
    assert times.told == "milliseconds since 1970"
    assert times.read(["500"], None, PLACE).tolist() == [500_000]


@pytest.mark.parametrize("cell", ["yesterday", "05.01.2026 14:30", "14:30:00", "2026-13-01T00:00:00Z", "12"])
def test_what_is_no_time_is_refused_with_its_row(cell: str) -> None:
    with pytest.raises(ConfigError, match=r"f\.csv: line 2: col: a time .*needed"):
        Times().read([cell], None, PLACE)
    with pytest.raises(ConfigError, match=r"f\.csv: line 3: col: a time"):
        Times().read(["2026-01-05T14:30:00Z", "soon"], None, PLACE)


def test_numbers_may_be_missing() -> None:
    expected = [1.5, np.nan, -2.0, np.nan, np.nan]
    np.testing.assert_array_equal(numbers(["1.5", "", "-2", "NaN", " null "], PLACE), expected)
    np.testing.assert_array_equal(numbers(["1", "2.5"], PLACE), [1.0, 2.5])
    np.testing.assert_array_equal(numbers(np.array([3, np.iinfo(np.int64).min]), PLACE), [3.0, np.nan])


def test_a_text_that_is_no_number_is_refused_with_its_row() -> None:
    with pytest.raises(ConfigError) as caught:
        numbers([*["1.0"] * 15, "twelve", "1.0"], PLACE)
    assert str(caught.value) == "f.csv: line 17: col: a number is needed, not 'twelve'"


def test_texts_may_be_numbers_and_missing() -> None:
    assert texts(np.array([7, NO_TIME])) == ["7", ""]
    assert texts(np.array([1.5, np.nan])) == ["1.5", ""]
    assert texts(np.array(["a", ""], object)) == texts(["a", ""]) == ["a", ""]


def test_sides_are_known_by_many_words() -> None:
    cells = ["buy", "SELL", " b ", "S", "1", "-1", "", "2"]
    assert sides(cells, PLACE, SIDES).tolist() == [BUY, SELL, BUY, SELL, BUY, SELL, UNKNOWN, SELL]
    assert sides(np.array([1, -1, 0]), PLACE, SIDES).tolist() == [BUY, SELL, UNKNOWN]
    assert sides(["True", "false", ""], PLACE, MAKERS).tolist() == [SELL, BUY, UNKNOWN]
    with pytest.raises(ConfigError, match=r"f\.csv: line 3: col: buy or sell is needed, not 'up'"):
        sides(["buy", "up"], PLACE, SIDES)
