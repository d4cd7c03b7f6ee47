"""Local books kept by the venue's documented procedure ("How to manage a local order book correctly"), and checked.

A plain client: websockets, http.client and the document, nothing of ours. One connection has the changes of every pair
at both speeds, the best levels and the touch; whenever one of these, or a snapshot over HTTP, has the id at which a
book stands, both must be the same. Ids must follow each other without a hole; where they do not, it fails.
"""

import asyncio
import http.client
import json
import sys
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

FAST, SLOW, BEST, TOUCH = "depth@100ms", "depth", "depth10@100ms", "bookTicker"
SNAPSHOT = "snapshot"
ZERO = "0.00000000"
LIMIT = 5000
Levels = dict[str, str]


@dataclass
class Book:
    """One book, as its document says; `n` is None until a snapshot has been taken in."""

    symbol: str
    n: int | None = None
    bids: Levels = field(default_factory=dict)
    asks: Levels = field(default_factory=dict)
    waiting: list[Any] = field(default_factory=list)

    def begin(self, snapshot: Any) -> bool:
        """Begin with a snapshot and the events that waited; tell whether it is not older than the first of them."""
        n = snapshot["lastUpdateId"]
        if n < self.waiting[0]["U"]:
            return False
        later = [event for event in self.waiting if event["u"] > n]
        assert not later or later[0]["U"] <= n + 1 <= later[0]["u"], f"{self.symbol}: {n} is not in {later[0]}"
        self.n, self.bids, self.asks = n, dict(snapshot["bids"]), dict(snapshot["asks"])
        for event in later:
            self.hear(event)
        return True

    def hear(self, event: Any) -> None:
        """Take in an event, or have it wait."""
        if self.n is None:
            assert not self.waiting or event["U"] == self.waiting[-1]["u"] + 1
            self.waiting.append(event)
        elif event["u"] > self.n:
            assert event["U"] <= self.n + 1, f"{self.symbol}: a hole between {self.n} and {event['U']}"
            for book, levels in ((self.bids, event["b"]), (self.asks, event["a"])):
                for price, size in levels:
                    if float(size):
                        book[price] = size
                    else:
                        book.pop(price, None)
            self.n = event["u"]

    def best(self, count: int) -> tuple[list[list[str]], list[list[str]]]:
        """Return the best levels of both sides."""
        bids = sorted(self.bids.items(), key=lambda level: -float(level[0]))
        asks = sorted(self.asks.items(), key=lambda level: float(level[0]))
        return [list(level) for level in bids[:count]], [list(level) for level in asks[:count]]


def n_of(told: Any) -> int:
    """Return the id of the book that something is told of."""
    n: int = told["u"] if "u" in told else told["lastUpdateId"]
    return n


class Keeper:
    """Books of some symbols, and what has been found equal, by what it was compared with."""

    def __init__(self, port: int, symbols: list[str]) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        self.books = {symbol: Book(symbol) for symbol in symbols}
        self.equal: Counter[str] = Counter()
        self._fresh: dict[str, None] = {}
        self._asked: Counter[str] = Counter()
        self._last: dict[tuple[str, str], int] = {}
        self._later: dict[str, list[tuple[str, Any]]] = {symbol: [] for symbol in symbols}

    def ask(self, symbol: str) -> Any:
        self._http.request("GET", f"/api/v3/depth?symbol={symbol}&limit={LIMIT}")
        answer = self._http.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        return json.loads(body)

    def close(self) -> None:
        self._http.close()

    def hear(self, stream: str, data: Any) -> None:
        """Take in a message; compare where that can be."""
        name, _, channel = stream.partition("@")
        book = self.books[name.upper()]
        if channel in (FAST, SLOW):
            before = self._last.get((name, channel))
            assert before is None or data["U"] == before + 1, f"{stream}: {data['U']} after {before}"
            self._last[name, channel] = data["u"]
        if channel == FAST:
            book.hear(data)
            for kind, later in self._due(book):
                self.check(kind, book, later)
            self._fresh[book.symbol] = None
        else:
            self._later[book.symbol].append((channel, data))

    def _due(self, book: Book) -> list[tuple[str, Any]]:
        """Return what was told of the id at which a book stands now; what it has passed by is let go."""
        n, told = book.n or 0, self._later[book.symbol]
        self._later[book.symbol] = [each for each in told if n_of(each[1]) > n]
        return [each for each in told if n_of(each[1]) == n]

    def check(self, channel: str, book: Book, told: Any) -> None:
        """Check that what was told on another channel is so."""
        if channel == SLOW:
            for mine, levels in ((book.bids, told["b"]), (book.asks, told["a"])):
                assert all(mine.get(price, ZERO) == size for price, size in levels), f"{book}, not {told}"
        elif channel == TOUCH:
            bids, asks = (side or [[ZERO, ZERO]] for side in book.best(1))
            assert (bids, asks) == ([[told["b"], told["B"]]], [[told["a"], told["A"]]]), f"{bids} {asks}, not {told}"
        else:
            assert book.best(10) == (told["bids"], told["asks"]), f"{book.best(10)}, not {told}"
        self.equal[channel] += 1

    @property
    def moved(self) -> bool:
        """Tell whether there is a book that has moved since it was compared."""
        return bool(self._fresh)

    async def compare(self) -> None:
        """Ask for a snapshot of a book that has just moved, and begin with it or compare it."""
        book = self.books[min(self._fresh, key=lambda symbol: self._asked[symbol])]
        del self._fresh[book.symbol]
        self._asked[book.symbol] += 1
        snapshot = await asyncio.to_thread(self.ask, book.symbol)
        if book.n is None:
            book.begin(snapshot)
        elif book.n == snapshot["lastUpdateId"]:
            assert book.best(LIMIT) == (snapshot["bids"], snapshot["asks"]), f"{book.symbol} at {book.n}"
            self.equal[SNAPSHOT] += 1


async def keep(port: int, times: int, limit_s: float) -> Keeper:
    """Keep books of all symbols until snapshots have been equal so many times."""
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    asking.request("GET", "/api/v3/exchangeInfo")
    symbols = [each["symbol"] for each in json.loads(asking.getresponse().read())["symbols"]]
    asking.close()
    keeper = Keeper(port, symbols)
    channels = (FAST, SLOW, BEST, TOUCH)
    names = [f"{symbol.lower()}@{channel}" for symbol in symbols for channel in channels]
    address = f"ws://127.0.0.1:{port}/stream"
    with closing(keeper):
        async with asyncio.timeout(limit_s), connect(address, max_queue=None) as stream:
            await follow(stream, keeper, names, times)
    return keeper


async def follow(stream: ClientConnection, keeper: Keeper, names: list[str], times: int) -> None:
    """Subscribe, and hear what comes until snapshots have been equal so many times."""
    await stream.send(json.dumps({"method": "SUBSCRIBE", "params": names, "id": 1}))
    assert json.loads(await stream.recv()) == {"result": None, "id": 1}
    told: asyncio.Queue[str | bytes] = asyncio.Queue()

    async def read() -> None:
        async for message in stream:
            told.put_nowait(message)
        raise AssertionError(f"closed: {stream.close_code} {stream.close_reason}")

    async def keep_on() -> None:
        while keeper.equal[SNAPSHOT] < times:
            message = json.loads(await told.get())
            keeper.hear(message["stream"], message["data"])
            while told.empty() and keeper.moved:  # a snapshot of now is of no use to who is behind
                await keeper.compare()

    tasks = [asyncio.create_task(read()), asyncio.create_task(keep_on())]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()


if __name__ == "__main__":
    done = asyncio.run(keep(int(sys.argv[1]), int(sys.argv[2]), 600))
    print(dict(done.equal))
