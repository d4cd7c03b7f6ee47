"""Coinbase over one universe: where its feed and its REST API are, and what limits it keeps when it is strict."""

from collections.abc import Sequence

from ticker.dialects.coinbase.listing import Listing
from ticker.dialects.coinbase.products import Products
from ticker.dialects.coinbase.rest import Rest, refused
from ticker.dialects.coinbase.talk import CoinbaseTalk
from ticker.dialects.coinbase.updates import STUDIES, CoinbaseDialect
from ticker.instruments import Universe
from ticker.session.budget import Allowance, Budgets
from ticker.venue import Answer, Asked, Identify, Market, Now, Study

# From one address: eight connections a second, 20 at once; ten requests a second, 15 at once.
CONNECTIONS, CONNECTIONS_S = 20, 2.5
REQUESTS, REQUESTS_S = 15, 1.5
TOO_MANY = "Public rate limit exceeded"


class Coinbase:
    """The venue. Limits are those of an address: connections, and requests."""

    name = "coinbase"
    ping_s = 30.0
    pong_s = 60.0
    pong_close = (1008, "")
    open_paths: Sequence[str] = ("", "/")
    """Who needs a token may bring it as the `key` of a subscription."""

    def __init__(self, universe: Universe, *, strict: bool) -> None:
        self._products = Products(universe)
        self._listing = Listing(self._products)
        self._dialect = CoinbaseDialect(self._products)
        self._rest = Rest(self._products, self._listing)
        self._strict = strict
        self._connections = Budgets(Allowance(CONNECTIONS / CONNECTIONS_S, CONNECTIONS))
        self._requests = Budgets(Allowance(REQUESTS / REQUESTS_S, REQUESTS))

    @property
    def instruments(self) -> Sequence[int]:
        """Return the pairs of the universe."""
        return [product.index for product in self._products.listed]

    def study(self, channel: str) -> Study:
        """Return what a channel is of the tape."""
        return STUDIES[channel]

    def joins(self, channel: str) -> bool:  # noqa: ARG002
        """Deny: a message tells of one product."""
        return False

    def upgrades(self, path: str) -> bool:
        """Tell whether a path is the feed's."""
        return path in ("", "/")

    def talk(self, asked: Asked, market: Market, now: Now, identify: Identify | None) -> CoinbaseTalk | Answer:  # noqa: ARG002
        """Return a talk, unless the address connects too often."""
        if self._strict and not self._connections.take(asked.address, now.monotonic_s):
            return refused("Too many connections", 429)
        return CoinbaseTalk(self._products, self._listing, self._dialect, identify, self._strict)

    def answer(self, asked: Asked, market: Market, now: Now) -> Answer:
        """Answer a request."""
        if self._strict and not self._requests.take(asked.address, now.monotonic_s):
            return refused(TOO_MANY, 429)
        return self._rest.answer(asked, market, now)

    def token(self, asked: Asked) -> str | None:  # noqa: ARG002
        return None
