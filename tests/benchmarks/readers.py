"""Readers who go on too slowly to keep up, or are gone without a word: what they are sent, told, and how it ends.

Under configs/load.toml all ten instruments trade in every step, so that what is owed is ten ticks for each `seq`.
"""

from __future__ import annotations

import ctypes
import json
import select
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from statistics import median
from typing import Any

from misfits import CLOSE, PING, SEGMENT_BYTES, SUBSCRIBE, TEXT, masked, take_frame
from scrape import descriptors, gauges
from stopwatch import Failed, Server

TICKS_A_STEP = 10
PONG = 10
WINDOW = 64
SLOW_BYTES_PER_S = 8000
KERNEL_BYTES = 165_000
"""What the kernel may hold for a reader, beside what waits with us."""
SLICE_S = 0.05
SO_ATTACH_FILTER = 26
HELLO = (
    b"GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class Listener:
    """One conversation, and an account of what was heard of it."""

    def __init__(self, server: Server, *, window: int = 0, **wish: object) -> None:
        self.counts: Counter[str] = Counter()
        self.lags: list[dict[str, Any]] = []
        self.end = ""
        self.seq = self.since = self.ts = 0
        self.wrong: list[str] = []
        self.heard_s: dict[str, float] = {}
        self._data = bytearray()
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT_BYTES)
        self.socket.settimeout(10)
        self.socket.connect(("127.0.0.1", server.port))
        self.socket.sendall(HELLO)
        while b"\r\n\r\n" not in self._data:
            if not (some := self.socket.recv(1)):
                raise Failed("a handshake was refused")
            self._data += some
        self._data.clear()
        if window:
            self.say({"op": "window", "size": window})
        self.say({**SUBSCRIBE, **wish})

    def say(self, message: dict[str, object]) -> None:
        """Sends a message."""
        self._send(TEXT, json.dumps(message).encode())

    def _send(self, opcode: int, payload: bytes) -> None:
        self.socket.settimeout(10)
        with suppress(ConnectionError):  # reading tells
            self.socket.sendall(masked(opcode, payload))
        self.socket.setblocking(False)

    def read(self, size: int) -> None:
        """Reads at most so many bytes of what there is."""
        try:
            some = self.socket.recv(size)
        except BlockingIOError:
            return
        except OSError:
            some = b""
        if not some:
            self.end = self.end or "hung up"
        self._data += some
        while frame := take_frame(self._data):
            opcode, payload = frame
            if opcode == TEXT:
                self._hear(json.loads(payload))
            elif opcode == PING:
                self._send(PONG, payload)
            elif opcode == CLOSE:
                self.end = f"close {int.from_bytes(payload[:2], 'big')}"

    def _hear(self, message: dict[str, Any]) -> None:
        kind = message["type"]
        self.counts[kind] += 1
        self.heard_s[kind] = time.monotonic()
        if kind == "subscribed":
            self.since = message["seq"]
        elif kind == "ticks":
            self.seq, self.ts = message["seq"], message["ts"]
            self.counts["received"] += len(message["data"])
        elif kind == "lag":
            self.lags.append(message)
            self.counts["dropped"] += message["dropped"]
            self.counts["conflated"] += message["conflated"]
            self._balance(message["to"])

    def _balance(self, seq: int) -> None:
        """Holds what was received and what was said to be missing against what there was, up to a step."""
        known = sum(self.counts[kind] for kind in ("received", "dropped", "conflated"))
        if known != TICKS_A_STEP * (seq - self.since):
            self.wrong.append(f"{known} of {TICKS_A_STEP * (seq - self.since)} up to {seq}")


def slices(seconds: float) -> Iterator[float]:
    """Yields how long it has been, some twenty times a second."""
    begun_s = time.monotonic()
    while (past_s := time.monotonic() - begun_s) < seconds:
        yield past_s
        time.sleep(SLICE_S)


def slow(seconds: float) -> Callable[[Server], tuple[str, bool]]:
    """Returns the attack of two who read 8 kB/s: one wants every tick, the other the newest of each symbol."""

    def act(server: Server) -> tuple[str, bool]:
        every, latest = Listener(server), Listener(server, pace="latest", rate_hz=5)
        late: list[float] = []
        had = 0
        for past_s in slices(seconds):
            size = int(SLOW_BYTES_PER_S * past_s) - had
            had += size
            for reader in (every, latest) if size else ():
                reader.read(size)
            if past_s > seconds / 2 and latest.ts:
                late.append(time.time() - latest.ts / 1e6)
        allowed_s = 2 + KERNEL_BYTES / SLOW_BYTES_PER_S
        said = f"every: {every.end or 'connected'}, {len(every.lags)} lags, {every.counts['dropped']:,} dropped"
        said += (
            f"; newest: {latest.end or 'connected'}, {len(latest.lags)} lags, its price {max(late):.1f} s old at most"
        )
        wrong = every.wrong + latest.wrong
        said += f" (asked: {allowed_s:.0f}); sums that do not agree: {wrong[:2] or 'none'}"
        balanced = not wrong and every.lags and latest.lags
        return said, bool(balanced) and not every.end and not latest.end and max(late) <= allowed_s

    return act


def never_acks(server: Server) -> tuple[str, bool]:
    """Two never acknowledge: one is to be told of it, the other closed."""
    readers = {policy: Listener(server, window=WINDOW, on_lag=policy) for policy in ("skip", "close")}
    shut_s, told_s = dict.fromkeys(readers, 0.0), dict.fromkeys(readers, 0.0)
    for _ in slices(34):
        for policy, reader in readers.items():
            reader.read(1 << 16)
            if reader.counts["ticks"] == WINDOW and not shut_s[policy]:
                shut_s[policy] = time.monotonic()
            if (reader.lags or reader.end) and not told_s[policy]:
                told_s[policy] = time.monotonic()
    sent = {policy: reader.counts["ticks"] for policy, reader in readers.items()}
    after = {policy: round(told_s[policy] - shut_s[policy], 1) for policy in readers}
    skip, closed = readers["skip"], readers["close"]
    reasons = [lag["reason"] for lag in skip.lags]
    said = f"{sent['skip']} and {sent['close']} messages, {skip.counts['heartbeat']} heartbeats; lag {reasons} after "
    said += f"{after['skip']} s, {closed.end or 'open'} after {after['close']} s; {skip.wrong or 'no'} wrong sums"
    timely = all(29 <= seconds <= 31.5 for seconds in after.values())
    kept = set(sent.values()) == {WINDOW} and reasons == ["window"] and closed.end == "close 4008" and not skip.wrong
    return said, kept and timely and skip.counts["heartbeat"] >= 2


def acks_slowly(server: Server) -> tuple[str, bool]:
    """One acknowledges all that it has every ten seconds: it is sent a window full, and nobody keeps more for it."""
    before = server.process.rss_bytes() - gauges(server.port)["tape_bytes"]  # which fills up meanwhile
    reader = Listener(server, window=WINDOW)
    lots: list[int] = []
    acked = most = 0
    next_s = 10.0
    for past_s in slices(45):
        for _ in range(64):
            reader.read(1 << 16)
        most = max(most, int(gauges(server.port)["unacked_messages"]))
        if past_s >= next_s:
            lots.append(reader.counts["ticks"] - acked)
            acked, next_s = reader.counts["ticks"], next_s + 10
            reader.say({"op": "ack", "seq": reader.seq})
    received, owed = reader.counts["received"], TICKS_A_STEP * (reader.seq - reader.since)
    grown = server.process.rss_bytes() - gauges(server.port)["tape_bytes"] - before
    said = f"{lots} messages an ack, at most {most} under way; {received:,} of {owed:,} ticks up to there"
    said += f"; {len(reader.lags)} lags; RSS {grown / (1 << 20):+.1f} MiB besides the tape"
    whole = received == owed and not reader.lags and not reader.end
    return said, whole and set(lots) == {WINDOW} and most <= WINDOW and grown <= 4 << 20


def unplugged(server: Server) -> tuple[str, bool]:
    """Ten of whom nothing is heard any more, nor acknowledged by their kernel, idle, and ten who are owed ticks."""
    pid = server.process.child.pid
    base = descriptors(pid)
    owed = [Listener(server) for _ in range(10)]
    idle = [Listener(server, channels=["status"]) for _ in range(10)]
    for reader in idle:  # whose last word has been heard
        time.sleep(0.05)
        reader.read(1 << 16)
    begun_s = time.monotonic()
    for reader in (*owed, *idle):
        unplug(reader.socket)
    gone: list[float] = []
    while len(gone) < 20 and time.monotonic() < begun_s + 45:
        left = max(0, descriptors(pid) - base)
        gone += [time.monotonic() - begun_s] * (20 - left - len(gone))
        time.sleep(0.1)
    for reader in (*owed, *idle):
        with suppress(OSError):
            reader.socket.close()
    if len(gone) < 20:
        return f"{20 - len(gone)} of 20 are still there after 45 s", False
    said = f"descriptors of those who were owed ticks freed after at most {gone[9]:.1f} s, of the idle {gone[19]:.1f} s"
    return said, gone[9] <= 8 and gone[19] <= 36.5


def unplug(client: socket.socket) -> None:
    """Has the kernel throw away all that comes for a socket, before it is acknowledged: as if a cable were pulled."""
    nothing = ctypes.create_string_buffer(struct.pack("HBBI", 0x06, 0, 0, 0))  # BPF: return 0 bytes
    program = struct.pack("HP", 1, ctypes.addressof(nothing))
    client.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)


def probed(server: Server, seconds: float) -> tuple[float, float, float]:
    """Asks again and again on one connection; returns how long it takes: median, p99 and at most, in milliseconds."""
    took: list[float] = []
    question = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    until_s = time.monotonic() + seconds
    client = None
    try:
        while time.monotonic() < until_s:
            if client is None or len(took) % 500 == 0:  # so many, and a little more, are answered on one
                if client is not None:
                    client.close()
                client = socket.create_connection(("127.0.0.1", server.port), 30)
            begun_s = time.monotonic()
            client.sendall(question)
            select.select([client], [], [], 30)
            if not client.recv(4096).startswith(b"HTTP/1.1 200"):
                raise Failed("a good request was refused")
            took.append(1000 * (time.monotonic() - begun_s))
            time.sleep(0.003)
    finally:
        if client is not None:
            client.close()
    took.sort()
    return median(took), took[int(0.99 * len(took))], took[-1]
