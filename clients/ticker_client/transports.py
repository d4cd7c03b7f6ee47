"""The ways of hearing the tape, by name. A new one is a file of its own, and a row here."""

from collections.abc import Callable

from ticker_client.line import Desk, Line
from ticker_client.poll import LongPollLine, ShortPollLine
from ticker_client.sse import EventLine
from ticker_client.websocket import WebSocketLine

TRANSPORTS: dict[str, Callable[[Desk], Line]] = {
    "ws": WebSocketLine,
    "sse": EventLine,
    "long-poll": LongPollLine,
    "short-poll": ShortPollLine,
}


def named(transport: str) -> Callable[[Desk], Line]:
    """Return what makes lines of a transport. Raises ValueError for an unknown one."""
    try:
        return TRANSPORTS[transport]
    except KeyError:
        raise ValueError(f"unknown transport {transport!r}; known: {', '.join(TRANSPORTS)}") from None
