"""`ticker load compare`: two reports side by side."""

from pathlib import Path
from typing import Any

import orjson
from rich.table import Table

from ticker.errors import SetupError
from ticker_load.paper import paper

ROWS = (
    *(("delivered", name) for name in ("ticks_per_s", "messages_per_s", "bytes_per_s")),
    *(("latency_us", name) for name in ("p50", "p90", "p99", "p99_9", "p99_99", "max")),
    *(("fan_out_us", name) for name in ("p50", "p99", "max")),
    *(("ping_us", name) for name in ("p50", "p99")),
    *(("server", name) for name in ("cpu_share", "rss_bytes_max")),
    *(("faults", name) for name in ("gaps", "duplicates", "reorderings", "lost_connections", "errors")),
)


def run(one: Path, other: Path) -> int:
    """Print two reports of `--json` side by side. Raises SetupError."""
    first, second = _read(one), _read(other)
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("", style="bold", no_wrap=True)
    for name in (one.name, other.name, "change"):
        table.add_column(name, justify="right")
    for part, name in ROWS:
        a, b = ((report.get(part) or {}).get(name) for report in (first, second))
        change = f"{b / a - 1:+.1%}" if a and b is not None else "-"
        table.add_row(f"{part.removesuffix('_us')} {name}", _shown(part, name, a), _shown(part, name, b), change)
    paper().print(table)
    return 0


def _shown(part: str, name: str, value: float | None) -> str:
    if value is None:
        return "-"
    if part.endswith("_us"):
        return f"{value / 1000:,.2f} ms"
    if name == "cpu_share":
        return f"{value:.1%}"
    return f"{value / 2**20:,.1f} MiB" if "bytes" in name else f"{value:,.0f}"


def _read(file: Path) -> dict[str, Any]:
    try:
        found = orjson.loads(file.read_bytes())
    except OSError as error:
        raise SetupError(f"{file}: {(error.strerror or 'cannot be read').lower()}") from None
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict) or not {"delivered", "latency_us", "faults"} <= found.keys():
        raise SetupError(f"{file}: is not a report of `ticker load --json`")
    return found
