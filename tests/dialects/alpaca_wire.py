"""What tests of the Alpaca dialect share: talks begun, and frames read back in either codec."""

import json
import struct
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
from hypothesis import strategies as st

from dialects.scripted_market import AAPL, BTC, CROSS, ETH, FAKEPACA, INSTRUMENTS, T0, ScriptedMarket, row_of, universe
from ticker.dialects.alpaca import VENUE
from ticker.dialects.alpaca.dialect import AlpacaDialect
from ticker.dialects.alpaca.talk import AlpacaTalk
from ticker.dialects.alpaca.venue import AlpacaVenue
from ticker.ticks import Rows
from ticker.venue import Asked, Identify, Now, Turn
from ticker.wire.frames import BINARY, TEXT

PAIRS = (BTC, ETH, CROSS)
STOCKS = (AAPL, FAKEPACA)
NAMES = {BTC: "BTC/USDT", ETH: "ETH/USDT", CROSS: "ETH/BTC", AAPL: "AAPL", FAKEPACA: "FAKEPACA"}
NOW = Now(T0 + 5, 100.0, T0)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
KEYS = (("apca-api-key-id", "key"), ("apca-api-secret-key", "secret"))
MSGPACK = ("content-type", "application/msgpack")
CODECS = ("json", "msgpack")

codecs = st.sampled_from(CODECS)
stocks = st.sampled_from(STOCKS)
pairs = st.sampled_from(PAIRS)
ticks = st.integers(1, 10**9)
sizes = st.integers(0, 10**12)
sums = st.integers(0, 10**18)
numbers = st.integers(1, 2**53)
times = st.integers(T0, T0 + 10**15)


def venue(*, strict: bool = False) -> AlpacaVenue:
    """Return the venue over the scripted market's universe."""
    return VENUE(universe(), strict=strict)


def begin(
    path: str,
    *headers: tuple[str, str],
    of: AlpacaVenue | None = None,
    identify: Identify | None = None,
    now: Now = NOW,
) -> AlpacaTalk:
    """Return a talk that has said nothing yet."""
    talk = (of or venue()).talk(Asked(path, headers=headers), ScriptedMarket(), now, identify)
    assert isinstance(talk, AlpacaTalk)
    return talk


def authenticated(path: str, *headers: tuple[str, str], of: AlpacaVenue | None = None) -> AlpacaTalk:
    """Return a talk with somebody who said who it is with its request."""
    talk = begin(path, *KEYS, *headers, of=of)
    said = messages(talk.opened(ScriptedMarket(), NOW))
    assert said == [{"T": "success", "msg": "connected"}, {"T": "success", "msg": "authenticated"}]
    return talk


def dialect(path: str, codec: str) -> AlpacaDialect:
    """Return what a feed has ticks spelled in."""
    return begin(path, *([MSGPACK] if codec == "msgpack" else [])).dialect


def hears(talk: AlpacaTalk, message: Any, market: ScriptedMarket | None = None, now: Now = NOW) -> Turn:
    """Return what is answered to an object in JSON, or to bytes."""
    data = message if isinstance(message, bytes) else json.dumps(message).encode()
    return talk.heard(data, True, market or ScriptedMarket(), now)


def messages(turn: Turn) -> list[Any]:
    """Return what is said, each an array of one."""
    return [message for said in turn.says for message in one(said)]


def answer(talk: AlpacaTalk, message: Any, market: ScriptedMarket | None = None) -> Any:
    """Return the one message that is answered, in a conversation that goes on."""
    turn = hears(talk, message, market)
    assert turn.close is None
    (said,) = messages(turn)
    return said


def one(said: str | bytes) -> list[Any]:
    """Return a message that is an array of one."""
    told = json.loads(said, parse_float=Decimal) if isinstance(said, str) else msgspec.msgpack.decode(said)
    assert isinstance(told, list) and len(told) == 1
    return told


def unframed(piece: bytes) -> str | bytes:
    """Return the message in one whole frame."""
    kind, size, start = piece[0], piece[1], 2
    if size == 126:
        (size,), start = struct.unpack("!H", piece[2:4]), 4
    elif size == 127:
        (size,), start = struct.unpack("!Q", piece[2:10]), 10
    assert kind in (TEXT, BINARY) and len(piece) == start + size
    return piece[start:].decode() if kind == TEXT else piece[start:]


def rendered(path: str, codec: str, channel: str, rows: Rows) -> list[Any]:
    """Return the messages of some rows: None for a row that is none."""
    pieces = dialect(path, codec).render(channel, rows)
    assert len(pieces) == len(rows)
    said = [unframed(piece) if piece else None for piece in pieces]
    assert all(isinstance(some, str if codec == "json" else bytes) for some in said if some is not None)
    return [None if some is None else one(some)[0] for some in said]


def only(path: str, codec: str, channel: str, rows: Rows) -> Any:
    """Return the message of one row."""
    (message,) = rendered(path, codec, channel, rows)
    return message


def price(instrument: int, price_ticks: int) -> Decimal:
    """Return a price in money."""
    grid = INSTRUMENTS[instrument]
    return Decimal(price_ticks * grid.tick_units).scaleb(-grid.decimals)


def size(instrument: int, units: int) -> Decimal:
    """Return a size in shares or coins."""
    return Decimal(units).scaleb(-INSTRUMENTS[instrument].size_decimals)


def told(codec: str, exact: Decimal) -> Decimal | float:
    """Return what a decimal is on the wire: itself, or the nearest float."""
    return exact if codec == "json" else float(exact)


def moment(codec: str, t_us: int) -> datetime | str:
    """Return a time as it is read back: the text has as many digits as it needs."""
    when = EPOCH + timedelta(microseconds=t_us)
    if codec == "msgpack":
        return when
    text = when.strftime("%Y-%m-%dT%H:%M:%S.%f")
    return text.rstrip("0").rstrip(".") + "Z"


def built(dtype: Any, **fields: st.SearchStrategy[int]) -> st.SearchStrategy[Rows]:
    """Return rows of one, with drawn fields."""
    make: Callable[[dict[str, int]], Rows] = lambda drawn: row_of(dtype, **drawn)  # noqa: E731
    return st.fixed_dictionaries(fields).map(make)


def field(rows: Rows, *names: str) -> Sequence[int]:
    """Return fields of the only row."""
    return [int(rows[name][0]) for name in names]
