"""Coinbase Exchange, https://docs.cdp.coinbase.com/exchange/docs/websocket-overview: its feed, and market data by REST.

A client names channels and products in its first message, within five seconds, and is told the whole set of what it is
subscribed to each time that changes. Decimals are strings: prices and sizes of what happened without trailing zeros,
those of the book in full.

Rules. `sequence` is how many trades and changes of its book a product has had (`n` + `book_n`): on `matches` and on
`ticker` it grows from message to message, with holes; a ticker has the sequence of the last match of its step, a
heartbeat that of the last thing that happened, so it may repeat. `level2` has none. The `side` of a match is the
maker's, that of a ticker the taker's. Orders have no names here: those in a match are made of product and trade, and
are the same each time. `level2` needs the fields of an authenticated subscription, whose signature nobody checks;
`level3`, `full` and `user` are refused.
"""

from ticker.dialects.coinbase.venue import Coinbase

VENUE = Coinbase
