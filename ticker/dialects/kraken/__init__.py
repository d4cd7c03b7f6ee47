"""Kraken, spot: WebSocket API v2, https://docs.kraken.com/api/docs/websocket-v2/book and its siblings; public REST API.

A client subscribes to a channel for symbols (`BTC/USD`) and gets an acknowledgement for each of them, then what stands
(`snapshot`), then what changes (`update`). Numbers are bare JSON numbers with a pair's decimals, quantities with eight.
A book carries the CRC-32 of its printed levels: ten a side are all there are here, whatever depth was asked for.

Rules. Every number is printed from an integer. The checksum is of what is printed. `time_in` and `time_out` are the
wall clock's, whatever is data has the market's time. Private channels and trading are refused in the venue's words.
"""

from ticker.dialects.kraken.venue import Kraken

VENUE = Kraken
