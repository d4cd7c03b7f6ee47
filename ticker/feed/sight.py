"""The market at the head of its tape, as a venue may ask about it (`ticker.venue.Market`), within a permit."""

from collections.abc import Sequence

import numpy as np

from ticker.feed.figures import history, summary_rows
from ticker.feed.floor import Floor
from ticker.feed.ledger import MINUTE_US
from ticker.feed.studies import MONTH_US
from ticker.instruments import Universe
from ticker.ticks import ASK, BID, BOOK, QUOTES, STATES, STATUS, Rows
from ticker.venue import DAY_US, QUOTE, TRADE, Bars, Image

TRADING = STATES.index("trading")


class Sight:
    """What somebody sees; `symbols` are the instruments it may, as bits, None is all of them."""

    def __init__(self, floor: Floor, universe: Universe, symbols: int | None = None) -> None:
        self.universe = universe
        self._floor = floor
        self.symbols = symbols

    @property
    def t(self) -> int:
        return self._floor.feed.tape.t

    def permits(self, instrument: int) -> bool:
        return self.symbols is None or bool(self.symbols >> instrument & 1)

    def quote(self, instrument: int) -> Rows:
        board = self._floor.feed.board
        return _with_book_n(board.newest(QUOTES, [instrument]), QUOTE, int(board.counts(BOOK)[instrument]))

    def book(self, instrument: int) -> Image:
        board = self._floor.feed.board
        rows = board.newest(BOOK, [instrument])
        bids, asks = (_levels(rows[rows["side"] == side]) for side in (BID, ASK))
        n, t = (int(rows["n"][0]), int(rows["t"][0])) if len(rows) else (0, self.t)
        return Image(n, t, bids, asks)

    def trades(
        self,
        instrument: int,
        limit: int,
        first: int | None = None,
        since_us: int | None = None,
        until_us: int | None = None,
    ) -> Rows:
        found = self._floor.ledger.trades(instrument, limit, first, since_us, until_us)
        return _with_book_n(found, TRADE, 0)

    def bars(
        self, instrument: int, bars: Bars, limit: int, since_us: int | None = None, until_us: int | None = None
    ) -> Rows:
        found = history(self._floor.ledger.past(bars.length_us), instrument, bars, self.t)
        if until_us is not None:
            found = found[found["t"] <= until_us]
        if since_us is not None:
            return found[found["t"] >= since_us][:limit]
        return found[max(0, len(found) - limit) :]

    def summaries(self, instruments: Sequence[int], window_us: int = DAY_US) -> Rows:
        floor, t = self._floor, self.t
        past = floor.ledger.past(MINUTE_US)
        since = (t - window_us) // MINUTE_US * MINUTE_US
        total = floor.window(window_us).upto_now(past.first_from(since))
        month = floor.window(MONTH_US).upto_now(past.first_from(t - MONTH_US))
        return summary_rows(_Now(floor), total, month, np.array(instruments, np.intp), since, t)

    def state(self, instrument: int) -> int:
        rows = self._floor.feed.board.newest(STATUS, [instrument])
        return int(rows["state"][0]) if len(rows) else TRADING


class _Now:
    """What summaries show besides the sums, as the board has it."""

    def __init__(self, floor: Floor) -> None:
        self.ledger = floor.ledger
        self.book_n = floor.feed.board.counts(BOOK)
        self.quotes = floor.standing_quotes()


def _with_book_n(rows: Rows, dtype: np.dtype[np.void], book_n: int) -> Rows:
    found: Rows = np.empty(len(rows), dtype)
    for name in rows.dtype.names or ():
        found[name] = rows[name]
    found["book_n"] = book_n
    return found


def _levels(rows: Rows) -> list[tuple[int, int]]:
    return [
        (price, size) for price, size in zip(rows["price_ticks"].tolist(), rows["size"].tolist(), strict=True) if size
    ]
