"""The Python client: `async with connect(url) as feed`, or the same without async by `connect_sync(url)`."""

from ticker.session.client import Gap
from ticker.session.messages import Quote, Tick, Trade
from ticker.ticks import Position
from ticker_client.feed import ConnectionEnded, Feed, Refused, connect
from ticker_client.sync import SyncFeed, connect_sync

__all__ = [
    "ConnectionEnded",
    "Feed",
    "Gap",
    "Position",
    "Quote",
    "Refused",
    "SyncFeed",
    "Tick",
    "Trade",
    "connect",
    "connect_sync",
]
