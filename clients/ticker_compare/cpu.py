"""Processor time: the server's, which it tells over HTTP, and our own."""

import asyncio
import re
from dataclasses import dataclass

from ticker import clock
from ticker_client import ConnectionEnded, Traffic
from ticker_client.address import Address
from ticker_client.http import HttpClient

METRIC = re.compile(rb"^process_cpu_seconds_total (\S+)$", re.MULTILINE)
LOOK_S = 0.02


class ServerClock:
    """The processor time of a server: what Prometheus would read at `/metrics`."""

    def __init__(self, url: str) -> None:
        self._http = HttpClient(Address.of(url), Traffic())

    async def read_s(self) -> float | None:
        """Return the seconds spent so far; None where the server does not tell."""
        try:
            answer = await self._http.get("/metrics", accept="text/plain")
        except ConnectionEnded:
            return None
        found = METRIC.search(answer.body)
        return float(found[1]) if found else None

    def close(self) -> None:
        self._http.close()


@dataclass(frozen=True, slots=True)
class Spent:
    """What a server spent while something was measured, and on what."""

    cpu_s: float
    seconds: float
    ticks: int
    requests: int
    clients: int

    def per_tick_us(self, idle_share: float) -> float | None:
        """Return the microseconds for each delivered tick, beyond what the server spends when nobody listens."""
        return self._beyond_us(idle_share) / self.ticks if self.ticks else None

    def per_request_us(self, idle_share: float) -> float | None:
        """Return the microseconds for each request, the ticks in its answer included; None where there were few."""
        return self._beyond_us(idle_share) / self.requests if self.requests >= self.clients else None

    def share(self, idle_share: float) -> float:
        """Return the share of a core, beyond what it spends when nobody listens."""
        return self._beyond_us(idle_share) / 1e6 / self.seconds

    def _beyond_us(self, idle_share: float) -> float:
        return max(0.0, self.cpu_s - idle_share * self.seconds) * 1e6


class SelfWatch:
    """How busy this process is, and how late: a tester that is late itself finds every server late."""

    def __init__(self) -> None:
        self.late_s = 0.0
        """The longest it was late."""
        self._began = (clock.monotonic_s(), clock.cpu_s())
        self._watching = asyncio.create_task(self._watch())

    def end(self) -> float:
        """Stop looking, and return the share of a core that was used."""
        self._watching.cancel()
        seconds = clock.monotonic_s() - self._began[0]
        return (clock.cpu_s() - self._began[1]) / max(seconds, 1e-9)

    async def _watch(self) -> None:
        while True:
            due_s = clock.monotonic_s() + LOOK_S
            await asyncio.sleep(LOOK_S)
            self.late_s = max(self.late_s, clock.monotonic_s() - due_s)
