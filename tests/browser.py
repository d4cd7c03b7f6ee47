"""A real browser, and all that is noticed about the page in it."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import ConsoleMessage, Page, WebSocket, expect

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PATIENCE_S = 15
TAKE_NOTES = """() => {
    window.notes = [];
    const [state, why] = [document.getElementById("state"), document.getElementById("why")];
    const note = () => window.notes.push(`${state.textContent}: ${why.textContent}`);
    new MutationObserver(note).observe(why, {childList: true});
}"""

expect.set_options(timeout=PATIENCE_S * 1000)


@dataclass
class Visit:
    """A page, and all that was noticed about it.

    `sent` and `received` are the talk of the page's own stream, `packed` the binary frames that it received.
    """

    page: Page
    sent: list[Any] = field(default_factory=list)
    received: list[Any] = field(default_factory=list)
    packed: list[bytes] = field(default_factory=list)
    sockets: list[str] = field(default_factory=list)
    open_sockets: list[WebSocket] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("websocket", self._websocket)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)

    def _websocket(self, socket: WebSocket) -> None:
        self.sockets.append(socket.url)
        self.open_sockets.append(socket)
        socket.on("close", self._closed)
        if not socket.url.endswith("?handshake=true"):
            return
        socket.on("framesent", lambda payload: self.sent.append(json.loads(payload)))
        socket.on("framereceived", self._hear)

    def _hear(self, payload: str | bytes) -> None:
        if isinstance(payload, bytes):
            self.packed.append(payload)
        else:
            self.received.append(json.loads(payload))

    def _closed(self, socket: WebSocket) -> None:
        self.open_sockets.remove(socket)

    def asked(self, op: str) -> list[Any]:
        return [message for message in self.sent if message["op"] == op]

    def told(self, kind: str) -> list[Any]:
        return [message for message in self.received if message["type"] == kind]

    async def go(self, url: str) -> None:
        await self.page.goto(url)
        await expect(self.page.locator("#state")).to_have_text("live")

    async def take_notes(self) -> None:
        """Note from now on what is said of the connection, however shortly it stands there."""
        await self.page.evaluate(TAKE_NOTES)

    async def noted(self, words: str) -> str:
        """Wait for a note with these words, such as `reconnecting: going away (1001): try 1 in 1 s`, and return it."""
        find = "words => window.notes.find((note) => note.includes(words))"
        note = await self.page.wait_for_function(find, arg=words)
        return str(await note.json_value())

    async def lasts(self) -> list[str]:
        return await self.page.locator("#rows td.last").all_inner_texts()


async def until(true: Callable[[], Any | Awaitable[Any]]) -> None:
    """Wait for it; a test that waits in vain fails."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            value = true()
            if await value if isinstance(value, Awaitable) else value:
                return
            await asyncio.sleep(0.02)
