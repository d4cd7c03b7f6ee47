"""Pairs as Kraken lists them: a name each, and how their numbers are printed."""

from dataclasses import dataclass

import orjson

from ticker.instruments import Instrument, Universe
from ticker.venue import pair
from ticker.wire.decimals import Decimals, spell

QTY_DECIMALS = 8  # of every quantity, whatever an instrument's sizes are counted in


@dataclass(frozen=True, slots=True)
class Pair:
    """One instrument in Kraken's words. `listed` is false where it is no pair: nobody can ask for it."""

    index: int
    symbol: str
    """`BTC/USD`: what the WebSocket knows it by."""
    base: str
    quote: str
    listed: bool
    decimals: int
    unit: int
    """A tick, in units of 10**-decimals."""
    qty_decimals: int
    qty_unit: int
    """A size of 1, in units of 10**-qty_decimals."""
    lot: int
    quoted: str
    """The symbol as JSON."""
    prices: Decimals
    sizes: Decimals

    def mean(self, turnover: int, volume: int) -> str:
        """Print turnover / volume, in ticks, as a price, rounded half up; 0 where there is no volume."""
        if not volume:
            return self.prices[0]
        return spell((2 * turnover * self.unit + volume) // (2 * volume), self.decimals)


class Pairs:
    """Every instrument of a universe, by index; those that are listed, by symbol."""

    def __init__(self, universe: Universe) -> None:
        tables: dict[tuple[int, int], Decimals] = {}
        self._all = [_pair(index, instrument, tables) for index, instrument in enumerate(universe)]
        self.listed = [one for one in self._all if one.listed]
        self._found = {one.symbol: one for one in self.listed}

    def __getitem__(self, index: int) -> Pair:
        return self._all[index]

    def __len__(self) -> int:
        return len(self._all)

    def find(self, symbol: str) -> Pair | None:
        """Return what is listed under a symbol such as BTC/USD."""
        return self._found.get(symbol)


def _pair(index: int, instrument: Instrument, tables: dict[tuple[int, int], Decimals]) -> Pair:
    names = pair(instrument.symbol)
    base, quote = names or (instrument.symbol, "")
    symbol = f"{base}/{quote}" if names else base
    qty_decimals = max(QTY_DECIMALS, instrument.size_decimals)
    grids = (
        (instrument.decimals, instrument.tick_units),
        (qty_decimals, 10 ** (qty_decimals - instrument.size_decimals)),
    )
    prices, sizes = (tables.setdefault(grid, Decimals(*grid)) for grid in grids)
    return Pair(
        *(index, symbol, base, quote, names is not None),
        *(*grids[0], *grids[1], instrument.lot),
        *(orjson.dumps(symbol).decode(), prices, sizes),
    )
