"""What stands between the page and its first prices: one round trip for all of its files, and nothing that is slow.

A module that is only heard of by another comes a round trip later; so the page names all of them.
"""

import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Route, expect

import ticker_web
from browser import until
from conftest import RunningServer
from market_page import Guest

FILES = Path(ticker_web.__file__).parent


def imported(name: str) -> list[str]:
    """Return the modules that a module needs before it runs."""
    code = (FILES / name).read_text()
    froms = re.findall(r'^(?:import|export)\s[^;]*?from "(\.[^"]+)"', code, re.MULTILINE)
    return [str((FILES / name).parent.joinpath(one).resolve().relative_to(FILES.resolve())) for one in froms]


def named(kind: str) -> list[str]:
    """Return the files that the page itself names."""
    return re.findall(rf'rel="{kind}" href="([^"]+)"', (FILES / "index.html").read_text())


def test_every_module_is_asked_for_by_the_page_itself() -> None:
    needed, todo = set(), ["main.js"]
    while todo:
        name = todo.pop()
        if name not in needed:
            needed.add(name)
            todo += imported(name)
    assert sorted(named("modulepreload")) == sorted(needed - {"main.js"})


@pytest.mark.asyncio(loop_scope="module")
async def test_all_files_are_asked_for_before_any_has_come(guest: Guest, ticker_server: RunningServer) -> None:
    held: dict[str, Route] = {}
    await guest.page.route(
        re.compile(r"\.(js|css)$"), lambda route: held.update({urlsplit(route.request.url).path[1:]: route})
    )
    await guest.page.goto(ticker_server.url, wait_until="commit")
    wanted = {*named("modulepreload"), *named("stylesheet"), "main.js"}
    await until(lambda: wanted <= held.keys())
    assert wanted == held.keys()
    await guest.page.route(re.compile("/vendor/"), lambda route: route.continue_())
    for route in list(held.values()):
        await route.continue_()
    await expect(guest.page.locator("#state")).to_have_text("live")


@pytest.mark.asyncio(loop_scope="module")
async def test_prices_wait_for_no_chart_history_or_description(guest: Guest, ticker_server: RunningServer) -> None:
    held: list[str] = []

    async def hold(route: Route) -> None:
        path = urlsplit(route.request.url).path
        fetched = route.request.resource_type == "fetch" and path not in ("/v1/instruments", "/v1/snapshot")
        if fetched or path.startswith("/vendor/"):
            held.append(path)
        else:
            await route.continue_()

    await guest.page.route("**", hold)
    await guest.go(ticker_server.url)
    last = guest.page.locator("#rows tr[data-symbol=ACME] td.last")
    await expect(last).to_have_text(re.compile(r"\d+\.\d\d"))
    await expect(guest.page.locator(".focus-head .px")).to_have_text(re.compile(r"\d+\.\d\d"))
    assert set(held) == {"/", "/v1/bars", "/vendor/lightweight-charts.js"}
