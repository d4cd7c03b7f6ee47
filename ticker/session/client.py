"""The client's half of one conversation.

It remembers what was asked for, so that it can be asked for again after a reconnect; it follows the position and the
`n` of every symbol, so that a hole, a repeat or a reordering is noticed; it says when an acknowledgement is due. It
never writes, waits or looks at a clock.

Two numbers: `seq` is the newest position that ticks came with; `reached` the one to go on from, everything before which
has been had. A snapshot shows symbols ahead of `reached`; ticks from there up to the snapshot may come all the same,
and are told apart by `n` (`fresh`).
"""

from typing import NamedTuple

from msgspec.structs import replace

from ticker.session.messages import (
    Ack,
    AnyServerMessage,
    Heartbeat,
    Lag,
    Snapshot,
    Subscribe,
    Subscribed,
    Tick,
    Ticks,
    Unsubscribed,
    Welcome,
)
from ticker.ticks import Position

EVERYTHING = "*"
RESTORE = "restore"  # the id of what is said on a new connection: its answers are known beforehand
WISH_SYMBOLS_MAX = 500  # in one message: it must stay below any server's limit of bytes


class Gap(NamedTuple):
    """Ticks of a symbol that were not received: those after `after_n` and before `before_n`."""

    channel: str
    symbol: str
    after_n: int
    before_n: int


class ClientSession:
    """What one client wants, has had, and owes.

    `ticks` and `messages` count what came; `missed` the ticks proved missing by `n`, `repeated` those that came twice,
    `reordered` the messages whose position did not rise, `lagged` those the server said it left out, `restarts` how
    often the tape was another one, or began again: then counting began anew.
    """

    def __init__(self, ack_every: int) -> None:
        self.welcome: Welcome | None = None
        self.subscriptions: dict[str, list[str]] = {}
        """What is subscribed, channel to symbols, and to be asked for again on a new connection."""
        self.seq = 0
        self.reached = 0
        self.messages = 0
        self.ticks = 0
        self.missed = 0
        self.repeated = 0
        self.reordered = 0
        self.lagged = 0
        self.restarts = 0
        self.gaps: list[Gap] = []
        """Holes noticed since whoever reads this list cleared it."""
        self._ack_every = ack_every
        self._unacked = 0
        self._last_n: dict[tuple[type[Tick], str], int] = {}
        self._known_seq = 0  # until `reached` is here, ticks may come that a snapshot has shown, or that came before
        self._restoring = False

    @property
    def position(self) -> Position:
        """Where to go on from: everything that is subscribed has been received up to here."""
        return Position(self.welcome.epoch if self.welcome else "", self.reached)

    def resumption(self) -> Subscribe | None:
        """Return what to say on a new connection to go on from the position reached; None where there is none."""
        if not (self.subscriptions and self.reached):
            return None
        return Subscribe(id=RESTORE, subscriptions=self.subscriptions, from_=str(self.position))

    def wishes(self) -> list[Subscribe]:
        """Return what to say on a new connection to receive what is subscribed again, from a snapshot on."""
        return [
            Subscribe(id=RESTORE, symbols=symbols[place : place + WISH_SYMBOLS_MAX], channels=[channel])
            for channel, symbols in self.subscriptions.items()
            for place in range(0, len(symbols), WISH_SYMBOLS_MAX)
        ]

    def fresh(self, message: Ticks) -> Ticks:
        """Return a message, not yet received, without the ticks that are known already."""
        if self.reached >= self._known_seq:
            return message
        last_n = self._last_n
        news = [tick for tick in message.data if tick.n > last_n.get((type(tick), tick.sym), 0)]
        return message if len(news) == len(message.data) else replace(message, data=news)

    def go_on_from(self, seq: int) -> None:
        """Set the position, to an earlier one too: ticks that have been had already may then come again."""
        self._known_seq = max(self._known_seq, self.reached)
        self.reached = seq
        self.seq = min(self.seq, seq)

    def reach(self, seq: int) -> None:
        """Note that everything up to a position has been received."""
        self.reached = max(self.reached, seq)

    def receive(self, message: AnyServerMessage) -> Ack | None:
        """Take note of a message; return the acknowledgement that is due after it, if one is."""
        match message:
            case Ticks():
                return self._receive_ticks(message)
            case Snapshot():
                self._receive_snapshot(message)
            case Lag():
                self.lagged += message.dropped + message.conflated
                self._last_n.clear()  # the jump that follows is announced
                self.reach(message.to)
            case Heartbeat() if not self._restoring:
                self.reach(message.seq)
            case Subscribed():
                self._receive_grant(message)
            case Unsubscribed():
                self.subscriptions = message.subscriptions
                self._forget(message.subscriptions)
            case Welcome():
                self._receive_welcome(message)
        return None

    def _receive_welcome(self, message: Welcome) -> None:
        if self.welcome and (self.welcome.epoch != message.epoch or message.seq < self.reached):
            self.restarts += 1  # another tape, or this one from its beginning
            self._last_n.clear()
            self.seq = self.reached = self._known_seq = 0
        self.welcome = message
        self._unacked = 0
        self._restoring = bool(self.subscriptions)

    def _receive_grant(self, message: Subscribed) -> None:
        """Remember what is subscribed; while that is being restored, what is still to come as well."""
        if not (self.subscriptions and self.reached):
            self.reach(message.seq)  # there was nothing to receive before
        if message.id != RESTORE:
            self.subscriptions = message.subscriptions
            return
        self._restoring = False
        for channel, symbols in message.subscriptions.items():
            known = dict.fromkeys([*self.subscriptions.get(channel, ()), *symbols])
            self.subscriptions[channel] = [EVERYTHING] if EVERYTHING in known else list(known)

    def _receive_ticks(self, message: Ticks) -> Ack | None:
        self.messages += 1
        self.ticks += len(message.data)
        if message.seq <= self.seq:
            self.reordered += 1
        self.seq = max(self.seq, message.seq)
        self.reach(message.seq)
        last_n = self._last_n
        for tick in message.data:
            key = (type(tick), tick.sym)
            last = last_n.get(key)
            if last is not None and tick.n != last + 1:
                self._note_jump(tick, last)
                if tick.n < last:
                    continue  # it came late: what follows is counted from the newest
            last_n[key] = tick.n
        self._unacked += 1
        if self._unacked < self._ack_every:
            return None
        self._unacked = 0
        return Ack(seq=message.seq)

    def _receive_snapshot(self, message: Snapshot) -> None:
        """A snapshot shows the newest tick: what lies between it and the last one we had was missed."""
        self._known_seq = max(self._known_seq, message.seq)
        for tick in message.data:
            key = (type(tick), tick.sym)
            last = self._last_n.get(key)
            if last is not None and tick.n > last + 1:
                self._note_jump(tick, last)
            self._last_n[key] = max(tick.n, last or 0)

    def _forget(self, subscriptions: dict[str, list[str]]) -> None:
        """Follow only what is still subscribed: what is subscribed again later begins anew."""
        kept = {channel: set(symbols) for channel, symbols in subscriptions.items()}
        self._last_n = {
            (kind, symbol): n
            for (kind, symbol), n in self._last_n.items()
            if kept.get(kind.channel, set()) & {EVERYTHING, symbol}
        }

    def _note_jump(self, tick: Tick, last: int) -> None:
        if tick.n <= last:
            self.repeated += 1
        else:
            self.missed += tick.n - last - 1
            self.gaps.append(Gap(tick.channel, tick.sym, last, tick.n))
