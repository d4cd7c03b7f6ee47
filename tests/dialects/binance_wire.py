"""What tests of the Binance dialect share: frames read back, rows of every study, and what a client hears."""

import json
import struct
from decimal import Decimal
from typing import Any

import orjson
from hypothesis import strategies as st

from dialects.scripted_market import BTC, CROSS, ETH, INSTRUMENTS, T0, ScriptedMarket, row_of, universe
from ticker.dialects.binance import VENUE, Binance
from ticker.dialects.binance.spelling import BinanceDialect
from ticker.dialects.binance.talk import BinanceTalk
from ticker.interest import Streams
from ticker.ticks import Rows
from ticker.venue import SILENCE, Asked, Now, Turn
from ticker.wire.frames import TEXT

PAIRS = (BTC, ETH, CROSS)
NAMES = {BTC: "BTCUSDT", ETH: "ETHUSDT", CROSS: "ETHBTC"}
NOW = Now(T0 + 5, 100.0, T0)

SOME = ["btcusdt@trade", "ethusdt@depth@100ms", "ethbtc@kline_1m@+08:00"]
"""Names of streams, and what they come to."""
INTEREST = Streams.table({"trade": 1 << BTC, "depth@100ms": 1 << ETH, "kline_1m@+08:00": 1 << CROSS})

pairs = st.sampled_from(PAIRS)
ticks = st.integers(1, 10**9)
sizes = st.integers(0, 10**12)
sums = st.integers(0, 10**18)
numbers = st.integers(1, 2**53)
times = st.integers(T0, T0 + 10**15)


def payloads(pieces: list[bytes]) -> list[str]:
    """Return the texts of whole text frames, one after the other."""
    data, texts = b"".join(pieces), []
    while data:
        assert data[0] == TEXT
        size, start = data[1], 2
        if size == 126:
            (size,), start = struct.unpack("!H", data[2:4]), 4
        elif size == 127:
            (size,), start = struct.unpack("!Q", data[2:10]), 10
        texts.append(data[start : start + size].decode())
        assert len(data) >= start + size
        data = data[start + size :]
    return texts


def venue(*, strict: bool = False) -> Binance:
    """Return the venue over the scripted market's universe."""
    return VENUE(universe(), strict=strict)


def dialect(*, wrapped: bool = False, micro: bool = False) -> BinanceDialect:
    """Return what an address has ticks spelled in."""
    query = "timeUnit=MICROSECOND" if micro else ""
    return opened("/stream" if wrapped else "/ws", query).dialect


def opened(path: str, query: str = "", *, strict: bool = False) -> BinanceTalk:
    """Return a talk that has just begun."""
    talk = venue(strict=strict).talk(Asked(path, query), ScriptedMarket(), NOW, None)
    assert isinstance(talk, BinanceTalk)
    return talk


def price(instrument: int, price_ticks: int) -> Decimal:
    """Return a price in money."""
    grid = INSTRUMENTS[instrument]
    return Decimal(price_ticks * grid.tick_units).scaleb(-grid.decimals)


def size(instrument: int, units: int) -> Decimal:
    """Return a size in coins."""
    return Decimal(units).scaleb(-INSTRUMENTS[instrument].size_decimals)


def only(pieces: list[bytes]) -> Any:
    """Return the one message there is."""
    (text,) = payloads(pieces)
    return orjson.loads(text)


def built(dtype: Any, **fields: st.SearchStrategy[int]) -> st.SearchStrategy[Rows]:
    """Return rows of one, with drawn fields."""
    return st.fixed_dictionaries(fields).map(lambda drawn: row_of(dtype, **drawn))


def begun(path: str, query: str = "", *, strict: bool = False, market: ScriptedMarket | None = None) -> BinanceTalk:
    """Return a talk that has begun with nothing to say."""
    talk = opened(path, query, strict=strict)
    assert talk.opened(market or ScriptedMarket(), NOW) == SILENCE
    return talk


def hears(talk: BinanceTalk, message: Any, *, market: ScriptedMarket | None = None, later_s: float = 0) -> Turn:
    """Return what is answered to an object, a text or bytes."""
    data = message if isinstance(message, bytes) else message.encode() if isinstance(message, str) else None
    data = orjson.dumps(message) if data is None else data
    return talk.heard(data, True, market or ScriptedMarket(), NOW._replace(monotonic_s=NOW.monotonic_s + later_s))


def answered(talk: BinanceTalk, method: str, params: Any = None, message_id: Any = 1) -> Any:
    """Return the one answer to a command that does not end the conversation."""
    request = {"method": method, "id": message_id} | ({} if params is None else {"params": params})
    (said,), close = hears(talk, request)
    assert close is None
    return json.loads(said)


def listed(talk: BinanceTalk) -> list[str]:
    names = answered(talk, "LIST_SUBSCRIPTIONS")["result"]
    assert isinstance(names, list)
    return names
