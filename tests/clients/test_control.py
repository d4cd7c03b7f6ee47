"""The page's controls of the market, on an empty stage against a real server with an admin API."""

import re
from collections.abc import Callable, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect
from wire_stage import enter

from admin_client import AdminClient
from browser import Visit, until
from conftest import RunningServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

OPEN = """async () => {
    const {Control} = await import("/control/control.js");
    window.control = new Control(document.querySelector("#stage"), {base: new URL("/", location.href)});
    await control.open();
}"""
AVAILABLE = """async () => {
    const {Control} = await import("/control/control.js");
    return Control.available(new URL("/", location.href));
}"""


@pytest.fixture(scope="module")
def house(serve_ticker: Callable[..., RunningServer]) -> Iterator[RunningServer]:
    yield serve_ticker("--admin.enabled")


@pytest.fixture
def admin(house: RunningServer) -> Iterator[AdminClient]:
    """What a program sees of it; the market runs as it did when the test is over."""
    client = AdminClient(house)
    yield client
    client.post("speed", {"speed": 1})
    client.post("resume")


@pytest_asyncio.fixture(loop_scope="module")
async def visit(wide: Page, house: RunningServer) -> Visit:
    visit = await enter(wide, house)
    await visit.page.evaluate(OPEN)
    return visit


def said(visit: Visit, card: str) -> Locator:
    return visit.page.locator(f"[aria-labelledby={card}-title] .control-said")


async def test_the_clock_is_stopped_stepped_and_started(visit: Visit, admin: AdminClient) -> None:
    page = visit.page
    await expect(page.locator(".control-how")).to_contain_text("Running at 1\u00d7")
    await expect(page.locator("#clock-step")).to_be_disabled()
    await page.locator("#clock-toggle").click()
    await expect(page.locator(".control-how")).to_have_text("‖ Standing still")
    before = admin.get("state")
    assert before["paused"]
    await page.locator("#clock-steps").fill("25")
    await page.locator("#clock-step").click()
    await expect(said(visit, "clock")).to_contain_text("✓ 25 steps: now at position")
    assert admin.get("state")["seq"] == before["seq"] + 25
    await page.locator("#clock-toggle").click()
    await expect(said(visit, "clock")).to_have_text("✓ Going on at 1\u00d7.")
    assert not admin.get("state")["paused"]
    assert visit.complaints == []


async def test_its_speed_is_chosen_or_typed(visit: Visit, admin: AdminClient) -> None:
    page = visit.page
    await page.get_by_role("button", name="10\u00d7", exact=True).click()
    await expect(page.get_by_role("button", name="10\u00d7", exact=True)).to_have_attribute("aria-pressed", "true")
    assert admin.get("state")["speed"] == 10
    await page.locator("#clock-speed").fill("2.5")
    await page.locator("#clock-speed").press("Enter")
    await expect(said(visit, "clock")).to_contain_text("2.5 seconds of market time")
    assert admin.get("state")["speed"] == 2.5
    assert visit.complaints == []


async def test_it_runs_until_where_it_is_told(visit: Visit, admin: AdminClient) -> None:
    page = visit.page
    await page.locator("#clock-toggle").click()
    await expect(page.locator("#clock-step")).to_be_enabled()
    state = admin.get("state")
    await page.locator("#clock-until").fill(f"{state['epoch']}:{state['seq'] + 30}")
    await page.locator("#clock-run").click()
    await expect(said(visit, "clock")).to_contain_text("Going on until position")
    assert admin.until_paused()["seq"] == state["seq"] + 30
    await page.locator("#clock-until").fill(f"{state['epoch']}:1")
    await page.locator("#clock-run").click()
    await expect(said(visit, "clock")).to_contain_text("✗ Refused (bad_position): until: ")
    await page.get_by_role("button", name="+ 10 s").click()
    await expect(page.locator(".control-how")).to_contain_text("▶ Running at 1\u00d7, until position")
    assert [text for text in visit.complaints if "status of 400" not in text] == []


async def test_incidents_reach_whom_they_are_meant_for(visit: Visit, admin: AdminClient) -> None:
    page = visit.page
    kind, cause = page.locator("#incident-kind"), page.locator("#incident-cause")
    await expect(page.locator("#incident-value")).to_be_hidden()
    await page.locator("#incident-symbols").fill("acme, byte")
    await cause.click()
    await expect(said(visit, "incident")).to_contain_text("✓ Halt shows from position")
    await kind.select_option("shock")
    await page.locator("#incident-value").fill("-5")
    await page.get_by_label("All", exact=True).check()
    await page.locator("#incident-at").fill("23h")
    await cause.click()
    await expect(said(visit, "incident")).to_contain_text(re.compile("✓ Shock shows|✗ Refused"))
    await page.locator("#incident-at").fill("3600s")
    await cause.click()
    await expect(said(visit, "incident")).to_contain_text("✓ Shock shows from position")
    await kind.select_option("regime")
    await page.get_by_label("Sector", exact=True).first.check()
    await cause.click()
    await expect(said(visit, "incident")).to_contain_text("✓ Regime shows from position")
    state = admin.get("state")
    told = {incident["kind"]: incident for incident in state["past"] + state["coming"]}
    assert told["halt"]["symbols"] == ["ACME", "BYTE"]
    assert told["halt"]["duration_s"] == 30
    assert told["shock"]["value"] == -0.05
    assert told["shock"]["symbols"] == ["*"]
    assert told["regime"]["value"] == 5
    assert 0 < len(told["regime"]["symbols"]) < 100
    rows = page.locator(".control-history tbody tr")
    await expect(rows.filter(has_text="Shock").first).to_contain_text("\u22125 %")
    await expect(rows.filter(has_text="Halt").first).to_contain_text("ACME, BYTE")
    assert [text for text in visit.complaints if "status of 400" not in text] == []


async def test_a_refusal_is_said_in_words(visit: Visit) -> None:
    await visit.page.locator("#incident-symbols").fill("<b>NOBODY</b>")
    await visit.page.locator("#incident-cause").click()
    await expect(said(visit, "incident")).to_contain_text("✗ Refused (unknown_symbol)")
    assert await visit.page.locator("#stage b").count() == 0


async def test_nothing_is_asked_once_it_is_closed(visit: Visit) -> None:
    await visit.page.evaluate("() => control.close()")
    asked = len(visit.requests)
    await visit.page.wait_for_timeout(1_500)  # longer than it waits between two looks
    assert len(visit.requests) == asked


async def test_only_a_server_that_lets_itself_be_controlled_offers_it(
    visit: Visit, chromium: Browser, serve_ticker: Callable[..., RunningServer]
) -> None:
    assert await visit.page.evaluate(AVAILABLE)
    context = await chromium.new_context()
    plain = serve_ticker()
    other = await enter(await context.new_page(), plain)
    assert not await other.page.evaluate(AVAILABLE)
    assert other.complaints == []
    await context.close()
    plain.stop()


async def test_a_token_is_asked_for_where_there_is_one(
    chromium: Browser, serve_ticker: Callable[..., RunningServer]
) -> None:
    context = await chromium.new_context()
    guarded = serve_ticker("--admin.enabled", "--admin.token", "a-secret-of-some-length")
    visit = await enter(await context.new_page(), guarded)
    page = visit.page
    await page.evaluate(OPEN)
    await expect(page.locator(".control-trouble")).to_contain_text("say who you are")
    await page.locator("#control-token").fill("a-secret-of-some-length")
    await page.locator("#control-token").press("Enter")
    await expect(page.locator(".control-how")).to_contain_text("Running at 1\u00d7")
    await expect(page.locator(".control-trouble")).to_be_hidden()
    await context.close()
    guarded.stop()


async def test_it_fits_a_phone(visit: Visit) -> None:
    await visit.page.set_viewport_size({"width": 390, "height": 844})
    await until(lambda: visit.page.locator(".control-time", has_text=":").count())
    assert await visit.page.evaluate("() => document.documentElement.scrollWidth") == 390
