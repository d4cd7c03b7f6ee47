"""A request over HTTP as the endpoints see it: its parameters, its unit of time, and the pairs it may have.

Who may not have a pair finds that there is none of that name.
"""

from dataclasses import dataclass

from ticker.dialects.binance import faults
from ticker.dialects.binance.intervals import zone_us
from ticker.dialects.binance.query import Query
from ticker.dialects.binance.symbols import Symbol, Symbols
from ticker.ticks import STATES
from ticker.venue import Market, Now

TRADING, HALT, BREAK = "TRADING", "HALT", "BREAK"
STATUSES = (TRADING, HALT, BREAK)
_STATUS = {"trading": TRADING, "frozen": TRADING, "halted": HALT}
"""By the state of an instrument, BREAK where it is another: a venue whose feed is frozen does not know it."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request; times are told in units of so many microseconds."""

    query: Query
    market: Market
    now: Now
    unit: int
    all_symbols: Symbols

    def pairs(self) -> list[Symbol]:
        """Return every pair that may be had."""
        return [symbol for symbol in self.all_symbols if self.market.permits(symbol.index)]

    def pair(self) -> Symbol:
        """Return the pair that `symbol` names, which must be there and in the status asked for. Raises Fault."""
        found = self._find(self.query.symbol())
        if not self._in_status(found, self.status()):
            raise faults.other_status()
        return found

    def named(self, most: int | None = None) -> list[Symbol]:
        """Return the pairs that `symbols` names, `most` at most, as far as they are in the status asked for."""
        names = self.query.symbols()
        if most is not None and len(names) > most:
            raise faults.invalid("symbols")
        found = [self._find(name) for name in names]
        return self.in_status(found)

    def in_status(self, pairs: list[Symbol]) -> list[Symbol]:
        """Return those of some pairs that are in the status asked for. Raises Fault."""
        status = self.status()
        return [symbol for symbol in pairs if self._in_status(symbol, status)]

    def status(self) -> str | None:
        """Return the status asked for, if one is. Raises Fault."""
        return self.query.choice("symbolStatus", STATUSES, faults.bad_status())

    def ahead_us(self) -> int:
        """Return how far the time zone asked for is ahead of UTC. Raises Fault for what is none."""
        text = self.query.text("timeZone")
        # An unencoded plus sign has become a space on its way.
        ahead_us = zone_us((text or "0").strip())
        if ahead_us is None:
            raise faults.invalid("timeZone")
        return ahead_us

    def status_of(self, symbol: Symbol) -> str:
        """Return how the trading of a pair stands, in the venue's word."""
        return _STATUS.get(STATES[self.market.state(symbol.index)], BREAK)

    def _find(self, name: str) -> Symbol:
        found = self.all_symbols.find(name)
        if found is None or not self.market.permits(found.index):
            raise faults.bad_symbol()
        return found

    def _in_status(self, symbol: Symbol, status: str | None) -> bool:
        return status is None or self.status_of(symbol) == status
