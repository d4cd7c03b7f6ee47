"""The metronome against a plain list of beats; the alarm and the two clocks against their promises."""

import asyncio
import os
import select
from collections.abc import Callable, Iterator
from email.utils import parsedate_to_datetime
from math import inf
from pathlib import Path

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from ticker import clock
from ticker.clock import LOOP_S, Alarm, Metronome, Speedometer, steps_in

UNIT_S = 1 / 1024  # exact in binary, so that the model below and the metronome never differ by rounding
LAG_MAX_S = 64 * UNIT_S

earlies_s = st.sampled_from([0.0, UNIT_S / 2, UNIT_S])
steps_s = st.sampled_from([UNIT_S, 4 * UNIT_S, 10 * UNIT_S, 100 * UNIT_S])
sleeps_s = st.lists(st.one_of(st.integers(0, 20), st.integers(0, 500)).map(lambda k: k * UNIT_S / 2), max_size=60)


class Beats:
    """What a metronome should say, one beat at a time."""

    def __init__(self, step_s: float, now_s: float, early_s: float) -> None:
        self.step_s = step_s
        self.early_s = early_s
        self.first_s = now_s + step_s
        self.beats = 0
        self.skipped = 0

    def due(self, now_s: float) -> int:
        latest_s = now_s + self.early_s
        steps = 0
        lost = latest_s - (self.first_s + self.beats * self.step_s) > LAG_MAX_S
        while self.first_s + self.beats * self.step_s <= latest_s:
            self.beats += 1
            steps += 1
        if not lost:
            return steps
        self.skipped += steps - 1
        self.first_s, self.beats = now_s + self.step_s, 0
        return 1


@given(steps_s, sleeps_s, earlies_s)
@settings(deadline=None)
def test_every_beat_is_taken_or_skipped_on_a_schedule_that_does_not_drift(
    step_s: float, sleeps: list[float], early_s: float
) -> None:
    now_s = 1000.0
    metronome, beats = Metronome(step_s, LAG_MAX_S, now_s, early_s), Beats(step_s, now_s, early_s)
    for sleep_s in sleeps:
        now_s += sleep_s
        assert metronome.due(now_s) == beats.due(now_s)
        assert metronome.skipped == beats.skipped
        assert metronome.next_s == beats.first_s + beats.beats * step_s
        assert metronome.delay_s(now_s) == max(0.0, metronome.next_s - now_s)


@given(steps_s, st.integers(1, 1000))
@settings(deadline=None)
def test_a_beat_is_never_more_than_a_little_early(step_s: float, beat: int) -> None:
    metronome = Metronome(step_s, lag_max_s=1e9, now_s=0.0, early_s=LOOP_S / 2)
    assert metronome.due(beat * step_s - 1.1 * LOOP_S / 2) == beat - 1
    assert metronome.due(beat * step_s - 0.9 * LOOP_S / 2) == 1


@given(steps_s, st.integers(1, 1000))
@settings(deadline=None)
def test_no_beat_is_early_where_none_may_be(step_s: float, beat: int) -> None:
    metronome = Metronome(step_s, lag_max_s=1e9, now_s=0.0)
    assert metronome.due(beat * step_s - UNIT_S / 1024) == beat - 1
    assert metronome.due(beat * step_s) == 1


def test_no_drift_however_late_the_loop_wakes() -> None:
    metronome = Metronome(0.01, lag_max_s=0.5, now_s=0.0)
    now_s = 0.0
    steps = 0
    for lateness_s in [1e-9, 0.003, 0.0009, 0.007] * 25_000:  # never less than the rounding of a hundred thousand sums
        now_s += metronome.delay_s(now_s) + lateness_s
        steps += metronome.due(now_s)
    assert metronome.skipped == 0
    assert steps == 100_000
    assert now_s == pytest.approx(steps * 0.01 + 0.007, abs=1e-6)


def test_a_short_delay_is_made_up_for_and_a_long_one_is_not() -> None:
    metronome = Metronome(0.01, lag_max_s=0.5, now_s=0.0)
    assert (metronome.due(0.4), metronome.skipped) == (40, 0)
    assert (metronome.due(10.4), metronome.skipped) == (1, 999)
    assert metronome.delay_s(10.4) == pytest.approx(0.01)


def test_lag_says_how_late_the_last_beat_was() -> None:
    metronome = Metronome(0.01, lag_max_s=0.5, now_s=0.0, early_s=LOOP_S)
    metronome.due(0.035)
    assert metronome.lag_s == pytest.approx(0.025)
    metronome.due(0.0399)
    assert metronome.lag_s == 0.0


def test_a_metronome_that_woke_too_soon_sleeps_on() -> None:
    metronome = Metronome(0.01, lag_max_s=0.5, now_s=5.0)
    assert metronome.due(5.004) == 0
    assert metronome.delay_s(5.004) == pytest.approx(0.006)
    assert metronome.delay_s(5.02) == 0.0


def test_a_stopped_metronome_goes_on_in_the_midst_of_its_step() -> None:
    metronome = Metronome(1.0, lag_max_s=0.5, now_s=0.0)
    metronome.stop(0.75)
    assert (metronome.stopped, metronome.due(1e9), metronome.delay_s(1e9), metronome.ring_s) == (True, 0, inf, inf)
    metronome.stop(1e9)
    metronome.go(1000.0)
    assert (metronome.stopped, metronome.next_s, metronome.skipped) == (False, 1000.25, 0)
    metronome.go(1000.1)
    assert (metronome.due(1000.2), metronome.due(1000.25)) == (0, 1)


def test_what_was_overdue_when_it_was_stopped_is_taken_once() -> None:
    metronome = Metronome(1.0, lag_max_s=5.0, now_s=0.0)
    metronome.stop(4.0)
    metronome.go(10.0)
    assert metronome.due(10.0) == 1


def test_another_tempo_holds_from_within_a_step() -> None:
    metronome = Metronome(1.0, lag_max_s=0.5, now_s=0.0)
    metronome.change(0.5, 0.25, 1)
    assert metronome.next_s == 0.625
    metronome.stop(0.5)
    metronome.change(0.5, 4.0, 1)
    metronome.go(1.0)
    assert metronome.next_s == 3.0


def test_joined_steps_are_waited_for_together() -> None:
    metronome = Metronome(UNIT_S, lag_max_s=1.0, now_s=0.0, joined=4)
    assert metronome.delay_s(0.0) == 4 * UNIT_S
    assert (metronome.due(4 * UNIT_S), metronome.lag_s, metronome.ring_s) == (4, 0.0, 8 * UNIT_S)
    assert metronome.due(9 * UNIT_S) == 5
    assert metronome.lag_s == UNIT_S


def test_steps_given_back_are_still_due_and_slip_when_they_are_too_late() -> None:
    metronome = Metronome(UNIT_S, lag_max_s=64 * UNIT_S, now_s=0.0)
    taken, now_s = 0, 0.0
    for _ in range(1000):  # a machine that takes one step where two are due
        now_s += 2 * UNIT_S
        due = metronome.due(now_s)
        metronome.give_back(due - 1)
        taken += 1
    assert taken + metronome.skipped == pytest.approx(2000, abs=64 + 1)
    assert metronome.skipped > 900


@given(st.lists(st.tuples(st.sampled_from(["wait", "stop", "go", "change"]), st.integers(1, 200)), max_size=60))
def test_whatever_is_done_to_it_steps_are_due_for_the_time_it_went(acts: list[tuple[str, int]]) -> None:
    metronome = Metronome(UNIT_S, lag_max_s=1e9, now_s=0.0)
    now_s, owed, taken = 0.0, 0.0, 0
    for act, size in acts:
        if act == "wait":
            now_s += size * UNIT_S / 4
            owed += 0.0 if metronome.stopped else size * UNIT_S / 4 / metronome.step_s
            taken += metronome.due(now_s)
        elif act == "change":
            metronome.change(now_s, size * UNIT_S, joined=size)
        else:
            (metronome.stop if act == "stop" else metronome.go)(now_s)
        assert taken == pytest.approx(owed - 0.5, abs=0.5 + 1e-6)


def test_a_speedometer_knows_the_last_seconds() -> None:
    meter = Speedometer(span_s=2.0)
    assert meter.steps_per_s(5.0, 10) == 0.0
    for tenth in range(100):
        meter.note(tenth / 10, 100 * tenth if tenth < 50 else 4900 + 10 * tenth)
    assert meter.steps_per_s(9.9, 5890) == pytest.approx(100)
    meter.reset()
    assert meter.steps_per_s(10.0, 6000) == 0.0
    meter.note(10.0, 6000)
    assert (meter.steps_per_s(10.0, 6000), meter.steps_per_s(10.5, 6100)) == (0.0, 200.0)


@pytest.mark.parametrize(
    ("seconds", "speed", "step_us", "steps"),
    [(60.0, 1.0, 10_000, 6000), (60.0, 600.0, 1_200_000, 30_000), (0.0, 1.0, 10_000, 1), (0.1, 0.01, 10_000, 1)],
)
def test_seconds_of_the_wall_are_steps_at_a_speed(seconds: float, speed: float, step_us: int, steps: int) -> None:
    assert steps_in(seconds, speed, step_us) == steps


@pytest.fixture
def alarm() -> Iterator[Alarm]:
    alarm = clock.alarm()
    assert alarm
    yield alarm
    alarm.close()


def rings(alarm: Alarm, within_s: float = 0.0) -> bool:
    poller = select.poll()
    poller.register(alarm.fileno(), select.POLLIN)
    return bool(poller.poll(1000 * within_s))


def test_an_alarm_rings_at_its_time_and_not_before(alarm: Alarm) -> None:
    assert not rings(alarm)
    for delay_s in (0.02, 0.005, 0.0003):
        at_s = clock.monotonic_s() + delay_s
        alarm.set(at_s)
        assert rings(alarm, within_s=10)
        assert clock.monotonic_s() >= at_s


@pytest.mark.parametrize("at_s", [-5.0, 0.0, 1e-12, 1.0])
def test_an_alarm_for_the_past_rings_at_once(alarm: Alarm, at_s: float) -> None:
    alarm.set(at_s)
    assert rings(alarm, within_s=10)


def test_to_set_an_alarm_silences_it(alarm: Alarm) -> None:
    alarm.set(clock.monotonic_s())
    assert rings(alarm, within_s=10)
    assert rings(alarm)  # nobody has to read it
    alarm.set(clock.monotonic_s() + 1000)
    assert not rings(alarm)
    alarm.set(clock.monotonic_s())
    assert rings(alarm, within_s=10)


def test_a_closed_alarm_has_given_its_descriptor_back() -> None:
    alarm = Alarm()
    number = alarm.fileno()
    assert str(Path(f"/proc/self/fd/{number}").readlink()) == "anon_inode:[timerfd]"
    assert not os.get_inheritable(number)
    alarm.close()
    alarm.close()
    assert alarm.fileno() == -1
    with pytest.raises((OSError, ValueError), match=r"(?i)file descriptor"):  # the system's word, or Python 3.13's
        alarm.set(1.0)


def test_where_there_is_no_alarm_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise OSError(24, "Too many open files")

    with monkeypatch.context() as patch:
        patch.setattr("ticker.clock._timerfd_create", refuse)
        assert clock.alarm() is None
    monkeypatch.setattr("ticker.clock.sys.platform", "darwin")
    assert clock.alarm() is None


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop])
def test_a_loop_that_watches_an_alarm_wakes_once_each_time(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def count() -> int:
        loop, alarm, rung = asyncio.get_running_loop(), Alarm(), 0
        done = loop.create_future()

        def ring() -> None:
            nonlocal rung
            rung += 1
            if rung == 5:
                alarm.set(clock.monotonic_s() + 1000)
                loop.call_later(0.05, done.set_result, None)
            else:
                alarm.set(clock.monotonic_s() + 0.001)

        loop.add_reader(alarm.fileno(), ring)
        alarm.set(clock.monotonic_s())
        await done
        loop.remove_reader(alarm.fileno())
        alarm.close()
        return rung

    with asyncio.Runner(loop_factory=new_loop) as runner:
        assert runner.run(count()) == 5


def test_wall_time_is_in_whole_microseconds_and_monotonic_time_in_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ticker.clock.time.time_ns", lambda: 1_700_000_000_123_456_789)
    monkeypatch.setattr("ticker.clock.time.monotonic", lambda: 12.5)
    assert clock.wall_us() == 1_700_000_000_123_456
    assert clock.monotonic_s() == 12.5


def test_the_date_is_the_wall_clock_as_http_writes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ticker.clock.time.time", lambda: 784_111_777.9)
    assert clock.http_date() == "Sun, 06 Nov 1994 08:49:37 GMT"
    monkeypatch.setattr("ticker.clock.time.time", lambda: 784_111_778.0)
    assert clock.http_date() == "Sun, 06 Nov 1994 08:49:38 GMT"
    assert parsedate_to_datetime(clock.http_date()).timestamp() == 784_111_778
