"""Who may have what: the one place that decides it, whatever the transport.

A permit is what a token stands for: some symbols on some channels, until some moment. What is asked for by `*` is cut
to what is permitted; what is asked for by name and is not permitted is refused by name. What exists is no secret, what
it does is. Nothing here knows tokens, files or the time, and nothing is decided while ticks flow: only when they are
asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ticker.errors import Refusal
from ticker.instruments import Universe
from ticker.interest import Interest
from ticker.session.terms import EVERYTHING, NAMED_MAX, quoted
from ticker.ticks import CHANNELS


@dataclass(frozen=True, slots=True)
class Permit:
    """What somebody may have: `symbols` as bits (None is everything) on `channels`.

    `expires_us` is a moment of the wall clock, None is never. `source` says which of the tokens that are kept it is of,
    and is empty for one that is not kept.
    """

    name: str = ""
    symbols: int | None = None
    channels: tuple[str, ...] = CHANNELS
    expires_us: int | None = None
    source: bytes = field(default=b"", repr=False)

    @property
    def is_everything(self) -> bool:
        """Whether there is nothing that it does not permit."""
        return self.symbols is None and len(self.channels) == len(CHANNELS)

    def within(self, asked: Interest) -> Interest:
        """Return as much of an interest as is permitted."""
        if self.is_everything:
            return asked
        mask = asked.union if self.symbols is None else self.symbols
        return asked & Interest.of(self.channels, mask)

    def has(self, index: int, *channels: str) -> bool:
        """Tell whether an instrument is permitted, and on one of these channels, where some are named."""
        known = self.symbols is None or bool(self.symbols >> index & 1)
        return known and (not channels or not set(channels).isdisjoint(self.channels))

    def is_all_of(self, mask: int, universe: Universe) -> bool:
        """Tell whether instruments, as bits, are all that are permitted: whoever asks for `*` means them."""
        everything = (1 << len(universe)) - 1
        return bool(mask) and mask == (everything if self.symbols is None else self.symbols & everything)


OPEN = Permit()
"""Where nobody is asked."""


def permitted(
    table: Mapping[str, Sequence[str]], asked: Interest, permit: Permit, universe: Universe
) -> tuple[Interest, Refusal | None]:
    """Return what may be had of what is asked for, and the refusal that names the rest.

    `table` is how it was spelled, channel to symbols. By `*` nothing is asked for that is not permitted, unless that
    leaves a channel with nothing.
    """
    granted = permit.within(asked)
    if granted == asked:
        return granted, None
    lost: dict[int, None] = {}
    channels = []
    for channel, symbols in table.items():
        missing = asked.mask(channel) & ~granted.mask(channel)
        if EVERYTHING in symbols:
            if missing and not granted.mask(channel):
                channels.append(channel)
        elif missing:
            channels.append(channel)
            lost |= dict.fromkeys(Interest.of([channel], missing).indices(channel))
    if not channels:
        return granted, None
    return granted, forbidden([universe[index].symbol for index in lost], channels)


def forbidden(symbols: list[str], channels: Sequence[str]) -> Refusal:
    """Return the refusal that names what somebody may not have; no symbols are all of them."""
    what = quoted(symbols) if symbols else "anything"
    named = {"symbols": symbols[:NAMED_MAX], "count": len(symbols)} if symbols else {}
    return Refusal("forbidden", f"you may not have {what} on {quoted(channels)}", **named, channels=list(channels))
