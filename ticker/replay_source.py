"""A tape on a disk as a source: read here, moved on by its beat, held by the admin API; at its end it stands still.

In a loop each round is a tape of its own: who reads the one before is sent away, and may come back.
"""

import asyncio

from msgspec.structs import replace

from ticker import clock
from ticker.beat import Beat, Beaten
from ticker.control import Control
from ticker.errors import Refusal, SetupError
from ticker.feed.feed import Feed
from ticker.links.replay import Start, Tape, begin, opened, started, story
from ticker.market.scenarios import moment
from ticker.market.tally import Tally
from ticker.source import Host, Opening, Role
from ticker.ticks import STATES, STATUS

PAST_MAX = 10_000  # steps read before those that are played: some seconds, for readers that come back


class ReplaySource(Beaten):
    """The tape of `replay.file`. Raises SetupError."""

    role: Role = "replay"
    leader = ""

    def __init__(self, host: Host) -> None:
        config = host.config
        self._host = host
        host.log.info("reading what is replayed", file=config.replay.file)
        self._tape: Tape = opened(config, Tally)
        self._seq = begin(config, self._tape)
        self._round = 1
        self._speed = config.clock.speed
        self._failed: asyncio.Future[None] | None = None
        self.story = story(self._tape)
        """What is to be known of it, in lines."""
        self._next: asyncio.Task[None] | None = None
        self.feed, self.beat = self._open(self._started())
        self.control = Control(self, host.metrics)

    def _started(self) -> Start:
        """Return the tape where a round of it begins: to come there may take a while."""
        config = self._host.config
        back = min(PAST_MAX, clock.steps_in(config.feed.tape_s, self._speed, self.step_us))
        return started(self._tape, self._seq, back, restamp=config.replay.restamp)

    def _open(self, start: Start) -> tuple[Feed, Beat]:
        """Have the host serve a round of the tape; return the feed and the beat of it."""
        config, label = self._host.config, self._tape.label
        epoch = label.epoch if self._round == 1 else f"{label.epoch}-{self._round}"
        label = replace(label, epoch=epoch, speed=self._speed)
        feed = self._host.open(Opening(label, self._seq, start.t, start.shown, start.past))
        beat = Beat(start.playback, feed, self._host.metrics, config, start.playback.stamp, self._ended)
        beat.speed = self._speed
        return feed, beat

    # What holds the clock asks.

    @property
    def step_us(self) -> int:
        return self._tape.label.step_us

    @property
    def last(self) -> int:
        """The last step there is."""
        return self._tape.last

    @property
    def phase(self) -> str:
        """That of most instruments."""
        status = self.feed.board.newest(STATUS, range(self.feed.board.instruments))
        states = status["state"].tolist()
        return STATES[max(set(states), key=states.count)] if states else STATES[-1]

    def reached(self, t_us: int) -> int:
        """Return the first step that ends at a time or later. Raises Refusal."""
        try:
            return self._tape.place(moment(t_us).isoformat()) + 1
        except (Refusal, SetupError) as error:
            raise Refusal("bad_position", f"at: {error}") from None

    # What the server asks.

    @property
    def failed(self) -> asyncio.Future[None]:
        """Resolved where the file cannot be read on."""
        assert self._failed is not None  # nobody asks before the start
        return self._failed

    def start(self, host: Host) -> None:
        """Begin to beat."""
        self._failed = host.loop.create_future()
        self._start(paused=host.config.clock.paused)

    def _start(self, *, paused: bool) -> None:
        self.beat.start(self._host.loop)
        self.beat.failed.add_done_callback(self._pass_on)
        if self._host.config.clock.paused and not paused:  # which is meant for the first round
            self.beat.resume()

    def _pass_on(self, failed: asyncio.Future[None]) -> None:
        error = None if failed.cancelled() else failed.exception()
        if error is not None and not self.failed.done():
            self.failed.set_exception(error)

    def _ended(self) -> None:
        """Stand still where the tape ends, or begin it again: once those who asked for the last step are answered."""
        if self._next and not self._next.done():
            return  # somebody has asked for more while it is on its way to its beginning
        config, striding = self._host.config, self.beat.striding
        position = str(self.feed.position)
        if not config.replay.loop:
            self._host.log.info("the replay is at its end: it stands still there", position=position)
            return
        self._host.log.info("the replay is at its end: it begins again", position=position, round=self._round + 1)
        self._next = self._host.loop.create_task(self._again(paused=striding))

    async def _again(self, *, paused: bool) -> None:
        try:
            start = await self._host.loop.run_in_executor(None, self._started)
            self._speed = self.beat.speed
            self.beat.stop()
            self._round += 1
            self.feed, self.beat = self._open(start)
            self._start(paused=paused)
        except Exception as error:
            self.failed.set_exception(error)

    async def stop(self) -> None:
        if self._next:
            self._next.cancel()
        self.beat.stop()
        self._tape.close()

    def measure(self) -> None:
        self.beat.measure()
