"""The ways of hearing the tape, by name. A new one is a file of its own, and a row here."""

from collections.abc import Callable

from ticker.session.client import Paced
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

CONFLATED = ("ws", "sse")  # can be had at pace latest


def named(transport: str) -> Callable[[Desk], Line]:
    """Return what makes lines of a transport. Raises ValueError for an unknown one."""
    try:
        return TRANSPORTS[transport]
    except KeyError:
        raise ValueError(f"unknown transport {transport!r}; known: {', '.join(TRANSPORTS)}") from None


def check_pace(transport: str, paced: Paced | None) -> None:
    """Raise ValueError where a transport cannot be heard at a pace."""
    if paced and paced.pace == "latest" and transport not in CONFLATED:
        raise ValueError(f"pace: latest cannot be had by {transport}, which asks for every tick; but by ws and sse")
