"""The pairs of a universe as Binance names and prints them: Binance Spot API, "General information on symbols".

A pair is one upper-case word. All quantities of money and coins have eight decimals, percentages three; what does not
come out even is rounded half away from zero, from integers.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from ticker.instruments import Instrument, Universe
from ticker.venue import pair
from ticker.wire.decimals import Decimals, spell

PLACES = 8
PERCENT_PLACES = 3
NOTHING = spell(0, PLACES)
"""What a level that is gone has left, and a price that nobody has paid yet."""


@dataclass(frozen=True, slots=True)
class Symbol:
    """One pair: its index in the universe, its name, and the texts of its numbers.

    `prices` are texts by ticks, `sizes` by units of the instrument. Both have eight decimals, or as many as the
    instrument needs.
    """

    index: int
    name: str
    base: str
    quote: str
    instrument: Instrument
    prices: Decimals
    sizes: Decimals

    def turnover(self, turnover: int) -> str:
        """Print a sum of price in ticks x size, in the quote currency."""
        exact = self.instrument.decimals + self.instrument.size_decimals
        return spell(rounded(turnover * self.instrument.tick_units * 10**PLACES, 10**exact), PLACES)

    def mean(self, turnover: int, volume: int) -> str:
        """Print the mean price of a unit: 0 where none was traded."""
        if not volume:
            return NOTHING
        units = turnover * self.instrument.tick_units * 10**PLACES
        return spell(rounded(units, volume * 10**self.instrument.decimals), PLACES)


def percent(change: int, before: int) -> str:
    """Print change / before in percent: 0 where there was nothing before."""
    return spell(rounded(change * 100 * 10**PERCENT_PLACES, before) if before else 0, PERCENT_PLACES)


def rounded(over: int, under: int) -> int:
    """Return over / under (above 0) as a whole number, halves away from zero."""
    whole = (2 * abs(over) + under) // (2 * under)
    return -whole if over < 0 else whole


class Symbols:
    """All pairs of a universe, in its order; what is no pair (a stock) is not there."""

    def __init__(self, universe: Universe) -> None:
        self._names: dict[str, Symbol] = {}
        self._indices: dict[int, Symbol] = {}
        for index, instrument in enumerate(universe):
            parts = pair(instrument.symbol)
            if parts and (name := "".join(parts).upper()) not in self._names:
                symbol = Symbol(index, name, *parts, instrument, *_tables(instrument))
                self._names[name] = self._indices[index] = symbol

    def __iter__(self) -> Iterator[Symbol]:
        return iter(self._names.values())

    def __len__(self) -> int:
        return len(self._names)

    def find(self, name: str) -> Symbol | None:
        """Return the symbol of a name in upper case, BTCUSDT."""
        return self._names.get(name)

    def __getitem__(self, index: int) -> Symbol:
        """Return the symbol of an instrument by its index in the universe; raise KeyError for what is no pair."""
        return self._indices[index]


def _tables(instrument: Instrument) -> tuple[Decimals, Decimals]:
    price_places = max(PLACES, instrument.decimals)
    size_places = max(PLACES, instrument.size_decimals)
    return (
        Decimals(price_places, instrument.tick_units * 10 ** (price_places - instrument.decimals)),
        Decimals(size_places, 10 ** (size_places - instrument.size_decimals)),
    )
