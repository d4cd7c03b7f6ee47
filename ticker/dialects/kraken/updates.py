"""Which study of the tape each of Kraken's channels is, and how its rows become `update` messages."""

from collections.abc import Callable
from functools import partial

import numpy as np

from ticker.dialects.kraken.instruments import Catalogue
from ticker.dialects.kraken.pairs import Pairs
from ticker.dialects.kraken.spelling import Spelling, nanos, sum_of
from ticker.ticks import ASK, BID, REASONS, STATES, Rows
from ticker.venue import SHOWN, Bars, Depth, States, Study, Summaries, Trades
from ticker.wire.frames import text_frame

MINUTE_US = 60_000_000
INTERVALS = (1, 5, 15, 30, 60, 240, 1440, 10080, 21600)
"""Lengths of bars in minutes. Weeks begin on Thursdays, as 1970 did."""
TRIGGERS = {"trades": "ticker", "bbo": "ticker.bbo"}
"""The study's channel for each event trigger of the ticker."""
_SCHEDULED = frozenset({"schedule", "halt", "resume"})  # reasons for which a pair's status is another one


def bars(minutes: int) -> Bars:
    """Return the bars of an interval, told in every step that has a trade."""
    return Bars(minutes * MINUTE_US, every_us=1)


STUDIES: dict[str, Study] = {
    "trade": Trades(),
    "ticker": Summaries(on="trades"),
    "ticker.bbo": Summaries(on="quotes"),
    "book": Depth(every_us=0, shown=True),
    "instrument": States(),
    **{f"ohlc.{minutes}": bars(minutes) for minutes in INTERVALS},
}


class KrakenDialect:
    """Renders a message a trade, a summary, a bar, a change of status, and one for what a step changed in a book."""

    def __init__(self, pairs: Pairs, catalogue: Catalogue) -> None:
        self._pairs = pairs
        self._catalogue = catalogue
        self._spelling = Spelling(pairs)
        self._renderers: dict[str, Callable[[Rows], list[bytes]]] = {
            "trade": self._trades,
            "ticker": self._tickers,
            "ticker.bbo": self._tickers,
            "book": self._books,
            "instrument": self._states,
            **{f"ohlc.{minutes}": partial(self._bars, minutes) for minutes in INTERVALS},
        }

    def render(self, channel: str, rows: Rows) -> list[bytes]:
        """Return a frame a row; of a book's rows, the last of a message has it."""
        return self._renderers[channel](rows)

    def _trades(self, rows: Rows) -> list[bytes]:
        spelled = self._spelling.trade
        return [_frame("trade", spelled(*row)) for *row, _ in rows.tolist()]

    def _tickers(self, rows: Rows) -> list[bytes]:
        return [_frame("ticker", self._spelling.ticker(row)) for row in rows.tolist()]

    def _bars(self, minutes: int, rows: Rows) -> list[bytes]:
        return [
            _frame("ohlc", self._spelling.bar(minutes, row), f'"timestamp":"{nanos(row[4])}",') for row in rows.tolist()
        ]

    def _books(self, rows: Rows) -> list[bytes]:
        """Render messages of changes, each followed by what is shown: asks, then bids, as they are summed."""
        pieces = [b""] * len(rows)
        begin = 0
        sides, levels = rows["side"].tolist(), rows[["price_ticks", "size"]].tolist()
        for end in np.flatnonzero(rows["last"]).tolist():
            changes = end + 1 - int(np.count_nonzero(rows["kind"][begin : end + 1] == SHOWN))
            if changes > begin:
                i, t = int(rows["instrument"][end]), int(rows["t"][end])
                bids, asks = ([levels[k] for k in range(begin, changes) if sides[k] == side] for side in (BID, ASK))
                crc = sum_of(self._pairs[i], levels[changes : end + 1])
                pieces[end] = _frame("book", self._spelling.book(i, bids, asks, crc, t))
            begin = end + 1
        return pieces

    def _states(self, rows: Rows) -> list[bytes]:
        return [
            text_frame(self._catalogue.update(i, STATES[state]).encode()) if REASONS[reason] in _SCHEDULED else b""
            for i, _, _, state, reason, *_ in rows.tolist()
        ]


def _frame(channel: str, data: str, about: str = "") -> bytes:
    return text_frame(f'{{"channel":"{channel}","type":"update",{about}"data":[{data}]}}'.encode())
