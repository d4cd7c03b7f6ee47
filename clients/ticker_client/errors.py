"""What can go wrong for a user of the client."""

from typing import Any

from ticker.errors import TickerError
from ticker.session.messages import Error

FINAL = range(4500, 5000)  # close codes that say not to come back
NO_TICKER = 4500  # our own word for: what answers there is no ticker server
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
        return self.code == 1000 or self.code in FINAL


class Refused(TickerError):
    """The server refused a command; `code` and `details` are those of the protocol's error message."""

    def __init__(self, error: Error) -> None:
        super().__init__(error.message)
        self.code = error.code
        self.details: dict[str, Any] = error.details or {}


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
