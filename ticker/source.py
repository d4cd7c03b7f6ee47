"""Where a tape comes from, and what the server is to it. Types only.

A market, a recording and a tape of another server are all sources: each hands the server a tape to serve, moves it on,
and may begin another one.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import structlog

from ticker.config import Config
from ticker.feed.feed import Feed
from ticker.metrics import Metrics
from ticker.session.controls import Controls
from ticker.ticks import Batch
from ticker.wire.label import Label

Role = Literal["market", "replay", "root", "standby", "leaf"]


@dataclass(frozen=True, slots=True)
class Opening:
    """A tape that goes on after step `seq`.

    `t` is the market time there, `shown` the newest of everything, `past` the steps up to it, each with the wall clock
    at which it was emitted: for readers that come back to where they were.
    """

    label: Label
    seq: int
    t: int
    shown: Batch | None = None
    past: Sequence[tuple[Batch, int]] = ()


class Host(Protocol):
    """What the server is to its source."""

    @property
    def config(self) -> Config: ...

    @property
    def metrics(self) -> Metrics: ...

    @property
    def log(self) -> structlog.stdlib.BoundLogger: ...

    @property
    def loop(self) -> asyncio.AbstractEventLoop: ...

    def open(self, opening: Opening) -> Feed:
        """Serve this tape from now on: whoever reads another is sent away, and may come back.

        Raises SetupError where tokens name what this tape does not have.
        """

    def stale(self, reason: str) -> None:
        """Say why what is served is not the newest; nothing where it is."""


class Source(Protocol):
    """A tape's origin."""

    @property
    def failed(self) -> asyncio.Future[None]:
        """Resolved where it can give no more, for a reason that ends the server."""

    @property
    def role(self) -> Role: ...

    @property
    def leader(self) -> str:
        """Which of several servers makes the tape; empty where there is one only."""

    @property
    def control(self) -> Controls | None:
        """The hand on the clock, and on what happens, where there is one here."""

    @property
    def speed(self) -> float:
        """Seconds of market time that pass in a second, as asked for."""

    @property
    def speed_actual(self) -> float:
        """The same, as measured lately."""

    @property
    def paused(self) -> bool: ...

    @property
    def flushes_per_s(self) -> float:
        """How many messages a second a client can be sent at most."""

    @property
    def lag_s(self) -> float:
        """How late the newest step was."""

    def start(self, host: Host) -> None:
        """Begin: `host.open` may be called now or later, and again for another tape."""

    async def stop(self) -> None:
        """Move on no more, and keep what is to be kept."""

    def measure(self) -> None:
        """Look at the time; called several times a second."""
