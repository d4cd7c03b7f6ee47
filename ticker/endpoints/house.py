"""What the endpoints of one server share. Made by the server, handed to every connection."""

import asyncio
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import structlog

from ticker import clock
from ticker.config import Config
from ticker.dialects import native, packed
from ticker.dialects.native import NativeDialect
from ticker.dialects.packed import PackedDialect
from ticker.endpoints.askers import Askers
from ticker.endpoints.callers import Callers
from ticker.endpoints.entrance import Connection, Entrance, Guest
from ticker.endpoints.faults import Faults
from ticker.endpoints.framing import Framing
from ticker.endpoints.gate import ASKED, Gate
from ticker.endpoints.http import Request
from ticker.errors import Refusal
from ticker.feed.feed import Feed
from ticker.feed.rendering import Dialect
from ticker.interest import Interest
from ticker.metrics import Metrics
from ticker.session.budget import Allowance
from ticker.session.flow import Flow
from ticker.session.messages import Lag, Welcome
from ticker.session.patience import Allowances
from ticker.session.permits import Permit, permitted
from ticker.session.requests import SelectQuery
from ticker.session.terms import Standing, Terms, resolve, unknown_symbols

SLICES = 10  # ten thousand connections at once would keep everybody waiting for 20 ms
ACKS_A_LOT = 16  # are charged at once
ACKS_A_MESSAGE = 2  # that are always borne: a reader may acknowledge each, and falter now and then
NOTEWORTHY = {"forbidden", "head_too_large", "misdirected", "rate_limited", "timeout", "too_large", "unauthorized"}
"""Refusals that an operator wants to hear of: whoever mistypes a path is none."""
LATE_S = 1.0  # between two sweeps: something has kept the event loop, and the clients' bytes wait in the kernel


@dataclass
class House:
    """Feed, terms and limits, and the connections that are open."""

    config: Config
    feed: Feed
    terms: Terms
    dialect: NativeDialect
    metrics: Metrics
    loop: asyncio.AbstractEventLoop
    log: structlog.stdlib.BoundLogger
    welcome: Callable[[], Welcome]
    connections_max: int
    connections: dict[Connection, str] = field(default_factory=dict)
    """Who is here, and where each came from, as `Entrance.origin` has it."""
    flows: dict[Flow, None] = field(default_factory=dict)
    """The windows of those who have one."""
    farewell: str = ""
    """Why everybody is sent away, once they are."""
    ahead: int = 0
    """By how many steps who comes from another server may be ahead of this one."""
    stale: str = ""
    """Why what is served is not the newest, where it is not."""
    packed: PackedDialect = field(default_factory=PackedDialect)
    gate: Gate = field(default_factory=Gate)
    swept_s: float = math.inf
    audit: Callable[[Request, str], None] = field(default=lambda _request, _code: None)
    """Told of every request that is refused, with the code: some are to be written down."""

    def __post_init__(self) -> None:
        self._news: Counter[tuple[str, str]] = Counter()
        self._unswept: list[Connection] = []
        self._slice = 0
        self.callers = Callers(self.config)
        self.faults = Faults(self.metrics, self.log)
        self.framing = Framing(self.config.stream.compression_level)
        self.askers = Askers(self.config.http.requests_per_s, self.config.http.requests_burst)
        self.entrance = Entrance(self.config, self.connections_max, self.metrics, self.loop, self._turned_away)
        self.allowances = _allowances(self.config)
        self.acks_a_lot = max(1, min(ACKS_A_LOT, self.config.stream.acks_burst // 4))

    @cached_property
    def listing(self) -> bytes:
        """What the numbers in packed messages stand for, spelled."""
        return native.reply(packed.listing(self.terms.universe))

    def expect(self, messages_per_s: float) -> None:
        """Bear as many acks as go with so many messages of ticks."""
        acks_per_s = max(self.config.stream.acks_per_s, ACKS_A_MESSAGE * messages_per_s)
        if acks_per_s != self.allowances.acks.per_s:
            self.allowances.acks.change(acks_per_s)

    @property
    def draining(self) -> bool:
        """Whether everybody is sent away."""
        return bool(self.farewell)

    # Who comes and goes.

    def come(self, guest: Guest, peer: str) -> None:
        """Let somebody in, now or later, or turn it away."""
        here, origin = len(self.connections), self.entrance.origin(peer)
        self.connections[guest] = ""
        self.connections[guest] = self.entrance.come(guest, origin, here, draining=self.draining)

    def hand_over(self, giver: Connection, taker: Connection) -> None:
        """Have another take the place of one that is here."""
        self.connections[taker] = self.connections.pop(giver, "")

    def gone(self, connection: Connection) -> None:
        """Forget somebody who has left."""
        if connection in self.connections:
            self.entrance.gone(connection, self.connections.pop(connection))

    def check_rate(self, connection: Connection) -> None:
        """Note a request. Raises Refusal (rate_limited) where too many come from where it does."""
        if origin := self.connections.get(connection):
            self.askers.ask(origin, clock.monotonic_s())

    # What is asked of the tape.

    def standing(self, sent: int = 0) -> Standing:
        """Return where the tape stands, for a client that has had ticks up to `sent`."""
        tape = self.feed.tape
        return Standing(tape.epoch, tape.oldest, tape.head, sent, self.ahead)

    def interest(self, query: SelectQuery, permit: Permit | None) -> Interest:
        """Return what a request asks for; over HTTP one symbol that cannot be had refuses all of it. Raises Refusal."""
        symbols = query.symbols.split(",") if query.symbols else []
        channels = query.channels.split(",")
        interest, unknown = resolve(channels, symbols, self.terms)
        if unknown:
            raise unknown_symbols(unknown)
        if permit is None:
            raise Refusal("unauthorized", ASKED)
        granted, refusal = permitted(dict.fromkeys(channels, symbols), interest, permit, self.terms.universe)
        if refusal:
            raise refusal
        return granted

    def snapshot(self, dialect: Dialect, channel: str, instruments: list[int]) -> bytes:
        """Return a `snapshot` message of the newest rows of a channel, at the head of the tape."""
        seq, rows = self.feed.tape.head, self.feed.board.newest(channel, instruments)
        if dialect.packs:
            return dialect.snapshot(seq, channel, rows)
        return dialect.snapshot(seq, channel, b"".join(dialect.render(channel, rows)))

    def acked(self, seq: int) -> None:
        """Count an acknowledgement, and how long after its emission the step was processed at the other end."""
        self.metrics.acks_received += 1
        emitted_us = self.feed.tape.emitted_us(seq)
        if emitted_us is not None:
            self.metrics.acked((clock.wall_us() - emitted_us) / 1e6)

    def refused(self, code: str) -> None:
        """Count a refusal; one that an operator wants to hear of is logged with the next sweep."""
        self.metrics.refusals[code] += 1
        if code in NOTEWORTHY:
            self._news["refused", code] += 1

    def _turned_away(self, reason: str) -> None:
        self.metrics.refusals["unavailable"] += 1
        self._news["connections turned away", reason] += 1

    def ended(self, reason: str, *, by_us: bool) -> None:
        """Count the end of a conversation; one that we ended is logged with the next sweep, together with its like."""
        self.metrics.closes[reason] += 1
        if by_us:
            self._news["conversations ended", reason] += 1

    def lagged(self, lag: Lag) -> None:
        """Count what a reader is told it does not get; what it did not ask for is logged in the same way."""
        self.metrics.lagged(lag.reason, lag.dropped)
        if lag.reason != "pace":
            self._news["readers lagged", lag.reason] += 1

    def unacked(self) -> int:
        """Return how many messages are under way to those who acknowledge them."""
        return sum(flow.unacked for flow in self.flows)

    def windows_shut(self) -> int:
        """Return how many windows are shut."""
        return sum(flow.shut for flow in self.flows)

    def sweep(self, now_s: float) -> None:
        """Look at the deadlines of some connections: of all of them in so many `SLICES`.

        A late sweep does not: what held us up may have held up the clients too, and a loop may run timers before it
        reads their signs of life. The next one decides, however late it is: everything was read once in between.
        """
        late = now_s - self.swept_s > LATE_S
        self.swept_s = math.inf if late else now_s
        if late:
            return
        if not self._unswept:
            self._log_news()
            self.askers.forget(now_s)
            self._unswept = list(self.connections)
            self._slice = -(-len(self._unswept) // SLICES)
        due, self._unswept = self._unswept[: self._slice], self._unswept[self._slice :]
        for connection in due:
            if connection in self.connections:
                self._sweep_one(connection, now_s)

    def _sweep_one(self, connection: Connection, now_s: float) -> None:
        try:
            connection.sweep(now_s)
        except Exception as error:  # the others have deadlines too
            self.faults.note("a connection could not be looked at", error)
            connection.abort("fault")

    def _log_news(self) -> None:
        """Log what happened to readers and why: a line a reason, however many there were."""
        for (event, reason), count in self._news.items():
            self.log.info(event, reason=reason, count=count)
        self._news.clear()


def _allowances(config: Config) -> Allowances:
    """Return what every client of a conversation is allowed."""
    stream = config.stream
    return Allowances(
        commands=Allowance(stream.commands_per_s, stream.commands_burst),
        acks=Allowance(stream.acks_per_s, stream.acks_burst),
        input_bytes=Allowance(stream.bytes_per_s, stream.bytes_burst),
        errors=Allowance(1 / stream.error_s, stream.errors_max),
        garbled=Allowance(1 / stream.error_s, stream.bad_json_max),
    )
