"""Who gets in: so many at once, in all and from one address, and so many a second.

Who comes too fast waits for its turn, unread: a handshake costs half a millisecond, which is to be left for those who
are here. Only where too many wait, or are here, is anybody turned away, with as little work as that takes. An address
that everybody may come from (this machine: load tests, and proxies, which have limits of their own) is not counted.
"""

import asyncio
import ipaddress
import random
import socket
from collections import Counter
from collections.abc import Callable
from functools import lru_cache
from math import ceil
from typing import Protocol, cast

from ticker import clock
from ticker.config import Config
from ticker.endpoints.http import head, problem
from ticker.errors import Refusal
from ticker.metrics import Metrics
from ticker.session.budget import Allowance, Budget

POLITE_MAX = 16  # turned away and not gone yet: a quarter of the spare descriptors; more than these are just cut off
AGAIN_S = (1, 3)  # when to come back, at random: not all together again
ADDRESS_AGAIN_S = 5
IPV6_HOST_BITS = 64  # whoever has one address of IPv6 has all of its /64
ESTABLISHED = 1  # of tcp_info: the peer has not hung up
SENTENCES = {
    "total": "too many connections",
    "address": "too many connections from your address",
    "rate": "too many connections at once",
    "draining": "the server is going away",
}


class Connection(Protocol):
    """Anything with a client at its other end."""

    def sweep(self, now_s: float) -> None:
        """Look at the deadlines; called once a second or so."""

    def drain(self) -> None:
        """Say goodbye: the server is going away."""

    def abort(self, reason: str) -> None:
        """Cut the connection off now."""


class Guest(Connection, Protocol):
    """A connection that nothing has been read from."""

    def enter(self) -> None:
        """Come in: it is your turn."""

    def wait(self) -> None:
        """Read nothing until it is."""

    def turn_away(self, answer: bytes, *, politely: bool) -> None:
        """Say this and hang up; politely is to wait for the other end to do it too."""

    @property
    def socket(self) -> socket.socket:
        """Where to ask whether the peer is still there."""


class Entrance:
    """The door's keeper: knows where everybody who is here came from."""

    def __init__(
        self,
        config: Config,
        connections_max: int,
        metrics: Metrics,
        loop: asyncio.AbstractEventLoop,
        turned_away: Callable[[str], None],
    ) -> None:
        """Make one that tells why somebody is turned away."""
        server = config.server
        self._limit_loopback = server.limit_loopback
        self._connections_max = connections_max
        self._address_max = server.connections_per_address
        self._waiting_max = server.accepts_waiting_max
        self._per_s = server.accepts_per_s
        self._rate = Budget(Allowance(server.accepts_per_s, server.accepts_burst))
        self._metrics = metrics
        self._loop = loop
        self._here: Counter[str] = Counter()
        self._waiting: dict[Guest, None] = {}
        self._tell = turned_away
        self._turned_away: set[Connection] = set()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def waiting(self) -> int:
        """How many wait for their turn."""
        return len(self._waiting)

    def origin(self, peer: str) -> str:
        """Return what stands for all who come from where this address is; nothing for those who are not counted."""
        return _origin(peer, limit_loopback=self._limit_loopback)

    def come(self, guest: Guest, origin: str, connections: int, *, draining: bool) -> str:
        """Let somebody in, now or later, or turn it away; return what to count it by. So many are here already."""
        reason = "draining" if draining else self._objection(origin, connections)
        if reason:
            self._turn_away(guest, reason)
            return ""
        if not origin:
            self._metrics.accepts += 1
            guest.enter()
            return origin
        self._here[origin] += 1
        if not self._waiting and self._rate.take(clock.monotonic_s()):
            self._metrics.accepts += 1
            guest.enter()
        else:
            self._metrics.accepts_delayed += 1
            self._waiting[guest] = None
            guest.wait()
            self._wake_later()
        return origin

    def gone(self, connection: Connection, origin: str) -> None:
        """Forget somebody who has left."""
        self._waiting.pop(cast(Guest, connection), None)
        self._turned_away.discard(connection)
        if origin:
            self._here[origin] -= 1
            if not self._here[origin]:
                del self._here[origin]

    def _objection(self, origin: str, connections: int) -> str:
        if connections - len(self._turned_away) >= self._connections_max:
            return "total"
        if origin and self._address_max and self._here[origin] >= self._address_max:
            return "address"
        full = len(self._waiting) >= self._waiting_max
        if origin and full and (self._waiting or self._rate.wait_s(clock.monotonic_s())):
            return "rate"
        return ""

    def _turn_away(self, guest: Guest, reason: str) -> None:
        self._metrics.accepts_refused[reason] += 1
        self._tell(reason)
        again_s = random.randint(*AGAIN_S)
        if reason == "address":
            again_s = ADDRESS_AGAIN_S
        elif reason == "rate":
            again_s += ceil(len(self._waiting) / self._per_s)
        politely = len(self._turned_away) < POLITE_MAX
        if politely:
            self._turned_away.add(guest)
        guest.turn_away(_answer(SENTENCES[reason], again_s, clock.http_date()), politely=politely)

    def _wake_later(self) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(self._rate.wait_s(clock.monotonic_s()), self._let_in)

    def _let_in(self) -> None:
        """Let in whose turn it is; who has hung up meanwhile takes nobody's."""
        self._timer = None
        while self._waiting:
            guest = next(iter(self._waiting))
            if _has_left(guest.socket):
                del self._waiting[guest]
                guest.abort("left while it waited")
            elif self._rate.take(clock.monotonic_s()):
                del self._waiting[guest]
                self._metrics.accepts += 1
                guest.enter()
            else:
                self._wake_later()
                return


def _has_left(peer: socket.socket) -> bool:
    """Ask the kernel, as nothing is read that would tell."""
    try:
        return peer.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != ESTABLISHED
    except OSError:
        return True


@lru_cache(4096)  # as many as are here and come again
def _origin(peer: str, *, limit_loopback: bool) -> str:
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:  # a socket without an address: it is this machine's
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    if address.is_loopback and not limit_loopback:
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.IPv6Network((int(address), IPV6_HOST_BITS), strict=False))
    return str(address)


@lru_cache(256)
def _answer(sentence: str, again_s: int, date: str) -> bytes:
    """Return the whole answer to whoever is turned away: made once a second."""
    response = problem(Refusal("unavailable", sentence), {"Retry-After": str(again_s)})
    return head(response, date) + (response.body or b"")
