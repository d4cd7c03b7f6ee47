"""What a row of the tape is as a message about a pair, BTC/USD as the venue writes it.

The venue's bars are of the middle of the quotes; ours are of trades, and a minute without one is told with the price
before it and a volume of 0.
"""

from ticker.dialects.alpaca.codec import Codec, Numbers
from ticker.dialects.alpaca.feeds import crypto_of
from ticker.dialects.alpaca.shapes import Bar, CryptoQuote, CryptoTrade, DailyBar, Level, Orderbook
from ticker.dialects.alpaca.words import BarWords
from ticker.instruments import Universe
from ticker.ticks import BID
from ticker.venue import Image

_TAKERS = ("B", "S")  # by ticks.BUY and SELL


class CryptoWords(BarWords):
    """Messages about the pairs of a universe."""

    def __init__(self, universe: Universe, codec: Codec) -> None:
        names = {i: symbol for symbol, i in crypto_of(universe).items()}
        symbols = [names.get(i, one.symbol) for i, one in enumerate(universe)]
        super().__init__(universe, codec, symbols, [Numbers(codec, one.size_decimals).__getitem__ for one in universe])

    def trade(self, i: int, n: int, t: int, price: int, size: int, side: int, _book_n: int) -> CryptoTrade:
        told = self._symbols[i], self._prices[i][price], self._sizes[i](size)
        return CryptoTrade(*told, self._moment(t), n, _TAKERS[side])

    def quote(
        self, i: int, _n: int, t: int, bid: int, bid_size: int, ask: int, ask_size: int, _book_n: int
    ) -> CryptoQuote:
        p, s = self._prices[i], self._sizes[i]
        return CryptoQuote(self._symbols[i], p[bid], s(bid_size), p[ask], s(ask_size), self._moment(t))

    def bar(self, *row: int) -> Bar | None:
        """Return a minute; none before there has been a trade at all."""
        return Bar(*self._bar(*row)) if row[5] else None

    def daily_bar(self, *row: int) -> DailyBar | None:
        return DailyBar(*self._bar(*row)) if row[5] else None

    def change(self, i: int, t: int, levels: list[tuple[int, int, int]]) -> Orderbook:
        """Return what is new in a book: levels are (side, price in ticks, size)."""
        bids = [self._level(i, price, size) for side, price, size in levels if side == BID]
        asks = [self._level(i, price, size) for side, price, size in levels if side != BID]
        return Orderbook(self._symbols[i], self._moment(t), bids, asks)

    def book(self, i: int, image: Image) -> Orderbook:
        """Return a whole book."""
        bids, asks = ([self._level(i, *level) for level in side] for side in (image.bids, image.asks))
        return Orderbook(self._symbols[i], self._moment(image.t), bids, asks, True)

    def _level(self, i: int, price: int, size: int) -> Level:
        return Level(self._prices[i][price], self._sizes[i](size))
