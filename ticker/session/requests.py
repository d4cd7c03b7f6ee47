"""What is asked and answered over plain HTTP, as types.

Queries are named as the parameters are; `symbols` and `channels` are lists joined by commas. The answers that carry
ticks are never built from these types: a dialect renders them straight from the rows of the tape.
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from ticker.session.messages import CHANNEL_NAMES, Details, Epoch, Introduction, MarketTime, Place, Seq, Tick, Ticks
from ticker.ticks import TRADES

BATCHES, BATCHES_MAX = 100, 1000  # messages in one answer to a poll: a second of the default market, and ten
BARS, BARS_MAX = 100, 10_000

Symbols = Annotated[str, Meta(description="symbols joined by commas, or * for all", examples=["ACME,BYTE"])]
Channels = Annotated[str, Meta(description=f"channels joined by commas: {CHANNEL_NAMES}", examples=["trades,quotes"])]


class Query(Struct, frozen=True, kw_only=True):
    """The parameters of a request."""


class NoQuery(Query, frozen=True, kw_only=True):
    """A request without parameters."""


class StreamQuery(Query, frozen=True, kw_only=True):
    """What a WebSocket is opened with."""

    handshake: Annotated[bool, Meta(description="be shown the upgrade itself, in a message after the welcome")] = False


class SelectQuery(Query, frozen=True, kw_only=True):
    """Which ticks are asked for."""

    symbols: Symbols
    channels: Channels = TRADES


class EventsQuery(SelectQuery, frozen=True, kw_only=True):
    """Server-sent events; a Last-Event-ID header goes before `from`."""

    pace: Annotated[
        Literal["every", "latest"], Meta(description="every tick in order, or only the newest of each symbol")
    ] = "every"
    rate_hz: (
        Annotated[float, Meta(gt=0, le=1000, description="with `latest`: events a second, at most")] | UnsetType
    ) = UNSET

    from_: Place | UnsetType = field(name="from", default=UNSET)


class TicksQuery(SelectQuery, frozen=True, kw_only=True):
    """A poll: with `wait` a long one."""

    since: Place | UnsetType = UNSET
    limit: Annotated[int, Meta(ge=1, le=BATCHES_MAX, description="most ticks messages in the answer")] = BATCHES
    wait: Annotated[float, Meta(ge=0, description="seconds to hold the answer while there is nothing to say")] = 0.0


class BarsQuery(Query, frozen=True, kw_only=True):
    """Finished bars of one instrument."""

    symbol: Annotated[str, Meta(description="one symbol", examples=["ACME"])]
    interval: Annotated[Literal["1s", "1m"], Meta(description="length of a bar")] = "1m"
    limit: Annotated[int, Meta(ge=1, le=BARS_MAX, description="most bars in the answer: the newest")] = BARS


class ServiceAnswer(Introduction, frozen=True, kw_only=True):
    """What a program that asks at `/` should know."""

    stream: Annotated[str, Meta(description="path of the WebSocket")]
    events: Annotated[str, Meta(description="path of the server-sent events")]
    channels: Annotated[list[str], Meta(description="what can be subscribed")]
    paths: Annotated[list[str], Meta(description="all that can be asked for; `*` stands for one name")]


class InstrumentAnswer(Struct, frozen=True, kw_only=True):
    """What is traded."""

    symbol: Annotated[str, Meta(description="what it is called by", examples=["ACME"])]
    name: Annotated[str, Meta(description="the company, invented")]
    sector: Annotated[str, Meta(description="its line of business")]
    tick_size: Annotated[float, Meta(description="prices are multiples of it")]
    decimals: Annotated[int, Meta(description="most digits of a price after the point")]
    lot: Annotated[int, Meta(description="sizes are multiples of it")]
    size_decimals: Annotated[int, Meta(description="a size of 1 is 10**-size_decimals shares or coins")] = 0


class InstrumentsAnswer(Struct, frozen=True, kw_only=True):
    """All that is traded, in the order of the universe."""

    instruments: list[InstrumentAnswer]


class SnapshotAnswer(Struct, frozen=True, kw_only=True):
    """The newest tick of each symbol and channel, at a position."""

    epoch: Epoch
    seq: Seq
    data: Annotated[list[Tick], Meta(description="channel by channel, in the order of the universe")]


class TicksAnswer(Struct, frozen=True, kw_only=True):
    """What came after a position; `epoch:seq` is the `since` of the next poll."""

    epoch: Epoch
    seq: Seq
    batches: Annotated[list[Ticks], Meta(description="oldest first; it may be empty while the position moves on")]


class Bar(Struct, frozen=True, kw_only=True):
    """A finished bar."""

    t: Annotated[MarketTime, Meta(description="when it opened: market time, in microseconds since 1970")]
    open: Annotated[float, Meta(description="price of the first trade")]
    high: Annotated[float, Meta(description="highest price")]
    low: Annotated[float, Meta(description="lowest price")]
    close: Annotated[float, Meta(description="price of the last trade")]
    volume: Annotated[int, Meta(description="sum of the sizes")]
    vwap: Annotated[float, Meta(description="mean price, weighted by size")]
    trades: Annotated[int, Meta(description="how many")]


class BarsAnswer(Struct, frozen=True, kw_only=True):
    """Finished bars, oldest first; an interval without a trade has none."""

    epoch: Epoch
    seq: Seq
    symbol: Annotated[str, Meta(description="as asked for")]
    interval: Annotated[str, Meta(description="as asked for")]
    bars: list[Bar]


class HealthAnswer(Struct, frozen=True, kw_only=True):
    """The process answers."""

    status: Literal["ok"] = "ok"


class ReadyAnswer(Struct, frozen=True, kw_only=True):
    """There is a market to read, and the tape stands at this position."""

    status: Literal["ready"] = "ready"
    epoch: Epoch
    seq: Seq


class Problem(Details, frozen=True, kw_only=True):
    """A refusal (RFC 9457); what else helps stands beside it."""

    type: str = "about:blank"
    title: Annotated[str, Meta(description="the phrase that goes with the status")]
    status: Annotated[int, Meta(description="the HTTP status")]
    code: Annotated[str, Meta(description="what is wrong, for programs", examples=["unknown_symbol"])]
    detail: Annotated[str, Meta(description="what is wrong, for people")]
