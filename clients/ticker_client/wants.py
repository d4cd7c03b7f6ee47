"""Arithmetic of subscriptions, for transports whose server does not remember them: channel to symbols, `*` for all.

Plain HTTP asks for every one of some symbols on every one of some channels. What is wanted may be less than that; the
rest is then left out as it comes.
"""

from collections.abc import Collection, Iterable, Iterator
from urllib.parse import quote

from ticker.session.client import EVERYTHING
from ticker.session.messages import Error, Snapshot, Tick
from ticker.ticks import CHANNELS
from ticker_client.errors import Refused

Subscriptions = dict[str, list[str]]

SYMBOLS_MAX = 1000  # in one request, like the server's
TARGET_CHARACTERS_MAX = 6000  # of symbols in one request: below the 8 KiB at which servers stop reading a target


def joined(subscriptions: Subscriptions, symbols: Iterable[str], channels: Iterable[str]) -> Subscriptions:
    """Return what is wanted when these are wanted as well."""
    every = {channel: [*subscriptions.get(channel, ()), *symbols] for channel in channels}
    return _spelled({**subscriptions, **every})


def without(
    subscriptions: Subscriptions, symbols: Collection[str], channels: Iterable[str], universe: Iterable[str]
) -> Subscriptions:
    """Return what is wanted when these are not any more; `universe` is what `*` stands for."""
    left = dict(subscriptions)
    for channel in channels:
        had = left.get(channel, [])
        if EVERYTHING in had and EVERYTHING not in symbols and not set(symbols).isdisjoint(universe):
            had = list(universe)
        left[channel] = [] if EVERYTHING in symbols else [symbol for symbol in had if symbol not in symbols]
    return _spelled(left)


def portions(symbols: Collection[str]) -> Iterator[list[str]]:
    """Yield symbols in lists that fit into a request."""
    if EVERYTHING in symbols:
        symbols = [EVERYTHING]
    portion: list[str] = []
    characters = 0
    for symbol in dict.fromkeys(symbols):
        size = len(quote(symbol, safe="")) + 1
        if portion and (len(portion) == SYMBOLS_MAX or characters + size > TARGET_CHARACTERS_MAX):
            yield portion
            portion, characters = [], 0
        portion.append(symbol)
        characters += size
    if portion:
        yield portion


def query(symbols: Iterable[str], channels: Iterable[str]) -> str:
    """Return the parameters that ask for symbols on channels."""
    names = ",".join(quote(symbol, safe=EVERYTHING) for symbol in symbols)
    return f"symbols={names}&channels={','.join(quote(channel, safe='') for channel in channels)}"


class Request:
    """One query that covers all that is wanted, and the sieve for what it brings beyond that."""

    def __init__(self, subscriptions: Subscriptions) -> None:
        symbols = list(dict.fromkeys(symbol for names in subscriptions.values() for symbol in names))
        fitting = list(portions(symbols))
        asked = fitting[0] if len(fitting) == 1 else [EVERYTHING]
        self.text = query(asked, subscriptions)
        self.exact = all(set(names) == set(asked) for names in subscriptions.values())
        self._wanted: dict[str, Collection[str]] = {
            channel: frozenset(names) for channel, names in subscriptions.items()
        }

    def sift(self, ticks: list[Tick]) -> list[Tick]:
        """Return those that are wanted."""
        return ticks if self.exact else [tick for tick in ticks if self.wants(tick)]

    def wants(self, tick: Tick) -> bool:
        """Tell whether a tick is wanted."""
        names = self._wanted.get(tick.channel, ())
        return tick.sym in names or EVERYTHING in names


def snapshots(seq: int, ticks: Iterable[Tick], wanted: Subscriptions, known: Subscriptions) -> list[Snapshot]:
    """Return one snapshot a channel of what is wanted and was not before."""
    request, had = Request(wanted), Request(known) if known else None
    data: dict[str, list[Tick]] = {channel: [] for channel in CHANNELS if channel in wanted}
    for tick in ticks:
        if request.wants(tick) and not (had and had.wants(tick)):
            data.setdefault(tick.channel, []).append(tick)
    return [Snapshot(seq=seq, channel=channel, data=found) for channel, found in data.items()]


def _spelled(subscriptions: Subscriptions) -> Subscriptions:
    """Return channels in their order, symbols once, `*` alone, and nothing that is empty."""
    order = [*CHANNELS, *(channel for channel in subscriptions if channel not in CHANNELS)]
    spelled = {channel: list(dict.fromkeys(subscriptions.get(channel, ()))) for channel in order}
    return {channel: [EVERYTHING] if EVERYTHING in names else names for channel, names in spelled.items() if names}


def alike(subscriptions: Subscriptions) -> Iterator[tuple[list[str], list[str]]]:
    """Yield symbols, and the channels on which just these are wanted."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for channel, symbols in subscriptions.items():
        groups.setdefault(tuple(symbols), []).append(channel)
    for names, channels in groups.items():
        yield list(names), channels


def needs_universe(subscriptions: Subscriptions, symbols: Iterable[str], channels: Iterable[str]) -> bool:
    """Tell whether all symbols must be known to take these back: some from all, or to see whether they exist."""
    had = {symbol for channel in channels for symbol in subscriptions.get(channel, ())}
    named = set(symbols) - {EVERYTHING}
    return bool(named and (EVERYTHING in had or named - had))


def check(symbols: Collection[str], channels: Collection[str]) -> None:
    """Raise Refused (bad_request, unknown_channel), as a server would, unless something that can exist is named."""
    for field, names in (("channels", channels), ("symbols", symbols)):
        if not names:
            raise Refused(
                Error(code="bad_request", message=f"{field}: at least one is needed", details={"field": field})
            )
    unknown = [channel for channel in channels if channel not in CHANNELS]
    if unknown:
        names = ", ".join(unknown)
        details = {"channels": unknown, "known": list(CHANNELS)}
        raise Refused(Error(code="unknown_channel", message=f"unknown channel: {names}", details=details))


def refusal(
    before: Subscriptions, left: Subscriptions, symbols: Iterable[str], universe: Collection[str]
) -> Refused | None:
    """Return what a server would object to when these are taken back."""
    unknown = [symbol for symbol in symbols if universe and symbol != EVERYTHING and symbol not in universe]
    if unknown:
        details = {"symbols": unknown[:20], "count": len(unknown)}
        names = ", ".join(unknown[:5])
        return Refused(Error(code="unknown_symbol", message=f"unknown symbol: {names}", details=details))
    if left == before:
        details = {"subscriptions": before}
        return Refused(Error(code="not_subscribed", message="none of these is subscribed", details=details))
    return None
