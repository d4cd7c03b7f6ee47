"""From what is heard to what is kept: a picture first, then steps without a hole, and a gap where there is one.

A server shows everything when one subscribes, when one has fallen off its tape and when one could not go on from where
one was: one snapshot a channel, maybe of several steps. They are gathered, with the ticks that come in between, into
one picture; from it the recording begins, or goes on after a gap. A step without a tick is not heard of: those before a
later one, or before a position that was reached, are kept as what they were, empty.
"""

from collections.abc import Callable, Collection

from ticker.errors import SetupError
from ticker.links.gathered import Gathered
from ticker.links.recorder import Recorder
from ticker.ticks import Batch, Rows
from ticker.wire.packed import SEQ_MAX
from ticker.wire.reel import TIME_MAX_US
from ticker_client.arrays import Arrays
from ticker_client.instruments import Instruments
from ticker_record.steps import Step, bared, steps_of
from ticker_record.timeline import Timeline

QUIET_MAX = 1_000_000  # steps in a row without a tick: more than an hour, and nobody has counted that far
FORGOTTEN = "the server had them no more when we came back"
PATIENCE = 10  # rests that snapshots of all channels are waited for


class Keeper:
    """Keeps one tape; `begin` is asked for a recorder, with the time of the beginning, once there is what to keep."""

    def __init__(self, channels: Collection[str], step_us: int, begin: Callable[[Instruments, int], Recorder]) -> None:
        self.recorder: Recorder | None = None
        self.holes: list[tuple[int, int, str]] = []
        """The gaps since whoever reads this list cleared it: after which step, up to which, and why."""
        self.shown_until = 0
        """Until here, pictures may still come: what was subscribed piece by piece is only then complete."""
        self._why = ""
        self._channels = channels
        self._begin = begin
        self._gathered: Gathered | None = None
        self._instruments = Instruments()
        self._timeline = Timeline(step_us)
        self._rests = 0

    def go_on(self, recorder: Recorder) -> None:
        """Go on with what is kept already."""
        self.recorder = recorder
        self._timeline.go_on(self.head, recorder.t_us)

    @property
    def head(self) -> int:
        """The newest step that is kept."""
        return (self.recorder.head if self.recorder else None) or 0

    def lagged(self, why: str) -> None:
        """Be told that there is going to be a gap: everything is shown anew after it."""
        self._why = why

    def take(self, message: Arrays) -> None:
        """Take in a message of ticks, or a snapshot. Raises SetupError where it cannot be kept."""
        self._rests = 0
        self._instruments = message.instruments
        if not (0 <= message.ts <= TIME_MAX_US and message.seq <= SEQ_MAX):
            raise SetupError(f"the server sent what no tape can hold: step {message.seq}, emitted at {message.ts}")
        if message.kind == "snapshot":
            self._show(message)
            return
        for step in steps_of(message):
            self._take(step, message.ts)

    def rest(self, reached: int, now_us: int) -> None:
        """Do what is due when nothing waits, now and then: everything up to a position has been heard."""
        self._rests += 1
        gathered = self._gathered
        if gathered and gathered.seq >= self.head and (gathered.complete or self._rests > PATIENCE):
            self._leap(gathered, gathered.seq, now_us)
        if self.recorder and self._gathered is None:
            if not self._why:
                self._fill(self.recorder, reached, now_us)
            self.recorder.flush()

    def _show(self, message: Arrays) -> None:
        for channel, found in message.rows.items():
            rows = bared(channel, found)
            if self._gathered is None or self._gathered.knows(channel, rows):
                self._gathered = Gathered(len(self._instruments), self._channels)
            self._gathered.show(message.seq, channel, rows)

    def _take(self, step: Step, emitted_us: int) -> None:
        seq, rows = step
        gathered = self._gathered
        if gathered:
            known = max(gathered.seq, self.head, self.shown_until)
            if seq <= known or not gathered.complete:
                gathered.note(seq, rows)
                return
            self._leap(gathered, known, emitted_us)
        if self.recorder and seq > self.head:
            self._fill(self.recorder, seq - 1, emitted_us)
            self._keep(self.recorder, seq, rows, emitted_us)

    def _fill(self, recorder: Recorder, seq: int, emitted_us: int) -> None:
        """Keep the steps up to one as what they were: nothing happened in them."""
        if seq - self.head > QUIET_MAX:
            self._go_on(recorder, recorder.picture(seq, self._timeline.at(seq, {})), emitted_us, "the server leapt")
        for quiet in range(self.head + 1, seq + 1):
            self._keep(recorder, quiet, {}, emitted_us)

    def _keep(self, recorder: Recorder, seq: int, rows: dict[str, Rows], emitted_us: int) -> None:
        recorder.take(Batch(seq, self._timeline.at(seq, rows), rows), emitted_us)

    def _leap(self, gathered: Gathered, seq: int, emitted_us: int) -> None:
        """Begin, or go on, with the picture of a step."""
        rows, self._gathered = gathered.rows(), None
        t = self._timeline.shown(seq, rows)
        if self.recorder is None:
            self.recorder = self._begin(self._instruments, self._timeline.start)
        why, self._why = self._why or FORGOTTEN, ""
        self._go_on(self.recorder, Batch(seq, t, rows), emitted_us, why)

    def _go_on(self, recorder: Recorder, shown: Batch, emitted_us: int, why: str) -> None:
        if recorder.head is not None and recorder.head < shown.seq:
            self.holes.append((recorder.head, shown.seq, why))
        recorder.leap(shown, emitted_us, why)
