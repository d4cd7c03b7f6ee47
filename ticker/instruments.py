"""What is traded, and how prices lie on its grid."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Instrument:
    """One thing that is traded.

    A price of `k` ticks is `k * tick_units / 10**decimals` in money; `reference_ticks` is where it opens.
    Sizes are multiples of `lot`.
    """

    symbol: str
    name: str
    sector: str
    decimals: int
    tick_units: int
    lot: int
    reference_ticks: int


class Universe:
    """All instruments of a market, by index and by symbol. Raises ValueError where two share a symbol."""

    def __init__(self, instruments: Iterable[Instrument]) -> None:
        self._instruments = tuple(instruments)
        self._index = {instrument.symbol: index for index, instrument in enumerate(self._instruments)}
        if len(self._index) != len(self._instruments):
            raise ValueError("two instruments share a symbol")

    def __len__(self) -> int:
        return len(self._instruments)

    def __iter__(self) -> Iterator[Instrument]:
        return iter(self._instruments)

    def __getitem__(self, index: int) -> Instrument:
        return self._instruments[index]

    def find(self, symbol: str) -> int | None:
        """Return the index of a symbol, or None where nothing of that name is traded."""
        return self._index.get(symbol)
