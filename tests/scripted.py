"""A server that does as a test says: it writes down what a client says, and sends what it is told to."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from msgspec import UNSET
from websockets.asyncio.server import ServerConnection, serve
from websockets.typing import Subprotocol

from said import welcome
from ticker.dialects import native
from ticker.session import messages as say


def ticks(seq: int, *numbers: int) -> say.Ticks:
    """Return a message of trades of ACME, numbered like this."""
    data: list[say.Tick] = [say.Trade(sym="ACME", n=n, t=seq, px=1.25, sz=100, side="buy") for n in numbers]
    return say.Ticks(seq=seq, ts=seq, data=data)


class Scripted:
    """What was said on each connection so far, and the connection there is now."""

    def __init__(self, window_max: int) -> None:
        self.heard: list[list[say.AnyClientMessage]] = []
        self.url = ""
        self.head = 0
        self.opening: list[say.ServerMessage] = []
        """Said after the welcome."""
        self.mute: type[say.AnyClientMessage] | None = None
        """What is heard and not answered."""
        self._window_max = window_max
        self._ws: ServerConnection | None = None

    @property
    def acked(self) -> list[int]:
        """What was acknowledged on the newest connection."""
        return [message.seq for message in self.heard[-1] if isinstance(message, say.Ack)]

    async def send(self, *messages: say.ServerMessage | bytes) -> None:
        assert self._ws is not None
        for message in messages:
            if isinstance(message, bytes):
                await self._ws.send(message)
            else:
                await self._ws.send(native.reply(message), text=True)

    async def hang_up(self, code: int = 1001) -> None:
        assert self._ws is not None
        await self._ws.close(code)

    async def until(self, come: Callable[[], bool]) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(10):
            while not come():  # noqa: ASYNC110  # a test may wait for anything
                await asyncio.sleep(0.005)

    async def converse(self, ws: ServerConnection) -> None:
        self._ws = ws
        self.heard.append([])
        await self.send(welcome(seq=self.head, instruments=1), *self.opening)
        async for data in ws:
            message = native.parse(data)
            self.heard[-1].append(message)
            if self.mute is None or not isinstance(message, self.mute):
                await self.send(*self._answers(message))

    def _answers(self, message: say.AnyClientMessage) -> list[say.ServerMessage]:
        match message:
            case say.Window():
                return [say.WindowGranted(id=message.id, size=min(message.size, self._window_max))]
            case say.Unsubscribe():
                return [say.Unsubscribed(id=message.id, seq=self.head, subscriptions={})]
            case say.Ping():
                return [say.Pong(id=message.id, server_ts=0)]
            case say.Subscribe():
                named = dict.fromkeys(message.channels, message.symbols)
                granted = named if message.subscriptions is UNSET else message.subscriptions
                return [
                    say.Subscribed(
                        id=message.id,
                        seq=self.head,
                        channels=message.channels,
                        symbols=message.symbols,
                        pace="every" if message.pace is UNSET else message.pace,
                        rate_hz=message.rate_hz,
                        snapshot=message.from_ is UNSET,
                        on_lag="skip",
                        subscriptions=granted,
                    )
                ]
        return []


@asynccontextmanager
async def scripted(
    window_max: int = 1000, subprotocols: Sequence[str] = ("ticker.v1.packed", "ticker.v1.json")
) -> AsyncIterator[Scripted]:
    """Give a server that grants no larger window, and speaks these."""
    script = Scripted(window_max)
    spoken = [Subprotocol(name) for name in subprotocols]
    async with serve(script.converse, "127.0.0.1", 0, subprotocols=spoken) as server:
        script.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1/stream"
        yield script
