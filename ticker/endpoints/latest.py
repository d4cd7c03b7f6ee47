"""A reader that wants the newest only: live in its audience, or by itself until the next slot of its rate."""

from typing import TYPE_CHECKING, Literal

from ticker.feed.audience import LatestAudience
from ticker.feed.leap import Leap
from ticker.feed.newest import Newest
from ticker.interest import Interest
from ticker.session.messages import Lag
from ticker.session.pace import Pace

if TYPE_CHECKING:
    from ticker.endpoints.every import Every
    from ticker.endpoints.outlet import Outlet


class Latest:
    """What an outlet does while its reader wants the newest, `rate_hz` times a second at most.

    While it is in no audience, `newest` is what it has had up to `cursor`, and `changes` are those of its interest
    since then. It is told from time to time how many ticks were merged into newer ones.
    """

    __slots__ = ("_changes", "_cursor", "_feed", "_had", "_newest", "_outlet", "_reported", "_reported_s", "rate_hz")

    def __init__(
        self,
        outlet: "Outlet",
        rate_hz: float,
        newest: Newest,
        cursor: int,
        had: Interest,
        changes: list[tuple[int, Interest]],
    ) -> None:
        self.rate_hz = rate_hz
        self._outlet = outlet
        self._feed = outlet.house.feed
        self._newest: Newest | None = newest
        self._cursor = cursor
        self._had = had  # what was wanted at the cursor
        self._changes = changes
        self._reported = cursor
        self._reported_s: float | None = None
        self.go_on()

    @property
    def cursor(self) -> int:
        """Everything up to this position has been written, or merged into something newer."""
        audience = self._outlet.audience
        return audience.seq if isinstance(audience, LatestAudience) else self._cursor

    def change(self, interest: Interest) -> None:
        """Be owed these ticks from the head of the tape on."""
        newest = self._fall_behind()
        self._newest = newest.changed(interest, self._feed.board)
        self._changes.append((self._feed.tape.head, interest))
        self.go_on()  # where nothing was wanted, no slot was waited for

    def into_latest(self, rate_hz: float) -> "Latest":
        """Return what follows at another rate."""
        newest, cursor = self._fall_behind(), self._cursor
        following = Latest(self._outlet, rate_hz, newest, cursor, self._had, self._changes)
        following._reported, following._reported_s = self._reported, self._reported_s
        self.close()
        return following

    def into_every(self) -> "Every":
        """Return what follows when every tick is wanted: nothing after the cursor has been merged yet."""
        from ticker.endpoints.every import Every  # each follows the other

        newest, kept = self._fall_behind(), self._feed.tape.oldest - 1
        if self._cursor < kept and newest.owed(self._feed.board):
            self.give_up(self._outlet.hindrance)
        else:
            self._cursor = max(self._cursor, kept)  # nothing it wanted was before
            self._tell(self._cursor, self._outlet.take_merged(), "pace")
        pace = Pace(self._cursor, self._had)
        for seq, interest in self._changes:
            pace.change(interest, seq)
        self.close()
        return Every(self._outlet, pace)

    def halt(self) -> None:
        """Stop: nothing may be written now."""
        if self._outlet.audience is not None:
            self._fall_behind()

    def go_on(self) -> None:
        """Go on in the next slot."""
        self._feed.await_slot(self, self.rate_hz)

    def flushed(self) -> None:
        """Send what is new, and be live from then on: a slot has begun."""
        newest, outlet = self._newest, self._outlet
        if newest is None or not newest.interest or outlet.blocked or outlet.closing:
            return
        seq = self._feed.flushed
        audience = self._feed.latest(outlet.dialect, outlet.frame, newest.interest, self.rate_hz)
        frame, ticks, merged = audience.catch_up(newest, seq, self._feed.flushed_us)
        self._stand(newest, seq)
        outlet.merge(merged)
        if frame is not None:
            outlet.write(frame, ticks, seq)
        if not outlet.blocked:  # writing may have filled the transport, or shut the window
            self._newest = None
            outlet.join(audience)

    def leapt(self, leap: Leap) -> None:
        """Do nothing: in the next slot the newest is that after the hole, and all of it counts as merged."""

    def failed(self, error: Exception) -> None:
        """Give up after a fault."""
        self._outlet.failed(error)

    def give_up(self, reason: Literal["slow_reader", "window"]) -> None:
        """Give up what is owed, saying so."""
        newest = self._fall_behind()
        owed = newest.owed(self._feed.board)
        self._outlet.house.metrics.ticks_conflated += owed
        self._stand(Newest(newest.interest, self._feed.board), self._feed.tape.head)
        self._tell(self._cursor, owed + self._outlet.take_merged(), reason)

    def report(self, now_s: float) -> None:
        """Report what was merged, if that is some time ago."""
        if self._reported_s is None:
            self._reported_s = now_s
        if now_s - self._reported_s >= self._outlet.house.config.stream.report_s:
            self._reported_s = now_s
            self._tell(self.cursor, self._outlet.take_merged(), "pace")

    def close(self) -> None:
        """Write no more."""
        self._newest = None
        self._feed.forgo_slot(self, self.rate_hz)

    def _fall_behind(self) -> Newest:
        """Leave the audience, if not left already, and return what has been had up to the cursor."""
        audience = self._outlet.audience
        if isinstance(audience, LatestAudience):
            self._stand(audience.newest.copy(), audience.seq)
            self._outlet.leave()
            self.go_on()
        assert self._newest is not None
        return self._newest

    def _stand(self, newest: Newest, seq: int) -> None:
        """Have had all of an interest up to a position."""
        self._newest, self._cursor = newest, seq
        self._had, self._changes = newest.interest, []

    def _tell(self, until: int, merged: int, reason: Literal["slow_reader", "window", "pace"]) -> None:
        """Say what was not sent since the last time this was said."""
        since, self._reported = self._reported, until
        if merged:
            self._outlet.owner.lagged(Lag(from_=since, to=until, dropped=0, conflated=merged, reason=reason))
