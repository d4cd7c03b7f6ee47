"""Scenarios as tables: times, names and lengths become steps and instruments, and every mistake is named."""

from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticker import universes
from ticker.config import MarketConfig
from ticker.errors import Refusal
from ticker.market.incidents import RULES, Incident
from ticker.market.scenarios import DAY_US, Scenario, Timing, Written, micros, moment, parse, read, resolve, written

UNIVERSE = universes.load(MarketConfig())
NEW_YORK = ZoneInfo("America/New_York")
START = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
STEP_US = 10_000


def timing(step_us: int = STEP_US, start: datetime = START, zone: tzinfo = NEW_YORK) -> Timing:
    return Timing(step_us, lambda step: micros(start) + step * step_us, zone)


def nightly(step: int) -> int:
    """Return the end of a step where a day has ten steps of an hour, and the night is skipped."""
    day, hour = divmod(max(0, step - 1), 10)
    return micros(START) + day * DAY_US + (hour + (step > 0)) * 3_600_000_000


@pytest.mark.parametrize(
    ("at", "step"),
    [
        ("0s", 1),
        ("90s", 9001),
        ("90.01s", 9002),
        ("90.019999s", 9002),
        ("1m30s", 9001),
        ("1h", 360_001),
        ("1d", 8_640_001),
        ("+00:01:30", 9001),
        ("+00:01", 6001),
        ("+25:00:00.5", 9_000_051),
        ("09:30:00", 1),
        ("09:31", 6001),
        ("09:30:00.015", 2),
        ("09:29:59", 8_640_001 - 100),  # the next day's
    ],
)
def test_a_time_is_counted_from_the_start_or_read_off_a_clock_of_the_zone(at: str, step: int) -> None:
    assert timing().step(at) == step


@pytest.mark.parametrize("at", ["", "+", "s", "90", "-5s", "1.5m", "5s1m", "24:00:00", "9:30", "09:60", "soon", "٩s"])
def test_what_is_no_time_is_refused(at: str) -> None:
    with pytest.raises(Refusal, match=r"^at: "):
        timing().step(at)


def test_a_clock_that_is_put_forward_is_read_as_it_stands() -> None:
    eve = datetime(2026, 3, 7, 12, 0, tzinfo=NEW_YORK)
    assert timing(1_000_000, eve).step("11:00") == 22 * 3600 + 1  # a day of 23 hours


def test_times_of_the_night_show_in_the_first_step_of_the_day() -> None:
    clocked = Timing(3_600_000_000, nightly, UTC)
    assert clocked.step("14:30:00") == 1
    assert clocked.step("15:29:59") == 1
    assert clocked.step("15:30:00") == 2
    assert clocked.step("03:00:00") == 11
    assert clocked.step("10h") == 11


def test_what_is_too_far_away_is_refused_at_once() -> None:
    clocked = Timing(3_600_000_000, nightly, UTC)
    assert clocked.step("400d") == 9601
    for at in ("401d", "999999999999s"):
        with pytest.raises(Refusal, match=r"^at: no more than 400 days"):
            clocked.step(at)
    with pytest.raises(Refusal, match=r"^at: no more than 400 days"):
        clocked.reached(micros(datetime(9999, 1, 1, tzinfo=UTC)))


@given(st.integers(0, 3900), st.integers(-1, 1))
def test_the_step_after_a_time_is_the_first_that_ends_after_it(step: int, more: int) -> None:
    for clocked in (timing(), Timing(3_600_000_000, nightly, UTC)):
        t_us = clocked.time_us(step) + more
        after, reached = clocked.after(t_us), clocked.reached(t_us)
        assert clocked.time_us(after) > t_us and (after == 1 or clocked.time_us(after - 1) <= t_us)
        assert clocked.time_us(reached) >= t_us and (reached == 1 or clocked.time_us(reached - 1) < t_us)


def test_instruments_are_named_one_by_one_by_sector_or_not_at_all() -> None:
    def who(**named: list[str]) -> tuple[int, ...]:
        return parse({"kind": "halt", **named}, UNIVERSE, timing()).instruments

    technology = tuple(range(9))
    assert who() == who(symbols=["*"]) == tuple(range(100))
    assert who(symbols=["BYTE", "ACME", "BYTE"]) == (0, 1)
    assert who(sectors=["Technology"]) == technology
    assert who(symbols=["ACME", "WNDY"], sectors=["Technology"]) == (*technology, 9)


def test_an_incident_without_a_time_is_for_as_soon_as_possible() -> None:
    assert parse({"kind": "halt"}, UNIVERSE, timing()).step == 0


@pytest.mark.parametrize(("seconds", "steps"), [(0, 0), (0.01, 1), (0.011, 2), (1e-9, 0), (60, 6000)])
def test_it_lasts_whole_steps(seconds: float, steps: int) -> None:
    assert parse({"kind": "halt", "duration_s": seconds}, UNIVERSE, timing()).steps == steps


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({}, "kind: is needed"),
        ({"kind": 5}, "kind: expected text, got int"),
        ({"kind": "riot"}, "kind: 'riot' cannot be caused"),
        ({"kind": "halt", "mood": "bad"}, "mood: no such key"),
        ({"kind": "halt", "at": 90}, "at: expected text, got int"),
        ({"kind": "halt", "symbols": []}, "symbols: expected a list of length >= 1"),
        ({"kind": "halt", "symbols": "ACME"}, "symbols: expected a list, got text"),
        ({"kind": "halt", "symbols": ["ACME", "ACNE"]}, "symbols: unknown: ACNE"),
        ({"kind": "halt", "sectors": ["Magic"]}, "sectors: unknown: Magic; there are Technology, Energy,"),
        ({"kind": "halt", "duration_s": -1}, "duration_s: expected a number >= 0.0"),
        ({"kind": "halt", "duration_s": float("nan")}, "duration_s: expected a number >= 0.0"),
        ({"kind": "halt", "duration_s": float("inf")}, "duration_s: expected a number <= 31622400.0"),
        ({"kind": "shock", "value": float("nan")}, "value: shock takes one from -0.9 to 2 and not 0"),
        ({"kind": "halt", "at": "noon"}, "at: 'noon' is no time"),
    ],
)
def test_a_mistake_is_named_with_the_file_the_entry_and_the_key(table: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Refusal) as raised:
        parse(table, UNIVERSE, timing())
    assert raised.value.message.startswith(sentence)
    tables = {"incident": [{"kind": "halt", "at": "1s"}, {"at": "1s", **table}]}
    with pytest.raises(Refusal) as raised:
        resolve(read(tables, "my.toml"), "my", "my.toml", UNIVERSE, timing())
    assert raised.value.message.startswith(f"my.toml: incident 2: {sentence}")


@pytest.mark.parametrize(
    ("tables", "sentence"),
    [
        ({"incidents": []}, "f: incidents: no such key"),
        ({"incident": {}}, "f: incident: expected a list, got a table"),
        ({"incident": [1]}, "f: incident[0]: expected a table, got int"),
        ({"start": "noon"}, "f: start: "),
        ({"start": "09:00:00Z"}, "f: start: "),
        ({"description": 1}, "f: description: expected text"),
    ],
)
def test_a_mistake_in_the_file_itself_is_named(tables: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Refusal) as raised:
        read(tables, "f")
    assert raised.value.message.startswith(sentence)


def test_a_scheduled_incident_needs_a_time() -> None:
    with pytest.raises(Refusal, match=r"^f: incident 1: at: is needed"):
        resolve(Written(incident=[{"kind": "halt"}]), "", "f", UNIVERSE, timing())


def test_incidents_come_in_the_order_of_their_steps() -> None:
    tables = {
        "start": time(9),
        "incident": [{"kind": kind, "at": at} for kind, at in (("halt", "2s"), ("freeze", "1s"))],
    }
    found = resolve(read(tables, "f"), "name", "f", UNIVERSE, timing())
    assert found == Scenario(
        "name", "", tuple(Incident(*known, tuple(range(100))) for known in (("freeze", 101), ("halt", 201)))
    )


incidents = st.builds(
    lambda kind, step, who, steps, value: Incident(
        kind,
        step,
        tuple(sorted(who)),
        max(steps, RULES[kind].must_last) if RULES[kind].lasts else 0,
        value if RULES[kind].value else 0.0,
    ),
    st.sampled_from(list(RULES)),
    st.integers(1, 100_000_000),
    st.sets(st.integers(0, 99), min_size=1),
    st.integers(0, 100_000),
    st.floats(0.1, 2.0),
)


@given(st.lists(incidents), st.sampled_from([1000, 10_000, 15_556, 20_000_000]))
def test_what_is_written_is_read_back_the_same(found: list[Incident], step_us: int) -> None:
    found = [known for known in found if max(known.steps, known.step) * step_us <= 366 * DAY_US]
    tables = written(found, UNIVERSE, step_us)
    clocked = Timing(step_us, lambda _: 1 // 0, UTC)  # no calendar is asked
    assert [parse(table, UNIVERSE, clocked) for table in tables] == found


def test_moments_are_exact() -> None:
    at = datetime(2199, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    assert moment(micros(at)) == at
    assert micros(at + timedelta(microseconds=1)) == micros(at) + 1
