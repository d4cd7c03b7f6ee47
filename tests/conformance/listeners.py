"""Good clients that listen while somebody else misbehaves: none of them may miss a tick or wait for one."""

import asyncio
import threading
import time
from types import TracebackType
from typing import Self

from ticker.session.messages import Ticks
from ticker_client import Feed, connect

LATE_MS_MAX = 1000.0  # at worst, on a machine that runs a suite at the same time; the median says more


class Listeners:
    """So many clients of the market on a port, in a thread of their own, from `with` to its end."""

    def __init__(self, port: int, count: int) -> None:
        self._feeds = [connect(f"ws://127.0.0.1:{port}/v1/stream", strict=True, reconnect=False) for _ in range(count)]
        self._late_ms: list[float] = []
        self._ready, self._over = threading.Event(), asyncio.Event()
        self._thread = threading.Thread(target=asyncio.run, args=[self._listen()])
        self._failures: list[BaseException] = []

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.wait(60)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join()

    async def _listen(self) -> None:
        self._loop = asyncio.get_running_loop()
        for feed in self._feeds:
            await feed.__aenter__()
            await feed.subscribe("*", channels=["trades", "quotes"])
        tasks = [asyncio.create_task(self._hear(feed)) for feed in self._feeds]
        self._ready.set()
        await self._over.wait()
        for feed in self._feeds:
            await feed.close()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        self._failures = [end for end in ends if isinstance(end, BaseException)]

    async def _hear(self, feed: Feed) -> None:
        async for message in feed.batches():
            if isinstance(message, Ticks):
                self._late_ms.append((time.time_ns() / 1000 - message.ts) / 1000)

    @property
    def faults(self) -> int:
        """How many ticks were missed, repeated, out of order or skipped, and how many clients did not get through."""
        sessions = [feed.session for feed in self._feeds]
        counts = [s.missed + s.repeated + s.reordered + s.lagged for s in sessions]
        return sum(counts) + len(self._failures)

    @property
    def undisturbed(self) -> bool:
        return not self.faults and bool(self._late_ms) and max(self._late_ms) < LATE_MS_MAX

    @property
    def said(self) -> str:
        late = sorted(self._late_ms) or [float("nan")]
        return (
            f"{len(self._feeds)} subscribers: {len(self._late_ms)} messages, {self.faults} faults; late by "
            f"{late[len(late) // 2]:.1f} ms (median), {late[len(late) * 99 // 100]:.1f} (p99), {late[-1]:.1f} (most)"
            + "".join(f"\n  {failure!r}" for failure in self._failures[:3])
        )
