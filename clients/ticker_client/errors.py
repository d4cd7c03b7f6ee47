"""What can go wrong for a user of the client."""

from http import HTTPStatus
from typing import Any

from ticker.errors import TickerError
from ticker.session.client import Gap
from ticker.session.messages import Error, Lag

FINAL = range(4500, 5000)  # close codes that say not to come back
OUR_WORDS = (1002, 1003, 1007, 1008, 1009)  # and those that object to what we sent: it would be sent again
NO_TICKER = 4500  # our own word for: what answers there is no ticker server
INCOMPLETE = 4998  # for: something is missing, and that is not to be borne
OUR_FAULT = 4999  # and for: something on this side failed


class ConnectionEnded(TickerError):
    """There is no connection; `code` is the close code, if there was one, `after_s` when to try again, if advised."""

    def __init__(self, message: str, code: int | None = None, after_s: float | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.after_s = after_s

    @property
    def final(self) -> bool:
        """Whether there will be no other connection."""
        return self.code == 1000 or self.code in OUR_WORDS or self.code in FINAL


class Incomplete(ConnectionEnded):
    """A strict feed was about to pass over a hole: `hole` is a Gap, by `n`, a Lag, by the server's word, or None.

    What came before it was read; where to go on from by hand is the session's `position`.
    """

    def __init__(self, message: str, hole: Gap | Lag | None = None) -> None:
        super().__init__(message, INCOMPLETE)
        self.hole = hole


class Refused(TickerError):
    """The server refused a command; `code` and `details` are those of the protocol's error message."""

    def __init__(self, error: Error) -> None:
        super().__init__(error.message)
        self.code = error.code
        self.details: dict[str, Any] = error.details or {}


_COME_BACK = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)
_CLOSE_CODES: dict[int, int] = {HTTPStatus.UNAUTHORIZED: 4501, HTTPStatus.FORBIDDEN: 4503}


def close_code(status: int) -> int | None:
    """Return the close code that an HTTP status amounts to; None where it is worth coming back."""
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _COME_BACK:
        return None
    return _CLOSE_CODES.get(status, NO_TICKER)


def why(error: BaseException) -> str:
    """Return why a connection could not be made, for a human."""
    if isinstance(error, ConnectionRefusedError) or "Connect call failed" in str(error):
        return "connection refused: is the server running?"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return str(error) or type(error).__name__


def retry_after_s(text: str) -> float | None:
    """Return the seconds a Retry-After header asks for; None where it gives a date, or nothing."""
    return float(text) if text.isascii() and text.isdigit() else None
