"""The source of a server that makes a tape for others, or stands by to: it leads, or it follows until it may.

Roles change without anybody's reader noticing more than a pause: leading and following play on the same feed.
"""

import asyncio
from contextlib import suppress

from ticker import checkpoints
from ticker.errors import SetupError
from ticker.feed.feed import Feed
from ticker.links.nats import gauges
from ticker.links.nats.addresses import access
from ticker.links.nats.bucket import Bucket
from ticker.links.nats.connection import Connection, Trouble
from ticker.links.nats.follower import Follower
from ticker.links.nats.jetstream import JetStream, StreamState
from ticker.links.nats.lease import Lease, Me
from ticker.links.nats.link import Link, Misfit, ended, together
from ticker.links.nats.names import LABEL, PICTURE, Names
from ticker.links.nats.pictures import labelled
from ticker.links.nats.pulse import Pulse
from ticker.links.nats.shelf import ours
from ticker.links.nats.writer import Deposed
from ticker.root.hand import Hand
from ticker.root.heir import Heir, published
from ticker.root.term import Overtaken, Term
from ticker.source import Host, Opening, Role
from ticker.wire.label import Label

GOODBYE_S = 1.5
AGAIN_S = 0.05  # before we compare again with a stream to which somebody else has written


class Root:
    """Makes the tape that `nats.tape` names, or stands by. Raises SetupError where the configuration is wrong."""

    def __init__(self, host: Host) -> None:
        config = host.config.nats
        self._host = host
        self._names = Names(config.tape)
        me = Me.here()
        self._link = Link(access(config), f"ticker root {me.host}:{me.pid}", host.log)
        self._heir = Heir(host.config, self._names)
        self._lease = Lease(me, config.lease_s)
        self._follower = Follower(host, self._names)
        self._pulse = Pulse(host, self._link, self._follower, self._lease)
        self._term: Term | None = None
        self._replaces = False
        self._admitted = ""
        self._bucket: Bucket | None = None
        self._task: asyncio.Task[None] | None = None
        self.control = Hand(lambda: self.leader)

    @property
    def failed(self) -> asyncio.Future[None]:
        return self._failed

    @property
    def role(self) -> Role:
        return "root" if self._term else "standby"

    @property
    def leader(self) -> str:
        return self._lease.leader.name if self._lease.leader else ""

    @property
    def speed(self) -> float:
        return self._term.beat.speed if self._term else self._pulse.speed

    @property
    def speed_actual(self) -> float:
        return self._term.beat.speed_actual if self._term else self._pulse.speed_actual

    @property
    def paused(self) -> bool:
        return self._term.beat.paused if self._term else self._pulse.paused

    @property
    def flushes_per_s(self) -> float:
        return self._term.beat.flushes_per_s if self._term else self._pulse.flushes_per_s

    @property
    def lag_s(self) -> float:
        return self._term.beat.metronome.lag_s if self._term else self._pulse.lag_s

    def start(self, host: Host) -> None:
        """See who leads."""
        for sentence in self._heir.stage.warnings:
            host.log.warning("a scenario causes what cannot happen then", incident=sentence)
        self._failed: asyncio.Future[None] = host.loop.create_future()
        gauges.following(host.metrics, self._link, self._follower)
        gauges.leading(host.metrics, lambda: self._term.backlog if self._term else None, lambda: self._unacked)
        self.measure()
        self._task = host.loop.create_task(self._live())

    async def stop(self) -> None:
        """Make no more, let others go on where we were, and keep a checkpoint where one is kept."""
        term = self._term
        if term is not None:
            term.beat.stop()
            self._feed.flush()
            with suppress(Trouble, TimeoutError):
                async with asyncio.timeout(GOODBYE_S):
                    await self._say_goodbye(term)
        if self._task:
            await ended(self._task)
        path = self._host.config.market.checkpoint
        if term is not None and path and not self._failed.done():
            try:
                checkpoints.store(path, term.control.whole()())
            except OSError as error:
                self._host.log.error("no checkpoint was stored", file=path, reason=error.strerror)

    def measure(self) -> None:
        if self._term:
            self._term.beat.measure()
            self._pulse.say("")
        else:
            self._pulse.measure()

    @property
    def _feed(self) -> Feed:
        assert self._follower.feed is not None
        return self._follower.feed

    @property
    def _unacked(self) -> int:
        return self._term.unacked if self._term else 0

    async def _say_goodbye(self, term: Term) -> None:
        bucket = self._bucket
        if bucket is None or self._link.reason or not self._lease.mine:
            return
        while term.backlog.waiting or term.unacked:  # noqa: ASYNC110  # once in its life
            await asyncio.sleep(0.01)
        await term.keep(bucket)
        await self._lease.release(bucket)

    async def _live(self) -> None:
        try:
            await self._link.run(self._talk)
        except SetupError as error:
            self._fail(error)

    def _fail(self, error: BaseException) -> None:
        if not self._failed.done():
            self._failed.set_exception(error)

    # Who leads.

    async def _talk(self, connection: Connection) -> None:
        """Lead or follow over one connection. Raises Trouble, and SetupError where we cannot do either."""
        jetstream = JetStream(connection)
        bucket = self._bucket = Bucket(jetstream, self._names)
        await ours(jetstream, self._names, self._host.config.nats)
        self._lease.doubt()
        await self._lease.look(bucket)
        await self._admit(bucket, await labelled(bucket))
        self._link.settled = True
        while True:
            await self._lease.look(bucket)
            if not (self._lease.mine or self._lease.free):
                self._rest()
                await together(self._follower.run(connection), self._until_free(bucket))
                continue
            before = self._lease.leader
            if not await self._lease.hold(bucket, self.speed, paused=self.paused):
                continue
            try:
                if self._term is None:
                    inherit = self._succeed(connection, jetstream, bucket, self.speed, paused=self.paused)
                    await together(inherit, self._renew(bucket))
                    self._host.log.info("this server makes the tape", after=before.name if before else "nobody")
                assert self._term is not None
                state = await ours(jetstream, self._names, self._host.config.nats)
                await self._term.lead(connection, self._lease, state)
            except Overtaken:
                self._rest()
            except Deposed:
                await asyncio.sleep(AGAIN_S)

    def _rest(self) -> None:
        """Make no more: another does."""
        if self._term is not None:
            self._term.end()
            self._term = None
            self._host.log.warning("another server makes the tape: this one stands by", leader=self.leader)

    async def _until_free(self, bucket: Bucket) -> None:
        while not self._lease.free:
            await asyncio.sleep(min(0.5, self._lease.lease_s / 6))
            await self._lease.look(bucket)
            if self._follower.label is not None:
                await self._admit(bucket, self._follower.label)

    async def _renew(self, bucket: Bucket) -> None:
        """Keep the lease while the market is put where the tape is."""
        while True:
            await asyncio.sleep(self._lease.lease_s / 3)
            if not await self._lease.hold(bucket, self.speed, paused=self.paused) and not self._lease.mine:
                raise Deposed("another server leads")

    async def _admit(self, bucket: Bucket, label: Label | None) -> None:
        """Raise Misfit where there is a tape that we cannot go on with, and may not replace."""
        if label is None or self._admitted == label.epoch or self._term is not None:
            return
        try:
            await self._heir.check(bucket, label)
        except Misfit as misfit:
            if not self._host.config.nats.fresh:
                raise
            while not self._lease.free:
                known = self._lease.leader
                await asyncio.sleep(self._lease.lease_s / 6)
                await self._lease.look(bucket)
                if self._lease.silent_s < self._lease.lease_s / 6 and known is not None:
                    raise Misfit(f"{misfit}; {known.name} makes it now, and would have to be stopped") from None
            self._replaces = True
        self._admitted = label.epoch

    # How we come to lead.

    async def _succeed(
        self, connection: Connection, jetstream: JetStream, bucket: Bucket, speed: float, *, paused: bool
    ) -> None:
        """Put the market where the tape is, and begin to beat. Raises Trouble, Misfit."""
        state = await ours(jetstream, self._names, self._host.config.nats)
        label = await labelled(bucket)
        if label is None or self._replaces:
            clocks = self._host.config.clock
            label, speed, paused = self._heir.label, clocks.speed, clocks.paused
            await self._found(jetstream, bucket, state)
        else:
            await self._inherit(connection, jetstream, bucket, label, state)
        term = Term(self._host, self._names, self._heir, self.control, self._feed, label)
        self._term = term
        term.start(speed, paused=paused)
        term.beat.failed.add_done_callback(self._broke)

    def _broke(self, failed: "asyncio.Future[None]") -> None:
        error = None if failed.cancelled() else failed.exception()
        if error is not None:
            self._fail(error)

    async def _found(self, jetstream: JetStream, bucket: Bucket, state: StreamState) -> None:
        """Begin a tape of our own."""
        if state.messages:
            await jetstream.purge(self._names.stream)
        self._replaces = False
        self._heir.begin()
        await bucket.put(LABEL, self._heir.label.encode())
        self._admitted = self._heir.label.epoch
        self._open()

    def _open(self) -> None:
        """Serve the tape from where our market begins it."""
        stage, label = self._heir.stage, self._heir.label
        market = stage.market
        feed = self._host.open(Opening(label, market.seq, market.time_us(market.seq), stage.shown))
        feed.bars.restore(stage.bars)
        self._follower.adopt(feed, label)

    async def _inherit(
        self, connection: Connection, jetstream: JetStream, bucket: Bucket, label: Label, state: StreamState
    ) -> None:
        """Go on with a tape: serve what the stream has of it, and put the market there."""
        known = await bucket.pointer(PICTURE)
        if any(kept.epoch == label.epoch for kept in known.kept):
            await together(self._follower.run(connection), self._follower.reach(state.last))
        found = await published(jetstream, self._names, label)
        if self._follower.feed is None:  # whoever began it was gone before there was a picture
            self._heir.begin()
            self._open()
            await self._heir.step_to(found[0] if found else 0, self._feed)
        else:
            head = self._feed.tape.head
            await self._heir.go_to(jetstream, bucket, label, found[0] if found else head, head)
        self._heir.verify(found[1] if found else None)
        await self._heir.step_to(self._feed.tape.head)
        if self._heir.stage.market.seq != self._feed.tape.head:
            raise Trouble("the market that is kept in NATS is ahead of the tape")
