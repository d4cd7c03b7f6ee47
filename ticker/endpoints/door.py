"""The one port: reads a request's head, answers HTTP itself, and hands the transport over on an upgrade.

A head has a deadline, not an inactivity limit; nothing is read between a handshake and its 101. Requests may be
pipelined: they are answered in order, and wait while an answer is held or the client does not read.
"""

import asyncio
import math
import socket
from collections import deque
from functools import partial
from typing import cast

import httptools

from ticker import clock
from ticker.endpoints import heads
from ticker.endpoints.entrance import Connection
from ticker.endpoints.house import House
from ticker.endpoints.http import Held, Request, Response, cross_origin, head, problem
from ticker.endpoints.routes import Routes
from ticker.errors import Refusal, fault
from ticker.session.permits import Permit

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
DRAIN_SHARE = 0.75  # of what may wait for a reader: it must take so much in `stall_s`, which is about 10 kB/s
ADVICE = {
    "upgrade_required": {"Upgrade": "websocket"},
    "unauthorized": {"WWW-Authenticate": "Bearer"},
    "unavailable": {"Retry-After": "1"},
    "rate_limited": {"Retry-After": "1"},
}


class Door(asyncio.Protocol):
    """One connection, until it is handed over or closed."""

    def __init__(self, house: House, routes: Routes) -> None:
        self._house = house
        self._routes = routes
        self._parser: httptools.HttpRequestParser | None = None  # none, before it is let in
        self._early = b""
        self._parked = False
        self._requests = 0
        self._deadline_s = math.inf
        self._open = True
        self._waiting: deque[Request | Refusal] = deque()
        self._held: Held | None = None
        self._permit: Permit | None = None
        self._stream: asyncio.Protocol | None = None
        self._handshake: Request | None = None
        self._paused = False
        self._burst_bytes = 0
        self._waiting_bytes = 0
        self._stalled_s: float | None = None
        self._begin()

    def _begin(self) -> None:
        self._target = b""
        self._headers: heads.Fields = []
        self._fields: heads.Fields = []
        self._head_bytes = 0
        self._body_bytes = 0
        self._body = bytearray()
        self._unfinished_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._peer = str((transport.get_extra_info("peername") or ("",))[0])
        self._transport.set_write_buffer_limits(high=self._house.config.stream.buffer_bytes)
        if self in self._house.connections:  # let in before it shook hands
            self.enter()
        else:
            self._house.come(self, self._peer)

    # What the entrance asks.

    def enter(self) -> None:
        if self._transport.is_closing():
            return
        self._parser = httptools.HttpRequestParser(self)
        self._deadline_s = clock.monotonic_s() + self._house.config.http.head_s
        if self._parked:
            self._transport.resume_reading()
        early, self._early = self._early, b""
        if early:
            self.data_received(early)

    def wait(self) -> None:
        self._parked = True
        self._transport.pause_reading()  # which uvloop does not do before it has begun to read

    def turn_away(self, answer: bytes, *, politely: bool) -> None:
        self._transport.write(answer)
        if politely:
            self._hang_up()
        else:
            self._close()

    @property
    def socket(self) -> socket.socket:
        return cast(socket.socket, self._transport.get_extra_info("socket"))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # the transport's word for it
        self._house.gone(self)  # first: whatever fails below, it is there no more
        self._parser = None  # it holds us
        self._shut()

    def data_received(self, data: bytes) -> None:
        if not self._open:
            return
        if self._parser is None:
            self._keep(data)
            return
        if self._requests and not self._unfinished_bytes and not self._held:
            self._deadline_s = clock.monotonic_s() + self._house.config.http.head_s
        self._unfinished_bytes += len(data)
        self._burst_bytes = 0
        try:
            self._parser.feed_data(data)
            self._raise_if_large(self._unfinished_bytes - self._body_bytes)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserCallbackError as error:
            refusal = error.__context__
            self._fail(refusal if isinstance(refusal, Refusal) else Refusal("bad_request", "malformed request"))
        except httptools.HttpParserError as error:
            self._fail(Refusal("bad_request", f"malformed request: {error}"))
        except Refusal as refusal:
            self._fail(refusal)
        self._go_on()

    def _keep(self, data: bytes) -> None:
        """Keep what came before the reading was stopped: no more than a head."""
        self._early += data
        if len(self._early) > self._house.config.http.head_bytes_max:
            self.abort("sends before it is let in")
        else:
            self._transport.pause_reading()

    def eof_received(self) -> None:
        self._shut()

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        self._go_on()

    # Called by httptools. A Refusal raised here comes back from feed_data.

    def on_url(self, url: bytes) -> None:
        self._target += url
        self._head_bytes += len(url)
        if len(self._target) > self._house.config.http.target_bytes_max:
            raise Refusal("uri_too_long", f"more than {self._house.config.http.target_bytes_max} bytes of target")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value) + 4
        self._headers.append((name.decode("latin-1").lower(), value.decode("latin-1").strip(" \t")))
        if len(self._headers) > self._house.config.http.headers_max:
            raise Refusal("head_too_large", f"more than {self._house.config.http.headers_max} headers")
        self._raise_if_large(self._head_bytes)

    def on_headers_complete(self) -> None:
        self._fields, self._headers = self._headers, []  # what still comes is trailers, which say nothing here
        assert self._parser is not None
        method, version = self._parser.get_method().decode(), self._parser.get_http_version()
        http = self._house.config.http
        expecting = heads.check(method, self._target.decode("latin-1"), version, self._fields, http.body_bytes_max)
        if not self._waiting and not self._held:
            self._deadline_s = clock.monotonic_s() + http.body_s
            if expecting:
                self._transport.write(CONTINUE)

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self._body_bytes > self._house.config.http.body_bytes_max:
            raise Refusal("too_large", f"more than {self._house.config.http.body_bytes_max} bytes of body")
        self._body += body

    def on_message_complete(self) -> None:
        if not self._open or self._stream:
            return
        assert self._parser is not None
        upgrading = self._parser.should_upgrade()
        request = Request(
            self._parser.get_method().decode(),
            self._target.decode("latin-1"),
            self._parser.get_http_version(),
            self._fields,
            keep_alive=self._parser.should_keep_alive() and not upgrading,
            peer=self._peer,
        )
        if upgrading and self._routes.upgrade(request):
            self._handshake = request
            return
        if self._body and self._routes.takes_body(request):
            request.body = bytes(self._body)
        self._begin()
        if request.body and (self._waiting or not self._free):  # or bodies would pile up
            refusal = Refusal("rate_limited", "a request with a body waits for the answer to the one before it")
            self._fail(refusal, request)
            return
        self._waiting.append(request)
        self._answer_waiting()

    # Answers.

    def _answer_waiting(self) -> None:
        """Answer requests in order, as far as nothing is held and the client reads."""
        while self._waiting and self._free:
            item = self._waiting.popleft()
            if isinstance(item, Refusal):
                self._refuse(item)
            else:
                self._answer(item)
        limits = self._house.config.http  # a client may be slow to read the answers to all it asks on one connection
        limit = limits.requests_max if self._held is None else limits.pipelined_max
        if len(self._waiting) > limit:
            for item in self._waiting:
                if isinstance(item, Request):
                    self._house.audit(item, "rate_limited")
            self._refuse(Refusal("rate_limited", f"more than {limit} requests wait for their answers"))

    @property
    def _free(self) -> bool:
        full = self._paused or self._burst_bytes > self._house.config.stream.buffer_bytes_max
        return self._open and not full and self._held is None and self._stream is None

    def _go_on(self) -> None:
        """Do what could not be done while a packet was parsed, an answer was held or the client did not read."""
        self._answer_waiting()
        if self._stream is not None and self._open:
            self._hand_over(self._stream)
        elif self._waiting and self._open and self._held is None and not self._paused:
            self._soon()  # a packet of requests was too much at once

    def _soon(self) -> None:
        self._house.loop.call_soon(self._go_on_anew)

    def _go_on_anew(self) -> None:
        self._burst_bytes = 0
        self._go_on()

    def _answer(self, request: Request) -> None:
        self._requests += 1
        self._house.metrics.requests += 1
        answer = self._routed(request)
        if isinstance(answer, Response):
            self._send(request, answer)
        elif isinstance(answer, asyncio.Protocol):
            self._stream = answer
        else:
            self._held, self._permit = answer, request.permit
            self._deadline_s = math.inf
            answer.begin(partial(self._release, request))

    def _release(self, request: Request, response: Response) -> None:
        """Send an answer that was held; what waits behind it comes later: the feed may be in the midst of a flush."""
        self._held = None
        self._send(request, response)
        if self._waiting:
            self._soon()

    def _routed(self, request: Request) -> Response | Held | asyncio.Protocol:
        try:
            self._house.check_rate(self)
            self._house.callers.check_host(request)
            request.permit = self._house.gate.admit(request)
            return self._routes.answer(request)
        except Refusal as refusal:
            self._house.audit(request, refusal.code)
            return self._refused(refusal)
        except Exception as error:  # a fault of ours is one request's misfortune, not the connection's
            self._house.faults.note("a request failed", error, path=request.path[:128])
            ours = fault()
            self._house.audit(request, ours.code)
            return self._refused(ours)

    def _refused(self, refusal: Refusal) -> Response:
        self._house.refused(refusal.code)
        if refusal.code == "rate_limited" and "retry_after_s" in refusal.details:
            return problem(refusal, {"Retry-After": str(refusal.details["retry_after_s"])})
        if refusal.code == "method_not_allowed":
            return problem(refusal, {"Allow": ", ".join(refusal.details["known"])})
        return problem(refusal, ADVICE.get(refusal.code))

    def _upgrade(self, rest: bytes) -> None:
        request, self._handshake = self._handshake, None
        if self._stream is not None:
            return  # nothing is heard behind a request for events
        if request is None or not self._open:
            self._close()
        elif rest:
            self._fail(Refusal("bad_request", "nothing may be sent between a handshake and its 101"))
        elif self._held is not None or self._waiting or self._paused:
            self._fail(Refusal("bad_request", "an upgrade may not wait behind a request that is still being answered"))
        else:
            self._switch(request)

    def _switch(self, request: Request) -> None:
        upgrade = self._routes.upgrade(request)
        assert upgrade is not None
        try:
            self._house.check_rate(self)
            self._house.callers.check_host(request)
            self._house.callers.check_origin(request)
            request.permit = self._house.gate.admit(request)
            taken = upgrade(self._house, request)
        except Refusal as refusal:
            taken = self._refused(refusal)
        if isinstance(taken, asyncio.Protocol):
            self._hand_over(taken)
        else:
            self._send(request, taken)

    def _hand_over(self, taker: asyncio.Protocol) -> None:
        self._open = False
        self._parser = None  # it holds us
        self._house.hand_over(self, cast(Connection, taker))
        self._transport.set_protocol(taker)
        taker.connection_made(self._transport)

    def _raise_if_large(self, size: int) -> None:
        if size > self._house.config.http.head_bytes_max:
            raise Refusal("head_too_large", f"more than {self._house.config.http.head_bytes_max} bytes of head")

    def _unread(self) -> Request:
        """Return what is known of a request that was not read to its end."""
        method = self._parser.get_method().decode() if self._parser and self._target else ""
        return Request(method, self._target.decode("latin-1"), "", [], body=bytes(self._body), peer=self._peer)

    def _fail(self, refusal: Refusal, request: Request | None = None) -> None:
        """Refuse what cannot be parsed, once all before it is answered; nothing after it is heard."""
        if self._stream is not None:
            return
        self._house.audit(request or self._unread(), refusal.code)
        if self._held is not None or self._waiting:
            self._waiting.append(refusal)
        else:
            self._refuse(refusal)

    def _refuse(self, refusal: Refusal) -> None:
        """Answer with a refusal and hang up."""
        self._send(Request("GET", "", "", []), self._refused(refusal))

    def _send(self, request: Request, response: Response) -> None:
        if not self._open or self._transport.is_closing():
            return
        config = self._house.config.http
        keep_alive = request.keep_alive and self._requests < config.requests_max and not self._house.draining
        headers = cross_origin(request, config.origins)
        body = b"" if request.method == "HEAD" else response.body or b""
        data = head(response, clock.http_date(), keep_alive=keep_alive, headers=headers) + body
        self._burst_bytes += len(data)
        self._deadline_s = clock.monotonic_s() + config.idle_s
        self._transport.write(data)
        if not keep_alive:
            self._hang_up()

    # Ends.

    def _hang_up(self) -> None:
        """End after the answer: what still comes is not heard, but read, or a reset would overtake the answer."""
        self._shut()
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._deadline_s = clock.monotonic_s() + self._house.config.stream.close_s

    def _close(self) -> None:
        self._shut()
        self._transport.close()

    def _shut(self) -> None:
        self._open = False
        self._waiting.clear()
        held, self._held = self._held, None
        if held is not None:
            held.cancel()

    def sweep(self, now_s: float) -> None:
        if self._held is not None and self._house.gate.over(self._permit):
            self._held.finish()  # with nothing; the next request is to bring a fresh token
        waiting_bytes = self._transport.get_write_buffer_size()
        if self._stalled(waiting_bytes, now_s):
            self._house.ended("http stalled", by_us=True)
            self.abort("stalled")
        elif now_s > self._deadline_s and not waiting_bytes:  # who still takes an answer in is not idle
            if self._unfinished_bytes and self._open:
                self._house.audit(self._unread(), "timeout")
                self._refuse(Refusal("timeout", "the request did not arrive in time"))
            self._close()

    def _stalled(self, waiting_bytes: int, now_s: float) -> bool:
        """Tell whether the client takes less of an answer than can be waited for."""
        if not waiting_bytes:
            self._stalled_s = None
            return False
        stream = self._house.config.stream
        enough = self._waiting_bytes - DRAIN_SHARE * stream.buffer_bytes
        if self._stalled_s is None or waiting_bytes > self._waiting_bytes or waiting_bytes <= enough:
            self._waiting_bytes, self._stalled_s = waiting_bytes, now_s
        return now_s - self._stalled_s > stream.stall_s

    def drain(self) -> None:
        if self._held is not None:
            self._held.finish()  # the server is draining: it is answered, and the connection closed
        self._close()

    def abort(self, reason: str) -> None:  # noqa: ARG002  # the reason is for conversations
        self._transport.abort()
