"""What a renderer needs to know of the reader besides the rows. Types only."""

from collections.abc import Callable
from typing import NamedTuple

from ticker.dialects.binance.symbols import Symbol
from ticker.ticks import Rows


class Manner(NamedTuple):
    """How one channel is told.

    `heads` has, by instrument, what stands before a payload (nothing, or the name of the stream), `tail` is what stands
    behind it, `unit` how many microseconds a unit of time has.
    """

    symbols: dict[int, Symbol]
    heads: dict[int, str]
    tail: str
    unit: int


Renderer = Callable[[Manner, Rows], list[bytes]]
"""Returns a frame a row, or nothing where a message is not complete with it."""
