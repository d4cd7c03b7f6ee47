"""`ticker record`: connect, keep what comes, and close the file: by a limit, a signal, or the end of the tape."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from ticker import clock
from ticker.errors import SetupError
from ticker.links.about import About
from ticker.links.recorder import Recorder
from ticker.session.client import EVERYTHING
from ticker.session.messages import Lag, Welcome
from ticker.session.requests import InstrumentAnswer
from ticker.ticks import BOOK
from ticker_client.address import Address
from ticker_client.errors import ConnectionEnded, Refused
from ticker_client.feed import Feed
from ticker_client.instruments import Instruments
from ticker_client.line import Traffic
from ticker_client.options import Options, secured
from ticker_client.records import asked
from ticker_record import appending, labels, words
from ticker_record.keeper import Keeper
from ticker_record.screen import Screen
from ticker_record.wishes import Wishes

__all__ = ["Wishes", "run"]

REST_S = 1.0  # between writes where little comes: as much as may be lost
AT_ONCE = 100  # instruments whose books are shown in one message: 100 kB
PAINTS = 4  # in that time
REASONS = {"slow_reader": "we were too slow", "window": "we acknowledged too late", "source": "the server had none"}


def run(wishes: Wishes) -> int:
    """Record, and return the exit code. Raises SetupError where that cannot be, or came to an end by itself."""
    wishes.check()
    take = Take(wishes)
    try:
        asyncio.run(take.run())
    except (ConnectionEnded, Refused) as error:
        raise SetupError(str(error)) from None
    return 0


class Take:
    """One run of the command."""

    def __init__(self, wishes: Wishes) -> None:
        self._wishes = wishes
        self._feed = wishes.feed(Options(on_lag=self._note_lag))
        self._screen = Screen(wishes.path)
        self._keeper: Keeper | None = None
        self._described: dict[str, InstrumentAnswer] = {}
        self._known = appending.begin(wishes, self._feed) if wishes.goes_on else None

    async def run(self) -> None:
        """Record until it is over. Raises SetupError, ConnectionEnded and Refused."""
        recorder = self._known
        try:
            with told() as over, self._screen:
                await first_of(self._wishes.duration_s, self._work(), over.wait())
        finally:
            recorder = (self._keeper.recorder if self._keeper else None) or recorder
            if recorder is not None:
                recorder.close()
        if recorder is None:
            raise SetupError(f"{self._wishes.path}: nothing came, and nothing was recorded")
        self._screen.sum_up(recorder)
        missed = self._feed.session.missed
        if missed and not recorder.gaps:  # or that is what they are
            self._screen.say(f"{words.plural(missed, 'tick')} never came, as their n proves")

    async def _work(self) -> None:
        async with self._feed as feed:
            await first_of(None, self._listen(feed), self._rest(feed))

    async def _listen(self, feed: Feed) -> None:
        """Keep what comes, until there is enough, or it is another tape."""
        wishes = self._wishes
        self._described = await self._describe()
        if self._known is None:
            until = await self._subscribe(feed)
        else:
            await feed.ping()  # it goes on by itself where it was
            until = 0
        welcome = feed.session.welcome
        assert welcome is not None

        def begin(traded: Instruments, start_us: int) -> Recorder:
            label = labels.label_of(welcome, traded, self._described, start_us)
            return Recorder.create(wishes.path, label, self._about())

        channels = self._known.about.channels if self._known else wishes.wanted
        keeper = Keeper(channels, labels.step_us(welcome), begin)
        if self._known is not None:
            appending.check_tape(self._known, welcome)
            keeper.go_on(self._known)
        keeper.shown_until = until
        self._keeper = keeper
        async for message in feed.arrays():
            if message.kind == "snapshot":
                self._check_tape(feed, welcome)
            if self._known is not None:
                appending.check_traded(self._known, message.instruments)
            keeper.take(message)
            self._say_holes(keeper)
            if wishes.count is not None and keeper.recorder and keeper.recorder.ticks >= wishes.count:
                return

    async def _subscribe(self, feed: Feed) -> int:
        """Ask for all that is wanted; return the step up to which pictures of it come."""
        wishes = self._wishes
        symbols = wishes.symbols or [EVERYTHING]
        seq = 0
        if wishes.transport == "ws" and EVERYTHING in symbols and len(self._described) > AT_ONCE:
            # A server hangs up on who leaves so much unread as one picture of everything: book by book it is less.
            names = list(self._described)
            for channel in wishes.wanted:
                portions = [names[at : at + AT_ONCE] for at in range(0, len(names), AT_ONCE)] if channel == BOOK else []
                for portion in (*portions, symbols):
                    seq = (await feed.subscribe(*portion, channels=[channel])).seq
        else:
            seq = (await feed.subscribe(*symbols, channels=wishes.wanted)).seq
        return seq

    async def _rest(self, feed: Feed) -> None:
        """Write what waits every second, and show what there is."""
        while True:
            for _ in range(PAINTS):
                await asyncio.sleep(REST_S / PAINTS)
                keeper = self._keeper
                connection = "" if feed.live else f"no connection: {feed.trouble or 'it was lost'}"
                self._screen.show(keeper.recorder if keeper else None, connection)
            if keeper and feed.live and not feed.waiting:
                keeper.rest(feed.session.reached, clock.wall_us())
                self._say_holes(keeper)

    def _check_tape(self, feed: Feed, welcome: Welcome) -> None:
        now = feed.session.welcome
        if now is not None and now.epoch != welcome.epoch:
            raise SetupError(
                f"{self._wishes.path}: the server has another tape now, {now.epoch}: this recording of {welcome.epoch} "
                "ends here, record the other one in a new file"
            )

    def _say_holes(self, keeper: Keeper) -> None:
        for hole in keeper.holes:
            self._screen.say(words.hole(*hole))
        keeper.holes.clear()

    def _note_lag(self, lag: Lag) -> None:
        if self._keeper:
            self._keeper.lagged(REASONS.get(lag.reason, lag.reason))

    def _about(self) -> About:
        wishes = self._wishes
        symbols = tuple(wishes.symbols)
        everything = not symbols or EVERYTHING in symbols
        return About(
            channels=wishes.wanted,
            symbols=None if everything else symbols,
            source=wishes.url,
            transport=wishes.transport,
        )

    async def _describe(self) -> dict[str, InstrumentAnswer]:
        wishes = self._wishes
        address = Address.of(wishes.url, secured(wishes.url, None, wishes.cafile), wishes.token)
        async with asked(address, Traffic()) as records:
            return {one.symbol: one for one in await records.described()}


async def first_of(seconds: float | None, *works: object) -> None:
    """Wait until one of these is done, or for so long; end the others. Raises what the first ones raise."""
    tasks = [asyncio.ensure_future(work) for work in works]  # type: ignore[call-overload]
    try:
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.result()


@contextmanager
def told() -> Iterator[asyncio.Event]:
    """Give an event that is set by Ctrl-C, a signal to end, or a terminal that is closed."""
    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
    taken = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]  # nohup knows better
    for number in taken:
        loop.add_signal_handler(number, over.set)
    try:
        yield over
    finally:
        for number in taken:
            loop.remove_signal_handler(number)
