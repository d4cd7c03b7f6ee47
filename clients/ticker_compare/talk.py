"""Whether one can talk back while listening: another symbol is asked for, and it is seen what that takes."""

import asyncio
from dataclasses import dataclass
from statistics import median

from ticker import clock
from ticker.session.client import EVERYTHING
from ticker.session.messages import Snapshot, Ticks
from ticker_client import ConnectionEnded, Feed, Refused, connect
from ticker_client.address import Address
from ticker_client.http import HttpClient
from ticker_client.line import Traffic
from ticker_client.records import Records
from ticker_compare.plan import Kind, Plan

REPEATS = 5
SETTLE_S = 0.25  # for what goes on after a change, so that the next one finds a quiet lane
TICK_S = 3.0  # a symbol that has not traded after so long is a quiet one
ENOUGH_S = 6.0


@dataclass(frozen=True, slots=True)
class Talk:
    """What another symbol took: medians of so many changes, and the fewest requests and connections.

    `seen_us` is from asking until the first thing of that symbol was here, `live_us` until its first tick that happened
    since: waiting for the market is part of it. Requests and connections are those until then; the least of all changes
    is what the change itself takes, where the market did not let us wait.
    """

    changes: int
    seen_us: int
    live_us: int
    requests: int
    connections: int

    @property
    def same_connection(self) -> bool:
        """Whether it was said on the connection that was being listened to."""
        return self.requests == 0 and self.connections == 0


class Ear:
    """Reads a feed and notes when a symbol is first heard of."""

    def __init__(self, feed: Feed, symbol: str) -> None:
        self._feed = feed
        self._symbol = symbol
        self.listen()

    def listen(self) -> None:
        """Begin to wait for the symbol."""
        loop = asyncio.get_running_loop()
        self.seen: asyncio.Future[float] = loop.create_future()
        self.live: asyncio.Future[float] = loop.create_future()

    async def read(self) -> None:
        try:
            async for message in self._feed.batches():
                if any(tick.sym == self._symbol for tick in message.data):
                    self._note(message)
        except ConnectionEnded:
            pass  # whoever asks something next is told

    def _note(self, message: Ticks | Snapshot) -> None:
        now_s = clock.monotonic_s()
        if not self.seen.done():
            self.seen.set_result(now_s)
        if isinstance(message, Ticks) and not self.live.done():
            self.live.set_result(now_s)


async def two_symbols(plan: Plan) -> tuple[str, str] | None:
    """Return a symbol to listen to and another to ask for; None where there is only one."""
    http = HttpClient(Address.of(plan.url), Traffic())
    try:
        universe = await Records(http, plan.url).universe()
    finally:
        http.close()
    named = [symbol for symbol in plan.symbols if symbol != EVERYTHING]
    wanted = list(dict.fromkeys([*named, *universe]))[:2]
    return (wanted[0], wanted[1]) if len(wanted) == 2 else None


async def talk(plan: Plan, kind: Kind, first: str, other: str) -> Talk | None:
    """Listen to one symbol and ask for another, a few times; None where nothing was heard of it."""
    every_s = kind.poll_every_s or 0.0
    feed = connect(plan.url, transport=kind.transport, reconnect=False, poll_every_s=every_s, books=False)
    ear = Ear(feed, other)
    try:
        async with feed:
            reading = asyncio.create_task(ear.read())
            try:
                await feed.subscribe(first, channels=plan.channels)
                return await _changes(plan, feed, ear, other, TICK_S + every_s)
            finally:
                reading.cancel()
    except (ConnectionEnded, Refused, TimeoutError):
        return None


async def _changes(plan: Plan, feed: Feed, ear: Ear, other: str, within_s: float) -> Talk:
    """Ask for the other symbol and take it back, again and again. Raises TimeoutError where none of it comes."""
    changes: list[tuple[float, float, int, int]] = []
    began_s = clock.monotonic_s()
    while len(changes) < REPEATS and (not changes or clock.monotonic_s() < began_s + ENOUGH_S):
        await asyncio.sleep(SETTLE_S)
        ear.listen()
        before, asked_s = (feed.traffic.requests, feed.traffic.connections), clock.monotonic_s()
        await feed.subscribe(other, channels=plan.channels)
        async with asyncio.timeout(within_s):
            live_s = await ear.live
        after = (feed.traffic.requests, feed.traffic.connections)
        changes.append((ear.seen.result() - asked_s, live_s - asked_s, after[0] - before[0], after[1] - before[1]))
        await feed.unsubscribe(other, channels=plan.channels)
    seen_s, lived_s, requests, connections = zip(*changes, strict=True)
    return Talk(
        len(changes), round(median(seen_s) * 1e6), round(median(lived_s) * 1e6), min(requests), min(connections)
    )
