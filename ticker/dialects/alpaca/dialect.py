"""Rows of the tape as frames: a message a row, an array of one each; of a book, a message for its last row."""

from collections.abc import Callable

from ticker.dialects.alpaca.codec import Codec
from ticker.dialects.alpaca.crypto import CryptoWords
from ticker.dialects.alpaca.feeds import CRYPTO
from ticker.dialects.alpaca.newyork import DAY_OFFSET_US
from ticker.dialects.alpaca.shapes import Shape
from ticker.dialects.alpaca.stocks import StockWords
from ticker.ticks import Rows
from ticker.venue import (
    DAY_US,
    Bars,
    Depth,
    Quotes,
    States,
    Study,
    Summaries,
    Trades,
)

MINUTE_US = 60_000_000
BANDS = Summaries(window_us=5 * MINUTE_US, on="time", every_us=30_000_000, all=True)
"""What LULD bands are made of: told every 30 seconds, about everything."""
NOTHING = b""
_Spelled = Callable[..., Shape | None]


def _studies() -> dict[str, Study]:
    minutes, revised, states = Bars(MINUTE_US), Bars(MINUTE_US, revised=True), States()
    stocks: dict[str, Study] = {
        "trades": Trades(),
        "quotes": Quotes(),
        "bars": minutes,
        "updatedBars": revised,
        "dailyBars": Bars(DAY_US, DAY_OFFSET_US, every_us=MINUTE_US),
        "lulds": BANDS,
        **dict.fromkeys(("statuses", "corrections", "cancelErrors", "imbalances"), states),
    }
    pairs: dict[str, Study] = {
        "trades": Trades(),
        "quotes": Quotes(),
        "orderbooks": Depth(),
        "bars": Bars(MINUTE_US, empty=True),
        "updatedBars": revised,
        "dailyBars": Bars(DAY_US, every_us=MINUTE_US),
    }
    return stocks | {f"{CRYPTO}.{channel}": study for channel, study in pairs.items()}


STUDIES = _studies()
"""What each channel is of the tape."""


class AlpacaDialect:
    """Renders rows for one codec, in the words of stocks and of pairs."""

    def __init__(self, codec: Codec, stocks: StockWords, crypto: CryptoWords) -> None:
        self.codec = codec
        self.crypto = crypto
        self._frame = codec.frame
        self._spelled: dict[str, _Spelled] = {
            "trades": stocks.trade,
            "quotes": stocks.quote,
            "bars": stocks.bar,
            "updatedBars": stocks.updated_bar,
            "dailyBars": stocks.today,
            "statuses": stocks.status,
            "lulds": stocks.luld,
            "corrections": stocks.correction,
            "cancelErrors": stocks.cancel_error,
            "imbalances": stocks.imbalance,
            f"{CRYPTO}.trades": crypto.trade,
            f"{CRYPTO}.quotes": crypto.quote,
            f"{CRYPTO}.bars": crypto.bar,
            f"{CRYPTO}.updatedBars": crypto.updated_bar,
            f"{CRYPTO}.dailyBars": crypto.daily_bar,
        }

    def render(self, channel: str, rows: Rows) -> list[bytes]:
        """Return a frame a row; nothing for a row that is no message."""
        spelled = self._spelled.get(channel)
        if spelled is None:
            return self._books(rows)
        frame = self._frame
        messages = [spelled(*row) for row in rows.tolist()]
        return [NOTHING if message is None else frame(message) for message in messages]

    def _books(self, rows: Rows) -> list[bytes]:
        pieces: list[bytes] = []
        levels: list[tuple[int, int, int]] = []
        for i, _n, t, _first, side, price, size, _kind, last in rows.tolist():
            levels.append((side, price, size))
            pieces.append(self._frame(self.crypto.change(i, t, levels)) if last else NOTHING)
            if last:
                levels = []
        return pieces
