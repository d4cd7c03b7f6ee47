"""A TCP proxy on 127.0.0.1 that passes everything on, counts it, and cuts connections when told to."""

import asyncio
from typing import Self, cast


class Proxy:
    """Between clients and one server; `port` is where clients connect, `target` where they get to."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.accepting = True
        self.connections = 0
        self.bytes_up = 0
        self.bytes_down = 0
        self._cut_after: int | None = None
        self._legs: set[_Leg] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.get_running_loop().create_server(lambda: _Leg(self), "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        await self._server.wait_closed()
        await asyncio.sleep(0.01)  # what was aborted is closed in the loop's next rounds

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def cut(self) -> None:
        """Cut every connection now, in both directions."""
        for leg in tuple(self._legs):
            leg.cut()

    def cut_after(self, size: int) -> None:
        """Let so many more bytes through to clients, and cut, maybe in the middle of something."""
        self._cut_after = size

    def join(self, leg: "_Leg") -> None:
        self._legs.add(leg)

    def leave(self, leg: "_Leg") -> None:
        self._legs.discard(leg)

    def let_down(self, data: bytes) -> bytes:
        """Return what may pass to a client; nothing passes when it is time to cut."""
        if self._cut_after is None:
            passed = data
        else:
            passed = data[: self._cut_after]
            self._cut_after -= len(passed)
            if len(passed) < len(data):
                self._cut_after = None
                asyncio.get_running_loop().call_soon(self.cut)
        self.bytes_down += len(passed)
        return passed


class _Leg(asyncio.Protocol):
    """A client's connection, and the one made for it."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._waiting: list[bytes] = []
        self._far: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.near = cast(asyncio.Transport, transport)
        if not self._proxy.accepting:
            self.near.abort()
            return
        self._proxy.connections += 1
        self._proxy.join(self)
        self._task = asyncio.ensure_future(self._connect())

    async def _connect(self) -> None:
        try:
            far, _ = await asyncio.get_running_loop().create_connection(
                lambda: _Far(self, self._proxy), "127.0.0.1", self._proxy.target
            )
        except OSError:
            self.near.abort()
            return
        if self.near.is_closing():
            far.abort()
            return
        self._far = far
        for data in self._waiting:
            far.write(data)

    def data_received(self, data: bytes) -> None:
        self._proxy.bytes_up += len(data)
        if self._far is None:
            self._waiting.append(data)
        else:
            self._far.write(data)

    def pause_writing(self) -> None:
        if self._far is not None:
            self._far.pause_reading()

    def resume_writing(self) -> None:
        if self._far is not None:
            self._far.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # lost is lost
        self._proxy.leave(self)
        if self._far is not None:
            self._far.close()

    def cut(self) -> None:
        self._task.cancel()
        self.near.abort()
        if self._far is not None:
            self._far.abort()


class _Far(asyncio.Protocol):
    def __init__(self, leg: _Leg, proxy: Proxy) -> None:
        self._leg = leg
        self._proxy = proxy

    def data_received(self, data: bytes) -> None:
        if not self._leg.near.is_closing():
            self._leg.near.write(self._proxy.let_down(data))

    def eof_received(self) -> None:
        if not self._leg.near.is_closing():
            self._leg.near.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # lost is lost
        if not self._leg.near.is_closing():
            self._leg.near.close()
