"""Kraken over one universe: where its WebSocket and its REST API are, and what limits it keeps when it is strict."""

from collections.abc import Sequence

from ticker.dialects.kraken.instruments import Catalogue
from ticker.dialects.kraken.pairs import Pairs
from ticker.dialects.kraken.rest import TOO_MANY, Rest, wrong
from ticker.dialects.kraken.snapshots import Snapshots
from ticker.dialects.kraken.talk import KrakenTalk, connection_id
from ticker.dialects.kraken.updates import STUDIES, KrakenDialect
from ticker.instruments import Universe
from ticker.session.budget import Allowance, Budgets
from ticker.venue import Answer, Asked, Identify, Market, Now, Study

# About 150 connections in ten minutes from one address, and a request a second, of which some may come at once.
CONNECTIONS, CONNECTIONS_S = 150, 600.0
REQUESTS, REQUESTS_S = 10, 10.0


class Kraken:
    """The venue. Limits are those of an address: attempts to connect, and requests."""

    name = "kraken"
    ping_s = 20.0
    pong_s = 60.0
    pong_close = (1008, "")
    open_paths: Sequence[str] = ()

    def __init__(self, universe: Universe, *, strict: bool) -> None:
        pairs = Pairs(universe)
        catalogue = Catalogue(pairs)
        self._pairs = pairs
        self._dialect = KrakenDialect(pairs, catalogue)
        self._snapshots = Snapshots(pairs, catalogue)
        self._rest = Rest(pairs)
        self._strict = strict
        self._talks = 0
        self._attempts = Budgets(Allowance(CONNECTIONS / CONNECTIONS_S, CONNECTIONS))
        self._requests = Budgets(Allowance(REQUESTS / REQUESTS_S, REQUESTS))

    @property
    def instruments(self) -> Sequence[int]:
        """Return the pairs of the universe."""
        return [pair.index for pair in self._pairs.listed]

    def study(self, channel: str) -> Study:
        """Return what a channel is of the tape."""
        return STUDIES[channel]

    def joins(self, channel: str) -> bool:  # noqa: ARG002
        """Deny: a message tells of one pair."""
        return False

    def upgrades(self, path: str) -> bool:
        """Tell whether a path is the WebSocket's: version 1 is not spoken."""
        return path in ("/v2", "/v2/")

    def talk(self, asked: Asked, market: Market, now: Now, identify: Identify | None) -> KrakenTalk | Answer:  # noqa: ARG002
        """Return a talk, unless the address has tried too often."""
        if self._strict and not self._attempts.take(asked.address, now.monotonic_s):
            return Answer(b"error code: 1015", 429, "text/plain", {"Retry-After": "600"})
        self._talks += 1
        connection = connection_id(now.wall_us, self._talks)
        return KrakenTalk(self._pairs, self._snapshots, self._dialect, connection, self._strict)

    def answer(self, asked: Asked, market: Market, now: Now) -> Answer:
        """Answer a request."""
        if self._strict and not self._requests.take(asked.address, now.monotonic_s):
            return wrong(TOO_MANY)
        return self._rest.answer(asked, market, now)

    def token(self, asked: Asked) -> str | None:  # noqa: ARG002
        return None
