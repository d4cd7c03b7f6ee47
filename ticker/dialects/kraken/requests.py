"""What a Kraken client says: read and checked as far as that needs no market, or refused in the venue's words.

Checked in this order, and the first thing that is wrong is said: JSON, `method`, `req_id`, fields, `params.channel`,
the channel's own parameter, `params.symbol`.
"""

from dataclasses import dataclass, field
from typing import Any

import msgspec

from ticker.dialects.kraken.updates import INTERVALS, TRIGGERS
from ticker.wire.moments import rfc3339

CHANNELS = ("ticker", "book", "trade", "ohlc", "instrument")
PRIVATE_CHANNELS = frozenset({"executions", "balances", "level3", "orders"})
PRIVATE_METHODS = frozenset(
    {
        *("add_order", "amend_order", "edit_order", "cancel_order", "cancel_all", "cancel_all_orders_after"),
        *("batch_add", "batch_cancel"),
    }
)
PRIVATE = "Private data and trading are unavailable on this endpoint. Try ws-auth.kraken.com"
MALFORMED = "Malformed request"
UNSUPPORTED = "Unsupported event"
DEPTHS = (10, 25, 100, 500, 1000)
SYMBOLS_MAX = 5000  # in one request, each of which is answered
ECHO_CHARACTERS = 64  # of what a client chose and an answer repeats
_ID_MIN, _ID_MAX = -(1 << 63), (1 << 64) - 1
_FIELDS = {"ping": {"method", "req_id"}, "subscribe": {"method", "req_id", "params"}}


@dataclass(frozen=True, slots=True)
class Wish:
    """A ping (which has no channel), or what is to be subscribed to or no longer.

    `option` is the value of the channel's own parameter (depth, interval, event_trigger): None where a channel has
    none, or where nothing was said in order to unsubscribe.
    """

    method: str
    req_id: int | None
    channel: str = ""
    option: int | str | None = None
    snapshot: bool = False
    symbols: list[str] = field(default_factory=list)


class Refused(Exception):
    """A request that is refused as a whole."""

    def __init__(self, error: str, method: str | None = None, req_id: int | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.method = method
        self.req_id = req_id


@dataclass(frozen=True, slots=True)
class Option:
    """The parameter that is a channel's own."""

    name: str
    values: tuple[int | str, ...]
    default: int | str
    refusal: str


OPTIONS = {
    "book": Option("depth", DEPTHS, 10, "Subscription depth not supported"),
    "ohlc": Option("interval", INTERVALS, 1, "Subscription ohlc interval not supported"),
    "ticker": Option("event_trigger", tuple(TRIGGERS), "trades", "Subscription event_trigger not supported"),
}
SNAPSHOT_UNLESS_TOLD = {"ticker": True, "book": True, "ohlc": True, "instrument": True, "trade": False}


def parse(data: bytes) -> Wish:
    """Read one message. Raises Refused."""
    try:
        document = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused(MALFORMED) from None
    if not isinstance(document, dict):
        raise Refused(MALFORMED)
    method = document.get("method")
    if not isinstance(method, str):
        raise Refused("Method(s) not found" if method is None else "Method field must be a string")
    shown = method[:ECHO_CHARACTERS]
    req_id = document.get("req_id")
    if req_id is not None and not _is_integer(req_id):
        raise Refused("Req_id field must be a number_integer", shown)
    try:
        return _wish(method, req_id, document)
    except Refused as refused:
        raise Refused(refused.error, shown, req_id) from None


def _wish(method: str, req_id: int | None, document: dict[str, Any]) -> Wish:
    if method in PRIVATE_METHODS:
        raise Refused(PRIVATE)
    if method not in ("ping", "subscribe", "unsubscribe"):
        raise Refused(UNSUPPORTED)
    known = _FIELDS["ping" if method == "ping" else "subscribe"]
    for name in document:
        if name not in known:
            raise Refused(f"Unsupported field: '{name[:ECHO_CHARACTERS]}' for the given msg type: {method}")
    if method == "ping":
        return Wish(method, req_id)
    params = document.get("params", {})
    if not isinstance(params, dict):
        raise Refused("Params field must be an object")
    channel = _channel(params)
    return Wish(
        *(method, req_id, channel, _option(channel, params, method == "subscribe")),
        *(_snapshot(channel, params), [] if channel == "instrument" else _symbols(params)),
    )


def _channel(params: dict[str, Any]) -> str:
    channel = params.get("channel")
    if not isinstance(channel, str):
        raise Refused("Event(s) not found" if channel is None else "Channel field must be a string")
    if channel in PRIVATE_CHANNELS:
        raise Refused(PRIVATE)
    if channel not in CHANNELS:
        raise Refused(UNSUPPORTED)
    return channel


def _option(channel: str, params: dict[str, Any], is_needed: bool) -> int | str | None:
    option = OPTIONS.get(channel)
    if option is None:
        return None
    value = params.get(option.name)
    if value is None:
        return option.default if is_needed else None
    if isinstance(option.default, int):
        if not _is_integer(value):
            raise Refused(f"{option.name.capitalize()} field must be a number_integer")
    elif not isinstance(value, str):
        raise Refused(f"{option.name.capitalize()} field must be a string")
    if value not in option.values:
        raise Refused(option.refusal)
    return value


def _snapshot(channel: str, params: dict[str, Any]) -> bool:
    value = params.get("snapshot")
    if value is None:
        return SNAPSHOT_UNLESS_TOLD[channel]
    if not isinstance(value, bool):
        raise Refused("Snapshot field must be a boolean")
    return value


def _symbols(params: dict[str, Any]) -> list[str]:
    symbols = params.get("symbol")
    if symbols is None or symbols == []:
        raise Refused("Symbol(s) not found")
    if not isinstance(symbols, list) or not all(isinstance(symbol, str) for symbol in symbols):
        raise Refused("Symbol field must be an array")
    if len(symbols) > SYMBOLS_MAX:
        raise Refused("Symbol field has too many values")
    return symbols


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and _ID_MIN <= value <= _ID_MAX


def refusal(refused: Refused, wall_us: int, symbol: str | None = None) -> str:
    """Spell a refusal, of one symbol or of everything."""
    document: dict[str, Any] = {"error": refused.error}
    if refused.method is not None:
        document["method"] = refused.method
    document["success"] = False
    if symbol is not None:
        document["symbol"] = symbol[:ECHO_CHARACTERS]
    return _ended(document, refused.req_id, wall_us)


def acknowledgement(wish: Wish, result: dict[str, Any], wall_us: int) -> str:
    """Spell that a wish is granted."""
    return _ended({"method": wish.method, "result": result, "success": True}, wish.req_id, wall_us)


def pong(req_id: int | None, wall_us: int) -> str:
    """Spell the answer to a ping."""
    return _ended({"method": "pong"}, req_id, wall_us)


def _ended(document: dict[str, Any], req_id: int | None, wall_us: int) -> str:
    """Spell a document with the times at which it was asked for and answered, which for us are the same."""
    document["time_in"] = document["time_out"] = rfc3339(wall_us)
    if req_id is not None:
        document["req_id"] = req_id
    return msgspec.json.encode(document).decode()
