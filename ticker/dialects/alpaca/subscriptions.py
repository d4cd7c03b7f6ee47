"""What one client has subscribed to: names by channel, as it gave them, known or not."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ticker.dialects.alpaca.feeds import ALL_CHANNELS, EVERYTHING, FILLED, QUIET, Feed
from ticker.interest import Streams

NAMES_MAX = 10_000
"""So many names altogether, whatever the plan: an acknowledgement repeats all of them, and is a message of 1 MiB at
most. Those of `trades` are in it three times."""
_LIMITED = ("trades", "quotes")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a client asks to have, or to have no more: names by channel."""

    names: Mapping[str, list[str]] = field(default_factory=dict)
    refused: int = 0
    """The code of the error, where it cannot be had."""


def wish_of(message: Mapping[Any, Any], feed: Feed) -> Wish:
    """Return what a message asks for: 400 for what is malformed, 410 for what the feed has not."""
    asked = {key: value for key, value in message.items() if key != "action"}
    names = {key: [] if value is None else value for key, value in asked.items()}  # some write no names as null
    if not names or any(key not in ALL_CHANNELS for key in names):
        return Wish(refused=400)
    if any(key not in feed.channels for key in names):
        return Wish(refused=410)
    if not all(_is_names(value, feed) for value in names.values()):
        return Wish(refused=400)
    return Wish(names)


def _is_names(value: Any, feed: Feed) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) and feed.well_formed(name) for name in value)


class Subscriptions:
    """A set of names for each channel of a feed, in the order in which they were added."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._names: dict[str, dict[str, None]] = {channel: {} for channel in feed.channels}

    def add(self, wish: Wish, *, strict: bool) -> bool:
        """Add what is wished, unless it is too much: then nothing is added."""
        wanted = {channel: names | dict.fromkeys(wish.names.get(channel, ())) for channel, names in self._names.items()}
        if sum(map(len, wanted.values())) > NAMES_MAX or (strict and self._is_above_plan(wanted)):
            return False
        self._names = wanted
        return True

    def remove(self, wish: Wish) -> None:
        """Take names away; `*` is a name like any other."""
        for channel, names in wish.names.items():
            for name in names:
                self._names[channel].pop(name, None)

    def acknowledgement(self) -> dict[str, Any]:
        """Return the message that says all there is."""
        told: dict[str, Any] = {"T": "subscription"}
        for channel in self._feed.channels:
            names = list(self._of(channel))
            if names or channel not in QUIET:
                told[channel] = names
        return told

    def interest(self) -> Streams:
        """Return the same as streams of the house."""
        feed = self._feed
        return Streams.table({feed.stream(channel): feed.mask(self._of(channel)) for channel in feed.channels})

    def _of(self, channel: str) -> dict[str, None]:
        return self._names["trades" if channel in FILLED else channel]

    def _is_above_plan(self, names: Mapping[str, dict[str, None]]) -> bool:
        limit = self._feed.symbols_max
        limited = [names[channel] for channel in _LIMITED]
        return limit is not None and (sum(map(len, limited)) > limit or any(EVERYTHING in some for some in limited))
