"""The composition root: wires source, feed, dialect and endpoints together; starts, drains, stops.

A server has one source at a time, and serves the tape that it opens. When it opens another, a new house is furnished
for those who come from then on, and whoever was in the old one is sent away.
"""

import asyncio
import os
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog
from msgspec import UNSET

from ticker import __version__, clock
from ticker.auth.keyring import Keyring
from ticker.config import Config, is_loopback
from ticker.dialects.native import SUBPROTOCOL, NativeDialect
from ticker.endpoints import conversation, hello
from ticker.endpoints.admin import Admin
from ticker.endpoints.documents import Documents
from ticker.endpoints.door import Door
from ticker.endpoints.gate import Gate
from ticker.endpoints.house import SLICES, House
from ticker.endpoints.http import Handler
from ticker.endpoints.listening import connections_max, listen
from ticker.endpoints.mounts import Mounts
from ticker.endpoints.page import Page
from ticker.endpoints.poll import Polls
from ticker.endpoints.rest import Rest
from ticker.endpoints.routes import Routes, VacantRoutes
from ticker.endpoints.secure import Secure
from ticker.endpoints.sse import EventStreams
from ticker.errors import SetupError
from ticker.feed.feed import Feed
from ticker.instruments import Universe
from ticker.metrics import Metrics
from ticker.session.messages import Welcome
from ticker.session.terms import Terms
from ticker.source import Opening, Source
from ticker.tls import authority
from ticker.tls import context as tls
from ticker.wire.label import Label

STREAM = "/v1/stream"
EVENTS = "/v1/sse"
TICKS = "/v1/ticks"
HELLO = "/hello"
METRICS = "/metrics"
SWEEP_S = 0.4 / SLICES  # a deadline is noticed in one round and over in another: both take less than a second
ACCEPTED_AT_ONCE = 4  # a turn of asyncio's loop, some four before the first of them is counted
AHEAD_S = 10.0  # at the most: a server that has to catch up does so faster
SHARED = ("root", "standby", "leaf")
GOING_AWAY = "the server is going away"
ANOTHER_TAPE = "another tape is served from now on: come back"


class Server:
    """A tape and everybody who reads it. `folder` holds the files of the page."""

    def __init__(self, config: Config, folder: Path, log: structlog.stdlib.BoundLogger) -> None:
        self.config = config
        self.log = log
        self.metrics = Metrics()
        self.label: Label | None = None
        """The tape that is served; None while there is none yet."""
        self.feed = Feed("", 0, 1, 1, self.metrics)
        self.keyring: Keyring | None = None
        self.ca: Path | None = None
        """What clients are to trust, where we made it ourselves."""
        self.venues: list[str] = []
        """Where clients of other markets find something."""
        self._stale = ""
        self._former: list[tuple[House, float]] = []
        """Houses that are being left, and until when."""
        self._running = False
        self._folder = folder
        self._sweeper: asyncio.TimerHandle | None = None
        self.source = self._source()
        self._tls = self._secured()

    async def start(self) -> None:
        """Listen and begin to tick. Raises SetupError where the address cannot be had."""
        self.loop = asyncio.get_running_loop()
        self._connections_max = connections_max(self.config.server.connections_max, self.log)
        self.house, self.routes = self._furnish()
        self.loop.set_exception_handler(self._on_fault)
        self._running = True
        self._listener = listen(self.config.server)
        self._warn()
        self.source.start(self)
        self._server = await self.loop.create_server(self._front(), sock=self._listener, backlog=ACCEPTED_AT_ONCE)
        self._listener.listen(self.config.server.backlog)  # the loop has told the kernel what it takes at once
        self._sweep()

    def _on_fault(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.house.faults.on_loop(loop, context)

    def _source(self) -> Source:
        """Return where the tape comes from. Raises SetupError. Only that is loaded: a leaf starts at once."""
        if self.config.nats.source:
            from ticker.links.nats.leaf import Leaf

            return Leaf(self)
        if self.config.nats.publish:
            from ticker.root.source import Root

            return Root(self)
        if self.config.replay.file:
            from ticker.replay_source import ReplaySource

            return ReplaySource(self)
        from ticker.market_source import MarketSource

        return MarketSource(self)

    # What the source asks.

    def open(self, opening: Opening) -> Feed:
        """Serve this tape from now on: whoever reads another is sent away, and may come back. Raises SetupError."""
        config, label = self.config, opening.label
        universe = label.traded()
        keyring = Keyring(config.auth, universe, clock.wall_us) if config.auth.enabled else None
        self.label, self.keyring = label, keyring
        self.feed = Feed(
            label.epoch,
            len(universe),
            clock.steps_in(config.feed.tape_s, label.speed, label.step_us),
            config.feed.bars_kept,
            self.metrics,
            config.feed.tape_bytes,
            opening.past[0][0].seq - 1 if opening.past else opening.seq,
            opening.t,
        )
        for batch, emitted_us in opening.past:
            self.feed.publish(batch, emitted_us)
        self.feed.flush()
        if opening.shown:
            self.feed.board.replace(opening.shown)
        if self._running:
            self._move()
        return self.feed

    def stale(self, reason: str) -> None:
        """Say why what is served is not the newest; nothing where it is."""
        self._stale = reason
        if self._running:
            self.house.stale = reason

    def _move(self) -> None:
        """Furnish another house, and send everybody there."""
        former = self.house
        self.house, self.routes = self._furnish()
        former.farewell = ANOTHER_TAPE
        for connection in tuple(former.connections):
            connection.drain()
        self._former.append((former, clock.monotonic_s() + self.config.server.drain_s))

    def _warn(self) -> None:
        """Say what an operator should know, and may have meant."""
        asks = self.config.auth.enabled or self.config.admin.token
        if asks and not self.config.server.secure and not is_loopback(self.config.server.host):
            advice = "set server.tls_cert, or have a proxy in front speak TLS"
            self.log.warning("tokens come unencrypted to an address that other machines reach", advice=advice)

    @property
    def failed(self) -> asyncio.Future[None]:
        """Resolved where the market cannot step: there is nothing to serve any longer."""
        return self.source.failed

    @property
    def origin(self) -> str:
        """Return where we listen, as `host:port`."""
        host, port = self._listener.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def _front(self) -> Callable[[], asyncio.Protocol]:
        """Return what meets whoever connects: the door, behind TLS where it is spoken."""
        secure = self._tls
        if secure is None:
            return lambda: Door(self.house, self.routes)
        return lambda: self._guarded(secure, self.house, self.routes)

    def _guarded(self, secure: ssl.SSLContext, house: House, routes: Routes) -> Secure:
        return Secure(house, secure, lambda: Door(house, routes))

    @property
    def rereads(self) -> bool:
        """Whether there are files that may change while we run: of tokens, of a certificate."""
        return bool(self.config.auth.file or self.config.server.tls_cert)

    def reload(self) -> None:
        """Read tokens and certificate again: who has lost a token is closed. What is wrong changes nothing."""
        try:
            if self.keyring is not None and self.config.auth.file:
                self.log.info("tokens were read again", count=self.keyring.reload())
            if self._tls is not None and self.config.server.tls_cert:
                tls.load(self._tls, Path(self.config.server.tls_cert), Path(self.config.server.tls_key))
                self.log.info("the certificate was read again")
        except SetupError as error:
            self.log.error("not everything was read again", reason=str(error))

    def _secured(self) -> ssl.SSLContext | None:
        """Return how TLS is spoken, if it is. Raises ConfigError."""
        settings = self.config.server
        if settings.tls_self_signed:
            made = authority.identity(authority.folder(dict(os.environ)))
            self.ca = made.ca
            return tls.context(made.server, made.server)
        return tls.context(Path(settings.tls_cert), Path(settings.tls_key)) if settings.tls_cert else None

    async def stop(self) -> None:
        """Say goodbye to everybody, and be gone within `drain_s` and a little whatever they do."""
        if self._sweeper:
            self._sweeper.cancel()
        await self.source.stop()
        self._server.close()
        houses = [self.house, *(former for former, _ in self._former)]
        for house in houses:
            house.farewell = house.farewell or GOING_AWAY
            for connection in tuple(house.connections):
                connection.drain()
        deadline_s = clock.monotonic_s() + self.config.server.drain_s
        while any(house.connections for house in houses) and clock.monotonic_s() < deadline_s:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        for house in houses:
            _abort(house)
        await asyncio.sleep(0)

    def _furnish(self) -> tuple[House, Routes]:
        """Return a house for the tape that is served, and what answers there."""
        universe = self.label.traded() if self.label else Universe(())
        house = House(
            config=self.config,
            feed=self.feed,
            terms=self._terms(universe),
            dialect=NativeDialect(universe),
            metrics=self.metrics,
            loop=self.loop,
            log=self.log,
            welcome=self._welcome,
            gate=self._gate(),
            connections_max=self._connections_max,
        )
        self.feed.soon = self.loop.call_soon
        house.stale = self._stale
        house.ahead = self._ahead
        self._gauges(house)
        return house, self._routes(house) if self.label else VacantRoutes(Rest(house).vacant())

    def _gauges(self, house: House) -> None:
        gauge, feed, source = self.metrics.gauge, self.feed, self.source
        gauge("connections", "Connections open now, HTTP and WebSocket.", lambda: len(house.connections))
        gauge(
            "tasks",
            "Tasks of the event loop: what serves one client is none.",
            lambda: len(asyncio.all_tasks(self.loop)),
        )
        gauge("accepts_waiting", "Connections that wait for their turn to be read.", lambda: house.entrance.waiting)
        gauge("connections_max", "Connections there may be at once.", lambda: house.connections_max)
        gauge("laggards", "Readers that are behind and catching up.", lambda: len(feed.laggards))
        gauge("windows", "Readers with a window.", lambda: len(house.flows))
        gauge("windows_shut", "Readers with as many messages under way as they allow.", house.windows_shut)
        gauge("unacked_messages", "Messages of ticks that readers with a window have not acknowledged.", house.unacked)
        gauge("audiences", "Sets of readers that are owed the same bytes.", lambda: feed.audiences)
        tape = feed.tape
        gauge("tape_steps", "Steps kept on the tape.", lambda: tape.head - tape.oldest + 1)
        gauge("tape_bytes", "Bytes the tape weighs, renderings not counted.", lambda: tape.bytes)
        gauge("tape_ticks", "Ticks kept on the tape.", lambda: tape.ticks)
        gauge("tape_seconds", "Market time the tape reaches back.", lambda: tape.seconds)
        gauge("tape_rendered_bytes", "Bytes of renderings kept for the newest steps.", lambda: tape.rendered_bytes)
        gauge("market_time_seconds", "Market time, since 1970.", lambda: tape.t / 1e6)
        gauge("beat_lag_seconds", "How late the last step was.", lambda: source.lag_s)
        gauge("clock_speed", "Seconds of market time in a second, as asked for.", lambda: source.speed)
        gauge("clock_speed_actual", "The same as measured over the last two seconds.", lambda: source.speed_actual)
        gauge("clock_paused", "Whether market time stands still.", lambda: source.paused)
        gauge("leads", "Whether this server makes the tape.", lambda: source.role in ("market", "root"))
        gauge("stale", "Whether what is served is not the newest.", lambda: bool(self._stale))

    def _gate(self) -> Gate:
        auth = self.config.auth
        return Gate(self.keyring, query=not auth.header_only, deadline_s=auth.deadline_s)

    def _terms(self, universe: Universe) -> Terms:
        stream = self.config.stream
        return Terms(
            universe=universe,
            symbols_max=stream.symbols_max,
            window_max=stream.window_max,
            rate_hz=stream.rate_hz,
            rate_max_hz=self._rate_max_hz,
        )

    def _routes(self, house: House) -> Routes:
        rest = Rest(house)
        polls = Polls(house)
        self.metrics.gauge("polls_held", "Long polls that wait for something to come.", lambda: polls.held)
        settings = self.config.admin
        control = self.source.control
        admin = Admin(house, control) if settings.enabled and control else None
        documents = Documents(
            admin=admin is not None,
            token=bool(settings.token),
            asks=house.gate.asks,
            secure=self._tls is not None,
        )
        handlers = {**rest.handlers(), TICKS: polls.ticks, **documents.handlers()}
        posts: dict[str, Handler] = {}
        if admin:
            handlers.update(admin.handlers())
            posts = admin.posts()
            house.audit = admin.overhear
        page = Page(self._folder, rest, {*handlers, *posts, STREAM, EVENTS, HELLO})
        guarded = {*(admin.handlers() if admin else ()), *posts}  # by the admin API itself
        public = {*page.handlers(), *documents.handlers(), *rest.public, *guarded}
        venues = Mounts(house, self.config.venues)
        self.venues = venues.names()
        house.gate.leave_open(public, local=[METRICS], later=[STREAM, *venues.later()])
        routes = Routes(
            {**page.handlers(), **handlers},
            {STREAM: conversation.accept, HELLO: hello.accept},
            {EVENTS: EventStreams(house).accept},
            posts,
            secure=self._tls is not None,
            mounts=venues,
        )
        house.gate.look_further(routes.token)
        return routes

    @property
    def _ahead(self) -> int:
        """By how many steps who comes from another server of the same tape may be ahead of this one."""
        label = self.label
        return clock.steps_in(AHEAD_S, label.speed, label.step_us) if label and self.source.role in SHARED else 0

    @property
    def _rate_max_hz(self) -> float:
        """A message a flush."""
        return self.source.flushes_per_s

    def _welcome(self) -> Welcome:
        stream, label, source = self.config.stream, self.label, self.source
        assert label is not None  # nobody is welcomed before
        return Welcome(
            server="ticker",
            version=__version__,
            protocol=SUBPROTOCOL,
            epoch=self.feed.tape.epoch,
            seq=self.feed.tape.head,
            step_ms=label.step_us / 1000,
            speed=source.speed,
            paused=source.paused,
            seed=label.seed,
            instruments=len(label.universe.instruments),
            limits={
                "message_bytes": stream.message_bytes_max,
                "symbols": stream.symbols_max,
                "window": stream.window_max,
                "rate_hz": self._rate_max_hz,
                "ack_deadline_s": stream.ack_deadline_s,
                "control_per_s": stream.control_per_s,
                "commands_per_s": stream.commands_per_s,
                "commands_burst": stream.commands_burst,
                "acks_per_s": self.house.allowances.acks.per_s,
                "acks_burst": stream.acks_burst,
                "bytes_per_s": stream.bytes_per_s,
                "bytes_burst": stream.bytes_burst,
                "errors": stream.errors_max,
                "ahead": self._ahead,
            },
            heartbeat_s=stream.heartbeat_s,
            auth_required=self.keyring is not None,
            role=source.role,
            leader=source.leader or UNSET,
            stale=True if self._stale else UNSET,
        )

    def _sweep(self) -> None:
        self._sweeper = self.loop.call_later(SWEEP_S, self._sweep)  # first: deadlines go on whatever happens below
        self.feed.settle(clock.wall_us())  # for the newest of a market that stands still
        now_s = clock.monotonic_s()
        self.house.expect(self.source.flushes_per_s)
        self.house.sweep(now_s)
        for former, until_s in self._former:
            former.sweep(now_s)
            if now_s > until_s:
                _abort(former)
        self._former = [(former, until_s) for former, until_s in self._former if former.connections]
        self.source.measure()


def _abort(house: House) -> None:
    for connection in tuple(house.connections):
        connection.abort("still there at the end")
