"""The end of the tick's way out: one reader's transport, whatever the framing.

While it keeps up, a reader is in an audience and is handed finished frames. When its transport fills or its window
shuts, it leaves, and is owed something of its own until it is level again: every tick (`Every`), or the newest
(`Latest`).
"""

import asyncio
from typing import Literal, Protocol

from ticker.endpoints.every import Every
from ticker.endpoints.house import House
from ticker.endpoints.latest import Latest
from ticker.endpoints.stall import Stall
from ticker.feed.audience import Audience, Frame
from ticker.feed.leap import Leap
from ticker.feed.line import Line
from ticker.feed.rendering import Dialect
from ticker.interest import Interest
from ticker.session.flow import Flow
from ticker.session.messages import Lag
from ticker.session.pace import Recovery


class Owner(Protocol):
    """The conversation an outlet writes for."""

    def lagged(self, lag: Lag) -> bool:
        """Deal with ticks that are not sent; return whether the reader goes on, from the present."""

    def recovered(self, recovery: Recovery, gap: tuple[int, int] | None) -> None:
        """Say that a stretch of the past has been sent, all but the `gap` (after its first, up to its last)."""

    def failed(self, error: Exception) -> None:
        """Deal with a fault of ours in serving this reader: it is nobody else's misfortune."""


class Outlet:
    """A reader of the feed."""

    __slots__ = (
        "_audience",
        "_closed",
        "_flow",
        "_flow_s",
        "_flowed",
        "_merged",
        "_messages",
        "_paused",
        "_stall",
        "_transport",
        "_way",
        "dialect",
        "frame",
        "house",
        "line",
        "owner",
        "waits",
    )

    def __init__(
        self,
        house: House,
        owner: Owner,
        transport: asyncio.WriteTransport,
        dialect: Dialect,
        frame: Frame,
        line: Line | None = None,
        *,
        waits: bool = False,
    ) -> None:
        """`line` is what is read, where not the house's own feed; who `waits` calls `settle` before all else."""
        self.house = house
        self.line = line or house.feed
        self.waits = waits
        self.owner = owner
        self.dialect = dialect
        self.frame = frame
        self._transport = transport
        self._audience: Audience | None = None
        self._way: Every | Latest = Every(self)
        self._closed = False
        self._paused = False
        self._flow: Flow | None = None
        self._messages = 0  # sent so far, less those of the audience before we joined it
        self._merged = 0  # ticks not reported yet, less those of the audience before we joined it
        self._stall: Stall | None = None
        self._flowed = 0
        self._flow_s: float | None = None

    # What its owner asks.

    @property
    def cursor(self) -> int:
        """Everything up to this position has been written."""
        return self._way.cursor

    @property
    def messages(self) -> int:
        """How many messages of ticks have been written."""
        return self._messages + (self._audience.messages if self._audience else 0)

    @property
    def shut(self) -> bool:
        """Whether the window is shut."""
        return self._flow is not None and self._flow.shut

    def change(self, interest: Interest) -> None:
        """Be owed these ticks from the head of the tape on."""
        if not self._closed:
            self._way.change(interest)

    def speak(self, dialect: Dialect) -> None:
        """Be owed every tick in another dialect, from the next message on."""
        self.dialect = dialect
        if isinstance(self._way, Every) and not self._closed:
            self._way.respelled()

    def recover(self, added: Interest, since: int) -> None:
        """Be owed more, from a position on that the tape still holds; the owner is told when it has been sent."""
        if isinstance(self._way, Latest):
            raise TypeError("a reader of the newest has no past")
        if not self._closed:
            self._way.recover(added, since)

    def set_rate(self, rate_hz: float | None) -> None:
        """Be owed the newest only, so many times a second at most, or (None) every tick again."""
        if rate_hz == self._way.rate_hz or self._closed:
            return
        if rate_hz is not None:
            self._way = self._way.into_latest(rate_hz)
        elif isinstance(self._way, Latest):
            self._way = self._way.into_every()
        if self._closed:  # on the way it was told what it had lost, and wanted to be closed then
            self._way.close()

    def set_window(self, size: int) -> None:
        """Have at most so many messages under way without an acknowledgement; 0 is no limit."""
        if size == (self._flow.size if self._flow else 0) or self._closed:
            return
        shut = self.shut
        if not size:
            self._end_flow()
        elif self._flow is None:
            self._flow = Flow(size)
            self.house.flows[self._flow] = None
        else:
            self._flow.resize(size)
        self._look_again(shut)

    def acked(self, seq: int) -> None:
        """Note an acknowledgement."""
        if self._flow is not None:
            shut = self._flow.shut
            self._flow.ack(seq)
            self._look_again(shut)

    def _end_flow(self) -> None:
        if self._flow is not None:
            del self.house.flows[self._flow]
            self._flow = None

    def _look_again(self, shut: bool) -> None:
        """Stop or go on where the window is no longer as it was."""
        if shut != self.shut and not self._paused:
            if self.shut:
                self._way.halt()
            else:
                self._way.go_on()

    def close(self) -> None:
        """Write no more."""
        if self._closed:
            return
        self._closed = True
        self.leave()
        self._way.close()
        self._end_flow()

    def end(self) -> None:
        """Close, and let go of the owner and the way, which hold this outlet: it is good for nothing any more."""
        self.close()
        del self.owner, self._way

    def settle(self) -> None:
        """Have had all that its audience has, before anything else happens to it."""
        if self.line.unsent:
            self.line.due(self)

    # What the sweep asks.

    def stalled(self, now_s: float) -> bool:
        """Tell whether the reader has taken in nothing of what waits for it for `stall_s`; a slow one may go on."""
        if not self._paused:
            self._stall = None
            return False
        if self._stall is None:
            self._stall = Stall(self._transport, now_s)
        return self._stall.lasts_s(now_s) > self.house.config.stream.stall_s

    def idle(self, now_s: float, said: int = 0) -> bool:
        """Tell whether nothing went out for `heartbeat_s`, neither ticks nor what its owner `said`; then begin anew."""
        flowed = self.messages + said
        if self._flow_s is None or flowed != self._flowed:
            self._flowed = flowed
            self._flow_s = now_s
        if now_s - self._flow_s < self.house.config.stream.heartbeat_s:
            return False
        self._flow_s = now_s
        return True

    def look(self, now_s: float) -> None:
        """Give up a backlog whose acknowledgements are overdue, and report what was merged."""
        if self._flow is not None and self._flow.overdue(now_s, self.house.config.stream.ack_deadline_s):
            self._way.give_up("window")
        elif not self._paused:
            self._way.report(now_s)

    # What the transport and the feed say.

    def pause(self) -> None:
        """Stop writing ticks: the transport is full."""
        self._paused = True
        self._way.halt()

    def resume(self) -> None:
        """Go on where we stopped: the transport has drained."""
        self._paused = False
        self._stall = None  # it read: that the next backlog is longer than what was left of this one says nothing
        if not self.blocked and not self._closed:
            self._way.go_on()

    def offer(self, frame: bytes, seq: int) -> None:
        """Write a frame made for many."""
        if self._transport.is_closing():
            return
        self._transport.write(frame)
        if self._flow is not None:
            self._note_sent(seq)

    def leapt(self, leap: Leap) -> None:
        """Go on after a hole in the tape, and be told of it."""
        self._way.leapt(leap)

    def failed(self, error: Exception) -> None:
        """End this reader, which a fault of ours has kept from what it is owed."""
        self.owner.failed(error)

    # What a way needs.

    @property
    def blocked(self) -> bool:
        """Whether no ticks may be written now."""
        return self._paused or (self._flow is not None and self._flow.shut)

    @property
    def hindrance(self) -> Literal["slow_reader", "window"]:
        """What keeps its reader from being level, while something does."""
        return "window" if self.shut and not self._paused else "slow_reader"

    @property
    def closing(self) -> bool:
        """Whether nothing may be written any more."""
        return self._closed or self._transport.is_closing()

    @property
    def audience(self) -> Audience | None:
        """The audience this reader is live in."""
        return self._audience

    def join(self, audience: Audience) -> None:
        """Be live in an audience."""
        self._audience = audience
        self._messages -= audience.messages
        self._merged -= audience.merged
        self.line.join(self, audience)

    def leave(self) -> None:
        """Be live no more."""
        self.settle()
        if self._audience is not None:
            self._messages += self._audience.messages
            self._merged += self._audience.merged
            self.line.leave(self, self._audience)
            self._audience = None

    def write(self, frame: bytes, ticks: int, seq: int) -> None:
        """Write a frame made for this reader alone."""
        self._messages += 1
        self.house.metrics.sent(1, ticks, len(frame))
        self._transport.write(frame)
        if self._flow is not None:
            self._note_sent(seq)

    def merge(self, ticks: int) -> None:
        """Count ticks that were merged into newer ones."""
        self._merged += ticks
        self.house.metrics.ticks_conflated += ticks

    def take_merged(self) -> int:
        """Return how many ticks were merged since this was last asked."""
        before = self._audience.merged if self._audience else 0
        merged = self._merged + before
        self._merged = -before
        return merged

    def _note_sent(self, seq: int) -> None:
        assert self._flow is not None
        self._flow.sent(seq)
        if self._flow.shut and not self._paused:
            self._way.halt()
