"""The books of those instruments that somebody reads level by level, and what a step changed in them.

They go on from the board's picture of them: of a change, and of a book that begins anew, what is told is what is
different afterwards.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from ticker.ticks import ASK, BID, LEVELS, Rows

Levels = dict[int, int]
"""Price in ticks to size."""


@dataclass(slots=True)
class Changes:
    """The changes numbered `first` to `last`: size by side and price, 0 where a level is gone."""

    first: int
    last: int
    sizes: dict[tuple[int, int], int]

    def followed(self, later: "Changes") -> "Changes":
        """Return these and those after them: of each level the last word counts."""
        return Changes(self.first, later.last, {**self.sizes, **later.sizes})


class Pages:
    """Books by instrument; `changed` is what the step that was taken last changed in them."""

    def __init__(self) -> None:
        self.changed: dict[int, Changes] = {}
        self._books: dict[int, tuple[Levels, Levels]] = {}

    def open(self, instrument: int, image: Rows) -> None:
        """Follow a book from now on: `image` is how it stands, as the board has it."""
        book: tuple[Levels, Levels] = ({}, {})
        for side, price, size in zip(
            image["side"].tolist(), image["price_ticks"].tolist(), image["size"].tolist(), strict=True
        ):
            if size:
                book[side][price] = size
        self._books[instrument] = book

    def close(self, instrument: int) -> None:
        """Follow a book no longer."""
        self._books.pop(instrument, None)
        self.changed.pop(instrument, None)

    @property
    def followed(self) -> Iterable[int]:
        """The instruments whose books are followed."""
        return self._books.keys()

    def take(self, rows: Rows) -> None:
        """Take in a step's changes."""
        self.changed = {}
        for i, n, _, side, price, size, _, fresh in rows.tolist():
            book = self._books.get(i)
            if book is None:
                continue
            changes = self.changed.get(i)
            if changes is None:
                changes = self.changed[i] = Changes(n, n, {})
            if fresh:
                changes.sizes.update({(place, known): 0 for place in (BID, ASK) for known in book[place]})
                book[BID].clear()
                book[ASK].clear()
            changes.last = n
            changes.sizes[side, price] = size
            if size:
                book[side][price] = size
            else:
                book[side].pop(price, None)

    def shown(self, instrument: int, depth: int = LEVELS) -> list[tuple[int, int, int]]:
        """Return side, price and size of the best levels: asks, then bids, best first."""
        bids, asks = self._books[instrument]
        best_asks = [(ASK, price, asks[price]) for price in sorted(asks)[:depth]]
        return best_asks + [(BID, price, bids[price]) for price in sorted(bids, reverse=True)[:depth]]
