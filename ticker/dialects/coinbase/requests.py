"""What a Coinbase client says: read and checked as far as that needs no market, or refused in the venue's words."""

from dataclasses import dataclass
from typing import Any

import msgspec
import orjson

ASKED_AS = {
    **{name: name for name in ("heartbeat", "ticker", "matches", "status", "auctionfeed", "rfq_matches", "level2")},
    **{"level2_batch": "level2_50", "level2_50": "level2_50"},
    **{"ticker_batch": "ticker_1000", "ticker_1000": "ticker_1000"},
}
"""What a client may ask for, and what an acknowledgement calls it."""
WITHOUT_PRODUCTS = frozenset({"status"})
LOCKED = frozenset({"level2", "level3", "full"})
NEEDS_AUTHENTICATION = (
    "level2, level3, and full channels now require authentication. "
    "https://docs.cloud.coinbase.com/exchange/docs/websocket-auth"
)
NOT_A_TYPE = "Type has to be either subscribe or unsubscribe"
NO_CHANNELS = "No channels provided"
NOT_AN_ID = "Invalid product ID provided"
FAILED = "Failed to subscribe"
ECHO_CHARACTERS = 64  # of what a client chose and an answer repeats


class Refused(Exception):
    """A request that is refused as a whole, and why."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be subscribed to or no longer: products by channel, without any for all that the channel has.

    `key` is that of an authenticated request, all of whose fields are there; empty where it is none.
    """

    subscribes: bool
    channels: dict[str, list[str]]
    key: str = ""


def parse(data: bytes) -> Wish:
    """Read one message. Raises Refused."""
    try:
        document = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused("Malformed JSON") from None
    kind = document.get("type") if isinstance(document, dict) else None
    if kind not in ("subscribe", "unsubscribe"):
        raise Refused(NOT_A_TYPE)
    shared = _ids(document.get("product_ids"))
    channels = document.get("channels")
    if channels is None or channels == []:
        raise Refused(NO_CHANNELS)
    if not isinstance(channels, list):
        raise Refused("Invalid channels provided")
    key = _key(document)
    wanted: dict[str, list[str]] = {}
    for channel in channels:
        name, ids = _channel(channel)
        called = _called(name, bool(key))
        products = [] if called in WITHOUT_PRODUCTS else [*shared, *ids]
        if kind == "subscribe" and not products and called not in WITHOUT_PRODUCTS:
            raise Refused(" is not a valid product")
        wanted[called] = list(dict.fromkeys([*wanted.get(called, []), *products]))
    return Wish(kind == "subscribe", wanted, key)


def _channel(channel: Any) -> tuple[str, list[str]]:
    """Return the name of a channel, and products of its own."""
    if isinstance(channel, dict):
        return str(channel.get("name"))[:ECHO_CHARACTERS], _ids(channel.get("product_ids"))
    if not isinstance(channel, str):
        raise Refused("Invalid channels provided")
    return channel[:ECHO_CHARACTERS], []


def _called(name: str, authenticated: bool) -> str:
    """Return what an acknowledgement calls a channel."""
    if name in LOCKED and not authenticated:
        raise Refused(NEEDS_AUTHENTICATION)
    if name == "user" and not authenticated:
        raise Refused("user channel requires authentication")
    if name in ("level3", "full", "user"):
        raise Refused(f"{name} channel is not available here: single orders are not told")
    if name not in ASKED_AS:
        raise Refused(f"{name} is not a valid channel")
    return ASKED_AS[name]


def _ids(ids: Any) -> list[str]:
    if ids is None:
        return []
    if not isinstance(ids, list) or not all(isinstance(product_id, str) for product_id in ids):
        raise Refused(NOT_AN_ID)
    return ids


def _key(document: dict[str, Any]) -> str:
    """Return the key of a request that has all fields of an authenticated one."""
    fields = [document.get(name) for name in ("signature", "key", "passphrase", "timestamp")]
    whole = all(isinstance(value, str | int) and value != "" for value in fields)
    return str(fields[1]) if whole else ""


def refusal(reason: str, message: str = FAILED) -> str:
    """Spell an error."""
    return orjson.dumps({"type": "error", "message": message, "reason": reason}).decode()
