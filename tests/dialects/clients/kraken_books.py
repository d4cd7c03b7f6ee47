"""Keeps all of Kraken's books as its guide says, and recomputes the checksum of every message. Knows nothing of ours.

    python kraken_books.py ws://127.0.0.1:8080/v2 600 [depth]

prints `{"symbols": …, "snapshots": …, "checksums": …, "wrong": …}` after so many seconds, and ends with 1 where one was
wrong or there was none. https://docs.kraken.com/api/docs/guides/spot-ws-book-v2
"""

import asyncio
import json
import sys
import zlib
from decimal import Decimal

import websockets


class Book:
    """Levels by price, as printed."""

    def __init__(self, depth):
        self.depth = depth
        self.sides = {"bids": {}, "asks": {}}

    def take(self, data, snapshot):
        """Apply a message; return the checksum of the book afterwards."""
        for name, side in self.sides.items():
            if snapshot:
                side.clear()
            for level in data[name]:
                if Decimal(level["qty"]) == 0:
                    side.pop(level["price"], None)
                else:
                    side[level["price"]] = level["qty"]
            best_first = sorted(side, key=Decimal, reverse=name == "bids")
            self.sides[name] = {price: side[price] for price in best_first[: self.depth]}
        digits = ""
        for name in ("asks", "bids"):
            for price, qty in list(self.sides[name].items())[:10]:
                digits += price.replace(".", "").lstrip("0") + qty.replace(".", "").lstrip("0")
        return zlib.crc32(digits.encode())


def decoded(message):
    """Read JSON without touching a number's digits."""
    return json.loads(message, parse_float=str)


async def symbols(stream):
    """Ask what is listed."""
    await stream.send(json.dumps({"method": "subscribe", "params": {"channel": "instrument"}}))
    while True:
        message = decoded(await stream.recv())
        if message.get("channel") == "instrument":
            return [pair["symbol"] for pair in message["data"]["pairs"]]


async def keep(url, seconds, depth):
    """Keep books for so long; return what came of it."""
    books, told = {}, {"symbols": 0, "snapshots": 0, "checksums": 0, "wrong": 0}
    async with websockets.connect(url, max_size=2**20, proxy=None) as stream:
        names = await symbols(stream)
        told["symbols"] = len(names)
        params = {"channel": "book", "symbol": names, "depth": depth}
        await stream.send(json.dumps({"method": "subscribe", "params": params, "req_id": 1}))
        try:
            async with asyncio.timeout(seconds):
                async for text in stream:
                    message = decoded(text)
                    if message.get("success") is False:
                        raise SystemExit(f"refused: {message}")
                    if message.get("channel") != "book":
                        continue
                    (data,) = message["data"]
                    book = books.setdefault(data["symbol"], Book(depth))
                    is_snapshot = message["type"] == "snapshot"
                    told["snapshots"] += is_snapshot
                    told["checksums"] += 1
                    told["wrong"] += book.take(data, is_snapshot) != data["checksum"]
        except TimeoutError:
            return told
    raise SystemExit("the server has ended the connection")


if __name__ == "__main__":
    result = asyncio.run(keep(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]) if sys.argv[3:] else 10))
    print(json.dumps(result))
    sys.exit(bool(result["wrong"]) or not result["checksums"])
