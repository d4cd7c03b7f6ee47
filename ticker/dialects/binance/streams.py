"""What a stream's name asks for: Binance Spot WebSocket Streams, "Detailed Stream information".

A name is a symbol in lower case, `@`, and what of it: `btcusdt@kline_1m`; or, for all symbols at once, `!` and what:
`!miniTicker@arr`. The part that says what, exactly as it was asked for, is the channel: `depth` and `depth@1000ms` tell
the same and are two channels, because what is told carries the name. Names that the venue has retired or never
documented, and that clients send, are known too.

A name that reads like one and means nothing (an unknown symbol or suffix, upper case, `referencePrice`, `blockTrade`)
is no error: it is kept, and silent. This file knows no market and no client.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from ticker.dialects.binance.intervals import HOUR_US, LENGTHS_US, MINUTE_US, SECOND_US, bars, zone_us
from ticker.dialects.binance.symbols import Symbols
from ticker.interest import bits
from ticker.ticks import LEVELS
from ticker.venue import DAY_US, Depth, Levels, Market, Quotes, Study, Summaries, Trades

NAME_BYTES_MAX = 96
"""The longest name that is taken: 8192 of them still list in one message."""
FAST_US = SECOND_US // 10
KLINE_US = 2 * SECOND_US
"""How often a candlestick is told, but for those of a second."""
AVERAGE_US = 5 * MINUTE_US
WINDOWS_US = {"1h": HOUR_US, "4h": 4 * HOUR_US, "1d": DAY_US}

_SPEEDS_US = {"": SECOND_US, "@1000ms": SECOND_US, "@100ms": FAST_US}
_ALL_SPEEDS_US = {"": SECOND_US, "@1000ms": SECOND_US, "@3000ms": 3 * SECOND_US}
_SUFFIX = r"@[A-Za-z0-9_:.+-]+"
_NAME = re.compile(rf"![A-Za-z0-9_]+(?:{_SUFFIX})*|[^\s\x00-\x20\x7f\"\\!@/?&\ud800-\udfff]+(?:{_SUFFIX})+")
_KLINE = re.compile(r"kline_([0-9A-Za-z]+)(?:@([+-][0-9:]+))?")
_PATH = re.compile(r"/(?:ws|stream)(?:/|\Z)")
_SOME = "&"
"""Stands in a channel, never in a name, before the mask of those symbols that an array has, where it has not all."""


def _studies() -> Iterator[tuple[str, Study]]:
    """Yield every channel but candlesticks, and what it is of the tape."""
    yield from (("trade", Trades()), ("aggTrade", Trades()), ("bookTicker", Quotes()), ("!bookTicker", Quotes()))
    yield from (("ticker", Summaries()), ("miniTicker", Summaries()), ("avgPrice", Summaries(AVERAGE_US)))
    for window, window_us in WINDOWS_US.items():
        yield f"ticker_{window}", Summaries(window_us)
        yield f"!ticker_{window}@arr", Summaries(window_us)
    for speed, every_us in _SPEEDS_US.items():
        yield f"depth{speed}", Depth(every_us)
        yield from ((f"depth{depth}{speed}", Levels(min(depth, LEVELS), every_us)) for depth in (5, 10, 20))
    for speed, every_us in _ALL_SPEEDS_US.items():
        yield from ((f"!{kind}@arr{speed}", Summaries(every_us=every_us)) for kind in ("miniTicker", "ticker"))


_STUDIES = dict(_studies())


def told(channel: str) -> str:
    """Return a channel as its streams are named, without what only we know of it."""
    return channel.partition(_SOME)[0]


def some(channel: str) -> int | None:
    """Return the mask of the symbols that an array has, None where it has all."""
    _, sign, mask = channel.partition(_SOME)
    return int(mask, 16) if sign else None


def kline(channel: str) -> tuple[str, int] | None:
    """Return the interval of a channel of candlesticks and how far its zone is ahead of UTC, None for others."""
    found = _KLINE.fullmatch(channel)
    ahead_us = zone_us(found[2] or "0") if found else None
    if not found or ahead_us is None or found[1] not in LENGTHS_US:
        return None
    return found[1], ahead_us


@lru_cache(4096)
def study_of(channel: str) -> Study | None:
    """Return what a channel is of the tape, None where there is no such channel."""
    study = _STUDIES.get(told(channel))
    asked = kline(channel) if study is None else None
    if asked is None:
        return study
    interval, ahead_us = asked
    return bars(interval, ahead_us, SECOND_US if interval == "1s" else KLINE_US)


def is_name(name: str) -> bool:
    """Tell whether a text reads like the name of a stream, known or not."""
    return len(name) <= NAME_BYTES_MAX and bool(_NAME.fullmatch(name)) and len(name.encode()) <= NAME_BYTES_MAX


def is_array(channel: str) -> bool:
    """Tell whether one message of a channel is of many symbols."""
    return channel.startswith("!") and told(channel) != "!bookTicker"


class Stream(NamedTuple):
    """A channel and the bits of its instruments; silent where there are none."""

    channel: str
    mask: int


SILENT = Stream("", 0)


class Names:
    """The names of all streams of the pairs of a universe."""

    def __init__(self, symbols: Symbols) -> None:
        self._masks = {symbol.name.lower(): 1 << symbol.index for symbol in symbols}
        self._all = bits(symbol.index for symbol in symbols)

    def permitted(self, market: Market) -> int:
        """Return the bits of the pairs that whoever asks a market is permitted."""
        return sum(mask for mask in self._masks.values() if market.permits(mask.bit_length() - 1))

    def find(self, name: str, permitted: int) -> Stream:
        """Return the stream of a name; one for all symbols is of those whose bits are set."""
        if name.startswith("!"):
            channel, mask = name, permitted
            if mask != self._all and is_array(name):
                channel = f"{name}{_SOME}{mask:x}"
        else:
            symbol, _, channel = name.partition("@")
            mask = self._masks.get(symbol, 0)
        return Stream(channel, mask) if mask and study_of(channel) else SILENT


class Wish(NamedTuple):
    """What an address asks for: the names as they are written, wrapped or not, times in microseconds or not."""

    names: list[str]
    combined: bool
    micro: bool


class BadUnit(ValueError):
    """A `timeUnit` that is none."""


def upgrades(path: str) -> bool:
    """Tell whether a path is a WebSocket's."""
    return bool(_PATH.match(path))


def wish(path: str, query: str) -> Wish:
    """Read an address: /ws or /stream, then names or a number that says nothing, then ?streams= and timeUnit=.

    Some clients write a second question mark where an ampersand belongs. Raises BadUnit.
    """
    _, base, *parts = path.split("/")
    names = [part for part in parts if part and not (part.isascii() and part.isdigit())]
    micro = False
    for key, value in _fields(query):
        if key == "streams":
            names += filter(None, value.split("/"))
        elif key == "timeUnit":
            micro = _unit(value)
    return Wish(names, base == "stream", micro)


def _fields(query: str) -> list[tuple[str, str]]:
    parts = [part.partition("=") for part in re.split("[?&]", query)]
    return [(unquote(key), unquote(value)) for key, _, value in parts]


def _unit(value: str) -> bool:
    """Tell whether a time unit is the microsecond."""
    if value.upper() not in ("MICROSECOND", "MILLISECOND"):
        raise BadUnit(value)
    return value.upper() == "MICROSECOND"
