"""The server's half of one conversation.

It hears a message and says what to answer and what the client is interested in from now on. It remembers the interest
and the highest position the client was told of, nothing more; it never writes, waits or looks at a clock.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from msgspec import UNSET

from ticker.errors import Refusal
from ticker.instruments import Universe
from ticker.interest import Interest, bits
from ticker.session.messages import (
    Ack,
    Answer,
    AnyClientMessage,
    ClientMessage,
    Error,
    ListSubscriptions,
    Ping,
    Pong,
    SnapshotHead,
    Subscribe,
    Subscribed,
    Subscriptions,
    Unsubscribe,
    Unsubscribed,
)
from ticker.ticks import CHANNELS, Position

NOTHING = Interest()
EVERYTHING = "*"


@dataclass(frozen=True, slots=True)
class Terms:
    """What is the same for every conversation."""

    universe: Universe
    symbols_max: int


class Outcome(NamedTuple):
    """What is to be said, in this order, once the interest has changed."""

    answers: list[Answer]
    snapshots: list[SnapshotHead]


SILENCE = Outcome([], [])


class ServerSession:
    """One client: `interest` is what it is owed, `on_lag` what happens when it falls off the tape."""

    __slots__ = ("_terms", "_told", "acked", "interest", "on_lag")

    def __init__(self, terms: Terms, seq: int) -> None:
        self._terms = terms
        self._told = seq
        self.acked = 0
        self.interest = NOTHING
        self.on_lag = "skip"

    def receive(self, message: AnyClientMessage, head: int, sent: int, now_us: int) -> Outcome:
        """Obey a message. `head` is the newest position, `sent` the last one this client had ticks up to.

        Raises Refusal where it cannot be obeyed; then nothing has changed.
        """
        match message:
            case Ack():
                return self._ack(message.seq, sent)
            case Ping():
                return Outcome([Pong(id=message.id, ts=message.ts, server_ts=now_us)], [])
            case Subscribe():
                return self._subscribe(message, head)
            case Unsubscribe():
                return self._unsubscribe(message, head)
            case ListSubscriptions():
                answer = Subscriptions(id=message.id, seq=head, subscriptions=self._spell(self.interest))
                return Outcome([answer], [])

    def snapshots(self) -> list[SnapshotHead]:
        """Return the snapshots that show all this client is interested in."""
        interest = self.interest
        return [SnapshotHead(channel, interest.indices(channel)) for channel in CHANNELS if interest.mask(channel)]

    def told(self, seq: int) -> None:
        """Note that the client has been shown a position other than by ticks."""
        self._told = max(self._told, seq)

    def _ack(self, seq: int, sent: int) -> Outcome:
        last = max(sent, self._told)
        if seq > last:
            raise Refusal("bad_ack", f"position {seq} was never sent: the last was {last}", seq=seq, last=last)
        self.acked = max(self.acked, seq)  # cumulative: an older one changes nothing
        return SILENCE

    def _subscribe(self, message: Subscribe, head: int) -> Outcome:
        known, unknown = self._resolve(message.channels, message.symbols)
        answers: list[Answer] = [_unknown_symbols(unknown, message)] if unknown else []
        if unknown and not known:
            return Outcome(answers, [])
        asked = Interest.of(message.channels, known)
        added = asked - self.interest  # a second snapshot could overtake ticks
        self.interest = self.interest | asked
        self.on_lag = message.on_lag
        snapshot = message.snapshot is UNSET or bool(message.snapshot)
        granted = Subscribed(
            id=message.id,
            seq=head,
            channels=_in_order(message.channels),
            symbols=self._symbols(known),
            pace=message.pace,
            snapshot=snapshot,
            on_lag=message.on_lag,
            subscriptions=self._spell(self.interest),
        )
        shown = [SnapshotHead(channel, added.indices(channel)) for channel in granted.channels] if snapshot else []
        return Outcome([*answers, granted], shown)

    def _unsubscribe(self, message: Unsubscribe, head: int) -> Outcome:
        known, unknown = self._resolve(message.channels, message.symbols)
        answers: list[Answer] = [_unknown_symbols(unknown, message)] if unknown else []
        removed = Interest.of(message.channels, known)
        if not self.interest & removed:
            if unknown:
                return Outcome(answers, [])
            raise Refusal("not_subscribed", "none of these is subscribed", subscriptions=self._spell(self.interest))
        self.interest = self.interest - removed
        answers.append(Unsubscribed(id=message.id, seq=head, subscriptions=self._spell(self.interest)))
        return Outcome(answers, [])

    def _resolve(self, channels: list[str], symbols: list[str]) -> tuple[int, list[str]]:
        """Return the instruments' mask and the symbols that name none."""
        check_channels(channels)
        return resolve_symbols(symbols, self._terms)

    def _symbols(self, mask: int) -> list[str]:
        universe = self._terms.universe
        if mask == (1 << len(universe)) - 1:
            return [EVERYTHING]
        return [universe[index].symbol for index in Interest.of(CHANNELS[:1], mask).indices(CHANNELS[0])]

    def _spell(self, interest: Interest) -> dict[str, list[str]]:
        return {channel: self._symbols(interest.mask(channel)) for channel in CHANNELS if interest.mask(channel)}


def check_channels(channels: list[str]) -> None:
    """Raise Refusal (bad_request, unknown_channel) unless at least one channel is named and all exist."""
    if not channels:
        raise Refusal("bad_request", "channels: at least one is needed", field="channels")
    unknown = [channel for channel in channels if channel not in CHANNELS]
    if unknown:
        raise Refusal(
            "unknown_channel", f"unknown channel: {_quoted(unknown)}", channels=unknown[:20], known=list(CHANNELS)
        )


def resolve_symbols(symbols: list[str], terms: Terms) -> tuple[int, list[str]]:
    """Return the mask of the instruments named and the names that name none; `*` names all.

    Raises Refusal (bad_request, too_many_symbols).
    """
    if not symbols:
        raise Refusal("bad_request", "symbols: at least one is needed", field="symbols")
    if len(symbols) > terms.symbols_max:
        raise Refusal(
            "too_many_symbols",
            f"{len(symbols)} symbols in one request, {terms.symbols_max} is the most",
            limit=terms.symbols_max,
        )
    if EVERYTHING in symbols:
        return (1 << len(terms.universe)) - 1, []
    found = {symbol: terms.universe.find(symbol) for symbol in symbols}
    return bits(index for index in found.values() if index is not None), [s for s, i in found.items() if i is None]


def read_position(text: str, epoch: str, oldest: int, head: int) -> int:
    """Return the `seq` after which the tape is to be read on; 0 stands for as far back as is kept.

    Raises Refusal: bad_position where it is none, another tape's or in the future, gone where it is no longer kept.
    """
    position = Position.parse(text)
    if position.epoch != epoch:
        raise Refusal("bad_position", f"{position} is on another tape: this one is {epoch}", epoch=epoch)
    if position.seq > head:
        raise Refusal("bad_position", f"{position} is in the future: the newest is {epoch}:{head}", seq=head)
    if position.seq == 0:
        return oldest - 1
    if position.seq + 1 < oldest:
        raise Refusal("gone", f"{position} is no longer kept", oldest=str(Position(epoch, oldest - 1)))
    return position.seq


def _unknown_symbols(unknown: list[str], message: ClientMessage) -> Error:
    return Error(
        id=message.id,
        code="unknown_symbol",
        message=f"unknown symbol: {_quoted(unknown)}",
        details={"symbols": unknown[:20], "count": len(unknown)},
    )


def _quoted(words: list[str]) -> str:
    shown = ", ".join(word[:32] for word in words[:5])
    return f"{shown} and {len(words) - 5} more" if len(words) > 5 else shown


def _in_order(channels: Iterable[str]) -> list[str]:
    return [channel for channel in CHANNELS if channel in set(channels)]
