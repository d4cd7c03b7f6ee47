"""The kinds of ticks, as types: one a channel, with the fields that the native protocol gives it.

The server never builds them: a dialect renders them straight from the rows of the tape. They are how a client reads
ticks, and what the documents describe. A field that may be missing is UNSET then.
"""

from typing import Annotated, ClassVar, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from ticker.ticks import BARS_1M, BARS_1S, BOOK, QUOTES, STATS, STATUS, TRADES, Reason, State

MarketTime = Annotated[int, Meta(description="market time in microseconds since 1970")]
Symbol = Annotated[str, Meta(description="the instrument", examples=["ACME"])]
Count = Annotated[int, Meta(description="counts this symbol's ticks on this channel, without a hole")]


Volume = Annotated[int, Meta(description="sum of the sizes")]
MeanPrice = Annotated[float | None, Meta(description="mean price, weighted by size; null while the volume is 0")]


class Status(Struct, frozen=True, tag_field="ch", tag="status"):
    """What an instrument's trading is in, from now on, and what has made it so."""

    sym: Symbol
    n: Count
    t: MarketTime
    state: Annotated[State, Meta(description="what it is in")]
    reason: Annotated[
        Reason,
        Meta(description="what has happened; a state that is not new may stand beside it"),
    ]
    px: Annotated[float, Meta(description="price of the auction as it stands, or of the trade")] | UnsetType = UNSET
    sz: Annotated[int, Meta(description="size of the same")] | UnsetType = UNSET
    value: Annotated[float, Meta(description="relative size of a shock, factor of a regime")] | UnsetType = UNSET
    ref: Annotated[int, Meta(description="`n` of the trade that this is about")] | UnsetType = UNSET

    channel: ClassVar[str] = STATUS


class Quote(Struct, frozen=True, tag_field="ch", tag="quote"):
    """A quote: best bid and ask with their sizes."""

    sym: Symbol
    n: Count
    t: MarketTime
    bid: Annotated[float, Meta(description="highest price somebody would pay")]
    bsz: Annotated[int, Meta(description="size of the bid")]
    ask: Annotated[float, Meta(description="lowest price somebody would sell at")]
    asz: Annotated[int, Meta(description="size of the ask")]

    channel: ClassVar[str] = QUOTES


class Book(Struct, frozen=True, tag_field="ch", tag="book"):
    """One level of one side of the book: its size now, 0 where it is no longer among the ten best."""

    sym: Symbol
    n: Count
    t: MarketTime
    side: Literal["bid", "ask"]
    px: Annotated[float, Meta(description="price of the level")]
    sz: Annotated[int, Meta(description="size of all orders there; 0: forget the level")]
    crc: (
        Annotated[int, Meta(ge=0, lt=2**32, description="on the last of a step: checksum of the book as it is now")]
        | UnsetType
    ) = UNSET
    fresh: Annotated[bool, Meta(description="where true, forget the symbol's levels first")] | UnsetType = UNSET

    channel: ClassVar[str] = BOOK


class Trade(Struct, frozen=True, tag_field="ch", tag="trade"):
    """A trade."""

    sym: Symbol
    n: Count
    t: MarketTime
    px: Annotated[float, Meta(description="price")]
    sz: Annotated[int, Meta(description="size")]
    side: Annotated[Literal["buy", "sell"], Meta(description="who was in a hurry")]

    channel: ClassVar[str] = TRADES


class BarTick(Struct, frozen=True):
    """The trades of an interval in a few numbers, so far or for good."""

    sym: Symbol
    n: Count
    t: Annotated[MarketTime, Meta(description="when it opened: market time, in microseconds since 1970")]
    open: Annotated[float, Meta(description="price of the first trade")]
    high: Annotated[float, Meta(description="highest price")]
    low: Annotated[float, Meta(description="lowest price")]
    close: Annotated[float, Meta(description="price of the last trade")]
    volume: Volume
    vwap: MeanPrice
    trades: Annotated[int, Meta(description="how many")]
    done: Annotated[bool, Meta(description="whether the interval is over: a running bar is sent now and then")]


class Bar1s(BarTick, frozen=True, tag_field="ch", tag="bar.1s"):
    """A bar of one second."""

    channel: ClassVar[str] = BARS_1S


class Bar1m(BarTick, frozen=True, tag_field="ch", tag="bar.1m"):
    """A bar of one minute."""

    channel: ClassVar[str] = BARS_1M


class Stats(Struct, frozen=True, tag_field="ch", tag="stats"):
    """The trading day of an instrument so far."""

    sym: Symbol
    n: Count
    t: MarketTime
    open: Annotated[float, Meta(description="price of the first trade of the day")]
    high: Annotated[float, Meta(description="highest price of the day")]
    low: Annotated[float, Meta(description="lowest price of the day")]
    last: Annotated[float, Meta(description="price of the last trade")]
    previous: Annotated[float, Meta(description="close of the day before")]
    volume: Volume
    vwap: MeanPrice
    trades: Annotated[int, Meta(description="how many")]
    change: Annotated[float, Meta(description="last - previous")]
    change_pct: Annotated[float, Meta(description="the same in percent of previous, to four decimals")]

    channel: ClassVar[str] = STATS


Tick = Status | Quote | Book | Trade | Bar1s | Bar1m | Stats
KINDS: dict[str, type[Tick]] = {
    STATUS: Status,
    QUOTES: Quote,
    BOOK: Book,
    TRADES: Trade,
    BARS_1S: Bar1s,
    BARS_1M: Bar1m,
    STATS: Stats,
}
"""The type of the ticks of a channel."""
