"""The source of a server without a market: any number of them take one tape from NATS, and serve it."""

import asyncio

from ticker.errors import SetupError
from ticker.links.nats import gauges
from ticker.links.nats.addresses import access
from ticker.links.nats.bucket import Bucket
from ticker.links.nats.connection import Connection
from ticker.links.nats.follower import Follower
from ticker.links.nats.jetstream import JetStream
from ticker.links.nats.lease import Lease, Me
from ticker.links.nats.link import Link, ended, together
from ticker.links.nats.names import Names
from ticker.links.nats.pulse import Pulse
from ticker.source import Host, Role


class Leaf:
    """Takes the tape that `nats.tape` names. Raises SetupError where the configuration is wrong."""

    role: Role = "leaf"
    control = None

    def __init__(self, host: Host) -> None:
        config = host.config.nats
        self._host = host
        self._names = Names(config.tape)
        me = Me.here()
        self._lease = Lease(me, config.lease_s)
        self._link = Link(access(config), f"ticker leaf {me.host}:{me.pid}", host.log)
        self._follower = Follower(host, self._names)
        self._pulse = Pulse(host, self._link, self._follower, self._lease)
        self._task: asyncio.Task[None] | None = None

    @property
    def failed(self) -> asyncio.Future[None]:
        return self._failed

    @property
    def leader(self) -> str:
        return self._lease.leader.name if self._lease.leader else ""

    @property
    def speed(self) -> float:
        return self._pulse.speed

    @property
    def speed_actual(self) -> float:
        return self._pulse.speed_actual

    @property
    def paused(self) -> bool:
        return self._pulse.paused

    @property
    def flushes_per_s(self) -> float:
        return self._pulse.flushes_per_s

    @property
    def lag_s(self) -> float:
        return self._pulse.lag_s

    def start(self, host: Host) -> None:
        """Look for the tape."""
        self._failed: asyncio.Future[None] = host.loop.create_future()
        gauges.following(host.metrics, self._link, self._follower)
        self._pulse.measure()
        self._task = host.loop.create_task(self._live())

    async def stop(self) -> None:
        if self._task:
            await ended(self._task)

    def measure(self) -> None:
        self._pulse.measure()

    async def _live(self) -> None:
        try:
            await self._link.run(self._talk)
        except SetupError as error:
            self._failed.set_exception(error)

    async def _talk(self, connection: Connection) -> None:
        self._link.settled = True
        self._lease.doubt()
        bucket = Bucket(JetStream(connection), self._names)
        await together(self._follower.run(connection), watch(self._lease, bucket))


async def watch(lease: Lease, bucket: Bucket) -> None:
    """Look who leads, for ever. Raises Trouble."""
    while True:
        await lease.look(bucket)
        await asyncio.sleep(lease.lease_s / 3)
