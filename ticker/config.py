"""Every number an operator may turn: its unit, its default and its reason.

How they are spelled in files, the environment and flags, and which sets contradict themselves, is `ticker.settings`'s.
"""

import ipaddress
from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Doc = Meta
STEP_MS, STEP_MS_MAX = 10.0, 60_000.0
SPEED_COARSE = 2.5  # above it a step of automatic length grows with the speed: 250 steps a second are the most
SPEED_MIN, SPEED_MAX = 0.01, 10_000.0
Moment = Annotated[datetime, Meta(tz=True)]
SECRETS = ("admin.token", "auth.jwt_key", "nats.password", "nats.publish", "nats.source")
"""Keys whose values no sentence shows."""
START_MIN, START_MAX = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
"""Between these a market may begin: positive in microseconds since 1970, with centuries to go."""


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A group of keys."""


class ServerConfig(Section, frozen=True, kw_only=True):
    """Where we listen, and how we stop."""

    host: Annotated[str, Doc(description="address to listen on; anything but loopback also needs server.public")] = (
        "127.0.0.1"
    )
    port: Annotated[int, Doc(ge=0, le=65535, description="TCP port; 0 takes a free one and prints it")] = 8765
    public: Annotated[bool, Doc(description="allow an address that other machines can reach")] = False
    drain_s: Annotated[
        float, Doc(ge=0, le=60, description="seconds clients get to finish the closing handshake when we stop")
    ] = 2.0
    loop: Annotated[
        Literal["auto", "uvloop", "asyncio"], Doc(description="event loop; auto takes uvloop where it is installed")
    ] = "auto"
    connections_max: Annotated[
        int,
        Doc(
            ge=1,
            description="connections at once, as far as file descriptors allow; each costs about 4 KiB",
        ),
    ] = 12_000
    connections_per_address: Annotated[
        int,
        Doc(
            ge=0,
            description="and so many of them from one address, a /64 of IPv6 counting as one; 0 is no such limit, as "
            "where everybody comes through a proxy on another machine",
        ),
    ] = 100
    accepts_per_s: Annotated[
        float,
        Doc(
            gt=0,
            le=1_000_000,
            description="connections a second that may come for long: a handshake costs about 0.5 ms; who comes faster "
            "waits for its turn, unread",
        ),
    ] = 200.0
    accepts_burst: Annotated[
        int, Doc(ge=1, le=1_000_000, description="and so many of them at once, such as readers that all come back")
    ] = 400
    accepts_waiting_max: Annotated[
        int,
        Doc(ge=0, description="connections that may wait for their turn; beyond them one is turned away with 503"),
    ] = 1000
    limit_loopback: Annotated[
        bool,
        Doc(
            description="hold callers from this machine to the limits by address and to the rates of connections and "
            "requests too; off, as load tests and proxies come from there"
        ),
    ] = False
    reuse_port: Annotated[
        bool,
        Doc(
            description="share the port with others that say the same (SO_REUSEPORT): leaves of one tape on one machine"
        ),
    ] = False
    backlog: Annotated[
        int,
        Doc(
            ge=1,
            le=65_535,
            description="connections the kernel holds while a crowd arrives, within net.core.somaxconn",
        ),
    ] = 1024
    unsent_bytes: Annotated[
        int,
        Doc(
            ge=4096,
            le=2**30,
            description="bytes the kernel holds unsent for a reader (TCP_NOTSENT_LOWAT): left alone, 4 MB of old ticks",
        ),
    ] = 32 * 1024
    keepalive_s: Annotated[
        int, Doc(ge=1, le=32_767, description="TCP asks a silent peer after so long, three times 5 seconds apart")
    ] = 15
    vanished_s: Annotated[
        int,
        Doc(
            ge=1,
            le=3600,
            description="TCP gives up a peer that acknowledges nothing for this long; a WebSocket is pinged instead",
        ),
    ] = 30
    tls_cert: Annotated[
        str,
        Doc(description="PEM file of a certificate and its chain: then TLS is spoken; needs server.tls_key"),
    ] = ""
    tls_key: Annotated[str, Doc(description="PEM file of its private key, not encrypted")] = ""
    tls_self_signed: Annotated[
        bool,
        Doc(
            description="speak TLS with a certificate for this machine, signed by a CA of our own that is made for "
            "development and kept; the start says what clients are told of it"
        ),
    ] = False

    @property
    def secure(self) -> bool:
        """Whether TLS is spoken."""
        return self.tls_self_signed or bool(self.tls_cert)


class MarketConfig(Section, frozen=True, kw_only=True):
    """What is traded and how it moves. These keys alone decide the tape and its epoch."""

    model: Annotated[
        Literal["realistic", "plain"],
        Doc(
            description="realistic: order books, sessions and statistics like a real market's; plain: a random walk "
            "at set rates with one level of book a side, for load tests"
        ),
    ] = "realistic"
    seed: Annotated[int, Doc(ge=0, le=2**63 - 1, description="the market is a pure function of it")] = 1
    universe: Annotated[
        str,
        Doc(
            min_length=1,
            description="what is traded: default (100 companies), large (1,000), crypto (never closes), pairs and "
            "stocks (symbols that clients of venues know), numbered (SYM0000 and so on, for load tests), or a path to "
            "a TOML file like those in configs/universes",
        ),
    ] = "default"
    instruments: Annotated[
        int, Doc(ge=0, le=10_000, description="how many of them, from the first; 0 is all (of the numbered: 100)")
    ] = 0
    activity: Annotated[
        float, Doc(ge=0.01, le=100, description="multiplies the orders a second of every instrument")
    ] = 1.0
    step_ms: Annotated[
        float,
        Doc(
            ge=0,
            le=STEP_MS_MAX,
            description="milliseconds of market time in a step, a batch on the tape: at least 1; 0 is 10, and more "
            "where clock.speed is above 2.5, so that 250 steps a second are the most",
        ),
    ] = 0.0
    start: Annotated[
        Moment | None,
        Doc(description="market time of position 0, such as 2026-01-05T14:30:00Z; empty: the universe's own"),
    ] = None
    arrivals: Annotated[
        Literal["poisson", "every_step"],
        Doc(description="when trades happen: at random, or exactly one per instrument and step (for load tests)"),
    ] = "poisson"
    trades_per_s: Annotated[
        float, Doc(ge=0, le=1000, description="mean trades a second and instrument, with poisson arrivals")
    ] = 4.0
    quotes_per_s: Annotated[
        float, Doc(ge=0, le=1000, description="mean quote refreshes a second and instrument; 0 sends only the opening")
    ] = 8.0
    scenario: Annotated[
        str,
        Doc(description="what happens besides: a name of configs/scenarios, or a file like those; empty is nothing"),
    ] = ""
    checkpoint: Annotated[
        str,
        Doc(
            description="file in which the market is kept: read at the start where it exists, written at a clean stop "
            "and after an incident; empty is none"
        ),
    ] = ""

    @property
    def step_us(self) -> int:
        """Microseconds of market time in a step."""
        return round(1000 * (self.step_ms or STEP_MS))


class ClockConfig(Section, frozen=True, kw_only=True):
    """How market time passes. The tape does not depend on it, only when its steps are taken."""

    speed: Annotated[
        float, Doc(ge=SPEED_MIN, le=SPEED_MAX, description="seconds of market time that pass in a second")
    ] = 1.0
    paused: Annotated[bool, Doc(description="start still, at position 1; the admin API goes on")] = False


class AdminConfig(Section, frozen=True, kw_only=True):
    """The admin API: hold the clock, cause incidents, take checkpoints."""

    enabled: Annotated[bool, Doc(description="answer at /admin/; without a token, to this machine only")] = False
    token: Annotated[
        str,
        Doc(
            pattern=r"^[\x21-\x7e]{0,256}$",
            description="where it is set, everybody must send it, as Authorization: Bearer TOKEN",
        ),
    ] = ""

    def __repr__(self) -> str:
        """Keep the token out of logs."""
        return f"AdminConfig(enabled={self.enabled})"


JWT_SECRETS = ("HS256", "HS384", "HS512")
JWT_PAIRS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
JwtAlgorithm = Literal[
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"
]


class AuthConfig(Section, frozen=True, kw_only=True):
    """Who may come in, and what for. With neither a file nor a key of JWTs, everybody."""

    file: Annotated[
        str,
        Doc(
            description="TOML file of tokens and what each may have, like configs/auth/tokens.toml; it is read again "
            "on SIGHUP"
        ),
    ] = ""
    jwt_key: Annotated[
        str,
        Doc(
            description="the secret that JWTs are signed with (HS256 and so on), at least 32 characters; rather in "
            "TICKER_AUTH_JWT_KEY or auth.jwt_key_file than in a flag, which others can see"
        ),
    ] = ""
    jwt_key_file: Annotated[
        str, Doc(description="instead of auth.jwt_key, a file: that secret, or the public key as PEM (RS256 and so on)")
    ] = ""
    jwt_algorithms: Annotated[
        tuple[JwtAlgorithm, ...],
        Doc(
            description="what JWTs may be signed with; those of a secret, or those of a public key; none is the first "
            "that suits the key"
        ),
    ] = ()
    jwt_audience: Annotated[str, Doc(description="what a JWT must name as its aud; empty: it names none")] = ""
    jwt_issuer: Annotated[str, Doc(description="what a JWT must name as its iss; empty: it is not looked at")] = ""
    jwt_leeway_s: Annotated[
        float, Doc(ge=0, le=600, description="seconds by which the clock of whoever signs JWTs may differ from ours")
    ] = 0.0
    header_only: Annotated[
        bool,
        Doc(
            description="take no token from the query (token=…), which is the one way that a browser's EventSource has"
        ),
    ] = False
    deadline_s: Annotated[
        float, Doc(ge=0.1, le=600, description="seconds a WebSocket that is opened without a token gets to send one")
    ] = 5.0

    @property
    def enabled(self) -> bool:
        """Whether anybody is asked who they are."""
        return bool(self.file or self.jwt_key or self.jwt_key_file)

    def __repr__(self) -> str:
        """Keep the key out of logs."""
        return f"AuthConfig(file={self.file!r}, jwt_key_file={self.jwt_key_file!r})"


class FeedConfig(Section, frozen=True, kw_only=True):
    """How the tape is kept and handed out."""

    flush_ms: Annotated[
        float, Doc(ge=0, le=60_000, description="milliseconds between messages to a client; 0 is one step")
    ] = 0.0
    tape_s: Annotated[
        float, Doc(ge=0.1, le=86_400, description="seconds of tape kept for slow and returning readers")
    ] = 60.0
    tape_bytes: Annotated[
        int,
        Doc(
            ge=64 * 1024,
            description="bytes of tape kept at most, whatever its seconds: 37 a trade, 52 a quote, 600 a step",
        ),
    ] = 256 * 1024 * 1024
    bars_kept: Annotated[
        int, Doc(ge=1, le=10_000, description="finished bars kept of each interval; 1,000 instruments take 77 KB a bar")
    ] = 600
    lag_max_s: Annotated[
        float, Doc(ge=0.01, le=60, description="a beat later than this starts afresh, it does not burst old steps")
    ] = 0.5


class StreamConfig(Section, frozen=True, kw_only=True):
    """One conversation: its limits and its patience."""

    heartbeat_s: Annotated[
        float, Doc(ge=0.1, le=3600, description="a heartbeat after this long without a message; proxies cut at 60")
    ] = 10.0
    stall_s: Annotated[
        float, Doc(ge=0.1, le=600, description="a reader whose buffer does not drain for this long is cut off")
    ] = 5.0
    buffer_bytes: Annotated[
        int, Doc(ge=1024, description="bytes waiting for a reader at which no more ticks are written to it")
    ] = 64 * 1024
    buffer_bytes_max: Annotated[
        int,
        Doc(
            ge=2048,
            description="bytes waiting for a reader at which it is not heard before it has read: what it asked for",
        ),
    ] = 256 * 1024
    catch_up_bytes: Annotated[
        int, Doc(ge=1024, description="bytes of tape, about, sent at once to a reader that catches up")
    ] = 64 * 1024
    window_max: Annotated[
        int, Doc(ge=1, description="largest window granted: messages without an ack; each costs 40 bytes")
    ] = 1024
    ack_deadline_s: Annotated[
        float, Doc(ge=0.1, le=3600, description="a window shut for this long is dealt with as on_lag says")
    ] = 30.0
    rate_hz: Annotated[
        float, Doc(gt=0, le=1000, description="messages a second with pace latest, where a client names no rate")
    ] = 10.0
    report_s: Annotated[
        float, Doc(ge=0.25, le=3600, description="with pace latest: seconds between reports of what was merged")
    ] = 1.0
    compression: Annotated[
        Literal["off", "shared"],
        Doc(description="shared: permessage-deflate, each message deflated once for all who are owed it"),
    ] = "off"
    compression_level: Annotated[
        int, Doc(ge=1, le=9, description="zlib's: 1 is fastest, 9 smallest; at 6 a message of 2 kB costs about 20 µs")
    ] = 6
    ping_s: Annotated[
        float, Doc(ge=0.5, le=3600, description="a ping goes out after this long without a byte from a client")
    ] = 20.0
    pong_s: Annotated[
        float, Doc(ge=0.5, le=600, description="and it is cut off where nothing comes for this long after that")
    ] = 15.0
    control_per_s: Annotated[
        float, Doc(gt=0, le=10_000, description="pings, pongs and closes a second a client may send for long")
    ] = 10.0
    control_burst: Annotated[
        int, Doc(ge=1, le=10_000, description="and so many of them at once; who sends more is closed with 1008")
    ] = 20
    commands_per_s: Annotated[
        float, Doc(gt=0, le=1_000_000, description="messages other than acks a client may send a second for long")
    ] = 50.0
    commands_burst: Annotated[
        int, Doc(ge=1, le=1_000_000, description="and so many at once; who goes on after a warning is closed with 4029")
    ] = 100
    acks_per_s: Annotated[
        float,
        Doc(
            gt=0,
            le=1_000_000,
            description="acks a second for long; never less than twice the messages of ticks that are sent in one",
        ),
    ] = 1000.0
    acks_burst: Annotated[
        int, Doc(ge=1, le=1_000_000, description="and so many at once: of a reader that has caught up")
    ] = 2000
    bytes_per_s: Annotated[
        float,
        Doc(
            ge=128, le=2**40, description="bytes a second a client may send for long, in messages of 126 bytes or more"
        ),
    ] = 256 * 1024.0
    bytes_burst: Annotated[
        int, Doc(ge=4096, le=2**40, description="and so many at once; more is answered like too many messages")
    ] = 1024 * 1024
    errors_max: Annotated[
        int, Doc(ge=1, le=1_000_000, description="messages refused after which a client is closed, with 4509")
    ] = 20
    bad_json_max: Annotated[
        int, Doc(ge=1, le=1_000_000, description="messages that are not JSON after which it is closed, with 1007")
    ] = 3
    error_s: Annotated[
        float, Doc(ge=0.01, le=86_400, description="one of either is forgiven after this long: days may go by")
    ] = 60.0
    message_bytes_max: Annotated[int, Doc(ge=128, description="largest message a client may send")] = 16 * 1024
    fragments_max: Annotated[int, Doc(ge=1, description="most fragments a client may split a message into")] = 64
    symbols_max: Annotated[int, Doc(ge=1, description="symbols named in one request; * counts as one")] = 1000
    close_s: Annotated[float, Doc(ge=0.1, le=60, description="seconds a client gets to answer our close frame")] = 2.0


class HttpConfig(Section, frozen=True, kw_only=True):
    """Limits of a request."""

    head_bytes_max: Annotated[int, Doc(ge=512, description="request line and headers")] = 16 * 1024
    target_bytes_max: Annotated[int, Doc(ge=64, description="path and query")] = 8 * 1024
    headers_max: Annotated[int, Doc(ge=4, description="header fields in a request")] = 64
    head_s: Annotated[float, Doc(ge=0.1, le=600, description="deadline, not inactivity: slow heads are attacks")] = 5.0
    body_bytes_max: Annotated[
        int, Doc(ge=0, le=2**30, description="body of a request; few mean anything, a small one is read and forgotten")
    ] = 64 * 1024
    body_s: Annotated[
        float, Doc(ge=0.1, le=600, description="deadline for a body, from the end of its head: a slow one is an attack")
    ] = 10.0
    idle_s: Annotated[float, Doc(ge=0.1, le=3600, description="keep-alive without a request")] = 15.0
    requests_max: Annotated[int, Doc(ge=1, description="requests on one connection")] = 1000
    pipelined_max: Annotated[
        int, Doc(ge=1, description="requests that may wait behind one that is still being answered")
    ] = 8
    requests_per_s: Annotated[
        float,
        Doc(
            gt=0,
            le=1_000_000,
            description="requests a second from one address, as connections are counted; more are answered with 429",
        ),
    ] = 50.0
    requests_burst: Annotated[
        int, Doc(ge=1, le=1_000_000, description="and so many of them at once: the page alone is a hundred files")
    ] = 200
    events_max_s: Annotated[
        float,
        Doc(
            ge=0.5,
            le=10 * 86_400,
            description="life of a stream of events, or a little less; a browser comes back to where it was",
        ),
    ] = 3600.0
    wait_max_s: Annotated[float, Doc(ge=0.1, le=3600, description="longest wait of a long poll; proxies cut at 60")] = (
        25.0
    )
    scan_steps: Annotated[
        int, Doc(ge=1, description="steps of tape looked through for one poll; the next one goes on from there")
    ] = 1000
    hosts: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^[A-Za-z0-9.-]+$")], ...],
        Doc(
            description="names that requests may be for (Host), such as market.example, besides localhost and "
            "server.host; with server.public, none is any"
        ),
    ] = ()
    origins: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^https?://[^/\s,*]+$")], ...],
        Doc(
            description="origins whose web pages may read us (CORS) and open WebSockets, such as "
            "https://app.example; a page of this server and one of localhost may always open one"
        ),
    ] = ()


class ReplayConfig(Section, frozen=True, kw_only=True):
    """A recorded tape, or one's own trades and quotes, in place of the market."""

    file: Annotated[
        str,
        Doc(
            description="what is served in place of the market: a tape that ticker record made, or a Parquet or CSV "
            "file "
            "of trades, quotes or both; empty is the market"
        ),
    ] = ""
    start: Annotated[
        str,
        Doc(
            description="where it begins: a position (epoch:seq), a seq, or a market time with its offset; empty: "
            "at once"
        ),
    ] = ""
    loop: Annotated[bool, Doc(description="begin again at its end, each round a tape of its own name")] = False
    restamp: Annotated[
        bool,
        Doc(description="say of a tick that it was emitted now (ts); off, it says what was recorded, byte for byte"),
    ] = False
    columns: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^[a-z_]+=.+$")], ...],
        Doc(
            description="what the columns of one's own file are, such as time=ts,price=px, where it is not guessed: of "
            "time, date, symbol, price, size, side, maker, bid, ask, bid_size, ask_size, type; NAME=- is none"
        ),
    ] = ()
    symbol: Annotated[str, Doc(description="symbol of one's own file where it has no such column; empty: its name")] = (
        ""
    )
    tick: Annotated[
        str,
        Doc(
            pattern=r"^([0-9]{1,6}(\.[0-9]{1,8})?)?$",
            description="price grid of one's own file, such as 0.01; empty: as fine as its prices",
        ),
    ] = ""


class NatsConfig(Section, frozen=True, kw_only=True):
    """More servers of one tape around NATS with JetStream: a root publishes it, leaves serve it."""

    publish: Annotated[
        str,
        Doc(
            description="servers (nats://host:4222, joined by commas) on which the market's tape is published; who "
            "finds "
            "another at it stands by and takes over where it falls silent"
        ),
    ] = ""
    source: Annotated[
        str, Doc(description="servers from which a tape is taken in place of a market: this is a leaf, of any number")
    ] = ""
    tape: Annotated[
        str, Doc(pattern=r"^[A-Za-z0-9_-]{1,32}$", description="name of the tape there, in subjects, stream and bucket")
    ] = "main"
    fresh: Annotated[
        bool,
        Doc(description="begin a new tape where the stream holds one that this market cannot continue; it is lost"),
    ] = False
    creds: Annotated[str, Doc(description="file of credentials (.creds) for NATS")] = ""
    user: Annotated[str, Doc(description="user name for NATS")] = ""
    password: Annotated[
        str, Doc(description="its password; rather in TICKER_NATS_PASSWORD than in a flag, which others can see")
    ] = ""
    tls_ca: Annotated[
        str, Doc(description="PEM file of the certificates to trust over tls://; empty: the system's")
    ] = ""
    tls_cert: Annotated[str, Doc(description="PEM file of our own certificate, where NATS asks for one")] = ""
    tls_key: Annotated[str, Doc(description="PEM file of its key")] = ""
    storage: Annotated[Literal["file", "memory"], Doc(description="where JetStream keeps the tape")] = "file"
    replicas: Annotated[int, Doc(ge=1, le=5, description="on how many NATS servers of a cluster it is kept")] = 1
    max_age_s: Annotated[
        float,
        Doc(
            ge=10, le=30 * 86_400, description="seconds of tape that JetStream keeps: as far back as a leaf catches up"
        ),
    ] = 3600.0
    max_bytes: Annotated[int, Doc(ge=1024 * 1024, description="bytes of tape that it keeps at most")] = 1024**3
    lease_s: Annotated[
        float,
        Doc(ge=1, le=300, description="a root that was not heard of for this long is given up by one that stands by"),
    ] = 3.0
    keyframe_s: Annotated[
        float,
        Doc(ge=0.5, le=600, description="seconds between the pictures of the whole market from which others go on"),
    ] = 5.0
    heartbeat_s: Annotated[
        float, Doc(ge=0.1, le=30, description="a leaf that hears nothing for twice as long says that it is stale")
    ] = 1.0
    backlog_bytes: Annotated[
        int,
        Doc(
            ge=1024 * 1024,
            description="bytes of tape that a root keeps while NATS does not answer; what is older is announced as "
            "lost",
        ),
    ] = 256 * 1024 * 1024

    def __repr__(self) -> str:
        """Keep the password, which may also stand in an address, out of logs."""
        return f"NatsConfig(tape={self.tape!r})"


class VenuesConfig(Section, frozen=True, kw_only=True):
    """Other markets' wire protocols about the same tape, for clients that people already have."""

    mount: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^[a-z0-9_]+$")], ...],
        Doc(description="venues, each under its name"),
    ] = ("alpaca", "binance", "coinbase", "kraken")
    root: Annotated[
        str, Doc(description="one of them at / too, for clients that allow no path; what is ours stays where it is")
    ] = ""
    strict: Annotated[
        bool,
        Doc(description="enforce the venues' own limits, with their words and codes, so that being cut can be tested"),
    ] = False
    history_bytes: Annotated[
        int,
        Doc(
            ge=65_536,
            le=2**34,
            description="bytes for the trades and minutes that venues show: of 24 pairs 4 MiB hold a day and a half",
        ),
    ] = 8 * 1024 * 1024


class LogConfig(Section, frozen=True, kw_only=True):
    """What we say about ourselves, on standard error."""

    level: Annotated[Literal["debug", "info", "warning", "error"], Doc(description="least level that is shown")] = (
        "info"
    )
    format: Annotated[Literal["auto", "text", "json"], Doc(description="auto: text on a terminal, else JSON lines")] = (
        "auto"
    )


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """The whole configuration, one field a section."""

    server: ServerConfig = ServerConfig()
    market: MarketConfig = MarketConfig()
    clock: ClockConfig = ClockConfig()
    admin: AdminConfig = AdminConfig()
    auth: AuthConfig = AuthConfig()
    replay: ReplayConfig = ReplayConfig()
    nats: NatsConfig = NatsConfig()
    feed: FeedConfig = FeedConfig()
    stream: StreamConfig = StreamConfig()
    http: HttpConfig = HttpConfig()
    venues: VenuesConfig = VenuesConfig()
    log: LogConfig = LogConfig()


def is_loopback(host: str) -> bool:
    """Tell whether an address can be reached from this machine only."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
