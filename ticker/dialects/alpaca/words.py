"""What stocks and pairs have in common: names, prices, and bars of either."""

from collections.abc import Callable, Sequence
from typing import Any

from ticker.dialects.alpaca.codec import Codec, Numbers, mean
from ticker.dialects.alpaca.shapes import UpdatedBar
from ticker.instruments import Universe

HALF_MINUTE_US = 30_000_000


class BarWords:
    """Tables of a universe by instrument, and bars spelled with them."""

    def __init__(
        self, universe: Universe, codec: Codec, symbols: Sequence[str], sizes: Sequence[Callable[[int], Any]]
    ) -> None:
        self._symbols, self._sizes = symbols, sizes
        self._prices = [Numbers(codec, one.decimals, one.tick_units) for one in universe]
        self._grids = [(one.tick_units, one.decimals) for one in universe]
        self._moment, self._number = codec.moment, codec.number

    def updated_bar(self, *row: int) -> UpdatedBar | None:
        """Return a finished minute that is told again half a minute later, or more: something in it has changed."""
        until, at, done = row[3], row[4], row[-1]
        return UpdatedBar(*self._bar(*row)) if done and at >= until + HALF_MINUTE_US else None

    def _bar(
        self, i: int, _n: int, t: int, _until: int, _at: int, opened: int, high: int, low: int, closed: int, *sums: int
    ) -> tuple[Any, ...]:
        """Return what all bars say, in the order of `shapes.Bar`."""
        p, (volume, turnover, trades) = self._prices[i], sums[:3]
        vwap = self._number(mean(turnover, volume, *self._grids[i]))
        sized = self._sizes[i](volume)
        return self._symbols[i], p[opened], p[high], p[low], p[closed], sized, self._moment(t), trades, vwap
