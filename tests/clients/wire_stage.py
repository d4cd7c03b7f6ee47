"""A page of the server's with nothing on it but an empty section, for parts of the page that are tried on their own."""

from playwright.async_api import Page

from browser import Visit
from conftest import RunningServer

STYLES = ("colours", "page", "sections", "wire/wire", "control/control")
EMPTY = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>Stage</title>'
    '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="/favicon.svg">'
    + "".join(f'<link rel="stylesheet" href="/{name}.css">' for name in STYLES)
    + '<body><div id="head"></div><main><section id="stage"></section></main>'
)


async def enter(page: Page, server: RunningServer) -> Visit:
    """Go there: a file of the page's own, so that its policy holds, with other contents."""
    visit = Visit(page)
    await page.goto(f"{server.url}colours.css")
    await page.set_content(EMPTY)
    return visit
