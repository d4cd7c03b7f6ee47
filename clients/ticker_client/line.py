"""What a transport is to the feed: a line that can be opened, listened to, asked and closed, and opened again.

A transport is one file with one class that fulfils `Line`, and one row in `transports.py`. What it hears it puts into
the inbox, whole server messages in the order of the tape; where to go on after a break it reads from the session.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ticker import clock
from ticker.session.client import ClientSession, Paced
from ticker.session.messages import Ack, Subscribed, Unsubscribed
from ticker_client.address import Address
from ticker_client.errors import ConnectionEnded
from ticker_client.inbox import Inbox


@dataclass
class Traffic:
    """What went over the wire, heads, frames and all, of every connection there was.

    `connections` are TCP connections, `requests` HTTP requests, handshakes among them. Bytes are those handed to and by
    the operating system, or by TLS, where it is spoken.
    """

    connections: int = 0
    requests: int = 0
    bytes_sent: int = 0
    bytes_received: int = 0
    received_us: int = 0
    """The wall clock when bytes last came, in microseconds since 1970: before they were understood, or read."""

    def receive(self, data: bytes) -> None:
        """Count bytes that have come just now."""
        self.bytes_received += len(data)
        self.received_us = clock.wall_us()


@dataclass(frozen=True)
class Desk:
    """What all lines of one feed share."""

    address: Address
    session: ClientSession
    inbox: Inbox
    traffic: Traffic
    encoding: str
    poll_every_s: float
    wait_s: float


class Line(Protocol):
    """One way of hearing the tape. Every verb raises ConnectionEnded where there is no connection."""

    @property
    def live(self) -> bool:
        """Whether it is open."""

    async def open(self) -> None:
        """Connect."""

    async def listen(self) -> ConnectionEnded:
        """Put what comes into the inbox until the connection ends, and say how it ended.

        It may be cancelled and called again: nothing is lost or repeated by that. Raises msgspec.DecodeError.
        """

    @property
    def acknowledge(self) -> Callable[[Ack], None] | None:
        """Say soon that something was processed, unless the connection is another one by then; None where none asks."""

    async def subscribe(self, symbols: Sequence[str], channels: Sequence[str], paced: Paced | None) -> Subscribed:
        """Ask for symbols on channels: snapshots, then what follows them, at a pace if one is named. Raises Refused."""

    async def unsubscribe(self, symbols: Sequence[str], channels: Sequence[str]) -> Unsubscribed:
        """Take a subscription back. Raises Refused."""

    async def subscriptions(self) -> dict[str, list[str]]:
        """Return what is subscribed: channel to symbols."""

    async def ping(self) -> None:
        """Ask something and wait for the answer."""

    async def settle(self) -> None:
        """Wait, not for ever, until what was asked for is there: a snapshot may come later than its answer."""

    async def close(self) -> None:
        """Hang up."""
