"""Messages that have come and that nobody has read yet; whoever listens waits while there are too many."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable

from ticker.session.client import ClientSession
from ticker.session.messages import Ack, AnyServerMessage, Closing, Snapshot, Ticks
from ticker_client.errors import ConnectionEnded

WAITING_MESSAGES_MAX = 256  # a consumer further behind than this lets the socket fill, and the server knows what to do


class Inbox:
    """Between one line, which puts messages in, and one iterator, which takes them out."""

    def __init__(self, session: ClientSession) -> None:
        self.heard = 0
        """How many messages of any kind have come."""
        self.ended: ConnectionEnded | None = None
        self.advice_s: float | None = None
        """When the server, going away, asked us to come back."""
        self._session = session
        self._waiting: deque[Ticks | Snapshot] = deque()
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def take(self, message: AnyServerMessage) -> Ack | None:
        """Take note of a message and keep what is to be read; return the acknowledgement that is due, if one is."""
        self.heard += 1
        if isinstance(message, Ticks):
            message = self._session.fresh(message)
        ack = self._session.receive(message)
        if isinstance(message, Snapshot) or (isinstance(message, Ticks) and message.data):
            self._waiting.append(message)
            self._changed.set()
        elif isinstance(message, Closing):
            self.advice_s = message.reconnect_after_s
        return ack

    async def room(self, urgent: Callable[[], bool] = lambda: False) -> None:
        """Wait until there is room for more, or it is urgent."""
        while len(self._waiting) >= WAITING_MESSAGES_MAX and not urgent():
            self._changed.clear()
            await self._changed.wait()

    def wake(self) -> None:
        """Have whoever waits look again."""
        self._changed.set()

    def end(self, ended: ConnectionEnded) -> None:
        """Let iterators end once everything is read; the first reason counts."""
        self.ended = self.ended or ended
        self._changed.set()

    async def batches(self) -> AsyncGenerator[Ticks | Snapshot]:
        """Yield messages as they come. Raises ConnectionEnded when it is over, unless that was wanted."""
        while True:
            while self._waiting:
                batch = self._waiting.popleft()
                self._changed.set()
                yield batch
            if self.ended is not None:
                if self.ended.code == 1000:
                    return
                raise self.ended
            self._changed.clear()
            await self._changed.wait()
