"""Server-sent events: the same audiences, outlets and back-pressure as WebSocket, one way only."""

import asyncio
import random
from typing import cast

from ticker import clock
from ticker.dialects import native
from ticker.endpoints.house import House
from ticker.endpoints.http import Request, Response, cross_origin, head
from ticker.endpoints.outlet import Outlet
from ticker.errors import Refusal
from ticker.feed.audience import Frame
from ticker.interest import Interest
from ticker.session.messages import Lag, Recovered
from ticker.session.pace import Recovery, recovered
from ticker.session.requests import EventsQuery
from ticker.session.terms import read_position
from ticker.ticks import CHANNELS, Position
from ticker.wire import eventstream

RETRY_MS = (1000, 3000)  # a browser comes back after so long; the jitter must be ours, it adds none of its own
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # the second asks nginx not to hold events back


class EventStreams:
    """Answers requests for a stream of events over one house."""

    def __init__(self, house: House) -> None:
        self._house = house

    def accept(self, request: Request) -> "Response | EventStream":
        """Return a stream to hand the transport to. Raises Refusal."""
        query = request.read(EventsQuery)
        interest = self._house.interest(query)
        # A browser that comes back asks the old address again: what it says it has had is the newer word.
        returning = request.header("last-event-id")
        text = returning or (query.from_ if isinstance(query.from_, str) else "")
        since, lost = self._start(text, returning=bool(returning)) if text else (None, None)
        if self._house.draining:
            raise Refusal("unavailable", "the server is going away")
        response = Response(200, None, "text/event-stream", HEADERS)
        if request.method == "HEAD":
            return response
        opening = head(response, clock.http_date(), headers=cross_origin(request, self._house.config.http.origins))
        return EventStream(self._house, self.frame, opening, interest, since, lost)

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


class EventStream(asyncio.Protocol):
    """One reader, until it hangs up; `since` is the last step it has had, `lost` what it cannot have."""

    def __init__(
        self,
        house: House,
        frame: Frame,
        opening: bytes,
        interest: Interest,
        since: int | None,
        lost: Recovered | None,
    ) -> None:
        self._house = house
        self._frame = frame
        self._opening = opening
        self._interest = interest
        self._since = since
        self._lost = lost

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._outlet = Outlet(self._house, self, self._transport, self._frame)
        self._house.connections[self] = None
        self._transport.write(self._opening + eventstream.retry(random.randint(*RETRY_MS)))
        if self._lost is not None:
            self._transport.write(eventstream.event("recovered", native.reply(self._lost)))
            self._show()
        if self._since is None:
            self._outlet.change(self._interest)
        else:
            self._outlet.recover(self._interest, self._since)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # the transport's word for it
        self._outlet.close()
        self._house.connections.pop(self, None)

    def pause_writing(self) -> None:
        self._outlet.pause()

    def resume_writing(self) -> None:
        self._outlet.resume()

    def fell_off(self, since: int, until: int, dropped: int) -> bool:
        lag = Lag(from_=since, to=until, dropped=dropped, conflated=0, reason="slow_reader")
        self._transport.write(eventstream.event("lag", native.reply(lag)))
        self._show()
        return True

    def recovered(self, recovery: Recovery, gap: tuple[int, int] | None) -> None:
        message = recovered(self._house.feed.tape.epoch, recovery, gap)
        self._transport.write(eventstream.event("recovered", native.reply(message)))

    def _show(self) -> None:
        """Send the newest rows of every channel."""
        position = str(self._house.feed.position)
        for channel in CHANNELS:
            if self._interest.mask(channel):
                snapshot = self._house.snapshot(channel, self._interest.indices(channel))
                self._transport.write(eventstream.event("snapshot", snapshot, position))

    def sweep(self, now_s: float) -> None:
        if self._outlet.stalled(now_s):
            self.abort("stalled")
        elif self._outlet.idle(now_s):
            place = Position(self._house.feed.tape.epoch, self._outlet.cursor)
            self._transport.write(eventstream.heartbeat(str(place)))

    def drain(self) -> None:
        self._outlet.close()
        self._transport.close()

    def abort(self, reason: str) -> None:
        self._house.metrics.closes[f"sse {reason}"] += 1
        self._outlet.close()
        self._transport.abort()
