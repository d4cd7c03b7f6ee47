"""The label of a tape: all that whoever serves it must know besides its steps, as JSON.

A tape that was recorded, or that comes from another machine, has no market: what is traded on it, how long a step is
and what it was grown from stand here. Rules: whatever can be decoded makes sense, down to the grid of every price; keys
that nobody knows are passed over, so that a later version may say more.
"""

from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Self

import msgspec
from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import force_setattr

from ticker.instruments import Hours, Instrument, Universe

DECIMALS_MAX = 15  # of a price: more do not survive in JavaScript's numbers
SIZE_DECIMALS_MAX = 15
INSTRUMENTS_MAX = 65_536
START_MAX_US = 7_258_118_400_000_000  # the year 2200, as everywhere
_1970 = datetime(1970, 1, 1, tzinfo=UTC)

Text = Annotated[str, Meta(max_length=200)]
Symbol = Annotated[str, Meta(pattern=r'^[^\s,*"\\]{1,64}$')]
Whole = Annotated[int, Meta(ge=1, le=10**9)]


class LabelledInstrument(msgspec.Struct, frozen=True, kw_only=True):
    """What can be said of an `Instrument` without its market."""

    symbol: Symbol
    name: Text = ""
    sector: Text = ""
    decimals: Annotated[int, Meta(ge=0, le=DECIMALS_MAX)]
    tick_units: Whole
    lot: Whole = 1
    reference_ticks: Annotated[int, Meta(ge=0, le=2**53 - 1)] = 0
    size_decimals: Annotated[int, Meta(ge=0, le=SIZE_DECIMALS_MAX)] | UnsetType = UNSET
    """Not said where it is 0, as in labels that are older than it."""

    def __post_init__(self) -> None:
        if self.size_decimals == 0:
            force_setattr(self, "size_decimals", UNSET)

    def plain(self) -> Instrument:
        """Return the instrument."""
        return Instrument(
            self.symbol,
            self.name,
            self.sector,
            self.decimals,
            self.tick_units,
            self.lot,
            self.reference_ticks,
            size_decimals=self.size_decimals or 0,
        )


class LabelledHours(msgspec.Struct, frozen=True, kw_only=True):
    """Four times on the wall clock of a zone, which is named only: where it lies is for others to look up."""

    zone: Text
    pre_open: time
    open: time
    close: time
    end: time


class LabelledUniverse(msgspec.Struct, frozen=True, kw_only=True):
    """What is traded; `hours` is None where the market never closes, or nobody knows."""

    name: Text = "custom"
    hours: LabelledHours | None = None
    instruments: Annotated[tuple[LabelledInstrument, ...], Meta(min_length=1, max_length=INSTRUMENTS_MAX)]


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """What a tape is. Times are microseconds, `start_us` the market time at position 0."""

    epoch: Annotated[str, Meta(pattern=r"^[!-~]{1,200}$")]
    step_us: Annotated[int, Meta(ge=1, le=86_400_000_000)]
    start_us: Annotated[int, Meta(ge=0, lt=START_MAX_US)]
    seed: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    speed: Annotated[float, Meta(gt=0, le=1e9)] = 1.0
    universe: LabelledUniverse

    @classmethod
    def of(cls, universe: Universe, *, epoch: str, step_us: int, start_us: int, seed: int, speed: float = 1.0) -> Self:
        """Return the label of a tape of a universe."""
        return cls(
            epoch=epoch, step_us=step_us, start_us=start_us, seed=seed, speed=speed, universe=_labelled(universe)
        )

    def traded(self) -> Universe:
        """Return what is traded. It has no hours: when the market was open is said by the tape itself."""
        instruments = (one.plain() for one in self.universe.instruments)
        return Universe(instruments, name=self.universe.name, start=_1970 + timedelta(microseconds=self.start_us))

    def encode(self) -> bytes:
        """Return the label as JSON: equal labels make equal bytes."""
        return msgspec.json.encode(self)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """Return the label that some JSON says. Raises ValueError for anything malformed."""
        try:
            label = msgspec.json.decode(data, type=cls)
        except (msgspec.DecodeError, RecursionError) as error:
            raise ValueError(f"no label of a tape: {error}") from None
        for one in label.universe.instruments:
            if not (one.symbol + one.name + one.sector).isprintable():
                raise ValueError(f"no label of a tape: {one.symbol!r} has characters that cannot be shown")
        label.traded()
        return label


def _labelled(universe: Universe) -> LabelledUniverse:
    instruments = tuple(
        LabelledInstrument(
            symbol=one.symbol,
            name=one.name,
            sector=one.sector,
            decimals=one.decimals,
            tick_units=one.tick_units,
            lot=one.lot,
            reference_ticks=one.reference_ticks,
            size_decimals=one.size_decimals,
        )
        for one in universe
    )
    return LabelledUniverse(name=universe.name, hours=_hours(universe.hours), instruments=instruments)


def _hours(hours: Hours | None) -> LabelledHours | None:
    if hours is None:
        return None
    return LabelledHours(
        zone=str(hours.zone), pre_open=hours.pre_open, open=hours.open, close=hours.close, end=hours.end
    )
