"""What may be asked for, whatever the transport: channels, symbols, positions. Every refusal of one is made here."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from msgspec import UNSET, UnsetType

from ticker.errors import Refusal
from ticker.instruments import Universe
from ticker.interest import Interest, bits
from ticker.ticks import CHANNELS, Position

EVERYTHING = "*"
NAMED_MAX = 20  # of what is refused: whoever asks for more knows it anyway


@dataclass(frozen=True, slots=True)
class Terms:
    """What is the same for every conversation."""

    universe: Universe
    symbols_max: int
    window_max: int
    rate_hz: float
    """With pace latest, where no rate is named."""
    rate_max_hz: float
    """What is possible: a message a flush."""

    def rate(self, asked_hz: float | UnsetType) -> float:
        """Return the rate that is granted."""
        return min(self.rate_hz if asked_hz is UNSET else asked_hz, self.rate_max_hz)


class Standing(NamedTuple):
    """Where the tape stands (`oldest` and `head` are kept), and what this client has had ticks up to.

    `ahead` is by how many steps somebody may have been ahead of us, who read the same tape from another server.
    """

    epoch: str
    oldest: int
    head: int
    sent: int = 0
    ahead: int = 0


def check_channels(channels: list[str]) -> None:
    """Raise Refusal (bad_request, unknown_channel) unless at least one channel is named and all exist."""
    if not channels:
        raise Refusal("bad_request", "channels: at least one is needed", field="channels")
    unknown = [channel for channel in channels if channel not in CHANNELS]
    if unknown:
        raise Refusal(
            "unknown_channel", f"unknown channel: {quoted(unknown)}", channels=unknown[:NAMED_MAX], known=list(CHANNELS)
        )


def resolve_symbols(symbols: list[str], terms: Terms) -> tuple[int, list[str]]:
    """Return the mask of the instruments named and the names that name none; `*` names all.

    Raises Refusal (bad_request, too_many_symbols).
    """
    if not symbols:
        raise Refusal("bad_request", "symbols: at least one is needed", field="symbols")
    if len(symbols) > terms.symbols_max:
        raise Refusal(
            "too_many_symbols",
            f"{len(symbols)} symbols in one request, {terms.symbols_max} is the most",
            limit=terms.symbols_max,
        )
    if EVERYTHING in symbols:
        return (1 << len(terms.universe)) - 1, []
    found = {symbol: terms.universe.find(symbol) for symbol in symbols}
    return bits(index for index in found.values() if index is not None), [s for s, i in found.items() if i is None]


def resolve_table(table: dict[str, list[str]], terms: Terms) -> tuple[Interest, list[str]]:
    """Return what a table of channel to symbols asks for, and the names that name no instrument.

    Raises Refusal (bad_request, unknown_channel, too_many_symbols).
    """
    check_channels(list(table))
    wanted, unknown = Interest(), dict[str, None]()
    for channel, symbols in table.items():
        known, nameless = resolve_symbols(symbols, terms)
        wanted = wanted | Interest.of([channel], known)
        unknown |= dict.fromkeys(nameless)
    return wanted, list(unknown)


def resolve(channels: list[str], symbols: list[str], terms: Terms) -> tuple[Interest, list[str]]:
    """Return what the same symbols on each of these channels come to, and the names that name no instrument.

    Raises Refusal (bad_request, unknown_channel, too_many_symbols).
    """
    check_channels(channels)
    known, unknown = resolve_symbols(symbols, terms)
    return Interest.of(channels, known), unknown


def unknown_symbols(unknown: list[str]) -> Refusal:
    """Return the refusal that names what names no instrument."""
    return Refusal(
        "unknown_symbol", f"unknown symbol: {quoted(unknown)}", symbols=unknown[:NAMED_MAX], count=len(unknown)
    )


def read_position(text: str, standing: Standing) -> int:
    """Return the `seq` after which the tape is to be read on; 0 stands for as far back as is kept.

    It may lie ahead of the tape by as much as that stands.

    Raises Refusal: bad_position where it is none, another tape's or in the future, gone where it is no longer kept.
    """
    position = Position.parse(text)
    epoch, oldest, head = standing[:3]
    if position.epoch != epoch:
        raise Refusal("bad_position", f"{position} is on another tape: this one is {epoch}", epoch=epoch)
    if position.seq > head + standing.ahead:
        raise Refusal("bad_position", f"{position} is in the future: the newest is {epoch}:{head}", seq=head)
    if position.seq == 0:
        return oldest - 1
    if position.seq + 1 < oldest:
        raise Refusal("gone", f"{position} is no longer kept", oldest=str(Position(epoch, oldest - 1)))
    return position.seq


def quoted(words: Iterable[str]) -> str:
    """Return a few words of a client's, each cut short."""
    found = list(words)
    shown = ", ".join(word[:32] for word in found[:5])
    return f"{shown} and {len(found) - 5} more" if len(found) > 5 else shown
