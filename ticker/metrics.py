"""Counters, kept as plain integers where ticks pass and turned into Prometheus text when somebody asks."""

from collections import Counter, deque
from collections.abc import Callable, Iterator
from math import ceil, nan

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from ticker import clock

_COUNTERS = {
    "steps": "Steps of the market put on the tape.",
    "steps_skipped": "Steps given up because the beat came too late.",
    "messages_sent": "Messages of ticks written to readers.",
    "ticks_sent": "Ticks written to readers: one tick to ten readers counts ten.",
    "bytes_sent": "Bytes of ticks written to readers, framing included.",
    "ticks_conflated": "Ticks merged into newer ones.",
    "ticks_dropped": "Ticks of the tape that readers were told they will not get.",
    "acks_received": "Acks received.",
    "requests": "HTTP requests answered.",
    "faults": "Faults of the server's own; each cost one client its connection at most.",
    "accepts": "Connections let in.",
    "accepts_delayed": "Connections that had to wait for their turn.",
}
_LABELLED = {
    "refusals": ("code", "Messages and requests refused, by error code."),
    "closes": ("reason", "WebSocket conversations ended, and event streams and requests cut off, by reason."),
    "accepts_refused": ("reason", "Connections turned away before anything was read, by reason."),
    "lags": ("reason", "Lag messages sent, by reason."),
}
_QUANTILES = (0.5, 0.9, 0.99, 0.999)
_ROUND_TRIPS = 4096
"""How many of the last acks the quantiles are of."""


class Metrics:
    """What the rooms count. Reading is by `text()`; gauges are asked for at that moment."""

    def __init__(self) -> None:
        self.steps = 0
        self.steps_skipped = 0
        self.messages_sent = 0
        self.ticks_sent = 0
        self.bytes_sent = 0
        self.ticks_conflated = 0
        self.ticks_dropped = 0
        self.acks_received = 0
        self.requests = 0
        self.faults = 0
        self.accepts = 0
        self.accepts_delayed = 0
        self.refusals: Counter[str] = Counter()
        self.closes: Counter[str] = Counter()
        self.lags: Counter[str] = Counter()
        self.accepts_refused: Counter[str] = Counter()
        self.ack_round_trips: deque[float] = deque(maxlen=_ROUND_TRIPS)
        """Seconds from the emission of a step to its ack, the newest last."""
        self._acked = 0
        self._acked_s = 0.0
        self._gauges: dict[str, tuple[str, Callable[[], float]]] = {}
        self._registry = CollectorRegistry()
        self._registry.register(self)
        self._process = ProcessCollector(registry=None)

    def sent(self, messages: int, ticks: int, size_bytes: int) -> None:
        """Count what one write, or the same write to many, carried."""
        self.messages_sent += messages
        self.ticks_sent += ticks
        self.bytes_sent += size_bytes

    def lagged(self, reason: str, dropped: int) -> None:
        """Count what a reader was told it does not get."""
        self.lags[reason] += 1
        self.ticks_dropped += dropped

    def acked(self, seconds: float) -> None:
        """Count a step that was acknowledged so long after it was emitted."""
        self.ack_round_trips.append(seconds)
        self._acked += 1
        self._acked_s += seconds

    def gauge(self, name: str, doc: str, read: Callable[[], float]) -> None:
        """Have a value read whenever the metrics are."""
        self._gauges[name] = (doc, read)

    def collect(self) -> Iterator[Metric]:
        """Yield every metric; called by prometheus-client."""
        for name, doc in _COUNTERS.items():
            yield CounterMetricFamily(f"ticker_{name}", doc, value=getattr(self, name))
        for name, (label, doc) in _LABELLED.items():
            family = CounterMetricFamily(f"ticker_{name}", doc, labels=[label])
            for value, count in getattr(self, name).items():
                family.add_metric([value], count)
            yield family
        for name, (doc, read) in self._gauges.items():
            yield GaugeMetricFamily(f"ticker_{name}", doc, value=read())
        yield self._round_trips()
        yield from self._collect_process()

    def _round_trips(self) -> Metric:
        """Return the round trips as a summary, which prometheus-client would make without quantiles."""
        name = "ticker_ack_round_trip_seconds"
        family = Metric(
            name, "Seconds from the emission of a step to its ack; quantiles of the newest 4,096.", "summary"
        )
        ordered = sorted(self.ack_round_trips)
        for quantile in _QUANTILES:
            value = ordered[ceil(quantile * len(ordered)) - 1] if ordered else nan
            family.add_sample(name, {"quantile": str(quantile)}, value)
        family.add_sample(f"{name}_count", {}, self._acked)
        family.add_sample(f"{name}_sum", {}, self._acked_s)
        return family

    def _collect_process(self) -> Iterator[Metric]:
        """Yield what Prometheus wants to know of any process; the kernel's jiffies of 10 ms are too coarse for us."""
        yield CounterMetricFamily("process_cpu_seconds", "User and system CPU time spent.", value=clock.cpu_s())
        yield from (metric for metric in self._process.collect() if metric.name != "process_cpu_seconds")

    def text(self) -> bytes:
        """Return the Prometheus exposition text."""
        return generate_latest(self._registry)
