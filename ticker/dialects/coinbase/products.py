"""Products as Coinbase lists them, and how their numbers are printed."""

from dataclasses import dataclass

import orjson

from ticker.instruments import Instrument, Universe
from ticker.venue import pair
from ticker.wire.decimals import Decimals, spell

SIZE_DECIMALS = 8  # of every size and volume, whatever an instrument's sizes are counted in


class Trimmed(Decimals):
    """The same texts without zeros at the end: "1.5", and "2" where nothing is left behind the point."""

    def __missing__(self, count: int) -> str:
        text = self[count] = trimmed(super().__missing__(count))
        return text


@dataclass(frozen=True, slots=True)
class Product:
    """One instrument in Coinbase's words. `listed` is false where it is no pair: nobody can ask for it."""

    index: int
    id: str
    base: str
    quote: str
    name: str
    """Of both currencies: `Bitcoin / US Dollar`."""
    listed: bool
    quoted: str
    """The id as JSON."""
    quote_increment: str
    base_increment: str
    prices: Decimals
    sizes: Decimals
    trimmed_prices: Decimals
    trimmed_sizes: Decimals


class Products:
    """Every instrument of a universe, by index; those that are listed, by id."""

    def __init__(self, universe: Universe) -> None:
        tables: dict[tuple[int, int], tuple[Decimals, Decimals]] = {}
        self._all = [_product(index, instrument, tables) for index, instrument in enumerate(universe)]
        self.listed = [product for product in self._all if product.listed]
        self._found = {product.id: product for product in self.listed}

    def __getitem__(self, index: int) -> Product:
        return self._all[index]

    def find(self, product_id: str) -> Product | None:
        """Return what is listed under an id such as BTC-USD."""
        return self._found.get(product_id)


def _product(index: int, instrument: Instrument, tables: dict[tuple[int, int], tuple[Decimals, Decimals]]) -> Product:
    names = pair(instrument.symbol)
    base, quote = names or (instrument.symbol, "")
    decimals = max(SIZE_DECIMALS, instrument.size_decimals)
    size_unit = 10 ** (decimals - instrument.size_decimals)
    price_grid, size_grid = (instrument.decimals, instrument.tick_units), (decimals, size_unit)
    for grid in (price_grid, size_grid):
        tables.setdefault(grid, (Decimals(*grid), Trimmed(*grid)))
    return Product(
        *(index, instrument.symbol, base, quote, instrument.name, names is not None),
        orjson.dumps(instrument.symbol).decode(),
        trimmed(spell(instrument.tick_units, instrument.decimals)),
        trimmed(spell(instrument.lot, instrument.size_decimals)),
        *(tables[price_grid][0], tables[size_grid][0], tables[price_grid][1], tables[size_grid][1]),
    )


def trimmed(text: str) -> str:
    """Return a decimal without zeros at its end."""
    return text.rstrip("0").rstrip(".") if "." in text else text
