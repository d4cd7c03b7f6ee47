"""The server as it tells of itself: processor, memory and how late it is, at `/metrics`; what is traded."""

import asyncio
import re
from dataclasses import dataclass, field

import msgspec

from ticker import clock
from ticker_client import ConnectionEnded, Traffic
from ticker_client.address import Address
from ticker_client.http import HttpClient

LOOK_S = 1.0
CPU, RSS = b"process_cpu_seconds_total", b"process_resident_memory_bytes"
LATE = re.compile(rb"^ticker_\w*(?:late|lag|behind)\w*seconds\w* (\S+)$", re.MULTILINE)


@dataclass(slots=True)
class ServerSide:
    """What a server told of itself in the measured window; empty where it tells nothing."""

    seconds: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    rss_bytes: list[float] = field(default_factory=list)
    late_s: list[float] = field(default_factory=list)

    @property
    def cpu_share(self) -> float | None:
        """Return the share of a core it used."""
        if len(self.cpu_s) < 2:
            return None
        return (self.cpu_s[-1] - self.cpu_s[0]) / (self.seconds[-1] - self.seconds[0])


class Looker:
    """Asks a server about itself, once a second."""

    def __init__(self, address: Address) -> None:
        self.found = ServerSide()
        self._http = HttpClient(address, Traffic())

    async def look(self) -> None:
        """Ask once; where there is no answer nothing is noted."""
        try:
            body = (await self._http.get("/metrics", accept="text/plain")).body
        except ConnectionEnded:
            return
        values = {name: re.search(rb"^" + name + rb" (\S+)$", body, re.MULTILINE) for name in (CPU, RSS)}
        if cpu := values[CPU]:
            self.found.seconds.append(clock.monotonic_s())
            self.found.cpu_s.append(float(cpu[1]))
        if rss := values[RSS]:
            self.found.rss_bytes.append(float(rss[1]))
        if late := LATE.search(body):
            self.found.late_s.append(float(late[1]))

    async def watch(self) -> None:
        """Ask until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def listed(self) -> list[str]:
        """Return the symbols that are traded, empty where the server does not tell."""
        try:
            body = (await self._http.get("/v1/instruments")).body
            found = msgspec.json.decode(body)
            rows = found["instruments"] if isinstance(found, dict) else found
            return [str(row["symbol"]) for row in rows]
        except (ConnectionEnded, msgspec.DecodeError, KeyError, TypeError):
            return []

    def close(self) -> None:
        self._http.close()
