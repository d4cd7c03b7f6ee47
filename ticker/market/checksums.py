"""The checksum of a book, for hundreds of books at once.

What is summed is 320 characters of ASCII: ten asks, then ten bids, best first, each as eight hexadecimal digits of the
price in ticks and eight of the size, zeros where there is no level. CRC-32 is affine: a sum differs from that of a
text of zeros by one term for each digit, which depends on the digit and its place alone, and terms are joined by XOR.
So a level has one term, made of eight looked up by byte, and a book's sum needs only the terms of levels that changed.
"""

import zlib

import numpy as np
from numpy.typing import NDArray

from ticker.ticks import LEVELS

PLACES = 2 * LEVELS  # levels of both sides
_LEVEL_BYTES = 8  # four of the price, four of the size
_DIGITS = 2 * PLACES * _LEVEL_BYTES
_ZEROS = b"0" * _DIGITS
EMPTY_CRC = zlib.crc32(_ZEROS)

_SHIFTS = np.arange(56, -8, -8, dtype=np.uint64)
_BYTE = np.uint64(255)


def _terms_of_bytes() -> NDArray[np.uint32]:
    """Return what a byte adds at each of its places, flat: 160 x 256."""
    digits = np.array(
        [
            [zlib.crc32(_ZEROS[:place] + b"%x" % digit + _ZEROS[place + 1 :]) ^ EMPTY_CRC for digit in range(16)]
            for place in range(_DIGITS)
        ],
        np.uint32,
    )
    pairs: NDArray[np.uint32] = digits[0::2, :, None] ^ digits[1::2, None, :]
    return pairs.reshape(-1)


_TERMS = _terms_of_bytes()  # 160 KiB, made in a few milliseconds


def terms(places: NDArray[np.intp], keys: NDArray[np.uint64]) -> NDArray[np.uint32]:
    """Return what levels add to a checksum, by their places (asks 0-9, bids 10-19) and keys (`price << 32 | size`)."""
    joined = np.zeros(len(keys), np.uint32)
    some = np.bitwise_or.reduce(keys) >> _SHIFTS & _BYTE
    offsets = places * (_LEVEL_BYTES * 256)
    for byte in np.flatnonzero(some).tolist():  # where all are zero nothing is added: sizes are seldom large
        values = (keys >> _SHIFTS[byte] & _BYTE).view(np.int64)
        joined ^= _TERMS[byte * 256 :].take(values + offsets)
    return joined
