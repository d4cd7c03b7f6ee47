"""The composition root: wires source, feed, dialect and endpoints together; starts, beats, drains, stops."""

import asyncio
import errno
import os
import resource
import socket
import ssl
import sys
from collections.abc import Callable
from pathlib import Path

import structlog

from ticker import __version__, checkpoints, clock
from ticker.auth.keyring import Keyring
from ticker.beat import Beat
from ticker.config import Config, ServerConfig, is_loopback
from ticker.control import Control
from ticker.dialects.native import SUBPROTOCOL, NativeDialect
from ticker.endpoints import conversation, hello
from ticker.endpoints.admin import Admin
from ticker.endpoints.documents import Documents
from ticker.endpoints.door import Door
from ticker.endpoints.gate import Gate
from ticker.endpoints.house import SLICES, House
from ticker.endpoints.http import Handler
from ticker.endpoints.page import Page
from ticker.endpoints.poll import Polls
from ticker.endpoints.rest import Rest
from ticker.endpoints.routes import Routes
from ticker.endpoints.secure import Secure
from ticker.endpoints.sse import EventStreams
from ticker.errors import SetupError
from ticker.feed.feed import Feed
from ticker.metrics import Metrics
from ticker.session.messages import Welcome
from ticker.session.terms import Terms
from ticker.stage import stage
from ticker.tls import authority
from ticker.tls import context as tls

STREAM = "/v1/stream"
EVENTS = "/v1/sse"
TICKS = "/v1/ticks"
HELLO = "/hello"
METRICS = "/metrics"
SWEEP_S = 0.4 / SLICES  # a deadline is noticed in one round and over in another: both take less than a second
SPARE_DESCRIPTORS = 64  # for the listener, the loop, logs: running out of descriptors would stop us accepting
ACCEPTED_AT_ONCE = 4  # a turn of asyncio's loop, some four before the first of them is counted
KEEPALIVE_EVERY_S, KEEPALIVE_TIMES = 5, 3


class Server:
    """A market and everybody who reads it. `folder` holds the files of the page."""

    def __init__(self, config: Config, folder: Path, log: structlog.stdlib.BoundLogger) -> None:
        self.config = config
        self.log = log
        self.metrics = Metrics()
        self._stage = stage(config)
        self.market = self._stage.market
        self.feed = Feed(
            self.market.epoch,
            len(self.market.universe),
            clock.steps_in(config.feed.tape_s, config.clock.speed, self.market.step_us),
            config.feed.bars_kept,
            self.metrics,
            config.feed.tape_bytes,
            self.market.seq,
        )
        if self._stage.shown:
            self.feed.board.update(self._stage.shown)
        self.feed.bars.restore(self._stage.bars)
        self.beat = Beat(self.market, self.feed, self.metrics, config)
        self.keyring = Keyring(config.auth, self.market.universe, clock.wall_us) if config.auth.enabled else None
        self.control = Control(self._stage, self.feed, self.beat, self.metrics, self._keep)
        self.ca: Path | None = None
        """What clients are to trust, where we made it ourselves."""
        self._tls = self._secured()
        self._folder = folder
        self._sweeper: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Listen and begin to tick. Raises SetupError where the address cannot be had."""
        self.loop = asyncio.get_running_loop()
        self.house = self._furnish()
        self.loop.set_exception_handler(self.house.faults.on_loop)
        routes = self._routes()
        self._listener = _listen(self.config.server)
        self._warn()
        self.beat.start(self.loop)
        self._server = await self.loop.create_server(self._front(routes), sock=self._listener, backlog=ACCEPTED_AT_ONCE)
        self._listener.listen(self.config.server.backlog)  # the loop has told the kernel what it takes at once
        self._sweep()

    def _warn(self) -> None:
        """Say what an operator should know, and may have meant."""
        for sentence in self._stage.warnings:
            self.log.warning("a scenario causes what cannot happen then", incident=sentence)
        asks = self.config.auth.enabled or self.config.admin.token
        if asks and not self.config.server.secure and not is_loopback(self.config.server.host):
            advice = "set server.tls_cert, or have a proxy in front speak TLS"
            self.log.warning("tokens come unencrypted to an address that other machines reach", advice=advice)

    @property
    def failed(self) -> asyncio.Future[None]:
        """Resolved where the market cannot step: there is nothing to serve any longer."""
        return self.beat.failed

    @property
    def origin(self) -> str:
        """Return where we listen, as `host:port`."""
        host, port = self._listener.getsockname()[:2]
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    def _front(self, routes: Routes) -> Callable[[], asyncio.Protocol]:
        """Return what meets whoever connects: the door, behind TLS where it is spoken."""
        house, secure = self.house, self._tls
        if secure is None:
            return lambda: Door(house, routes)
        return lambda: Secure(house, secure, lambda: Door(house, routes))

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
        self.beat.stop()
        self.house.draining = True
        self._server.close()
        for connection in tuple(self.house.connections):
            connection.drain()
        deadline_s = clock.monotonic_s() + self.config.server.drain_s
        while self.house.connections and clock.monotonic_s() < deadline_s:  # noqa: ASYNC110  # once in its life
            await asyncio.sleep(0.01)
        for connection in tuple(self.house.connections):
            connection.abort("still there at the end")
        if self.config.market.checkpoint and not self.failed.done():
            self._keep(self.control.whole()())
        await asyncio.sleep(0)

    def _keep(self, data: bytes) -> None:
        """Store a checkpoint where one is kept; a disk that does not take it is no reason to stop."""
        path = self.config.market.checkpoint
        if not path:
            return
        try:
            checkpoints.store(path, data)
        except OSError as error:
            self.log.error("no checkpoint was stored", file=path, reason=error.strerror)

    def _connections_max(self) -> int:
        """Return how many connections there may be; say so where it is fewer than asked for. Raises SetupError."""
        asked, files = self.config.server.connections_max, _descriptors()
        possible = files - SPARE_DESCRIPTORS
        if possible < 1:
            raise SetupError(
                f"{files} open files are allowed here, and {SPARE_DESCRIPTORS + 1} are the least: raise ulimit -n"
            )
        if possible < asked:
            self.log.warning(
                "fewer connections than server.connections_max: so many open files are allowed (ulimit -n)",
                connections_max=possible,
                asked=asked,
                open_files=files,
            )
        return min(asked, possible)

    def _furnish(self) -> House:
        house = House(
            config=self.config,
            feed=self.feed,
            terms=self._terms(),
            dialect=NativeDialect(self.market.universe),
            metrics=self.metrics,
            loop=self.loop,
            log=self.log,
            welcome=self._welcome,
            gate=self._gate(),
            connections_max=self._connections_max(),
        )
        house.expect(self.beat.flushes_per_s)
        gauge = self.metrics.gauge
        gauge("connections", "Connections open now, HTTP and WebSocket.", lambda: len(house.connections))
        gauge(
            "tasks",
            "Tasks of the event loop: what serves one client is none.",
            lambda: len(asyncio.all_tasks(self.loop)),
        )
        gauge("accepts_waiting", "Connections that wait for their turn to be read.", lambda: house.entrance.waiting)
        gauge("connections_max", "Connections there may be at once.", lambda: house.connections_max)
        gauge("laggards", "Readers that are behind and catching up.", lambda: len(self.feed.laggards))
        gauge("windows", "Readers with a window.", lambda: len(house.flows))
        gauge("windows_shut", "Readers with as many messages under way as they allow.", house.windows_shut)
        gauge("unacked_messages", "Messages of ticks that readers with a window have not acknowledged.", house.unacked)
        gauge("audiences", "Sets of readers that are owed the same bytes.", lambda: self.feed.audiences)
        tape = self.feed.tape
        gauge("tape_steps", "Steps kept on the tape.", lambda: tape.head - tape.oldest + 1)
        gauge("tape_bytes", "Bytes the tape weighs, renderings not counted.", lambda: tape.bytes)
        gauge("tape_ticks", "Ticks kept on the tape.", lambda: tape.ticks)
        gauge("tape_seconds", "Market time the tape reaches back.", lambda: tape.seconds)
        gauge("tape_rendered_bytes", "Bytes of renderings kept for the newest steps.", lambda: tape.rendered_bytes)
        beat, market = self.beat, self.market
        gauge("beat_lag_seconds", "How late the last step was.", lambda: beat.metronome.lag_s)
        gauge("clock_speed", "Seconds of market time in a second, as asked for.", lambda: beat.speed)
        gauge("clock_speed_actual", "The same as measured over the last two seconds.", lambda: beat.speed_actual)
        gauge("clock_paused", "Whether market time stands still.", lambda: beat.paused)
        gauge("market_time_seconds", "Market time, since 1970.", lambda: market.time_us(tape.head) / 1e6)
        return house

    def _gate(self) -> Gate:
        auth = self.config.auth
        return Gate(self.keyring, query=not auth.header_only, deadline_s=auth.deadline_s)

    def _terms(self) -> Terms:
        stream = self.config.stream
        return Terms(
            universe=self.market.universe,
            symbols_max=stream.symbols_max,
            window_max=stream.window_max,
            rate_hz=stream.rate_hz,
            rate_max_hz=self._rate_max_hz,
        )

    def _routes(self) -> Routes:
        rest = Rest(self.house)
        polls = Polls(self.house)
        self.metrics.gauge("polls_held", "Long polls that wait for something to come.", lambda: polls.held)
        settings = self.config.admin
        admin = Admin(self.house, self.control) if settings.enabled else None
        documents = Documents(
            admin=settings.enabled,
            token=bool(settings.token),
            asks=self.house.gate.asks,
            secure=self._tls is not None,
        )
        handlers = {**rest.handlers(), TICKS: polls.ticks, **documents.handlers()}
        posts: dict[str, Handler] = {}
        if admin:
            handlers.update(admin.handlers())
            posts = admin.posts()
            self.house.audit = admin.overhear
        page = Page(self._folder, rest, {*handlers, *posts, STREAM, EVENTS, HELLO})
        guarded = {*(admin.handlers() if admin else ()), *posts}  # by the admin API itself
        public = {*page.handlers(), *documents.handlers(), *rest.public, *guarded}
        self.house.gate.leave_open(public, local=[METRICS], later=[STREAM])
        return Routes(
            {**page.handlers(), **handlers},
            {STREAM: conversation.accept, HELLO: hello.accept},
            {EVENTS: EventStreams(self.house).accept},
            posts,
            secure=self._tls is not None,
        )

    @property
    def _rate_max_hz(self) -> float:
        """A message a flush."""
        return self.beat.flushes_per_s

    def _welcome(self) -> Welcome:
        stream = self.config.stream
        return Welcome(
            server="ticker",
            version=__version__,
            protocol=SUBPROTOCOL,
            epoch=self.feed.tape.epoch,
            seq=self.feed.tape.head,
            step_ms=self.market.step_us / 1000,
            speed=self.beat.speed,
            paused=self.beat.paused,
            seed=self.config.market.seed,
            instruments=len(self.market.universe),
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
            },
            heartbeat_s=stream.heartbeat_s,
            auth_required=self.keyring is not None,
        )

    def _sweep(self) -> None:
        self._sweeper = self.loop.call_later(SWEEP_S, self._sweep)  # first: deadlines go on whatever happens below
        self.feed.settle(clock.wall_us())  # for the newest of a market that stands still
        self.house.expect(self.beat.flushes_per_s)
        self.house.sweep(clock.monotonic_s())
        self.beat.measure()


def _descriptors() -> int:
    """Raise the limit of open files to what the system lets us have, and return it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return sys.maxsize if hard == resource.RLIM_INFINITY else hard


def _socket_options(config: ServerConfig) -> list[tuple[int, int, int]]:
    """Return what is set on the listening socket, from which accepted ones inherit it."""
    return [
        (socket.SOL_SOCKET, socket.SO_REUSEADDR, 1),
        (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
        (socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, config.unsent_bytes),
        (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1000 * config.vanished_s),
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, config.keepalive_s),
        (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_EVERY_S),
        (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_TIMES),
    ]


def _listen(config: ServerConfig) -> socket.socket:
    """Return a listening socket. Raises SetupError with a sentence that helps."""
    host, port = config.host, config.port
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, socket.SOCK_STREAM)
        for option in _socket_options(config):
            listener.setsockopt(*option)
        listener.setblocking(False)
        listener.bind(address)
        listener.listen(config.backlog)
    except (socket.gaierror, UnicodeError):  # the latter for a name that no host can have
        raise SetupError(f"server.host: {host} is not an address of this machine") from None
    except PermissionError:
        raise SetupError(f"server.port: {port} needs privileges; choose one above 1023") from None
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        advice = "it is taken: choose another with --port, or 0 for a free one" if taken else error.strerror
        raise SetupError(f"cannot listen on {host}:{port}: {advice}") from None
    return listener
