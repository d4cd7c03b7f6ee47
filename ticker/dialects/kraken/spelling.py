"""What Kraken's messages have in `data`, each as the text of one JSON object, and the checksum of a book.

A snapshot and an update of a channel are spelled alike: both are made of these.
"""

import zlib
from collections.abc import Iterable, Sequence
from typing import Any

from ticker.dialects.kraken.pairs import Pair, Pairs
from ticker.wire.decimals import spell
from ticker.wire.moments import rfc3339

Levels = Sequence[tuple[int, int]]
"""(Price in ticks, size) each, best first."""
SIDES = ("buy", "sell")  # by ticks.BUY and ticks.SELL
PERCENT_DECIMALS = 2
SUMMED_LEVELS = 10  # of a side, in a checksum


def checksum(printed: Iterable[tuple[str, str]]) -> int:
    """Return the CRC-32 of levels as printed (price, quantity): asks from the lowest, then bids from the highest.

    Of each number the point and leading zeros are left out:
    https://docs.kraken.com/api/docs/guides/spot-ws-book-v2
    """
    digits = (number.replace(".", "").lstrip("0") for level in printed for number in level)
    return zlib.crc32("".join(digits).encode())


def book_sum(pair: Pair, asks: Levels, bids: Levels) -> int:
    """Return the checksum of a book."""
    return sum_of(pair, (*asks[:SUMMED_LEVELS], *bids[:SUMMED_LEVELS]))


def sum_of(pair: Pair, levels: Levels) -> int:
    """Return the checksum of the levels that are summed, in order.

    What is left of a printed number without its point and leading zeros is how many units it is.
    """
    unit, qty_unit = pair.unit, pair.qty_unit
    return zlib.crc32("".join([f"{price * unit}{size * qty_unit}" for price, size in levels]).encode())


class Spelling:
    """Spells rows (as tuples) of the studies' dtypes."""

    def __init__(self, pairs: Pairs) -> None:
        self.pairs = pairs

    def trade(self, i: int, n: int, t: int, price: int, size: int, side: int) -> str:
        """Spell a trade: its side is the taker's."""
        pair = self.pairs[i]
        return (
            f'{{"symbol":{pair.quoted},"side":"{SIDES[side]}","price":{pair.prices[price]},"qty":{pair.sizes[size]},'
            f'"ord_type":"market","trade_id":{n},"timestamp":"{rfc3339(t)}"}}'
        )

    def ticker(self, row: Sequence[Any]) -> str:
        """Spell a row of SUMMARY."""
        (i, _, t, _, _, opened, high, low, last, volume, turnover, trades, *_, bid, bid_size, ask, ask_size, _) = row
        pair = self.pairs[i]
        p, q = pair.prices, pair.sizes
        return (
            f'{{"symbol":{pair.quoted},"bid":{p[bid]},"bid_qty":{q[bid_size]},"ask":{p[ask]},"ask_qty":{q[ask_size]},'
            f'"last":{p[last]},"volume":{q[volume]},"vwap":{pair.mean(turnover, volume)},"low":{p[low]},'
            f'"high":{p[high]},"change":{p[last - opened]},"change_pct":{percent(last - opened, opened)},'
            f'"trades":{trades},"timestamp":"{rfc3339(t)}"}}'
        )

    def bar(self, minutes: int, row: Sequence[Any]) -> str:
        """Spell a row of BAR; `timestamp` is when it ends."""
        i, _, t, until, _, opened, high, low, closed, volume, turnover, trades, *_ = row
        pair = self.pairs[i]
        p = pair.prices
        return (
            f'{{"symbol":{pair.quoted},"open":{p[opened]},"high":{p[high]},"low":{p[low]},"close":{p[closed]},'
            f'"trades":{trades},"volume":{pair.sizes[volume]},"vwap":{pair.mean(turnover, volume)},'
            f'"interval_begin":"{nanos(t)}","interval":{minutes},"timestamp":"{rfc3339(until)}"}}'
        )

    def book(self, i: int, bids: Levels, asks: Levels, crc: int, t: int) -> str:
        """Spell levels of a book, with the checksum of what it is once they are applied."""
        pair = self.pairs[i]
        return (
            f'{{"symbol":{pair.quoted},"bids":[{_levels(pair, bids)}],"asks":[{_levels(pair, asks)}],'
            f'"checksum":{crc},"timestamp":"{rfc3339(t)}"}}'
        )


def _levels(pair: Pair, levels: Levels) -> str:
    p, q = pair.prices, pair.sizes
    return ",".join([f'{{"price":{p[price]},"qty":{q[size]}}}' for price, size in levels])


def percent(change: int, before: int) -> str:
    """Print change / before in percent, rounded half away from zero; 0 where there is nothing to compare with."""
    if not before:
        return spell(0, PERCENT_DECIMALS)
    units = abs(change) * 100 * 10**PERCENT_DECIMALS
    rounded = (2 * units + before) // (2 * before)
    return spell(-rounded if change < 0 else rounded, PERCENT_DECIMALS)


def nanos(us: int) -> str:
    """Print a time with nine digits of a second, of which we know six."""
    return f"{rfc3339(us)[:-1]}000Z"
