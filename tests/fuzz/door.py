"""The door: any bytes from a client, in parts between which the market goes on."""

import re
from zlib import crc32

import orjson

from fuzz.frames import packets
from fuzz.rig import Line, Rig
from fuzz.rigs import STEP_S, fresh, rig

PART = b"\n---\n"  # between two parts of an input: time passes there
STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) [^\r\n]*\r\n")
EXPECTED = {200, 304, 204, 100, 101, 503, 505}  # and all that are the client's fault


def check(data: bytes) -> None:
    """Have a server hear bytes; whatever they are, it answers well or hangs up, and nothing is left of them."""
    place = rig()
    with place.pretended():
        _play(place, data)
        place.check_empty()
    if b"POST /admin/" in data:
        fresh()  # they may have changed the market's time


def _play(place: Rig, data: bytes) -> None:
    seed = crc32(data)
    line = Line(place, reads=seed % 4 != 0)
    for part in data.split(PART):
        for packet in packets(part) if seed % 2 else [part]:
            line.send(packet)
        place.loop.advance(STEP_S)
        if seed % 8 >= 4:
            line.drain()
    if seed % 128 == 0:
        place.wait(30.0)
    line.drain()
    place.loop.run()
    check_answers(bytes(line.written))
    line.hang_up()


def check_answers(written: bytes) -> None:
    """Check that what was written begins with an answer, none of them a fault of the server's, whole and readable."""
    if not written:
        return
    assert STATUS.match(written), written[:80]
    head, _, rest = written.partition(b"\r\n\r\n")
    status = int(head[9:12])
    assert status in EXPECTED or 400 <= status < 500, head
    length = re.search(rb"\r\nContent-Length: (\d+)", head)
    if status >= 400 and length and rest and not rest.startswith(b"HTTP/"):
        document = orjson.loads(rest[: int(length[1])])
        assert document["status"] == status
        assert document["code"]
