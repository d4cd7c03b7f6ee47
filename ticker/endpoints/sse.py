"""Server-sent events: the same audiences, outlets and back-pressure as WebSocket, one way only."""

import asyncio
from typing import cast

from ticker import clock
from ticker.dialects import native
from ticker.endpoints.house import House
from ticker.endpoints.http import Request, Response, open_head, problem
from ticker.endpoints.outlet import Outlet
from ticker.endpoints.rest import interest_of
from ticker.errors import Refusal
from ticker.feed.audience import Frame
from ticker.interest import Interest
from ticker.session.messages import Lag
from ticker.session.server import read_position
from ticker.ticks import CHANNELS, Position
from ticker.wire import eventstream

RETRY_MS = 1000  # a browser comes back after so long; it adds no jitter of its own
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # the second asks nginx not to hold events back


class EventStreams:
    """Answers requests for a stream of events over one house."""

    def __init__(self, house: House) -> None:
        self._house = house

    def accept(self, request: Request) -> "Response | EventStream":
        """Return a stream to hand the transport to. Raises Refusal."""
        if request.method != "GET":
            raise Refusal("method_not_allowed", f"{request.method} is not allowed here: GET is")
        query = request.query("symbols", "channels", "from")
        interest = interest_of(query, self._house.terms)
        tape = self._house.feed.tape
        # A browser that comes back asks the old address again: what it says it has had is the newer word.
        text = request.header("last-event-id") or query.get("from")
        since = read_position(text, tape.epoch, tape.oldest, tape.head) if text else None
        if self._house.draining:
            return problem(Refusal("unavailable", "the server is going away"), {"Retry-After": "1"})
        return EventStream(self._house, self.frame, interest, since)

    def frame(self, message: bytes, seq: int) -> bytes:
        """Return a `ticks` message as an event whose id is its position."""
        return eventstream.event("ticks", message, str(Position(self._house.feed.tape.epoch, seq)))


class EventStream(asyncio.Protocol):
    """One reader, until it hangs up; `since` is the last step it has had."""

    def __init__(self, house: House, frame: Frame, interest: Interest, since: int | None) -> None:
        self._house = house
        self._frame = frame
        self._interest = interest
        self._since = since

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._transport.set_write_buffer_limits(high=self._house.config.stream.buffer_bytes)
        self._outlet = Outlet(self._house, self, self._transport, self._frame)
        self._house.connections[self] = None
        self._transport.write(open_head("text/event-stream", HEADERS, clock.http_date()) + eventstream.retry(RETRY_MS))
        if self._since is None:
            self._outlet.change(self._interest)
        else:
            self._outlet.follow(self._interest, self._since)

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
        position = str(self._house.feed.position)
        for channel in CHANNELS:
            if self._interest.mask(channel):
                snapshot = self._house.snapshot(channel, self._interest.indices(channel))
                self._transport.write(eventstream.event("snapshot", snapshot, position))
        return True

    def sweep(self, now_s: float) -> None:
        if self._outlet.stalled(now_s):
            self.abort("stalled")
        elif self._outlet.idle(now_s):
            self._transport.write(eventstream.comment("heartbeat"))

    def drain(self) -> None:
        self._outlet.close()
        self._transport.close()

    def abort(self, reason: str) -> None:
        self._house.metrics.closes[f"sse {reason}"] += 1
        self._outlet.close()
        self._transport.abort()
