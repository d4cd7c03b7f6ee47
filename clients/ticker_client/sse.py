"""The line by server-sent events: one answer that goes on, asked for anew where something changes."""

from contextlib import suppress

from ticker.dialects import native
from ticker.errors import Refusal
from ticker.ticks import Position
from ticker.wire import eventstream
from ticker_client.errors import ConnectionEnded
from ticker_client.plain import PlainLine

SILENCES = 3  # heartbeats in a row that may fail to come
SILENCE_S_MIN = 10.0  # a busy machine is no dead one


class EventLine(PlainLine):
    """A line over `/v1/sse`."""

    async def follow(self, revision: int) -> None:
        path, header = self._question()
        answer, connection = await self._http.stream(path, "text/event-stream", header)
        try:
            self.check(answer)
            parser = eventstream.Parser()
            while revision == self._revision:
                piece = await self._http.chunk(connection, self._silence_s())
                if not piece:
                    raise ConnectionEnded("the server ended the stream", after_s=(parser.retry_ms or 0) / 1000)
                for event in parser.feed(piece):
                    if not await self.take(native.read(event.data), revision):
                        return
                self._reach(parser.event_id)  # a heartbeat is an id without an event
        finally:
            self._http.drop_held()

    def _question(self) -> tuple[str, str]:
        """Return the path to ask for and a line of the head: the newest are shown to whoever says that it is back."""
        path, position = f"/v1/sse?{self._request.text}", self.place
        pace, rate_hz = self._session.paced
        if pace == "every":
            return f"{path}&from={position}", ""
        return f"{path}&pace={pace}" + (f"&rate_hz={rate_hz:g}" if rate_hz else ""), f"Last-Event-ID: {position}"

    def _reach(self, event_id: str) -> None:
        with suppress(Refusal):
            epoch, seq = Position.parse(event_id)
            if epoch == self._session.position.epoch:
                self._session.reach(seq)

    def _silence_s(self) -> float:
        welcome = self._session.welcome
        return max(SILENCE_S_MIN, SILENCES * welcome.heartbeat_s if welcome else 0.0)
