"""Who leads: a key that is set anew again and again by whoever leads, and taken over when it is not.

Nobody's clock is compared with another's: who stands by measures, by its own monotonic clock, how long the key has been
as it is. Two may believe that they lead for a moment; that only one of them writes is the stream's doing (`writer`).
"""

import os
import secrets
import socket
from dataclasses import dataclass

import msgspec

from ticker import clock
from ticker.links.nats.bucket import Bucket
from ticker.links.nats.jetstream import WRONG_LAST, Refused
from ticker.links.nats.names import LEAD


class Leader(msgspec.Struct, frozen=True, kw_only=True):
    """Who leads, or led last, and how its clock runs."""

    id: str
    host: str = ""
    pid: int = 0
    speed: float = 1.0
    paused: bool = False
    released: bool = False
    """It has said goodbye: nobody need wait."""

    @property
    def name(self) -> str:
        return f"{self.host}:{self.pid}:{self.id}" if self.host else self.id


@dataclass(frozen=True, slots=True)
class Me:
    """This process, by a name that no other has."""

    id: str
    host: str
    pid: int

    @classmethod
    def here(cls) -> "Me":
        return cls(secrets.token_hex(4), socket.gethostname(), os.getpid())


class Lease:
    """What is known of the key; it outlives connections."""

    def __init__(self, me: Me, lease_s: float) -> None:
        self.me = me
        self.lease_s = lease_s
        self.leader: Leader | None = None
        """Who leads, as far as is known; None where nobody ever did."""
        self._revision = 0
        self._over = False
        self._since_s = clock.monotonic_s()

    @property
    def mine(self) -> bool:
        """Whether the key is ours, when we looked last."""
        return self.leader is not None and self.leader.id == self.me.id and not self.leader.released

    @property
    def silent_s(self) -> float:
        """How long the key has been as it is, for all we know."""
        return clock.monotonic_s() - self._since_s

    @property
    def free(self) -> bool:
        """Whether it may be taken."""
        return self.leader is None or self.leader.released or self.silent_s >= self.lease_s

    def doubt(self) -> None:
        """Begin to measure again: we could not have heard of it."""
        self._since_s = clock.monotonic_s()

    async def look(self, bucket: Bucket) -> None:
        """Read the key."""
        found = await bucket.get(LEAD)
        if found is None:
            self._revision, self.leader = await bucket.revision(LEAD), None
            return
        if found.seq != self._revision or self.leader is None:
            self._revision, self._since_s = found.seq, clock.monotonic_s()
            try:
                self.leader = msgspec.json.decode(found.data, type=Leader)
            except (msgspec.DecodeError, UnicodeDecodeError):  # somebody's; it is given up like any other
                self.leader = Leader(id="unknown")

    async def hold(self, bucket: Bucket, speed: float, *, paused: bool) -> bool:
        """Take the key, or keep it; False where somebody else has set it meanwhile."""
        if self._over:
            return True
        return await self._set(bucket, self._as(speed, paused=paused))

    async def release(self, bucket: Bucket) -> None:
        """Have others wait no longer, and hold it no more."""
        self._over = True
        if self.mine:
            await self._set(bucket, self._as(1.0, released=True))

    def _as(self, speed: float, *, paused: bool = False, released: bool = False) -> Leader:
        me = self.me
        return Leader(id=me.id, host=me.host, pid=me.pid, speed=speed, paused=paused, released=released)

    async def _set(self, bucket: Bucket, leader: Leader) -> bool:
        try:
            revision = await bucket.swap(LEAD, msgspec.json.encode(leader), self._revision)
        except Refused as error:
            if error.code not in WRONG_LAST:
                raise
            await self.look(bucket)
            return False
        self._revision, self._since_s, self.leader = revision, clock.monotonic_s(), leader
        return True
