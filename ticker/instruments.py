"""What is traded, how prices lie on its grid, how lively it is, and when its market is open. Types only."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, tzinfo


@dataclass(frozen=True, slots=True)
class Instrument:
    """One thing that is traded.

    A price of `k` ticks is `k * tick_units / 10**decimals` in money; `reference_ticks` is where it opens.
    Sizes are multiples of `lot`, in units of `10**-size_decimals` shares or coins. `volatility` is the standard
    deviation of a day's return (0.02 is 2 %), `beta` its share in what the market does, `orders_per_s` the mean of
    market orders a second, `touch_size` the mean size at the best level.
    """

    symbol: str
    name: str
    sector: str
    decimals: int
    tick_units: int
    lot: int
    reference_ticks: int
    volatility: float = 0.02
    beta: float = 1.0
    orders_per_s: float = 2.0
    touch_size: float = 400.0
    size_decimals: int = 0


@dataclass(frozen=True, slots=True)
class Hours:
    """A business day on the wall clock of a zone: four times, each later than the one before.

    `pre_open` to `open` gathers orders, `open` to `close` is continuous trading, `end` is when the day is over.
    """

    zone: tzinfo
    pre_open: time
    open: time
    close: time
    end: time

    @property
    def trading_s(self) -> float:
        """How long continuous trading lasts, by the clock."""
        opened, closed = (moment.hour * 3600 + moment.minute * 60 + moment.second for moment in (self.open, self.close))
        return float(closed - opened)


class Universe:
    """All instruments of a market, by index and by symbol. Raises ValueError where two share a symbol.

    `hours` is None where the market never closes; `start` is the market time at which it begins unless told otherwise.
    """

    def __init__(
        self,
        instruments: Iterable[Instrument],
        *,
        name: str = "custom",
        hours: Hours | None = None,
        start: datetime = datetime(2026, 1, 5, 14, 30, tzinfo=UTC),
    ) -> None:
        self.name = name
        self.hours = hours
        self.start = start
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
