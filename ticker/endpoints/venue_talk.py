"""A client of a venue over a WebSocket: its talk says what is said, the house does the rest.

Every turn of the talk goes out by `_turn`: what it says, then the change of what the client is owed, then the end.
"""

from typing import Literal, cast

from websockets.frames import Frame, Opcode
from websockets.http11 import Response as Switch
from websockets.server import ServerProtocol

from ticker import clock
from ticker.endpoints.house import House
from ticker.endpoints.outlet import Outlet
from ticker.endpoints.served import Served
from ticker.endpoints.stall import unacknowledged_bytes
from ticker.errors import Close, Refusal, Violation
from ticker.feed.floor import Desk
from ticker.interest import Streams
from ticker.session.messages import Lag
from ticker.session.pace import Recovery
from ticker.session.permits import Permit
from ticker.ticks import Rows
from ticker.venue import Market, Now, Talk, Turn, Venue, VenueDialect

NOTHING = Streams()
PING = 0x89
ENDS = {
    "shutdown": (Close.GOING_AWAY, "the server is going away"),
    "slow": (Close.POLICY, "slow reader"),
    "source": (Close.TRY_LATER, "the tape has a hole here"),
    "expired": (Close.POLICY, "the token has expired"),
    "flood": (Close.POLICY, "too many messages"),
    "fault": (Close.INTERNAL_ERROR, "a fault of the server's; it has been logged"),
}
"""How it ends where the venue does not say."""


class Framed:
    """A venue's dialect as lines take it: its pieces are whole frames, and a message is as many as there are."""

    packs: Literal[False] = False

    def __init__(self, dialect: VenueDialect) -> None:
        self._dialect = dialect

    def render(self, channel: str, rows: Rows) -> list[bytes]:
        return self._dialect.render(channel, rows)

    def ticks(self, seq: int, emitted_us: int, pieces: bytes) -> bytes:  # noqa: ARG002  # nothing is said around them
        return pieces

    def snapshot(self, seq: int, channel: str, pieces: bytes) -> bytes:  # noqa: ARG002  # as above
        return pieces


def as_they_are(message: bytes, _: int) -> bytes:
    """Frame what is framed already."""
    return message


class Counter:
    """Where a venue's clients are served: its desk, its dialects, what of it is permitted."""

    def __init__(self, venue: Venue, desk: Desk) -> None:
        self.venue = venue
        self.desk = desk
        self._framed: dict[VenueDialect, Framed] = {}

    def framed(self, dialect: VenueDialect) -> Framed:
        """Return a dialect as lines take it: the same for all who speak it."""
        found = self._framed.get(dialect)
        if found is None:
            found = self._framed[dialect] = Framed(dialect)
        return found

    def granted(self, asked: Streams, permit: Permit | None) -> Streams:
        """Return what of an interest is permitted; of a channel whose messages tell of many, all or nothing."""
        if permit is None:
            return NOTHING
        if permit.is_everything:
            return asked
        masks = {}
        for channel in asked.channels:
            mask = asked.mask(channel)
            had = mask if permit.symbols is None else mask & permit.symbols
            if self.venue.study(channel).channel in permit.channels and (had == mask or not self.venue.joins(channel)):
                masks[channel] = had
        return Streams.table(masks)


class VenueConversation(Served):
    """One client of a venue."""

    __slots__ = (
        "_asked",
        "_counter",
        "_interest",
        "_market",
        "_ping_s",
        "_talk",
        "permit",
    )

    def __init__(
        self,
        house: House,
        counter: Counter,
        talk: Talk,
        market: Market,
        permit: Permit | None,
        ws: ServerProtocol,
        switch: Switch,
    ) -> None:
        super().__init__(house, ws, switch)
        self.permit = permit
        self._counter = counter
        self._talk = talk
        self._market = market
        self._asked: Streams = NOTHING
        self._interest: Streams = NOTHING
        self._ping_s: float | None = None

    def _opened(self) -> None:
        desk = self._counter.desk
        dialect = self._counter.framed(self._talk.dialect)
        self._outlet = Outlet(self._house, self, self._transport, dialect, as_they_are, desk.line, waits=True)
        desk.members[self] = None
        self._turn(self._talk.opened(self._market, self._now()))

    def _now(self) -> Now:
        return Now(clock.wall_us(), clock.monotonic_s(), self._house.feed.tape.t)

    def _heard(self, data: bytes, text: bool) -> None:
        feed = self._house.feed
        if feed.flushed != feed.tape.head:
            feed.flush()  # what is said of the market is of where the client's own ticks begin
        try:
            self._patient().command(clock.monotonic_s())
        except Refusal as refusal:
            self._house.refused(refusal.code)
            self.lost("flood")
            return
        self._turn(self._talk.heard(data, text, self._market, self._now()))

    def _turn(self, turn: Turn) -> None:
        """Say what is said, then owe what is owed, then end."""
        for message in turn.says:
            if isinstance(message, str):
                self._say(message.encode())
            else:
                self._say(message, binary=True)
        if not self._listening:
            return
        self._owe()
        if turn.close is not None:
            self._end_with(*turn.close)

    def _owe(self) -> None:
        """Be owed what the talk says now, as far as it is permitted."""
        dialect = self._counter.framed(self._talk.dialect)
        if dialect is not self._outlet.dialect:
            self._outlet.speak(dialect)
        asked = self._talk.interest
        if asked is self._asked:
            return
        self._asked = asked
        granted = self._counter.granted(asked, self.permit)
        if granted != self._interest:
            before, self._interest = self._interest, granted
            self._counter.desk.change(before, granted)
            self._outlet.change(granted)

    def _weigh(self, size: int) -> None:
        try:
            self._patient().input_bytes(size, clock.monotonic_s())
        except Refusal as refusal:
            self._house.refused(refusal.code)
        except Violation:
            self.lost("flood")

    def _afford(self, controls: list[Frame]) -> bool:
        awaited = self._pinged_s is not None and any(frame.opcode is Opcode.PONG for frame in controls)
        if not super()._afford(controls):
            return False
        count = sum(frame.opcode is not Opcode.CLOSE for frame in controls) - awaited
        if count > 0 and self._listening:
            self._turn(self._talk.controls(count, self._now()))
        return True

    # What the outlet, the desk and the sweep ask.

    def lagged(self, lag: Lag) -> bool:
        self._house.lagged(lag)
        self.lost("slow")
        return False

    def recovered(self, recovery: Recovery, gap: tuple[int, int] | None) -> None:  # noqa: ARG002  # never
        raise TypeError("a venue's client never asks for the past")

    def lost(self, reason: str) -> None:
        """Say goodbye in the venue's words, and end."""
        if not self._listening:
            return
        turn = self._talk.leaving(reason, self._now())
        self._turn(turn._replace(close=turn.close or ENDS[reason]))

    def drain(self) -> None:
        self.lost("shutdown")

    def _end_with(self, code: int, reason: str) -> None:
        self.close(cast(Close, code), reason)

    def _leave(self) -> None:
        desk = self._counter.desk
        if desk.members.pop(self, self) is self:
            return
        self._outlet.close()
        before, self._interest = self._interest, NOTHING
        desk.change(before, NOTHING)
        try:
            self._talk.gone(self._now())
        except Exception as error:
            self._house.faults.note("a venue failed", error)

    def _look(self, now_s: float) -> None:
        if not self._listening:
            return  # it was aborted, and is about to be lost
        if self._outlet.stalled(now_s):
            self.abort("stalled")
        elif self._house.gate.over(self.permit):
            self.lost("expired")
        else:
            self._forget(now_s)
            self._turn(self._talk.looked(self._market, self._now()))

    def _silent(self, now_s: float) -> bool:
        """Ping as often as the venue does, whatever else passes; end where no pong comes."""
        venue = self._counter.venue
        if self._ping_s is None:
            self._ping_s = now_s
        waiting_bytes = self._transport.get_write_buffer_size()
        full = waiting_bytes > self._house.config.stream.buffer_bytes
        if self._pinged_s is None:
            if now_s - self._ping_s >= venue.ping_s and not full:
                told = str(clock.wall_us() // 1000).encode()
                self._transport.write(bytes((PING, len(told))) + told)
                self._ping_s = self._pinged_s = now_s
            return False
        before, self._owed_bytes = self._owed_bytes, waiting_bytes + unacknowledged_bytes(self._transport)
        if full or self._owed_bytes < before:
            self._pinged_s = now_s  # it waits behind what the client still takes in
        elif now_s - self._pinged_s > venue.pong_s:
            self._end_with(*venue.pong_close)
        return False
