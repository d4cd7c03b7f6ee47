"""The Python client: `async with connect(url) as feed`, or the same without async by `connect_sync(url)`.

One feed, four transports: WebSocket, server-sent events, long poll and short poll, told apart by one argument.
"""

from ticker.session.client import Gap
from ticker.session.kinds import Bar1m, Bar1s, Book, Quote, Stats, Status, Tick, Trade
from ticker.session.messages import Lag
from ticker.ticks import Position
from ticker_client.arrays import Arrays
from ticker_client.errors import ConnectionEnded, Incomplete, Refused
from ticker_client.feed import Feed, connect
from ticker_client.instruments import Instrument
from ticker_client.line import Traffic
from ticker_client.options import Options
from ticker_client.order_book import OrderBook, PriceLevel
from ticker_client.sync import SyncFeed, connect_sync
from ticker_client.transports import TRANSPORTS

__all__ = [
    "TRANSPORTS",
    "Arrays",
    "Bar1m",
    "Bar1s",
    "Book",
    "ConnectionEnded",
    "Feed",
    "Gap",
    "Incomplete",
    "Instrument",
    "Lag",
    "Options",
    "OrderBook",
    "Position",
    "PriceLevel",
    "Quote",
    "Refused",
    "Stats",
    "Status",
    "SyncFeed",
    "Tick",
    "Trade",
    "Traffic",
    "connect",
    "connect_sync",
]
