"""When a day of stocks begins: at midnight in New York, wherever the instruments are from.

The days of the tape's bars begin at 5:00 UTC, which is that midnight in winter; in summer it is an hour earlier, and
nothing is traded in between. The rule of the clocks is that of 2007 and since.
"""

from datetime import date
from functools import lru_cache

HOUR_US = 3_600_000_000
DAY_OFFSET_US = 5 * HOUR_US
_NOON_US = 12 * HOUR_US
_DAY_US = 24 * HOUR_US
_EPOCH = date(1970, 1, 1).toordinal()
_SUNDAY = 6


@lru_cache(maxsize=1024)
def midnight_us(t_us: int) -> int:
    """Return the midnight in New York of a day whose bar opened at a time, in microseconds since 1970."""
    number = (t_us - DAY_OFFSET_US + _NOON_US) // _DAY_US
    west = 4 if is_summer(date.fromordinal(_EPOCH + number)) else 5
    return number * _DAY_US + west * HOUR_US


def is_summer(day: date) -> bool:
    """Tell whether a day begins in summer time: from the day after a second Sunday of March to a first of November."""
    return _sunday(day.year, 3, 8) < day <= _sunday(day.year, 11, 1)


def _sunday(year: int, month: int, first: int) -> date:
    """Return the first Sunday from a day on."""
    day = date(year, month, first)
    return date.fromordinal(day.toordinal() + _SUNDAY - day.weekday())
