"""Counters, kept as plain integers where ticks pass and turned into Prometheus text when somebody asks."""

from collections import Counter
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from ticker import clock

_COUNTERS = {
    "steps": "Steps of the market put on the tape.",
    "steps_skipped": "Steps given up because the beat came too late.",
    "messages_sent": "Messages of ticks written to readers.",
    "ticks_sent": "Ticks written to readers: one tick to ten readers counts ten.",
    "bytes_sent": "Bytes of ticks written to readers, framing included.",
    "ticks_conflated": "Ticks merged into newer ones, for readers of the newest.",
    "ticks_dropped": "Ticks that readers were told they will not get.",
    "acks_received": "Acks received.",
    "requests": "HTTP requests answered.",
}
_LABELLED = {
    "refusals": ("code", "Messages and requests refused, by error code."),
    "closes": ("reason", "WebSocket conversations ended, by reason."),
    "lags": ("reason", "Times readers were told that ticks were left out or merged, by reason."),
}


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
        self.refusals: Counter[str] = Counter()
        self.closes: Counter[str] = Counter()
        self.lags: Counter[str] = Counter()
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
        """STUB: the tape helper's."""

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
        yield from self._collect_process()

    def _collect_process(self) -> Iterator[Metric]:
        """Yield what Prometheus wants to know of any process; the kernel's jiffies of 10 ms are too coarse for us."""
        yield CounterMetricFamily("process_cpu_seconds", "User and system CPU time spent.", value=clock.cpu_s())
        yield from (metric for metric in self._process.collect() if metric.name != "process_cpu_seconds")

    def text(self) -> bytes:
        """Return the Prometheus exposition text."""
        return generate_latest(self._registry)
