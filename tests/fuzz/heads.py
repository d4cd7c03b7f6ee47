"""Heads of requests: where the door understands one, h11 and websockets understand the very same, or it is refused.

What two readers of one head read differently is how requests are smuggled past a proxy (RFC 9112, section 11.2).
"""

import re
from typing import Any
from unittest import mock

import h11
from websockets.exceptions import SecurityError
from websockets.http11 import Request as Handshake
from websockets.streams import StreamReader

from fuzz.door import check_answers
from fuzz.frames import packets
from fuzz.rig import Line
from fuzz.rigs import rig
from ticker.endpoints.http import Request

Read = tuple[str, str, list[tuple[str, str]]]
SPACES = re.compile(rb" +(?=[^\r\n]*\r\n)")  # of a request line: a few may stand for one (RFC 9112, section 3)
LINES_BYTES_MAX = 8190  # of websockets, a line; the door looks at the whole


def check(data: bytes) -> None:
    """Have a head read by all three."""
    place = rig()
    heard: list[Request] = []
    answer = place.routes.answer
    with (
        place.pretended(),
        mock.patch.object(place.routes, "answer", lambda request: (heard.append(request), answer(request))[1]),
        mock.patch.object(place.routes, "takes_body", lambda _: False),
    ):
        line = Line(place)
        for packet in packets(data):
            line.send(packet)
        place.loop.run()
        check_answers(bytes(line.written))
        line.hang_up()
        understood = heard[:1]
        place.check_empty()
    for ours in understood:
        head = SPACES.sub(b" ", data.lstrip(b"\r\n"), 2)
        read = ours.method, ours.target, ours.headers
        assert _by_h11(head) == read, "h11 reads it differently"
        if ours.method == "GET" and ours.version == "1.1" and not _has_body(ours):
            found = _by_websockets(head)
            assert found in (None, read), "websockets reads it differently"


def _has_body(request: Request) -> bool:
    return any(name in ("content-length", "transfer-encoding") for name, _ in request.headers)


def _by_h11(data: bytes) -> Read | None:
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=1 << 20)
    connection.receive_data(data)
    try:
        event = connection.next_event()
    except h11.RemoteProtocolError:
        return None
    if not isinstance(event, h11.Request):
        return None
    fields = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in event.headers]
    return event.method.decode(), event.target.decode("latin-1"), fields


def _by_websockets(data: bytes) -> Read | None:
    """Read with the library that answers our handshakes; None for what is too long for it."""
    reader = StreamReader()
    reader.feed_data(data)
    parsing = Handshake.parse(reader.read_line)
    try:
        while True:
            next(parsing)
    except StopIteration as done:
        request: Any = done.value
    except SecurityError:
        return None
    except ValueError as error:
        assert "line too long" in str(error) or max(map(len, data.split(b"\r\n"))) > LINES_BYTES_MAX, error
        return None
    return "GET", request.path, [(name.lower(), value) for name, value in request.headers.raw_items()]
