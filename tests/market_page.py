"""The trading screen in a browser that a module shares: what its two conversations say, and what is seen of them."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, ViewportSize, WebSocket, async_playwright

from browser import CHROMIUM, FLAGS, Visit

SCREEN: ViewportSize = {"width": 1440, "height": 900}


@dataclass
class Guest(Visit):
    """A visit of the trading screen: `sent` and `received` are the focus's, these are the list's."""

    list_sent: list[Any] = field(default_factory=list)
    list_received: list[Any] = field(default_factory=list)

    def _websocket(self, socket: WebSocket) -> None:
        super()._websocket(socket)
        if socket.url.endswith("/v1/stream"):
            socket.on("framesent", lambda payload: self.list_sent.append(json.loads(payload)))
            socket.on("framereceived", self._list_hears)

    def _list_hears(self, payload: str | bytes) -> None:
        if isinstance(payload, str):
            self.list_received.append(json.loads(payload))

    def list_asked(self, op: str) -> list[Any]:
        return [message for message in self.list_sent if message["op"] == op]

    def list_told(self, kind: str) -> list[Any]:
        return [message for message in self.list_received if message["type"] == kind]

    async def symbols(self) -> list[str]:
        """Return the symbols of the rows that are there, from top to bottom."""
        rows = "rows => rows.map(row => [Number(row.getAttribute('aria-rowindex')), row.dataset.symbol])"
        found = await self.page.locator("#rows tr:not([hidden])").evaluate_all(rows)
        return [symbol for _, symbol in sorted(found)]

    async def values(self, column: str) -> list[str]:
        """Return what is written in a column of the rows that are there, from top to bottom."""
        rows = f"""rows => rows.map(row => [
            Number(row.getAttribute('aria-rowindex')), row.querySelector('.{column}').lastChild.textContent])"""
        found = await self.page.locator("#rows tr:not([hidden])").evaluate_all(rows)
        return [value for _, value in sorted(found)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """One browser, and so one loop, for all tests of a module: to start one takes longer than most of them."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="module")
async def wide(chromium: Browser) -> AsyncIterator[Page]:
    """A page as wide as a desk's screen, of which nothing is noticed yet, for one test."""
    async with await chromium.new_context(viewport=SCREEN) as context:
        yield await context.new_page()


@pytest.fixture
def guest(wide: Page) -> Guest:
    """A visit of the trading screen, for one test."""
    return Guest(wide)


@pytest_asyncio.fixture(loop_scope="module")
async def visit(chromium: Browser) -> AsyncIterator[Visit]:
    """A page with cookies, storage and cache of its own, for one test."""
    async with await chromium.new_context() as context:
        yield Visit(await context.new_page())
