"""How ticks are spelled for one kind of client: Binance Spot WebSocket Streams, "General WSS information".

There are four kinds: wrapped in the stream's name or not, with times in milliseconds or microseconds. Numbers are texts
of eight decimals, times are the market's. Which file spells a channel is decided here; none of them knows a client.
"""

from functools import partial

from ticker.dialects.binance import books, trading, windows
from ticker.dialects.binance.manner import Manner, Renderer
from ticker.dialects.binance.streams import kline, some, told
from ticker.dialects.binance.symbols import Symbols
from ticker.ticks import Rows

RENDERERS_MAX = 4096  # candlesticks of every zone make 25,000 channels: who asks for all has them made again

_RENDERERS: dict[str, Renderer] = {
    "trade": trading.trades,
    "aggTrade": trading.aggregates,
    "bookTicker": trading.quotes,
    "avgPrice": windows.each(windows.average),
    "depth": books.changes,
    **dict.fromkeys(("depth5", "depth10", "depth20"), books.levels),
}
_TICKERS = {
    "miniTicker": windows.mini,
    "ticker": windows.tickers(),
    **{f"ticker_{window}": windows.tickers(window) for window in ("1h", "4h", "1d")},
}


class BinanceDialect:
    """Renders ticks for those who want them wrapped or not, in one unit of time or the other."""

    def __init__(self, symbols: Symbols, *, wrapped: bool, micro: bool) -> None:
        self._symbols = {symbol.index: symbol for symbol in symbols}
        self._wrapped = wrapped
        self._unit = 1 if micro else 1000
        self._renderers: dict[str, partial[list[bytes]]] = {}

    def render(self, channel: str, rows: Rows) -> list[bytes]:
        """Return a frame a row, or nothing where a message is not complete with it."""
        renderer = self._renderers.get(channel)
        if renderer is None:
            if len(self._renderers) >= RENDERERS_MAX:
                self._renderers.clear()
            renderer = self._renderers[channel] = partial(_renderer(channel), self._manner(told(channel)))
        return renderer(rows)

    def shutdown(self, market_us: int) -> str:
        """Return the event that says that the server is about to stop."""
        event = f'{{"e":"serverShutdown","E":{market_us // self._unit}}}'
        return f'{{"stream":"!serverShutdown","data":{event}}}' if self._wrapped else event

    def _manner(self, name: str) -> Manner:
        if not self._wrapped:
            return Manner(self._symbols, dict.fromkeys(self._symbols, ""), "", self._unit)
        streams = {
            index: name if name.startswith("!") else f"{symbol.name.lower()}@{name}"
            for index, symbol in self._symbols.items()
        }
        heads = {index: f'{{"stream":"{stream}","data":' for index, stream in streams.items()}
        return Manner(self._symbols, heads, "}", self._unit)


def _renderer(channel: str) -> Renderer:
    """Return what renders a channel that `study_of` knows."""
    kind = told(channel).removeprefix("!").partition("@")[0]
    if candles := kline(channel):
        return trading.klines(candles[0])
    if kind not in _TICKERS:
        return _RENDERERS[kind]
    spell = _TICKERS[kind]
    return windows.array(spell, some(channel)) if channel.startswith("!") else windows.each(spell)
