"""The native conversation over a WebSocket: commands in, answers and ticks out, both at any time."""

from msgspec.structs import replace
from websockets.http11 import Response as Switch
from websockets.protocol import State
from websockets.server import ServerProtocol

from ticker import clock
from ticker.dialects import native, packed
from ticker.endpoints.handshake import shake_hands
from ticker.endpoints.house import House
from ticker.endpoints.http import Request, Response
from ticker.endpoints.outlet import Outlet
from ticker.endpoints.served import Served
from ticker.errors import Close, Refusal, Violation
from ticker.interest import Interest
from ticker.session.messages import (
    Ack,
    AnyClientMessage,
    Authenticate,
    Closing,
    Error,
    Exchange,
    Handshake,
    Heartbeat,
    Lag,
    SnapshotHead,
)
from ticker.session.pace import Recovery, recovered
from ticker.session.permits import OPEN, Permit
from ticker.session.requests import StreamQuery
from ticker.session.server import Outcome, ServerSession

RECONNECT_S = {
    Close.GOING_AWAY: 1.0,
    Close.TOKEN_EXPIRED: 0.5,
    Close.SLOW_READER: 0.5,
    Close.TRY_LATER: 5.0,
    Close.RATE_LIMITED: 5.0,
}
SLOW = {
    "slow_reader": "slow reader: the tape does not reach back that far",
    "window": "slow reader: no acknowledgement came",
    "source": "the tape has a hole here: where this server has it from, it was lost",
}
SUBPROTOCOLS = {native.SUBPROTOCOL, packed.SUBPROTOCOL}
SHOWN = (
    *("host", "connection", "upgrade", "sec-websocket-", "origin", "user-agent", "accept", "cache-control", "pragma"),
    *("sec-fetch-", "sec-ch-", "sec-gpc", "dnt", "priority", "te", "via", "forwarded", "x-forwarded-", "x-real-ip"),
)
"""What headers begin with that are shown; others may hold a secret, which a script on the page must not hear."""


def accept(house: House, request: Request) -> "Response | Conversation":
    """Answer a handshake. Raises Refusal for an unknown parameter."""
    wish = request.read(StreamQuery).handshake

    def take(protocol: ServerProtocol, switch: Switch) -> Conversation:
        return Conversation(house, protocol, switch, _shown(request, switch) if wish else None, request.permit)

    return shake_hands(house, request, [native.SUBPROTOCOL, packed.SUBPROTOCOL], take)


def _shown(request: Request, switch: Switch) -> Handshake:
    """Return what an upgrade looked like."""
    headers = [(name, value if _plain(name, value) else "(withheld)") for name, value in request.headers]
    return Handshake(
        request=Exchange(f"{request.method} {request.target} HTTP/{request.version}", headers),
        response=Exchange(f"HTTP/1.1 {switch.status_code} {switch.reason_phrase}", list(switch.headers.raw_items())),
    )


def _plain(name: str, value: str) -> bool:
    """Tell whether a header is one that a handshake has, and holds no token: not even one in the wrong place."""
    if name == "sec-websocket-protocol":
        return {part.strip() for part in value.split(",")} <= SUBPROTOCOLS
    return name.startswith(SHOWN)


class Conversation(Served):
    """One client: every command comes in by `_heard`, every answer goes out by `_say`, ticks by the outlet."""

    __slots__ = ("_acks", "_handshake", "_known_s", "_session")

    def __init__(
        self,
        house: House,
        ws: ServerProtocol,
        switch: Switch,
        handshake: Handshake | None,
        permit: Permit | None = OPEN,
    ) -> None:
        super().__init__(house, ws, switch)
        self._session = ServerSession(house.terms, house.feed.tape.head, permit, house.gate.identify)
        self._acks = 0  # that are not charged yet
        self._handshake = handshake
        self._known_s = clock.monotonic_s() + house.gate.deadline_s

    def _opened(self) -> None:
        packs = self._ws.subprotocol == packed.SUBPROTOCOL
        dialect = self._house.packed if packs else self._house.dialect
        frame = self._house.framing.of(packs=packs, compressed=self.compressed)
        self._outlet = Outlet(self._house, self, self._transport, dialect, frame)
        self._say(native.reply(replace(self._house.welcome(), auth_required=self._session.permit is None)))
        if packs:
            self._say(self._house.listing)
        if self._handshake is not None:
            self._say(native.reply(self._handshake))
            self._handshake = None

    def _heard(self, data: bytes, text: bool) -> None:  # noqa: ARG002  # commands may come either way
        message: AnyClientMessage | None = None
        try:
            message = native.parse(data)
            if isinstance(message, Ack):
                self._acks += 1
                if self._acks >= self._house.acks_a_lot:
                    self._pay_acks()
                self._ack(message.seq)
                return
            self._patient().command(clock.monotonic_s())
            interest = self._session.interest
            standing = self._house.standing(self._outlet.cursor)
            outcome = self._session.receive(message, standing, clock.wall_us())
        except Refusal as error:
            self._refuse(error, message)
            if self._session.permit is None and isinstance(message, Authenticate):
                self.close(Close.UNAUTHORIZED, error.message)  # one guess a connection
        except Violation as error:
            self.close(error.close, error.reason)
        else:
            self._obey(outcome, interest)

    def _pay_acks(self) -> None:
        """Charge a lot of acks: to look at the clock for each would be a quarter of what it costs. Raises Refusal."""
        self._acks = self._house.acks_a_lot - 1  # where it is too much, the next one is charged again
        self._patient().acks(self._house.acks_a_lot, clock.monotonic_s())
        self._acks = 0

    def _weigh(self, size: int) -> None:
        try:
            self._patient().input_bytes(size, clock.monotonic_s())
        except Refusal as error:
            self._refuse(error, None)
        except Violation as error:
            self.close(error.close, error.reason)

    def _refuse(self, error: Refusal, message: AnyClientMessage | None) -> None:
        self._say(native.refusal(error, message))
        self._bear(error.code)

    def _bear(self, code: str) -> None:
        """Count a refusal, and close where there have been too many."""
        self._house.refused(code)
        try:
            self._patient().error(code, clock.monotonic_s())
        except Violation as error:
            self.close(error.close, error.reason)

    def _ack(self, seq: int) -> None:
        """Take an acknowledgement: there may be thousands a second. Raises Refusal."""
        self._session.ack(seq, self._outlet.cursor)
        self._outlet.acked(seq)
        self._house.acked(seq)

    def _obey(self, outcome: Outcome, before: Interest) -> None:
        """Answer, and have the outlet do as the session now says."""
        self._answer(outcome)
        session, outlet = self._session, self._outlet
        outlet.set_window(session.window)
        outlet.set_rate(session.rate_hz)
        if outcome.resume:
            outlet.recover(*outcome.resume)
        elif session.interest != before:
            outlet.change(session.interest)

    def _answer(self, outcome: Outcome) -> None:
        for answer in outcome.answers:
            self._say(native.reply(answer))
            if isinstance(answer, Error):  # some of what was asked for was refused
                self._bear(answer.code)
        for head in outcome.snapshots:
            self._show(head)

    def _show(self, head: SnapshotHead) -> None:
        """Send the newest rows of a channel."""
        outlet = self._outlet
        self._say(self._house.snapshot(outlet.dialect, head.channel, head.instruments), binary=outlet.dialect.packs)
        self._session.told(self._house.feed.tape.head)

    def lagged(self, lag: Lag) -> bool:
        self._house.lagged(lag)
        self._say(native.reply(lag))
        self._session.told(lag.to)
        if lag.reason == "pace":
            return True
        if self._session.on_lag == "close":
            self.close(Close.SLOW_READER, SLOW[lag.reason])
            return False
        for head in self._session.snapshots():
            self._show(head)
        return True

    def recovered(self, recovery: Recovery, gap: tuple[int, int] | None) -> None:
        self._say(native.reply(recovered(self._house.feed.tape.epoch, recovery, gap)))

    def _leave(self) -> None:
        self._outlet.close()

    def _look(self, now_s: float) -> None:
        if self._outlet.stalled(now_s):
            self.abort("stalled")
            return
        if over := self._over(now_s):
            self.close(*over)
            return
        self._forget(now_s)
        self._outlet.look(now_s)
        if self._outlet.idle(now_s, self._said):
            sent = self._said + self._outlet.messages
            beat = Heartbeat(seq=self._outlet.cursor, ts=clock.wall_us(), sent=sent)
            self._say(native.reply(replace(beat, stale=True) if self._house.stale else beat))

    def _over(self, now_s: float) -> tuple[Close, str] | None:
        """Return how it ends because of who it is, and why."""
        permit = self._session.permit
        if permit is None:
            return (Close.UNAUTHORIZED, "no token came in time") if now_s > self._known_s else None
        return self._house.gate.over(permit)

    def close(self, code: Close, reason: str) -> None:
        """Say why, and when to come back, before the closing handshake."""
        if self._ws.state is State.OPEN:
            self._leave()
            self._say(native.reply(Closing(code=code, reason=reason, reconnect_after_s=RECONNECT_S.get(code))))
        super().close(code, reason)
