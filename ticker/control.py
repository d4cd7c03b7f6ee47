"""Obeys the admin API: holds the clock, causes incidents, and says where the market is."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

import msgspec

from ticker.beat import Beat
from ticker.checkpoints import Checkpoint
from ticker.errors import Refusal
from ticker.feed.feed import Feed
from ticker.market.incidents import Incident
from ticker.market.scenarios import micros, moment, named, parse, written
from ticker.metrics import Metrics
from ticker.session.controls import (
    CauseAnswer,
    IncidentAnswer,
    IncidentWish,
    ScenarioAnswer,
    SpeedWish,
    StateAnswer,
)
from ticker.stage import Stage
from ticker.ticks import CHANNELS, Position


class Control:
    """One stage's; `keep` stores a checkpoint where one is kept."""

    def __init__(self, stage: Stage, feed: Feed, beat: Beat, metrics: Metrics, keep: Callable[[bytes], None]) -> None:
        self._market = stage.market
        self._timing = stage.timing
        self._play = stage.play
        self._incidents = stage.incidents
        self._seed = stage.seed
        self._feed = feed
        self._beat = beat
        self._metrics = metrics
        self._keep = keep

    def state(self) -> StateAnswer:
        """Say where the market is, and how its time passes."""
        seq = self._feed.tape.head
        t = self._market.time_us(seq)
        beat = self._beat
        return StateAnswer(
            **self._feed.position._asdict(),
            t=t,
            time=_iso(t),
            phase=self._market.phase,
            step_ms=self._market.step_us / 1000,
            speed=beat.speed,
            speed_actual=round(beat.speed_actual, 3),
            paused=beat.paused,
            until=beat.until,
            steps_skipped=self._metrics.steps_skipped,
            scenario=self._play.name,
            past=[self._told(incident) for incident in self._incidents if incident.step <= seq],
            coming=[self._told(incident) for incident in self._incidents if incident.step > seq],
        )

    def pause(self) -> StateAnswer:
        """Stand still."""
        self._beat.halt()
        self._beat.pause()
        return self.state()

    def resume(self) -> StateAnswer:
        """Go on."""
        self._free()
        self._beat.resume()
        return self.state()

    def speed(self, wish: SpeedWish) -> StateAnswer:
        """Have market time pass faster or slower from now on."""
        self._beat.change(wish.speed)
        return self.state()

    def step(self, steps: int, done: Callable[[], None]) -> Callable[[], None]:
        """Take steps while standing still, and call `done`; return what gives them up. Raises Refusal."""
        self._free()
        if not self._beat.paused:
            raise Refusal("bad_request", "steps are taken one by one only while the market is paused: pause it first")
        self._beat.stride(steps, done)
        return self._beat.halt

    def run(self, until: str) -> StateAnswer:
        """Go on at the speed that is set, and pause there. Raises Refusal."""
        self._free()
        seq = self._seq(until)
        head = self._feed.tape.head
        if seq <= head:
            raise Refusal(
                "bad_position", f"until: {until[:64]} is over: the market is at {head}", field="until", seq=head
            )
        self._beat.resume(seq)
        return self.state()

    def cause(self, wish: IncidentWish) -> CauseAnswer:
        """Have something happen, and keep it. Raises Refusal."""
        incident = parse(msgspec.to_builtins(wish), self._market.universe, self._timing)
        step = self._market.cause(incident)
        self._incidents.append(replace(incident, step=step))
        self._incidents.sort(key=lambda known: known.step)
        self._keep(self.checkpoint())
        return CauseAnswer(epoch=self._feed.tape.epoch, seq=step, time=_iso(self._market.time_us(step)))

    def scenario(self) -> ScenarioAnswer:
        """Return all that happens as a scenario."""
        step_us = self._market.step_us
        return ScenarioAnswer(
            description=f"What is caused on the tape {self._feed.tape.epoch}, up to {self._feed.tape.head}; to be "
            f"played with market.seed {self._seed} and market.step_ms {step_us / 1000:g}.",
            start=self._play.starts,
            incident=written(self._incidents, self._market.universe, step_us),
        )

    def checkpoint(self) -> bytes:
        """Return all that a server needs to go on from here but its finished bars, at once."""
        return self._held().data()

    def whole(self) -> Callable[[], bytes]:
        """Take hold of all that a server needs to go on from here, and return what makes bytes of it, on any thread."""
        return self._held()._replace(bars=self._feed.bars.finished()).data

    def _held(self) -> Checkpoint:
        everybody = range(len(self._market.universe))
        shown = {channel: self._feed.board.newest(channel, everybody) for channel in CHANNELS}
        return Checkpoint(self._market.save(), shown, list(self._incidents), self._play.identity)

    def _free(self) -> None:
        if self._beat.striding:
            raise Refusal("unavailable", "steps that were asked for are still being taken")

    def _seq(self, until: str) -> int:
        """Return the step that is meant by a position or a market time."""
        try:
            at = datetime.fromisoformat(until)
        except ValueError:
            at = None
        if at is not None and at.tzinfo is not None:
            return self._reached(micros(at))
        epoch, seq = Position.parse(until)
        if epoch != self._feed.tape.epoch:
            raise Refusal(
                "bad_position", "until: a position of another tape", field="until", epoch=self._feed.tape.epoch
            )
        return seq

    def _reached(self, t_us: int) -> int:
        try:
            return self._timing.reached(t_us)
        except Refusal as refusal:
            raise Refusal("bad_position", refusal.message.replace("at", "until", 1), field="until") from None

    def _told(self, incident: Incident) -> IncidentAnswer:
        return IncidentAnswer(
            kind=incident.kind,
            seq=incident.step,
            symbols=named(incident, self._market.universe),
            value=incident.value,
            duration_s=incident.steps * self._market.step_us / 1e6,
        )


def _iso(t_us: int) -> str:
    return moment(t_us).isoformat().replace("+00:00", "Z")
