"""What is done to a server while healthy readers are watched: the threats of the table, at its figures.

Each returns what was found, and whether it is as promised.
"""

from __future__ import annotations

import json
import random
import re
import resource
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from misfits import PING, SUBSCRIBE, TEXT, Misfit, masked
from readers import acks_slowly, never_acks, slow, unplugged
from scrape import descriptors
from stopwatch import Failed, Server

HEALTHY = 50
MIB = 1 << 20
ABORT = struct.pack("ii", 1, 0)
HEAD = b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
HELD = b"GET /v1/ticks?symbols=SYM0000&channels=status&wait=20 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
EVENTS = b"GET /v1/sse?symbols=*&channels=trades HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
SHAKE = (
    b"GET /v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
READS = masked(TEXT, json.dumps(SUBSCRIBE).encode())
BURST = 40
"""New connections at once: a crowd that comes faster waits in the kernel, not with us."""


@dataclass(frozen=True, slots=True)
class Attack:
    """What is done to a server for as long as healthy readers are watched."""

    row: str
    what: str
    promised: str
    act: Callable[[Server], tuple[str, bool]]
    """Returns what was found, and whether it is as promised."""
    seconds: float
    healthy: int = HEALTHY
    flags: tuple[str, ...] = ()


def connected(server: Server, count: int, say: bytes = b"", buffer: int = 0) -> list[socket.socket]:
    """Returns so many connections, on each of which this was said; a handshake is waited for."""
    found = []
    for number in range(count):
        client = socket.socket()
        client.settimeout(10)
        if buffer:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        client.connect(("127.0.0.1", server.port))
        client.sendall(say)
        if say == SHAKE:
            client.recv(1)
        found.append(client)
        if number % BURST == BURST - 1:
            time.sleep(0.01)
    return found


def over(clients: list[socket.socket], limit_s: float) -> tuple[int, float]:
    """Returns how many of them the server ended, and how long the last of these took; what came is thrown away."""
    begun_s = last_s = time.monotonic()
    left = set(clients)
    for client in clients:
        client.setblocking(False)
    while left and time.monotonic() < begun_s + limit_s:
        for client in tuple(left):
            try:
                ended = not client.recv(1 << 16)
            except BlockingIOError:
                continue
            except OSError:
                ended = True
            if ended:
                left.discard(client)
                last_s = time.monotonic()
        time.sleep(0.02)
    return len(clients) - len(left), last_s - begun_s


def probe_s(server: Server) -> float:
    """Returns how long one good request takes, its connection included."""
    begun_s = time.monotonic()
    with socket.create_connection(("127.0.0.1", server.port), 30) as client:
        client.sendall(HEAD)
        if not client.recv(4096).startswith(b"HTTP/1.1 200"):
            raise Failed("a good request was refused")
    return time.monotonic() - begun_s


def close(clients: list[socket.socket]) -> None:
    """Ends connections."""
    for client in clients:
        client.close()


# The attacks.


def stalled(count: int, events: bool = False) -> Callable[[Server], tuple[str, bool]]:
    """Returns the attack of readers that stop reading: the buffers between take some two seconds to fill."""

    def act(server: Server) -> tuple[str, bool]:
        pid, before = server.process.child.pid, server.process.rss_bytes()
        base = descriptors(pid)
        clients = connected(server, count, EVENTS if events else SHAKE, 4096)
        for client in clients if not events else ():
            client.sendall(READS)
        begun_s, most, left = time.monotonic(), 0, count
        while left > 0 and time.monotonic() < begun_s + 20:
            time.sleep(0.05)
            most = max(most, server.process.rss_bytes() - before)
            left = descriptors(pid) - base
        took_s = time.monotonic() - begun_s
        close(clients)
        said = f"{count - max(0, left)} of {count} cut after at most {took_s:.1f} s; RSS +{most / MIB:.1f} MiB"
        return said, left <= 0 and took_s <= 8 and most <= max(count * (256 * 1024 + 16_000), 4 * MIB)

    return act


def pings_unread(server: Server) -> tuple[str, bool]:
    """Pings as fast as they go, by those who read nothing."""
    before, most = server.process.rss_bytes(), 0
    flood = masked(PING, bytes(125)) * 400
    took = []
    for _ in range(18):
        client = connected(server, 1, SHAKE)[0]
        begun_s = time.monotonic()
        client.settimeout(5)
        try:
            while time.monotonic() < begun_s + 10:
                client.sendall(flood)
        except OSError:
            took.append(time.monotonic() - begun_s)
        client.close()
        most = max(most, server.process.rss_bytes() - before)
    said = f"{len(took)} of 18 ended, the longest took {max(took, default=0.0):.2f} s; RSS +{most / MIB:.1f} MiB"
    return said, len(took) == 18 and max(took) <= 6 and most <= 20 * MIB


def pings_read(server: Server) -> tuple[str, bool]:
    """50,000 pings by one who reads the answers."""
    before_s = server.process.cpu_s()
    misfit = Misfit(server.port, server.path)
    begun_s = time.monotonic()
    sent = 0
    while sent < 50_000 and not misfit.end:
        misfit.send(masked(PING, b"?") * 10)
        sent += 10
        while misfit.read(1 << 16):
            pass
    until_s = time.monotonic() + 3
    while not misfit.end and time.monotonic() < until_s:
        misfit.read(1 << 16)
    took_s = time.monotonic() - begun_s
    return f"{misfit.end or 'open'} after {took_s:.2f} s; {server.process.cpu_s() - before_s:.2f} s of CPU", (
        misfit.end == "close 1008"
    )


def slow_heads(server: Server) -> tuple[str, bool]:
    """2,000 heads at a byte a second, and a good request among them."""
    clients = connected(server, 2000, b"G")
    begun_s = time.monotonic()
    asked = [probe_s(server)]
    for byte in b"ET /":
        time.sleep(1)
        for client in clients:
            with suppress(OSError):
                client.send(bytes((byte,)))
        asked.append(probe_s(server))
    ended, _ = over(clients, 10)
    took_s = time.monotonic() - begun_s
    close(clients)
    said = f"{ended} of 2,000 closed after at most {took_s:.1f} s; a good request took {1000 * max(asked):.0f} ms"
    return said, ended == 2000 and max(asked) < 0.2


def crowd_of_sockets(server: Server) -> tuple[str, bool]:
    """5,000 connections in 5 s that say nothing."""
    before = server.process.rss_bytes()
    clients: list[socket.socket] = []
    begun_s = time.monotonic()
    for number in range(5000):
        time.sleep(max(0.0, begun_s + number / 1000 - time.monotonic()))
        clients.append(socket.create_connection(("127.0.0.1", server.port), 30))
    grown = server.process.rss_bytes() - before
    held = descriptors(server.process.child.pid)
    close(clients)
    begun_s = time.monotonic()
    asked_s = probe_s(server)
    said = f"{held:,} held at most; RSS +{grown / MIB:.1f} MiB; a good request right after them took {asked_s:.2f} s"
    return said, grown < 60 * MIB and asked_s < 1


def churn(server: Server) -> tuple[str, bool]:
    """Connections, handshakes and resets as fast as one process can, for as long as they are watched."""
    until_s = time.monotonic() + 12
    before_s, count = server.process.cpu_s(), 0
    while time.monotonic() < until_s:
        client = socket.create_connection(("127.0.0.1", server.port), 30)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
        client.sendall(SHAKE)
        client.close()
        count += 1
    spent_s = server.process.cpu_s() - before_s
    return f"{count / 12:,.0f} a second; {100 * spent_s / 12:.0f} % of a core in all", True


def pipelined(server: Server) -> tuple[str, bool]:
    """1,000 requests in one packet, ten times, and 1,000 behind one that is held."""
    answered = 0
    for _ in range(10):
        with socket.create_connection(("127.0.0.1", server.port), 10) as client:
            client.sendall(HEAD * 1000)  # so many are taken on one connection, which is closed then
            answered += len(re.findall(rb"HTTP/1\.1 200", drained(client)))
    with socket.create_connection(("127.0.0.1", server.port), 10) as client:
        client.sendall(
            b"GET /v1/ticks?symbols=SYM0000&channels=status&wait=20 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" + HEAD * 1000
        )
        statuses = Counter(re.findall(rb"HTTP/1\.1 (\d+)", drained(client)))
    behind = {code.decode(): count for code, count in statuses.items()}
    return f"{answered:,} of 10,000 answered; behind a held one: {behind}", b"429" in statuses


def drained(client: socket.socket) -> bytes:
    """Returns all that comes until the server ends."""
    data = b""
    try:
        while some := client.recv(1 << 16):
            data += some
    except OSError:
        pass
    return data


def resets(server: Server) -> tuple[str, bool]:
    """10,000 resets: after each byte of a head, after the 101, within a frame."""
    whole = SHAKE + READS
    base, before = descriptors(server.process.child.pid), server.process.rss_bytes()
    for number in range(10_000):
        client = socket.create_connection(("127.0.0.1", server.port), 30)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
        size = number % (len(whole) + 1)
        client.sendall(whole[: min(size, len(SHAKE))])
        if size > len(SHAKE):
            client.recv(1024)
            client.sendall(whole[len(SHAKE) : size])
        client.close()
    return settled(server, base, before)


def garbage(server: Server) -> tuple[str, bool]:
    """10,000 packets of 1 to 4 KiB of dice, TLS hellos and HTTP/2 prefaces."""
    dice = random.Random(8)
    base, before = descriptors(server.process.child.pid), server.process.rss_bytes()
    starts = [b"", b"\x16\x03\x01\x02\x00\x01", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"EHLO x\r\n", b"SSH-2.0-x\r\n"]
    for _ in range(10_000):
        client = socket.create_connection(("127.0.0.1", server.port), 30)
        with suppress(OSError):
            client.sendall(dice.choice(starts) + dice.randbytes(dice.randrange(1024, 4096)))
        client.close()
    return settled(server, base, before)


def settled(server: Server, base: int, rss_bytes: int) -> tuple[str, bool]:
    """Returns what is left of an attack."""
    until_s = time.monotonic() + 10
    while descriptors(server.process.child.pid) > base and time.monotonic() < until_s:
        time.sleep(0.1)
    held, grown = descriptors(server.process.child.pid) - base, server.process.rss_bytes() - rss_bytes
    return f"{held:+} descriptors, RSS {grown / MIB:+.1f} MiB", held <= 0 and grown <= 4 * MIB


def no_descriptors(server: Server) -> tuple[str, bool]:
    """No descriptor is left for five seconds, while 200 connect."""
    pid = server.process.child.pid
    _, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    lines = server.process.log.read_text().count("\n")
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (descriptors(pid) + 2, hard))
    clients = connected(server, 200)
    time.sleep(5)
    close(clients)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (hard, hard))
    took_s = probe_s(server)
    said = server.process.log.read_text().count("\n") - lines
    return f"{said} lines logged; answers {took_s:.2f} s after there are some", said <= 12 and took_s <= 2


ATTACKS = [
    Attack("A1", "1 reader stops reading", "cut ≤ 6 s after the buffers are full", stalled(1), 10),
    Attack("A1", "200 readers stop reading", "the same, ≤ 272 KB each", stalled(200), 10),
    Attack("A2", "50 SSE readers stop reading", "the same", stalled(50, events=True), 10),
    Attack(
        "A3",
        "reads 8 kB/s of 100",
        "stays; all that is dropped or merged is told",
        slow(60),
        62,
        flags=("--feed.tape-s", "10"),
    ),
    Attack("A5", "never acknowledges", "64 messages, then told or 4008 after 30 ± 1 s", never_acks, 37),
    Attack("A6", "acknowledges every 10 s", "64 messages an ack, nothing lost, no growth", acks_slowly, 48),
    Attack("A7", "ping flood, unread", "RSS + ≤ 20 MB, ended at once", pings_unread, 14),
    Attack("A8", "50,000 pings, read", "1008 after the burst", pings_read, 6),
    Attack("C1", "2,000 heads, a byte a second", "closed 5-6 s; others < 200 ms", slow_heads, 14),
    Attack("C4", "5,000 silent connections in 5 s", "RSS + < 60 MB; good < 1 s after", crowd_of_sockets, 10),
    Attack("C5", "handshakes and resets, as fast as it goes", "ticks p99 < 100 ms", churn, 14),
    Attack("C6", "no descriptor for 5 s", "≤ 1 line/s, back in ≤ 2 s", no_descriptors, 9),
    Attack("C9", "1,000 requests in a packet", "answered in order; 429 behind a held one", pipelined, 8),
    Attack("C13", "20 cables are pulled, 10 of the idle", "≤ 8 s where ticks wait, ≤ 36 s idle", unplugged, 47),
    Attack("C15", "10,000 resets at every stage", "descriptors and RSS at base", resets, 25),
    Attack("C17", "10,000 packets of garbage", "descriptors and RSS at base", garbage, 25),
]
