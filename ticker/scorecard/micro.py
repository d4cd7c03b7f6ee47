"""The micro block: every check against the cross-section of instruments. Pure.

A check is judged on the median over instruments; q10 and q90 show what a median hides. The strict tier compares like
with like: the quote rows of reality come from one stock about four ticks wide, so they are held against our
instruments wider than three ticks where there are any, and all other rows against all instruments.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ticker.scorecard.checks import MICRO, PASSES_MIN, STRICT_MIN, Check
from ticker.scorecard.estimators import median
from ticker.scorecard.facts import Facts, micro_facts
from ticker.scorecard.quoting import mean_spread_ticks
from ticker.scorecard.sessions import Session, two_sided

STRATA = (("below 1.5 ticks", 0.0, 1.5), ("1.5 to 3 ticks", 1.5, 3.0), ("above 3 ticks", 3.0, np.inf))
WIDE = STRATA[-1][0]
INSTRUMENTS_MIN = 40
"""Fewer make a median too noisy to be held against the bar."""


@dataclass(frozen=True, slots=True)
class Row:
    """One check's outcome: the median, q10 and q90 over `count` instruments. `count` 0: not in this data.

    `strict` says whether the median lies within what was observed, `like` the same of the instruments that resemble
    the reference, `strata` the medians by mean spread.
    """

    check: Check
    count: int
    median: float
    q10: float
    q90: float
    passed: bool
    strict: bool
    like: bool
    strata: dict[str, float]


@dataclass(frozen=True, slots=True)
class Micro:
    """The whole block."""

    rows: tuple[Row, ...]
    instruments: int
    strata: dict[str, int]
    whole_day: bool

    @property
    def known(self) -> int:
        return sum(row.count > 0 for row in self.rows)

    @property
    def passes(self) -> int:
        return sum(row.passed for row in self.rows)

    @property
    def strict(self) -> int:
        return sum(row.strict for row in self.rows)

    @property
    def like_with_like(self) -> int:
        return sum(row.like for row in self.rows)

    @property
    def bold_failures(self) -> tuple[str, ...]:
        return tuple(row.check.name for row in self.rows if row.check.bold and row.count and not row.passed)

    def strict_in(self, stratum: str) -> int:
        return sum(row.check.is_real(row.strata.get(stratum, np.nan)) for row in self.rows)

    @property
    def meets_bar(self) -> bool:
        """Whether as many pass as must (of fewer known rows, all but two), and no bold one fails."""
        return self.passes >= self.known - (len(MICRO) - PASSES_MIN) and self.known > 0 and not self.bold_failures

    @property
    def meets_strict(self) -> bool:
        return self.like_with_like >= self.known - (len(MICRO) - STRICT_MIN) and self.known > 0


def micro(sessions: Sequence[Session]) -> Micro:
    """Return the micro block of one session of several instruments."""
    return judge([(micro_facts(session), stratum_of(session)) for session in sessions], whole_day=_whole(sessions))


def _whole(sessions: Sequence[Session]) -> bool:
    return all(session.is_whole_day for session in sessions)


def stratum_of(session: Session) -> str:
    """Return the name of the stratum of a session's mean spread; empty without quotes."""
    quoted = two_sided(session)
    if not quoted.has_quotes:
        return ""
    spread = mean_spread_ticks(quoted)
    return next(name for name, low, high in STRATA if low <= spread < high)


def judge(found: Sequence[tuple[Facts, str]], *, whole_day: bool) -> Micro:
    """Return the block from each instrument's facts and stratum."""
    members = {name: [facts for facts, stratum in found if stratum == name] for name, _, _ in STRATA}
    everything = [facts for facts, _ in found]
    rows = tuple(_row(check, everything, members, whole_day) for check in MICRO)
    return Micro(rows, len(found), {name: len(some) for name, some in members.items()}, whole_day)


def _row(check: Check, everything: list[Facts], members: dict[str, list[Facts]], whole_day: bool) -> Row:
    values = _values(check, everything)
    known = [value for value in values if not np.isnan(value)]
    middle = median(values)
    q10, q90 = np.quantile(known, [0.1, 0.9], method="nearest").tolist() if known else (np.nan, np.nan)
    strata = {name: median(_values(check, some)) for name, some in members.items() if _values(check, some)}
    like = strata.get(WIDE, middle) if check.quoted else middle
    passed = check.passes(middle, 1.0 if whole_day else check.partial)
    return Row(check, len(values), middle, q10, q90, passed, check.is_real(middle), check.is_real(like), strata)


def _values(check: Check, facts: list[Facts]) -> list[float]:
    return [one[check.name] for one in facts if check.name in one]
