"""A witness of what a feed brings, and the tape to hold it against."""

import asyncio
import http.client
from typing import Any
from urllib.parse import urlsplit

import msgspec

from ticker.session.messages import Snapshot, Tick, Ticks
from ticker.session.requests import TicksAnswer
from ticker_client import Feed, connect

BRISK = (
    *("--market.model", "plain", "--instruments", "20"),
    *("--market.trades-per-s", "40", "--market.quotes-per-s", "60"),
)
DEEP = ("--instruments", "20", "--market.activity", "4")  # the realistic model, and ten levels of book
BOTH = ["trades", "quotes"]
Key = tuple[str, str]


def opened(url: str, transport: str, **options: Any) -> Feed:
    return connect(url, transport=transport, poll_every_s=0.03, **options)


def fetch(url: str, path: str) -> bytes:
    """GET over a connection of its own."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        return answer.read()
    finally:
        connection.close()


def read_tape(url: str, query: str = "symbols=*&channels=trades,quotes") -> list[bytes]:
    """Return the answers to polls that bring all that is on the tape."""
    here = msgspec.json.decode(fetch(url, f"/v1/ticks?{query}"), type=TicksAnswer)
    answers: list[bytes] = []
    seq = 0
    while seq < here.seq:
        answers.append(fetch(url, f"/v1/ticks?{query}&since={here.epoch}:{seq}&limit=1000"))
        seq = msgspec.json.decode(answers[-1], type=TicksAnswer).seq
    return answers


def key_of(tick: Tick) -> Key:
    return tick.channel, tick.sym


class Witness:
    """What one feed has brought: the tick that each symbol was shown with at first, and all that came after it."""

    def __init__(self, feed: Feed, *, once: bool = True) -> None:
        self.feed = feed
        self.batches = feed.batches()
        self.shown: dict[Key, Tick] = {}
        self.begun: int | None = None
        self.ticks: list[Tick] = []
        self.restarts = feed.session.restarts
        self._once = once
        """Whether nothing is shown twice; it is where a command failed and was given again: then that counts."""

    async def read_restart(self) -> None:
        """Read until the tape begins anew, with a snapshot."""
        before = self.restarts
        async with asyncio.timeout(15):
            while self.restarts == before:
                await self.read_message()

    async def read(self, count: int) -> None:
        """Read so many ticks, and what is left of their message."""
        until = len(self.ticks) + count
        while len(self.ticks) < until:
            await self.read_message()

    async def read_message(self) -> Ticks | Snapshot:
        async with asyncio.timeout(15):
            batch = await anext(self.batches)
        if isinstance(batch, Ticks):
            self.ticks += batch.data
        else:
            self._begin_anew(self.feed.session.restarts)
            self.begun = batch.seq if self.begun is None else self.begun
            for tick in batch.data:
                self._show(tick)
        return batch

    def _show(self, tick: Tick) -> None:
        key = key_of(tick)
        if key in self.shown:
            assert not self._once, "a second snapshot"
            self.ticks = [tick for tick in self.ticks if key_of(tick) != key]
        self.shown[key] = tick

    def _begin_anew(self, restarts: int) -> None:
        if restarts != self.restarts:
            self.restarts, self.begun, self.shown, self.ticks = restarts, None, {}, []

    async def drain(self) -> None:
        """Read what has come already."""
        while self.feed.waiting:
            await self.read_message()

    async def check(self, url: str) -> None:
        """Check that for each symbol exactly that came which the tape has after its snapshot, in the tape's order."""
        assert self.begun is not None
        tape = [msgspec.json.decode(answer, type=TicksAnswer) for answer in await asyncio.to_thread(read_tape, url)]
        everything = [tick for answer in tape for batch in answer.batches for tick in batch.data]
        for key in {key_of(tick) for tick in self.ticks}:
            came = [tick for tick in self.ticks if key_of(tick) == key]
            first_n = self.shown[key].n + 1 if key in self.shown else 1
            assert came == [tick for tick in everything if key_of(tick) == key and first_n <= tick.n <= came[-1].n]
        session = self.feed.session
        assert (session.missed, session.repeated, session.reordered, session.lagged) == (0, 0, 0, 0)
