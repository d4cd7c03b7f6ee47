"""Messages that have come and that nobody has read yet; whoever listens waits while there are too many.

A message is processed when whoever took it out comes back for the next one, or ends: then an ack may be due.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

from ticker.session.client import ClientSession, Gap
from ticker.session.messages import Ack, AnyServerMessage, Closing, Lag, Listing, Recovered, Snapshot, Ticks
from ticker_client.arrays import Arrays
from ticker_client.errors import OUR_FAULT, ConnectionEnded, Incomplete
from ticker_client.instruments import Instruments

WAITING_MESSAGES_MAX = 256  # a consumer further behind than this lets the socket fill, and the server knows what to do

Waiting = Ticks | Snapshot | Arrays
Word = TypeVar("Word")


def _ignore(_: object) -> None:
    """Do nothing."""


class Inbox:
    """Between one line, which puts messages in, and one iterator, which takes them out."""

    def __init__(
        self,
        session: ClientSession,
        on_gap: Callable[[Gap], object] | None = None,
        on_lag: Callable[[Lag], object] | None = None,
        on_bad_book: Callable[[str], object] | None = None,
        on_reconnect: Callable[[ConnectionEnded], object] | None = None,
        *,
        strict: bool = False,
    ) -> None:
        self.heard = 0
        """How many messages of any kind have come."""
        self.ended: ConnectionEnded | None = None
        self.advice_s: float | None = None
        """When the server, going away, asked us to come back."""
        self.instruments = Instruments()
        """What the numbers in arrays stand for; nothing until somebody has said it."""
        self.acknowledge: Callable[[Ack], None] | None = None
        """What to do with an acknowledgement that is due; None where there are none."""
        self.mend: Callable[[list[str]], object] = _ignore
        """What to do about symbols whose book has turned out wrong."""
        self._session = session
        self._on_gap = on_gap or _ignore
        self._on_lag = on_lag or _ignore
        self._on_bad_book = on_bad_book or _ignore
        self._on_reconnect = on_reconnect or _ignore
        self._strict = strict
        self._restarts = session.restarts
        # Messages, the connection each came on, and whether there is something in it for whoever reads.
        self._waiting: deque[tuple[Waiting, int, bool]] = deque()
        self._without_news = 0
        self._taken: tuple[Waiting, int, bool] | None = None
        self._changed = asyncio.Event()
        self._read = False
        """Whether somebody waits for a message."""

    def __len__(self) -> int:
        return len(self._waiting) - self._without_news

    # The line's end.

    def take(self, message: AnyServerMessage | Arrays) -> None:
        """Take note of a message and keep what is to be read.

        Raises ConnectionEnded where a callback fails, or did, Incomplete where something is missing, and
        msgspec.ValidationError for a listing that makes no sense.
        """
        if self.ended is not None:
            raise self.ended
        self.heard += 1
        gaps = len(self._session.gaps)
        if isinstance(message, Arrays):
            message = self._note_arrays(message)
        else:
            if isinstance(message, Listing):
                self.instruments = Instruments.of(message)
            message = self._session.fresh(message) if isinstance(message, Ticks) else message
            self._session.note(message)
        found = self._session.gaps[gaps:] if len(self._session.gaps) > gaps else ()
        for gap in found:
            self._tell("on_gap", self._on_gap, gap)
        if self._strict:
            self._insist(message, found)
        if isinstance(message, Ticks | Snapshot | Arrays):
            self._keep(message)
        else:
            self._take_other(message)
        if bad := self._session.books.to_ask_anew():
            self.mend(bad)
            for symbol in bad:
                self._tell("on_bad_book", self._on_bad_book, symbol)

    def _note_arrays(self, message: Arrays) -> Arrays:
        if message.kind == "snapshot":
            self._session.note_shown(message.seq, message.rows)
            return message
        rows = self._session.fresh_rows(message.rows)
        self._session.note_rows(message.seq, rows)
        return message if rows is message.rows else message._replace(rows=rows)

    def _take_other(self, message: AnyServerMessage) -> None:
        match message:
            case Closing():
                self.advice_s = message.reconnect_after_s
            case Lag():
                self._tell("on_lag", self._on_lag, message)

    def _insist(self, message: AnyServerMessage | Arrays, gaps: Sequence[Gap]) -> None:
        """Raise Incomplete, for whoever reads as well, where something is missing before a message."""
        hole: Incomplete | None = None
        if gaps:
            gap = gaps[0]
            first, last = gap.after_n + 1, gap.before_n - 1
            numbers = f"{first} is" if first == last else f"{first} to {last} are"
            hole = Incomplete(f"{gap.symbol} {gap.channel}: n {numbers} missing", gap)
        elif isinstance(message, Lag) and not self._session.forgives(message):
            left_out = message.dropped + message.conflated
            hole = Incomplete(f"the server left out {left_out} ticks ({message.reason})", message)
        elif isinstance(message, Recovered) and not message.complete:
            hole = Incomplete(f"the server could not fill the hole after {message.from_}")
        elif self._session.restarts > self._restarts:
            hole = Incomplete("the server has another tape now, or began this one anew")
        if hole:
            self.end(hole)
            raise hole

    def note_reconnect(self, ended: ConnectionEnded) -> None:
        """Tell that a lost connection has been made again. Raises ConnectionEnded where the callback fails."""
        self._tell("on_reconnect", self._on_reconnect, ended)

    def _keep(self, message: Waiting) -> None:
        """Keep a message; one without news only so that it is acknowledged when its turn comes."""
        news = _has_news(message)
        if not news:
            if self.acknowledge is None:
                return
            self._without_news += 1
        self._waiting.append((message, self._session.connection, news))
        self._changed.set()

    def _tell(self, name: str, callback: Callable[[Word], object], word: Word) -> None:
        try:
            callback(word)
        except Exception as error:
            self.end(ConnectionEnded(f"{name} failed: {error!r}", OUR_FAULT))
            assert self.ended is not None
            raise self.ended from error

    @property
    def full(self) -> bool:
        """Whether whoever listens should wait."""
        return len(self._waiting) >= WAITING_MESSAGES_MAX

    async def room(self, urgent: Callable[[], bool] = lambda: False) -> None:
        """Wait until there is room for more, or it is urgent."""
        while self.full and not urgent():
            self._changed.clear()
            await self._changed.wait()

    def wake(self) -> None:
        """Have whoever waits look again."""
        self._changed.set()

    def end(self, ended: ConnectionEnded) -> None:
        """Let iterators end once everything is read; the first reason counts."""
        self.ended = self.ended or ended
        self._changed.set()

    # The iterator's end.

    async def next(self) -> Waiting | None:
        """Return the next message; None when it is over and that was wanted, else raise ConnectionEnded."""
        while True:
            if self.settle():
                await asyncio.sleep(0)  # let the ack out, and more in, while there is still something to read
            elif self._waiting:
                self._taken = self._waiting.popleft()
                self._changed.set()
                if self._taken[2]:
                    return self._taken[0]
                self._without_news -= 1
            elif self.ended is None:
                await self._news()
            elif self.ended.code == 1000:
                return None
            else:
                raise self.ended

    async def _news(self) -> None:
        if self._read:
            raise RuntimeError("this feed is read elsewhere at this moment: read it in one place")
        self._read = True
        try:
            self._changed.clear()
            await self._changed.wait()
        finally:
            self._read = False

    def settle(self) -> bool:
        """Take what was taken out for processed; return whether that was acknowledged."""
        taken, self._taken = self._taken, None
        if taken is None or self.acknowledge is None or not _is_ticks(taken[0]):
            return False
        ack = self._session.processed(taken[0].seq, taken[1])
        if ack is None:
            return False
        self.acknowledge(ack)
        return True

    def farewell(self) -> None:
        """Acknowledge what was processed, due or not."""
        self.settle()
        if self.acknowledge and (ack := self._session.farewell()):
            self.acknowledge(ack)


def _has_news(message: Waiting) -> bool:
    if isinstance(message, Ticks):
        return bool(message.data)
    return isinstance(message, Snapshot) or message.kind == "snapshot" or bool(message.rows)


def _is_ticks(message: Waiting) -> bool:
    return isinstance(message, Ticks) or (isinstance(message, Arrays) and message.kind == "ticks")
