"""The first server of every WebSocket lesson: it logs what it is sent, and answers `Thanks`."""

from websockets.http11 import Response as Switch
from websockets.server import ServerProtocol

from ticker import clock
from ticker.endpoints.handshake import shake_hands
from ticker.endpoints.house import House
from ticker.endpoints.http import Request, Response
from ticker.endpoints.websocket import WebSocket
from ticker.errors import Close, Refusal, Violation
from ticker.session.patience import Patience
from ticker.session.requests import NoQuery

ANSWER = b"Thanks"
LOGGED_BYTES = 200  # of a message: a log is read by people
WITHHELD = "(withheld)"  # where there are tokens, one may be said in the wrong place
LOGGED_MESSAGES = 100  # of a connection: and it is not theirs to fill


def accept(house: House, request: Request) -> "Response | Hello":
    """Answer a handshake. Raises Refusal for any parameter."""
    request.read(NoQuery)

    def take(protocol: ServerProtocol, switch: Switch) -> Hello:
        return Hello(house, protocol, switch)

    return shake_hands(house, request, (), take)


class Hello(WebSocket):
    """One client that says hello."""

    __slots__ = ("_count", "_patience")

    def _opened(self) -> None:
        self._count = 0
        self._patience = Patience(self._house.allowances)

    def pause_writing(self) -> None:
        """Thousands of answers wait unread: there is no backlog of ticks here, that could be excused."""
        self.abort("answers not read")

    def _heard(self, data: bytes, text: bool) -> None:  # noqa: ARG002  # it thanks for either
        try:
            self._patience.command(clock.monotonic_s())
        except (Refusal, Violation):  # there are no words for a warning here
            self.close(Close.RATE_LIMITED, "too many messages")
            return
        self._count += 1
        if self._count <= LOGGED_MESSAGES:
            said = WITHHELD if self._house.gate.asks else data[:LOGGED_BYTES].decode(errors="replace")
            self._house.log.info("hello", said=said, count=self._count)
        self._say(ANSWER)
