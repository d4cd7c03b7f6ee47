"""What is asked and answered over plain HTTP, as types.

Queries are named as the parameters are; `symbols` and `channels` are lists joined by commas. The answers that carry
ticks are never built from these types: a dialect renders them straight from the rows of the tape.
"""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from ticker.session.messages import Seq, Tick, Ticks
from ticker.ticks import TRADES

BATCHES, BATCHES_MAX = 100, 1000  # messages in one answer to a poll: a second of the default market, and ten
BARS, BARS_MAX = 100, 10_000

Symbols = Annotated[str, Meta(description="symbols joined by commas, or * for all", examples=["ACME,BYTE"])]
Channels = Annotated[str, Meta(description="channels joined by commas", examples=["trades,quotes"])]
Place = Annotated[str, Meta(description="a position, epoch:seq; E:0 is the beginning of the tape as far as it is kept")]


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


class InstrumentAnswer(Struct, frozen=True, kw_only=True):
    """What is traded; prices are multiples of `tick_size` with so many `decimals`, sizes multiples of `lot`."""

    symbol: str
    name: str
    sector: str
    tick_size: float
    decimals: int
    lot: int


class InstrumentsAnswer(Struct, frozen=True, kw_only=True):
    """All that is traded, in the order of the universe."""

    instruments: list[InstrumentAnswer]


class SnapshotAnswer(Struct, frozen=True, kw_only=True):
    """The newest tick of each symbol and channel, at a position."""

    epoch: str
    seq: Seq
    data: list[Tick]


class TicksAnswer(Struct, frozen=True, kw_only=True):
    """What came after a position; `epoch:seq` is the `since` of the next poll."""

    epoch: str
    seq: Seq
    batches: list[Ticks]


class Bar(Struct, frozen=True, kw_only=True):
    """A finished bar: `t` is when it opened in market time (microseconds since 1970), `vwap` the price by volume."""

    t: int
    open: float
    high: float
    low: float
    close: float
    volume: int
    vwap: float
    trades: int


class BarsAnswer(Struct, frozen=True, kw_only=True):
    """Finished bars, oldest first; an interval without a trade has none."""

    epoch: str
    seq: Seq
    symbol: str
    interval: str
    bars: list[Bar]


class HealthAnswer(Struct, frozen=True, kw_only=True):
    """The process answers."""

    status: Literal["ok"] = "ok"


class ReadyAnswer(Struct, frozen=True, kw_only=True):
    """There is a market to read, and the tape stands at this position."""

    status: Literal["ready"] = "ready"
    epoch: str
    seq: Seq


class Problem(Struct, frozen=True, kw_only=True):
    """A refusal (RFC 9457); `code` is that of the protocol, and what else helps stands beside it."""

    type: str = "about:blank"
    title: str
    status: int
    code: str
    detail: str
    field: str | UnsetType = UNSET
    oldest: str | UnsetType = UNSET
    symbols: list[str] | UnsetType = UNSET
    known: list[Any] | UnsetType = UNSET
