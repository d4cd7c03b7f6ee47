"""A WebSocket whose client is owed ticks: its outlet, and what is borne of it."""

from websockets.http11 import Response as Switch
from websockets.server import ServerProtocol

from ticker.endpoints.house import House
from ticker.endpoints.outlet import Outlet
from ticker.endpoints.websocket import WebSocket
from ticker.session.patience import Patience


class Served(WebSocket):
    """One client; a subclass makes the outlet when the conversation is opened."""

    __slots__ = ("_outlet", "_patience")

    _outlet: Outlet

    def __init__(self, house: House, ws: ServerProtocol, switch: Switch) -> None:
        super().__init__(house, ws, switch)
        self._patience: Patience | None = None  # nothing is remembered of those who say little

    def pause_writing(self) -> None:
        self._outlet.pause()

    def resume_writing(self) -> None:
        self._outlet.resume()
        super().resume_writing()

    def _let_go(self) -> None:
        super()._let_go()
        self._outlet.end()

    def _patient(self) -> Patience:
        if self._patience is None:
            self._patience = Patience(self._house.allowances)
        return self._patience

    def _forget(self, now_s: float) -> None:
        """Forget what was borne, where all of it is made up for."""
        if self._patience is not None and self._patience.whole(now_s):
            self._patience = None
