"""What a server of ours says of itself: its metrics, and the descriptors it holds."""

from __future__ import annotations

import re
import urllib.request
from dataclasses import dataclass
from pathlib import Path

GAUGE = re.compile(r"^ticker_(\w+) (\S+)$", re.MULTILINE)
SAMPLE = re.compile(r'^ticker_(\w+?)_total\{\w+="([^"]*)"\} ([\d.e+]+)$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Counters:
    """Counters with a label, by what it says."""

    closes: dict[str, int]
    lags: dict[str, int]


def counters(port: int) -> Counters:
    """Returns how conversations ended, and why readers were told of a lag, since the server started."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        samples = SAMPLE.findall(answer.read().decode())
    closes, lags = (
        {label: int(float(value)) for found, label, value in samples if found == name} for name in ("closes", "lags")
    )
    return Counters(closes, lags)


def gauges(port: int) -> dict[str, float]:
    """Returns what the server says of itself now, by name: all that has no label."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        found = GAUGE.findall(answer.read().decode())
    return {name: float(value) for name, value in found}


def descriptors(pid: int) -> int:
    """Returns how many files and sockets a process has open."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
