"""`ticker record --market`: a market without a server, as fast as it goes, into a file.

What it writes is what a server of that market sends: the same epoch, the same steps. Of each it says that it was
emitted when it happened, in market time, so that the same market makes the same bytes.
"""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ticker import clock
from ticker.instruments import Universe
from ticker.links.about import About
from ticker.links.recorder import Recorder
from ticker.ticks import Batch
from ticker.wire.label import Label
from ticker_record.screen import Screen
from ticker_record.wishes import check_limits, check_new
from ticker_watch.wishes import seconds

PAINT_S = 0.5
LOOK_STEPS = 64  # between looks at the clock


class Steps(Protocol):
    """A market."""

    universe: Universe
    epoch: str
    step_us: int
    seq: int

    def step(self) -> Batch: ...
    def time_us(self, seq: int) -> int: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What to record: `shown` is what readers were shown last, where the market goes on from a checkpoint."""

    path: Path
    seed: int
    speed: float
    count: int | None
    duration: str | None

    def check(self) -> None:
        """Raise ConfigError where something cannot be."""
        check_limits(self.count, self.duration)
        check_new(self.path)

    def run(self, market: Steps, shown: Batch | None) -> int:
        """Record a market until it is over; return the exit code. Raises SetupError."""
        start = market.time_us(market.seq)
        label = Label.of(
            market.universe,
            epoch=market.epoch,
            step_us=market.step_us,
            start_us=market.time_us(0),
            seed=self.seed,
            speed=self.speed,
        )
        screen = Screen(self.path)
        with told() as over, screen, Recorder.create(self.path, label, About()) as recorder:
            recorder.leap(shown or Batch(market.seq, start, {}), start)
            self._record(market, recorder, screen, over)
        screen.sum_up(recorder)
        return 0

    def _record(self, market: Steps, recorder: Recorder, screen: Screen, over: list[Any]) -> None:
        end_us = None
        if self.duration is not None:
            end_us = market.time_us(market.seq) + round(seconds("--duration", self.duration) * 1e6)
        painted_s = clock.monotonic_s()
        while not over:
            batch = market.step()
            if end_us is not None and batch.t > end_us:
                return
            recorder.take(batch, batch.t)
            if self.count is not None and recorder.ticks >= self.count:
                return
            if batch.seq % LOOK_STEPS == 0 and (now_s := clock.monotonic_s()) - painted_s > PAINT_S:
                painted_s = now_s
                screen.show(recorder, "")


@contextmanager
def told() -> Iterator[list[Any]]:
    """Give a list that is empty until Ctrl-C, a signal to end, or a terminal that is closed."""
    over: list[Any] = []
    before = {
        number: signal.signal(number, lambda number, _: over.append(number))
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) != signal.SIG_IGN  # nohup knows better
    }
    try:
        yield over
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
