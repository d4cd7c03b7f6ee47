"""One client's conversation with Coinbase's feed.

Rules. A first subscription comes within five seconds, or the connection is ended. A request is granted whole or refused
whole; granted, it is answered with all that is subscribed to. What stands comes after that, for what is new: a book,
the last match, a ticker. Refusals end nothing.
"""

import orjson

from ticker.dialects.coinbase.listing import Listing
from ticker.dialects.coinbase.products import Product, Products
from ticker.dialects.coinbase.requests import ECHO_CHARACTERS, Refused, Wish, parse, refusal
from ticker.dialects.coinbase.spelling import Spelling
from ticker.dialects.coinbase.updates import STUDIES, CoinbaseDialect
from ticker.interest import Streams, bits
from ticker.session.budget import Allowance, Budget
from ticker.venue import SILENCE, Identify, Market, Now, Turn

FIRST_S = 5.0  # until then the first subscription is awaited
STATUS_S = 60.0
MESSAGES, MESSAGES_S = 100, 1.0
TIMES_MAX = 10  # that one product is subscribed to on one channel
SUBSCRIPTIONS_MAX = 20_000  # of one client: they are all named in each acknowledgement, which is below 1 MiB
_SLOW_CONSUME = ("too many backed up messages", "ErrSlowConsume")
_SLOW_READ = ("too many messages sent", "ErrSlowRead")


class CoinbaseTalk:
    """The conversation with one client."""

    __slots__ = (
        *("_budget", "_identify", "_interest", "_listing", "_opened_s", "_owed", "_products", "_spelling"),
        *("_status_s", "_strict", "_subscribed", "_times", "dialect"),
    )

    def __init__(
        self,
        products: Products,
        listing: Listing,
        dialect: CoinbaseDialect,
        identify: Identify | None,
        strict: bool,
    ) -> None:
        self.dialect = dialect
        self._products = products
        self._listing = listing
        self._spelling = Spelling(products)
        self._identify = identify
        self._strict = strict
        self._owed: dict[str, dict[str, Product]] = {}
        """By channel and id, in the order in which they were asked for."""
        self._times: dict[tuple[str, str], int] = {}
        self._interest = Streams()
        self._opened_s = 0.0
        self._subscribed = False
        self._status_s: float | None = None
        self._budget = Budget(Allowance(MESSAGES / MESSAGES_S, MESSAGES)) if strict else None

    @property
    def interest(self) -> Streams:
        return self._interest

    def opened(self, market: Market, now: Now) -> Turn:  # noqa: ARG002
        """Say nothing, and wait."""
        self._opened_s = now.monotonic_s
        return SILENCE

    def heard(self, data: bytes, text: bool, market: Market, now: Now) -> Turn:  # noqa: ARG002
        """Answer a message."""
        if self._budget is not None and not self._budget.take(now.monotonic_s):
            return self.leaving("flood", now)
        try:
            wish = parse(data)
            self._check(wish, market)
        except Refused as reason:
            return Turn([refusal(str(reason))])
        new = self._subscribe(wish) if wish.subscribes else self._unsubscribe(wish)
        self._interest = Streams.table(
            {
                channel: bits(product.index for product in owed.values())
                for channel, owed in self._owed.items()
                if channel in STUDIES
            }
        )
        return Turn([self._all(), *self._standing(new, market, now)])

    def controls(self, count: int, now: Now) -> Turn:  # noqa: ARG002
        """Take no note."""
        return SILENCE

    def looked(self, market: Market, now: Now) -> Turn:
        """End what was opened and never used; tell how everything stands, once a minute."""
        if not self._subscribed and now.monotonic_s - self._opened_s >= FIRST_S:
            return Turn(close=(1000, ""))
        if self._status_s is None or now.monotonic_s < self._status_s + STATUS_S:
            return SILENCE
        self._status_s = now.monotonic_s
        return Turn(list(self._listing.status(market.state, market.permits)))

    def leaving(self, reason: str, now: Now) -> Turn:  # noqa: ARG002
        """Tell a client what it did, if that is why: it read too slowly, or it sent too much."""
        if reason not in ("slow", "flood"):
            return SILENCE
        why, message = _SLOW_CONSUME if reason == "slow" else _SLOW_READ
        return Turn([refusal(why, message)], (1008, message))

    def gone(self, now: Now) -> None:  # noqa: ARG002
        return None

    def _check(self, wish: Wish, market: Market) -> None:
        """Raise Refused for what is unknown, not permitted, or too much."""
        if wish.subscribes and self._identify is not None:
            if not wish.key or not self._identify(wish.key):
                raise Refused("Authentication Failed")
            self._identify = None
        for product_id in dict.fromkeys(name for ids in wish.channels.values() for name in ids):
            product = self._products.find(product_id)
            if product is None or not market.permits(product.index):
                raise Refused(f"{product_id[:ECHO_CHARACTERS]} is not a valid product")
        if not wish.subscribes:
            return
        named = [(channel, name) for channel, ids in wish.channels.items() for name in ids]
        if self._strict and any(self._times.get(one, 0) >= TIMES_MAX for one in named):
            raise Refused(f"more than {TIMES_MAX} subscriptions to one product and channel")
        if len(named) + sum(map(len, self._owed.values())) > SUBSCRIPTIONS_MAX:
            raise Refused("too many subscriptions")
        for one in named if self._strict else ():
            self._times[one] = self._times.get(one, 0) + 1

    def _subscribe(self, wish: Wish) -> dict[str, list[Product]]:
        """Add what is wished for; return what of it is new, by channel."""
        new: dict[str, list[Product]] = {}
        self._subscribed = True
        for channel, ids in wish.channels.items():
            if channel not in self._owed:
                new[channel] = []
            owed = self._owed.setdefault(channel, {})
            for product_id in ids:
                product = self._products.find(product_id)
                if product is not None and product_id not in owed:
                    owed[product_id] = product
                    new.setdefault(channel, []).append(product)
        return new

    def _unsubscribe(self, wish: Wish) -> dict[str, list[Product]]:
        """Take away what is named, a whole channel where no product is; what was not there is no matter."""
        for channel, ids in wish.channels.items():
            owed = self._owed.get(channel, {})
            for product_id in ids or list(owed):
                owed.pop(product_id, None)
                self._times.pop((channel, product_id), None)
            if not owed:
                self._owed.pop(channel, None)
        if "status" not in self._owed:
            self._status_s = None
        return {}

    def _all(self) -> str:
        """Spell all that is subscribed to."""
        channels = [
            {"name": channel, "product_ids": list(owed), "account_ids": None} for channel, owed in self._owed.items()
        ]
        return orjson.dumps({"type": "subscriptions", "channels": channels}).decode()

    def _standing(self, new: dict[str, list[Product]], market: Market, now: Now) -> list[str]:
        """Spell what stands, of what is new."""
        says: list[str] = []
        for channel, products in new.items():
            if channel in ("level2", "level2_50"):
                says += [self._book(product, market) for product in products]
            elif channel == "matches":
                says += [text for product in products for text in self._last_match(product, market)]
            elif channel in ("ticker", "ticker_1000") and products:
                rows = market.summaries([product.index for product in products])
                says += [self._spelling.ticker(row) for row in rows[rows["trades"] > 0].tolist()]
            elif channel == "status":
                self._status_s = now.monotonic_s
                says += self._listing.status(market.state, market.permits)
        return says

    def _book(self, product: Product, market: Market) -> str:
        book = market.book(product.index)
        return self._spelling.snapshot(product.index, book.bids, book.asks)

    def _last_match(self, product: Product, market: Market) -> list[str]:
        """Spell the last match, whose sequence is that of now: what comes next has a higher one."""
        book_n = market.book(product.index).n
        return [self._spelling.match("last_match", row, book_n) for row in market.trades(product.index, 1).tolist()]
