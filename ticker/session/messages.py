"""What the two ends say to each other, as types.

Fields are named as the native protocol names them. Client messages are told apart by `op`, server messages by `type`;
every client message may carry an `id`, which its answer repeats. The server never builds `Ticks`: a dialect renders
them straight from the rows of the tape; the types are how a client reads them.
"""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from ticker.session.kinds import KINDS as KINDS
from ticker.session.kinds import Bar1m as Bar1m
from ticker.session.kinds import Bar1s as Bar1s
from ticker.session.kinds import Book as Book
from ticker.session.kinds import MarketTime as MarketTime
from ticker.session.kinds import Quote as Quote
from ticker.session.kinds import Stats as Stats
from ticker.session.kinds import Status as Status
from ticker.session.kinds import Tick as Tick
from ticker.session.kinds import Trade as Trade
from ticker.ticks import CHANNELS, TRADES

MessageId = Annotated[str, Meta(max_length=128)] | Annotated[int, Meta(ge=-(2**53), le=2**53)]
CommandId = Annotated[MessageId, Meta(description="of the client's choosing: the answer repeats it")]
AnswerId = Annotated[MessageId, Meta(description="that of the message answered, where it had one")]
Seq = Annotated[int, Meta(ge=0, le=2**53 - 1, description="number of a step: with the epoch, a position")]
"""A position's number: within the integers that JavaScript can hold."""
Place = Annotated[
    str,
    Meta(
        description="a position, `epoch:seq`; `E:0` is the beginning of the tape as far as it is kept",
        examples=["1e0616885b9d:1200"],
    ),
]
Epoch = Annotated[str, Meta(description="name of the tape: equal epoch and seq mean equal ticks")]
Head = Annotated[int, Meta(description="where the tape stood when this was said")]
Reached = Annotated[int, Meta(description="the newest step in it")]
WallTime = Annotated[int, Meta(description="the server's wall clock, in microseconds since 1970")]
Table = Annotated[dict[str, list[str]], Meta(description="channel to symbols; `*` stands for all symbols")]
Symbols = Annotated[list[str], Meta(description="symbols; `*` stands for all", examples=[["ACME", "BYTE"]])]
CHANNEL_NAMES = ", ".join(f"`{channel}`" for channel in CHANNELS)
Channels = Annotated[list[str], Meta(description=f"channels: {CHANNEL_NAMES}", examples=[["trades"]])]
WantedChannels = Annotated[Channels, Meta(extra_json_schema={"default": [TRADES]})]


class ClientMessage(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, tag_field="op"):
    """Something a client says."""

    id: CommandId | UnsetType = UNSET


class Subscribe(ClientMessage, frozen=True, kw_only=True, tag="subscribe"):
    """Start receiving ticks of these symbols on these channels, in addition to what is received already.

    `subscriptions`, channel to symbols, may stand in place of `symbols` and `channels`: what an answer shows can be
    asked for again in one message. `from` is the position after which to begin.
    """

    symbols: Symbols = field(default_factory=list)
    channels: WantedChannels = field(default_factory=lambda: [TRADES])
    subscriptions: Table | UnsetType = UNSET
    pace: (
        Annotated[
            Literal["every", "latest"],
            Meta(
                description="of the whole conversation, as the last to name one has it: every tick in order (so it "
                "begins), or only the newest of each symbol and channel"
            ),
        ]
        | UnsetType
    ) = UNSET
    rate_hz: (
        Annotated[float, Meta(gt=0, le=1000, description="with `latest`: messages of ticks a second, at most")]
        | UnsetType
    ) = UNSET
    snapshot: (
        Annotated[bool, Meta(description="be shown the newest first; true unless `from` is there")] | UnsetType
    ) = UNSET
    from_: Place | UnsetType = field(name="from", default=UNSET)
    on_lag: (
        Annotated[
            Literal["skip", "close"],
            Meta(
                description="of the whole conversation too: off the tape, or with acks overdue, be told and go on with "
                "the present (so it begins), or be closed"
            ),
        ]
        | UnsetType
    ) = UNSET


class Unsubscribe(ClientMessage, frozen=True, kw_only=True, tag="unsubscribe"):
    """Stop receiving these symbols on these channels."""

    symbols: Symbols
    channels: WantedChannels = field(default_factory=lambda: [TRADES])


class ListSubscriptions(ClientMessage, frozen=True, kw_only=True, tag="list"):
    """Ask what is subscribed."""


class Window(ClientMessage, frozen=True, kw_only=True, tag="window"):
    """Be sent at most so many messages of ticks that are not acknowledged yet; 0 is no such limit."""

    size: Annotated[int, Meta(ge=0, le=2**31, description="messages of ticks")]


class Ack(ClientMessage, frozen=True, kw_only=True, tag="ack"):
    """Everything up to this position has been processed."""

    seq: Seq


class Ping(ClientMessage, frozen=True, kw_only=True, tag="ping"):
    """Ask for a sign of life; `ts` comes back as it is."""

    ts: Annotated[Any, Meta(description="anything: it is not looked at")] = UNSET


class Authenticate(ClientMessage, frozen=True, kw_only=True, tag="auth"):
    """Say who you are: in the beginning, or with a fresh token before the one before it expires."""

    token: Annotated[str, Meta(max_length=8192, description="as an Authorization header would say after `Bearer`")]

    def __repr__(self) -> str:
        """Keep the token out of logs."""
        return "Authenticate()"


AnyClientMessage = Subscribe | Unsubscribe | ListSubscriptions | Window | Ack | Ping | Authenticate


class ServerMessage(Struct, frozen=True, kw_only=True, tag_field="type"):
    """Something the server says."""


class Introduction(Struct, frozen=True, kw_only=True):
    """Who speaks, and where the tape stands."""

    server: Annotated[str, Meta(description="name of the program")]
    version: Annotated[str, Meta(description="version of the program")]
    protocol: Annotated[str, Meta(description="subprotocol spoken unless another is agreed on")]
    epoch: Epoch
    seq: Head
    step_ms: Annotated[float, Meta(description="milliseconds of market time in a step")]
    speed: Annotated[float, Meta(description="seconds of market time that pass in a second, as asked for")] = 1.0
    paused: Annotated[bool, Meta(description="whether market time stands still")] = False
    seed: Annotated[int, Meta(description="what the market was grown from")]
    sim: Annotated[Literal[True], Meta(description="nothing here is real")] = True
    instruments: Annotated[int, Meta(description="how many are traded")]
    limits: Annotated[dict[str, int | float], Meta(description="what a client may not exceed, by name")]
    heartbeat_s: Annotated[float, Meta(description="seconds of silence after which a heartbeat is sent")]
    auth_required: Annotated[bool, Meta(description="whether a client must say who it is")]
    role: Annotated[
        Literal["market", "replay", "root", "standby", "leaf"],
        Meta(description="where the tape comes from: made here, recorded, or shared with other servers"),
    ] = "market"
    leader: Annotated[str, Meta(description="which of several servers makes the tape")] | UnsetType = UNSET
    stale: Annotated[Literal[True], Meta(description="there where this is not the newest")] | UnsetType = UNSET


class Welcome(ServerMessage, Introduction, frozen=True, kw_only=True, tag="welcome"):
    """The first message: who speaks, and where the tape stands."""


class Answer(ServerMessage, frozen=True, kw_only=True):
    """A server message that answers a client's, repeating its `id`."""

    id: AnswerId | UnsetType = UNSET


class Subscribed(Answer, frozen=True, kw_only=True, tag="subscribed"):
    """A subscription as granted, and all that is subscribed now."""

    seq: Head
    channels: Channels
    symbols: Symbols
    pace: Annotated[str, Meta(description="as granted")]
    rate_hz: Annotated[float, Meta(description="as granted, with `latest`")] | UnsetType = UNSET
    snapshot: Annotated[bool, Meta(description="whether snapshots follow")]
    on_lag: Annotated[str, Meta(description="as granted")]
    subscriptions: Table


class Unsubscribed(Answer, frozen=True, kw_only=True, tag="unsubscribed"):
    """What is still subscribed."""

    seq: Head
    subscriptions: Table


class Subscriptions(Answer, frozen=True, kw_only=True, tag="subscriptions"):
    """What is subscribed."""

    seq: Head
    subscriptions: Table


class WindowGranted(Answer, frozen=True, kw_only=True, tag="window"):
    """The window as granted."""

    size: Annotated[int, Meta(description="messages of ticks without an ack, at most; 0 is no limit")]


class Authenticated(Answer, frozen=True, kw_only=True, tag="authenticated"):
    """You are known, and may have this; `subscriptions` is what is still subscribed of it."""

    name: Annotated[str, Meta(description="who you are; empty where nobody is asked")]
    expires_ts: (
        Annotated[int, Meta(description="when this ends: wall clock, in microseconds since 1970")] | UnsetType
    ) = UNSET
    channels: Annotated[list[str], Meta(description="channels you may have")]
    symbols: Annotated[list[str], Meta(description="symbols you may have on them; `*` is everything")]
    subscriptions: Table


class Pong(Answer, frozen=True, kw_only=True, tag="pong"):
    """The answer to a ping."""

    ts: Annotated[Any, Meta(description="that of the ping, where it had one")] = UNSET
    server_ts: WallTime


class Details(Struct, frozen=True, kw_only=True):
    """What helps whoever was refused; which of these are there depends on the code."""

    field: Annotated[str, Meta(description="name of the field or parameter that is wrong")] | UnsetType = UNSET
    known: Annotated[list[str], Meta(description="what there is instead")] | UnsetType = UNSET
    symbols: Annotated[list[str], Meta(description="the first twenty in question")] | UnsetType = UNSET
    count: Annotated[int, Meta(description="how many symbols are in question")] | UnsetType = UNSET
    channels: Annotated[list[str], Meta(description="the first twenty channels in question")] | UnsetType = UNSET
    limit: Annotated[float, Meta(description="what may not be exceeded")] | UnsetType = UNSET
    retry_after_s: Annotated[float, Meta(description="seconds after which it may be said again")] | UnsetType = UNSET
    oldest: Annotated[Place, Meta(description="the oldest position that can be read on from")] | UnsetType = UNSET
    epoch: Annotated[Epoch, Meta(description="name of the tape that is served")] | UnsetType = UNSET
    seq: Annotated[int, Meta(description="the position in question, or the nearest that would do")] | UnsetType = UNSET
    last: Annotated[int, Meta(description="the newest position that was sent")] | UnsetType = UNSET
    subscriptions: Table | UnsetType = UNSET


class Error(Answer, frozen=True, kw_only=True, tag="error"):
    """A refusal: one message was not obeyed, the conversation goes on."""

    code: Annotated[str, Meta(description="what is wrong, for programs", examples=["unknown_symbol"])]
    message: Annotated[str, Meta(description="what is wrong, for people")]
    details: dict[str, Any] | UnsetType = UNSET
    """As `Details`; a dict, so that a client of a newer server sees all of them."""


class Lag(ServerMessage, frozen=True, kw_only=True, tag="lag"):
    """Ticks after position `from` up to `to` that this client was not sent."""

    from_: Annotated[int, Meta(description="the last step it had")] = field(name="from")
    to: Annotated[int, Meta(description="the step after which it goes on")]
    dropped: Annotated[int, Meta(description="ticks left out")]
    conflated: Annotated[int, Meta(description="ticks merged into newer ones")]
    reason: Annotated[
        Literal["slow_reader", "window", "pace", "source"],
        Meta(
            description="why: it did not read, it did not acknowledge, it asked for the newest only, or the "
            "server's own source had lost them"
        ),
    ]


class Recovered(ServerMessage, frozen=True, kw_only=True, tag="recovered"):
    """Everything after position `from` up to `to` that matches has been sent; all but the `gap`, where there is one."""

    from_: Place = field(name="from")
    to: Place
    complete: Annotated[bool, Meta(description="whether there is no gap")]
    gap: (
        Annotated[dict[str, str], Meta(description="what is lost: after position `from`, up to position `to`")]
        | UnsetType
    ) = UNSET


class Listing(ServerMessage, frozen=True, kw_only=True, tag="instruments"):
    """What the numbers in packed frames stand for, by the number of the instrument; follows the welcome there."""

    symbols: Annotated[list[str], Meta(description="what each is called by")]
    tick_sizes: Annotated[list[float], Meta(description="what a price of one tick is in money")]
    decimals: Annotated[list[int], Meta(description="most digits of a price after the point")]
    size_decimals: Annotated[list[int], Meta(description="a size of 1 is 10**-size_decimals shares or coins")] = []


class Exchange(Struct, frozen=True):
    """The head of a request or a response: its first line and its headers, in order."""

    line: Annotated[str, Meta(description="request line or status line")]
    headers: Annotated[list[tuple[str, str]], Meta(description="pairs of name and value")]


class Handshake(ServerMessage, frozen=True, kw_only=True, tag="handshake"):
    """What the upgrade of this very connection looked like, for those who asked to see it."""

    request: Exchange
    response: Exchange


class Heartbeat(ServerMessage, frozen=True, kw_only=True, tag="heartbeat"):
    """A sign of life while nothing else flows."""

    seq: Annotated[int, Meta(description="everything that matches up to this step has been sent")]
    ts: WallTime
    sent: Annotated[int, Meta(description="messages so far")]
    stale: Annotated[Literal[True], Meta(description="there where this is not the newest")] | UnsetType = UNSET


class Closing(ServerMessage, frozen=True, kw_only=True, tag="closing"):
    """The last message before the server closes on purpose."""

    code: Annotated[int, Meta(description="the close code that follows; up to 4499: come back, above: do not")]
    reason: Annotated[str, Meta(description="why, for people")]
    reconnect_after_s: Annotated[float | None, Meta(description="seconds to wait before coming back")]


class Ticks(ServerMessage, frozen=True, kw_only=True, tag="ticks"):
    """What happened in one step of the market or several, as a client reads it."""

    seq: Reached
    ts: Annotated[WallTime, Meta(description="when it was emitted: wall clock, in microseconds since 1970")]
    data: Annotated[list[Tick], Meta(description="ticks in the order of the tape")]


class Snapshot(ServerMessage, frozen=True, kw_only=True, tag="snapshot"):
    """The newest tick of each instrument asked for, of `book` the levels that stand, as a client reads it."""

    seq: Head
    channel: Annotated[str, Meta(description="the channel shown", examples=["trades"])]
    data: Annotated[list[Tick], Meta(description="one tick an instrument; of `book` one a level, the first `fresh`")]


AnyAnswer = Subscribed | Unsubscribed | Subscriptions | WindowGranted | Authenticated | Pong | Error
AnyServerMessage = Welcome | Handshake | Listing | Ticks | Snapshot | AnyAnswer | Recovered | Lag | Heartbeat | Closing


class SnapshotHead(Struct, frozen=True):
    """A snapshot to be made: the newest rows of a channel. The dialect renders the rows."""

    channel: str
    instruments: list[int]
