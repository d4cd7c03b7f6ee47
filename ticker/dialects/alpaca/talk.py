"""One client's conversation: greeted, authenticated by headers or by a message, then subscribed and unsubscribed.

What a client says wrong is answered, and we go on; only who does not say in time who it is, is closed. A subscription
is acknowledged with all there is; a book follows as it stands, and then what changes in it.
"""

from typing import Any

from ticker.dialects.alpaca.credentials import OAUTH, Credentials, credentials_in
from ticker.dialects.alpaca.dialect import AlpacaDialect
from ticker.dialects.alpaca.errors import AUTH_S, FAULT, POLICY, error, success
from ticker.dialects.alpaca.feeds import Feed
from ticker.dialects.alpaca.seats import Seats
from ticker.dialects.alpaca.subscriptions import Subscriptions, Wish, wish_of
from ticker.interest import Streams
from ticker.venue import SILENCE, Identify, Market, Now, Turn

_GOODBYES = {"slow": (407, POLICY), "fault": (500, FAULT), "expired": (402, POLICY)}
"""Why a client is sent away: the error, and the code to close with. In other cases nothing is said."""


class AlpacaTalk:
    """A client on a feed. `seats` is there where connections are limited."""

    def __init__(
        self,
        feed: Feed,
        dialect: AlpacaDialect,
        credentials: Credentials | None,
        identify: Identify | None,
        seats: Seats | None,
        now: Now,
    ) -> None:
        self._feed, self._dialect = feed, dialect
        self._credentials, self._identify, self._seats = credentials, identify, seats
        self._deadline_s = now.monotonic_s + AUTH_S
        self._subscriptions = Subscriptions(feed)
        self._interest = Streams()
        self._seat: tuple[str, ...] = ()
        self._authenticated = False

    @property
    def interest(self) -> Streams:
        return self._interest

    @property
    def dialect(self) -> AlpacaDialect:
        return self._dialect

    def opened(self, market: Market, now: Now) -> Turn:  # noqa: ARG002
        """Greet; who sent credentials with its request is answered without another word."""
        messages = [success("connected")]
        if self._credentials:
            messages.append(self._authenticate(self._credentials))
        return self._say(*messages)

    def heard(self, data: bytes, text: bool, market: Market, now: Now) -> Turn:  # noqa: ARG002
        message = self._dialect.codec.read(data)
        action = message.get("action") if isinstance(message, dict) else None
        if action == "auth":
            credentials = credentials_in(message)
            return self._say(self._authenticate(credentials) if credentials else error(400))
        if action not in ("subscribe", "unsubscribe"):
            return self._say(error(400))
        if not self._authenticated:
            return self._say(error(401))
        wish = wish_of(message, self._feed)
        if wish.refused:
            return self._say(error(wish.refused))
        return self._subscribe(wish, market) if action == "subscribe" else self._unsubscribe(wish)

    def controls(self, count: int, now: Now) -> Turn:  # noqa: ARG002
        return SILENCE

    def looked(self, market: Market, now: Now) -> Turn:  # noqa: ARG002
        """Close who has not authenticated in time."""
        if not self._authenticated and now.monotonic_s >= self._deadline_s:
            return self._say(error(404), close=(POLICY, "auth timeout"))
        return SILENCE

    def leaving(self, reason: str, now: Now) -> Turn:  # noqa: ARG002
        if reason not in _GOODBYES:
            return SILENCE
        code, close = _GOODBYES[reason]
        told = error(code)
        return self._say(told, close=(close, str(told["msg"])))

    def gone(self, now: Now) -> None:  # noqa: ARG002
        """Leave the seat to whoever comes next."""
        if self._seats:
            self._seats.leave(self._seat, self)

    def _authenticate(self, credentials: Credentials) -> dict[str, Any]:
        if self._authenticated:
            return error(403)
        if not (credentials.key and credentials.secret) or (self._identify and not self._identify(credentials.secret)):
            return error(402)
        if not self._feed.served:
            return error(409)
        # Who comes by OAuth has the same key as everybody, and a secret of its own.
        who = credentials.secret if credentials.key == OAUTH else ""
        seat = self._feed.path, credentials.key, who
        if self._seats and not self._seats.take(seat, self):
            return error(406)
        self._seat, self._authenticated = seat, True
        return success("authenticated")

    def _subscribe(self, wish: Wish, market: Market) -> Turn:
        before = self._books()
        if not self._subscriptions.add(wish, strict=self._seats is not None):
            return self._say(error(405))
        self._interest = self._subscriptions.interest()
        new = [i for i in self._books() if i not in set(before) and market.permits(i)]
        crypto = self._dialect.crypto
        return self._say(self._subscriptions.acknowledgement(), *(crypto.book(i, market.book(i)) for i in new))

    def _unsubscribe(self, wish: Wish) -> Turn:
        self._subscriptions.remove(wish)
        self._interest = self._subscriptions.interest()
        return self._say(self._subscriptions.acknowledgement())

    def _books(self) -> list[int]:
        """Return the instruments whose books are subscribed to."""
        return self._interest.indices(self._feed.stream("orderbooks"))

    def _say(self, *messages: Any, close: tuple[int, str] | None = None) -> Turn:
        said = self._dialect.codec.said
        return Turn([said(message) for message in messages], close)
