"""How a feed is heard: what may be chosen, what that means, and what does not go together."""

from collections.abc import Callable
from ssl import SSLContext
from typing import TypedDict

from ticker.session.client import Gap, Paced
from ticker.session.messages import Lag

ENCODINGS = ("json", "packed")
PACES = ("every", "latest")
WINDOW = 64  # messages: as much as two flushes of a busy feed, and a server's memory of us stays small
ACKS_A_WINDOW = 4  # acks are on their way before the window is shut


class Options(TypedDict, total=False):
    """How a feed is heard."""

    transport: str
    """"ws" (the default), "sse", "long-poll" or "short-poll"."""
    encoding: str
    """Over "ws", how ticks come: as "json" (the default), or "packed" in columns, which costs a tenth to read."""
    window: int | None
    """Over "ws", the server sends at most so many messages of ticks that were not acknowledged (64); 0 or None is no
    such limit. Who does not iterate acknowledges nothing, and is sent no more until it does."""
    ack_every: int | None
    """Over "ws", so many messages are acknowledged with one cumulative ack, once they were taken out by whoever
    iterates: a quarter of the window by default, and without a window none. At most as many as the window."""
    pace: str
    """"every" tick (the default), or only the "latest" of each symbol and channel; "ws" and "sse" know both."""
    rate_hz: float | None
    """With pace "latest", messages of ticks a second, at most; the server's default where it is not given."""
    on_gap: Callable[[Gap], object] | None
    """Called with every hole as soon as it is noticed, in the event loop: a plain function, which must not block.
    Where it raises an exception, the feed ends with a ConnectionEnded that says so."""
    on_lag: Callable[[Lag], object] | None
    """Called, like `on_gap`, when the server says that it left ticks out, or with reason "pace" that it merged them."""
    books: bool
    """Whether the books of what is subscribed on channel "book" are rebuilt and checked (yes); it costs some 15 us of
    CPU a step and symbol."""
    on_bad_book: Callable[[str], object] | None
    """Called, like `on_gap`, with the symbol of a book that turned out wrong, and is asked for anew."""
    reconnect: bool
    """Whether to come back after a loss, unless the server's close code says not to. True by default."""
    poll_every_s: float
    """Seconds between the questions of a short poll."""
    wait_s: float
    """Seconds for which the server holds a long poll, at most."""
    tls: SSLContext | None
    """For `wss` and `https`; the system's certificates decide where there is none."""


def acks(window: int | None, ack_every: int | None) -> tuple[int, int | None]:
    """Return the window, 0 for none, and after how many messages to acknowledge. Raises ValueError."""
    window = window or 0
    if window < 0:
        raise ValueError(f"window: {window} is less than nothing; 0 is no limit")
    if ack_every is None:
        return window, max(1, window // ACKS_A_WINDOW) if window else None
    if ack_every < 1:
        raise ValueError(f"ack_every: {ack_every} is less than 1")
    if window and ack_every > window:
        raise ValueError(f"ack_every: {ack_every} is more than the window of {window}: it would stay shut")
    return window, ack_every


def encoded(encoding: str) -> str:
    """Return an encoding that there is. Raises ValueError."""
    if encoding not in ENCODINGS:
        raise ValueError(f"encoding: {encoding!r} is none; known: {', '.join(ENCODINGS)}")
    return encoding


def paced(pace: str | None, rate_hz: float | None, before: Paced | None) -> Paced | None:
    """Return the pace that is wanted, where it was `before`; None where none was ever named. Raises ValueError."""
    if pace is None and rate_hz is None:
        return before
    wanted = pace or (before or Paced()).pace
    if wanted not in PACES:
        raise ValueError(f"pace: {pace!r} is none; known: {', '.join(PACES)}")
    if rate_hz is not None and (wanted != "latest" or not 0 < rate_hz <= 1000):
        raise ValueError(f"rate_hz: {rate_hz} goes with pace latest, and lies above 0 and up to 1000")
    if rate_hz is None and wanted == "latest" and before:
        rate_hz = before.rate_hz
    return Paced(wanted, rate_hz)
