"""Plays on a feed what others publish: from a picture on, step after step as the stream has them, flush by flush.

Rules: a step is played once, in order, or not at all. What the feed has had already is passed over. Where a step is
missing, the stream is read again; where the stream does not have it any more, the feed leaps to a newer picture.
"""

import asyncio
from collections import Counter
from contextlib import suppress

from ticker import clock
from ticker.feed.feed import Feed
from ticker.links.nats.blocks import Assembler, Block, Poison, position_of
from ticker.links.nats.bucket import Bucket
from ticker.links.nats.connection import Connection, Trouble
from ticker.links.nats.gathering import Gathering
from ticker.links.nats.jetstream import JetStream, StreamState
from ticker.links.nats.link import TELL_S, together
from ticker.links.nats.names import Names
from ticker.links.nats.pictures import labelled, picture
from ticker.links.nats.reader import Again, Reader, Start, from_message, from_time
from ticker.source import Host, Opening
from ticker.wire.label import Label

LOOK_S = 0.5  # between two looks at what is not there yet
KINDS_MAX = 100
REACH_S = 30.0
PAUSE_S = 0.05  # before a consumer is made anew: what is wrong may be wrong again


class Follower:
    """Of one tape, for one server; it outlives connections."""

    def __init__(self, host: Host, names: Names) -> None:
        self._host = host
        self._names = names
        self._heartbeat_s = host.config.nats.heartbeat_s
        self.feed: Feed | None = None
        self.label: Label | None = None
        self.reason = ""
        """Why the feed does not show the newest, as far as the stream is concerned."""
        self.at = 0
        """The number of the last message that was dealt with."""
        self.lag_s = 0.0
        """How long the newest step was under way, if both clocks are right."""
        self.restarts = self.leaps = self.repeated = 0
        self.refused: Counter[str] = Counter()
        """Messages that were no good, by reason."""
        self._told_s = -TELL_S
        self._created = ""
        self._assembler: Assembler | None = None
        self._reader: Reader | None = None
        self._opening: Gathering | None = None
        self._ahead: int | None = None
        """The first step of what is too new to be played: those between are missing."""
        self._moved = asyncio.Event()

    @property
    def silent(self) -> bool:
        """Whether the stream is not heard."""
        return self._reader is None or self._reader.silent

    def adopt(self, feed: Feed, label: Label) -> None:
        """Go on with a feed that somebody else has moved: with what comes after its head."""
        self.feed, self.label = feed, label
        self._assembler = Assembler(label.epoch, len(label.universe.instruments))

    async def reach(self, seq: int) -> None:
        """Wait until a message has been dealt with. Raises Trouble where it does not come."""
        over_s = clock.monotonic_s() + REACH_S
        while self.at < seq or self._opening is not None:
            self._moved.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(over_s - clock.monotonic_s()):
                    await self._moved.wait()
            if clock.monotonic_s() >= over_s:
                raise Trouble(f"message {seq} of the stream does not come")

    async def run(self, connection: Connection) -> None:
        """Follow for ever. Raises Trouble."""
        jetstream = JetStream(connection)
        bucket = Bucket(jetstream, self._names)
        while True:
            try:
                await self._round(connection, jetstream, bucket)
            except Again:
                self.restarts += 1
                await asyncio.sleep(PAUSE_S)
            finally:
                self._opening = None

    async def _round(self, connection: Connection, jetstream: JetStream, bucket: Bucket) -> None:
        """Follow until there is a reason to look again."""
        state = await jetstream.state(self._names.stream)
        label = await labelled(bucket) if state else None
        if state is None or label is None:
            self.reason = f"there is no tape {self._names.tape} in NATS yet"
            await asyncio.sleep(LOOK_S)
            return
        if self.label is None or label.epoch != self.label.epoch:
            start = await self._prepare(label, state, bucket)
        else:
            start = await self._resume(state, jetstream)
        if start is None:
            await asyncio.sleep(LOOK_S)
            return
        self._created = state.created
        self._reader = Reader(connection, self._names, self._heartbeat_s, self._take, self._idle)
        await together(self._reader.run(start), self._mind(jetstream, bucket))

    async def _prepare(self, label: Label, state: StreamState, bucket: Bucket) -> Start | None:
        """Get ready to open a tape from its newest picture; return where to begin to read."""
        found = await picture(bucket, label, lambda _: True)
        if found is None:
            self.reason = f"there is no picture of the tape {self._names.tape} in NATS yet"
            return None
        self._assembler = Assembler(label.epoch, len(label.universe.instruments))
        self._opening = Gathering(label, found[0])
        self.at, self._ahead = 0, None
        if state.messages == 0:
            self._open()
            return from_message(state.last + 1)
        return from_time(state.ago(self._host.config.feed.tape_s))

    async def _resume(self, state: StreamState, jetstream: JetStream) -> Start:
        """Return where to go on reading: behind a message with nothing in it that we have not had."""
        self._ahead = None
        if state.created != self._created or not 0 < self.at <= state.last:
            self.at = 0
        if not (self.at and await self._known(jetstream, self.at)):
            self.at = await self._search(state, jetstream)
        return from_message(self.at + 1)

    async def _known(self, jetstream: JetStream, seq: int) -> bool:
        """Tell whether a message reaches no further than the feed, or is not there any more."""
        assert self.feed is not None and self.label is not None
        found = await jetstream.message(self._names.stream, seq)
        reached = position_of(found.headers, self.label.epoch) if found else 0
        return reached is not None and reached <= self.feed.tape.head

    async def _search(self, state: StreamState, jetstream: JetStream) -> int:
        """Return the last message of those that reach no further than the feed: positions rise."""
        low, high = max(0, state.first - 1), state.last
        while low < high:
            middle = (low + high + 1) // 2
            if await self._known(jetstream, middle):
                low = middle
            else:
                high = middle - 1
        return low

    async def _mind(self, jetstream: JetStream, bucket: Bucket) -> None:
        """Look for another tape, another stream, and a way over a hole. Raises Again."""
        while True:
            await asyncio.sleep(LOOK_S)
            state = await jetstream.state(self._names.stream)
            if state is None or state.created != self._created or state.last < self.at:
                raise Again
            label = await labelled(bucket)
            mine = self._opening.label if self._opening else self.label
            if label is None or mine is None or label.epoch != mine.epoch:
                raise Again
            if self._ahead is not None:
                await self._cross(label, bucket, self._ahead)

    async def _cross(self, label: Label, bucket: Bucket, ahead: int) -> None:
        """Leap over steps that are missing, as soon as there is a picture from behind them. Raises Again."""
        self.reason = "steps are missing in NATS, and there is no picture of what came after them yet"
        found = await picture(bucket, label, lambda kept: kept.seq >= ahead - 1)
        if found is None or self._ahead is None or self.feed is None or found[0].seq <= self.feed.tape.head:
            return
        shown, after = found
        self.feed.leap(shown)
        self.leaps += 1
        self._host.log.warning("steps were lost in NATS: readers were told", position=str(self.feed.position))
        self.at, self._ahead = after, None
        raise Again

    # Messages.

    def _take(self, seq: int, subject: str, headers: dict[str, str], data: bytes) -> None:
        """Deal with a message of the stream."""
        try:
            if subject == self._names.steps:
                self._steps(headers, data)
            elif subject != self._names.incident:  # which those ask for who have a market
                raise Poison("of a subject that means nothing")
        except Poison as poison:
            self._refuse(str(poison))
        self.at = seq
        self._moved.set()

    def _idle(self, last: int) -> None:
        """Learn that there is no more at the moment than up to a message: a picture may be newer than all of that."""
        self.at = max(self.at, last)
        if self._opening is not None:
            self._open()
        self._moved.set()
        if self._ahead is None:
            self.reason = ""

    def _steps(self, headers: dict[str, str], data: bytes) -> None:
        assert self._assembler is not None
        if self._opening is None and self._had(headers):
            self.repeated += 1
            return
        block = self._assembler.take(headers, data)
        if block is None:
            return
        if self._opening is None:
            self._play(block)
        elif self._opening.add(block):
            self._open()

    def _had(self, headers: dict[str, str]) -> bool:
        """Tell by its headers alone whether the feed has had a whole block."""
        assert self.feed is not None and self.label is not None
        reached = position_of(headers, self.label.epoch)
        return reached is not None and reached <= self.feed.tape.head

    def _play(self, block: Block) -> None:
        feed = self.feed
        assert feed is not None
        head = feed.tape.head
        if block.last <= head:
            self.repeated += 1
            return
        if block.first > head + 1:
            self._ahead = min(block.first, self._ahead or block.first)
            return
        new = [(batch, emitted_us) for batch, emitted_us in block.cuts if batch.seq > head]
        if new[0][0].t < feed.tape.t:
            raise Poison("of a market time that is over")
        for batch, emitted_us in new:
            feed.publish(batch, emitted_us)
        feed.flush()
        feed.board.settle()
        feed.bars.settle()
        self.lag_s = max(0.0, (clock.wall_us() - new[-1][1]) / 1e6)
        self._ahead = None
        self.reason = ""

    def _open(self) -> None:
        """Serve the tape from the picture on, and play what came after it."""
        opening, self._opening = self._opening, None
        assert opening is not None
        shown = opening.shown
        past = opening.past()
        self.feed = self._host.open(Opening(label=opening.label, seq=shown.seq, t=shown.t, shown=shown, past=past))
        self.label = opening.label
        for block in opening.blocks:
            if block.last > shown.seq:
                try:
                    self._play(block)
                except Poison as poison:
                    self._refuse(str(poison))

    def _refuse(self, reason: str) -> None:
        """Count a message that is no good, and say so once a minute."""
        if len(self.refused) >= KINDS_MAX:  # a sentence may name what was sent
            total = self.refused.total()
            self.refused.clear()
            self.refused["of many kinds"] = total
        self.refused[reason] += 1
        if clock.monotonic_s() - self._told_s >= TELL_S:
            self._told_s = clock.monotonic_s()
            self._host.log.warning("a message of NATS is no good", reason=reason, refused=self.refused.total())
