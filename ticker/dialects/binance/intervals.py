"""How long a candlestick is, and in whose midnight it opens: Binance Spot API, "Kline/Candlestick chart intervals".

Names are case-sensitive (`1m` is a minute, `1M` a month). Weeks open on Monday, months on their first day, both at
midnight UTC or of a time zone between -12:00 and +14:00; times stay UTC whatever the zone.
"""

import re

from ticker.venue import DAY_US, MONTH, Bars

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
WEEK_US = 7 * DAY_US
MONDAY_US = 4 * DAY_US
"""The first Monday after 1970 began: multiples of a week fall on Thursdays."""

LENGTHS_US = {
    "1s": SECOND_US,
    "1m": MINUTE_US,
    "3m": 3 * MINUTE_US,
    "5m": 5 * MINUTE_US,
    "15m": 15 * MINUTE_US,
    "30m": 30 * MINUTE_US,
    "1h": HOUR_US,
    "2h": 2 * HOUR_US,
    "4h": 4 * HOUR_US,
    "6h": 6 * HOUR_US,
    "8h": 8 * HOUR_US,
    "12h": 12 * HOUR_US,
    "1d": DAY_US,
    "3d": 3 * DAY_US,
    "1w": WEEK_US,
    "1M": MONTH,
}
"""Every interval there is."""

ZONE_MIN_US = -12 * HOUR_US
ZONE_MAX_US = 14 * HOUR_US
_ZONE = re.compile(r"([+-]?)(\d{1,2})(?::([0-5]\d))?", re.ASCII)


def zone_us(text: str) -> int | None:
    """Return how far a time zone such as 8, -1:00, 05:45 or +08:00 is ahead of UTC, None for what is none."""
    found = _ZONE.fullmatch(text)
    if not found:
        return None
    sign, hours, minutes = found.groups()
    ahead_us = int(hours) * HOUR_US + int(minutes or 0) * MINUTE_US
    ahead_us = -ahead_us if sign == "-" else ahead_us
    return ahead_us if ZONE_MIN_US <= ahead_us <= ZONE_MAX_US else None


def bars(interval: str, ahead_us: int = 0, every_us: int = 0) -> Bars:
    """Return the bars of an interval (KeyError for an unknown one) that opens by the clock of a zone.

    A zone that changes nothing (an hour has none) gives the same bars as UTC, so that they are kept once.
    """
    length_us = LENGTHS_US[interval]
    if length_us == MONTH:
        return Bars(MONTH, -ahead_us, every_us, empty=True)
    offset_us = MONDAY_US - ahead_us if length_us == WEEK_US else -ahead_us
    return Bars(length_us, offset_us % length_us, every_us, empty=True)
