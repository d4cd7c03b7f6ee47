"""What was before we came: finished bars, asked for to fill in the trend."""

from ticker_client.errors import ConnectionEnded, Refused
from ticker_client.feed import Feed
from ticker_watch.trend import Trend

CELL_S = 5.0  # of the wall clock, however fast market time goes
SECOND_US, MINUTE_US = 1_000_000, 60_000_000
BARS_MAX = 600


def cell_us(speed: float) -> int:
    """Return how much market time goes into a cell of a trend, at a speed: whole seconds, or whole minutes."""
    wanted = CELL_S * max(speed, 1.0) * 1e6
    unit = MINUTE_US if wanted >= MINUTE_US else SECOND_US
    return round(wanted / unit) * unit


async def fill(feed: Feed, trend: Trend, number: int, symbol: str, cells: int) -> None:
    """Fill in the newest cells of a symbol's trend; where that cannot be had, they stay empty."""
    interval, unit = ("1m", MINUTE_US) if trend.cell_us >= MINUTE_US else ("1s", SECOND_US)
    try:
        bars = await feed.bars(symbol, interval, min(BARS_MAX, cells * trend.cell_us // unit))
    except (ConnectionEnded, Refused):
        return  # a picture of less is no reason to end
    trend.fill(number, [bar.t for bar in bars], [bar.close for bar in bars])
