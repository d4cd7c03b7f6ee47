"""Standard output, and how things are spelled on it."""

from rich.console import Console

WIDTH = 80  # columns where standard output is not a terminal: fits any log


def paper() -> Console:
    """Return standard output, as wide as any log where it is no terminal."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=WIDTH)


def shortened(symbols: list[str]) -> str:
    """Return the names of symbols, the first few of many."""
    shown = ", ".join(symbols[:5])
    return f"{shown} and {len(symbols) - 5} more" if len(symbols) > 5 else shown


def milliseconds(us: int) -> str:
    """Return microseconds as milliseconds of about three digits."""
    return f"{us / 1000:,.{0 if us >= 100_000 else 2}f}"
