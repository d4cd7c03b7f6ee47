"""What Coinbase's feed says of rows of the studies, each as the text of one message."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

from ticker.dialects.coinbase.products import Products
from ticker.wire.moments import rfc3339

TAKERS = ("buy", "sell")  # by ticks.BUY and ticks.SELL
MAKERS = ("sell", "buy")
BOOK_SIDES = ("buy", "sell")  # by ticks.BID and ticks.ASK

Levels = Sequence[tuple[int, int]]


class Spelling:
    """Spells rows (as tuples) of the studies' dtypes."""

    def __init__(self, products: Products) -> None:
        self._products = products

    def match(self, kind: str, row: Sequence[int], book_n: int) -> str:
        """Spell a row of TRADE as a `match` or a `last_match`, of a time at which the book's id was `book_n`."""
        i, n, t, price, size, side, _ = row
        product = self._products[i]
        maker, taker = order_ids(product.id, n)
        return (
            f'{{"type":"{kind}","trade_id":{n},"maker_order_id":"{maker}","taker_order_id":"{taker}",'
            f'"side":"{MAKERS[side]}","size":"{product.trimmed_sizes[size]}",'
            f'"price":"{product.trimmed_prices[price]}","product_id":{product.quoted},"sequence":{n + book_n},'
            f'"time":"{rfc3339(t)}"}}'
        )

    def ticker(self, row: Sequence[Any]) -> str:
        """Spell a row of SUMMARY that has a trade."""
        i, _, _, _, _, opened, high, low, price, volume, _, _, _, n, _, size, side, t, month, *touch, book_n = row
        product = self._products[i]
        p, q = product.trimmed_prices, product.sizes
        bid, bid_size, ask, ask_size = touch
        return (
            f'{{"type":"ticker","sequence":{n + book_n},"product_id":{product.quoted},"price":"{p[price]}",'
            f'"open_24h":"{p[opened]}","volume_24h":"{q[volume]}","low_24h":"{p[low]}","high_24h":"{p[high]}",'
            f'"volume_30d":"{q[month]}","best_bid":"{product.prices[bid]}","best_bid_size":"{q[bid_size]}",'
            f'"best_ask":"{product.prices[ask]}","best_ask_size":"{q[ask_size]}","side":"{TAKERS[side]}",'
            f'"time":"{rfc3339(t)}","trade_id":{n},"last_size":"{product.trimmed_sizes[size]}"}}'
        )

    def heartbeat(self, row: Sequence[int]) -> str:
        """Spell a row of PULSE."""
        i, n, t, book_n = row
        return (
            f'{{"type":"heartbeat","sequence":{n + book_n},"last_trade_id":{n},'
            f'"product_id":{self._products[i].quoted},"time":"{rfc3339(t)}"}}'
        )

    def changes(self, i: int, t: int, changed: Sequence[tuple[int, int, int]]) -> str:
        """Spell what changed in a book: (side, price in ticks, size) each, sizes of 0 for what is gone."""
        product = self._products[i]
        p, q = product.prices, product.sizes
        spelled = ",".join([f'["{BOOK_SIDES[side]}","{p[price]}","{q[size]}"]' for side, price, size in changed])
        return f'{{"type":"l2update","product_id":{product.quoted},"changes":[{spelled}],"time":"{rfc3339(t)}"}}'

    def snapshot(self, i: int, bids: Levels, asks: Levels) -> str:
        """Spell a whole book."""
        product = self._products[i]
        p, q = product.prices, product.sizes
        told = [",".join([f'["{p[price]}","{q[size]}"]' for price, size in side]) for side in (asks, bids)]
        return f'{{"type":"snapshot","product_id":{product.quoted},"asks":[{told[0]}],"bids":[{told[1]}]}}'


def order_ids(product_id: str, n: int) -> tuple[str, str]:
    """Return the maker's and the taker's order of a trade: the same two for the same trade."""
    digits = blake2b(f"{product_id}/{n}".encode(), digest_size=32).hexdigest()
    return _uuid(digits[:32]), _uuid(digits[32:])


def resting_id(product_id: str, side: int, price_ticks: int) -> str:
    """Return the order that stands for all of a level."""
    return _uuid(blake2b(f"{product_id}/{side}/{price_ticks}".encode(), digest_size=16).hexdigest())


def _uuid(digits: str) -> str:
    """Return 32 hexadecimal digits as a UUID of version 4 (RFC 9562)."""
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
