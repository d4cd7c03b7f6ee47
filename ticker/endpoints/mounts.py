"""Venues as parts of the server: where each is found, its answers over HTTP, and who talks to its WebSockets."""

import asyncio
import importlib
import pkgutil
from collections.abc import Callable, Iterator
from typing import cast

from websockets.http11 import Response as Switch
from websockets.server import ServerProtocol

from ticker import clock, dialects
from ticker.config import VenuesConfig
from ticker.endpoints.handshake import shake_hands
from ticker.endpoints.house import House
from ticker.endpoints.http import NO_STORE, Request, Response
from ticker.endpoints.venue_talk import Counter, VenueConversation
from ticker.errors import ConfigError, Refusal
from ticker.feed.floor import Floor
from ticker.feed.sight import Sight
from ticker.session.permits import OPEN
from ticker.settings import nearest
from ticker.venue import Answer, Asked, Now, Venue

OURS = ("native", "packed", "documents")
"""Modules of dialects that are no venue's."""


def known() -> list[str]:
    """Return the names of all venues there are."""
    return sorted(module.name for module in pkgutil.iter_modules(dialects.__path__) if module.name not in OURS)


def load(name: str, key: str) -> Callable[..., Venue]:
    """Return what makes a venue. Raises ConfigError where there is none of that name."""
    if name not in known():
        raise ConfigError(f"{key}: no venue {name!r}{nearest(name, known())}; known: {', '.join(known())}")
    module = importlib.import_module(f"{dialects.__name__}.{name}")
    return cast(Callable[..., Venue], module.VENUE)


class Mounts:
    """All venues of a server: each under its name, and one of them at the root too, where nothing else is."""

    def __init__(self, house: House, config: VenuesConfig) -> None:
        """Raises ConfigError for a venue that there is not, or that has nothing to trade at the root."""
        universe = house.terms.universe
        self._root: Mount | None = None
        self._mounts: dict[str, Mount] = {}
        makers = {name: load(name, "venues.mount") for name in config.mount}
        if config.root:
            makers.setdefault(config.root, load(config.root, "venues.root"))
        venues = {name: make(universe, strict=config.strict) for name, make in makers.items()}
        if config.root and not venues[config.root].instruments:
            kind = "pairs such as BTC-USDT: --universe pairs" if config.root != "alpaca" else "--universe stocks"
            raise ConfigError(f"venues.root: {config.root} finds nothing in {universe.name} that it trades; try {kind}")
        if any(venue.instruments for venue in venues.values()):
            floor = Floor(house.feed, len(universe), config.history_bytes, self._fault)
            self._house = house
            self._mounts = {name: Mount(house, venue, floor, name) for name, venue in venues.items()}
            self._root = self._mounts.get(config.root)

    def _fault(self, error: Exception) -> None:
        self._house.faults.note("a venue failed", error)

    def find(self, path: str) -> "tuple[Mount, str] | None":
        """Return the venue that a path belongs to, and the path below it."""
        _, _, rest = path.partition("/")
        name, slash, below = rest.partition("/")
        if mount := self._mounts.get(name):
            return mount, slash + below or "/"
        return (self._root, path) if self._root else None

    def later(self) -> Iterator[str]:
        """Yield the paths of those who say later who they are."""
        for name, mount in self._mounts.items():
            yield from (f"/{name}{path}" for path in mount.venue.open_paths)
        if self._root:
            yield from self._root.venue.open_paths

    def names(self) -> list[str]:
        """Return the paths of the venues that have something to trade."""
        return [f"/{name}" for name, mount in self._mounts.items() if mount.venue.instruments]


class Mount:
    """One venue: answers and talks over one house."""

    def __init__(self, house: House, venue: Venue, floor: Floor, name: str) -> None:
        self.name = name
        self.venue = venue
        self._house = house
        self._floor = floor
        desk = floor.desk(venue.study, house.metrics)
        desk.line.soon = house.loop.call_soon
        self._counter = Counter(venue, desk)

    def _asked(self, request: Request, below: str) -> Asked:
        _, _, query = request.target.partition("?")
        return Asked(below, query, request.headers, request.method, request.peer)

    def _now(self) -> Now:
        return Now(clock.wall_us(), clock.monotonic_s(), self._house.feed.tape.t)

    def token(self, request: Request, below: str) -> str | None:
        """Return the token that a request has in the venue's own place."""
        return self.venue.token(self._asked(request, below))

    def answer(self, request: Request, below: str) -> Response:
        """Answer a request in the venue's words."""
        permit = request.permit or OPEN
        sight = Sight(self._floor, self._house.terms.universe, permit.symbols)
        answer = self.venue.answer(self._asked(request, below), sight, self._now())
        return _spelled(answer)

    def accept(self, request: Request, below: str) -> Response | asyncio.Protocol:
        """Answer a handshake. Raises Refusal."""
        house = self._house
        if house.draining:
            raise Refusal("unavailable", house.farewell)
        permit = request.permit
        sight = Sight(self._floor, house.terms.universe, permit.symbols if permit else 0)
        talkers: list[VenueConversation] = []

        def identify(token: str) -> bool:
            try:
                known_as = house.gate.identify(token)
            except Refusal:
                return False
            talkers[0].permit = known_as
            sight.symbols = known_as.symbols
            return True

        talk = self.venue.talk(self._asked(request, below), sight, self._now(), None if permit else identify)
        if isinstance(talk, Answer):
            return _spelled(talk)

        def take(protocol: ServerProtocol, switch: Switch) -> VenueConversation:
            talkers.append(VenueConversation(house, self._counter, talk, sight, permit, protocol, switch))
            return talkers[0]

        return shake_hands(house, request, [], take)


def _spelled(answer: Answer) -> Response:
    return Response(answer.status, answer.body, answer.content_type, {**NO_STORE, **answer.headers})
