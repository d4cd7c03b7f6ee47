"""The venue: its feeds, what their channels are of the tape, and a talk for each client."""

from ticker.dialects.alpaca.codec import Codec, Json, Packed
from ticker.dialects.alpaca.credentials import credentials_of, token_of
from ticker.dialects.alpaca.crypto import CryptoWords
from ticker.dialects.alpaca.dialect import STUDIES, AlpacaDialect
from ticker.dialects.alpaca.feeds import FAKEPACA, TEST, Feed, fakepaca_of, feeds_of
from ticker.dialects.alpaca.rest import Historian, refusal
from ticker.dialects.alpaca.seats import Seats
from ticker.dialects.alpaca.stocks import StockWords
from ticker.dialects.alpaca.talk import AlpacaTalk
from ticker.instruments import Universe
from ticker.venue import Answer, Asked, Identify, Market, Now, Study

MSGPACK = "application/msgpack"
_IEX, _SIP, _TEST = "iex", "sip", "test"


class AlpacaVenue:
    """Stocks and pairs of a universe, as Alpaca has them."""

    name = "alpaca"
    ping_s = 20.0
    pong_s = 60.0
    pong_close = (1008, "pong timeout")

    def __init__(self, universe: Universe, *, strict: bool) -> None:
        self._feeds = feeds_of(universe)
        self.open_paths = tuple(self._feeds)
        self.instruments = sorted({i for feed in self._feeds.values() for i in feed.symbols.values()})
        self._historian = Historian(universe, strict=strict)
        self._seats = Seats() if strict else None
        self._dialects = {
            (name, packed): AlpacaDialect(codec, words, CryptoWords(universe, codec))
            for packed, codec in ((False, Json()), (True, Packed()))
            for name, words in _words(universe, codec).items()
        }

    def study(self, channel: str) -> Study:
        return STUDIES[channel]

    def joins(self, channel: str) -> bool:  # noqa: ARG002  # a message tells of one instrument
        return False

    def upgrades(self, path: str) -> bool:
        return path in self._feeds

    def talk(
        self,
        asked: Asked,
        market: Market,  # noqa: ARG002
        now: Now,
        identify: Identify | None,
    ) -> AlpacaTalk | Answer:
        feed = self._feeds.get(asked.path)
        if feed is None:
            return self._no_feed(asked.path)
        packed = asked.header("content-type").partition(";")[0].strip().lower() == MSGPACK
        dialect = self._dialects[_style(feed), packed]
        return AlpacaTalk(feed, dialect, credentials_of(asked), identify, self._seats, now)

    def answer(self, asked: Asked, market: Market, now: Now) -> Answer:  # noqa: ARG002
        if asked.header("upgrade").lower() == "websocket":
            return self._no_feed(asked.path)
        return self._historian.answer(asked, market)

    def token(self, asked: Asked) -> str | None:
        return token_of(asked)

    def _no_feed(self, path: str) -> Answer:
        return refusal(404, f"no feed at {path[:64]}: there are {', '.join(self._feeds)}")


def _words(universe: Universe, codec: Codec) -> dict[str, StockWords]:
    """Return the words of each kind of feed: under the test feed's symbol there may be any instrument."""
    names = {fakepaca_of(universe): FAKEPACA}
    return {
        _IEX: StockWords(universe, codec, iex=True),
        _SIP: StockWords(universe, codec, iex=False),
        _TEST: StockWords(universe, codec, iex=False, names=names),
    }


def _style(feed: Feed) -> str:
    return _TEST if feed.kind == TEST else _IEX if feed.path == "/v2/iex" else _SIP
