"""Which handler answers which path, by which methods."""

import asyncio
from collections.abc import Callable

from ticker.endpoints.house import House
from ticker.endpoints.http import METHODS, Handler, Held, Request, Response, conditional, options
from ticker.endpoints.mounts import Mount, Mounts
from ticker.endpoints.rest import NOTHING_YET
from ticker.errors import Refusal

POSTED = "POST, OPTIONS"

Upgrade = Callable[[House, Request], Response | asyncio.Protocol]
Stream = Callable[[Request], Response | asyncio.Protocol]


class Routes:
    """Handlers answer at once or later, streams take the transport over, upgrades are WebSockets.

    A path that ends in `/*` stands for all one level below it. `posts` answer POST, and take a body.
    """

    def __init__(
        self,
        handlers: dict[str, Handler],
        upgrades: dict[str, Upgrade],
        streams: dict[str, Stream],
        posts: dict[str, Handler],
        *,
        secure: bool = False,
        mounts: Mounts | None = None,
    ) -> None:
        """`secure` says that TLS is spoken; `mounts` have what is nowhere else."""
        self._handlers = handlers
        self._posts = posts
        self._upgrades = upgrades
        self._streams = streams
        self._scheme = "wss" if secure else "ws"
        self._mounts = mounts

    def upgrade(self, request: Request) -> Upgrade | None:
        """Return what takes the connection over, if the path offers that."""
        path = request.path
        if path in self._upgrades:
            return self._upgrades[path]
        mounted = self._mounted(path)
        if mounted is None or not mounted[0].venue.upgrades(mounted[1]):
            return None
        mount, below = mounted
        return lambda _house, asked: mount.accept(asked, below)

    def _mounted(self, path: str) -> tuple[Mount, str] | None:
        """Return the venue that a path belongs to, and the path below it."""
        return self._mounts.find(path) if self._mounts else None

    def token(self, request: Request) -> str | None:
        """Return the token that a request has in the own place of the venue that it is for, if it is for one."""
        mounted = None if self._known(request.path) else self._mounted(request.path)
        return mounted[0].token(request, mounted[1]) if mounted else None

    def takes_body(self, request: Request) -> bool:
        """Tell whether the body of a request means anything here."""
        return request.method == "POST" and request.path in self._posts

    def answer(self, request: Request) -> Response | Held | asyncio.Protocol:
        """Answer a request, or return what will. Raises Refusal where nobody can."""
        path = request.path
        if request.method == "OPTIONS" and (path == "*" or self._known(path)):
            return options(self._methods(path))
        if path in self._upgrades and request.method in ("GET", "HEAD"):
            raise self._upgrade_required(request)
        if not self._known(path):
            return self._of_a_venue(request)
        if self.takes_body(request):
            return self._posts[path](request)
        methods = self._methods(path)
        if request.method not in ("GET", "HEAD") or "GET" not in methods:
            sentence = f"{request.method[:32]} is not allowed here: {methods} are"
            raise Refusal("method_not_allowed", sentence, known=methods.split(", "))
        if stream := self._streams.get(path):
            return stream(request)
        answer = self._handler(path)(request)
        return conditional(request, answer) if isinstance(answer, Response) else answer

    def _of_a_venue(self, request: Request) -> Response:
        """Return what the venue answers that has a path. Raises Refusal where none has."""
        path, method = request.path, request.method
        mounted = self._mounted(path)
        if mounted is None:
            raise Refusal("not_found", f"nothing at {path[:128]}")
        if method == "OPTIONS":
            return options()
        if method not in ("GET", "HEAD"):
            sentence = f"{method[:32]} is not allowed here: {METHODS} are"
            raise Refusal("method_not_allowed", sentence, known=METHODS.split(", "))
        mount, below = mounted
        if mount.venue.upgrades(below):
            raise self._upgrade_required(request)
        return mount.answer(request, below)

    def _upgrade_required(self, request: Request) -> Refusal:
        path = request.path
        return Refusal(
            "upgrade_required",
            f"{path[:128]} is a WebSocket: connect to {self._scheme}://{request.header('host') or 'HOST'}{path[:128]}, "
            "or send Connection: Upgrade, Upgrade: websocket, Sec-WebSocket-Version: 13 and Sec-WebSocket-Key",
        )

    def _known(self, path: str) -> bool:
        known = path in self._upgrades or path in self._streams or path in self._posts
        return known or self._pattern(path) in self._handlers

    def _methods(self, path: str) -> str:
        if path not in self._posts:
            return METHODS
        return f"GET, HEAD, {POSTED}" if path in self._handlers else POSTED

    def _pattern(self, path: str) -> str:
        return path if path in self._handlers else path.rpartition("/")[0] + "/*"

    def _handler(self, path: str) -> Handler:
        return self._handlers[self._pattern(path)]


class VacantRoutes(Routes):
    """What there is while there is no tape to serve: whether we live, whether we are ready, and how we are."""

    def __init__(self, handlers: dict[str, Handler]) -> None:
        super().__init__(handlers, {}, {}, {})

    def upgrade(self, request: Request) -> Upgrade | None:  # noqa: ARG002  # whatever it asks for, there is nothing yet
        """Return what says so to a WebSocket."""
        return _not_yet

    def answer(self, request: Request) -> Response | Held | asyncio.Protocol:
        """Answer what can be answered. Raises Refusal (unavailable) for all else."""
        if not self._known(request.path):
            raise Refusal("unavailable", NOTHING_YET)
        return super().answer(request)


def _not_yet(house: House, request: Request) -> Response | asyncio.Protocol:  # noqa: ARG001  # an Upgrade
    raise Refusal("unavailable", NOTHING_YET)
