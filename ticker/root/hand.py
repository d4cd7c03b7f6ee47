"""The admin API of a market that is shared: it obeys while we lead, and refuses while another does.

What is caused is a part of the tape, and whoever takes over must know it: so it is published first. Until the stream
has it the market takes no step, and whoever asked has no answer.
"""

import asyncio
from collections import Counter
from collections.abc import Callable

import msgspec

from ticker import clock
from ticker.beat import Beat
from ticker.control import Control
from ticker.errors import Refusal
from ticker.links.nats.backlog import Item
from ticker.market.incidents import Incident
from ticker.session.controls import CauseAnswer, IncidentWish, ScenarioAnswer, SpeedWish, StateAnswer


class Hand:
    """Forwards to the control of the market that is made here; `lead` gives it one, `rest` takes it away."""

    def __init__(self, leader: Callable[[], str]) -> None:
        self.pending: asyncio.Future[None] | None = None
        """Resolved when what was caused is on the stream; until then the market is held."""
        self._leader = leader
        self._control: Control | None = None
        self._beat: Beat | None = None
        self._incidents: list[Incident] = []
        self._publish: Callable[[Item], None] = lambda _: None
        self._in_step: Callable[[], bool] = lambda: False
        self._answer: asyncio.Future[CauseAnswer] | None = None
        self._held = False

    def lead(
        self,
        control: Control,
        beat: Beat,
        incidents: list[Incident],
        publish: Callable[[Item], None],
        in_step: Callable[[], bool],
    ) -> None:
        """Obey from now on: `incidents` is what has been caused, `in_step` whether the stream has all there is."""
        self._control, self._beat, self._incidents = control, beat, incidents
        self._publish, self._in_step = publish, in_step

    def rest(self) -> None:
        """Obey no more: another makes the tape."""
        self._control = self._beat = None
        self._held = False
        if self.pending is not None:
            self.pending.cancel()
            self.pending = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(
                Refusal("unavailable", "another server took over: it may have happened, or not; see what it shows")
            )
        self._answer = None

    def state(self) -> StateAnswer:
        return self._led().state()

    def pause(self) -> StateAnswer:
        return self._free().pause()

    def resume(self) -> StateAnswer:
        return self._free().resume()

    def speed(self, wish: SpeedWish) -> StateAnswer:
        return self._free().speed(wish)

    def step(self, steps: int, done: Callable[[], None]) -> Callable[[], None]:
        return self._free().step(steps, done)

    def run(self, until: str) -> StateAnswer:
        return self._free().run(until)

    def scenario(self) -> ScenarioAnswer:
        return self._led().scenario()

    def whole(self) -> Callable[[], bytes]:
        return self._free().whole()

    def cause(self, wish: IncidentWish) -> asyncio.Future[CauseAnswer]:
        """Have something happen: answered when the stream has it. Raises Refusal."""
        control, beat = self._free(), self._beat
        assert beat is not None
        if beat.striding:
            raise Refusal("unavailable", "steps that were asked for are still being taken")
        if not self._in_step():
            raise Refusal("unavailable", "NATS does not answer: what is caused could be lost")
        before = Counter(self._incidents)
        answer = control.cause(wish)
        (incident,) = (Counter(self._incidents) - before).elements()
        loop = asyncio.get_running_loop()
        self._answer, self.pending = loop.create_future(), loop.create_future()
        self.pending.add_done_callback(lambda stored: self._stored(stored, answer))
        self._hold(beat)
        seq = answer.seq - 1
        data = msgspec.json.encode(incident)
        number = len(self._incidents) - 1
        self._publish(Item(seq, seq, data, clock.monotonic_s(), incident=number, done=self.pending))
        return self._answer

    def _stored(self, stored: asyncio.Future[None], answer: CauseAnswer) -> None:
        """Go on: the stream has it."""
        if stored.cancelled() or stored is not self.pending:
            return
        self.pending = None
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(answer)
        if self._held and self._beat is not None:
            self._beat.metronome.go(clock.monotonic_s())
            self._beat.beat()
        self._held = False

    def _hold(self, beat: Beat) -> None:
        """Take no step for the moment."""
        self._held = not beat.paused
        beat.metronome.stop(clock.monotonic_s())

    def _led(self) -> Control:
        if self._control is None:
            leader = self._leader()
            by = f"{leader} makes it" if leader else "nobody does"
            raise Refusal("unavailable", f"the tape is not made here at the moment: {by}")
        return self._control

    def _free(self) -> Control:
        control = self._led()
        if self.pending is not None:
            raise Refusal("unavailable", "what was caused is still on its way to NATS")
        return control
