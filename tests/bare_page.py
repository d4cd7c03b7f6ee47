"""An empty page in a real browser with the page's files beside it: for parts of it that need no server."""

from pathlib import Path

import pytest_asyncio
from playwright.async_api import Page, Route

import ticker_web
from browser import Visit

FILES = Path(ticker_web.__file__).parent


@pytest_asyncio.fixture(loop_scope="module")
async def page(visit: Visit) -> Page:
    """A page with nothing in it, whose scripts may be imported by their paths."""

    async def serve(route: Route) -> None:
        path = FILES / route.request.url.removeprefix("http://page.test/")
        if path.is_file():
            await route.fulfill(path=path, content_type="text/javascript")
        else:
            await route.fulfill(body="<!doctype html><title>empty</title>", content_type="text/html")

    await visit.page.route("http://page.test/**", serve)
    await visit.page.goto("http://page.test/")
    return visit.page
