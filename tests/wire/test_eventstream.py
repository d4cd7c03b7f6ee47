"""The text/event-stream format."""

from ticker.wire import eventstream


def test_an_event_has_its_lines_and_an_empty_one() -> None:
    assert eventstream.event("ticks", b'{"a":1}', "tape:7") == b'event: ticks\nid: tape:7\ndata: {"a":1}\n\n'
    assert eventstream.event("lag", b"{}") == b"event: lag\ndata: {}\n\n"


def test_what_is_no_event_is_told_apart_by_its_line() -> None:
    assert eventstream.heartbeat("tape:9") == b": heartbeat\nid: tape:9\n\n"
    assert eventstream.retry(1500) == b"retry: 1500\n\n"
