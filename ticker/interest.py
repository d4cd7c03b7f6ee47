"""What one reader wants: a set of (channel, instrument), as one bit each.

An interest is small, hashable and quick to join and cut, so that readers who want the same share one audience.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from operator import or_

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

    masks: tuple[int, ...] = (0,) * len(CHANNELS)

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
    def union(self) -> int:
        """The instruments wanted on any channel, as bits."""
        return reduce(or_, self.masks)

    def mask(self, channel: str) -> int:
        """Return the instrument bits of one channel."""
        return self.masks[CHANNELS.index(channel)]

    def indices(self, channel: str) -> list[int]:
        """Return the instruments of one channel, ascending."""
        digits = bin(self.mask(channel))[:1:-1]
        return [index for index, digit in enumerate(digits) if digit == "1"]
