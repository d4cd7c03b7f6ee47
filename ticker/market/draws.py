"""Random numbers by counter: what is drawn depends on a name, a step and nothing else.

Every instrument, sector and the market itself has a key of its own, made of the seed and its name: whatever is traded
beside it, and in whatever order, it draws the same numbers. A number is SplitMix64's output function of the key and
the counter (Steele, Lea and Flood, 2014): integers only, equal on every machine, and any step can be drawn alone.
"""

from collections.abc import Iterable
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_SHIFTS = np.uint64(30), np.uint64(27), np.uint64(31)


def keys(seed: int, room: str, names: Iterable[str]) -> Words:
    """Return a key for each name; the same name has another one in another room."""
    texts = [f"{seed}/{room}/{name}".encode() for name in names]
    return np.array([int.from_bytes(sha256(text).digest()[:8], "little") for text in texts], np.uint64)


def words(keys: Words, first: int, count: int) -> Words:
    """Return the 64-bit numbers of these counters, of shape (count, keys)."""
    return _mixed(np.arange(first + 1, first + count + 1, dtype=np.uint64)[:, None] * _GAMMA + keys)


def words_at(keys: Words, counters: NDArray[np.int64]) -> Words:
    """Return the number of each key at a counter of its own, of the shape of `counters`."""
    return _mixed((counters + 1).astype(np.uint64) * _GAMMA + keys)


def _mixed(found: Words) -> Words:
    found ^= found >> _SHIFTS[0]
    found *= _FIRST
    found ^= found >> _SHIFTS[1]
    found *= _SECOND
    found ^= found >> _SHIFTS[2]
    return found


def pieces(found: Words) -> NDArray[np.uint16]:
    """Return these words of shape (..., k) as four 16-bit numbers each, of shape (..., k, 4)."""
    return found.astype("<u8", copy=False).view("<u2").reshape(*found.shape, 4)
