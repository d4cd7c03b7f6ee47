"""The page at `/docs`, in a real browser, against a real server."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Locator, Route, expect

from browser import Visit
from conftest import RunningServer

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def go(visit: Visit, server: RunningServer, fragment: str = "") -> None:
    await visit.page.goto(f"{server.url}docs{fragment}")
    await expect(visit.page.locator("#types")).to_be_attached()


async def document(visit: Visit, server: RunningServer, name: str) -> Any:
    return await (await visit.page.request.get(f"{server.url}{name}.json")).json()


async def open_trial(visit: Visit, operation: str) -> Locator:
    trial = visit.page.locator(f"#{operation} .trial")
    await trial.locator("summary").click()
    return trial


@pytest.mark.parametrize("flags", [(), ("--admin.enabled",)])
async def test_every_message_path_and_type_is_shown(
    visit: Visit, serve_ticker: Callable[..., RunningServer], flags: tuple[str, ...]
) -> None:
    server = serve_ticker(*flags)
    await go(visit, server)
    asyncapi, openapi = await document(visit, server, "asyncapi"), await document(visit, server, "openapi")
    schemas = {**asyncapi["components"]["schemas"], **openapi["components"]["schemas"]}
    operations = {verb["operationId"]: name for path in openapi["paths"].values() for name, verb in path.items()}
    assert ("setSpeed" in operations) == bool(flags)
    wanted = {f"to-{name}" for name in schemas} | set(operations)
    shown = await visit.page.locator("article").evaluate_all("articles => articles.map((article) => article.id)")
    assert sorted(shown) == sorted(wanted)
    subscribe = visit.page.locator("#to-Subscribe")
    await expect(subscribe).to_contain_text("on_lag")
    assert '"op":"subscribe"' in await subscribe.locator("pre").inner_text()
    for operation, verb in operations.items():
        await expect(visit.page.locator(f"#{operation} .mark")).to_have_text(verb.upper())
    assert visit.complaints == []
    assert {urlsplit(url).netloc for url in visit.requests} == {urlsplit(server.url).netloc}


async def test_every_link_leads_somewhere(visit: Visit, ticker_server: RunningServer) -> None:
    await go(visit, ticker_server, "#to-Quote")
    await expect(visit.page.locator("#to-Quote")).to_be_in_viewport()
    targets = await visit.page.locator("a[href^='#']").evaluate_all("links => links.map((link) => link.hash.slice(1))")
    missing = await visit.page.evaluate("ids => ids.filter((id) => !document.getElementById(id))", targets)
    assert len(targets) > 50
    assert missing == []


async def test_a_request_can_be_tried(visit: Visit, ticker_server: RunningServer) -> None:
    await go(visit, ticker_server)
    trial = await open_trial(visit, "readSnapshot")
    await trial.get_by_label("channels").fill("quotes")
    await trial.get_by_role("button", name="Send").click()
    output = trial.locator("pre")
    await expect(output).to_contain_text('"sym": "BYTE"')
    text = await output.inner_text()
    assert text.startswith("GET /v1/snapshot?symbols=ACME%2CBYTE&channels=quotes\n\n200 OK\n")
    assert "cache-control: no-store" in text
    assert visit.complaints == []


async def test_events_are_shown_as_they_come_until_stopped(visit: Visit, ticker_server: RunningServer) -> None:
    await go(visit, ticker_server)
    trial = await open_trial(visit, "readEvents")
    await trial.get_by_role("button", name="Send").click()
    await expect(trial.locator("pre")).to_contain_text("event: ticks")
    await trial.get_by_role("button", name="Stop").click()
    await expect(trial.locator("pre")).to_contain_text("(stopped)")
    await expect(trial.get_by_role("button", name="Send")).to_be_visible()
    assert visit.complaints == []


async def test_words_of_a_document_are_never_markup(visit: Visit, ticker_server: RunningServer) -> None:
    nasty = "<img src=x onerror=alert(1)>"

    async def spoil(route: Route) -> None:
        answer = await route.fetch()
        document = await answer.json()
        document["info"]["description"] = f"{nasty}\n\n## {nasty}\n\n| {nasty} |\n| --- |\n| {nasty} |"
        document["components"]["schemas"]["Trade"]["description"] = nasty
        await route.fulfill(response=answer, json=document)

    await visit.page.route("**/asyncapi.json", spoil)
    await go(visit, ticker_server)
    await expect(visit.page.locator("#conversation")).to_contain_text(nasty)
    assert await visit.page.locator("main img").count() == 0
    assert visit.complaints == []


async def test_a_page_without_its_documents_says_so(visit: Visit, ticker_server: RunningServer) -> None:
    await visit.page.route("**/openapi.json", lambda route: route.abort())
    await visit.page.goto(f"{ticker_server.url}docs")
    await expect(visit.page.get_by_role("status")).to_contain_text("could not be read")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_phone_reads_it_without_scrolling_sideways(
    visit: Visit, ticker_server: RunningServer, scheme: str
) -> None:
    await visit.page.emulate_media(color_scheme=scheme)
    await visit.page.set_viewport_size({"width": 390, "height": 844})
    await go(visit, ticker_server)
    assert await visit.page.evaluate("() => document.documentElement.scrollWidth") == 390
    ground = await visit.page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    assert ground == {"light": "rgb(243, 245, 248)", "dark": "rgb(12, 17, 24)"}[scheme]
