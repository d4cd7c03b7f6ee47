"""What one reader wants: a set of (channel, instrument), as one bit each.

An interest is small, hashable and quick to join and cut, so that readers who want the same share one audience.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import and_, or_
from typing import Any

from ticker.ticks import CHANNELS


def bits(indices: Iterable[int]) -> int:
    """Return the mask with these bits set."""
    mask = 0
    for index in indices:
        mask |= 1 << index
    return mask


@dataclass(frozen=True, slots=True)
class Interest:
    """One mask of instrument bits per channel, in the order of `CHANNELS`."""

    masks: tuple[Any, ...] = (0,) * len(CHANNELS)

    @classmethod
    def of(cls, channels: Iterable[str], mask: int) -> "Interest":
        """Return the same instruments on each of these channels."""
        wanted = frozenset(channels)
        return cls(tuple(mask if channel in wanted else 0 for channel in CHANNELS))

    def __or__(self, other: "Interest") -> "Interest":
        return Interest(tuple(a | b for a, b in zip(self.masks, other.masks, strict=True)))

    def __and__(self, other: "Interest") -> "Interest":
        return Interest(tuple(a & b for a, b in zip(self.masks, other.masks, strict=True)))

    def __sub__(self, other: "Interest") -> "Interest":
        return Interest(tuple(a & ~b for a, b in zip(self.masks, other.masks, strict=True)))

    def __bool__(self) -> bool:
        return any(self.masks)

    @property
    def channels(self) -> tuple[str, ...]:
        """Those there are, in the order of the tape."""
        return CHANNELS

    @property
    def union(self) -> int:
        """The instruments wanted on any channel, as bits."""
        masks: tuple[int, ...] = self.masks
        return reduce(or_, masks)

    def mask(self, channel: str) -> int:
        """Return the instrument bits of one channel."""
        found: int = self.masks[CHANNELS.index(channel)]
        return found

    def indices(self, channel: str) -> list[int]:
        """Return the instruments of one channel, ascending."""
        digits = bin(self.mask(channel))[:1:-1]
        return [index for index, digit in enumerate(digits) if digit == "1"]


@dataclass(frozen=True, slots=True)
class Streams(Interest):
    """The same for channels that are no fixed few: a mask for each that is wanted, by name."""

    masks: tuple[Any, ...] = ()
    """Pairs of a channel and its mask, none of which is 0."""

    @classmethod
    def of(cls, channels: Iterable[str], mask: int) -> "Streams":
        """Return the same instruments on each of these channels."""
        return cls.table(dict.fromkeys(channels, mask))

    @classmethod
    def table(cls, masks: Mapping[str, int]) -> "Streams":
        """Return what a table of channel to instrument bits says."""
        return cls(tuple(sorted((channel, mask) for channel, mask in masks.items() if mask)))

    def __or__(self, other: Interest) -> "Streams":
        return self._with(other, or_)

    def __and__(self, other: Interest) -> "Streams":
        return self._with(other, and_)

    def __sub__(self, other: Interest) -> "Streams":
        return self._with(other, lambda own, others: own & ~others)

    def _with(self, other: Interest, joined: Callable[[int, int], int]) -> "Streams":
        own, others = dict(self.masks), dict(other.masks)
        return Streams.table({name: joined(own.get(name, 0), others.get(name, 0)) for name in own | others})

    def __bool__(self) -> bool:
        return bool(self.masks)

    @property
    def channels(self) -> tuple[str, ...]:
        """What is wanted on any instrument."""
        return tuple(channel for channel, _ in self.masks)

    @property
    def union(self) -> int:
        """The instruments wanted on any channel, as bits."""
        return reduce(or_, dict(self.masks).values(), 0)

    def mask(self, channel: str) -> int:
        """Return the instrument bits of one channel."""
        found: int = dict(self.masks).get(channel, 0)
        return found
