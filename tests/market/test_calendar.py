"""The calendar: steps tile the days, nights and weekends are skipped, and the auction is never missed."""

from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticker.instruments import Hours
from ticker.market.calendar import AUCTION, CLOSED, DAY_US, PRE_OPEN, TRADING, Calendar, Times, microseconds

SECOND_US = 1_000_000
NEW_YORK = Hours(ZoneInfo("America/New_York"), time(9, 25), time(9, 30), time(16), time(16, 5))
BERLIN = Hours(ZoneInfo("Europe/Berlin"), time(8, 50), time(9), time(17, 30), time(17, 31, 7))
SHORT = Hours(ZoneInfo("Asia/Kolkata"), time(0, 0, 0, 1), time(0, 1), time(0, 3), time(0, 3, 1))
LONG = Hours(ZoneInfo("Africa/Cairo"), time(), time(0, 0, 1), time(23, 59, 58), time(23, 59, 59, 999_999))
WITH_HOURS = (NEW_YORK, BERLIN, SHORT, LONG)

starts = st.datetimes(datetime(1971, 1, 1), datetime(2199, 1, 1), timezones=st.just(UTC))
steps_s = st.sampled_from([7.0, 13.37, 59.999, 60.0])


class Day(NamedTuple):
    """What a day is when its four times are looked up one by one, in microseconds."""

    pre_open: int
    open: int
    close: int
    end: int


def days(hours: Hours, start_us: int) -> Iterator[Day]:
    """Yield every business day that is not over at the start."""
    day = date(1970, 1, 1) + timedelta(days=start_us // DAY_US - 1)
    while True:
        if day.isoweekday() <= 5:
            times = (hours.pre_open, hours.open, hours.close, hours.end)
            found = Day(*(microseconds(datetime.combine(day, moment, hours.zone).astimezone(UTC)) for moment in times))
            if found.end > start_us:
                yield found
        day += timedelta(days=1)


def expected(hours: Hours, start_us: int, step_us: int) -> Iterator[tuple[int, int, float, int, bool]]:
    """Yield every step by the rules, one after the other."""
    for number, day in enumerate(days(hours, start_us)):
        t = max(start_us, day.pre_open)
        printed = t > day.open
        first = True
        while t < day.end:
            t = min(t + step_us, day.end)
            if t >= day.open and not printed:
                phase, printed = AUCTION, True
            else:
                phase = PRE_OPEN if t < day.open else TRADING if t <= day.close else CLOSED
            fraction = min(1.0, max(0.0, (t - day.open) / (day.close - day.open)))
            yield t, phase, fraction, number, first and number > 0
            first = False


def listed(times: Times) -> list[tuple[int, int, float, int, bool]]:
    return list(zip(*(getattr(times, field.name).tolist() for field in fields(times)), strict=True))


def calendar(hours: Hours | None, start: datetime, step_s: float) -> Calendar:
    return Calendar(hours, microseconds(start), round(step_s * SECOND_US))


def opens(hours: Hours, start: datetime, count: int) -> list[datetime]:
    """Return when the auctions print, with steps of a minute."""
    times = calendar(hours, start, 60).block(1, 1500 * count)
    found = times.t_us[times.phase == AUCTION][:count]
    return [datetime.fromtimestamp(t / SECOND_US, UTC) for t in found.tolist()]


@given(st.sampled_from(WITH_HOURS), starts, steps_s, st.integers(1, 400))
def test_steps_are_what_the_rules_say_one_by_one(hours: Hours, start: datetime, step_s: float, count: int) -> None:
    rules = expected(hours, microseconds(start), round(step_s * SECOND_US))
    assert listed(calendar(hours, start, step_s).block(1, count)) == list(islice(rules, count))


@given(st.sampled_from([*WITH_HOURS, None]), starts, steps_s, st.integers(1, 3000), st.integers(1, 60))
def test_a_block_is_its_steps_joined_whatever_was_asked_before(
    hours: Hours | None, start: datetime, step_s: float, first: int, count: int
) -> None:
    whole = calendar(hours, start, step_s).block(first, count)
    other = calendar(hours, start, step_s)
    single = [other.block(step, 1) for step in reversed(range(first, first + count))]
    joined = Times.joined(single[::-1])
    assert listed(joined) == listed(whole)
    for field in fields(whole):
        assert getattr(whole, field.name).dtype == getattr(joined, field.name).dtype


@given(st.sampled_from([*WITH_HOURS, None]), starts, steps_s, st.integers(1, 3000))
def test_one_time_is_that_of_its_step(hours: Hours | None, start: datetime, step_s: float, step: int) -> None:
    found = calendar(hours, start, step_s)
    assert found.time_us(step) == found.block(step, 1).t_us[0]


def test_step_nought_is_where_the_first_one_begins() -> None:
    night = datetime(2026, 1, 6, 3, tzinfo=UTC)
    assert calendar(NEW_YORK, night, 1).time_us(0) == microseconds(datetime(2026, 1, 6, 14, 25, tzinfo=UTC))
    assert calendar(None, night, 1).time_us(0) == microseconds(night)


@given(st.sampled_from(WITH_HOURS), starts, st.sampled_from([30.0, 60.0, 47.11]))
def test_steps_tile_every_day_from_pre_open_to_end(hours: Hours, start: datetime, step_s: float) -> None:
    times = calendar(hours, start, step_s).block(1, 3 * 86_400 // 30)
    found = days(hours, microseconds(start))
    for number in range(times.day.max()):  # the last one may be cut
        day, mine = next(found), times.day == number
        begin = max(day.pre_open, microseconds(start))
        lengths = np.diff(times.t_us[mine], prepend=begin)
        assert (lengths[:-1] == round(step_s * SECOND_US)).all()
        assert 0 < lengths[-1] <= round(step_s * SECOND_US)
        assert times.t_us[mine][-1] == day.end
        assert times.phase[mine][-1] == CLOSED
        assert times.night[mine].tolist() == [number > 0] + [False] * (len(lengths) - 1)


@given(st.sampled_from(WITH_HOURS), starts, st.floats(1, 60))
def test_every_day_has_one_auction_after_pre_open_and_before_trading(
    hours: Hours, start: datetime, step_s: float
) -> None:
    times = calendar(hours, start, step_s).block(1, 20_000)
    for number in range(times.day.max()):
        phases = times.phase[times.day == number]
        begins_late = number == 0 and microseconds(start) > next(days(hours, microseconds(start))).open
        assert np.count_nonzero(phases == AUCTION) == (0 if begins_late else 1)
        rank = np.array([0, 1, 2, 3])[np.searchsorted(sorted({PRE_OPEN, AUCTION, TRADING, CLOSED}), phases)]
        assert (np.diff(rank) >= 0).all()
        assert begins_late or (phases == TRADING).any()


@given(st.sampled_from([*WITH_HOURS, None]), starts, steps_s)
def test_the_fraction_grows_within_a_day(hours: Hours | None, start: datetime, step_s: float) -> None:
    times = calendar(hours, start, step_s).block(1, 5000)
    assert ((times.fraction >= 0) & (times.fraction <= 1)).all()
    same_day = np.diff(times.day) == 0
    assert (np.diff(times.fraction)[same_day] >= 0).all()
    assert (np.diff(times.t_us) > 0).all()
    if hours is not None:
        assert (times.fraction[times.phase == PRE_OPEN] == 0).all()
        assert (times.fraction[times.phase == CLOSED] == 1).all()


@given(starts, steps_s)
def test_nothing_happens_at_the_weekend(start: datetime, step_s: float) -> None:
    times = calendar(NEW_YORK, start, step_s).block(1, 20_000)
    weekdays = {datetime.fromtimestamp(t / SECOND_US, NEW_YORK.zone).isoweekday() for t in times.t_us[::20].tolist()}
    assert weekdays <= {1, 2, 3, 4, 5}


@given(starts, steps_s, st.integers(1, 10_000))
def test_round_the_clock_every_step_trades(start: datetime, step_s: float, first: int) -> None:
    step_us = round(step_s * SECOND_US)
    times = calendar(None, start, step_s).block(first, 3000)
    assert (times.t_us == microseconds(start) + step_us * np.arange(first, first + 3000)).all()
    assert (times.phase == TRADING).all()
    assert times.t_us - times.fraction * DAY_US == pytest.approx((microseconds(start) // DAY_US + times.day) * DAY_US)
    assert times.night[1:].tolist() == (np.diff(times.day) > 0).tolist()


def test_round_the_clock_midnight_ends_a_day() -> None:
    times = calendar(None, datetime(2026, 1, 3, tzinfo=UTC), 60).block(1, 1441)
    assert (times.day[1439], times.fraction[1439], times.night[1439]) == (0, 1.0, False)
    assert (times.day[1440], times.night[1440]) == (1, True)
    assert not times.night[0]


@pytest.mark.parametrize(
    ("hours", "friday", "before", "after"),
    [
        (NEW_YORK, datetime(2026, 3, 6, tzinfo=UTC), "2026-03-06T14:30", "2026-03-09T13:30"),
        (NEW_YORK, datetime(2026, 10, 30, tzinfo=UTC), "2026-10-30T13:30", "2026-11-02T14:30"),
        (BERLIN, datetime(2026, 3, 27, tzinfo=UTC), "2026-03-27T08:00", "2026-03-30T07:00"),
        (BERLIN, datetime(2026, 10, 23, tzinfo=UTC), "2026-10-23T07:00", "2026-10-26T08:00"),
    ],
)
def test_summer_time_moves_the_open(hours: Hours, friday: datetime, before: str, after: str) -> None:
    assert [f"{moment:%Y-%m-%dT%H:%M}" for moment in opens(hours, friday, 2)] == [before, after]


@pytest.mark.parametrize(
    ("start", "t", "phase", "day_begins"),
    [
        ("2026-01-05T14:30:00+00:00", "2026-01-05T14:30:01+00:00", AUCTION, "the open itself"),
        ("2026-01-05T14:29:59+00:00", "2026-01-05T14:30:00+00:00", AUCTION, "a step that ends at the open"),
        ("2026-01-05T14:29:59.500000+00:00", "2026-01-05T14:30:00.500000+00:00", AUCTION, "a step across the open"),
        ("2026-01-05T14:30:00.000001+00:00", "2026-01-05T14:30:01.000001+00:00", TRADING, "just too late"),
        ("2026-01-05T14:27:00+00:00", "2026-01-05T14:27:01+00:00", PRE_OPEN, "pre-open"),
        ("2026-01-05T17:00:00+00:00", "2026-01-05T17:00:01+00:00", TRADING, "midday"),
        ("2026-01-05T20:59:59+00:00", "2026-01-05T21:00:00+00:00", TRADING, "the last second"),
        ("2026-01-05T21:00:00+00:00", "2026-01-05T21:00:01+00:00", CLOSED, "the close"),
        ("2026-01-05T21:05:00+00:00", "2026-01-06T14:25:01+00:00", PRE_OPEN, "the end"),
        ("2026-01-06T03:00:00+00:00", "2026-01-06T14:25:01+00:00", PRE_OPEN, "night"),
        ("2026-01-09T22:00:00+00:00", "2026-01-12T14:25:01+00:00", PRE_OPEN, "Friday night"),
        ("2026-01-11T12:00:00+00:00", "2026-01-12T14:25:01+00:00", PRE_OPEN, "Sunday"),
    ],
)
def test_a_market_begins_where_it_is_told_or_at_the_next_pre_open(
    start: str, t: str, phase: int, day_begins: str
) -> None:
    times = calendar(NEW_YORK, datetime.fromisoformat(start), 1).block(1, 1)
    found = (times.t_us[0], times.phase[0], times.day[0], times.night[0])
    assert found == (microseconds(datetime.fromisoformat(t)), phase, 0, False), day_begins


def test_a_clock_that_leaps_over_the_day_does_not_stop_the_calendar() -> None:
    """Cairo's clock went from midnight to one o'clock on Friday, 2024-04-26, and back on a Thursday in October."""
    early = Hours(ZoneInfo("Africa/Cairo"), time(0, 10), time(0, 20), time(0, 50), time(1, 5))
    times = calendar(early, datetime(2024, 4, 1, tzinfo=UTC), 10).block(1, 200 * 330)
    assert (np.diff(times.t_us) > 0).all()
    auctions = [np.count_nonzero(times.phase[times.day == number] == AUCTION) for number in range(times.day.max())]
    assert set(auctions) == {1}


def test_a_day_of_a_fast_market_is_found_at_once() -> None:
    """Two million steps a day, ten days on: no step before it is made."""
    per_day = (6 * 3600 + 40 * 60) * 100
    times = calendar(NEW_YORK, datetime(2026, 1, 5, tzinfo=UTC), 0.01).block(9 * per_day, 2)
    assert times.day.tolist() == [8, 9]
    assert times.night.tolist() == [False, True]
    assert [f"{datetime.fromtimestamp(t / SECOND_US, UTC):%d %H:%M:%S.%f}" for t in times.t_us.tolist()] == [
        "15 21:05:00.000000",
        "16 14:25:00.010000",
    ]
