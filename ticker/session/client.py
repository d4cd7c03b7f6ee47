"""The client's half of one conversation.

It remembers what was asked for, so that it can be asked for again after a reconnect; it follows the position and the
`n` of every symbol, so that a hole, a repeat or a reordering is noticed; it says when an acknowledgement is due. It
never writes, waits or looks at a clock.
"""

from collections.abc import Iterable
from typing import NamedTuple

from ticker.session.messages import (
    Ack,
    AnyServerMessage,
    Lag,
    Snapshot,
    Subscribe,
    Tick,
    Ticks,
    Unsubscribe,
    Unsubscribed,
    Welcome,
)
from ticker.ticks import Position

EVERYTHING = "*"


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
        self._wanted: dict[str, set[str]] = {}

    @property
    def position(self) -> Position:
        """The newest position received."""
        return Position(self.welcome.epoch if self.welcome else "", self.seq)

    def subscribe(self, symbols: Iterable[str], channels: Iterable[str], message_id: int) -> Subscribe:
        """Remember a wish and return the message that asks for it."""
        message = Subscribe(id=message_id, symbols=list(symbols), channels=list(channels))
        for channel in message.channels:
            self._wanted.setdefault(channel, set()).update(message.symbols)
        return message

    def unsubscribe(self, symbols: Iterable[str], channels: Iterable[str], message_id: int) -> Unsubscribe:
        """Forget a wish and return the message that takes it back."""
        message = Unsubscribe(id=message_id, symbols=list(symbols), channels=list(channels))
        for channel in message.channels:
            if EVERYTHING in message.symbols:
                self._wanted.pop(channel, None)
            elif channel in self._wanted:
                self._wanted[channel] -= set(message.symbols)
        return message

    def unwanted(self, message: Subscribe, symbols: Iterable[str]) -> None:
        """Forget the part of a wish that was refused."""
        for channel in message.channels:
            self._wanted.get(channel, set()).difference_update(symbols)

    def wishes(self) -> list[Subscribe]:
        """Return what to say on a new connection to receive again what was wanted on the last one."""
        return [
            Subscribe(symbols=[EVERYTHING] if EVERYTHING in symbols else sorted(symbols), channels=[channel])
            for channel, symbols in self._wanted.items()
            if symbols
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
            case Unsubscribed():
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
