"""What a venue's dialect is to the house, and the house to it. Types only.

A *venue* speaks another market's wire protocol about our tape. It has a **universe** of instruments, named by their
index; **channels** of its own, one for each thing that can be subscribed to (`trade`, `kline_5m`, `depth@100ms`), each
of which is a **study** of the tape; a **talk** for each client, which hears and answers; and answers to requests over
HTTP. All of it is pure: time and market are handed in, bytes are handed back. The house makes the studies, keeps the
audiences, writes, pings and closes.

Rules. A study is a function of the tape: its times are the market's. A row is one thing that happened; where several
rows are one message (the levels of a book), they follow each other and the last of them has `last` set. A dialect
renders one piece a row: whole WebSocket frames, or nothing for a row that is not the last of its message.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np

from ticker.instruments import Universe
from ticker.interest import Streams
from ticker.ticks import BARS_1M, BOOK, DTYPES, QUOTES, STATS, STATUS, TRADES, Rows

DAY_US = 86_400_000_000
MONTH = 0
"""A `length_us` that stands for calendar months."""
PPM = 1_000_000
CHANGE, SHOWN = 0, 1
"""Kinds of a DEPTH row: a level that is new, or one of the ten best as they stand now."""

_HEAD: list[tuple[str, str]] = [("instrument", "<i4"), ("n", "<i8"), ("t", "<i8")]
_TOUCH = [("bid_ticks", "<i8"), ("bid_size", "<i8"), ("ask_ticks", "<i8"), ("ask_size", "<i8")]
_PRICES = [("open_ticks", "<i8"), ("high_ticks", "<i8"), ("low_ticks", "<i8"), ("close_ticks", "<i8")]
_SUMS = [("volume", "<i8"), ("turnover", "<i8"), ("trades", "<i8")]
_TAKERS = [("taker_volume", "<i8"), ("taker_turnover", "<i8"), ("first", "<i8"), ("last", "<i8")]

TRADE = np.dtype([*_HEAD, ("price_ticks", "<i8"), ("size", "<i8"), ("side", "<i1"), ("book_n", "<i8")])
"""`n` counts the instrument's trades from 1, `side` is the aggressor's (ticks.BUY, SELL)."""
QUOTE = np.dtype([*_HEAD, *_TOUCH, ("book_n", "<i8")])
"""A price of 0 where that side is empty."""
DEPTH = np.dtype(
    [
        *_HEAD,
        ("first", "<i8"),
        ("side", "<i1"),
        ("price_ticks", "<i8"),
        ("size", "<i8"),
        ("kind", "<i1"),
        ("last", "<i1"),
    ]
)
"""Levels of a book (ticks.BID, ASK). `n` is the book's id after the message, `first` that of the first change in it:
ids count without a hole, so the next message's `first` is this one's `n` + 1. A size of 0 takes a level away."""
BAR = np.dtype([*_HEAD, ("until", "<i8"), ("at", "<i8"), *_PRICES, *_SUMS, *_TAKERS, ("done", "<i1")])
"""From `t` (included) to `until` (excluded), as it stands at market time `at`. `turnover` is the sum of price in ticks
x size; `taker_*` are of trades whose aggressor bought; `first` and `last` are the `n` of its trades, those that were
broken among them, -1 where it has none: its prices are then all that of the trade before, or 0 where there was none. A
trade that was corrected has the price that it should have had, one that was broken is in none of the sums."""
SUMMARY = np.dtype(
    [
        *_HEAD,
        ("since", "<i8"),
        ("until", "<i8"),
        *_PRICES,
        *_SUMS,
        ("first", "<i8"),
        ("last", "<i8"),
        ("before_ticks", "<i8"),
        ("last_size", "<i8"),
        ("last_side", "<i1"),
        ("last_t", "<i8"),
        ("month_volume", "<i8"),
        *_TOUCH,
        ("book_n", "<i8"),
    ]
)
"""A window up to market time `t`: from `since`, at the beginning of a minute, to `until`, which is `t`. `close_ticks`
is the last price, `before_ticks` that of the last trade before the window, 0 where there was none; `month_volume` is of
30 days, as far as known; the touch is as it stands."""
PULSE = np.dtype([*_HEAD, ("book_n", "<i8")])
"""An instrument is alive: `n` is the number of its last trade."""


@dataclass(frozen=True, slots=True)
class Trades:
    """Every trade: rows of TRADE."""

    dtype: ClassVar[Any] = TRADE
    channel: ClassVar[str] = TRADES


@dataclass(frozen=True, slots=True)
class Quotes:
    """The best levels whenever they change: rows of QUOTE."""

    dtype: ClassVar[Any] = QUOTE
    channel: ClassVar[str] = QUOTES


@dataclass(frozen=True, slots=True)
class Depth:
    """What changed in the book: rows of DEPTH, a message for so many microseconds in which something did.

    With 0, for every step. Of changes of one level the last is told. `shown`: after the changes come the ten best of
    each side as they are now, asks then bids, best first, as rows of kind SHOWN.
    """

    every_us: int = 0
    shown: bool = False
    dtype: ClassVar[Any] = DEPTH
    channel: ClassVar[str] = BOOK


@dataclass(frozen=True, slots=True)
class Levels:
    """The best levels of each side, where the book has changed: rows of DEPTH, kind SHOWN, asks then bids."""

    depth: int
    every_us: int = 0
    dtype: ClassVar[Any] = DEPTH
    channel: ClassVar[str] = BOOK


@dataclass(frozen=True, slots=True)
class Bars:
    """Bars of a length (or MONTH), opening at its multiples since 1970, `offset_us` later: rows of BAR.

    Told every so many microseconds where something has traded since (0: only when finished), and when finished; a bar
    without a trade when finished, if `empty`. With `revised`, none of that: only bars that were finished when a trade
    in them was corrected or broken, as they are now, when market time next reaches half a minute past a minute. A bar
    of which not all trades are kept any more stays as it is, and is not told again.
    """

    length_us: int
    offset_us: int = 0
    every_us: int = 0
    empty: bool = False
    revised: bool = False
    dtype: ClassVar[Any] = BAR
    channel: ClassVar[str] = BARS_1M


@dataclass(frozen=True, slots=True)
class Summaries:
    """A window that moves with time: rows of SUMMARY.

    `on` is when: "trades" or "quotes" in each step that has one, "time" every `every_us` for what has traded since;
    with `all`, for everything. Of several in a step, the last is told.
    """

    window_us: int = DAY_US
    on: str = "time"
    every_us: int = 1_000_000
    all: bool = False
    dtype: ClassVar[Any] = SUMMARY
    channel: ClassVar[str] = STATS


@dataclass(frozen=True, slots=True)
class Pulses:
    """A sign of life of every instrument: rows of PULSE."""

    every_us: int = 1_000_000
    dtype: ClassVar[Any] = PULSE
    channel: ClassVar[str] = TRADES


@dataclass(frozen=True, slots=True)
class States:
    """Halts, corrections, auctions as they happen: rows as of `ticks.STATUS`.

    Where the tape takes a trade back (reason `correction`), `value_ppm` says what becomes of it: by how much its price
    was off where it is corrected (`undone` is the price it should have had), 0 where it is broken and there is none.
    """

    dtype: ClassVar[Any] = DTYPES[STATUS]
    channel: ClassVar[str] = STATUS


Study = Trades | Quotes | Depth | Levels | Bars | Summaries | Pulses | States
"""`dtype` is that of its rows, `channel` that of the native protocol which somebody must be permitted."""


class Now(NamedTuple):
    """The wall clock (us since 1970), a clock that never jumps (s), the market's time (us since 1970)."""

    wall_us: int
    monotonic_s: float
    market_us: int


class Image(NamedTuple):
    """A book as it stands: (price in ticks, size) a level, best first; `n` is the id of its last change."""

    n: int
    t: int
    bids: list[tuple[int, int]]
    asks: list[tuple[int, int]]


class Market(Protocol):
    """The market at the head of the tape, as far as whoever asks is permitted. Arrays are not to be changed."""

    @property
    def universe(self) -> Universe: ...

    @property
    def t(self) -> int:
        """Return the market time, in microseconds since 1970."""

    def permits(self, instrument: int) -> bool:
        """Tell whether whoever asks may have an instrument at all."""

    def quote(self, instrument: int) -> Rows:
        """Return the newest row of QUOTE, or none: shape (0,) or (1,)."""

    def book(self, instrument: int) -> Image:
        """Return the ten best levels a side."""

    def trades(
        self,
        instrument: int,
        limit: int,
        first: int | None = None,
        since_us: int | None = None,
        until_us: int | None = None,
    ) -> Rows:
        """Return rows of TRADE as far as remembered, oldest first: the newest, or the first of number `first` or time
        `since_us` on (included), up to `until_us` (included), as they were printed, whatever has become of them since.
        `book_n` is 0."""

    def bars(
        self, instrument: int, bars: Bars, limit: int, since_us: int | None = None, until_us: int | None = None
    ) -> Rows:
        """Return rows of BAR as far as remembered, oldest first, the running one last: the newest, or those that opened
        from `since_us` to `until_us` (both included), the first of them. Between trades there is no hole."""

    def summaries(self, instruments: Sequence[int], window_us: int = DAY_US) -> Rows:
        """Return a row of SUMMARY for each, in this order; `trades` is 0 where nothing has traded in the window."""

    def state(self, instrument: int) -> int:
        """Return the place in `ticks.STATES` of how an instrument's trading stands."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: the path below the venue's mount, unquoted; the query as sent; headers in order, in lower case."""

    path: str
    query: str = ""
    headers: Sequence[tuple[str, str]] = ()
    method: str = "GET"
    address: str = ""
    """Where it comes from: what limits go by."""

    def header(self, name: str) -> str:
        """Return a header's values joined by commas, empty where there is none."""
        return ", ".join(value for key, value in self.headers if key == name)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered over HTTP."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


class Turn(NamedTuple):
    """What a talk says now, in this order (str as text, bytes as binary), and how it ends, if it does: code, reason.

    What the talk's `interest` and `dialect` are afterwards takes effect once all that has been said.
    """

    says: Sequence[str | bytes] = ()
    close: tuple[int, str] | None = None


SILENCE = Turn()


class VenueDialect(Protocol):
    """How ticks are spelled for one kind of client; told apart by identity, so make few of them."""

    def render(self, channel: str, rows: Rows) -> list[bytes]:
        """Return a piece a row: whole frames (`wire.frames`), or nothing."""

    def __hash__(self) -> int: ...


class Talk(Protocol):
    """One client's conversation over a WebSocket."""

    @property
    def interest(self) -> Streams:
        """What it is owed from the head of the tape on."""

    @property
    def dialect(self) -> VenueDialect:
        """How."""

    def opened(self, market: Market, now: Now) -> Turn:
        """Begin: the 101 has been sent."""

    def heard(self, data: bytes, text: bool, market: Market, now: Now) -> Turn:
        """Hear a whole message; text is UTF-8."""

    def controls(self, count: int, now: Now) -> Turn:
        """Learn of so many pings and pongs that nobody asked for."""

    def looked(self, market: Market, now: Now) -> Turn:
        """Look at deadlines, every half a second."""

    def leaving(self, reason: str, now: Now) -> Turn:
        """Say goodbye: "shutdown" (the server stops), "slow" (it reads too slowly), "source" (the tape has a hole),
        "expired" (what it was permitted), "fault" (ours), "flood" (it sends too much). A turn without `close` is ended
        by the house."""

    def gone(self, now: Now) -> None:
        """Learn, once, that the client has left, however: whoever was `opened` says and hears nothing from then on."""


class Venue(Protocol):
    """One venue, over one universe."""

    name: str
    ping_s: float
    """We ping so often, whatever else passes."""
    pong_s: float
    """And close with `pong_close` where no pong comes in so long."""
    pong_close: tuple[int, str]
    open_paths: Sequence[str]
    """Paths (below the mount, `*` at the end stands for anything) of WebSockets that say later who they are."""

    @property
    def instruments(self) -> Sequence[int]:
        """Return what of the universe it trades, ascending; with nothing there is nothing to talk about."""

    def study(self, channel: str) -> Study:
        """Return what a channel is of the tape: of every channel that an `interest` may have."""

    def joins(self, channel: str) -> bool:
        """Tell whether one message of a channel tells of many instruments: who may not have all of them has none."""

    def upgrades(self, path: str) -> bool:
        """Tell whether a path is a WebSocket."""

    def talk(self, asked: Asked, market: Market, now: Now, identify: "Identify | None") -> "Talk | Answer":
        """Return the talk for a client, or what refuses it before it begins.

        `identify` is there where tokens are asked for and none was sent: tells whether a token is known, and has the
        talk permitted what it permits.
        """

    def answer(self, asked: Asked, market: Market, now: Now) -> Answer:
        """Answer a request; one for nothing we know in the venue's own words (404)."""

    def token(self, asked: Asked) -> str | None:
        """Return the token that a request has in the venue's own place, a header of its own say; None for none.

        It is asked for where tokens are, of requests and handshakes that have none in the house's places.
        """


class Identify(Protocol):
    """Has a talk permitted what a token permits."""

    def __call__(self, token: str) -> bool:
        """Tell whether the token is known."""


def undone(price_ticks: int, value_ppm: int) -> int:
    """Return the price that a trade should have had which was off by so many millionths (more than -PPM)."""
    return max(1, (2 * price_ticks * PPM + PPM + value_ppm) // (2 * (PPM + value_ppm)))


def pair(symbol: str) -> tuple[str, str] | None:
    """Return base and quote of a symbol such as BTC-USDT, None where it names no pair."""
    base, dash, quote = symbol.partition("-")
    return (base, quote) if dash and base and len(quote) >= 3 and quote.isalnum() else None
