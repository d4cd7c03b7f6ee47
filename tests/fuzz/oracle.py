"""What RFC 6455 says of a client's frames, written down once more: nothing here is taken from the product.

Without extensions, for a server, up to the frame that ends the conversation.
"""

from typing import NamedTuple

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Heard(NamedTuple):
    """What a server should make of bytes: messages (whether text, payload), pings, and the code it ends with."""

    messages: list[tuple[bool, bytes]]
    pings: list[bytes]
    codes: set[int | None]
    """That of the server's close frame: 1005 where it has none, None where the conversation goes on.

    Two of them where RFC 6455 leaves it open: what is wrong with a frame may be said before or after it has all come.
    """
    late: bool = False
    """Whether it is wrong as a message: what else came with it may have been answered by the time that it is whole."""


def is_text(data: bytes) -> bool:
    return data.decode(errors="replace").encode() == data


def close_codes(payload: bytes) -> set[int | None]:
    """Return what a close may be answered with (sections 5.5.1 and 7.4)."""
    if not payload:
        return {1005}
    code = int.from_bytes(payload[:2], "big")
    faulty = len(payload) == 1 or not (1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999)
    wrong = ({1002} if faulty else set[int]()) | (set[int]() if is_text(payload[2:]) else {1007})
    return {*wrong} if wrong else {code}


def read(data: bytes, message_bytes_max: int, fragments_max: int) -> Heard:
    """Return what a server that takes messages of so many bytes in so many fragments should make of frames."""
    messages: list[tuple[bool, bytes]] = []
    pings: list[bytes] = []
    parts: list[bytes] | None = None
    text = True
    while len(data) >= 2:
        fin, opcode, size, place = data[0] >= 0x80, data[0] & 15, data[1] & 0x7F, 2
        if opcode not in (0, TEXT, BINARY, CLOSE, PING, PONG) or data[1] < 0x80:
            return Heard(messages, pings, {1002})
        faulty = bool(data[0] & 0x70) or (opcode >= CLOSE and (size > 125 or not fin))
        if size > 125:
            place += 2 if size == 126 else 8
            if len(data) < place:
                return Heard(messages, pings, {1002, None} if faulty else {None})
            size = int.from_bytes(data[2:place], "big")
        had = sum(map(len, parts or ()))
        if size + had > message_bytes_max and (faulty or opcode < CLOSE):
            return Heard(messages, pings, {1002, 1009} if faulty else {1009})
        if len(data) < place + 4 + size:
            return Heard(messages, pings, {1002, None} if faulty else {None})
        if faulty:
            return Heard(messages, pings, {1002})
        mask, data = data[place : place + 4], data[place + 4 :]
        payload = bytes(byte ^ mask[number % 4] for number, byte in enumerate(data[:size]))
        data = data[size:]
        if opcode == CLOSE:
            return Heard(messages, pings, close_codes(payload))
        if opcode >= PING:
            pings += [payload] if opcode == PING else []
            continue
        if (opcode == 0) != (parts is not None):
            return Heard(messages, pings, {1002})
        text = opcode == TEXT if parts is None else text
        parts = [*(parts or ()), payload]
        if fin:
            whole, parts = b"".join(parts), None
            if text and not is_text(whole):
                return Heard(messages, pings, {1007}, late=True)
            messages.append((text, whole))
        elif len(parts) >= fragments_max:
            return Heard(messages, pings, {1009}, late=True)
    return Heard(messages, pings, {None})
