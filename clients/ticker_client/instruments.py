"""What is traded, as arrays name it: by number, with the grid on which prices lie."""

import math
from collections.abc import Sequence
from typing import NamedTuple, overload

import msgspec
import numpy as np

from ticker.session.messages import Listing

DECIMALS_MAX = 15  # of a price: more do not survive in a float


class Instrument(NamedTuple):
    """One thing that is traded: prices are multiples of `tick_size`, with at most so many `decimals`."""

    symbol: str
    tick_size: float
    decimals: int


class Instruments(Sequence[Instrument]):
    """What the numbers in arrays stand for: `instruments[number]` has the symbol."""

    def __init__(self, instruments: Sequence[Instrument] = ()) -> None:
        """Raises msgspec.ValidationError for prices that nobody could count in."""
        for symbol, size, decimals in instruments:
            if not (0 < size < math.inf and 0 <= decimals <= DECIMALS_MAX):
                raise msgspec.ValidationError(f"{symbol[:32]!r} has prices in ticks of {size}, of {decimals} decimals")
        self._instruments = list(instruments)
        self.symbols = [instrument.symbol for instrument in self._instruments]
        self.numbers = {symbol: number for number, symbol in enumerate(self.symbols)}
        """The number of each symbol."""
        self.scales = np.array([10.0**instrument.decimals for instrument in self._instruments])
        sizes = np.array([instrument.tick_size for instrument in self._instruments])
        self.units = np.rint(sizes * self.scales)  # a tick, in units of the last decimal: exact

    @classmethod
    def of(cls, listing: Listing) -> "Instruments":
        """Return what a server listed. Raises msgspec.ValidationError where it makes no sense."""
        if not len(listing.symbols) == len(listing.tick_sizes) == len(listing.decimals):
            raise msgspec.ValidationError("a listing of instruments has lists of different lengths")
        rows = zip(listing.symbols, listing.tick_sizes, listing.decimals, strict=True)
        return cls([Instrument(*row) for row in rows])

    def listing(self) -> Listing:
        """Return what a server would list."""
        symbols, sizes, decimals = zip(*self._instruments, strict=True) if self._instruments else ((), (), ())
        return Listing(symbols=list(symbols), tick_sizes=list(sizes), decimals=list(decimals))

    def joined(self, others: "Instruments") -> "Instruments":
        """Return these, and after them the others that are not among them."""
        if others is self or others.numbers.keys() <= self.numbers.keys():
            return self
        return Instruments([*self, *(other for other in others if other.symbol not in self.numbers)])

    @overload
    def __getitem__(self, number: int) -> Instrument: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[Instrument]: ...
    def __getitem__(self, number: int | slice) -> Instrument | Sequence[Instrument]:
        return self._instruments[number]

    def __len__(self) -> int:
        return len(self._instruments)

    def __repr__(self) -> str:
        return f"Instruments({self._instruments!r})"
