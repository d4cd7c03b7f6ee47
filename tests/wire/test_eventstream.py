"""The text/event-stream format."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticker.wire import eventstream
from ticker.wire.eventstream import Event, Parser


def test_an_event_has_its_lines_and_an_empty_one() -> None:
    assert eventstream.event("ticks", b'{"a":1}', "tape:7") == b'event: ticks\nid: tape:7\ndata: {"a":1}\n\n'
    assert eventstream.event("lag", b"{}") == b"event: lag\ndata: {}\n\n"


def test_what_is_no_event_is_told_apart_by_its_line() -> None:
    assert eventstream.heartbeat("tape:9") == b": heartbeat\nid: tape:9\n\n"
    assert eventstream.retry(1500) == b"retry: 1500\n\n"


@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n"])
@pytest.mark.parametrize(
    ("lines", "events"),
    [
        ([b"event: ticks", b"id: tape:7", b"data: {}", b""], [Event("ticks", "tape:7", b"{}")]),
        ([b"data: a", b"data:  b", b"data", b""], [Event("message", "", b"a\n b\n")]),
        ([b"data:no space", b""], [Event("message", "", b"no space")]),
        ([b": a comment", b":", b"", b"data: x", b""], [Event("message", "", b"x")]),
        ([b"event: lost", b"id: 1", b"", b"data: x", b""], [Event("message", "1", b"x")]),
        ([b"id: 1", b"data: x", b"", b"data: y", b""], [Event("message", "1", b"x"), Event("message", "1", b"y")]),
        ([b"id: 1", b"id: 2\0", b"data: x", b""], [Event("message", "1", b"x")]),
        ([b"id: 1", b"id", b"data: x", b""], [Event("message", "", b"x")]),
        ([b"colour: red", b"data: x: y", b""], [Event("message", "", b"x: y")]),
        ([b"data: never ended"], []),
        ([eventstream.BOM + b"data: x", b""], [Event("message", "", b"x")]),
        ([b"data: x", b"", eventstream.BOM + b"data: y", b""], [Event("message", "", b"x")]),
    ],
)
def test_a_stream_is_read_as_the_standard_says(lines: list[bytes], events: list[Event], end: bytes) -> None:
    assert Parser().feed(b"".join(line + end for line in lines)) == events


@pytest.mark.parametrize(
    ("value", "retry_ms"), [("1500", 1500), ("soon", None), ("-1", None), ("", None), ("9" * 5000, None)]
)
def test_the_advice_when_to_come_back_is_kept(value: str, retry_ms: int | None) -> None:
    parser = Parser()
    assert parser.feed(f"retry: {value}\n\n".encode()) == []
    assert parser.retry_ms == retry_ms


def test_an_id_counts_once_its_block_has_ended_even_without_an_event() -> None:
    parser = Parser()
    assert parser.feed(b"id: tape:7\n") == []
    assert parser.event_id == ""
    assert parser.feed(b"\n") == []
    assert parser.event_id == "tape:7"


def test_what_is_written_is_read() -> None:
    parser = Parser()
    stream = eventstream.retry(9) + eventstream.event("ticks", b"[1]", "tape:3") + eventstream.heartbeat("tape:5")
    assert parser.feed(stream) == [Event("ticks", "tape:3", b"[1]")]
    assert (parser.retry_ms, parser.event_id) == (9, "tape:5")


_parts = st.sampled_from([b"data", b"event", b"id", b"retry", b":", b" ", b"\r", b"\n", b"\r\n", b"7", b"\xef", b"\0"])
_streams = st.builds(
    lambda mark, parts: mark + b"".join(parts), st.sampled_from([b"", eventstream.BOM]), st.lists(_parts, max_size=40)
)


@given(_streams, st.data())
def test_however_it_is_cut_it_is_the_same_stream(stream: bytes, data: st.DataObject) -> None:
    whole, cut = Parser(), Parser()
    places = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    pieces = [stream[a:b] for a, b in zip([0, *places], [*places, len(stream)], strict=True)]
    assert [event for piece in pieces for event in cut.feed(piece)] == whole.feed(stream)
    assert (cut.retry_ms, cut.event_id) == (whole.retry_ms, whole.event_id)
    one = Parser()
    assert [event for byte in stream for event in one.feed(bytes([byte]))] == Parser().feed(stream)
