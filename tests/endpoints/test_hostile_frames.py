"""WebSocket frames that nobody should send, beyond those of the Autobahn suite: closed with the code of RFC 6455.

The families are those of a catalogue: F1 to F20. Both event loops are sent all of it.
"""

import socket
import struct
import time
from typing import NamedTuple

import pytest

from conftest import RunningServer
from good_company import masked
from hostile import LINGER, come_back, flood, goes_on, times
from plain_client import PlainClient

pytestmark = pytest.mark.parametrize("victim", ["uvloop", "asyncio"], indirect=True, scope="module")

ON = 0  # in the place of a close code: the conversation goes on
CONT, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
FIN, RSV1, RSV2, RSV3 = 0x80, 0x40, 0x20, 0x10
LIST = masked(FIN | TEXT, b'{"op":"list"}')
LIMIT = 16 * 1024


class Case(NamedTuple):
    """Bytes that follow a handshake, and the code that they are closed with; several where either will do."""

    name: str
    sent: bytes
    codes: tuple[int, ...]


def frame(opcode: int, payload: bytes = b"", *, flags: int = FIN, mask: bytes = bytes(4), form: int = 0) -> bytes:
    """Return a frame; `form` is how many bytes its length takes, as few as can be where it is 0."""
    size = len(payload)
    form = form or (1 if size < 126 else 2 if size < 1 << 16 else 8)
    second = size if form == 1 else 126 if form == 2 else 127
    spelled = b"" if form == 1 else size.to_bytes(form, "big")
    return bytes([flags | opcode, 0x80 | second]) + spelled + mask + masked_payload(payload, mask)


def masked_payload(payload: bytes, mask: bytes) -> bytes:
    return bytes(byte ^ mask[k % 4] for k, byte in enumerate(payload)) if any(mask) else payload


def announced(size: int, opcode: int = TEXT) -> bytes:
    """Return the head of a frame whose payload never comes."""
    return bytes([FIN | opcode, 0xFF]) + size.to_bytes(8, "big") + bytes(4)


def closing(code: int, reason: bytes = b"") -> bytes:
    return frame(CLOSE, struct.pack("!H", code) + reason)


def fragments(*parts: bytes, opcode: int = TEXT) -> bytes:
    """Return a message in fragments."""
    opcodes = [opcode, *[CONT] * (len(parts) - 1)]
    last = len(parts) - 1
    return b"".join(
        frame(op, part, flags=FIN * (place == last))
        for place, (op, part) in enumerate(zip(opcodes, parts, strict=True))
    )


def cases(family: str, codes: int | tuple[int, ...], sent: dict[str, bytes]) -> list[Case]:
    found = (codes,) if isinstance(codes, int) else codes
    return [Case(f"{family} {name}", data, found) for name, data in sent.items()]


PING_OP = b'{"op":"ping","id":1}'
RESERVED = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]
OPCODES = [
    *cases("F1", 1002, {f"{opcode:x}": frame(opcode) for opcode in RESERVED}),
    *cases("F1", 1002, {f"{opcode:x} of 5 bytes": frame(opcode, b"hello") for opcode in RESERVED}),
    *cases(
        "F2",
        1002,
        {
            f"{name} in {opcode:x}": frame(opcode, PING_OP, flags=FIN | flag)
            for name, flag in (("RSV1", RSV1), ("RSV2", RSV2), ("RSV3", RSV3), ("all", 0x70))
            for opcode in (TEXT, BINARY, CLOSE, PING, PONG)
        },
    ),
    *cases(
        "F2",
        1002,
        {
            f"{name} in a fragment": frame(TEXT, b"{", flags=0) + frame(CONT, b"}", flags=FIN | flag)
            for name, flag in (("RSV1", RSV1), ("RSV2", RSV2), ("RSV3", RSV3))
        },
    ),
    *cases(
        "F3",
        1002,
        {"text": b"\x81\x05hello", "ping": b"\x89\x00", "close": b"\x88\x02\x03\xe8", "later": LIST + b"\x81\x00"},
    ),
    *cases("F3", ON, {"a mask of 0": frame(TEXT, PING_OP), "of ff": frame(TEXT, PING_OP, mask=b"\xff" * 4)}),
    *cases("F3", ON, {"another each": b"".join(frame(TEXT, b'{"op":"list"}', mask=bytes([k] * 4)) for k in range(20))}),
    *cases("F4", ON, {"126 for 20": frame(TEXT, PING_OP, form=2), "127 for 20": frame(TEXT, PING_OP, form=8)}),
    *cases("F4", ON, {"127 for 200": frame(TEXT, PING_OP.ljust(200), form=8)}),
    *cases("F4", ON, {"126 in a ping": frame(PING, b"hello", form=2)}),
    *cases("F4", 1000, {"127 in a close": frame(CLOSE, b"\x03\xe8", form=8)}),
    *cases("F5", (1002, 1009), {f"2^{bits}": announced(2**bits) for bits in (32, 62, 63)}),
    *cases(
        "F5",
        (1002, 1009),
        {"2^63-1": announced(2**63 - 1), "2^64-1": announced(2**64 - 1), "2^63 in a ping": announced(2**63, PING)},
    ),
    *cases(
        "F5",
        1009,
        {"limit + 1": announced(LIMIT + 1), "in fragments": frame(TEXT, b"{", flags=0) + announced(LIMIT, CONT)},
    ),
    *cases("F6", 1002, {f"{opcode:x} of 126 bytes": frame(opcode, b"x" * 126) for opcode in (CLOSE, PING, PONG)}),
    *cases(
        "F6", 1002, {f"{opcode:x} in fragments": frame(opcode, b"\x03\xe8", flags=0) for opcode in (CLOSE, PING, PONG)}
    ),
    *cases("F6", ON, {f"{opcode:x} of 125 bytes": frame(opcode, b"x" * 125) for opcode in (PING, PONG)}),
]

MESSAGES = [
    *cases("F7", 1002, {"CONT": frame(CONT, b"{}"), "CONT without end": frame(CONT, b"{}", flags=0)}),
    *cases("F7", 1002, {"TEXT in a message": frame(TEXT, b"{", flags=0) + frame(TEXT, b"{}")}),
    *cases("F7", 1002, {"BINARY in a message": frame(TEXT, b"{", flags=0) + frame(BINARY, b"{}", flags=0)}),
    *cases("F7", 1002, {"CONT after the end": fragments(b'{"op":', b'"list"}') + frame(CONT, b"{}")}),
    *cases("F7", ON, {"BINARY, CONT": fragments(b'{"op":', b'"list"}', opcode=BINARY)}),
    *cases(
        "F8",
        ON,
        {"64": fragments(*[b" "] * 63, PING_OP), "1 byte each": fragments(*[PING_OP[k : k + 1] for k in range(20)])},
    ),
    *cases("F8", 1009, {"65": fragments(*[b" "] * 64, PING_OP), "4,097": fragments(*[b" "] * 4096, PING_OP)}),
    *cases("F8", 1009, {"endless, empty": frame(TEXT, flags=0) + frame(CONT, flags=0) * 50_000}),
    *cases("F9", ON, {"a ping": frame(TEXT, b'{"op"', flags=0) + frame(PING, b"?") + frame(CONT, b':"list"}')}),
    *cases("F9", ON, {"a pong": frame(TEXT, b'{"op"', flags=0) + frame(PONG, b"?") + frame(CONT, b':"list"}')}),
    *cases(
        "F9",
        ON,
        {
            "many": b"".join(
                frame(op, part, flags=fin) + frame(PING)
                for op, part, fin in ((TEXT, b"{", 0), (CONT, b"", 0), (CONT, b"}", FIN))
            )
        },
    ),
    *cases("F9", 1000, {"a close": frame(TEXT, b'{"op"', flags=0) + closing(1000) + frame(CONT, b':"list"}')}),
    *cases("F17", ON, {"JSON in BINARY": frame(BINARY, PING_OP)}),
    *cases("F17", 1007, {"binary in TEXT": frame(TEXT, bytes(range(256))[128:])}),
    *cases(
        "F19", ON, {"the limit": frame(TEXT, PING_OP.ljust(LIMIT)), "in two": fragments(PING_OP, b" " * (LIMIT - 20))}
    ),
    *cases(
        "F19",
        1009,
        {
            "one more": frame(TEXT, PING_OP.ljust(LIMIT + 1)),
            "in two, one more": fragments(PING_OP, b" " * (LIMIT - 19)),
        },
    ),
    *cases("F19", 1002, {"compressed": frame(TEXT, b"\xaaVJ\xcd+\xc9,\xa9T\xb2R\x02\x00", flags=FIN | RSV1)}),
]

ECHOED = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999]
NO_CODES = [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535]
CLOSES = [
    *cases("F10", 1005, {"empty": frame(CLOSE)}),
    *cases("F10", 1002, {"1 byte": frame(CLOSE, b"\x03")}),
    *[case for code in ECHOED for case in cases("F10", code, {str(code): closing(code, b"bye")})],
    *cases("F10", 1002, {str(code): closing(code) for code in NO_CODES}),
    *[case for code in (1012, 1013, 1014) for case in cases("F10", (code, 1002), {str(code): closing(code)})],
    *cases("F10", 1000, {"123 bytes": closing(1000, b"x" * 123), "of UTF-8": closing(1000, "é€😀".encode())}),
    *cases("F10", 1002, {"124 bytes": closing(1000, b"x" * 124)}),
    *cases("F10", 1007, {"bad UTF-8": closing(1000, b"\xff"), "half a character": closing(1000, b"\xe2\x82")}),
    *cases("F11", 1000, {"two": closing(1000) * 2, "another": closing(1000) + closing(1001)}),
    *cases(
        "F11",
        1000,
        {
            "data": closing(1000) + LIST * 10,
            "a ping": closing(1000) + frame(PING),
            "junk": closing(1000) + b"\xff" * 100,
        },
    ),
]

OVERLONG = [b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xc1\xbf"]
NO_UTF_8 = [
    *OVERLONG,
    b"\xed\xa0\x80",
    b"\xed\xbf\xbf",
    b"\xfe",
    b"\xff",
    b"\x80",
    b"\xf4\x90\x80\x80",
    b"\xf8\x88\x80\x80\x80",
    b"\xe2\x82",
]
UTF_8 = ["\U0010ffff".encode(), b"\xef\xbf\xbf", "é€😀".encode(), b"\xed\x9f\xbf", b"\xee\x80\x80"]


def said(octets: bytes) -> bytes:
    return b'{"op":"ping","ts":"' + octets + b'"}'


TEXTS = [
    *cases("F18", 1007, {octets.hex(): frame(TEXT, said(octets)) for octets in NO_UTF_8}),
    *cases("F18", ON, {octets.hex(): frame(TEXT, said(octets)) for octets in UTF_8}),
    *cases("F18", 1007, {"cut off": frame(TEXT, b'"\xe2\x82'), "cut off in a fragment": fragments(b'"\xe2', b'\x82"')}),
    *cases("F18", ON, {"between fragments": fragments(b'{"op":"ping","ts":"\xe2', b"\x82", b'\xac"}')}),
    *cases("F18", ON, {"a byte order mark": frame(TEXT, b"\xef\xbb\xbf" + PING_OP)}),
]

CASES = OPCODES + MESSAGES + CLOSES + TEXTS


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_frames(case: Case, watched: RunningServer) -> None:
    with PlainClient(watched.port) as client:
        client.socket.sendall(case.sent)
        if case.codes == (ON,):
            client.send({"op": "ping", "id": "on"})
            client.read_until("pong", id="on")
        else:
            assert (client.read_close() or ON) in case.codes


# Many frames, and frames that are not whole.


def test_frames_cut_anywhere(watched: RunningServer) -> None:
    """F13: two packets are as good as one, and a byte at a time is as good too."""
    whole = fragments(b'{"op":"list",', b'"id":1}') + frame(PING, b"?")
    for place in range(len(whole)):
        with PlainClient(watched.port) as client:
            client.socket.sendall(whole[:place])
            client.socket.sendall(whole[place:])
            client.read_until("subscriptions", id=1)
    with PlainClient(watched.port) as client:
        for octet in whole:
            client.socket.sendall(bytes([octet]))
        client.read_until("subscriptions", id=1)


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
def test_empty_messages(watched: RunningServer, opcode: int) -> None:
    """F16 and F13: each is answered, or one is hung up on; 43,690 are in a packet of 256 KiB."""
    for data, count in ((frame(opcode), times(2000, 100_000)), (frame(opcode) * 43_690, 1)):
        with PlainClient(watched.port) as client:
            messages = flood(client, data, count)
            if goes_on(client):
                assert {message.get("code") for message in messages} >= {"bad_json"}
    come_back(watched)


@pytest.mark.parametrize("size", [0, 1, 125])
@pytest.mark.parametrize("opcode", [PING, PONG])
def test_control_frames_in_thousands(watched: RunningServer, opcode: int, size: int) -> None:
    """F14 and F15: twenty at once are answered, a flood is not; a pong that nobody asked for is no trick."""
    with PlainClient(watched.port) as client:
        client.socket.sendall(frame(opcode, b"x" * size) * 20)
        client.send({"op": "ping", "id": "on"})
        client.read_until("pong", id="on")
        flood(client, frame(opcode, b"x" * size), times(1000, 1_000_000))
        assert client.read_close() == 1008


def test_pings_whose_answers_are_not_read(watched: RunningServer) -> None:
    """F14: no more than a burst of them is answered."""
    with PlainClient(watched.port, receive_buffer=4096) as client:
        try:
            for _ in range(times(200, 1000)):
                client.socket.sendall(frame(PING, b"x" * 125) * 100)
            assert client.read_close() == 1008
        except (BrokenPipeError, ConnectionResetError):
            pass


@pytest.mark.parametrize("answers", [False, True])
def test_a_close_while_the_transport_is_full(watched: RunningServer, answers: bool) -> None:
    """F12: what waits may still be read; who does not read it is cut off."""
    with PlainClient(watched.port, receive_buffer=4096) as client:
        asking = frame(TEXT, said(b"x" * 16_000))
        client.socket.sendall(asking * 8 + closing(1000))
        if answers:
            assert client.read_close() == 1000
            return
        client.socket.settimeout(10)
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            while True:
                client.socket.sendall(b"\x8a\x80\0\0\0\0")
                time.sleep(0.1)


def test_a_close_and_no_end(watched: RunningServer) -> None:
    """F11: a client that does not hang up after the closing handshake is hung up on."""
    with PlainClient(watched.port) as client:
        client.socket.sendall(closing(1000))
        assert client.read_close() == 1000
        client.socket.settimeout(10)
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            while True:
                client.socket.sendall(frame(PING))
                time.sleep(0.1)


TRUNCATED = [
    b"\x81",
    b"\x81\x85",
    b"\x81\xfe\x00",
    b"\x81\x85\0\0\0\0",
    b"\x81\x85\0\0\0\0hell",
    announced(LIMIT) + b"x" * 100,
]
TRUNCATED += [  # and a pong that nobody asked for answers no ping
    frame(PONG, b"forged"),
    frame(TEXT, b"{", flags=0),
    b"\x89",
    b"\x89\x85\0\0\0\0",
    b"\x88\x82\0\0\0\0\x03",
]


@pytest.mark.parametrize("end", ["FIN", "RST", "silence"])
def test_frames_that_do_not_end(watched: RunningServer, end: str) -> None:
    """F20 and F15: all of them at once; silence is asked for a sign of life, and cut off."""
    clients = [PlainClient(watched.port) for _ in TRUNCATED]
    for client, sent in zip(clients, TRUNCATED, strict=True):
        client.socket.sendall(sent)
        if end == "FIN":
            client.socket.shutdown(socket.SHUT_WR)
        if end == "RST":
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
            client.socket.close()
    for client in clients:
        with client:
            assert end == "RST" or client.read_close() in (None, 1002)
