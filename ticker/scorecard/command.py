"""`ticker scorecard`: how much a market, a recorded tape or a file of trades looks like a market."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import numpy as np

from ticker import universes
from ticker.config import MarketConfig
from ticker.errors import ConfigError, SetupError
from ticker.instruments import Instrument, Universe
from ticker.market.macro import years
from ticker.market.market import Market
from ticker.market.seasons import round_the_clock, session
from ticker.market.traits import Traits
from ticker.scorecard import page, tables
from ticker.scorecard.collect import collect, day_s
from ticker.scorecard.cross import epps_curve
from ticker.scorecard.csvfile import read_csv
from ticker.scorecard.daily import DailyRow, Macro, daily_facts, judge_daily, macro
from ticker.scorecard.engineering import DIGEST_STEPS, EngineeringRow, among_fewer, continued, engineering, twice
from ticker.scorecard.micro import micro
from ticker.scorecard.pictures import pictures
from ticker.scorecard.report import Report, Run, as_json
from ticker.scorecard.sessions import US_DAY_S, Session
from ticker.scorecard.tapefile import read_tape

INSTRUMENTS = 60
"""How many are run where all are asked for, of all sectors: the bar is made for so many, and a thousand take hours."""
DAYS_MIN = 504
"""Two years: below, a memory of 250 days is none."""
MACRO_COLUMNS = {
    "index": (1, "one a day"),
    "returns": (2, "one a day and stock, of as many days as index has"),
    "index_rv": (1, "as many as index has"),
    "index_session": (1, "as many as index has"),
}


class Interrupted(SetupError):
    """Ctrl-C before there was anything to report."""

    exit_code = 130


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for beside the market's own keys; `hours` None is a whole day, `days` 0 none."""

    seeds: tuple[int, ...] = ()
    hours: float | None = None
    tape: Path | None = None
    csv: Path | None = None
    days: int = 0
    daily: tuple[Path, ...] = ()
    html: Path | None = None
    json: Path | None = None


def run(market: MarketConfig, options: Options) -> int:
    """Make one scorecard; return 0, or 1 where the bar of market.md is missed. Raises SetupError."""
    _check(market, options)
    try:
        report = _of_file(options) if options.tape or options.csv else _of_market(market, options)
    except KeyboardInterrupt:
        raise Interrupted("interrupted before anything was measured") from None
    tables.show(report)
    if options.json:
        _write(options.json, as_json(report))
    if options.html:
        _write(options.html, page.render(report))
    return 0 if report.ok else 1


def seeds(text: str) -> tuple[int, ...]:
    """Read seeds joined by commas. Raises ConfigError."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and int(part) < 2**63 for part in parts):
        raise ConfigError(f"--seeds: whole numbers joined by commas, not {text[:60]!r}")
    return tuple(int(part) for part in parts)


def _check(market: MarketConfig, options: Options) -> None:
    """Raise ConfigError or SetupError where something is wrong that can be known beforehand."""
    if options.tape and options.csv:
        raise ConfigError("--tape and --csv: one of them at a time")
    if options.hours is not None and not 0 < options.hours <= 24:
        raise ConfigError(f"--hours: more than 0 and at most 24, not {options.hours:g}")
    if options.days and (options.days < DAYS_MIN or options.tape or options.csv or market.model == "plain"):
        raise ConfigError(f"--days: at least {DAYS_MIN}, of a simulated market whose model is realistic")
    for flag, file in (("--html", options.html), ("--json", options.json)):
        if file and not file.parent.is_dir():
            raise SetupError(f"{flag}: {file}: there is no such folder")
        if file and file.is_dir():
            raise SetupError(f"{flag}: {file}: is a folder")


def _of_market(config: MarketConfig, options: Options) -> Report:
    configs = [msgspec.structs.replace(config, seed=seed) for seed in options.seeds or (config.seed,)]
    runs = tuple(_simulated(one, options.hours) for one in configs)
    lived = [_years(one, options.days) for one in configs] if options.days else []
    return Report("a simulated market", simulated=True, runs=runs, daily=_daily(options, lived))


def _daily(options: Options, lived: Sequence[Macro] = ()) -> tuple[DailyRow, ...]:
    """Return the daily block of what was lived through and of the files that were handed in."""
    found = [daily_facts(one) for one in (*lived, *map(read_macro, options.daily))]
    return judge_daily(found) if found else ()


def _years(config: MarketConfig, days: int) -> Macro:
    """Return years of a market's slow layers."""
    universe = universe_of(config)
    season = session(universe.hours.trading_s) if universe.hours else round_the_clock()
    return macro(*years(config.seed, Traits.of(universe), season, days))


def _simulated(config: MarketConfig, hours: float | None) -> Run:
    name = f"seed {config.seed}"
    market = _market(config)
    seconds = hours * 3600 if hours else day_s(market.universe) or US_DAY_S
    kept = collect(market, seconds, tables.Progress(name))
    return measured(name, kept.sessions(market.universe), reproduced(config, min(kept.steps, DIGEST_STEPS)))


def universe_of(config: MarketConfig) -> Universe:
    """Return what is run: as many as are wanted, or some of all, evenly chosen, as a universe is listed by sector."""
    whole = universes.load(config)
    if config.instruments or len(whole) <= INSTRUMENTS:
        return whole
    return _part(whole, [whole[number * len(whole) // INSTRUMENTS] for number in range(INSTRUMENTS)])


def _part(whole: Universe, instruments: Sequence[Instrument]) -> Universe:
    return Universe(instruments, name=whole.name, hours=whole.hours, start=whole.start)


def _market(config: MarketConfig) -> Market:
    return Market(config, universe_of(config))


def reproduced(config: MarketConfig, steps: int) -> list[EngineeringRow]:
    """Return what comparing several runs of a configuration shows."""

    universe = universe_of(config)

    def fresh(instruments: int) -> Market:
        return Market(config, _part(universe, tuple(universe)[:instruments]))

    def again() -> Market:
        return Market(config, universe)

    return [twice(again, steps), continued(again, steps), among_fewer(fresh, len(universe), steps)]


def measured(name: str, sessions: Sequence[Session], rows: Sequence[EngineeringRow] = ()) -> Run:
    """Return all that sessions show; correlations and pictures are of their busiest day."""
    trades = {day: sum(len(one.trade_s) for one in sessions if one.day == day) for day in {s.day for s in sessions}}
    together = [one for one in sessions if one.day == max(sorted(trades), key=lambda day: trades[day])]
    return Run(
        name=name,
        micro=micro(sessions),
        epps=epps_curve(together),
        engineering=(*rows, *engineering(sessions)),
        hours=max(one.length_s for one in sessions) / 3600,
        trades=sum(trades.values()),
        quotes=sum(len(one.quote_s) for one in sessions),
        pictures=pictures(together),
    )


def _of_file(options: Options) -> Report:
    file = options.tape or options.csv
    assert file is not None  # one of them was given
    sessions = read_tape(file) if options.tape else read_csv(file)
    days = sorted({one.day for one in sessions})
    notes = (f"{len(days)} days: correlations and pictures are of the busiest one",) if len(days) > 1 else ()
    if options.hours is not None:
        sessions = [_shortened(one, options.hours * 3600) for one in sessions]
    return Report(file.name, simulated=False, runs=(measured(file.name, sessions),), daily=_daily(options), notes=notes)


def _shortened(session: Session, seconds: float) -> Session:
    """Return the beginning of a session."""
    if session.length_s <= seconds:
        return session
    trades, quotes = (int(np.searchsorted(times, seconds, "right")) for times in (session.trade_s, session.quote_s))
    trade_columns, quote_columns = (
        ("trade_s", "price_ticks", "size", "side"),
        ("quote_s", "bid_ticks", "bid_size", "ask_ticks", "ask_size"),
    )
    cut = {name: getattr(session, name)[:trades] for name in trade_columns}
    cut |= {name: getattr(session, name)[:quotes] for name in quote_columns}
    return replace(session, **cut, length_s=seconds)


def read_macro(file: Path) -> Macro:
    """Read a macro run from an .npz with the columns of `Macro`. Raises ConfigError."""
    try:
        with np.load(file, allow_pickle=False) as arrays:
            columns = {name: np.asarray(arrays[name], np.float64) for name in MACRO_COLUMNS}
    except KeyError as error:
        raise ConfigError(f"--daily: {file}: {error.args[0]}") from None
    except OSError as error:
        raise ConfigError(f"--daily: {file}: {(error.strerror or 'not an .npz file').lower()}") from None
    except (ValueError, TypeError, AttributeError) as error:
        raise ConfigError(f"--daily: {file}: not an .npz file of numbers: {error}") from None
    days = len(columns["index"]) if columns["index"].ndim else 0
    for name, (dimensions, needed) in MACRO_COLUMNS.items():
        values = columns[name]
        if values.ndim != dimensions or len(values) != days or values.size < 2 or not np.isfinite(values).all():
            raise ConfigError(f"--daily: {file}: {name}: finite numbers are needed, {needed}")
    return Macro(**columns)


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise SetupError(f"{file}: {(error.strerror or 'cannot be written').lower()}") from None
