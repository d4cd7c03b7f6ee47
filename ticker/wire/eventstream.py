"""Server-sent events: the text/event-stream format of the HTML standard, section 9.2.

An event is `event:`, `id:` and `data:` lines and an empty one; a line that opens with a colon is a comment. Data is
one line: JSON has no raw line ends.
"""


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
