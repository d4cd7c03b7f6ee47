"""Universes: what a TOML file lists, instrument by instrument, checked down to the last key.

A parameter of an instrument is its own where its line has one; else its sector's, else that of `[defaults]`, and
these two are varied by a factor that depends on the symbol alone. Every value is bounded, so that no model has to
defend itself; every complaint names the file and the whole key.
"""

import hashlib
import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal
from pathlib import Path
from statistics import NormalDist
from typing import Annotated, Any, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from msgspec import Meta

from ticker import files
from ticker.config import START_MAX, START_MIN, MarketConfig, Moment
from ticker.errors import ConfigError
from ticker.instruments import Hours, Instrument, Universe
from ticker.settings import checked, nearest

NUMBERED = "numbered"
NUMBERED_COUNT = 100
INSTRUMENTS_MAX = 10_000
TICKS_MAX = 100_000_000  # of an opening price: it may rise twentyfold and still be below 2**31
TURNOVER_MAX = 1e10  # lots x ticks a second: a day's sum, of orders of 200 lots, fits in 64 bits fifty times
TRADING_MIN_S = 120  # the longest step twice: one for the auction, one to trade in
FIRST_DAY = date(2026, 1, 5)

BOUNDS = {"volatility": (1e-4, 0.5), "beta": (0.01, 10.0), "orders_per_s": (0.001, 1000.0), "touch_size": (1.0, 1e6)}
VARIED = {"volatility": 1.0, "beta": 1.0, "orders_per_s": 2.0, "touch_size": 1.0}
"""How much of the variety each takes: how busy instruments are differs more than anything else."""
DEFAULTS: dict[str, Any] = {
    "volatility": 0.02,
    "beta": 1.0,
    "orders_per_s": 2.0,
    "touch_size": 400.0,
    "tick": "0.01",
    "lot": 1,
    "size_decimals": 0,
    "variety": 0.0,
}

Text = Annotated[str, Meta(min_length=1, max_length=80)]
PARAMETERS: dict[str, Any] = {
    **{name: Annotated[float, Meta(ge=least, le=most)] for name, (least, most) in BOUNDS.items()},
    "tick": str,
    "lot": Annotated[int, Meta(ge=1, le=10_000)],
    "size_decimals": Annotated[int, Meta(ge=0, le=8)],
    "variety": Annotated[float, Meta(ge=0, le=1)],
}
TABLES = {"universe": dict, "hours": dict, "defaults": dict, "sectors": dict}
UNIVERSE = {"name": Text, "description": str, "start": Moment}
HOURS = {"zone": str, "round_the_clock": bool}
TIMES = dict.fromkeys(("pre_open", "open", "close", "end"), Annotated[time, Meta(tz=False)])
SECTOR = {"instruments": list, **PARAMETERS}
LINE = {"symbol": str, "name": Text, "price": Annotated[float, Meta(gt=0, le=1e15)], **PARAMETERS}

_SYMBOL = re.compile(r"[A-Z0-9][A-Z0-9._-]{0,15}")
_TICK = re.compile(r"[0-9]{1,6}(\.[0-9]{1,8})?")


class Grid(NamedTuple):
    """Where prices lie: multiples of `units / 10**decimals`."""

    decimals: int
    units: int

    def ticks(self, price: Decimal) -> Decimal:
        return price.scaleb(self.decimals) / self.units


def load(market: MarketConfig) -> Universe:
    """Return the universe that a configuration names, as much of it as is wanted. Raises ConfigError."""
    if market.universe == NUMBERED:
        whole = numbered(market.instruments or NUMBERED_COUNT)
    else:
        whole = read(files.find("universes", market.universe, "market.universe", (NUMBERED,)))
    count = market.instruments or len(whole)
    if count > len(whole):
        raise ConfigError(f"market.instruments: {whole.name} has {len(whole)} instruments, not {count}")
    chosen = (_busier(instrument, market.activity) for instrument in tuple(whole)[:count])
    return Universe(chosen, name=whole.name, hours=whole.hours, start=whole.start)


def numbered(count: int) -> Universe:
    """Return `SYM0000` and so on, opening somewhere between 20 and 220, in a market that never closes."""
    return Universe(
        (
            Instrument(f"SYM{index:04d}", f"Number {index}", "Numbered", 2, 1, 1, 2000 + (index * 7919) % 20_000)
            for index in range(count)
        ),
        name=NUMBERED,
    )


def read(file: Path) -> Universe:
    """Return the universe of a file. Raises ConfigError that names the file and the key that is wrong."""
    tables = _values(files.read(file), TABLES, f"{file}: ", needed=("universe", "hours", "sectors"))
    about = _values(tables["universe"], UNIVERSE, f"{file}: universe.", needed=("name",))
    _printable(about["name"], f"{file}: universe.name")
    hours = _hours(tables["hours"], f"{file}: hours.")
    return Universe(
        _instruments(tables, str(file)), name=about["name"], hours=hours, start=_start(about, hours, str(file))
    )


def _values(table: dict[str, Any], kinds: dict[str, Any], origin: str, needed: Iterable[str] = ()) -> dict[str, Any]:
    """Return a table whose keys are all known and whose values are all of their kind."""
    for key in table:
        if key not in kinds:
            raise ConfigError(f"{origin}{key}: unknown key{nearest(key, kinds)}")
    for key in needed:
        if key not in table:
            raise ConfigError(f"{origin}{key}: is missing")
    return {key: checked(value, kinds[key], f"{origin}{key}") for key, value in table.items()}


def _printable(text: str, key: str) -> None:
    if not text.isprintable():
        raise ConfigError(f"{key}: has characters that cannot be shown, got {text!r}")


def _start(about: dict[str, Any], hours: Hours | None, file: str) -> datetime:
    """Return when a universe begins: at the open of the first Monday of 2026 where it does not say."""
    usual = datetime.combine(FIRST_DAY, hours.open if hours else time(), hours.zone if hours else UTC)
    start: datetime = about.get("start", usual)
    if not START_MIN <= start < START_MAX:
        raise ConfigError(f"{file}: universe.start: must be from {START_MIN.year} to {START_MAX.year - 1}")
    return start.astimezone(UTC)


def _hours(table: dict[str, Any], origin: str) -> Hours | None:
    if table.get("round_the_clock") is True:
        for key in table:
            if key != "round_the_clock":
                raise ConfigError(f"{origin}{key}: a market that is open round the clock has none")
        return None
    found = _values(table, HOURS | TIMES, origin, needed=("zone", *TIMES))
    times = {key: found[key] for key in TIMES}
    for earlier, later in zip(TIMES, list(TIMES)[1:], strict=False):
        if times[earlier] >= times[later]:
            raise ConfigError(f"{origin}{later}: must be later than {earlier}, got {times[later]}")
    if _seconds(times["close"]) - _seconds(times["open"]) < TRADING_MIN_S:
        raise ConfigError(f"{origin}close: must be at least {TRADING_MIN_S} seconds after open, got {times['close']}")
    return Hours(_zone(found["zone"], f"{origin}zone"), **times)


def _seconds(moment: time) -> int:
    return moment.hour * 3600 + moment.minute * 60 + moment.second


def _zone(name: str, key: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, no name of a zone at all, a folder of zones
        near = nearest(name, available_timezones())
        raise ConfigError(f"{key}: expected a time zone such as America/New_York, got {name!r}{near}") from None


def _instruments(tables: dict[str, Any], file: str) -> Iterator[Instrument]:
    defaults = DEFAULTS | _values(tables.get("defaults", {}), PARAMETERS, f"{file}: defaults.")
    _grid(defaults["tick"], f"{file}: defaults.tick")
    taken: dict[str, str] = {}
    for sector, table in tables["sectors"].items():
        origin = f"{file}: sectors.{sector}"
        _printable(checked(sector, Text, f"{file}: sectors"), origin)
        shared = _values(checked(table, dict, origin), SECTOR, f"{origin}.", needed=("instruments",))
        _grid(shared.get("tick", defaults["tick"]), f"{origin}.tick")
        for index, line in enumerate(shared["instruments"]):
            instrument = _instrument(line, sector, defaults | shared, f"{origin}.instruments[{index}]")
            if other := taken.get(instrument.symbol):
                raise ConfigError(
                    f"{origin}.instruments[{index}].symbol: {instrument.symbol} is an instrument of {other} already"
                )
            taken[instrument.symbol] = sector
            yield instrument
    if not 0 < len(taken) <= INSTRUMENTS_MAX:
        raise ConfigError(f"{file}: sectors: must list from 1 to {INSTRUMENTS_MAX} instruments, not {len(taken)}")


def _instrument(line: Any, sector: str, shared: dict[str, Any], origin: str) -> Instrument:
    own = _values(checked(line, dict, origin), LINE, f"{origin}.", needed=("symbol", "name", "price"))
    symbol, name = own["symbol"], own["name"]
    if not _SYMBOL.fullmatch(symbol):
        raise ConfigError(f"{origin}.symbol: expected 1 to 16 of A-Z, 0-9, '.', '_' and '-', got {symbol!r}")
    _printable(name, f"{origin}.name")
    all_of_it = shared | own
    grid = _grid(all_of_it["tick"], f"{origin}.tick")
    instrument = Instrument(
        symbol,
        name,
        sector,
        grid.decimals,
        grid.units,
        all_of_it["lot"],
        _reference_ticks(own["price"], grid, all_of_it["tick"], f"{origin}.price"),
        size_decimals=all_of_it["size_decimals"],
        **{key: own[key] if key in own else _varied(shared[key], key, symbol, all_of_it["variety"]) for key in BOUNDS},
    )
    turnover = instrument.reference_ticks * instrument.lot * instrument.orders_per_s
    if turnover > TURNOVER_MAX:
        most = f"price in ticks times lot times orders_per_s may be {TURNOVER_MAX:.0e}, not {turnover:.0e}"
        raise ConfigError(f"{origin}.lot: too large to add up a day's turnover: {most}")
    return instrument


def _grid(tick: str, key: str) -> Grid:
    if not _TICK.fullmatch(tick) or not float(tick):
        raise ConfigError(f'{key}: expected a decimal in quotes such as "0.01", got {tick!r}')
    decimals = len(tick.partition(".")[2])
    return Grid(decimals, int(tick.replace(".", "")))


def _reference_ticks(price: float, grid: Grid, tick: str, key: str) -> int:
    ticks = grid.ticks(Decimal(repr(price)))  # which is how it was written
    if ticks != ticks.to_integral_value() or not 1 <= ticks <= TICKS_MAX:
        raise ConfigError(f"{key}: expected from 1 to {TICKS_MAX} times the tick of {tick}, got {price!r}")
    return int(ticks)


def _varied(value: float, name: str, symbol: str, variety: float) -> float:
    """Return a sector's parameter as it is for one instrument: median `value`, log-normal, the same on any machine."""
    if not variety:
        return value
    number = int.from_bytes(hashlib.sha256(f"{name} {symbol}".encode()).digest()[:6], "big")
    normal = NormalDist().inv_cdf((number + 0.5) / 2**48)
    return _bounded(value * math.exp(VARIED[name] * variety * min(2.5, max(-2.5, normal))), name)


def _bounded(value: float, name: str) -> float:
    """Return a parameter within its bounds and to six digits, where no two machines' arithmetic differs."""
    least, most = BOUNDS[name]
    return float(f"{min(most, max(least, value)):.6g}")


def _busier(instrument: Instrument, activity: float) -> Instrument:
    return replace(instrument, orders_per_s=_bounded(instrument.orders_per_s * activity, "orders_per_s"))
