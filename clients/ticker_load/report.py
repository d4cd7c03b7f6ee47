"""What a run showed, and its JSON document."""

from dataclasses import dataclass, field
from typing import Any

import orjson

from ticker_load.percentiles import Percentiles

CPU_LIMIT = 0.9
"""Of a core: a tester that needs more measures itself."""
LATE_LIMIT_S = 0.05
Curve = list[tuple[float, int]]
"""Shares of the messages, and how late they were at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What came in the measured window."""

    window_s: float
    ticks: int
    messages: int
    bytes: int
    ticks_per_s: float
    messages_per_s: float
    bytes_per_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process of the tester: its share of a core, how late its event loop was at most, and its memory at most."""

    clients: int
    ticks_per_s: float
    cpu_share: float
    late_s: float
    rss_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """One transport."""

    transport: str
    clients: int
    ticks: int
    messages: int
    bytes: int
    latency_us: Percentiles | None
    curve_us: Curve


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A slice of the window, from `second` on, over all transports; `clients` is how many were planned then."""

    second: float
    clients: int
    ticks_per_s: float
    messages_per_s: float
    bytes_per_s: float
    p50_us: int
    p99_us: int
    max_us: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """What the server told of itself so many seconds into the window; its CPU is that since the sample before."""

    second: float
    cpu_share: float | None
    rss_bytes: float | None
    late_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """What the server told of itself at /metrics; None where it did not."""

    cpu_share: float | None
    rss_bytes_max: float | None
    late_s_max: float | None
    samples: list[Sample]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One run. `delivered`, latencies and what is by transport are of the measured window, all else of the whole run.

    `latency_us` has a value per message: how long after it was due the oldest tick in it was received.
    """

    plan: dict[str, Any]
    url: str
    symbols: list[str]
    channels: list[str]
    clients: int
    connected: int
    connect_s: float
    delivered: Delivered
    latency_us: Percentiles | None
    curve_us: Curve
    ping_us: Percentiles | None
    first_tick_us: Percentiles | None
    connecting_us: Percentiles | None
    subscribing_us: Percentiles | None
    fan_out_us: Percentiles | None
    """From the first client to have a position to the last one."""
    lanes: list[Lane]
    moments: list[Moment]
    closes: dict[str, int]
    bad_clients: dict[str, int]
    faults: dict[str, int]
    """What must be 0."""
    lagged: int
    conflated: int
    lags: int
    resumed: int
    later_clients: int
    """Clients that get everything later than the median one does."""
    processes: list[Process]
    server: Server
    errors: dict[str, int]
    warnings: list[str]
    thresholds: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    """Those that were not kept, and how."""

    @property
    def ok(self) -> bool:
        """Whether ticks came, nothing that must be 0 was not, and all thresholds were kept."""
        return self.delivered.ticks > 0 and not any(self.faults.values()) and not self.broken


def as_json(report: object) -> bytes:
    """Return a report as a JSON document."""
    return orjson.dumps(report, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)
