"""How a feed is heard: what may be chosen, what that means, and what does not go together."""

from collections.abc import Callable
from os import PathLike
from ssl import SSLContext, SSLError, create_default_context
from typing import TypedDict

from ticker.session.client import Gap, Paced
from ticker.session.kinds import Quote, Trade
from ticker.session.messages import Lag
from ticker_client.address import Token, is_token
from ticker_client.errors import ConnectionEnded

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
    on_trade: Callable[[Trade], object] | None
    """Called with every trade as it is read, those of snapshots among them: by whoever iterates, or by `run`. A plain
    function; what it raises, the reader raises."""
    on_quote: Callable[[Quote], object] | None
    """Called, like `on_trade`, with every quote."""
    on_gap: Callable[[Gap], object] | None
    """Called with every hole as soon as it is noticed, in the event loop: a plain function, which must not block.
    Where it raises an exception, the feed ends with a ConnectionEnded that says so."""
    on_lag: Callable[[Lag], object] | None
    """Called, like `on_gap`, when the server says that it left ticks out, or with reason "pace" that it merged them."""
    on_reconnect: Callable[[ConnectionEnded], object] | None
    """Called, like `on_gap`, when a lost connection has been made again, with what ended the one before."""
    strict: bool
    """Whether the feed ends, with Incomplete, rather than pass over a hole: a gap in `n`, a lag, a tape that began
    anew. At pace "latest", what is merged is no hole. False by default."""
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
    ssl: SSLContext | None
    """For `wss` and `https`; the system's certificates decide where there is none."""
    cafile: str | PathLike[str] | None
    """Instead of `ssl`, the certificates to trust, in a file (PEM)."""
    token: Token | None
    """Who asks: every request says `Authorization: Bearer <token>`. It is shown and logged nowhere. A function, which
    must not block, is asked for every request: where a token expires, the feed comes back with a fresh one."""


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


def secured(url: str, ssl: SSLContext | None, cafile: str | PathLike[str] | None) -> SSLContext | None:
    """Return how TLS is to be spoken, where that was said. Raises ValueError."""
    if ssl is None and cafile is None:
        return None
    name = "cafile" if ssl is None else "ssl"
    if not url.startswith(("wss:", "https:")):
        raise ValueError(f"{name}: {url} is not encrypted: write wss:// or https://")
    if cafile is None:
        return ssl
    if ssl is not None:
        raise ValueError("ssl and cafile: one of the two says which certificates are trusted")
    try:
        return create_default_context(cafile=cafile)
    except (OSError, SSLError) as error:
        raise ValueError(f"cafile: {cafile} has no certificates: {error}") from None


def tokened(token: Token | None) -> Token | None:
    """Return a token that a header can hold. Raises ValueError, which does not show it."""
    if not (token is None or callable(token) or is_token(token)):
        raise ValueError("token: it is empty, or has a space, a line break or another character that no token has")
    return token
