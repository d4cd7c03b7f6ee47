"""The watch list: search, sectors, order, keys, what is halted, and that only what is seen is touched."""

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from playwright.async_api import expect

from admin_client import AdminClient
from browser import until
from conftest import RunningServer
from market_page import Guest

pytestmark = pytest.mark.asyncio(loop_scope="module")

MINUS = "\u2212"
# Notes which rows are written to, and how many there ever are.
TOUCHED = """() => {
    window.touched = new Set();
    window.most = 0;
    const row = (node) => (node.nodeType === 1 ? node : node.parentElement)?.closest("tr");
    new MutationObserver((changes) => {
        for (const {target} of changes) if (row(target)) window.touched.add(row(target).id);
        window.most = Math.max(window.most, document.querySelectorAll("#rows tr").length);
    }).observe(document.getElementById("rows"),
        {subtree: true, childList: true, characterData: true, attributes: true});
}"""


@pytest.fixture(scope="module")
def house(serve_ticker) -> RunningServer:
    return serve_ticker("--admin.enabled")


@pytest.fixture(scope="module")
def large(serve_ticker) -> RunningServer:
    return serve_ticker("--universe", "large")


async def opened(guest: Guest, server: RunningServer) -> None:
    """Go, and wait until there are prices."""
    await guest.go(server.url)
    await expect(guest.page.locator("#rows tr:visible td.last").first).to_contain_text(".")


async def listed(guest: Guest, server: RunningServer) -> list[dict[str, Any]]:
    answer = await guest.page.context.request.get(f"{server.url}v1/instruments")
    instruments: list[dict[str, Any]] = (await answer.json())["instruments"]
    return instruments


def number(text: str) -> float:
    """Return what a cell says as a number: `1.2K`, `+0.05 %`."""
    found = re.fullmatch(rf"([{MINUS}+]?)([\d.]+)([KMB]?)(?: %)?", text)
    assert found, text
    return float(found[2]) * {"": 1, "K": 1e3, "M": 1e6, "B": 1e9}[found[3]] * (-1 if found[1] == MINUS else 1)


async def test_a_row_says_what_the_instrument_is(guest, house):
    await guest.page.set_viewport_size({"width": 2560, "height": 900})  # all columns are there
    await opened(guest, house)
    instrument = (await listed(guest, house))[0]
    row = guest.page.locator(f"#rows tr[data-symbol={instrument['symbol']}]")
    for column in ("symbol", "name", "sector"):
        await expect(row.locator(f".{column}")).to_have_text(instrument[column])
    for column in ("last", "bid", "ask"):
        await expect(row.locator(f".{column}")).to_have_text(re.compile(rf"^[▲▼]?\d+\.\d{{{instrument['decimals']}}}$"))
    await expect(row.locator(".change")).to_have_text(re.compile(rf"^([▲▼][+{MINUS}])?\d+\.\d\d %$"))
    await expect(row.locator(".volume")).to_have_text(re.compile(r"^[\d.]+[KMB]?$"))
    assert guest.complaints == []


@pytest.mark.parametrize(
    ("column", "key"), [("Symbol", str), ("Name", str.lower), ("Last", number), ("Change", number), ("Volume", number)]
)
async def test_any_column_sorts_both_ways(guest, house, column: str, key: Callable[[str], Any]):
    await opened(guest, house)
    AdminClient(house).post("pause")
    head = guest.page.get_by_role("columnheader", name=column, exact=True)
    try:
        for direction in ("ascending", "descending") if key in (str, str.lower) else ("descending", "ascending"):
            await head.get_by_role("button").click()
            await expect(head).to_have_attribute("aria-sort", direction)

            async def right(direction: str = direction) -> bool:
                values = [key(value) for value in await guest.values(column.lower())]
                pairs = list(pairwise(values if direction == "ascending" else reversed(values)))
                return len(pairs) > 20 and all(one <= other for one, other in pairs)

            await until(right)
        assert await guest.page.locator("[aria-sort]").count() == 1
    finally:
        AdminClient(house).post("resume")


async def test_a_sector_and_a_word_narrow_the_list(guest, house):
    await opened(guest, house)
    instruments = await listed(guest, house)
    sector = instruments[0]["sector"]
    own = [one["symbol"] for one in instruments if one["sector"] == sector]
    assert 1 < len(own) < len(instruments)
    await guest.page.get_by_label("Sector", exact=True).select_option(sector)
    await expect(guest.page.locator("#count")).to_have_text(f"{len(own)} of {len(instruments)}")
    assert await guest.symbols() == own[: len(await guest.symbols())]
    await guest.page.get_by_role("searchbox").fill(own[1].lower())
    await expect(guest.page.locator("#rows tr:visible").first).to_have_attribute("data-symbol", own[1])
    await guest.page.get_by_role("searchbox").press("Escape")
    await guest.page.get_by_label("Sector", exact=True).select_option("")
    await expect(guest.page.locator("#count")).to_have_text(f"{len(instruments)} of {len(instruments)}")


async def test_the_keyboard_finds_and_chooses(guest, house):
    await opened(guest, house)
    keyboard, box = guest.page.keyboard, guest.page.get_by_role("searchbox")
    chosen = guest.page.locator("#rows tr[aria-current=true]")
    await keyboard.press("/")
    await expect(box).to_be_focused()
    await expect(box).to_have_value("")
    await keyboard.type("byte")
    await keyboard.press("Enter")  # before the word has ended
    await expect(chosen).to_have_attribute("data-symbol", "BYTE")
    await keyboard.press("Escape")
    await expect(box).to_have_value("")
    symbols = await guest.symbols()
    await keyboard.press("ArrowDown")
    await expect(chosen).to_have_attribute("data-symbol", "BYTE")
    await keyboard.press("Enter")
    await expect(chosen).to_have_attribute("data-symbol", symbols[symbols.index("BYTE") + 1])
    await guest.page.get_by_role("grid").focus()
    await keyboard.press("End")
    last = guest.page.locator("#rows tr[aria-selected=true]")
    await expect(last).to_have_attribute("aria-rowindex", "101")
    await expect(last).to_be_in_viewport()
    await expect(guest.page.get_by_role("grid")).to_have_attribute(
        "aria-activedescendant", str(await last.get_attribute("id"))
    )
    for key, row in (("ArrowUp", "100"), ("Home", "2"), ("ArrowUp", "2"), ("ArrowDown", "3")):
        await keyboard.press(key)
        await expect(last).to_have_attribute("aria-rowindex", row)
    await expect(last).to_be_in_viewport()
    await keyboard.press("Enter")
    await expect(chosen).to_have_attribute("data-symbol", symbols[1])
    assert guest.complaints == []


async def test_a_price_that_moves_flashes_and_leaves_a_line(guest, house):
    await opened(guest, house)
    await until(lambda: guest.page.locator("#rows [data-flash=up-0], #rows [data-flash=up-1]").count())
    await until(lambda: guest.page.locator("#rows [data-flash=down-0], #rows [data-flash=down-1]").count())
    curve = guest.page.locator("#rows tr[data-symbol=ACME] path")
    await expect(curve).to_have_attribute("d", re.compile(r"^M2\.0 [\d.]+L.+L78\.0 [\d.]+$"))
    await expect(curve).to_have_css("stroke-width", "1.25px")
    await expect(guest.page.locator("#breadth")).to_have_text(re.compile(r"^▲ \d+ +▼ \d+"))


async def test_nothing_flashes_where_less_motion_is_wanted(guest, house):
    await guest.page.emulate_media(reduced_motion="reduce")
    await opened(guest, house)
    await until(lambda: guest.page.locator("#rows [data-flash]").count())
    name = "cell => getComputedStyle(cell).animationName"
    assert await guest.page.locator("#rows [data-flash]").first.evaluate(name) == "none"


async def test_a_halt_is_shown_in_words(guest, house):
    await opened(guest, house)
    row = guest.page.locator("#rows tr[data-symbol=BYTE]")
    AdminClient(house).post("incidents", {"kind": "halt", "symbols": ["BYTE"], "duration_s": 600})
    await expect(row.locator(".symbol")).to_have_text("‖ BYTEhalted")
    await expect(row.locator(".symbol")).to_have_attribute("title", "halted")
    await expect(guest.page.locator("#breadth")).to_contain_text("‖ 1 not trading")
    await expect(guest.page.locator("#rows tr[data-symbol=ACME] .symbol")).to_have_text("ACME")


async def test_of_a_thousand_only_what_is_seen_is_there_and_touched(guest, large):
    await opened(guest, large)
    await expect(guest.page.locator("#count")).to_have_text("1,000 of 1,000")
    await guest.page.evaluate(TOUCHED)
    instruments = await listed(guest, large)
    pane = guest.page.locator("#watch .pane")
    await pane.evaluate("pane => { pane.scrollTop = pane.scrollHeight; }")
    await expect(guest.page.locator(f"#rows tr[data-symbol={instruments[-1]['symbol']}]")).to_be_in_viewport()
    await expect(guest.page.locator(f"#rows tr[data-symbol={instruments[0]['symbol']}]")).to_have_count(0)
    shown = await guest.symbols()
    assert shown == [one["symbol"] for one in instruments[-len(shown) :]]

    async def moved() -> bool:
        return bool(await guest.page.evaluate("() => window.touched.size > 10"))

    await until(moved)
    assert await guest.page.evaluate("() => window.most") < 50
    await until(lambda: len(guest.list_told("ticks")) > 8)
    assert {tick["sym"] for message in guest.list_told("ticks") for tick in message["data"]} > {
        one["symbol"] for one in instruments[:20]
    }
    await guest.page.get_by_role("searchbox").fill(instruments[700]["symbol"])
    await expect(guest.page.locator("#rows tr:visible").first).to_have_attribute(
        "data-symbol", instruments[700]["symbol"]
    )
    assert guest.complaints == []


async def test_what_is_not_kept_up_does_not_look_as_if_it_were(guest, serve_ticker):
    server = serve_ticker()
    await opened(guest, server)
    cell = guest.page.locator("#rows td.last").first
    await expect(cell).to_have_css("font-style", "normal")
    server.stop()
    await expect(guest.page.locator("#state")).to_have_text("reconnecting")
    await expect(cell).to_have_css("font-style", "italic")
