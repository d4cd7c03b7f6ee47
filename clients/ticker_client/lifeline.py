"""One connection after the other, until there is to be no other."""

import asyncio

import msgspec

from ticker_client.backoff import Backoff
from ticker_client.errors import NO_TICKER, ConnectionEnded
from ticker_client.inbox import Inbox
from ticker_client.line import Line


class Lifeline:
    """Opens a line, listens to it in a task of its own, and opens it again when it was lost.

    `language` is what to complain of where what comes cannot be read.
    """

    def __init__(self, inbox: Inbox, language: str, *, reconnect: bool) -> None:
        self.connections = 0
        """How often a connection was made."""
        self.trouble: ConnectionEnded | None = None
        """Why there is no connection now; None while there is one."""
        self._inbox = inbox
        self._language = language
        self._reconnect = reconnect
        self._line: Line | None = None
        self._opened = False
        """Whether the line was opened and has not been heard to end."""
        self._task: asyncio.Task[None] | None = None

    @property
    def live(self) -> bool:
        """Whether there is a connection now."""
        return self._line is not None and self._line.live

    @property
    def line(self) -> Line:
        """The line there is. Raises ConnectionEnded where there is none, or no more."""
        if self._inbox.ended is not None or self._line is None:
            raise self._inbox.ended or ConnectionEnded("not connected: use `async with`")
        return self._line

    async def begin(self, line: Line) -> None:
        """Open a line and listen to it. Raises ConnectionEnded where it cannot be opened; it is closed then."""
        try:
            await self._open(line)
        except BaseException:
            await line.close()
            raise
        self.listen_to(line)

    def listen_to(self, line: Line) -> None:
        """Listen to a line that is open."""
        self._line = line
        self._inbox.acknowledge = line.acknowledge
        self._task = asyncio.create_task(self._run(line))

    async def pause(self) -> None:
        """Listen no more, until told to again."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def hang_up(self) -> None:
        """Listen no more, and close the line after what had to be said at last."""
        await self.pause()
        if self._line is not None:
            self._inbox.farewell()
            await self._line.close()

    async def _open(self, line: Line) -> None:
        await line.open()
        self._opened = True
        self.trouble = None
        self.connections += 1

    async def _run(self, line: Line) -> None:
        try:
            await self._follow(line)
        except Exception as error:  # nobody has foreseen it: iterators end, and so does waiting for an answer
            self._inbox.end(ConnectionEnded(f"the client failed: {error!r}", NO_TICKER))
            await line.close()

    async def _follow(self, line: Line) -> None:
        backoff = Backoff()
        ended: ConnectionEnded | None = None
        lost: ConnectionEnded | None = None
        while True:
            heard = self._inbox.heard
            try:
                if not self._opened:
                    await asyncio.sleep(backoff.next_s(self._advice_s(ended)))
                    await self._open(line)
                    self._inbox.note_reconnect(lost or ConnectionEnded("the connection was lost"))
                self.trouble = ended = lost = await line.listen()
                self._opened = False
            except ConnectionEnded as error:
                self.trouble = ended = error
            except msgspec.DecodeError as error:
                await line.close()
                self.trouble = ended = ConnectionEnded(f"{self._language}: {error}", NO_TICKER)
            if ended.final or not self._reconnect:
                self._inbox.end(ended)
                return await line.close() if line.live else None
            if self._inbox.heard > heard:
                backoff.succeed()

    def _advice_s(self, ended: ConnectionEnded | None) -> float:
        """Return how long the server asked us to wait, if it did."""
        advice_s = (ended and ended.after_s) or self._inbox.advice_s or 0.0
        self._inbox.advice_s = None
        return advice_s
