"""Frames: what the WebSocket room hears of any bytes, against the oracle; and what a conversation makes of them."""

import base64
from itertools import pairwise
from zlib import crc32

from websockets.http11 import Response as Switch
from websockets.server import ServerProtocol

from fuzz import oracle
from fuzz.rig import Line, Rig
from fuzz.rigs import STEP_S, rig
from ticker.endpoints import conversation, hello
from ticker.endpoints.handshake import shake_hands
from ticker.endpoints.house import House
from ticker.endpoints.http import Request
from ticker.endpoints.websocket import WebSocket

WAYS = ("json", "packed", "shared", "hello")
ENDED = 0x88


class Listener(WebSocket):
    """Keeps what it hears."""

    __slots__ = ("heard",)

    def __init__(self, house: House, ws: ServerProtocol, switch: Switch) -> None:
        super().__init__(house, ws, switch)
        self.heard: list[tuple[bool, bytes]] = []

    def _heard(self, data: bytes, text: bool) -> None:
        self.heard.append((text, data))


def upgrade(*headers: tuple[str, str]) -> Request:
    key = base64.b64encode(bytes(16)).decode()
    head = [("host", "localhost"), ("connection", "Upgrade"), ("upgrade", "websocket"), *headers]
    return Request("GET", "/v1/stream", "1.1", [*head, ("sec-websocket-version", "13"), ("sec-websocket-key", key)])


def packets(data: bytes) -> list[bytes]:
    """Return data in the packets that it comes in: some places that data itself decides."""
    cuts, seed = {0, len(data)}, crc32(data)
    for number in range(seed % 5):
        cuts.add((seed >> number * 5) % (len(data) + 1))
    places = sorted(cuts)
    return [data[begin:end] for begin, end in pairwise(places)]


def check(data: bytes) -> None:
    """Have frames heard by a listener as the oracle hears them, then by a conversation of some kind."""
    place = rig()
    with place.pretended():
        _check_heard(place, data)
        place.check_empty()
    if data:
        way = WAYS[data[0] % len(WAYS)]
        shared = rig("shared" if way == "shared" else "off")
        with shared.pretended():
            _converse(shared, way, data[1:])
            shared.check_empty()


def _check_heard(place: Rig, data: bytes) -> None:
    taken = shake_hands(place.server.house, upgrade(), (), lambda *given: Listener(place.server.house, *given))
    assert isinstance(taken, Listener)
    line = Line(place, protocol=taken)
    begun = len(line.written)
    for packet in packets(data):
        line.send(packet)
    stream = place.server.config.stream
    expected = oracle.read(data, stream.message_bytes_max, stream.fragments_max)
    code, pongs = _answers(bytes(line.written[begun:]))
    if len(expected.pings) <= stream.control_burst // 2:  # else the budget may end it sooner
        if expected.late:
            assert code is not None
            assert pongs[: len(expected.pings)] == expected.pings
        else:
            assert code in expected.codes
            assert pongs == expected.pings
        # What comes in one packet with the end may go unheard: the library has reacted by then.
        heard = taken.heard if code is None else taken.heard + expected.messages[len(taken.heard) :]
        assert heard == expected.messages
    line.hang_up()


def _answers(written: bytes) -> tuple[int | None, list[bytes]]:
    """Return the code of the close that was sent, if one was, and the pongs before it."""
    pongs = []
    while written:
        payload = written[2 : 2 + written[1]]
        if written[0] == ENDED:
            return int.from_bytes(payload[:2], "big") if payload else 1005, pongs
        pongs.append(payload)
        written = written[2 + written[1] :]
    return None, pongs


def _converse(place: Rig, way: str, data: bytes) -> None:
    house = place.server.house
    if way == "hello":
        taken = hello.accept(house, Request("GET", "/hello", "1.1", upgrade().headers))
    else:
        offers = {
            "packed": ("sec-websocket-protocol", "ticker.v1.packed"),
            "shared": ("sec-websocket-extensions", "permessage-deflate"),
        }
        taken = conversation.accept(house, upgrade(*([offers[way]] if way in offers else [])))
    line = Line(place, protocol=taken, reads=crc32(data) % 3 != 0)
    for packet in packets(data):
        line.send(packet)
        place.loop.advance(STEP_S)
        if crc32(packet) % 2:
            line.drain()
    if crc32(data) % 128 == 0:
        place.wait(12.0)
    line.hang_up()
