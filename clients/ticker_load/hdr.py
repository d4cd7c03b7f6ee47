"""Latencies as a HdrHistogram log (.hlog): an interval a slice of the window, V2, compressed, base64; microseconds."""

from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import import_module
from io import StringIO

from ticker.errors import SetupError
from ticker_load.histogram import TOP, Histogram, Packed

DIGITS = 3
MS_US = 1000.0
INSTALL = "pip install 'tickerplant[load]'"


def check() -> None:
    """Raise SetupError where what writes the log is not installed."""
    try:
        import_module("hdrh.log")
    except ImportError:
        raise SetupError(f"--hdr: this needs the package hdrhistogram: {INSTALL}") from None


def log(slices: Mapping[int, Packed], slice_s: float, began_s: float) -> bytes:
    """Return the log; `began_s` is the wall clock at which the window began."""
    text = StringIO()
    writer = import_module("hdrh.log").HistogramLogWriter(text)
    writer.output_comment("[Latency from the scheduled emission to the receipt, in microseconds]")
    writer.output_log_format_version()
    began = datetime.fromtimestamp(began_s, UTC).isoformat(" ", "seconds")
    writer.output_comment(f"[StartTime: {began_s:.3f} (seconds since epoch), {began}]")
    writer.output_legend()
    make = import_module("hdrh.histogram").HdrHistogram
    for place, packed in sorted(slices.items()):
        interval = make(1, TOP, DIGITS)
        for top, count in Histogram().add(packed).filled():
            interval.record_value(min(top, packed.max or 0), count)
        starts_s = place * slice_s or 1e-6  # where 0 means that the histogram itself should know
        writer.output_interval_histogram(interval, starts_s, starts_s + slice_s, MS_US)
    return text.getvalue().encode()
