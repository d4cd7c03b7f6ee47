"""Server-sent events: the same audiences, outlets and back-pressure as WebSocket, one way only."""

import asyncio
import random
from typing import cast

from msgspec import UNSET

from ticker import clock
from ticker.dialects import native
from ticker.endpoints.house import House
from ticker.endpoints.http import Request, Response, cross_origin, head
from ticker.endpoints.outlet import Outlet
from ticker.errors import Close, Refusal
from ticker.feed.audience import Frame
from ticker.interest import Interest
from ticker.session.messages import Closing, Lag, Recovered
from ticker.session.pace import Recovery, recovered
from ticker.session.permits import OPEN, Permit
from ticker.session.requests import EventsQuery
from ticker.session.terms import read_position
from ticker.ticks import CHANNELS, Position
from ticker.wire import eventstream

LIVES = (0.9, 1.0)  # of `events_max_s`, at random: who came together does not go together
RETRY_MS = (1000, 3000)  # a browser comes back after so long; the jitter must be ours, it adds none of its own
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # the second asks nginx not to hold events back


class EventStreams:
    """Answers requests for a stream of events over one house."""

    def __init__(self, house: House) -> None:
        self._house = house

    def accept(self, request: Request) -> "Response | EventStream":
        """Return a stream to hand the transport to. Raises Refusal."""
        query = request.read(EventsQuery)
        interest = self._house.interest(query, request.permit)
        # A browser that comes back asks the old address again: what it says it has had is the newer word.
        returning = request.header("last-event-id")
        text = returning or (query.from_ if isinstance(query.from_, str) else "")
        _check(query)
        since, lost = self._start(text, returning=bool(returning)) if text else (None, None)
        if self._house.draining:
            raise Refusal("unavailable", self._house.farewell)
        response = Response(200, None, "text/event-stream", HEADERS)
        if request.method == "HEAD":
            return response
        opening = head(response, clock.http_date(), headers=cross_origin(request, self._house.config.http.origins))
        rate_hz = self._house.terms.rate(query.rate_hz) if query.pace == "latest" else None
        return EventStream(self._house, self.frame, opening, interest, since, lost, rate_hz, request.permit)

    def _start(self, text: str, *, returning: bool) -> tuple[int | None, Recovered | None]:
        """Return where to begin, or what is lost: a browser would never come back after a refusal. Raises Refusal."""
        asked = Position.parse(text)
        try:
            return read_position(text, self._house.standing()), None
        except Refusal:
            if not returning:
                raise
        here = str(self._house.feed.position)
        return None, Recovered(from_=str(asked), to=here, complete=False, gap={"from": str(asked), "to": here})

    def frame(self, message: bytes, seq: int) -> bytes:
        """Return a `ticks` message as an event whose id is its position."""
        return eventstream.event("ticks", message, str(Position(self._house.feed.tape.epoch, seq)))


def _retry() -> bytes:
    """Return the hint when to come back."""
    return eventstream.retry(random.randint(*RETRY_MS))


def _check(query: EventsQuery) -> None:
    """Raise Refusal where parameters do not go together."""
    if query.pace == "every" and query.rate_hz is not UNSET:
        raise Refusal("bad_request", "rate_hz: goes with pace=latest", field="rate_hz")
    if query.pace == "latest" and query.from_ is not UNSET:
        raise Refusal("bad_request", "from: every tick is sent from there on, with pace=every only", field="from")


class EventStream(asyncio.Protocol):
    """One reader, until it hangs up; `since` is the last step it has had, `lost` what it cannot have.

    With a `rate_hz` it is sent the newest only, and shown what there is where it comes back.
    """

    def __init__(
        self,
        house: House,
        frame: Frame,
        opening: bytes,
        interest: Interest,
        since: int | None,
        lost: Recovered | None,
        rate_hz: float | None,
        permit: Permit | None = OPEN,
    ) -> None:
        self._house = house
        self._frame = frame
        self._opening = opening
        self._interest = interest
        self._since = since
        self._lost = lost
        self._rate_hz = rate_hz
        self._until_s = clock.monotonic_s() + house.config.http.events_max_s * random.uniform(*LIVES)
        self._over = False
        self._permit = permit

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._outlet = Outlet(self._house, self, self._transport, self._house.dialect, self._frame)
        self._house.connections.setdefault(self, "")
        self._transport.write(self._opening + _retry())
        if self._lost is not None:
            self._transport.write(eventstream.event("recovered", native.reply(self._lost)))
        if self._lost is not None or (self._since is not None and self._rate_hz is not None):
            self._show()
        self._outlet.set_rate(self._rate_hz)
        if self._since is None or self._rate_hz is not None:
            self._outlet.change(self._interest)
        else:
            self._outlet.recover(self._interest, self._since)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # the transport's word for it
        self._house.gone(self)  # first: whatever fails below, it is there no more
        self._outlet.end()

    def pause_writing(self) -> None:
        self._outlet.pause()

    def resume_writing(self) -> None:
        self._outlet.resume()

    def lagged(self, lag: Lag) -> bool:
        self._house.lagged(lag)
        self._transport.write(eventstream.event("lag", native.reply(lag)))
        if lag.reason != "pace":
            self._show()
        return True

    def recovered(self, recovery: Recovery, gap: tuple[int, int] | None) -> None:
        message = recovered(self._house.feed.tape.epoch, recovery, gap)
        self._transport.write(eventstream.event("recovered", native.reply(message)))

    def failed(self, error: Exception) -> None:
        self._house.faults.note("a stream of events failed", error)
        self.abort("fault")

    def _show(self) -> None:
        """Send the newest rows of every channel."""
        position = str(self._house.feed.position)
        for channel in CHANNELS:
            if self._interest.mask(channel):
                snapshot = self._house.snapshot(self._house.dialect, channel, self._interest.indices(channel))
                self._transport.write(eventstream.event("snapshot", snapshot, position))

    def sweep(self, now_s: float) -> None:
        if self._outlet.stalled(now_s):
            self.abort("stalled")
            return
        if self._over or self._transport.is_closing():
            return
        if over := self._house.gate.over(self._permit):
            self._close(*over)
            return
        if now_s > self._until_s:
            self._end()
            return
        self._outlet.look(now_s)
        if self._outlet.idle(now_s):
            place = Position(self._house.feed.tape.epoch, self._outlet.cursor)
            self._transport.write(eventstream.heartbeat(str(place)))

    def _end(self) -> None:
        """End cleanly, so that the client comes back to where it was: nothing is held for ever."""
        self._over = True
        self._house.ended("sse life over", by_us=False)
        self._transport.write(_retry())
        self.drain()

    def _close(self, code: Close, reason: str) -> None:
        """Say why, and end: a browser comes back by itself, and is told then."""
        self._house.ended(f"sse {reason}", by_us=True)
        after_s = RETRY_MS[0] / 1000 if code is Close.TOKEN_EXPIRED else None
        message = native.reply(Closing(code=code, reason=reason, reconnect_after_s=after_s))
        self._transport.write(eventstream.event("closing", message))
        self.drain()

    def drain(self) -> None:
        self._outlet.close()
        self._transport.close()

    def abort(self, reason: str) -> None:
        self._house.ended(f"sse {reason}", by_us=True)
        self._outlet.close()
        self._transport.abort()
