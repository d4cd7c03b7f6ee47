"""Binance Spot WebSocket Streams (https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams).

The pairs of a universe as that venue tells them: streams by name at /ws (bare) and /stream (wrapped in the name). A
conversation is `talk`, what a name means `streams`, how it reads on the wire `spelling`; over HTTP the venue answers in
`rest`. There are no accounts and no tokens here: who may not have a symbol finds it silent.
"""

from ticker.dialects.binance.faults import Fault, bad_unit, too_many_connections
from ticker.dialects.binance.limits import ATTEMPTS_MAX, ATTEMPTS_S, NO_PONG
from ticker.dialects.binance.rest import JSON, Rest
from ticker.dialects.binance.spelling import BinanceDialect
from ticker.dialects.binance.streams import BadUnit, Names, is_array, study_of, upgrades, wish
from ticker.dialects.binance.symbols import Symbols
from ticker.dialects.binance.talk import BinanceTalk
from ticker.instruments import Universe
from ticker.session.budget import Allowance, Budgets
from ticker.venue import Answer, Asked, Identify, Market, Now, Study


class Binance:
    """The venue over one universe."""

    name = "binance"
    ping_s = 20.0
    pong_s = 60.0
    pong_close = NO_PONG
    open_paths: tuple[str, ...] = ()

    def __init__(self, universe: Universe, *, strict: bool) -> None:
        symbols = Symbols(universe)
        self._strict = strict
        self._rest = Rest(universe, strict=strict)
        self._attempts = Budgets(Allowance(ATTEMPTS_MAX / ATTEMPTS_S, ATTEMPTS_MAX))
        self.instruments = [symbol.index for symbol in symbols]
        self._names = Names(symbols)
        self._dialects = {
            (wrapped, micro): BinanceDialect(symbols, wrapped=wrapped, micro=micro)
            for wrapped in (False, True)
            for micro in (False, True)
        }

    def study(self, channel: str) -> Study:
        """Return what a channel is of the tape; raise KeyError for one that no talk can want."""
        study = study_of(channel)
        if study is None:
            raise KeyError(channel)
        return study

    def joins(self, channel: str) -> bool:
        """Tell whether a channel is an array: those who may not have all symbols have one of their own."""
        return is_array(channel)

    def upgrades(self, path: str) -> bool:
        """Tell whether a path is a WebSocket's: /ws, /stream, and below."""
        return upgrades(path)

    def talk(self, asked: Asked, market: Market, now: Now, identify: Identify | None) -> BinanceTalk | Answer:  # noqa: ARG002
        """Return the talk for a client, or what refuses a unit that is none, or an address that tries too often."""
        try:
            wanted = wish(asked.path, asked.query)
        except BadUnit:
            return _refused(bad_unit())
        if self._strict and not self._attempts.take(asked.address, now.monotonic_s):
            return _refused(too_many_connections(ATTEMPTS_S))
        return BinanceTalk(self._names, self._dialects, wanted, now, strict=self._strict)

    def answer(self, asked: Asked, market: Market, now: Now) -> Answer:
        """Answer a request."""
        return self._rest.answer(asked, market, now)

    def token(self, asked: Asked) -> str | None:  # noqa: ARG002
        return None


def _refused(fault: Fault) -> Answer:
    return Answer(fault.body(), fault.status, JSON, fault.headers)


VENUE = Binance
