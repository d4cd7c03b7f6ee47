"""A book as the user of a feed sees it: a picture of one moment, in money."""

from dataclasses import dataclass
from typing import NamedTuple

from ticker.session.books import Books, Grid, Level


class PriceLevel(NamedTuple):
    """A price in money, and how much is wanted or offered there."""

    price: float
    size: int


@dataclass(frozen=True, slots=True)
class OrderBook:
    """The ten best levels a side of one symbol, best first; it does not change.

    `n` and `t` are those of the newest tick in it, `verified` tells whether the server's checksum has proved it: where
    it has not, ticks are missing or wrong, and the client has asked for the book anew.
    """

    symbol: str
    n: int
    t: int
    bids: tuple[PriceLevel, ...]
    asks: tuple[PriceLevel, ...]
    verified: bool

    @property
    def best_bid(self) -> PriceLevel | None:
        """The highest that somebody would pay."""
        return self.bids[0] if self.bids else None

    @property
    def best_ask(self) -> PriceLevel | None:
        """The lowest that somebody would sell at."""
        return self.asks[0] if self.asks else None

    @property
    def spread(self) -> float | None:
        """What lies between the two, in money."""
        return self.asks[0].price - self.bids[0].price if self.asks and self.bids else None


def pictured(symbol: str, books: Books) -> OrderBook | None:
    """Return a picture of a symbol's book as it stands; None where nothing of it has come."""
    book = books.find(symbol)
    grid = books.grids.get(symbol)
    if book is None or grid is None or not book.n:
        return None
    return OrderBook(symbol, book.n, book.t, _levels(book.bids, grid), _levels(book.asks, grid), book.verified)


def _levels(levels: list[Level], grid: Grid) -> tuple[PriceLevel, ...]:
    return tuple([PriceLevel(grid.money(price_ticks), size) for price_ticks, size in levels])
