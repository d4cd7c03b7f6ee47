"""What one connection is owed, tick by tick: a plain list, kept beside the server and compared with all it writes.

A ledger learns of every step of the market and of every message to its client, in order, and of what the client
said last. From the protocol alone it knows what each message must hold; it raises AssertionError where it does not.
"""

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

from msgspec import UNSET

from book_reader import BookReader, Change, Side
from ticker.session.messages import (
    AnyServerMessage,
    Closing,
    Error,
    Heartbeat,
    Lag,
    Recovered,
    Subscribed,
    Unsubscribed,
    WindowGranted,
)
from ticker.ticks import CHANNELS, Position


class Tick(NamedTuple):
    """One tick; sorted, they are in the order of the tape."""

    seq: int
    channel: int
    instrument: int
    n: int

    @property
    def key(self) -> tuple[int, int]:
        return self.channel, self.instrument


@dataclass
class Stretch:
    """A part of the past that was asked for, and which ticks of it will not all have been sent."""

    since: int
    until: int
    lost: list[Tick]
    broken: bool = False


class Tape:
    """Every tick there ever was, and how far back the server's tape reaches."""

    def __init__(self, symbols: list[str]) -> None:
        self.symbols = symbols
        self.ticks: list[Tick] = []
        self.head = 0
        self.floor = 0
        self.books: dict[tuple[int, int], tuple[Side, Side]] = {}
        """The sides of an instrument's book as of an `n`, where a step ended with that."""
        self._making = BookReader()
        self.handed_us = 0
        """The wall clock that the feed was handed last."""

    def change(self, changes: list[Change]) -> None:
        """Take the changes of a step."""
        for change in changes:
            book = self._making.take(change)
            if book is not None:
                self.books[change.instrument, change.n] = dict(book.sides[0]), dict(book.sides[1])

    def newest(self, keys: set[tuple[int, int]]) -> list[Tick]:
        """Return the newest tick of each of these keys, in order of the keys."""
        found = {tick.key: tick for tick in self.ticks if tick.key in keys}
        return [found[key] for key in sorted(found)]


class Ledger:
    """`owed` are the ticks that were neither sent nor accounted for, `merged` counts those to be reported merged."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape
        self.wanted: set[tuple[int, int]] = set()
        self.owed: list[Tick] = []
        self.merged = 0
        self.rate_hz: float | None = None
        self.on_lag = "skip"
        self.window = 0
        self.unacked: deque[int] = deque()
        self.shut_s: float | None = None
        self.stretches: list[Stretch] = []
        self.positions = [tape.head]
        """What the client was shown, and may acknowledge."""
        self.reached: list[int] = []
        """Up to where it was told that it had everything, and may come back from."""
        self.seq = 0
        self.lagged_to = 0
        self.slot: tuple[float, int] | None = None
        self.lags: list[Lag] = []
        self.errors: list[Error] = []
        self.messages = 0
        self.due: deque[str] = deque()
        """What must follow a loss at once: a snapshot of each channel, or the end."""
        self.added: set[tuple[int, int]] = set()
        self.asking: tuple[set[tuple[int, int]], int] | None = None
        self.books = BookReader()

    @property
    def shut(self) -> bool:
        return 0 < self.window <= len(self.unacked)

    def keys(self, table: dict[str, list[str]]) -> set[tuple[int, int]]:
        """Return what a table of channel to symbols names."""
        symbols = self.tape.symbols
        return {
            (CHANNELS.index(channel), symbols.index(symbol))
            for channel, named in table.items()
            for symbol in (symbols if named == ["*"] else named)
        }

    def late(self, seq: int) -> list[Tick]:
        """Return what is owed up to a position."""
        return [tick for tick in self.owed if tick.seq <= seq]

    # What happens.

    def step(self, ticks: list[Tick]) -> None:
        self.owed += [tick for tick in ticks if tick.key in self.wanted]

    def ask(self, table: dict[str, list[str]], since: int) -> None:
        """Note what is about to be asked for from a position of the past on."""
        self.asking = self.keys(table), since

    def obeyed(self, refused: bool) -> None:
        """Owe what was asked for of the past; the command has been dealt with."""
        if self.asking and not refused:
            self.owed = sorted({*self._asked(self.tape.head), *self.owed})
        self.asking = None
        self.added = set()

    def _asked(self, until: int) -> list[Tick]:
        """Return the ticks of the past that are being asked for, up to a position."""
        keys, since = self.asking or (set(), 0)
        return [tick for tick in self.tape.ticks if since < tick.seq <= until and tick.key in keys]

    def ack(self, seq: int) -> None:
        """Take an acknowledgement that was not refused."""
        while self.unacked and self.unacked[0] <= seq:
            self.unacked.popleft()
            self.shut_s = None

    def overdue(self, now_s: float, deadline_s: float) -> bool:
        """Tell whether the server must give up at this look at the clock."""
        if not self.shut:
            self.shut_s = None
        elif self.shut_s is None:
            self.shut_s = now_s
        elif now_s - self.shut_s >= deadline_s:
            self.shut_s = now_s
            return True
        return False

    # What is written.

    def hear(self, message: AnyServerMessage) -> None:
        """Check any message but ticks and snapshots."""
        assert not self.due or isinstance(message, Closing), (self.due, message)
        match message:
            case Subscribed():
                self._subscribed(message)
            case Unsubscribed():
                self.wanted = self.keys(message.subscriptions)
                floor = self.tape.floor if self.rate_hz is None else 0  # what is lost stays lost, and is counted
                self.owed = [tick for tick in self.owed if tick.key in self.wanted or tick.seq <= floor]
            case WindowGranted():
                if not (message.size and self.window):
                    self.unacked.clear()
                self.window = message.size
                if not self.shut:
                    self.shut_s = None
            case Lag():
                self._lag(message)
            case Recovered():
                self._recovered(message)
            case Heartbeat():
                assert not self.late(message.seq), "a sign of life claims what was not sent"
                self.reached.append(message.seq)
            case Closing():
                assert list(self.due) == ["closing"]
                assert message.code == 4008
                self.due.clear()
            case Error():
                self.errors.append(message)

    def ticks(self, seq: int, ts: int, data: list[Tick], *, steps: bool) -> None:
        """Check a message of ticks; `steps` tells whether they know their own."""
        assert not self.due
        assert seq > self.seq, "positions rise"
        assert not self.shut, "nothing goes through a shut window"
        late = self.late(seq)
        if self.rate_hz is None:
            expected = late
        else:
            newest = {tick.key: tick for tick in late}
            expected = [newest[key] for key in sorted(newest)]
            self.merged += len(late) - len(expected)
            slot = self.rate_hz, int(self.tape.handed_us * self.rate_hz / 1e6)
            assert slot != self.slot, "one message a slot"
            assert ts == self.tape.handed_us
            self.slot = slot
            steps = False  # the newest of several steps count as one
        assert expected
        assert [t if steps else t[1:] for t in data] == [t if steps else t[1:] for t in expected]
        self.owed = [tick for tick in self.owed if tick.seq > seq]
        self.seq = seq
        self.messages += 1
        self.positions.append(seq)
        self.reached.append(seq)
        if self.window:
            self.unacked.append(seq)

    def change(self, changes: list[Change]) -> None:
        """Follow the books with rows that were written: each that can be proved is the market's own at that place."""
        for change in changes:
            book = self.books.take(change)
            if book is not None:
                assert book.sides == self.tape.books[change.instrument, change.n]

    def snapshot(self, seq: int, channel: int, data: list[Tick]) -> None:
        """Check a snapshot."""
        if self.due:
            assert self.due.popleft() == CHANNELS[channel]
            keys = self.wanted
        else:
            keys = self.added
        assert seq == self.tape.head
        assert [t[1:] for t in data] == [t[1:] for t in self.tape.newest({k for k in keys if k[0] == channel})]
        self.positions.append(seq)

    def _subscribed(self, message: Subscribed) -> None:
        wanted = self.keys(message.subscriptions)
        self.added, self.wanted = wanted - self.wanted, wanted
        if self.rate_hz is None and message.rate_hz is not UNSET:
            self.lagged_to = max(self.lagged_to, self.seq)  # what is merged from here on has not been sent
        self.rate_hz = None if message.rate_hz is UNSET else message.rate_hz
        self.on_lag = message.on_lag
        if self.asking:
            self.stretches.append(Stretch(self.asking[1], self.tape.head, []))

    def _lag(self, lag: Lag) -> None:
        assert self.lagged_to <= lag.from_ <= lag.to <= self.tape.head
        taken = [] if lag.reason == "pace" else self.late(lag.to)
        assert lag.dropped + lag.conflated == self.merged + len(taken), (lag, self.merged, taken)
        assert all(lag.from_ < tick.seq for tick in taken)
        assert lag.reason != "pace" or lag.conflated
        for stretch in self.stretches:
            stretch.lost += [tick for tick in taken if stretch.since < tick.seq <= stretch.until]
            stretch.broken |= bool(taken) and lag.from_ < stretch.until
        if taken:
            self.owed = [tick for tick in self.owed if tick.seq > lag.to]
        if self.asking and lag.reason != "pace":  # given up before it began
            self.stretches[-1].lost += self._asked(lag.to)
            self.stretches[-1].broken = True
            self.asking = self.asking[0], max(self.asking[1], lag.to)
        self.merged = 0
        self.lagged_to = lag.to
        self.lags.append(lag)
        self.positions.append(lag.to)
        self.reached.append(lag.to)
        if lag.reason != "pace":
            shown = [name for channel, name in enumerate(CHANNELS) if any(key[0] == channel for key in self.wanted)]
            self.due.extend(shown if self.on_lag == "skip" else ["closing"])

    def _recovered(self, message: Recovered) -> None:
        stretch = self.stretches.pop(0)
        since, until = (Position.parse(place).seq for place in (message.from_, message.to))
        assert (since, until) == (stretch.since, stretch.until)
        late = [tick for tick in self.late(until) if tick.seq > since]
        assert not late or self.rate_hz is not None, "it is told after it was sent"
        lost = stretch.lost + late
        assert not (message.complete and lost)
        assert message.complete or stretch.broken or self.rate_hz is not None
        if message.gap is not UNSET:
            first, last = (Position.parse(message.gap[end]).seq for end in ("from", "to"))
            assert since <= first < min(last, until)
            assert all(first < tick.seq <= last for tick in lost)
