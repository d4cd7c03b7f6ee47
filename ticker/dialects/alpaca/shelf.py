"""One kind of instruments as they are asked about: what is newest of each, in the words of the stream."""

from collections.abc import Callable, Iterable
from typing import Any, Protocol

from ticker.dialects.alpaca.asking import MINUTE_US
from ticker.dialects.alpaca.feeds import Feed
from ticker.dialects.alpaca.shapes import Shape, facts
from ticker.venue import DAY_US, MONTH, Bars, Image, Market

RECENT = 60
"""The newest bar in which something was traded is looked for among so many."""
_MINUTES = Bars(MINUTE_US)


Spelled = Callable[..., Shape | None]


class Words(Protocol):
    """Rows of the tape as messages."""

    def trade(self, i: int, n: int, t: int, price: int, size: int, _side: int, _book_n: int, /) -> Shape: ...

    def quote(
        self, i: int, n: int, t: int, bid: int, bid_size: int, ask: int, ask_size: int, _book_n: int, /
    ) -> Shape: ...

    def bar(self, *row: int) -> Shape | None: ...

    def daily_bar(self, *row: int) -> Shape | None: ...


class Shelf:
    """The instruments of a feed. `empty`: bars without a trade are told; `book` says a whole book, if there are any."""

    def __init__(
        self,
        feed: Feed,
        words: Words,
        day_offset_us: int,
        *,
        book: Callable[[int, Image], Shape] | None = None,
        empty: bool = False,
    ) -> None:
        self.feed, self.words, self.empty = feed, words, empty
        self.day_offset_us = day_offset_us
        self._book = book

    def is_long(self, bars: Bars) -> bool:
        """Tell whether bars are of days or longer."""
        return bars.length_us == MONTH or bars.length_us >= DAY_US

    def newest(self, market: Market, what: str, i: int) -> dict[str, Any] | None:
        """Return the newest of "trades", "quotes", "bars" or "orderbooks", None where there is none yet."""
        if what == "bars":
            return self._minute(market, i, finished=True)
        if what == "orderbooks":
            image = market.book(i)
            return facts(self._book(i, image)) if self._book and image.n else None
        rows = market.trades(i, 1) if what == "trades" else market.quote(i)
        spelled = self.words.trade if what == "trades" else self.words.quote
        return facts(spelled(*rows[-1].tolist())) if len(rows) else None

    def snapshot(self, market: Market, i: int) -> dict[str, Any] | None:
        """Return all that is newest of an instrument."""
        days = market.bars(i, Bars(DAY_US, self.day_offset_us % DAY_US), RECENT).tolist()
        today, before = ([*self._told(days, self.words.daily_bar), None, None])[:2]
        told = {
            "latestTrade": self.newest(market, "trades", i),
            "latestQuote": self.newest(market, "quotes", i),
            "minuteBar": self._minute(market, i, finished=False),
            "dailyBar": today,
            "prevDailyBar": before,
        }
        found = {name: about for name, about in told.items() if about is not None}
        return found or None

    def _minute(self, market: Market, i: int, *, finished: bool) -> dict[str, Any] | None:
        rows = market.bars(i, _MINUTES, RECENT).tolist()
        told = self._told([row for row in rows if row[-1] or not finished], self.words.bar)
        return told[0] if told else None

    def _told(self, rows: list[tuple[int, ...]], spelled: Spelled) -> list[dict[str, Any]]:
        """Return bars, newest first."""
        traded = [row for row in reversed(rows) if row[11] or (self.empty and row[5])]
        return self.facts_of(traded, spelled)

    def facts_of(self, rows: Iterable[tuple[int, ...]], spelled: Spelled) -> list[dict[str, Any]]:
        """Return what rows say."""
        return [facts(message) for row in rows if (message := spelled(*row)) is not None]
