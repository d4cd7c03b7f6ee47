"""Bad clients of one kind, in a process of their own: they connect, wait for a line, misbehave, and say how it ended.

Prints `connected`, takes a line, subscribes, prints `begun`, misbehaves until the next line, reads what is left,
prints one line of JSON, and holds what is still open until a third line or the end of stdin.
"""

from __future__ import annotations

import argparse
import json
import select
import socket
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable
from statistics import median

SUBPROTOCOL = "ticker.v1.json"
SUBSCRIBE = {"op": "subscribe", "channels": ["trades"], "symbols": ["*"], "snapshot": False}
WINDOW = {"op": "window", "size": 64}
SEGMENT_BYTES = 1400  # as over Ethernet: loopback's are 64 KiB
PERIOD_S = 0.01
PINGS = 10  # in a period: 1,000 a second
REST_S = 1.0  # for reading what is left
TEXT, CLOSE, PING = 1, 8, 9


def masked(opcode: int, payload: bytes) -> bytes:
    """Returns a client's frame with a mask of zeros."""
    size = len(payload)
    head = bytes([0x80 | opcode, 0x80 | size]) if size < 126 else struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
    return head + bytes(4) + payload


def take_frame(data: bytearray) -> tuple[int, bytes] | None:
    """Removes the first frame of a server from the data, and returns its opcode and payload; None where it is cut."""
    if len(data) < 2:
        return None
    size, start = data[1], 2
    if size == 126:
        size, start = int.from_bytes(data[2:4], "big"), 4
    elif size == 127:
        size, start = int.from_bytes(data[2:10], "big"), 10
    if len(data) < start + size:
        return None
    opcode, payload = data[0] & 0x0F, bytes(data[start : start + size])
    del data[: start + size]
    return opcode, payload


class Misfit:
    """One connection, and what was seen on it."""

    def __init__(self, port: int, path: str) -> None:
        self.saw: Counter[str] = Counter()
        self.end = ""
        self.end_s: float | None = None
        self._data = bytearray()
        self._unsent = b""
        self.socket = socket.socket()
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT_BYTES)
        self.socket.connect(("127.0.0.1", port))
        self.socket.sendall(
            f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            f"Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n".encode()
        )
        while b"\r\n\r\n" not in self._data:
            if not (some := self.socket.recv(1024)):
                raise SystemExit("the handshake was refused")
            self._data += some
        del self._data[: self._data.index(b"\r\n\r\n") + 4]
        self.socket.setblocking(False)

    def send(self, frames: bytes) -> None:
        """Sends the frames, or what an earlier call could not: a frame is not cut short."""
        waiting = self._unsent or frames
        try:
            self._unsent = waiting[self.socket.send(waiting) :]
        except BlockingIOError:
            self._unsent = waiting
        except OSError:
            self.end = self.end or "reset"

    def read(self, size: int) -> bool:
        """Reads at most so many bytes, and returns whether there may be more."""
        try:
            some = self.socket.recv(size)
        except BlockingIOError:
            return False
        except OSError:
            self.end = "reset"
            return False
        if not some:
            self.end = self.end or "hung up"
            return False
        self.saw["bytes"] += len(some)
        self._data += some
        while frame := take_frame(self._data):
            self._note(*frame)
        return True

    def _note(self, opcode: int, payload: bytes) -> None:
        """Counts what was said, and remembers a goodbye."""
        if opcode == CLOSE:
            self.end = f"close {int.from_bytes(payload[:2], 'big')}"
        elif opcode == TEXT and payload.startswith(b'{"type":"ticks"'):
            self.saw["ticks"] += payload.count(b'"px":')
        elif opcode == TEXT:
            message = json.loads(payload)
            self.saw[f"lag {message['reason']}" if message["type"] == "lag" else message["type"]] += 1


def nothing(_misfit: Misfit) -> None:
    """Reads nothing and says nothing."""


def read_slowly(bytes_per_s: int) -> Callable[[Misfit], None]:
    """Returns what reads so much, evenly."""

    def act(misfit: Misfit) -> None:
        misfit.read(int(bytes_per_s * PERIOD_S))

    return act


def read_all(misfit: Misfit) -> None:
    """Reads whatever there is, and acknowledges none of it."""
    while misfit.read(1 << 16):
        pass


def flood(misfit: Misfit) -> None:
    """Sends pings and never reads the pongs."""
    misfit.send(masked(PING, bytes(125)) * PINGS)


KINDS: dict[str, Callable[[Misfit], None]] = {
    "never_read": nothing,
    "slow": read_slowly(8000),
    "never_ack": read_all,
    "ping_flood": flood,
    "vanish": nothing,  # whoever started us stops us (SIGSTOP)
}


def told(timeout_s: float) -> bool:
    """Returns whether a line, or the end, is there to be read from stdin."""
    return bool(select.select([sys.stdin], [], [], timeout_s)[0])


def misbehave(crowd: list[Misfit], act: Callable[[Misfit], None]) -> None:
    """Has all of them act until a line comes, and notes when the server ended each."""
    poller = select.poll()
    by_descriptor = {misfit.socket.fileno(): misfit for misfit in crowd}
    for descriptor in by_descriptor:
        poller.register(descriptor, select.POLLRDHUP)  # without reading
    begun_s = due_s = time.monotonic()
    while not told(max(0.0, due_s - time.monotonic())):
        due_s = max(due_s + PERIOD_S, time.monotonic())
        for misfit in by_descriptor.values():
            act(misfit)
        for descriptor, _ in poller.poll(0):
            poller.unregister(descriptor)
            by_descriptor.pop(descriptor).end_s = time.monotonic() - begun_s
    sys.stdin.readline()


def read_the_rest(crowd: list[Misfit]) -> None:
    """Reads what lies in the kernel, so that all that was said is known."""
    deadline_s = time.monotonic() + REST_S
    while time.monotonic() < deadline_s:
        came = [misfit.read(1 << 16) for misfit in crowd]
        if not any(came):
            time.sleep(PERIOD_S)


def summary(crowd: list[Misfit]) -> dict[str, object]:
    """Returns how they ended and what they saw, added up."""
    saw: Counter[str] = Counter()
    for misfit in crowd:
        saw.update(misfit.saw)
    ends = Counter(misfit.end or ("ended unread" if misfit.end_s is not None else "open") for misfit in crowd)
    ended_s = [misfit.end_s for misfit in crowd if misfit.end_s is not None]
    return {"ends": ends, "saw": saw, "end_s": round(median(ended_s), 1) if ended_s else None}


def main() -> None:
    """Runs the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", default="/v1/stream")
    parser.add_argument("--kind", choices=KINDS, required=True)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--slow-bytes-per-s", type=int, default=8000)
    arguments = parser.parse_args()
    crowd = [Misfit(arguments.port, arguments.path) for _ in range(arguments.count)]
    print("connected", flush=True)
    sys.stdin.readline()
    for misfit in crowd:
        first = [WINDOW, SUBSCRIBE] if arguments.kind == "never_ack" else [SUBSCRIBE]
        misfit.send(b"".join(masked(TEXT, json.dumps(message).encode()) for message in first))
    print("begun", flush=True)
    slow = arguments.kind == "slow"
    misbehave(crowd, read_slowly(arguments.slow_bytes_per_s) if slow else KINDS[arguments.kind])
    read_the_rest(crowd)
    print(json.dumps(summary(crowd)), flush=True)
    sys.stdin.readline()


if __name__ == "__main__":
    main()
