"""What stands, told after an acknowledgement: a book, the last trades and bars, a ticker, everything that is listed."""

from collections.abc import Iterable, Iterator

from ticker.dialects.kraken.instruments import Catalogue
from ticker.dialects.kraken.pairs import Pairs
from ticker.dialects.kraken.spelling import Spelling, book_sum, nanos
from ticker.dialects.kraken.updates import bars
from ticker.venue import Market

TRADES = 50  # in a snapshot of trades
BARS = 60  # in one of bars: those of them that have a trade


class Snapshots:
    """Spells snapshots, each the text of a message."""

    def __init__(self, pairs: Pairs, catalogue: Catalogue) -> None:
        self._pairs = pairs
        self._catalogue = catalogue
        self._spelling = Spelling(pairs)

    def of(self, channel: str, option: int | str | None, instruments: list[int], market: Market) -> Iterator[str]:
        """Yield the messages for instruments, in their order; `option` is a bar's length in minutes."""
        if channel == "instrument":
            yield from self._catalogue.snapshot(market.state, market.permits)
        elif channel == "ticker":
            for row in market.summaries(instruments).tolist():
                yield _message("ticker", [self._spelling.ticker(row)])
        for instrument in instruments:
            if channel == "book":
                yield self._book(instrument, market)
            elif channel == "trade":
                yield self._trades(instrument, market)
            elif channel == "ohlc":
                yield self._bars(instrument, int(option or 1), market)

    def _book(self, instrument: int, market: Market) -> str:
        book = market.book(instrument)
        crc = book_sum(self._pairs[instrument], book.asks, book.bids)
        return _message("book", [self._spelling.book(instrument, book.bids, book.asks, crc, book.t)])

    def _trades(self, instrument: int, market: Market) -> str:
        rows = market.trades(instrument, TRADES).tolist()
        return _message("trade", (self._spelling.trade(*row) for *row, _ in rows))

    def _bars(self, instrument: int, minutes: int, market: Market) -> str:
        rows = market.bars(instrument, bars(minutes), BARS)
        told = rows[rows["trades"] > 0].tolist()
        return _message("ohlc", (self._spelling.bar(minutes, row) for row in told), f'"timestamp":"{nanos(market.t)}",')


def _message(channel: str, data: Iterable[str], about: str = "") -> str:
    return f'{{"channel":"{channel}","type":"snapshot",{about}"data":[{",".join(data)}]}}'
