"""Times printed as RFC 3339 has them, in UTC: whole microseconds since 1970 become text, never by way of a float."""

from datetime import UTC, datetime
from functools import lru_cache

SECOND_US = 1_000_000


def rfc3339(us: int) -> str:
    """Return a time with all its microseconds: `2026-01-05T14:30:00.000001Z`."""
    seconds, part = divmod(us, SECOND_US)
    return f"{whole_second(seconds)}.{part:06d}Z"


@lru_cache(maxsize=4096)  # a feed says the same few seconds again and again
def whole_second(seconds: int) -> str:
    """Return a time of so many seconds since 1970, without a zone: `2026-01-05T14:30:00`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
