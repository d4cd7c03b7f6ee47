"""The client's half of one conversation.

It remembers what was asked for, so that it can be asked for again after a reconnect; it follows the position and the
`n` of every symbol, so that a hole, a repeat or a reordering is noticed; it keeps the books, where it is given some to
keep; it says when an acknowledgement is due. It never writes, waits or looks at a clock.

Two numbers: `seq` is the newest position that ticks came with; `reached` the one to go on from, everything before which
has been had. A snapshot shows symbols ahead of `reached`; ticks from there up to the snapshot may come all the same,
and are told apart by `n` (`fresh`).

A message is noted when it comes and processed when somebody has made use of it, which may be later, and on another
connection: only what came on the present one is acknowledged.
"""

from collections.abc import Mapping
from typing import NamedTuple

from msgspec import UNSET
from msgspec.structs import replace

from ticker.session.books import Books
from ticker.session.messages import (
    Ack,
    AnyServerMessage,
    Heartbeat,
    Lag,
    Listing,
    Snapshot,
    Subscribe,
    Subscribed,
    Tick,
    Ticks,
    Unsubscribed,
    Welcome,
    Window,
    WindowGranted,
)
from ticker.session.numbers import EVERYTHING, Gap, Numbers
from ticker.ticks import BOOK, Position, Rows

__all__ = ["EVERYTHING", "RESTORE", "WISH_SYMBOLS_MAX", "ClientSession", "Gap", "Paced"]

OPENING, RESTORE = "window", "restore"  # ids of what is said on a new connection: its answers are known beforehand
WISH_SYMBOLS_MAX = 500  # in one message: it must stay below any server's limit of bytes


class Paced(NamedTuple):
    """How ticks are wanted: "every" one, or the "latest" only, so many messages a second at most."""

    pace: str = "every"
    rate_hz: float | None = None


class ClientSession:
    """What one client wants, has had, and owes.

    `ticks` and `messages` count what came; `missed` the ticks proved missing by `n`, `repeated` those that came twice,
    `merged` those left out at pace latest, by `n`, `reordered` the messages whose position did not rise, `lagged` the
    ticks that the server said it left out, `restarts` how often the tape was another one, or began again: then
    counting began anew.
    """

    def __init__(self, ack_every: int | None, window: int = 0, books: Books | None = None) -> None:
        """Acknowledge after every so many messages; be sent at most `window` without (0 is no limit).

        `books` are rebuilt from what comes; where none are given, that is not done.
        """
        self.welcome: Welcome | None = None
        self.subscriptions: dict[str, list[str]] = {}
        """What is subscribed, channel to symbols, and to be asked for again on a new connection."""
        self.paced = Paced()
        self.window = 0
        """The window as granted on this connection."""
        self.connection = 0
        """Counts the connections: messages that came on an earlier one are not acknowledged."""
        self.seq = 0
        self.reached = 0
        self.messages = 0
        self.ticks = 0
        self.reordered = 0
        self.lagged = 0
        self.restarts = 0
        self.books = Books() if books is None else books
        """The books of what is subscribed on that channel; for ever empty where they are not kept."""
        self._keeps_books = books is not None
        self._numbers = Numbers()
        self._ack_every = ack_every
        self._window = window
        self._unacked = 0
        self._processed = 0
        self._known_seq = 0  # until `reached` is here, ticks may come that a snapshot has shown, or that came before
        self._restoring = False

    @property
    def missed(self) -> int:
        return self._numbers.missed

    @property
    def repeated(self) -> int:
        return self._numbers.repeated

    @property
    def merged(self) -> int:
        return self._numbers.merged

    @property
    def gaps(self) -> list[Gap]:
        """Holes noticed since whoever reads this list cleared it."""
        return self._numbers.gaps

    @property
    def position(self) -> Position:
        """Where to go on from: everything that is subscribed has been received up to here."""
        return Position(self.welcome.epoch if self.welcome else "", self.reached)

    # What to say on a new connection.

    def opening(self) -> Window | None:
        """Return what to say before anything else, if anything."""
        return Window(id=OPENING, size=self._window) if self._window else None

    def resumption(self) -> Subscribe | None:
        """Return what to say to go on from the position reached; None where there is none, or the newest will do."""
        if not (self.subscriptions and self.reached) or self.paced.pace == "latest":
            return None
        return Subscribe(id=RESTORE, subscriptions=self.subscriptions, from_=str(self.position))

    def wishes(self) -> list[Subscribe]:
        """Return what to say to receive what is subscribed again, from a snapshot on."""
        latest = self.paced.pace == "latest"
        rate_hz = UNSET if self.paced.rate_hz is None else self.paced.rate_hz
        return [
            Subscribe(
                id=RESTORE,
                symbols=symbols[place : place + WISH_SYMBOLS_MAX],
                channels=[channel],
                pace="latest" if latest else UNSET,
                rate_hz=rate_hz if latest else UNSET,
            )
            for channel, symbols in self.subscriptions.items()
            for place in range(0, len(symbols), WISH_SYMBOLS_MAX)
        ]

    # What comes.

    def fresh(self, message: Ticks) -> Ticks:
        """Return a message, not yet received, without the ticks that are known already."""
        if self.reached >= self._known_seq:
            return message
        news = self._numbers.news(message.data)
        return message if len(news) == len(message.data) else replace(message, data=news)

    def fresh_rows(self, rows: dict[str, Rows]) -> dict[str, Rows]:
        """Return rows, not yet received, without those that are known already."""
        if self.reached >= self._known_seq:
            return rows
        news = {channel: self._numbers.news_in(channel, found) for channel, found in rows.items()}
        return {channel: found for channel, found in news.items() if len(found)}

    def go_on_from(self, seq: int) -> None:
        """Set the position, to an earlier one too: ticks that have been had already may then come again."""
        self._known_seq = max(self._known_seq, self.reached)
        self.reached = seq
        self.seq = min(self.seq, seq)

    def reach(self, seq: int) -> None:
        """Note that everything up to a position has been received."""
        self.reached = max(self.reached, seq)

    def receive(self, message: AnyServerMessage) -> Ack | None:
        """Take note of a message that is processed at once; return the acknowledgement that is due, if one is."""
        self.note(message)
        return self.processed(message.seq, self.connection) if isinstance(message, Ticks) else None

    def note(self, message: AnyServerMessage) -> None:
        """Take note of a message."""
        match message:
            case Ticks():
                self._note_message(message.seq, len(message.data))
                self._numbers.follow(message.data)
                self._note_books(message.data)
            case Snapshot():
                self._known_seq = max(self._known_seq, message.seq)
                self._numbers.show(message.data)
                self._note_books(message.data)
            case Lag():
                self._note_lag(message)
            case Heartbeat() if not self._restoring:
                self.reach(message.seq)
            case Subscribed():
                self._note_grant(message)
            case Unsubscribed():
                self.subscriptions = message.subscriptions
                self._numbers.keep(message.subscriptions)
                self._keep_books(message.subscriptions.get(BOOK, []))
            case WindowGranted():
                self.window = message.size
            case Welcome():
                self._note_welcome(message)
            case Listing():
                self._numbers.number(message.symbols)
                self.books.learn(message)

    def note_rows(self, seq: int, rows: Mapping[str, Rows]) -> None:
        """Take note of a message of ticks that came as rows, by channel, `instrument` as the `Listing` has it."""
        self._note_message(seq, sum([len(found) for found in rows.values()]))
        for channel, found in rows.items():
            self._numbers.follow_rows(channel, found)
        self._note_book_rows(rows)

    def note_shown(self, seq: int, rows: Mapping[str, Rows]) -> None:
        """Take note of a snapshot that came as rows."""
        self._known_seq = max(self._known_seq, seq)
        for channel, found in rows.items():
            self._numbers.show_rows(channel, found)
        self._note_book_rows(rows)

    def set_pace(self, paced: Paced) -> None:
        """Note how ticks come from now on: jumps of `n` are misses, or merges."""
        if self.paced.pace == "latest" and paced.pace != "latest":
            self._numbers.loosen()  # the last one we had may have been followed by some that were merged
        self.paced = paced
        self._numbers.merging = paced.pace == "latest"

    def _note_books(self, ticks: list[Tick]) -> None:
        if self._keeps_books and BOOK in self.subscriptions:
            self.books.take(ticks)

    def _note_book_rows(self, rows: Mapping[str, Rows]) -> None:
        if self._keeps_books and BOOK in rows:
            self.books.take_rows(rows[BOOK])

    def _keep_books(self, symbols: list[str]) -> None:
        if EVERYTHING not in symbols:
            self.books.keep(set(symbols))

    def _note_message(self, seq: int, ticks: int) -> None:
        self.messages += 1
        self.ticks += ticks
        if seq <= self.seq:
            self.reordered += 1
        self.seq = max(self.seq, seq)
        self.reach(seq)

    def forgives(self, message: Lag) -> bool:
        """Tell whether a lag is no loss: what was merged into newer ticks, as was asked for."""
        return message.reason == "pace" or self.paced.pace == "latest"

    def _note_lag(self, message: Lag) -> None:
        self.lagged += message.dropped
        if self.forgives(message):
            return
        self.lagged += message.conflated
        self._numbers.loosen()  # the jump that follows is announced
        self.reach(message.to)

    def _note_welcome(self, message: Welcome) -> None:
        ahead = message.limits.get("ahead", 0)  # of the server: it is another one of the same tape
        if self.welcome and (self.welcome.epoch != message.epoch or message.seq + ahead < self.reached):
            self.restarts += 1  # another tape, or this one from its beginning
            self._numbers.clear()
            self.books.clear()
            self.seq = self.reached = self._known_seq = 0
        self.welcome = message
        self.connection += 1
        self.window = self._unacked = self._processed = 0
        self._restoring = bool(self.subscriptions)

    def _note_grant(self, message: Subscribed) -> None:
        """Remember what is subscribed; while that is being restored, what is still to come as well."""
        if not (self.subscriptions and self.reached):
            self.reach(message.seq)  # there was nothing to receive before
        self.set_pace(Paced(message.pace, None if message.rate_hz is UNSET else message.rate_hz))
        if message.id != RESTORE:
            self.subscriptions = message.subscriptions
            return
        self._restoring = False
        for channel, symbols in message.subscriptions.items():
            known = dict.fromkeys([*self.subscriptions.get(channel, ()), *symbols])
            self.subscriptions[channel] = [EVERYTHING] if EVERYTHING in known else list(known)

    # What is owed for it.

    def processed(self, seq: int, connection: int) -> Ack | None:
        """Note that a message of ticks was made use of, which came on that connection; return the ack that is due."""
        if connection != self.connection or self._ack_every is None:
            return None
        self._processed = seq
        self._unacked += 1
        if self._unacked < (min(self._ack_every, self.window) if self.window else self._ack_every):
            return None
        return self.farewell()

    def farewell(self) -> Ack | None:
        """Return an ack of everything processed and not acknowledged, due or not."""
        if not self._unacked:
            return None
        self._unacked = 0
        return Ack(seq=self._processed)
