"""One tree of everything that can go wrong.

A *refusal* is answered and the conversation goes on; a *violation* is answered and ends it. Both carry the
machine-readable code of the protocol's table; where a code is spelled as an HTTP status or a close code is
decided here and nowhere else. A *setup error* stops the program before it serves anybody.
"""

from enum import IntEnum
from typing import Any

HTTP_STATUS = {
    "bad_json": 400,
    "bad_request": 400,
    "unknown_op": 400,
    "unknown_channel": 404,
    "unknown_symbol": 404,
    "too_many_symbols": 400,
    "not_subscribed": 400,
    "bad_ack": 400,
    "bad_position": 400,
    "gone": 410,
    "unauthorized": 401,
    "forbidden": 403,
    "rate_limited": 429,
    "too_large": 413,
    "unavailable": 503,
    # Spelled over HTTP only:
    "not_found": 404,
    "method_not_allowed": 405,
    "timeout": 408,
    "unsupported_media_type": 415,
    "uri_too_long": 414,
    "misdirected": 421,
    "upgrade_required": 426,
    "expectation_failed": 417,
    "head_too_large": 431,
    "internal": 500,
    "version_not_supported": 505,
}


class Close(IntEnum):
    """Close codes we send. 4000-4499 invite the client back, 4500-4999 do not."""

    NORMAL = 1000
    GOING_AWAY = 1001
    PROTOCOL_ERROR = 1002
    INVALID_DATA = 1007
    POLICY = 1008
    TOO_BIG = 1009
    INTERNAL_ERROR = 1011
    TOKEN_EXPIRED = 4005
    SLOW_READER = 4008
    TRY_LATER = 4013
    RATE_LIMITED = 4029
    UNAUTHORIZED = 4501
    FORBIDDEN = 4503
    TOO_MANY_ERRORS = 4509


class TickerError(Exception):
    """The root of the tree."""


class Refusal(TickerError):
    """We say no to one message or request, and go on."""

    def __init__(self, code: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.details = details

    @property
    def http_status(self) -> int:
        return HTTP_STATUS[self.code]


def fault() -> Refusal:
    """Return the refusal for what fails by a fault of ours."""
    return Refusal("internal", "a fault of the server's; it has been logged")


class Violation(TickerError):
    """We say no and end the conversation with a close code."""

    def __init__(self, close: Close, reason: str) -> None:
        super().__init__(reason)
        self.close = close
        self.reason = reason


class BrokenMarket(TickerError):
    """The market made what no market can: it stops, so that nobody reads it."""


class EndOfTape(TickerError):
    """A recorded tape has no more steps."""


class SetupError(TickerError):
    """The program cannot start: one line for the operator and an exit code."""

    exit_code = 1


class ConfigError(SetupError):
    """A flag, variable, file or key is wrong."""

    exit_code = 2
