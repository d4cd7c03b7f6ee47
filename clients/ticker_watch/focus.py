"""A conversation of its own about the symbol whose book is looked at: every tick of it, as long as that is so."""

import asyncio
from collections import deque
from collections.abc import Callable

import numpy as np

from ticker.session.kinds import Quote, Stats, Status, Tick, Trade
from ticker.session.messages import Snapshot
from ticker.ticks import BOOK, QUOTES, STATS, STATUS, TRADES
from ticker_client.errors import ConnectionEnded, Refused
from ticker_client.feed import Feed
from ticker_watch.facts import reason
from ticker_watch.figures import LEVEL, sign
from ticker_watch.history import cell_us, fill
from ticker_watch.ladder import Portrait
from ticker_watch.trend import CELLS, Trend

TRADES_KEPT = 200
CHANNELS = (STATUS, QUOTES, BOOK, TRADES, STATS)


class Focus:
    """What is known of one symbol at a time."""

    def __init__(self, make: Callable[[], Feed]) -> None:
        """Open conversations with what `make` returns."""
        self._make = make
        self._task: asyncio.Task[None] | None = None
        self._begin("")

    def _begin(self, symbol: str) -> None:
        self.symbol = symbol
        self._feed: Feed | None = None
        self._trades: deque[Trade] = deque(maxlen=TRADES_KEPT)
        self._quote: Quote | None = None
        self._stats: Stats | None = None
        self._status: Status | None = None
        self._trend: Trend | None = None
        self._way = LEVEL
        self._trouble = ""

    def show(self, symbol: str | None) -> None:
        """Look at a symbol, or at none."""
        if (symbol or "") != self.symbol:
            self.again(symbol or "")

    def again(self, symbol: str | None = None) -> None:
        """Begin anew, with another connection."""
        symbol = self.symbol if symbol is None else symbol
        if self._task is not None:
            self._task.cancel()
        self._begin(symbol)
        self._task = asyncio.create_task(self._follow(symbol)) if symbol else None

    async def close(self) -> None:
        """Hang up."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    def portrait(self) -> Portrait:
        """Return what there is to see now."""
        feed = self._feed
        if feed is None:
            return Portrait(self.symbol, trouble=self._trouble)
        number = feed.instruments.numbers.get(self.symbol)
        books = feed.session.books
        return Portrait(
            self.symbol,
            2 if number is None else feed.instruments[number].decimals,
            feed.book(self.symbol),
            tuple(self._trades),
            self._quote,
            self._stats,
            self._status,
            (books.passed, books.failed),
            self._trend,
            self._way,
            self._trouble or ("" if feed.live else f"reconnecting: {reason(feed.trouble)}"),
        )

    async def _follow(self, symbol: str) -> None:
        try:
            async with self._make() as feed:
                self._feed = feed
                await feed.subscribe(symbol, channels=CHANNELS)
                restarts, filled = feed.session.restarts, False
                async for message in feed.batches():
                    if self._trend is None or restarts != feed.session.restarts:
                        restarts, filled = feed.session.restarts, False
                        self._trend = Trend(1, cell_us(feed.session.welcome.speed if feed.session.welcome else 1.0))
                    if isinstance(message, Snapshot) and message.channel == TRADES:
                        self._trades.clear()  # it begins anew: what is missing between is not to be passed over
                    for tick in message.data:
                        self._take(tick)
                    if not filled and self._trend.begun:
                        filled = True
                        await fill(feed, self._trend, 0, symbol, CELLS)
        except (ConnectionEnded, Refused) as error:
            self._trouble = str(error)

    def _take(self, tick: Tick) -> None:
        match tick:
            case Trade():
                before = self._trades[0].px if self._trades else tick.px
                self._way = sign(tick.px - before) or self._way
                self._trades.appendleft(tick)
                self._note(tick.t, tick.px)
            case Quote():
                self._quote = tick
            case Stats():
                self._stats = tick
                if not self._trades:
                    self._note(tick.t, tick.last)
            case Status():
                self._status = tick

    def _note(self, t: int, price: float) -> None:
        if self._trend is not None:
            self._trend.note(t, np.array([price]))
