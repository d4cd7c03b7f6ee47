"""Scenarios: incidents as people write them, made into steps and instruments of one market.

A scenario is a table with a `description`, a `start` perhaps, and a list of `incident` tables. Times are written in one
of two ways: counted from the start ("90s", "2m30s", "+00:02:30"), or as a clock shows them in the market's own zone
("09:45:00", the first time it does after the start). Pure: files are read elsewhere, the calendar is handed in.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from decimal import Decimal
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from ticker.errors import Refusal
from ticker.instruments import Universe
from ticker.market.incidents import Incident, check, refused

DAY_US = 86_400_000_000
FAR_US = 400 * DAY_US
"""How far ahead a time may lie: a calendar counts the days."""
_SPAN = re.compile(r"\+?(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,12}(?:\.\d{1,6})?)s)?", re.ASCII)
_COUNTED = re.compile(r"\+(\d{1,4}):([0-5]\d)(?::([0-5]\d(?:\.\d{1,6})?))?", re.ASCII)
_SHOWN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d(?:\.\d{1,6})?))?", re.ASCII)


class Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One incident as it is written; neither `symbols` nor `sectors` means the whole market, both mean both."""

    kind: str
    at: str | UnsetType = UNSET
    symbols: Annotated[list[str], Meta(min_length=1)] | UnsetType = UNSET
    sectors: Annotated[list[str], Meta(min_length=1)] | UnsetType = UNSET
    value: float = 0.0
    duration_s: Annotated[float, Meta(ge=0, le=31_622_400)] = 0.0


class Written(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A scenario as it is written."""

    description: str = ""
    start: Annotated[time, Meta(tz=False)] | UnsetType = UNSET
    incident: list[dict[str, Any]] = []


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is going to happen, in the order of its steps."""

    name: str = ""
    description: str = ""
    incidents: tuple[Incident, ...] = ()


@dataclass(frozen=True, slots=True)
class Timing:
    """How times become steps: `time_us` is the market time at the end of a step, and that of the start for step 0."""

    step_us: int
    time_us: Callable[[int], int]
    zone: tzinfo = UTC

    def after(self, t_us: int) -> int:
        """Return the first step that ends after a market time: what happens at that time shows in it.

        Raises Refusal (bad_request) for one that is too far away.
        """
        if t_us - self.time_us(0) > FAR_US:
            raise refused("at", f"no more than {FAR_US // DAY_US} days after the start")
        low, high = 0, 1
        while self.time_us(high) <= t_us:
            low, high = high, high * 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.time_us(middle) <= t_us else (low, middle)
        return high

    def reached(self, t_us: int) -> int:
        """Return the first step at whose end market time is at least so late."""
        return self.after(t_us - 1)

    def step(self, at: str) -> int:
        """Return the first step that shows what happens at a time as it is written. Raises Refusal (bad_request)."""
        if (span_us := _span_us(at)) is not None:
            if span_us > FAR_US:
                raise refused("at", f"no more than {FAR_US // DAY_US} days after the start")
            return span_us // self.step_us + 1
        if shown := _SHOWN.fullmatch(at):
            return self.after(self._shown_us(shown))
        raise refused("at", f"{at[:32]!r} is no time: write 90s or +00:01:30 after the start, or 09:45:00 by the clock")

    def _shown_us(self, shown: re.Match[str]) -> int:
        """Return when a clock in the zone first shows a time, at or after the start."""
        start_us = self.time_us(0)
        seconds = Decimal(shown[3] or 0)
        wanted = time(int(shown[1]), int(shown[2]), int(seconds), int(seconds % 1 * 1_000_000))
        first = moment(start_us).astimezone(self.zone).date()
        for day in (first, first + timedelta(days=1), first + timedelta(days=2)):
            t_us = micros(datetime.combine(day, wanted, self.zone))
            if t_us >= start_us:
                return t_us
        raise refused("at", "the clock does not show it")


def read(tables: dict[str, Any], where: str) -> Written:
    """Check a scenario's tables, all but the incidents. Raises Refusal that names `where` and the key."""
    try:
        return msgspec.convert(tables, Written)
    except msgspec.ValidationError as error:
        raise Refusal("bad_request", f"{where}: {_plain(error)}") from None


def resolve(written: Written, name: str, where: str, universe: Universe, timing: Timing) -> Scenario:
    """Return what is written as it happens to a universe. Raises Refusal that names `where` and the entry's number."""
    found = []
    for number, table in enumerate(written.incident, 1):
        try:
            found.append(_scheduled(table, universe, timing))
        except Refusal as refusal:
            raise Refusal(refusal.code, f"{where}: incident {number}: {refusal.message}", **refusal.details) from None
    return Scenario(name, written.description.strip(), tuple(sorted(found, key=lambda incident: incident.step)))


def _scheduled(table: dict[str, Any], universe: Universe, timing: Timing) -> Incident:
    incident = parse(table, universe, timing)
    if not incident.step:
        raise refused("at", "is needed")
    return incident


def parse(table: dict[str, Any], universe: Universe, timing: Timing) -> Incident:
    """Return one incident as it happens to a universe; its step is 0 where it has no `at`. Raises Refusal."""
    try:
        entry = msgspec.convert(table, Entry)
    except msgspec.ValidationError as error:
        raise Refusal("bad_request", _plain(error)) from None
    incident = Incident(
        entry.kind,
        0 if entry.at is UNSET else timing.step(entry.at),
        _instruments(entry, universe),
        -(-round(entry.duration_s * 1e6) // timing.step_us),
        entry.value,
    )
    check(incident, len(universe))
    return incident


def _instruments(entry: Entry, universe: Universe) -> tuple[int, ...]:
    symbols = [] if entry.symbols is UNSET else entry.symbols
    sectors = [] if entry.sectors is UNSET else entry.sectors
    if not symbols and not sectors:
        return tuple(range(len(universe)))
    unknown = [symbol for symbol in symbols if symbol != "*" and universe.find(symbol) is None]
    if unknown:
        named = ", ".join(symbol[:32] for symbol in unknown[:20])
        raise Refusal("unknown_symbol", f"symbols: unknown: {named}", field="symbols", symbols=unknown[:20])
    known = list(dict.fromkeys(instrument.sector for instrument in universe))
    strange = [sector[:32] for sector in sectors if sector not in known]
    if strange:
        raise refused("sectors", f"unknown: {', '.join(strange[:20])}; there are {', '.join(known)}", known=known)
    return tuple(
        index
        for index, instrument in enumerate(universe)
        if "*" in symbols or instrument.symbol in symbols or instrument.sector in sectors
    )


def written(incidents: Iterable[Incident], universe: Universe, step_us: int) -> list[dict[str, Any]]:
    """Return incidents as tables that `parse` makes the same incidents of, whatever the calendar."""
    return [
        {
            "kind": incident.kind,
            "at": f"{_seconds((incident.step - 1) * step_us)}s",
            "symbols": named(incident, universe),
            "value": incident.value,
            "duration_s": incident.steps * step_us / 1e6,
        }
        for incident in incidents
    ]


def named(incident: Incident, universe: Universe) -> list[str]:
    """Return the symbols of an incident: `*` alone where it is the whole market's."""
    everybody = len(incident.instruments) == len(universe)
    return ["*"] if everybody else [universe[index].symbol for index in incident.instruments]


def moment(t_us: int) -> datetime:
    """Return a market time as a date and time in UTC."""
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=t_us)


def micros(at: datetime) -> int:
    """Return a date and time as microseconds since 1970, exactly."""
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def _seconds(t_us: int) -> str:
    whole, rest = divmod(t_us, 1_000_000)
    return f"{whole}.{rest:06d}".rstrip("0").rstrip(".")


def _span_us(at: str) -> int | None:
    """Return the microseconds of a time counted from the start, None where it is not written as one."""
    found = _SPAN.fullmatch(at)
    if found and any(found.groups()):
        days, hours, minutes, seconds = (Decimal(part or 0) for part in found.groups())
        return int((((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1_000_000)
    if counted := _COUNTED.fullmatch(at):
        return int(((int(counted[1]) * 60 + int(counted[2])) * 60 + Decimal(counted[3] or 0)) * 1_000_000)
    return None


def _plain(error: msgspec.ValidationError) -> str:
    """Turn msgspec's sentence into "field: sentence"."""
    sentence, _, path = str(error).replace("`", "").partition(" - at $.")
    if unknown := re.fullmatch(r"Object contains unknown field (\w+)", sentence):
        return f"{unknown[1]}: no such key"
    if missing := re.fullmatch(r"Object missing required field (\w+)", sentence):
        return f"{missing[1]}: is needed"
    for kind, name in {"float": "a number", "str": "text", "object": "a table", "array": "a list"}.items():
        sentence = re.sub(rf"\b{kind}\b", name, sentence)
    return f"{path}: {sentence[:1].lower()}{sentence[1:]}" if path else sentence
