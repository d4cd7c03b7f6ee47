"""Leading: from when the market is made here until somebody else makes it. It outlives connections.

The market beats on whatever becomes of NATS: nobody else can make the same steps differently. What NATS does not have
waits in the backlog, and goes there when it is back and the lease still ours.
"""

import asyncio

from ticker import clock
from ticker.beat import Beat
from ticker.checkpoints import Checkpoint
from ticker.control import MarketControl
from ticker.feed.feed import Feed
from ticker.feed.tape import Entry
from ticker.links.nats.backlog import Backlog, Item
from ticker.links.nats.bucket import Bucket
from ticker.links.nats.connection import Connection
from ticker.links.nats.jetstream import JetStream, StreamState
from ticker.links.nats.lease import Lease
from ticker.links.nats.link import together
from ticker.links.nats.names import LABEL, MARKET, PICTURE, Names
from ticker.links.nats.writer import Deposed, Writer
from ticker.root.hand import Hand
from ticker.root.heir import Heir, incident_number, published
from ticker.source import Host
from ticker.ticks import CHANNELS, Batch
from ticker.wire import reel
from ticker.wire.label import Label

EVERY_INCIDENT = 1 << 60


class Overtaken(Deposed):
    """The stream has steps that we have not made."""


class Term:
    """One of ours. `feed` is at the market's step."""

    def __init__(self, host: Host, names: Names, heir: Heir, hand: Hand, feed: Feed, label: Label) -> None:
        self._host = host
        self._names = names
        self._heir = heir
        self._hand = hand
        self._feed = feed
        self._label = label
        self._market = heir.stage.market
        self.backlog = Backlog(host.config.nats.backlog_bytes)
        self.writer: Writer | None = None
        self.beat = Beat(self._market, feed, host.metrics, host.config)
        self.control = MarketControl(heir.stage, feed, self.beat, host.metrics, lambda _: None)
        self._keeping = asyncio.Lock()
        self._created = ""
        self._last = 0
        self._acked = feed.flushed

    def start(self, speed: float, *, paused: bool) -> None:
        """Begin to beat."""
        self._feed.followers.append(self._flushed)
        self.beat.speed = speed
        self.beat.start(self._host.loop)
        if paused and not self.beat.paused:
            self.beat.pause()
        elif self.beat.paused and not paused:
            self.beat.resume()
        self._hand.lead(self.control, self.beat, self._heir.stage.incidents, self._publish, lambda: self.in_step)

    def end(self) -> None:
        """Beat no more; what was made is handed out."""
        self.beat.stop()
        self._feed.flush()
        self._feed.followers.remove(self._flushed)
        self._hand.rest()

    @property
    def in_step(self) -> bool:
        """Whether NATS has all that there is."""
        return self.writer is not None and self.writer.in_step

    @property
    def unacked(self) -> int:
        return self.writer.unacked if self.writer else 0

    async def lead(self, connection: Connection, lease: Lease, state: StreamState) -> None:
        """Publish for ever. Raises Trouble; Deposed where somebody else writes; Overtaken where he is ahead."""
        jetstream = JetStream(connection)
        bucket = Bucket(jetstream, self._names)
        await bucket.put(LABEL, self._label.encode())
        await self._compare(jetstream, state)
        self.writer = Writer(connection, self._names, self._label.epoch, self.backlog, state.last)
        self._created, self._last = state.created, state.last
        try:
            await together(self.writer.run(), self._renew(lease, bucket), self._keep(bucket))
        finally:
            self._last, self.writer = self.writer.last, None

    async def _compare(self, jetstream: JetStream, state: StreamState) -> None:
        """Find out what the stream has, and have all else sent. Raises Overtaken."""
        found = await published(jetstream, self._names, self._label)
        message = await jetstream.last(self._names.stream, self._names.incident)
        number = incident_number(message) if message else None
        incidents = 0 if number is None else number + 1
        purged = state.created == self._created and state.last >= self._last
        if found is None and purged:  # what it had then, it has had: nobody needs it again
            seq, incidents = self._stored, EVERY_INCIDENT
        else:
            seq = found[0] if found else 0
        if seq > self._feed.tape.head:
            raise Overtaken("another server has gone on with the tape")
        await self._fill(seq)
        self.backlog.resume(seq, incidents)

    @property
    def _stored(self) -> int:
        """The last step that NATS has acknowledged."""
        steps = [item.last for item in self.backlog.items if item.stored and item.incident is None]
        self._acked = max([self._acked, *steps])
        return self._acked

    async def _fill(self, seq: int) -> None:
        """Make what the backlog does not hold any more from the tape, where that does."""
        first = next((item.first for item in self.backlog.items if item.incident is None), self._feed.flushed + 1)
        if first <= seq + 1:
            return
        oldest = max(seq, self._feed.tape.oldest - 1)
        if oldest > seq and seq:
            self._host.log.warning("steps are lost to those who follow", steps=oldest - seq)
        items = []
        for entry in list(self._feed.between(oldest, first - 1)):
            items.append(_item([entry]))
            await asyncio.sleep(0)  # everybody else has a turn: it may be a minute of tape
        self.backlog.fill(items)

    def _flushed(self, entries: list[Entry]) -> None:
        self._publish(_item(entries))

    def _publish(self, item: Item) -> None:
        self.backlog.add(item)
        if self.writer:
            self.writer.pump()

    async def _renew(self, lease: Lease, bucket: Bucket) -> None:
        while True:
            await asyncio.sleep(lease.lease_s / 3)
            kept = await lease.hold(bucket, self.beat.speed, paused=self.beat.paused)
            if not kept and not lease.mine:
                raise Deposed("another server leads")

    async def _keep(self, bucket: Bucket) -> None:
        kept = -1
        while True:
            if self._market.seq != kept:
                kept = self._market.seq
                await self.keep(bucket)
            await asyncio.sleep(self._host.config.nats.keyframe_s)

    async def keep(self, bucket: Bucket) -> None:
        """Keep a picture of the board and of the market, as they stand now."""
        async with self._keeping:
            await self._stow(bucket)

    async def _stow(self, bucket: Bucket) -> None:
        if self._hand.pending is not None:  # what the stream does not have yet, the market does
            await asyncio.wait([self._hand.pending])
        epoch, tape, after = self._label.epoch, self._feed.tape, self.writer.last if self.writer else self._last
        everybody = range(len(self._market.universe))
        board = {channel: self._feed.board.newest(channel, everybody) for channel in CHANNELS}
        shown = Batch(tape.head, tape.t, board)
        stage = self._heir.stage
        market = Checkpoint(self._market.save(), {}, list(stage.incidents), stage.play.identity)
        await bucket.stow(PICTURE, epoch, shown.seq, after, await asyncio.to_thread(reel.keyframe, shown))
        await bucket.stow(MARKET, epoch, shown.seq, after, await asyncio.to_thread(market.data))


def _item(entries: list[Entry]) -> Item:
    cuts = [(entry.batch, entry.emitted_us) for entry in entries]
    return Item(cuts[0][0].seq, cuts[-1][0].seq, reel.splice(cuts), clock.monotonic_s())
