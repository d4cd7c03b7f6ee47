"""Everything a scorecard says, as values: for the terminal, the page and JSON alike. Pure."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import orjson

from ticker.scorecard.checks import MICRO, PASSES_MIN, STRICT_MIN
from ticker.scorecard.cross import EPPS, EppsCheck, epps_ratio
from ticker.scorecard.daily import INDEX_RUNS_MIN, DailyRow
from ticker.scorecard.engineering import EngineeringRow
from ticker.scorecard.micro import INSTRUMENTS_MIN, WIDE, Micro, Row
from ticker.scorecard.pictures import Pictures

SEEDS_MIN = 3
PROVENANCE = (
    "The real values are thin: tick by tick they come from one US stock on two days (2018), three symbols on one day "
    "(2014) and one European stock on one day (2013). The ranges were set knowing them. They are constants of this "
    "program; no market data are shipped with it."
)


@dataclass(frozen=True, slots=True)
class Run:
    """What one session of the source shows."""

    name: str
    micro: Micro
    epps: dict[int, float]
    engineering: tuple[EngineeringRow, ...]
    hours: float
    trades: int
    quotes: int
    pictures: Pictures

    @property
    def epps_rows(self) -> list[tuple[EppsCheck, float, bool]]:
        """Each check with its value and whether it passes; undefined does not."""
        values = [(check, epps_ratio(check, self.epps)) for check in EPPS]
        return [(check, value, check.low <= value <= check.high) for check, value in values]

    @property
    def has_pairs(self) -> bool:
        """Whether there were trades of several instruments, and long enough, to correlate."""
        return not np.isnan(self.epps[300])

    @property
    def misses(self) -> list[str]:
        """What keeps the run from the bar, a sentence each."""
        micro = self.micro
        found = []
        if not micro.meets_bar:
            found.append(f"micro block: {micro.passes} of {micro.known} rows pass, {PASSES_MIN} of {len(MICRO)} must")
        found += [f"bold row fails: {name}" for name in micro.bold_failures]
        if not micro.meets_strict:
            found.append(
                f"strict tier: {micro.like_with_like} of {micro.known} rows inside what was observed, "
                f"{STRICT_MIN} of {len(MICRO)} should be"
            )
        found += [
            f"{check.name} fails" for check, value, passed in self.epps_rows if not passed and not np.isnan(value)
        ]
        return found + [
            f"{row.name}: {row.broken:,} broken" for row in self.engineering if row.count and not row.passed
        ]


@dataclass(frozen=True, slots=True)
class Report:
    """A scorecard: of what, its runs, and the daily rows where a macro run was handed in."""

    source: str
    simulated: bool
    runs: tuple[Run, ...]
    daily: tuple[DailyRow, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def misses(self) -> list[str]:
        """What keeps the whole from the bar of market.md."""
        several = len(self.runs) > 1
        found = [f"{run.name}: {miss}" if several else miss for run in self.runs for miss in run.misses]
        return found + [f"daily: {row.check.name} fails" for row in self.daily if not row.passed]

    @property
    def ok(self) -> bool:
        return not self.misses

    @property
    def warnings(self) -> list[str]:
        """What makes this less than the test that the bar is."""
        found = list(self.notes)
        least = min(run.micro.instruments for run in self.runs)
        if least < INSTRUMENTS_MIN:
            found.append(f"medians of {least} instruments: the bar asks for {INSTRUMENTS_MIN} or more")
        if self.simulated and len(self.runs) < SEEDS_MIN:
            found.append(f"{len(self.runs)} seed: the bar asks for {SEEDS_MIN} (--seeds 1,2,3)")
        if not all(run.micro.whole_day for run in self.runs):
            found.append("not a whole day: rows that need one are left out, one-minute correlations get more room")
        if not any(run.micro.strata[WIDE] for run in self.runs):
            found.append("no instrument wider than 3 ticks: the strict tier has none like the reference to look at")
        if self.daily and len(self.daily[0].values) < INDEX_RUNS_MIN:
            found.append(f"index rows of {len(self.daily[0].values)} runs: they want {INDEX_RUNS_MIN} or more")
        return found

    @property
    def verdict(self) -> str:
        return "The bar of market.md is met." if self.ok else f"The bar of market.md is missed: {self.misses[0]}."


def as_json(report: Report) -> bytes:
    """Spell a report as one JSON document; what is undefined is null."""
    document = {
        "source": report.source,
        "ok": report.ok,
        "misses": report.misses,
        "warnings": report.warnings,
        "provenance": PROVENANCE,
        "runs": [_run(run) for run in report.runs],
        "daily": [
            {"name": row.check.name, "values": row.values, "median": row.median, "passed": row.passed}
            for row in report.daily
        ],
    }
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS)


def _run(run: Run) -> dict[str, Any]:
    micro = run.micro
    return {
        "name": run.name,
        "hours": run.hours,
        "instruments": micro.instruments,
        "trades": run.trades,
        "quotes": run.quotes,
        "passes": micro.passes,
        "known": micro.known,
        "strict": micro.strict,
        "strict_like_with_like": micro.like_with_like,
        "strata": {name: {"instruments": n, "strict": micro.strict_in(name)} for name, n in micro.strata.items()},
        "bold_failures": micro.bold_failures,
        "micro": [_row(row) for row in micro.rows],
        "epps": [{"name": check.name, "value": value, "passed": passed} for check, value, passed in run.epps_rows],
        "epps_curve": run.epps,
        "engineering": [
            {"name": row.name, "count": row.count, "broken": row.broken, "passed": row.passed}
            for row in run.engineering
        ],
    }


def _row(row: Row) -> dict[str, Any]:
    check = row.check
    return {
        "name": check.name,
        "bold": check.bold,
        "instruments": row.count,
        "median": row.median,
        "q10": row.q10,
        "q90": row.q90,
        "range": [check.low, check.high],
        "real": check.real,
        "observed": check.observed,
        "passed": row.passed,
        "strict": row.strict,
        "strict_like_with_like": row.like,
        "strata": row.strata,
    }
