"""The client's half of one conversation.

It remembers what was asked for, so that it can be asked for again after a reconnect; it follows the position and the
`n` of every symbol, so that a hole, a repeat or a reordering is noticed; it says when an acknowledgement is due. It
never writes, waits or looks at a clock.
"""

from typing import NamedTuple

from ticker.session.messages import (
    Ack,
    AnyServerMessage,
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
    `reordered` the messages whose position did not rise, `lagged` those the server said it left out.
    """

    def __init__(self, ack_every: int) -> None:
        self.welcome: Welcome | None = None
        self.seq = 0
        self.messages = 0
        self.ticks = 0
        self.missed = 0
        self.repeated = 0
        self.reordered = 0
        self.lagged = 0
        self.gaps: list[Gap] = []
        """Holes noticed since whoever reads this list cleared it."""
        self._ack_every = ack_every
        self._unacked = 0
        self._last_n: dict[tuple[type[Tick], str], int] = {}
        self._granted: dict[str, list[str]] = {}

    @property
    def position(self) -> Position:
        """The newest position received."""
        return Position(self.welcome.epoch if self.welcome else "", self.seq)

    def wishes(self) -> list[Subscribe]:
        """Return what to say on a new connection to receive again what was granted on the last one."""
        return [
            Subscribe(id=RESTORE, symbols=symbols[place : place + WISH_SYMBOLS_MAX], channels=[channel])
            for channel, symbols in self._granted.items()
            for place in range(0, len(symbols), WISH_SYMBOLS_MAX)
        ]

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
            case Subscribed():
                self._receive_grant(message)
            case Unsubscribed():
                self._granted = message.subscriptions
                self._forget(message.subscriptions)
            case Welcome():
                self._receive_welcome(message)
        return None

    def _receive_welcome(self, message: Welcome) -> None:
        if self.welcome is None or self.welcome.epoch != message.epoch or message.seq < self.seq:
            self._last_n.clear()  # another tape, or this one from its beginning
            self.seq = 0
        self.welcome = message
        self._unacked = 0

    def _receive_grant(self, message: Subscribed) -> None:
        """Remember what is subscribed; while that is being restored, what is still to come as well."""
        if message.id != RESTORE:
            self._granted = message.subscriptions
            return
        for channel, symbols in message.subscriptions.items():
            known = dict.fromkeys([*self._granted.get(channel, ()), *symbols])
            self._granted[channel] = [EVERYTHING] if EVERYTHING in known else list(known)

    def _receive_ticks(self, message: Ticks) -> Ack | None:
        self.messages += 1
        self.ticks += len(message.data)
        if message.seq <= self.seq:
            self.reordered += 1
        self.seq = max(self.seq, message.seq)
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
