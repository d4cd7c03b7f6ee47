"""The market of this configuration, put where the tape is: from the newest picture of a market, and what came after it.

A market is a function of its seed and the step, and of what was caused: so whoever has the same configuration makes the
same tape. Whether it did is looked at: the last published step, made again, must have the very same bytes.
"""

import asyncio

import msgspec

from ticker import clock
from ticker.checkpoints import Checkpoint
from ticker.config import Config
from ticker.errors import Refusal, SetupError
from ticker.feed.feed import Feed
from ticker.links.nats.blocks import INCIDENT, Assembler, Cut, Poison, position_of
from ticker.links.nats.bucket import Bucket, Kept
from ticker.links.nats.jetstream import JetStream, Stored
from ticker.links.nats.link import Misfit
from ticker.links.nats.names import MARKET, Names
from ticker.market.incidents import Incident
from ticker.stage import stage
from ticker.ticks import Batch
from ticker.wire import reel
from ticker.wire.label import Label

SLICE_S = 0.01  # of steps at a time, as everywhere
BAD_MAX = 64  # messages that are no good, behind the last one that is


class Heir:
    """The market that a configuration wants; `stage` holds it. Raises SetupError where there is none such."""

    def __init__(self, config: Config, names: Names) -> None:
        self._names = names
        self.stage = stage(config)
        self._speed = config.clock.speed
        self._seed = config.market.seed
        self._own = self.stage.market.save()
        self._incidents = list(self.stage.incidents)
        self._newest: Batch | None = None
        self.label = self._labelled()
        """That of the tape which this market begins where there is none."""

    def _labelled(self) -> Label:
        market = self.stage.market
        return Label.of(
            market.universe,
            epoch=market.epoch,
            step_us=market.step_us,
            start_us=market.time_us(0),
            seed=self._seed,
            speed=self._speed,
        )

    def begin(self) -> None:
        """Be where a tape of our own begins."""
        self.stage.market.load(self._own)
        self.stage.incidents[:] = self._incidents

    async def check(self, bucket: Bucket, label: Label) -> None:
        """Raise Misfit unless this market can go on with a tape."""
        found = await bucket.fetch(MARKET, lambda kept: kept.epoch == label.epoch)
        try:
            if found is not None:
                self._load(found[1])
            elif label.epoch != self.label.epoch:
                raise SetupError("seed, universe, model, step or version differ")
        except SetupError as error:
            raise self._misfit(str(error)) from None

    def _misfit(self, reason: str) -> Misfit:
        return Misfit(
            f"NATS holds a tape {self._names.tape!r} that this market cannot go on with: {reason}; give ours another "
            "name (--nats.tape NAME), or have it take that one's place (--nats.fresh)"
        )

    def _load(self, data: bytes) -> None:
        """Put the market where a checkpoint is. Raises SetupError."""
        checkpoint = Checkpoint.read(data)
        if checkpoint.scenario != self.stage.play.identity:
            raise SetupError("another market.scenario is played")
        self.stage.market.load(checkpoint.market)
        self.stage.incidents[:] = checkpoint.incidents

    async def go_to(self, jetstream: JetStream, bucket: Bucket, label: Label, seq: int, head: int) -> None:
        """Put the market where the tape is after step `seq`, or later, not after `head`. Raises Trouble, Misfit."""
        found = await self._kept(bucket, label, seq - 1)  # which leaves a step to be made again, and looked at
        found = found or await self._kept(bucket, label, seq) or await self._kept(bucket, label, head)
        after = 0
        try:
            if found is not None:
                after = found[0].after
                self._load(found[1])
            elif label.epoch == self.label.epoch:
                self.begin()
            else:
                raise SetupError("its market is not kept")
            for incident in await self._caused(jetstream, after):
                self._cause(incident)
        except SetupError as error:
            raise self._misfit(str(error)) from None
        await self.step_to(seq)

    async def _kept(self, bucket: Bucket, label: Label, last: int) -> tuple[Kept, bytes] | None:
        """Return the newest market that is kept, of none after a step."""
        return await bucket.fetch(MARKET, lambda kept: kept.epoch == label.epoch and kept.seq <= last)

    async def step_to(self, seq: int, feed: Feed | None = None) -> None:
        """Take steps in silence, or for a feed that has not had them; everybody else has a turn meanwhile."""
        market = self.stage.market
        self._newest = None
        over_s = clock.monotonic_s() + SLICE_S
        while market.seq < seq:
            self._newest = market.step()
            if feed is not None:
                feed.publish(self._newest, clock.wall_us())
                feed.flush()
            if clock.monotonic_s() >= over_s:
                await asyncio.sleep(0)
                over_s = clock.monotonic_s() + SLICE_S

    def verify(self, published: Cut | None) -> None:
        """Raise Misfit unless the last step that was made again is the one that was published."""
        mine = self._newest
        if mine is None or published is None or published[0].seq != mine.seq:
            return
        if reel.splice([(mine, published[1])]) != reel.splice([published]):
            raise self._misfit(f"made again, step {mine.seq} is another")

    async def _caused(self, jetstream: JetStream, after: int) -> list[Incident]:
        """Return what was caused since the market was kept, in order. Raises SetupError where it is not all there."""
        state = await jetstream.state(self._names.stream)
        at = after + 1 if state and after <= state.last else 1
        found: list[Incident] = []
        while True:
            message = await jetstream.following(self._names.stream, self._names.incident, at)
            if message is None:
                return found
            at = message.seq + 1
            number, next_number = incident_number(message), len(self.stage.incidents) + len(found)
            if number is not None and number > next_number:
                raise SetupError("not all that was caused is kept")
            if number == next_number:
                found.append(_incident(message))

    def _cause(self, incident: Incident) -> None:
        market = self.stage.market
        try:
            step = market.cause(incident)
        except Refusal as refusal:
            raise SetupError(f"what was caused cannot be: {refusal.message}") from None
        if step != incident.step:
            raise SetupError("what was caused is over already")
        self.stage.incidents.append(incident)
        self.stage.incidents.sort(key=lambda known: known.step)


def incident_number(message: Stored) -> int | None:
    """Return which incident of its tape a message is, counted from 0; None where it is none."""
    text = message.headers.get(INCIDENT, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _incident(message: Stored) -> Incident:
    try:
        return msgspec.json.decode(message.data, type=Incident)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SetupError(f"what was caused cannot be read: {error}") from None


async def published(jetstream: JetStream, names: Names, label: Label) -> tuple[int, Cut | None] | None:
    """Return the last step that the stream has, and that step where one message holds it; None where it has none."""
    found = await jetstream.last(names.stream, names.steps)
    if found is None:
        return None
    for seq in range(found.seq, max(0, found.seq - BAD_MAX), -1):
        message = found if seq == found.seq else await jetstream.message(names.stream, seq)
        reached = _reached(message, names, label) if message else None
        if reached is not None:
            return reached
    return None


def _reached(message: Stored, names: Names, label: Label) -> tuple[int, Cut | None] | None:
    """Return up to where a message tells the tape; None where it is no good."""
    seq = position_of(message.headers, label.epoch) if message.subject == names.steps else None
    try:
        block = Assembler(label.epoch, len(label.universe.instruments)).take(message.headers, message.data)
    except Poison:
        return None
    return None if seq is None else (seq, block.cuts[-1] if block else None)
