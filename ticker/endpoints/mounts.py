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
from ticker.venue import Answer, Asked, Now, Venue, pair

OURS = ("native", "packed", "documents")
"""Modules of dialects that are no venue's."""


def known() -> list[str]:
    """Return the names of all venues there are."""
    return sorted(module.name for module in pkgutil.iter_modules(dialects.__path__) if module.name not in OURS)


def check(name: str, key: str) -> None:
    """Raise ConfigError where there is no venue of a name."""
    if name not in known():
        raise ConfigError(f"{key}: no venue {name!r}{nearest(name, known())}; known: {', '.join(known())}")


def load(name: str) -> Callable[..., Venue]:
    """Return what makes a venue."""
    return cast(Callable[..., Venue], importlib.import_module(f"{dialects.__name__}.{name}").VENUE)


class Mounts:
    """All venues of a server: each under its name, and one of them at the root too, where nothing else is.

    They are set up when somebody first comes to one, and from the start where somebody is sure to come: where one is at
    the root or there are pairs to trade; or where it has to be known who says later who it is.
    """

    def __init__(self, house: House, config: VenuesConfig) -> None:
        """Raises ConfigError for a venue that there is not, or that has nothing to trade at the root."""
        self._house = house
        self._config = config
        self._keys = dict.fromkeys(config.mount, "venues.mount")
        if config.root:
            self._keys.setdefault(config.root, "venues.root")
        self._mounts: dict[str, Mount] | None = None
        for name, key in self._keys.items():
            check(name, key)
        if config.root or house.gate.asks or any(pair(instrument.symbol) for instrument in house.terms.universe):
            self._set_up()

    def _set_up(self) -> "dict[str, Mount]":
        """Return all mounts, which are made once."""
        if self._mounts is None:
            house, config = self._house, self._config
            universe = house.terms.universe
            venues = {name: load(name)(universe, strict=config.strict) for name in self._keys}
            if config.root and not venues[config.root].instruments:
                raise _nothing_to_trade(config.root, universe.name)
            self._mounts = {}
            if any(venue.instruments for venue in venues.values()):
                floor = Floor(house.feed, len(universe), config.history_bytes, self._fault)
                self._mounts = {name: Mount(house, venue, floor, name) for name, venue in venues.items()}
        return self._mounts

    def _fault(self, error: Exception) -> None:
        self._house.faults.note("a venue failed", error)

    def find(self, path: str) -> "tuple[Mount, str] | None":
        """Return the venue that a path belongs to, and the path below it."""
        _, _, rest = path.partition("/")
        name, slash, below = rest.partition("/")
        mount = self._set_up().get(name) if name in self._keys else None
        if mount is not None:
            return mount, slash + below or "/"
        root = self._set_up().get(self._config.root) if self._config.root else None
        return (root, path) if root is not None else None

    def later(self) -> Iterator[str]:
        """Yield the paths of those who say later who they are, as far as it is known."""
        for name, mount in (self._mounts or {}).items():
            yield from (f"/{name}{path}" for path in mount.venue.open_paths)
            yield from mount.venue.open_paths if name == self._config.root else ()

    def names(self) -> list[str]:
        """Return the paths of the venues that have something to trade, as far as it is known."""
        return [f"/{name}" for name, mount in (self._mounts or {}).items() if mount.venue.instruments]


def _nothing_to_trade(name: str, universe: str) -> ConfigError:
    kind = "pairs such as BTC-USDT: --universe pairs" if name != "alpaca" else "--universe stocks"
    return ConfigError(f"venues.root: {name} finds nothing in {universe} that it trades; try {kind}")


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
