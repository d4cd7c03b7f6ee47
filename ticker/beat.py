"""Takes the steps of a market as time passes: at a speed that may change, or one by one while it stands still.

However many steps are due, they are taken in slices, and between two slices everybody else has a turn. What cannot be
kept up with makes the schedule slip; no step of the market is ever left out.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from math import ceil, inf
from typing import Protocol

from ticker import clock
from ticker.config import Config
from ticker.errors import EndOfTape
from ticker.feed.feed import Feed
from ticker.metrics import Metrics
from ticker.ticks import Batch

SLICE_S = 0.01  # of steps at a time: as long as a client may wait for an answer because of them
JOIN_S = 0.005  # where steps are faster than asked for in market time, so many seconds of them go out together
IDLE_S = 3600.0  # an alarm cannot be set to never
SPAN_S = 2.0  # over which the speed is measured


class Steps(Protocol):
    """A market, or a recorded tape.

    A batch that does not follow the one before it is a picture of everything as it stands there: what is between was
    lost. Raises EndOfTape where there is no more.
    """

    @property
    def step_us(self) -> int: ...

    def step(self) -> Batch:
        """Advance by one step and return what happened in it."""

    def prepare(self) -> Batch:
        """Return what the next step is going to return."""


class Beat:
    """The beat of one market; `failed` is resolved where the market cannot step, `ended` called where it is over."""

    def __init__(
        self,
        market: Steps,
        feed: Feed,
        metrics: Metrics,
        config: Config,
        stamp: Callable[[], int] | None = None,
        ended: Callable[[], None] = lambda: None,
    ) -> None:
        """`stamp` says when the step just taken was emitted, where that is not now: in microseconds since 1970."""
        self._market = market
        self._feed = feed
        self._metrics = metrics
        self._config = config
        self._until: int | None = None
        self._stride: int | None = None
        self._done: Callable[[], None] | None = None
        self._alarm: clock.Alarm | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._meter = clock.Speedometer(SPAN_S)
        self._flush_steps = 1
        self._over = False
        self._stamp = stamp
        self._ended = ended
        self._at_end = False
        self.speed = config.clock.speed

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take the opening step, and begin to beat a step from now: by an alarm where there is one."""
        self._loop = loop
        self.failed: asyncio.Future[None] = loop.create_future()
        self._take(1)  # whoever connects first finds the opening quotes
        self._alarm = clock.alarm()
        step_s, joined = self._tempo
        early_s = 0.0 if self._alarm else clock.LOOP_S
        lag_max_s = self._config.feed.lag_max_s
        self.metronome = clock.Metronome(step_s, lag_max_s, clock.monotonic_s(), early_s, joined)
        if self._alarm:
            loop.add_reader(self._alarm.fileno(), self.beat)
        self._fit()
        if self._config.clock.paused:
            self.pause()
        if self._at_end:
            self._end()
        self._await()

    def stop(self) -> None:
        """Beat no more."""
        self._over = True
        self._stride = self._done = None
        if self._timer:
            self._timer.cancel()
        if self._alarm:
            self._loop.remove_reader(self._alarm.fileno())
            self._alarm.close()
            self._alarm = None

    @property
    def paused(self) -> bool:
        return self.metronome.stopped

    @property
    def until(self) -> int | None:
        """The step after which it pauses, None where it goes on for ever."""
        return self._until

    @property
    def speed_actual(self) -> float:
        """Seconds of market time in a second, as measured lately."""
        rate = self._meter.steps_per_s(clock.monotonic_s(), self._feed.tape.head)
        return rate * self._market.step_us / 1e6

    @property
    def flushes_per_s(self) -> float:
        """How many messages a second a client can be sent at most."""
        step_s, joined = self._tempo
        return 1 / (step_s * max(self._flush_steps_at(self.speed), joined))

    @property
    def _tempo(self) -> tuple[float, int]:
        """How many seconds a step takes, and how many steps are joined."""
        market_s = self._market.step_us / 1e6
        step_s = market_s / self.speed
        return step_s, max(1, ceil(min(JOIN_S, market_s) / step_s - 1e-9))

    # Commands.

    def pause(self) -> None:
        """Stand still: all that was made is handed out, and nothing is made."""
        self._until = None
        self.metronome.stop(clock.monotonic_s())
        self._feed.flush()
        self._meter.reset()
        self._await()

    def resume(self, until: int | None = None) -> None:
        """Go on, and pause again after step `until`."""
        self._until = until
        self.metronome.go(clock.monotonic_s())
        self._meter.reset()
        self._await()

    def change(self, speed: float) -> None:
        """Set another speed."""
        self.speed = speed
        self.metronome.change(clock.monotonic_s(), *self._tempo)
        self._meter.reset()
        self._fit()
        self._await()

    @property
    def striding(self) -> bool:
        """Whether steps asked for one by one are still to be taken."""
        return self._stride is not None

    def stride(self, steps: int, done: Callable[[], None]) -> None:
        """Take so many steps while standing still, as fast as they can be made; call `done` after the last."""
        self._stride, self._done = self._feed.tape.head + steps, done
        self._loop.call_soon(self._go_on)

    def halt(self) -> None:
        """Take no more steps of those asked for; nobody waits for them."""
        self._stride = self._done = None

    def measure(self) -> None:
        """Note how far it is; called several times a second."""
        self._meter.note(clock.monotonic_s(), self._feed.tape.head)

    # Steps.

    def beat(self) -> None:
        """Take the steps that are due, as many as fit into a slice, and come back for the next ones."""
        try:
            due = self.metronome.due(clock.monotonic_s())
            wanted = due if self._until is None else min(due, self._until - self._feed.tape.head)
            taken = self._take(wanted)
            self.metronome.give_back(wanted - taken)
            if taken and self._flush_steps == 1:
                self._feed.flush()  # steps made up for after a delay go out together
            self._metrics.steps_skipped = self.metronome.skipped
            if self._until is not None and self._feed.tape.head >= self._until:
                self.pause()
            self._tidy()
            if self._at_end:
                self._end()
        except Exception as error:  # a market that cannot step has nothing to serve
            self._fail(error)
            return
        self._await()

    def _go_on(self) -> None:
        """Take a slice of the steps that were asked for one by one."""
        if self._stride is None:
            return
        try:
            self._take(self._stride - self._feed.tape.head)
            self._feed.flush()
            self._tidy()
            if self._at_end:
                self._stride = self._feed.tape.head
                self._end()
        except Exception as error:
            self._fail(error)
            return
        if self._feed.tape.head < self._stride:
            self._loop.call_soon(self._go_on)
            return
        done, self._stride, self._done = self._done, None, None
        if done:
            done()

    def _take(self, steps: int) -> int:
        """Take steps until a slice is over; return how many."""
        over_s = clock.monotonic_s() + SLICE_S
        for taken in range(1, steps + 1):
            try:
                self._publish()
            except EndOfTape:
                self._at_end = True
                return taken - 1
            if self._flush_steps > 1 and self._feed.tape.head % self._flush_steps == 0:
                self._feed.flush()
            if clock.monotonic_s() >= over_s:
                return taken
        return max(0, steps)

    def _publish(self) -> None:
        batch = self._market.step()
        if batch.seq == self._feed.tape.head + 1:
            self._feed.publish(batch, self._stamp() if self._stamp else clock.wall_us())
        else:
            self._feed.leap(batch)

    def _tidy(self) -> None:
        """Do what can wait until the ticks are on their way, and what the next ones would have to wait for."""
        with suppress(EndOfTape):  # which the next step will say
            ahead = self._market.prepare()
            if ahead.seq == self._feed.tape.head + 1:
                self._feed.prepare(ahead)

    def _end(self) -> None:
        """Stand still: there is no more, until somebody asks again."""
        self._at_end = False
        self.pause()
        self._ended()

    def _fail(self, error: Exception) -> None:
        self.stop()
        self.failed.set_exception(error)

    def _fit(self) -> None:
        """Fit what is counted in steps to the speed: seconds of the configuration are the wall clock's."""
        self._flush_steps = self._flush_steps_at(self.speed)
        self._feed.tape.steps_max = clock.steps_in(self._config.feed.tape_s, self.speed, self._market.step_us)

    def _flush_steps_at(self, speed: float) -> int:
        return clock.steps_in(self._config.feed.flush_ms / 1000, speed, self._market.step_us)

    def _await(self) -> None:
        if self._over:
            return
        ring_s = self.metronome.ring_s
        if self._alarm:
            self._alarm.set(clock.monotonic_s() + IDLE_S if ring_s == inf else ring_s)
        else:
            delay_s = min(IDLE_S, self.metronome.delay_s(clock.monotonic_s()))
            if self._timer:
                self._timer.cancel()
            self._timer = self._loop.call_later(delay_s, self.beat)


class Beaten:
    """What a source says of its time that a beat moves on."""

    beat: Beat

    @property
    def speed(self) -> float:
        return self.beat.speed

    @property
    def speed_actual(self) -> float:
        return self.beat.speed_actual

    @property
    def paused(self) -> bool:
        return self.beat.paused

    @property
    def flushes_per_s(self) -> float:
        return self.beat.flushes_per_s

    @property
    def lag_s(self) -> float:
        return self.beat.metronome.lag_s
