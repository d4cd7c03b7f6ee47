"""What a recording is, in words. Pure."""

from datetime import UTC, datetime, timedelta

_1970 = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def moment(t_us: int) -> str:
    """Return a market time."""
    return (_1970 + timedelta(microseconds=t_us)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def size(count: float) -> str:
    """Return a number of bytes."""
    power = 0
    while count >= 1000 and power < len(_UNITS) - 1:
        count, power = count / 1000, power + 1
    return f"{count:.1f} {_UNITS[power]}" if power else f"{count:.0f} bytes"


def plural(count: int, word: str) -> str:
    """Return a number of something."""
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def gaps(count: int) -> str:
    """Return how many gaps there are."""
    return plural(count, "gap") if count else "no gap"


def hole(after: int, until: int, reason: str) -> str:
    """Return what is missing, and why."""
    steps = f"step {until} is" if until == after + 1 else f"the steps from {after + 1} to {until} are"
    return f"a gap: {steps} missing{': ' if reason else ''}{reason}"


def summary(path: str, ticks: int, steps: int, size_bytes: int, holes: int, span: str) -> str:
    """Return what was recorded, in one line."""
    each = f", {size_bytes / ticks:.1f} bytes a tick" if ticks else ""
    return (
        f"{path}: {plural(ticks, 'tick')} in {plural(steps, 'step')}, {span}, {size(size_bytes)}{each}, {gaps(holes)}"
    )
