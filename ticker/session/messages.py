"""What the two ends say to each other, as types.

Fields are named as the native protocol names them. Client messages are told apart by `op`, server messages by `type`;
every client message may carry an `id`, which its answer repeats. The server never builds `Ticks`: a dialect renders
them straight from the rows of the tape; the types are how a client reads them.
"""

from typing import Annotated, Any, ClassVar, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from ticker.ticks import QUOTES, TRADES

MessageId = Annotated[str, Meta(max_length=128)] | Annotated[int, Meta(ge=-(2**53), le=2**53)]
Seq = Annotated[int, Meta(ge=0, le=2**53 - 1)]
"""A position's number: within the integers that JavaScript can hold."""


class ClientMessage(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, tag_field="op"):
    """Something a client says."""

    id: MessageId | UnsetType = UNSET


class Subscribe(ClientMessage, frozen=True, kw_only=True, tag="subscribe"):
    """Start receiving ticks of these symbols on these channels, in addition to what is received already.

    `subscriptions`, channel to symbols, may stand in place of `symbols` and `channels`: what an answer shows can be
    asked for again in one message. `from` is the position after which to begin.
    """

    symbols: list[str] = field(default_factory=list)
    channels: list[str] = field(default_factory=lambda: [TRADES])
    subscriptions: dict[str, list[str]] | UnsetType = UNSET
    pace: Literal["every"] = "every"
    snapshot: bool | UnsetType = UNSET
    from_: str | UnsetType = field(name="from", default=UNSET)
    on_lag: Literal["skip", "close"] = "skip"


class Unsubscribe(ClientMessage, frozen=True, kw_only=True, tag="unsubscribe"):
    """Stop receiving these symbols on these channels."""

    symbols: list[str]
    channels: list[str] = field(default_factory=lambda: [TRADES])


class ListSubscriptions(ClientMessage, frozen=True, kw_only=True, tag="list"):
    """Ask what is subscribed."""


class Ack(ClientMessage, frozen=True, kw_only=True, tag="ack"):
    """Everything up to this position has been processed."""

    seq: Seq


class Ping(ClientMessage, frozen=True, kw_only=True, tag="ping"):
    """Ask for a sign of life; `ts` comes back as it is."""

    ts: Any = UNSET


AnyClientMessage = Subscribe | Unsubscribe | ListSubscriptions | Ack | Ping


class ServerMessage(Struct, frozen=True, kw_only=True, tag_field="type"):
    """Something the server says."""


class Welcome(ServerMessage, frozen=True, kw_only=True, tag="welcome"):
    """The first message: who speaks, and where the tape stands."""

    server: str
    version: str
    protocol: str
    epoch: str
    seq: int
    step_ms: float
    seed: int
    sim: Literal[True] = True
    instruments: int
    limits: dict[str, int | float]
    heartbeat_s: float
    auth_required: bool


class Answer(ServerMessage, frozen=True, kw_only=True):
    """A server message that answers a client's, repeating its `id`."""

    id: MessageId | UnsetType = UNSET


class Subscribed(Answer, frozen=True, kw_only=True, tag="subscribed"):
    """A subscription as granted, and all that is subscribed now: channel to symbols, `["*"]` for all of them."""

    seq: int
    channels: list[str]
    symbols: list[str]
    pace: str
    snapshot: bool
    on_lag: str
    subscriptions: dict[str, list[str]]


class Unsubscribed(Answer, frozen=True, kw_only=True, tag="unsubscribed"):
    """What is still subscribed."""

    seq: int
    subscriptions: dict[str, list[str]]


class Subscriptions(Answer, frozen=True, kw_only=True, tag="subscriptions"):
    """What is subscribed."""

    seq: int
    subscriptions: dict[str, list[str]]


class Pong(Answer, frozen=True, kw_only=True, tag="pong"):
    """The answer to a ping: its `ts`, and the server's wall clock in microseconds since 1970."""

    ts: Any = UNSET
    server_ts: int


class Error(Answer, frozen=True, kw_only=True, tag="error"):
    """A refusal: one message was not obeyed, the conversation goes on."""

    code: str
    message: str
    details: dict[str, Any] | UnsetType = UNSET


class Lag(ServerMessage, frozen=True, kw_only=True, tag="lag"):
    """Ticks after position `from` up to `to` that this client was not sent."""

    from_: int = field(name="from")
    to: int
    dropped: int
    conflated: int
    reason: Literal["slow_reader", "window"]


class Recovered(ServerMessage, frozen=True, kw_only=True, tag="recovered"):
    """Everything after position `from` up to `to` that matches has been sent; all but the `gap`, where there is one."""

    from_: str = field(name="from")
    to: str
    complete: bool
    gap: dict[str, str] | UnsetType = UNSET


class Exchange(Struct, frozen=True):
    """The head of a request or a response: its first line and its headers, in order."""

    line: str
    headers: list[tuple[str, str]]


class Handshake(ServerMessage, frozen=True, kw_only=True, tag="handshake"):
    """What the upgrade of this very connection looked like, for those who asked to see it."""

    request: Exchange
    response: Exchange


class Heartbeat(ServerMessage, frozen=True, kw_only=True, tag="heartbeat"):
    """A sign of life while nothing else flows; `sent` counts the messages so far."""

    seq: int
    ts: int
    sent: int


class Closing(ServerMessage, frozen=True, kw_only=True, tag="closing"):
    """The last message before the server closes on purpose."""

    code: int
    reason: str
    reconnect_after_s: float | None


class Trade(Struct, frozen=True, tag_field="ch", tag="trade"):
    """A trade: `n` counts this symbol's trades, `t` is market time in microseconds, `px` the price, `sz` the size."""

    sym: str
    n: int
    t: int
    px: float
    sz: int
    side: Literal["buy", "sell"]

    channel: ClassVar[str] = TRADES


class Quote(Struct, frozen=True, tag_field="ch", tag="quote"):
    """A quote: best bid and ask with their sizes; `n` and `t` as in a trade."""

    sym: str
    n: int
    t: int
    bid: float
    bsz: int
    ask: float
    asz: int

    channel: ClassVar[str] = QUOTES


Tick = Trade | Quote


class Ticks(ServerMessage, frozen=True, kw_only=True, tag="ticks"):
    """Ticks up to position `seq`, emitted at wall time `ts`, as a client reads them."""

    seq: int
    ts: int
    data: list[Tick]


class Snapshot(ServerMessage, frozen=True, kw_only=True, tag="snapshot"):
    """The newest tick of each instrument asked for, as a client reads it."""

    seq: int
    channel: str
    data: list[Tick]


AnyAnswer = Subscribed | Unsubscribed | Subscriptions | Pong | Error
AnyServerMessage = Welcome | Handshake | Ticks | Snapshot | AnyAnswer | Recovered | Lag | Heartbeat | Closing


class SnapshotHead(Struct, frozen=True):
    """A snapshot to be made: the newest rows of a channel. The dialect renders the rows."""

    channel: str
    instruments: list[int]
