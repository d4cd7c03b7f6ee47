"""What a run must keep: `p99<20ms`, `gaps<1`, `ticks_per_s>1000`."""

import re
from dataclasses import dataclass

from ticker.errors import SetupError
from ticker_load.report import Report

FORM = re.compile(r"\s*([a-z0-9_.]+)\s*(<=|>=|<|>)\s*([0-9.]+)\s*(us|ms|s|)\s*")
UNITS_US = {"us": 1.0, "ms": 1e3, "s": 1e6}
PERCENTILES = ("min", "p50", "p90", "p99", "p99_9", "p99_99", "max")
SPREADS = {
    **{"": "latency_us", "ping_": "ping_us", "fan_out_": "fan_out_us"},
    **{"connect_": "connecting_us", "subscribe_": "subscribing_us", "first_tick_": "first_tick_us"},
}
COUNTS = (
    *("gaps", "duplicates", "reorderings", "not_connected", "lost_connections", "errors"),
    *("lagged", "conflated", "later_clients", "ticks_per_s", "messages_per_s", "server_cpu", "connected"),
)
TIMES = {f"{start}{name}": (field, name) for start, field in SPREADS.items() for name in PERCENTILES}


@dataclass(frozen=True, slots=True)
class Threshold:
    """One bound: `name` is of what, `limit` in microseconds where that is a time."""

    text: str
    name: str
    sign: str
    limit: float

    def broken(self, report: Report) -> str | None:
        """Say how a report breaks it, None where it does not."""
        value = self._value(report)
        if value is None:
            return f"threshold {self.text}: nothing was measured"
        kept = {"<": value < self.limit, "<=": value <= self.limit, ">": value > self.limit, ">=": value >= self.limit}
        if kept[self.sign]:
            return None
        shown = f"{value / 1000:,.2f} ms" if self.name in TIMES else f"{value:,.6g}"
        return f"threshold {self.text}: it was {shown}"

    def _value(self, report: Report) -> float | None:
        if self.name in TIMES:
            field, name = TIMES[self.name]
            found = getattr(report, field)
            return float(getattr(found, name)) if found else None
        if self.name == "server_cpu":
            return report.server.cpu_share
        if self.name in report.faults:
            return report.faults[self.name]
        holder = report.delivered if self.name.endswith("_per_s") else report
        return float(getattr(holder, self.name))


def read(text: str) -> Threshold:
    """Read a threshold. Raises SetupError."""
    found = FORM.fullmatch(text.lower())
    name = found[1].replace("p99.", "p99_") if found else ""
    if found is None or (name not in TIMES and name not in COUNTS):
        raise SetupError(
            f"--threshold: {text!r} is not such as 'p99<20ms', 'ping_max<1s' or 'gaps<1'; "
            f"there are {', '.join((*PERCENTILES, *COUNTS))}, and percentiles of {', '.join(filter(None, SPREADS))}"
        )
    if bool(found[4]) != (name in TIMES):
        needed = "needs a unit: us, ms or s" if name in TIMES else "has no unit"
        raise SetupError(f"--threshold: {text!r}: {name} {needed}")
    try:
        number = float(found[3])
    except ValueError:
        raise SetupError(f"--threshold: {text!r}: {found[3]} is not a number") from None
    return Threshold(text, name, found[2], number * UNITS_US.get(found[4], 1.0))
