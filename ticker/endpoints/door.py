"""The one port: reads a request's head, answers HTTP itself, and hands the transport over on an upgrade.

A head has a deadline, not an inactivity limit; nothing is read between a handshake and its 101.
"""

import asyncio
from collections.abc import Callable
from typing import cast

import httptools

from ticker import clock
from ticker.endpoints.house import House
from ticker.endpoints.http import Handler, Request, Response, head, problem
from ticker.errors import Refusal

BODY_BYTES_MAX = 64 * 1024  # no request of ours has a body; a small one is read and forgotten

Upgrade = Callable[[House, Request], Response | asyncio.Protocol]
Stream = Callable[[Request], Response | asyncio.Protocol]


class Routes:
    """Which handler answers which path; a path that ends in `/*` stands for all one level below it."""

    def __init__(self, handlers: dict[str, Handler], upgrades: dict[str, Upgrade], streams: dict[str, Stream]) -> None:
        self._handlers = handlers
        self._upgrades = upgrades
        self._streams = streams

    def upgrade(self, request: Request) -> Upgrade | None:
        """Return what takes the connection over, if the path offers that."""
        return self._upgrades.get(request.path)

    def answer(self, request: Request) -> Response | asyncio.Protocol:
        """Answer a request, or return what streams the answer. Raises Refusal where nobody can."""
        if request.path in self._upgrades:
            raise Refusal(
                "upgrade_required",
                f"{request.path} is a WebSocket: connect to ws://{request.header('host') or 'HOST'}{request.path}, "
                "or send Connection: Upgrade, Upgrade: websocket, Sec-WebSocket-Version: 13 and Sec-WebSocket-Key",
            )
        if stream := self._streams.get(request.path):
            return stream(request)
        handler = self._handlers.get(request.path) or self._handlers.get(request.path.rpartition("/")[0] + "/*")
        if handler is None:
            raise Refusal("not_found", f"nothing at {request.path[:128]}")
        if request.method not in ("GET", "HEAD"):
            raise Refusal("method_not_allowed", f"{request.method} is not allowed here: GET and HEAD are")
        return handler(request)


class Door(asyncio.Protocol):
    """One connection, until it is handed over or closed."""

    def __init__(self, house: House, routes: Routes) -> None:
        self._house = house
        self._routes = routes
        self._parser = httptools.HttpRequestParser(self)
        self._requests = 0
        self._deadline_s = clock.monotonic_s() + house.config.http.head_s
        self._open = True
        self._handshake: Request | None = None
        self._stream: asyncio.Protocol | None = None
        self._begin()

    def _begin(self) -> None:
        self._target = b""
        self._headers: list[tuple[str, str]] = []
        self._head_bytes = 0
        self._body_bytes = 0
        self._unfinished_bytes = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self._house.full or self._house.draining:
            self._refuse(Refusal("unavailable", "too many connections"), {"Retry-After": "1"})
        self._house.connections[self] = None

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # the transport's word for it
        self._open = False
        self._house.connections.pop(self, None)

    def data_received(self, data: bytes) -> None:
        if not self._open:
            return
        if self._requests and not self._unfinished_bytes:
            self._deadline_s = clock.monotonic_s() + self._house.config.http.head_s
        self._unfinished_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserCallbackError as error:
            refusal = error.__context__
            self._refuse(refusal if isinstance(refusal, Refusal) else Refusal("bad_request", "malformed request"))
        except httptools.HttpParserError as error:
            self._refuse(Refusal("bad_request", f"malformed request: {error}"))
        else:
            if self._stream:
                self._hand_over(self._stream)
            else:
                self._check_head(self._unfinished_bytes - self._body_bytes)

    def eof_received(self) -> None:
        self._open = False

    # Called by httptools. A Refusal raised here comes back from feed_data.

    def on_url(self, url: bytes) -> None:
        self._target += url
        self._head_bytes += len(url)
        if len(self._target) > self._house.config.http.target_bytes_max:
            raise Refusal("uri_too_long", f"more than {self._house.config.http.target_bytes_max} bytes of target")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._head_bytes += len(name) + len(value) + 4
        self._headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))
        if len(self._headers) > self._house.config.http.headers_max:
            raise Refusal("head_too_large", f"more than {self._house.config.http.headers_max} headers")
        self._raise_if_large(self._head_bytes)

    def on_body(self, body: bytes) -> None:
        self._body_bytes += len(body)
        if self._body_bytes > BODY_BYTES_MAX:
            raise Refusal("too_large", f"more than {BODY_BYTES_MAX} bytes of body")

    def on_message_complete(self) -> None:
        if not self._open or self._stream:
            return
        request = Request(
            self._parser.get_method().decode(),
            self._target.decode("latin-1"),
            self._parser.get_http_version(),
            self._headers,
        )
        if self._parser.should_upgrade() and self._routes.upgrade(request):
            self._handshake = request
            return
        self._requests += 1
        self._house.metrics.requests += 1
        keep_alive = (
            self._parser.should_keep_alive()
            and not self._parser.should_upgrade()
            and self._requests < self._house.config.http.requests_max
            and not self._house.draining
        )
        answer = self._answer(request)
        if isinstance(answer, asyncio.Protocol):
            self._stream = answer  # handed over when the parser is done with this packet
            return
        self._send(request.method, answer, keep_alive=keep_alive)
        self._deadline_s = clock.monotonic_s() + self._house.config.http.idle_s
        self._begin()

    # Answers.

    def _answer(self, request: Request) -> Response | asyncio.Protocol:
        try:
            return self._routes.answer(request)
        except Refusal as refusal:
            self._house.metrics.refusals[refusal.code] += 1
            extra = {"upgrade_required": {"Upgrade": "websocket"}, "method_not_allowed": {"Allow": "GET, HEAD"}}
            return problem(refusal, extra.get(refusal.code))

    def _upgrade(self, rest: bytes) -> None:
        request, self._handshake = self._handshake, None
        if request is None or not self._open:
            self._close()
            return
        if rest:
            self._refuse(Refusal("bad_request", "nothing may be sent between a handshake and its 101"))
            return
        upgrade = self._routes.upgrade(request)
        taken = upgrade(self._house, request) if upgrade else None
        if isinstance(taken, asyncio.Protocol):
            self._hand_over(taken)
        elif taken is not None:
            self._send(request.method, taken, keep_alive=False)

    def _hand_over(self, taker: asyncio.Protocol) -> None:
        self._open = False
        self._house.connections.pop(self, None)
        self._transport.set_protocol(taker)
        taker.connection_made(self._transport)

    def _check_head(self, size: int) -> None:
        try:
            self._raise_if_large(size)
        except Refusal as refusal:
            self._refuse(refusal)

    def _raise_if_large(self, size: int) -> None:
        if size > self._house.config.http.head_bytes_max:
            raise Refusal("head_too_large", f"more than {self._house.config.http.head_bytes_max} bytes of head")

    def _refuse(self, refusal: Refusal, headers: dict[str, str] | None = None) -> None:
        self._house.metrics.refusals[refusal.code] += 1
        self._send("GET", problem(refusal, headers), keep_alive=False)

    def _send(self, method: str, response: Response, *, keep_alive: bool) -> None:
        if not self._open or self._transport.is_closing():
            return
        body = b"" if method == "HEAD" else response.body
        self._transport.write(head(response, clock.http_date(), keep_alive=keep_alive) + body)
        if not keep_alive:
            self._hang_up()

    def _hang_up(self) -> None:
        """End after the answer: what still comes is not heard, but read, or a reset would overtake the answer."""
        self._open = False
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._deadline_s = clock.monotonic_s() + self._house.config.stream.close_s

    def _close(self) -> None:
        self._open = False
        self._transport.close()

    # Deadlines.

    def sweep(self, now_s: float) -> None:
        if now_s <= self._deadline_s:
            return
        if self._unfinished_bytes and self._open:
            self._refuse(Refusal("timeout", "the head of the request did not arrive in time"))
        self._close()
        if now_s > self._deadline_s + self._house.config.stream.stall_s:
            self.abort("response not read")

    def drain(self) -> None:
        self._close()

    def abort(self, reason: str) -> None:  # noqa: ARG002  # the reason is for conversations
        self._transport.abort()
