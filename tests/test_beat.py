"""The beat at any speed: the same tape, messages that are joined, and a turn for everybody however much is due."""

import asyncio
import hashlib
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from test_server import LOOPS, House
from ticker.beat import SLICE_S
from ticker.ticks import CHANNELS

NewLoop = Callable[[], asyncio.AbstractEventLoop]
STEPS = 150
SCENARIO = """
[[incident]]
at = "0.2s"
kind = "halt"
symbols = ["ACME"]
duration_s = 0.3

[[incident]]
at = "0.6s"
kind = "freeze"
"""


class Noted(House):
    """A server in this process, of which every step and every flush is noted."""

    def __init__(self, **values: Any) -> None:
        super().__init__(**{"market.model": "plain", **values})
        self.digests: list[str] = []
        self.flushes: list[int] = []
        self._flush = self.server.feed.flush
        self.server.feed.flush = self._note_flush  # type: ignore[method-assign]
        self.cost_s = 0.0

    def _step(self) -> Any:
        batch = super()._step()
        content = b"".join(batch.rows[channel].tobytes() for channel in CHANNELS)
        self.digests.append(hashlib.sha256(b"%d %d %b" % (batch.seq, batch.t, content)).hexdigest())
        if self.cost_s:
            time.sleep(self.cost_s)
        return batch

    def _note_flush(self) -> None:
        self.flushes.append(self.server.feed.tape.head)
        self._flush()

    async def reach(self, steps: int) -> None:
        while len(self.digests) < steps:  # noqa: ASYNC110  # not an event of ours
            await asyncio.sleep(0.01)


def digests(new_loop: NewLoop, scenario: Path, speed: float, **values: Any) -> list[str]:
    """Return the digests of the first steps of a market that is served at a speed."""
    house = Noted(**{"clock.speed": speed, "market.step_ms": 10.0, "market.scenario": str(scenario), **values})
    house.run(new_loop, lambda: house.reach(STEPS))
    return house.digests[:STEPS]


@pytest.mark.parametrize("model", ["plain", "realistic"])
def test_the_tape_is_the_same_at_any_speed_on_any_loop(tmp_path: Path, model: str) -> None:
    file = tmp_path / "some.toml"
    file.write_text(SCENARIO)
    loops: list[NewLoop] = LOOPS.args[1]
    kind = {"market.model": model}
    found = [digests(new_loop, file, speed, **kind) for new_loop in loops for speed in (1.0, 600.0)]
    assert all(other == found[0] for other in found)
    assert len(set(found[0])) == STEPS
    assert digests(loops[0], file, 600.0, **{**kind, "market.seed": 2}) != found[0]


@LOOPS
def test_steps_that_are_faster_than_messages_go_out_together(new_loop: NewLoop) -> None:
    house = Noted(**{"clock.speed": 600.0, "market.step_ms": 10.0, "feed.lag_max_s": 60.0})
    house.run(new_loop, lambda: house.reach(3000))
    assert len(house.digests) / len(house.flushes) > 20
    assert house.flushes == sorted(house.flushes)


@LOOPS
def test_everybody_has_a_turn_however_much_is_due(new_loop: NewLoop) -> None:
    house = Noted(**{"clock.speed": 600.0, "market.step_ms": 10.0, "feed.lag_max_s": 0.05})
    house.cost_s = 0.002
    seen = [0]

    async def act() -> None:
        while len(house.digests) < 200:
            seen.append(len(house.digests))
            await asyncio.sleep(0)

    house.run(new_loop, act)
    slices = [after - before for before, after in pairwise(seen)]
    assert max(slices) <= SLICE_S / house.cost_s + 1
    assert house.server.metrics.steps_skipped > 100
    assert house.server.feed.tape.head == len(house.digests)  # the schedule slipped, the market did not


def test_seconds_of_the_configuration_are_those_of_the_wall() -> None:
    house = Noted(**{"clock.speed": 60.0, "market.step_ms": 0.0, "feed.tape_s": 2.0, "feed.flush_ms": 100.0})
    tape = house.server.feed.tape
    kept: list[int] = []

    async def act() -> None:
        await house.reach(120)
        kept.append(tape.steps_max)
        house.server.source.beat.change(6.0)
        kept.append(tape.steps_max)
        await house.reach(140)

    house.run(asyncio.new_event_loop, act)
    assert house.server.source.market.step_us == 240_000
    assert kept == [500, 50]
    assert {seq % 25 for seq in house.flushes if seq <= 100} == {0}
    assert len(house.digests) > 120


@LOOPS
def test_it_may_be_held_and_let_go_and_stepped_at_any_time(new_loop: NewLoop) -> None:
    house = Noted(**{"clock.paused": True, "market.step_ms": 1.0})
    beat, done = house.server.source.beat, list[int]()

    async def act() -> None:
        await asyncio.sleep(0.05)
        assert (house.server.feed.tape.head, beat.paused, beat.speed_actual) == (1, True, 0.0)
        beat.stride(100, lambda: done.append(len(house.digests)))
        assert beat.striding
        await house.reach(101)
        await asyncio.sleep(0.05)
        assert (done, beat.striding, house.server.feed.flushed) == ([101], False, 101)
        beat.resume(until=150)
        await house.reach(150)
        await asyncio.sleep(0.05)
        assert (len(house.digests), beat.paused, beat.until) == (150, True, None)
        beat.resume()
        beat.change(0.5)
        await house.reach(160)

    house.run(new_loop, act)
    beat.resume()  # when it is over, that wakes nothing
    assert len(house.digests) == house.server.feed.tape.head


@LOOPS
def test_a_market_that_fails_while_it_is_stepped_is_noticed(new_loop: NewLoop) -> None:
    house = Noted(**{"clock.paused": True})

    def refuse() -> Any:
        raise ZeroDivisionError

    async def act() -> None:
        house.step = refuse
        house.server.source.beat.stride(5, refuse)
        with pytest.raises(ZeroDivisionError):
            await house.server.failed

    house.run(new_loop, act)
