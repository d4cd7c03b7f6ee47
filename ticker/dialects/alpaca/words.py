"""What stocks and pairs have in common: names, prices, and bars of either."""

from collections.abc import Callable, Sequence
from typing import Any

from ticker.dialects.alpaca.codec import Codec, Numbers, mean
from ticker.dialects.alpaca.shapes import UpdatedBar
from ticker.instruments import Universe


class BarWords:
    """Tables of a universe by instrument, and bars spelled with them."""

    def __init__(
        self, universe: Universe, codec: Codec, symbols: Sequence[str], sizes: Sequence[Callable[[int], Any]]
    ) -> None:
        self._symbols, self._sizes = symbols, sizes
        self._prices = [Numbers(codec, one.decimals, one.tick_units) for one in universe]
        self._grids = [(one.tick_units, one.decimals) for one in universe]
        self._moment, self._number = codec.moment, codec.number

    def updated_bar(self, *row: int) -> UpdatedBar:
        """Return a minute that is told again: something in it has changed."""
        return UpdatedBar(*self._bar(*row))

    def _bar(
        self, i: int, _n: int, t: int, _until: int, _at: int, opened: int, high: int, low: int, closed: int, *sums: int
    ) -> tuple[Any, ...]:
        """Return what all bars say, in the order of `shapes.Bar`."""
        p, (volume, turnover, trades) = self._prices[i], sums[:3]
        vwap = self._number(mean(turnover, volume, *self._grids[i]))
        sized = self._sizes[i](volume)
        return self._symbols[i], p[opened], p[high], p[low], p[closed], sized, self._moment(t), trades, vwap
