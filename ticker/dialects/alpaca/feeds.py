"""The feeds: where each is, what can be subscribed to on it, and which instruments it has under which names."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from ticker.instruments import Universe
from ticker.interest import bits
from ticker.venue import pair

FAKEPACA = "FAKEPACA"
STOCKS, CRYPTO, TEST = "stocks", "crypto", "test"
IEX_SYMBOLS = 30
"""Of the free plan: so many symbols on trades and quotes together, by name."""

CHANNELS = {
    STOCKS: (
        *("trades", "quotes", "bars", "updatedBars", "dailyBars", "statuses", "lulds"),
        *("corrections", "cancelErrors", "imbalances"),
    ),
    CRYPTO: ("trades", "quotes", "orderbooks", "bars", "updatedBars", "dailyBars"),
    TEST: ("trades", "quotes", "bars"),
}
"""By kind, in the order in which they are acknowledged."""
QUIET = ("imbalances",)
"""Acknowledged only where subscribed to."""
FILLED = ("corrections", "cancelErrors")
"""Have what `trades` has, unasked."""
ALL_CHANNELS = frozenset(name for names in CHANNELS.values() for name in names) | {"news", "options"}
EVERYTHING = "*"
_SYMBOLS = {
    STOCKS: re.compile(r"[A-Z0-9][A-Z0-9._-]{0,19}"),
    TEST: re.compile(r"[A-Z0-9][A-Z0-9._-]{0,19}"),
    CRYPTO: re.compile(r"[A-Z0-9]{1,16}/[A-Z0-9]{1,16}"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Feed:
    """One path. `symbols` has the instruments by the venue's names; none where the feed is not for the asking."""

    path: str
    kind: str
    symbols: dict[str, int]
    served: bool = True
    symbols_max: int | None = None
    everything: int = field(init=False)
    """All its instruments, as bits."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "everything", bits(self.symbols.values()))

    @property
    def channels(self) -> tuple[str, ...]:
        """What can be subscribed to."""
        return CHANNELS[self.kind]

    def well_formed(self, symbol: str) -> bool:
        """Tell whether something may be the name of an instrument."""
        return symbol == EVERYTHING or _SYMBOLS[self.kind].fullmatch(symbol) is not None

    def mask(self, symbols: Iterable[str]) -> int:
        """Return the instruments of these names, as bits."""
        chosen = list(symbols)
        if EVERYTHING in chosen:
            return self.everything
        return bits(self.symbols[symbol] for symbol in chosen if symbol in self.symbols)

    def stream(self, channel: str) -> str:
        """Return the house's name of a channel: those of crypto are studies of their own."""
        return f"{CRYPTO}.{channel}" if self.kind == CRYPTO else channel


def feeds_of(universe: Universe) -> dict[str, Feed]:
    """Return the feeds of a universe by path."""
    stocks, crypto = stocks_of(universe), crypto_of(universe)
    made = [
        Feed("/v2/iex", STOCKS, stocks, symbols_max=IEX_SYMBOLS),
        Feed("/v2/sip", STOCKS, stocks),
        Feed("/v2/delayed_sip", STOCKS, stocks),
        Feed("/v2/test", TEST, {FAKEPACA: fakepaca_of(universe)} if len(universe) else {}),
        *(Feed(f"/v1beta3/crypto/{place}", CRYPTO, crypto) for place in ("us", "us-1", "eu-1")),
        # What the venue has and we have not: refused as what is not in one's plan.
        *(Feed(f"/v1beta1/{name}", STOCKS, {}, served=False) for name in _ABSENT),
    ]
    return {feed.path: feed for feed in made}


_ABSENT = ("boats", "overnight", "indicative", "opra", "news")


def stocks_of(universe: Universe) -> dict[str, int]:
    """Return all that is no pair, but for the test feed's symbol."""
    return {one.symbol: i for i, one in enumerate(universe) if pair(one.symbol) is None and one.symbol != FAKEPACA}


def crypto_of(universe: Universe) -> dict[str, int]:
    """Return the pairs, as BTC/USD."""
    found = {i: pair(one.symbol) for i, one in enumerate(universe)}
    return {"/".join(names): i for i, names in found.items() if names is not None}


def fakepaca_of(universe: Universe) -> int:
    """Return the instrument of the test feed: the one of that name, else the first stock, else whatever is first."""
    named = universe.find(FAKEPACA)
    return named if named is not None else next(iter(stocks_of(universe).values()), 0)
