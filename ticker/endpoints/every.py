"""A reader that is owed every tick in order: live in its audience, or behind with a position of its own on the tape."""

from typing import TYPE_CHECKING, Literal

from ticker.endpoints.latest import Latest
from ticker.feed.audience import Audience
from ticker.feed.leap import Leap
from ticker.feed.newest import Newest
from ticker.feed.tape import Entry
from ticker.interest import Interest
from ticker.session.messages import Lag
from ticker.session.pace import Pace, Recovery

if TYPE_CHECKING:
    from ticker.endpoints.outlet import Outlet


Cause = Literal["slow_reader", "window", "source"]
"""Why a reader is not sent what it wanted: because of itself, or because nobody has it any more."""


class Every:
    """What an outlet does while its reader wants every tick."""

    __slots__ = ("_cause", "_feed", "_outlet", "_own", "_pace", "_serving")

    rate_hz = None

    def __init__(self, outlet: "Outlet", pace: Pace | None = None) -> None:
        self._outlet = outlet
        self._feed = outlet.line
        self._pace = pace
        self._own: Audience | None = None
        """The audience last read for or lived in: whoever is alone in it comes and goes."""
        self._serving = False
        self._cause: Cause = "slow_reader"
        """What held the reader back when it fell off the tape."""
        if pace is not None:
            self._feed.laggards[self] = None
            self._serve_soon()

    @property
    def cursor(self) -> int:
        """Everything up to this position has been written, or given up and told."""
        pace = self._pace
        if pace is None:
            return self._feed.flushed
        return pace.since if pace.dropped else pace.cursor

    def change(self, interest: Interest) -> None:
        """Be owed these ticks from the head of the tape on."""
        if self._pace is None and not self._outlet.blocked and self._feed.flushed == self._feed.tape.head:
            self._outlet.leave()
            self._join(interest)
        else:
            self._fall_behind(self._feed.flushed).change(interest, self._feed.tape.head)
            self._serve_soon()

    def respelled(self) -> None:
        """Go on in the dialect that the outlet speaks now."""
        self._own = None
        if (audience := self._outlet.audience) is not None:
            self._outlet.leave()
            self._join(audience.interest)

    def recover(self, added: Interest, since: int) -> None:
        """Be owed more, from a position on; the owner is told when it has been sent."""
        new = self._outlet.audience is None and self._pace is None
        pace = self._fall_behind(min(since, self._feed.flushed) if new else self._feed.flushed)
        recovery = Recovery(since, max(since, self._feed.tape.head))
        pace.widen(added, max(since, pace.cursor))
        if since < pace.cursor:  # given up this very moment, on the way here from the newest
            self._outlet.owner.recovered(recovery, (since, pace.cursor))
        else:
            pace.recoveries.append(recovery)
        self._serve_soon()

    def into_latest(self, rate_hz: float) -> Latest:
        """Return what follows when only the newest is wanted: what is owed until now is merged into it."""
        pace = self._fall_behind(self._feed.flushed)
        if pace.dropped:
            self._skip(pace, self._cause)
        cursor, head = pace.cursor, self._feed.tape.head
        recoveries = pace.recovered() + pace.recoveries
        newest, had, changes = Newest(pace.aim, self._outlet.house.feed.board), pace.interest, pace.turns[:]
        while pace.cursor < head:
            stop = pace.stop(head)
            newest.owe([entry.batch for entry in self._feed.between(pace.cursor, stop)], pace.interest)
            pace.reached(stop)
        self.close()
        for recovery in recoveries:
            gap = (max(cursor, recovery.since), recovery.until)
            self._outlet.owner.recovered(recovery, gap if gap[0] < gap[1] else None)
        return Latest(self._outlet, rate_hz, newest, cursor, had, changes)

    def halt(self) -> None:
        """Stop: nothing may be written now."""
        if self._outlet.audience is not None:
            self._fall_behind(self._feed.flushed)

    def go_on(self) -> None:
        """Go on where it stopped."""
        self._serve_soon()

    def flushed(self) -> None:
        """Go on: the feed has flushed what the reader was ahead of."""
        self._serve_soon()

    def dropped(self, entry: Entry) -> None:
        """Count what falls off the tape before the reader got there."""
        pace = self._pace
        if pace is not None and pace.cursor < entry.batch.seq:
            self._cause = self._outlet.hindrance
            self._lose(pace, [entry])

    def leapt(self, leap: Leap) -> None:
        """Go on after a hole: what is owed of it, and of what stood before it, is lost, and counted."""
        pace = self._fall_behind(self._feed.flushed)
        while pace.cursor < leap.after:
            self._lose(pace, list(self._feed.between(pace.cursor, pace.stop(leap.after))))
        pace.lose(leap.until, leap.count(pace.aim))
        self._cause = "source"
        self._serve_soon()

    def failed(self, error: Exception) -> None:
        """Give up after a fault."""
        self._outlet.failed(error)

    def give_up(self, reason: Literal["slow_reader", "window"]) -> None:
        """Give up the backlog, saying so."""
        if self._pace is not None:
            self._skip(self._pace, reason)

    def report(self, now_s: float) -> None:
        """Report nothing: nothing is merged."""

    def close(self) -> None:
        """Write no more."""
        self._pace = None
        self._feed.laggards.pop(self, None)

    def _to(self, interest: Interest) -> Audience:
        """Return the audience for an interest."""
        own = self._own
        if own is None or own.interest != interest or not own.live:
            own = self._feed.audience(self._outlet.dialect, self._outlet.frame, interest, own)
            self._own = own
        return own

    def _join(self, interest: Interest) -> None:
        if interest:
            self._outlet.join(self._to(interest))

    def _fall_behind(self, cursor: int) -> Pace:
        """Leave the audience, if not left already, having had everything up to `cursor`."""
        if self._pace is None:
            audience = self._outlet.audience
            self._pace = Pace(cursor, audience.interest if audience else Interest())
            self._feed.laggards[self] = None
            self._outlet.leave()
        return self._pace

    def _serve_soon(self) -> None:
        if not self._serving:
            self._serving = True
            self._outlet.house.loop.call_soon(self._serve_now)

    def _serve_now(self) -> None:
        self._serving = False
        try:
            self._serve()
        except Exception as error:  # nobody would serve it again
            self.failed(error)

    def _serve(self) -> None:
        """Send one message of backlog, or join the audience when there is none."""
        pace, feed = self._pace, self._feed
        if pace is None or self._outlet.blocked or self._outlet.closing:
            return
        if pace.dropped:
            if self._skip(pace, self._cause):
                self._serve_soon()  # not now: what was said may have filled the transport
            return
        if done := pace.recovered():
            for recovery in done:
                self._outlet.owner.recovered(recovery, None)
            self._serve_soon()
            return
        stop = pace.stop(feed.flushed)
        if pace.cursor < stop:
            self._catch_up(pace, stop)
            self._serve_soon()
        elif pace.cursor > feed.flushed or pace.turns or pace.recoveries:
            feed.await_flush(self)
        else:
            self._rejoin(pace)

    def _catch_up(self, pace: Pace, stop: int) -> None:
        entries = self._feed.between(pace.cursor, stop)
        frame, ticks, seq = self._to(pace.interest).render(entries, self._outlet.house.config.stream.catch_up_bytes)
        pace.reached(seq)
        if frame is not None:
            self._outlet.write(frame, ticks, seq)

    def _rejoin(self, pace: Pace) -> None:
        self.close()
        self._join(pace.interest)

    def _skip(self, pace: Pace, reason: Cause) -> bool:
        """Give up the backlog, saying so; return whether the reader goes on."""
        since, until = pace.since if pace.dropped else pace.cursor, self._feed.tape.head
        while pace.cursor < until:
            self._lose(pace, list(self._feed.between(pace.cursor, pace.stop(until))))
        dropped, pace.dropped = pace.dropped, 0
        goes_on = self._outlet.owner.lagged(Lag(from_=since, to=until, dropped=dropped, conflated=0, reason=reason))
        for recovery in pace.recovered() if goes_on else ():
            gap = (max(since, recovery.since), until)
            self._outlet.owner.recovered(recovery, gap if dropped and gap[0] < recovery.until else None)
        return goes_on

    def _lose(self, pace: Pace, entries: list[Entry]) -> None:
        """Count what goes with these entries, all of which the reader wanted the same of."""
        pace.lose(entries[-1].batch.seq, self._to(pace.interest).count(entries))
