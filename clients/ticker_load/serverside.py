"""The server as it tells of itself: processor, memory and how late it is, at `/metrics`; what is traded."""

import asyncio
import re
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from ticker import clock
from ticker_client import ConnectionEnded, Traffic
from ticker_client.address import Address
from ticker_client.http import HttpClient

LOOK_S = 1.0
LOOKS_MAX = 600
CPU = re.compile(rb"^process_cpu_seconds_total (\S+)$", re.MULTILINE)
RSS = re.compile(rb"^process_resident_memory_bytes (\S+)$", re.MULTILINE)
LATE = re.compile(rb"^ticker_\w*(?:late|lag|behind)\w*seconds\w* (\S+)$", re.MULTILINE)


class Look(NamedTuple):
    """What a server told of itself at a time; None where it did not."""

    at_s: float
    cpu_s: float | None
    rss_bytes: float | None
    late_s: float | None


@dataclass(slots=True)
class ServerSide:
    """What a server told of itself in the measured window; of a long one, in ever longer steps."""

    looks: list[Look] = field(default_factory=list)
    began_s: float = 0.0
    rss_bytes_max: float | None = None
    late_s_max: float | None = None

    def take(self, look: Look) -> None:
        """Note what it told."""
        self.began_s = self.began_s or look.at_s
        self.rss_bytes_max = _most(self.rss_bytes_max, look.rss_bytes)
        self.late_s_max = _most(self.late_s_max, look.late_s)
        self.looks.append(look)
        if len(self.looks) > LOOKS_MAX:
            del self.looks[1::2]

    @property
    def cpu_share(self) -> float | None:
        """Return the share of a core it used."""
        return share(self.looks[0], self.looks[-1]) if len(self.looks) > 1 else None


def share(before: Look, after: Look) -> float | None:
    """Return the share of a core that a server used between two looks."""
    if before.cpu_s is None or after.cpu_s is None or after.at_s <= before.at_s:
        return None
    return (after.cpu_s - before.cpu_s) / (after.at_s - before.at_s)


def _most(one: float | None, other: float | None) -> float | None:
    return max((value for value in (one, other) if value is not None), default=None)


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
        values = [float(found[1]) if (found := wanted.search(body)) else None for wanted in (CPU, RSS, LATE)]
        self.found.take(Look(clock.monotonic_s(), *values))

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
