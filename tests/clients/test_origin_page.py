"""Where the tape comes from, as the page says it: a leaf of somebody's, and that it is stale."""

import asyncio
from collections.abc import Callable

from playwright.async_api import async_playwright, expect

from browser import CHROMIUM, FLAGS, Visit
from conftest import RunningServer
from puppet import Puppet


async def shown(url: str, *acts: tuple[Callable[[], None], str]) -> None:
    """Open the page; after each act, it is to say this of its source."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        visit = Visit(await browser.new_page(viewport={"width": 1440, "height": 900}))
        async with visit.page.expect_response(
            lambda answer: (
                "json" in answer.headers.get("content-type", "") and answer.url.rstrip("/") == url.rstrip("/")
            )
        ):
            await visit.go(url)
        await visit.page.wait_for_timeout(1000)  # until what it was told stands there, if anything does
        source = visit.page.locator("#source")
        for act, words in acts:
            await asyncio.to_thread(act)
            await expect(source).to_have_text(words)
        await browser.close()
    assert visit.complaints == []


async def test_a_market_needs_no_words(serve_ticker: Callable[..., RunningServer]) -> None:
    await shown(serve_ticker().url, (lambda: None, ""))


async def test_a_leaf_says_whose_it_is_and_that_it_is_stale() -> None:
    with Puppet() as puppet:
        puppet.open(10)
        await shown(
            puppet.url,
            (lambda: None, "leaf of somebody"),
            (lambda: puppet.do(lambda: puppet.server.stale("cut off")), "leaf of somebody: stale"),
            (lambda: puppet.do(lambda: puppet.server.stale("")), "leaf of somebody"),
        )
