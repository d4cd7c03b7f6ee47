"""One client's conversation: Binance Spot WebSocket Streams, "Live Subscribing/Unsubscribing to streams".

Every request is answered with its id, in its type, unwrapped, before anything it changes takes effect; what is wrong
with it is said in the venue's words. A name that reads like a stream's is taken and listed whatever it means; one that
does not ends the conversation. The venue's limits bind only where they are enforced.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

import orjson

from ticker.dialects.binance.limits import EXPIRED, LIFETIME_US, STREAMS_KEPT_MAX, STREAMS_MAX, TOO_MANY, Inbound
from ticker.dialects.binance.reading import INVALID_REQUEST, Refused, Request, read
from ticker.dialects.binance.spelling import BinanceDialect
from ticker.dialects.binance.streams import Names, Stream, Wish, is_name
from ticker.interest import Streams
from ticker.venue import SILENCE, Market, Now, Turn

COMBINED = "combined"
"""The one property there is: whether events are wrapped in the name of their stream."""
UNKNOWN_PROPERTY, WRONG_TYPE = 0, 1
MALFORMED = 1008, "Invalid request"
FAREWELLS = {
    "shutdown": (1001, "Going away"),
    "slow": (1008, "Slow client"),
    "source": (1001, "Going away"),
    "expired": (1008, "Disconnected"),
    "fault": (1011, "Internal error"),
    "flood": TOO_MANY,
}

Dialects = dict[tuple[bool, bool], BinanceDialect]
"""By whether events are wrapped, and whether times are in microseconds."""


class BinanceTalk:
    """What one client has subscribed to, and how it wants it told."""

    def __init__(self, names: Names, dialects: Dialects, wish: Wish, now: Now, *, strict: bool) -> None:
        self._names = names
        self._dialects = dialects
        self._wish = wish
        self._combined = wish.combined
        self._opened_us = now.market_us
        self._inbound = Inbound() if strict else None
        self._streams_max = STREAMS_MAX if strict else STREAMS_KEPT_MAX
        self._streams: dict[str, Stream] = {}
        self._interest = Streams()
        self._commands: dict[str, Callable[[Request, Market], Any]] = {
            "SUBSCRIBE": self._subscribe,
            "UNSUBSCRIBE": self._unsubscribe,
            "LIST_SUBSCRIPTIONS": self._list,
            "SET_PROPERTY": self._set,
            "GET_PROPERTY": self._get,
        }

    @property
    def interest(self) -> Streams:
        return self._interest

    @property
    def dialect(self) -> BinanceDialect:
        return self._dialects[self._combined, self._wish.micro]

    def opened(self, market: Market, now: Now) -> Turn:  # noqa: ARG002
        """Subscribe to what the address names: nothing is said of it unless it is wrong."""
        try:
            self._add(self._wish.names, market)
        except Refused as refused:
            return Turn((refused.spelled(),), refused.close or MALFORMED)
        return SILENCE

    def heard(self, data: bytes, text: bool, market: Market, now: Now) -> Turn:  # noqa: ARG002
        """Answer a request, be it text or binary."""
        if self._inbound and self._inbound.too_many(1, now.monotonic_s):
            return Turn(close=TOO_MANY)
        request = None
        try:
            request = read(data)
            result = self._commands[request.method](request, market)
        except Refused as refused:
            if request:
                refused.message_id = request.id
            return Turn((refused.spelled(),), refused.close)
        return Turn((f'{{"result":{orjson.dumps(result).decode()},"id":{json.dumps(request.id)}}}',))

    def controls(self, count: int, now: Now) -> Turn:
        """Count pings and pongs among what the client sends."""
        if self._inbound and self._inbound.too_many(count, now.monotonic_s):
            return Turn(close=TOO_MANY)
        return SILENCE

    def looked(self, market: Market, now: Now) -> Turn:  # noqa: ARG002
        """End a conversation that has lasted for a day of the market's."""
        expired = self._inbound and now.market_us - self._opened_us >= LIFETIME_US
        return Turn(close=EXPIRED) if expired else SILENCE

    def leaving(self, reason: str, now: Now) -> Turn:
        """Announce a stop; else only close."""
        says = (self.dialect.shutdown(now.market_us),) if reason == "shutdown" else ()
        return Turn(says, FAREWELLS.get(reason))

    def gone(self, now: Now) -> None:  # noqa: ARG002
        return None

    def _subscribe(self, request: Request, market: Market) -> None:
        self._add(_names(request), market)

    def _unsubscribe(self, request: Request, market: Market) -> None:  # noqa: ARG002
        for name in _checked(_names(request)):
            self._streams.pop(name, None)
        self._changed()

    def _list(self, request: Request, market: Market) -> list[str]:  # noqa: ARG002
        _at_most(request, 0)
        return list(self._streams)

    def _set(self, request: Request, market: Market) -> None:  # noqa: ARG002
        _check_property(request)
        _at_most(request, 2)
        value = (request.params or [])[1:]
        if not value or not isinstance(value[0], bool):
            raise Refused(WRONG_TYPE, "Invalid value type: expected Boolean")
        self._combined = value[0]

    def _get(self, request: Request, market: Market) -> bool:  # noqa: ARG002
        _check_property(request)
        _at_most(request, 1)
        return self._combined

    def _add(self, names: Iterable[str], market: Market) -> None:
        """Take all names or, where one is wrong or they are too many, none."""
        new = [name for name in dict.fromkeys(_checked(names)) if name not in self._streams]
        if len(self._streams) + len(new) > self._streams_max:
            raise Refused(INVALID_REQUEST, "Invalid request: too many streams")
        permitted = self._names.permitted(market)
        self._streams.update((name, self._names.find(name, permitted)) for name in new)
        self._changed()

    def _changed(self) -> None:
        masks: dict[str, int] = {}
        for channel, mask in self._streams.values():
            masks[channel] = masks.get(channel, 0) | mask
        self._interest = Streams.table(masks)


def _names(request: Request) -> list[Any]:
    """Return what a request names, which it must."""
    if request.params is None:
        raise Refused(INVALID_REQUEST, f"Invalid request: missing field `params` {request.end}")
    return request.params


def _checked(names: Iterable[Any]) -> list[str]:
    """Return names that read like such."""
    checked = list(names)
    if not all(isinstance(name, str) and is_name(name) for name in checked):
        raise Refused(INVALID_REQUEST, "Invalid request: invalid stream", close=MALFORMED)
    return checked


def _check_property(request: Request) -> None:
    name = request.params[0] if request.params else None
    if not isinstance(name, str):
        raise Refused(INVALID_REQUEST, "Invalid request: property name must be a string")
    if name != COMBINED:
        raise Refused(UNKNOWN_PROPERTY, "Unknown property")


def _at_most(request: Request, count: int) -> None:
    if len(request.params or []) > count:
        raise Refused(INVALID_REQUEST, "Invalid request: too many parameters")
