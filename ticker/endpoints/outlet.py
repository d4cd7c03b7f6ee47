"""The end of the tick's way out: one reader's transport, whatever the framing.

While it keeps up, a reader is in its audience and is handed finished frames. When its transport fills, it leaves with
a `Pace`, and reads the tape by itself until it is level again.
"""

import asyncio
from typing import Protocol

from ticker.endpoints.house import House
from ticker.feed.audience import Audience, Frame
from ticker.feed.tape import Entry
from ticker.interest import Interest
from ticker.session.pace import Pace, Recovery


class Owner(Protocol):
    """The conversation an outlet writes for."""

    def fell_off(self, since: int, until: int, dropped: int) -> bool:
        """Deal with lost ticks; return whether the reader goes on from the present."""

    def recovered(self, recovery: Recovery, gap: tuple[int, int] | None) -> None:
        """Say that a stretch of the past has been sent, all but the `gap` (after its first, up to its last)."""


class Outlet:
    """A reader of the feed."""

    __slots__ = (
        "_audience",
        "_flow_s",
        "_flowed",
        "_frame",
        "_house",
        "_messages",
        "_owner",
        "_pace",
        "_paused",
        "_serving",
        "_stalled_s",
        "_transport",
        "_waiting_bytes",
    )

    def __init__(self, house: House, owner: Owner, transport: asyncio.WriteTransport, frame: Frame) -> None:
        self._house = house
        self._owner = owner
        self._transport = transport
        self._frame = frame
        self._audience: Audience | None = None
        self._pace: Pace | None = None
        self._paused = False
        self._serving = False
        self._messages = 0  # sent so far, less those of the audience before we joined it
        self._stalled_s: float | None = None
        self._waiting_bytes = 0
        self._flowed = 0
        self._flow_s: float | None = None

    @property
    def cursor(self) -> int:
        """Everything up to this position has been written."""
        return self._pace.cursor if self._pace else self._house.feed.flushed

    @property
    def messages(self) -> int:
        """How many messages of ticks have been written."""
        return self._messages + (self._audience.messages if self._audience else 0)

    def change(self, interest: Interest) -> None:
        """Be owed these ticks from the head of the tape on."""
        feed = self._house.feed
        if self._pace is None and not self._paused and feed.flushed == feed.tape.head:
            self._leave()
            self._join(interest)
        else:
            self._fall_behind(feed.flushed).change(interest, feed.tape.head)
            self._serve_soon()

    def recover(self, added: Interest, since: int) -> None:
        """Be owed more, from a position on that the tape still holds; the owner is told when it has been sent."""
        new = self._audience is None and self._pace is None
        pace = self._fall_behind(since if new else self._house.feed.flushed)
        pace.widen(added, since)
        pace.recoveries.append(Recovery(since, self._house.feed.tape.head))
        self._serve_soon()

    def stalled(self, now_s: float) -> bool:
        """Tell whether what waits for the reader has not shrunk for `stall_s`; a slow one that reads may go on."""
        if not self._paused:
            self._stalled_s = None
            return False
        waiting_bytes = self._transport.get_write_buffer_size()
        if self._stalled_s is None or waiting_bytes < self._waiting_bytes:
            self._stalled_s = now_s
            self._waiting_bytes = waiting_bytes
        return now_s - self._stalled_s > self._house.config.stream.stall_s

    def idle(self, now_s: float, said: int = 0) -> bool:
        """Tell whether nothing went out for `heartbeat_s`, neither ticks nor what its owner `said`; then begin anew."""
        flowed = self.messages + said
        if self._flow_s is None or flowed != self._flowed:
            self._flowed = flowed
            self._flow_s = now_s
        if now_s - self._flow_s < self._house.config.stream.heartbeat_s:
            return False
        self._flow_s = now_s
        return True

    def offer(self, frame: bytes) -> None:
        """Write a frame made for many."""
        if not self._transport.is_closing():
            self._transport.write(frame)

    def pause(self) -> None:
        """Stop writing ticks: the transport is full."""
        self._paused = True
        if self._audience is not None:
            self._fall_behind(self._house.feed.flushed)

    def resume(self) -> None:
        """Go on where we stopped: the transport has drained."""
        self._paused = False
        self._serve_soon()

    def flushed(self) -> None:
        """Go on: the feed has flushed what we were ahead of."""
        self._serve_soon()

    def dropped(self, entry: Entry) -> None:
        """Count what falls off the tape before we got there."""
        pace = self._pace
        if pace is not None and pace.cursor < entry.batch.seq:
            self._lose(pace, entry)

    def close(self) -> None:
        """Write no more."""
        self._leave()
        self._pace = None
        self._house.feed.laggards.pop(self, None)

    def _to(self, interest: Interest) -> Audience:
        return self._house.feed.audience(self._house.dialect, self._frame, interest)

    def _join(self, interest: Interest) -> None:
        if interest:
            self._audience = self._to(interest)
            self._messages -= self._audience.messages
            self._house.feed.join(self, self._audience)

    def _leave(self) -> None:
        if self._audience is not None:
            self._messages += self._audience.messages
            self._house.feed.leave(self, self._audience)
            self._audience = None

    def _fall_behind(self, cursor: int) -> Pace:
        """Leave the audience, if not left already, having had everything up to `cursor`."""
        if self._pace is None:
            interest = self._audience.interest if self._audience else Interest()
            self._pace = Pace(cursor, interest)
            self._house.feed.laggards[self] = None
            self._leave()
        return self._pace

    def _serve_soon(self) -> None:
        if not self._serving:
            self._serving = True
            self._house.loop.call_soon(self._serve)

    def _serve(self) -> None:
        """Send one message of backlog, or join the audience when there is none."""
        self._serving = False
        pace, feed = self._pace, self._house.feed
        if pace is None or self._paused or self._transport.is_closing():
            return
        if pace.dropped:
            if self._skip(pace):
                self._serve_soon()  # not now: what was said may have filled the transport
            return
        if done := pace.recovered():
            for recovery in done:
                self._owner.recovered(recovery, None)
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
        entries = self._house.feed.between(pace.cursor, stop)
        frame, ticks, seq = self._to(pace.interest).render(entries, self._house.config.stream.catch_up_bytes)
        pace.reached(seq)
        if frame is not None:
            self._messages += 1
            self._house.metrics.sent(1, ticks, len(frame))
            self._transport.write(frame)

    def _rejoin(self, pace: Pace) -> None:
        self._pace = None
        del self._house.feed.laggards[self]
        self._join(pace.interest)

    def _skip(self, pace: Pace) -> bool:
        """Give up the backlog, saying so; return whether the reader goes on."""
        since, until = pace.since, self._house.feed.tape.head
        for entry in self._house.feed.between(pace.cursor, until):
            self._lose(pace, entry)
        dropped, pace.dropped = pace.dropped, 0
        goes_on = self._owner.fell_off(since, until, dropped)
        for recovery in pace.recovered() if goes_on else ():
            self._owner.recovered(recovery, (since, until) if since < recovery.until else None)
        return goes_on

    def _lose(self, pace: Pace, entry: Entry) -> None:
        pace.lose(entry.batch.seq, self._to(pace.interest).count(entry))
