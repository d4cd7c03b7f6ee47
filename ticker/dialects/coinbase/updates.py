"""Which study of the tape each of Coinbase's channels is, and how its rows become messages.

Channels are named as an acknowledgement names them: `level2_50` is asked for as `level2_batch`, `ticker_1000` as
`ticker_batch` (the numbers are milliseconds).
"""

from collections.abc import Callable

from ticker.dialects.coinbase.products import Products
from ticker.dialects.coinbase.spelling import Spelling
from ticker.ticks import Rows
from ticker.venue import Depth, Pulses, Study, Summaries, Trades
from ticker.wire.frames import text_frame

MILLISECOND_US = 1000

STUDIES: dict[str, Study] = {
    "heartbeat": Pulses(every_us=1000 * MILLISECOND_US),
    "ticker": Summaries(on="trades"),
    "ticker_1000": Summaries(on="time", every_us=1000 * MILLISECOND_US),
    "matches": Trades(),
    "level2_50": Depth(50 * MILLISECOND_US),
    "level2": Depth(),
}


class CoinbaseDialect:
    """Renders a message a trade, a summary, a pulse, and one for what has changed in a book."""

    def __init__(self, products: Products) -> None:
        self._spelling = Spelling(products)
        self._renderers: dict[str, Callable[[Rows], list[bytes]]] = {
            "heartbeat": self._heartbeats,
            "ticker": self._tickers,
            "ticker_1000": self._tickers,
            "matches": self._matches,
            "level2_50": self._changes,
            "level2": self._changes,
        }

    def render(self, channel: str, rows: Rows) -> list[bytes]:
        """Return a frame a row; of a book's rows, the last of a message has it."""
        return self._renderers[channel](rows)

    def _heartbeats(self, rows: Rows) -> list[bytes]:
        return [text_frame(self._spelling.heartbeat(row).encode()) for row in rows.tolist()]

    def _tickers(self, rows: Rows) -> list[bytes]:
        return [text_frame(self._spelling.ticker(row).encode()) for row in rows.tolist()]

    def _matches(self, rows: Rows) -> list[bytes]:
        return [text_frame(self._spelling.match("match", row, row[-1]).encode()) for row in rows.tolist()]

    def _changes(self, rows: Rows) -> list[bytes]:
        pieces, changed = [], []
        for i, _, t, _, side, price, size, _, last in rows.tolist():
            changed.append((side, price, size))
            pieces.append(text_frame(self._spelling.changes(i, t, changed).encode()) if last else b"")
            if last:
                changed = []
        return pieces
