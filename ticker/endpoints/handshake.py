"""The opening handshake of a WebSocket (RFC 6455, section 4.2), by the library: subprotocol, compression, refusals."""

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

from websockets.datastructures import Headers
from websockets.exceptions import NegotiationError
from websockets.frames import Frame, Opcode
from websockets.http11 import Request as Handshake
from websockets.http11 import Response as Switch
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from ticker.endpoints.compression import SHARED
from ticker.endpoints.house import House
from ticker.endpoints.http import Request
from ticker.errors import Refusal

_quiet = logging.getLogger("ticker.websockets")
_quiet.setLevel(logging.ERROR)

Taker = TypeVar("Taker")


class _Protocol(ServerProtocol):
    def select_subprotocol(self, subprotocols: Sequence[Subprotocol]) -> Subprotocol | None:
        """Take the first of the client's that is one of ours; a client that names none gets the default.

        A method, where the library would take a function too: that it binds to the connection, which then holds itself.
        """
        known = self.available_subprotocols or []
        if known and subprotocols and not set(subprotocols) & set(known):
            raise NegotiationError(f"no such subprotocol; known: {', '.join(known)}")
        return next((name for name in subprotocols if name in known), None)

    def recv_frame(self, frame: Frame) -> None:
        """Take a close between two fragments as a close (RFC 6455, section 5.4); the library calls that a fault."""
        if frame.opcode is Opcode.CLOSE:
            self.current_size = None
        super().recv_frame(frame)


def shake_hands(
    house: House, request: Request, subprotocols: Sequence[str], take: Callable[[ServerProtocol, Switch], Taker]
) -> Taker:
    """Answer a handshake by what `take` makes to hand the transport to. Raises Refusal."""
    if house.draining:
        raise Refusal("unavailable", house.farewell)
    protocol = _Protocol(
        extensions=SHARED if house.config.stream.compression == "shared" else None,
        subprotocols=[Subprotocol(name) for name in subprotocols] or None,
        state=State.OPEN,  # the door has read the head: what the parser sees first is a frame
        max_size=house.config.stream.message_bytes_max,
        logger=_quiet,
    )
    handshake = Handshake(request.target, Headers(request.headers), request.method, f"HTTP/{request.version}")
    response = protocol.accept(handshake)
    if response.status_code == 101:
        return take(protocol, response)
    code = {426: "upgrade_required", 405: "method_not_allowed"}.get(response.status_code, "bad_request")
    sentence = (response.body or b"").decode().split("\n")[0]
    raise Refusal(code, sentence, **({"known": ["GET"]} if code == "method_not_allowed" else {}))
