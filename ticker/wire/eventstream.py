"""Server-sent events: the text/event-stream format of the HTML standard, section 9.2.

An event is `event:`, `id:` and `data:` lines and an empty one; a line that opens with a colon is a comment. Data is
one line: JSON has no raw line ends. Whoever reads takes what the standard allows: lines that end in CR, LF or both, a
byte order mark, data of several lines, fields nobody knows.
"""

from typing import NamedTuple

BOM = b"\xef\xbb\xbf"
RETRY_DIGITS_MAX = 9  # eleven days: more is no advice, and int() refuses thousands of digits


class Event(NamedTuple):
    """One event; `event_id` is the newest id so far, this event's or an earlier one's."""

    kind: str
    event_id: str
    data: bytes


class Parser:
    """Reads a stream piece by piece, however it was cut."""

    def __init__(self) -> None:
        self.retry_ms: int | None = None
        """How long to wait before coming back, where the stream has said so."""
        self.event_id = ""
        """The newest id that is complete, of an event or of none."""
        self._pieces: list[bytes] = []  # of a line that has not ended
        self._after_cr = False
        self._opened = False
        self._kind = ""
        self._next_id = ""
        self._data: list[bytes] = []

    def feed(self, piece: bytes) -> list[Event]:
        """Take in bytes and return the events that are complete with them."""
        if self._after_cr and piece:
            self._after_cr = False
            piece = piece.removeprefix(b"\n")
        if b"\n" not in piece and b"\r" not in piece:
            self._pieces.append(piece)  # joined once its line has ended: a snapshot may come in a hundred pieces
            return []
        self._after_cr = piece.endswith(b"\r")
        lines = b"".join([*self._pieces, piece]).splitlines(keepends=True)
        self._pieces = [] if lines[-1].endswith((b"\n", b"\r")) else [lines.pop()]
        return [event for line in lines if (event := self._take(line.rstrip(b"\r\n"))) is not None]

    def _take(self, line: bytes) -> Event | None:
        """Take in one line; return the event that it ends."""
        if not self._opened:
            self._opened = True
            line = line.removeprefix(BOM)
        if not line:
            return self._dispatch()
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
        elif name == b"event":
            self._kind = value.decode(errors="replace")
        elif name == b"id" and b"\0" not in value:
            self._next_id = value.decode(errors="replace")
        elif name == b"retry" and value.isdigit() and len(value) <= RETRY_DIGITS_MAX:
            self.retry_ms = int(value)
        return None

    def _dispatch(self) -> Event | None:
        kind, self._kind = self._kind, ""
        self.event_id = self._next_id
        if not self._data:
            return None
        data, self._data = b"\n".join(self._data), []
        return Event(kind or "message", self.event_id, data)


def event(kind: str, data: bytes, event_id: str | None = None) -> bytes:
    """Return one event; a client remembers the `event_id` and sends it back as Last-Event-ID."""
    if event_id is None:
        return b"event: %b\ndata: %b\n\n" % (kind.encode(), data)
    return b"event: %b\nid: %b\ndata: %b\n\n" % (kind.encode(), event_id.encode(), data)


def heartbeat(event_id: str) -> bytes:
    """Return a sign of life that clients skip, but for the `event_id`: an event without data is none."""
    return b": heartbeat\nid: %b\n\n" % event_id.encode()


def retry(delay_ms: int) -> bytes:
    """Return the advice how long to wait before coming back."""
    return b"retry: %d\n\n" % delay_ms
