"""The server's half of one conversation.

It hears a message and says what to answer and what the client is interested in from now on. It remembers the interest,
who asks, and the highest position the client was told of, nothing more; it never writes, waits or looks at a clock.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from msgspec import UNSET

from ticker.errors import Refusal
from ticker.interest import Interest
from ticker.session.messages import (
    Ack,
    Answer,
    AnyClientMessage,
    Authenticate,
    Authenticated,
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
    Window,
    WindowGranted,
)
from ticker.session.permits import OPEN, Permit, permitted
from ticker.session.terms import (
    EVERYTHING,
    Standing,
    Terms,
    read_position,
    resolve,
    resolve_table,
    unknown_symbols,
)
from ticker.ticks import CHANNELS

NOTHING = Interest()


class Resume(NamedTuple):
    """What is to be sent from a position of the past on: everything of `asked` after `since`."""

    asked: Interest
    since: int


class Outcome(NamedTuple):
    """What is to be said, in this order, once the interest has changed, and what of the past is owed then."""

    answers: list[Answer]
    snapshots: list[SnapshotHead]
    resume: Resume | None = None


SILENCE = Outcome([], [])
Identify = Callable[[str], Permit]
"""What a token permits. Raises Refusal (unauthorized)."""


def anybody(token: str) -> Permit:  # noqa: ARG001  # where nobody is asked, whatever is said will do
    """Permit everything."""
    return OPEN


class ServerSession:
    """One client: `interest` is what it is owed, `on_lag` what happens when it falls off the tape.

    `rate_hz` is how often it is sent the newest, None where it is sent everything; `window` is how many messages of
    ticks may be under way to it, 0 where that has no limit. `permit` is what it may have, None until it says who it is.
    """

    __slots__ = ("_begun", "_identify", "_terms", "_told", "acked", "interest", "on_lag", "permit", "rate_hz", "window")

    def __init__(self, terms: Terms, seq: int, permit: Permit | None = OPEN, identify: Identify = anybody) -> None:
        self._terms = terms
        self._identify = identify
        self.permit = permit
        self._told = seq
        self._begun = False
        self.acked = 0
        self.interest = NOTHING
        self.on_lag = "skip"
        self.rate_hz: float | None = None
        self.window = 0

    def receive(self, message: AnyClientMessage, standing: Standing, now_us: int) -> Outcome:
        """Obey a message. Raises Refusal where it cannot be obeyed; then nothing has changed."""
        if self.permit is None and not isinstance(message, Ack | Ping | Authenticate):
            raise Refusal("unauthorized", 'say who you are first: {"op": "auth", "token": …}')
        match message:
            case Ack():
                self.ack(message.seq, standing.sent)
                return SILENCE
            case Ping():
                return Outcome([Pong(id=message.id, ts=message.ts, server_ts=now_us)], [])
            case Authenticate():
                return self._authenticate(message)
            case Subscribe():
                return self._subscribe(message, standing)
            case Window():
                self.window = min(message.size, self._terms.window_max)
                return Outcome([WindowGranted(id=message.id, size=self.window)], [])
            case Unsubscribe():
                return self._unsubscribe(message, standing.head)
            case ListSubscriptions():
                spelled = self._spell(self.interest)
                return Outcome([Subscriptions(id=message.id, seq=standing.head, subscriptions=spelled)], [])

    def snapshots(self) -> list[SnapshotHead]:
        """Return the snapshots that show all this client is interested in."""
        interest = self.interest
        return [SnapshotHead(channel, interest.indices(channel)) for channel in CHANNELS if interest.mask(channel)]

    def told(self, seq: int) -> None:
        """Note that the client has been shown a position other than by ticks."""
        self._told = max(self._told, seq)

    def ack(self, seq: int, sent: int) -> None:
        """Obey an acknowledgement from a client that was sent ticks up to `sent`. Raises Refusal (bad_ack)."""
        last = max(sent, self._told)
        if seq > last:
            raise Refusal("bad_ack", f"position {seq} was never sent: the last was {last}", seq=seq, last=last)
        self.acked = max(self.acked, seq)  # cumulative: an older one changes nothing

    def _authenticate(self, message: Authenticate) -> Outcome:
        """Take in who it is; what it is interested in and may no longer have, it is not owed any more."""
        permit = self.permit = self._identify(message.token)
        self.interest = permit.within(self.interest)
        universe = self._terms.universe
        everything = (1 << len(universe)) - 1
        answer = Authenticated(
            id=message.id,
            name=permit.name,
            expires_ts=UNSET if permit.expires_us is None else permit.expires_us,
            channels=list(permit.channels),
            symbols=[EVERYTHING] if permit.symbols is None else self._names(permit.symbols & everything),
            subscriptions=self._spell(self.interest),
        )
        return Outcome([answer], [])

    def _subscribe(self, message: Subscribe, standing: Standing) -> Outcome:
        asked, refusals = self._asked(message)
        answers: list[Answer] = [_refused(refusal, message) for refusal in refusals]
        if not asked:
            return Outcome(answers, [])
        rate_hz = self._rate(message)
        since = None if message.from_ is UNSET else self._start(message.from_, standing)
        added = asked - self.interest  # a second snapshot could overtake ticks
        self.interest = self.interest | asked
        self.on_lag = self.on_lag if message.on_lag is UNSET else message.on_lag
        self.rate_hz = rate_hz
        self._begun = True
        channels = [channel for channel in CHANNELS if asked.mask(channel)]
        snapshot = since is None if message.snapshot is UNSET else message.snapshot
        granted = Subscribed(
            id=message.id,
            seq=standing.head,
            channels=channels,
            symbols=self._symbols(asked.union),
            pace="every" if rate_hz is None else "latest",
            rate_hz=UNSET if rate_hz is None else rate_hz,
            snapshot=snapshot,
            on_lag=self.on_lag,
            subscriptions=self._spell(self.interest),
        )
        shown = [SnapshotHead(channel, added.indices(channel)) for channel in channels] if snapshot else []
        return Outcome([*answers, granted], shown, None if since is None else Resume(asked, since))

    def _asked(self, message: Subscribe) -> tuple[Interest, list[Refusal]]:
        """Return what a subscription asks for and may have, and what refuses the rest of it. Raises Refusal."""
        table: Mapping[str, Sequence[str]]
        if message.subscriptions is UNSET:
            asked, unknown = resolve(message.channels, message.symbols, self._terms)
            table = dict.fromkeys(message.channels, message.symbols)
        elif message.symbols:
            raise Refusal("bad_request", "subscriptions: in place of symbols, not beside them", field="subscriptions")
        else:
            asked, unknown = resolve_table(message.subscriptions, self._terms)
            table = message.subscriptions
        refusals = [unknown_symbols(unknown)] if unknown else []
        if self.permit is None:
            return Interest(), refusals
        granted, refusal = permitted(table, asked, self.permit, self._terms.universe)
        return granted, [*refusals, *([refusal] if refusal else [])]

    def _rate(self, message: Subscribe) -> float | None:
        """Return how often the newest is to be sent from now on, None for every tick. Raises Refusal."""
        latest = self.rate_hz is not None if message.pace is UNSET else message.pace == "latest"
        if not latest:
            if message.rate_hz is not UNSET:
                raise Refusal("bad_request", "rate_hz: goes with pace latest", field="rate_hz")
            return None
        if message.from_ is not UNSET:
            raise Refusal("bad_request", "from: every tick is sent from there on, with pace every only", field="from")
        if message.rate_hz is UNSET and self.rate_hz is not None:
            return self.rate_hz
        return self._terms.rate(message.rate_hz)

    def _start(self, text: str, standing: Standing) -> int:
        """Return the `seq` to begin after: positions of one conversation only rise. Raises Refusal."""
        since = read_position(text, standing)
        if self._begun and since < standing.sent:
            raise Refusal(
                "bad_position",
                f"{text} lies before what this connection was already sent: resume before anything else",
                seq=standing.sent,
            )
        return since

    def _unsubscribe(self, message: Unsubscribe, head: int) -> Outcome:
        removed, unknown = resolve(message.channels, message.symbols, self._terms)
        answers: list[Answer] = [_refused(unknown_symbols(unknown), message)] if unknown else []
        if not self.interest & removed:
            if unknown:
                return Outcome(answers, [])
            raise Refusal("not_subscribed", "none of these is subscribed", subscriptions=self._spell(self.interest))
        self.interest = self.interest - removed
        answers.append(Unsubscribed(id=message.id, seq=head, subscriptions=self._spell(self.interest)))
        return Outcome(answers, [])

    def _symbols(self, mask: int) -> list[str]:
        """Spell instruments as they would be asked for: `*` is all that this client may have."""
        if self.permit is not None and self.permit.is_all_of(mask, self._terms.universe):
            return [EVERYTHING]
        return self._names(mask)

    def _names(self, mask: int) -> list[str]:
        universe = self._terms.universe
        return [universe[index].symbol for index in Interest.of(CHANNELS[:1], mask).indices(CHANNELS[0])]

    def _spell(self, interest: Interest) -> dict[str, list[str]]:
        return {channel: self._symbols(interest.mask(channel)) for channel in CHANNELS if interest.mask(channel)}


def _refused(refusal: Refusal, message: ClientMessage) -> Error:
    """Return the answer that names what was left out."""
    return Error(id=message.id, code=refusal.code, message=refusal.message, details=refusal.details)
