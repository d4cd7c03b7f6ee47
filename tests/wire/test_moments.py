"""Times as text: what is printed says exactly the microsecond it was made of."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ticker.wire.moments import rfc3339, whole_second

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@given(st.integers(0, 4_102_444_800_000_000))
def test_a_time_is_printed_to_the_microsecond(us: int) -> None:
    text = rfc3339(us)
    assert len(text) == len("2026-01-05T14:30:00.000001Z") and text[10] == "T" and text[-1] == "Z"
    assert datetime.fromisoformat(text) - EPOCH == timedelta(microseconds=us)


def test_times_as_they_are_printed() -> None:
    assert rfc3339(1_767_623_400_000_001) == "2026-01-05T14:30:00.000001Z"
    assert whole_second(0) == "1970-01-01T00:00:00"
