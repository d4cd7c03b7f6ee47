"""The chosen instrument in a real browser: chart, depth, trades, statistics, fed from a real server's stream."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from playwright.async_api import Route, expect

from admin_client import AdminClient
from browser import Visit, until
from conftest import RunningServer
from ticker.endpoints.http import Request
from ticker.endpoints.page import LIBRARY, Page
from ticker.endpoints.rest import Rest

# The page's document without its program, with nothing in it but what is tested.
STAGE = """async ([symbol, spoiled]) => {
    const sheet = Object.assign(document.createElement("link"), {rel: "stylesheet", href: "/focus/focus.css"});
    document.head.append(sheet);
    const {Focus} = await import("/focus/focus.js");
    const {instruments} = await (await fetch("/v1/instruments")).json();
    const root = document.createElement("section");
    document.body.replaceChildren(root);
    const doubts = [], base = new URL("/", location.href);
    const focus = new Focus(root, {base, onDoubt: (symbol) => doubts.push(symbol)});
    const find = (symbol) => instruments.find((one) => one.symbol === symbol);
    Object.assign(window, {focusing: focus, doubts, find});
    focus.choose({...find(symbol), ...spoiled});
    const frame = (now) => { focus.paint(now); requestAnimationFrame(frame); };
    requestAnimationFrame(frame);
}"""
LISTEN = """async ([symbols]) => {
    const socket = new WebSocket(`ws://${location.host}/v1/stream`);
    await new Promise((open) => { socket.onopen = open; });
    socket.onmessage = (event) => {
        const message = JSON.parse(event.data);
        if (message.type === "ticks") focusing.take(message.data);
        if (message.type === "snapshot") focusing.reset(message.data);
    };
    const channels = ["trades", "quotes", "book", "bars.1s", "bars.1m", "stats", "status"];
    socket.send(JSON.stringify({op: "subscribe", channels, symbols}));
    focusing.live(true);
}"""
LADDER = """() => [...document.querySelectorAll(".ladder tr[data-side]:not(.none)")].map((row) => [
    row.dataset.side, row.querySelector(".px").textContent, row.querySelector(".sz").textContent])"""
COLOURS = """() => {
    const colours = new Set();
    for (const canvas of document.querySelectorAll(".canvas canvas")) {
        const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        for (let at = 0; at < data.length; at += 4) {
            if (data[at + 3] === 255) colours.add(data.slice(at, at + 3).join(","));
        }
    }
    return [...colours];
}"""
NOW_US = 1_767_623_400_000_000  # 14:30 UTC
NOTHING, TIMES, MINUS = "\u2013", "\u00d7", "\u2212"
UP, DOWN, DARK_UP, LINE = "10,122,75", "191,44,60", "67,211,148", "31,86,208"  # of colours.css


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(scope="module")
def server(serve_ticker: Callable[..., RunningServer]) -> RunningServer:
    return serve_ticker("--admin.enabled", "--instruments", "5")


@pytest.fixture(autouse=True)
def _running(server: RunningServer) -> Any:
    yield
    AdminClient(server).post("resume")


async def stage(visit: Visit, server: RunningServer, *listen: str, spoiled: dict[str, str] | None = None) -> None:
    """Show ACME, and listen to some."""
    await visit.page.emulate_media(color_scheme="light")
    await visit.page.route("**/main.js", lambda route: route.fulfill(body="", content_type="text/javascript"))
    await visit.page.goto(server.url)
    await visit.page.evaluate(STAGE, ["ACME", spoiled or {}])
    if listen:
        await visit.page.evaluate(LISTEN, [list(listen)])


async def take(visit: Visit, *ticks: dict[str, Any], how: str = "take") -> None:
    await visit.page.evaluate(f"(ticks) => focusing.{how}(ticks)", ticks)


async def newest(visit: Visit, server: RunningServer, channel: str) -> Any:
    url = f"{server.url}v1/snapshot?symbols=ACME&channels={channel}"
    return (await (await visit.page.context.request.get(url)).json())["data"]


async def bars(visit: Visit) -> int:
    return int(await visit.page.locator(".chart .canvas").get_attribute("data-bars") or 0)


def trade(n: int, px: float = 10.0, side: str = "buy", **more: Any) -> dict[str, Any]:
    return {
        "ch": "trade",
        "sym": "ACME",
        "n": n,
        "t": NOW_US + n,
        "px": px,
        "sz": n,
        "side": side,
        **more,
    }


async def test_candles_are_drawn_from_history_and_the_running_bar_moves(visit: Visit, server: RunningServer) -> None:
    async def history() -> list[Any]:
        url = f"{server.url}v1/bars?symbol=ACME&interval=1s"
        return list((await (await visit.page.context.request.get(url)).json())["bars"])

    async def enough() -> bool:
        return len(await history()) >= 3

    await until(enough)
    await stage(visit, server)
    await until(lambda: bars(visit))
    assert 3 <= await bars(visit) <= len(await history())

    await visit.page.evaluate(LISTEN, [["ACME"]])
    reading, seen = visit.page.locator(".chart .reading"), set()

    async def moves() -> bool:
        seen.add(await reading.inner_text())
        return len(seen) >= 4

    await until(moves)
    await expect(visit.page.locator(".chart")).to_have_attribute("data-drawn", "candles")
    await expect(visit.page.get_by_role("img", name="ACME, candles and volume, seconds")).to_be_visible()
    assert {UP, DOWN} & set(await visit.page.evaluate(COLOURS))
    await until(lambda: still_whole(visit, server))
    assert visit.complaints == []  # and so, the library offends against no policy


async def still_whole(visit: Visit, server: RunningServer) -> bool:
    """Tell whether the chart has every bar that the server remembers."""
    answer = await visit.page.context.request.get(f"{server.url}v1/bars?symbol=ACME&interval=1s&limit=600")
    finished = len((await answer.json())["bars"])
    return await bars(visit) - finished in (0, 1)


async def test_whose_the_chart_is_stands_under_it(visit: Visit, server: RunningServer) -> None:
    await stage(visit, server, "ACME")
    credit = visit.page.get_by_role("link", name="Charts: TradingView Lightweight Charts")
    await expect(credit).to_be_visible()
    await expect(credit).to_have_attribute("href", "https://www.tradingview.com/")
    assert {url.split("/")[2] for url in visit.requests} == {server.url.split("/")[2]}


async def test_another_length_of_bars_is_asked_for_once(visit: Visit, server: RunningServer) -> None:
    await stage(visit, server, "ACME")
    await until(lambda: bars(visit))
    await visit.page.get_by_label("1 min").check()
    await expect(visit.page.get_by_role("img", name="ACME, candles and volume, minutes")).to_be_visible()
    for label in ("1 s", "1 min"):
        await visit.page.get_by_label(label, exact=True).check()
    assert len([url for url in visit.requests if "interval=1m" in url]) == 1


async def test_another_instrument_begins_clean(visit: Visit, server: RunningServer) -> None:
    await stage(visit, server, "ACME", "BYTE")
    await expect(visit.page.locator(".sales [data-side]:visible").nth(5)).to_be_visible()
    AdminClient(server).post("pause")
    AdminClient(server).until_paused()
    await asyncio.sleep(0.2)  # what is under way comes
    await visit.page.evaluate("() => focusing.choose(find('BYTE'))")
    await take(visit, trade(10**6))
    await expect(visit.page.get_by_role("heading", name="BYTE")).to_be_visible()
    await expect(visit.page.locator(".sales tbody tr:visible")).to_have_count(0)
    await expect(visit.page.locator(".statistics dd").first).to_have_text(NOTHING)
    await expect(visit.page.locator(".latest .px")).to_have_text(NOTHING)
    assert await visit.page.evaluate(LADDER) == []
    AdminClient(server).post("resume")
    await expect(visit.page.locator(".sales tbody tr:visible").first).to_be_visible()
    await expect(visit.page.get_by_role("img", name="BYTE")).to_be_visible()
    assert await visit.page.evaluate("() => focusing.missed") == 0


async def test_the_ladder_is_the_servers_book_at_the_same_position(visit: Visit, server: RunningServer) -> None:
    await stage(visit, server, "ACME")
    await until(lambda: visit.page.evaluate("() => focusing.books.proved > 20"))
    AdminClient(server).post("pause")
    AdminClient(server).until_paused()
    rows = await newest(visit, server, "book")
    asks = [["ask", f"{row['px']:.2f}", f"{row['sz']:,}"] for row in rows if row["side"] == "ask"]
    bids = [["bid", f"{row['px']:.2f}", f"{row['sz']:,}"] for row in rows if row["side"] == "bid"]

    async def same() -> bool:
        return bool(await visit.page.evaluate(LADDER) == asks[::-1] + bids)

    await until(same)
    sizes = [row["sz"] for row in rows if row["side"] == "ask"]
    third = visit.page.locator(".ladder [data-side=ask]").nth(7)
    await expect(third).to_have_attribute("title", re.compile(f"^ask 3: {sizes[2]:,} at .*; {sum(sizes[:3]):,} at"))
    await expect(visit.page.locator(".ladder .proof")).to_have_text(re.compile(r"^✓ checksum proved \d+ times$"))
    assert await visit.page.evaluate("() => [focusing.books.wrong, focusing.missed, doubts]") == [0, 0, []]


async def test_statistics_and_head_are_the_servers(visit: Visit, server: RunningServer) -> None:
    await stage(visit, server, "ACME")
    await until(lambda: bars(visit))
    AdminClient(server).post("pause")
    AdminClient(server).until_paused()
    [stats], [quote] = await newest(visit, server, "stats"), await newest(visit, server, "quotes")
    for name in ("open", "high", "low", "previous"):
        await expect(visit.page.locator(f".statistics .{name}")).to_have_text(f"{stats[name]:.2f}")
    await expect(visit.page.locator(".statistics .volume")).to_have_text(f"{stats['volume']:,}")
    await expect(visit.page.locator(".statistics .trades")).to_have_text(f"{stats['trades']:,}")
    bid, ask = visit.page.locator(".quote dd").first, visit.page.locator(".quote dd").last
    await expect(bid).to_have_text(f"{quote['bid']:.2f} {TIMES} {quote['bsz']:,}")
    await expect(ask).to_have_text(f"{quote['ask']:.2f} {TIMES} {quote['asz']:,}")
    await expect(visit.page.locator(".market-state")).to_have_text(re.compile(r"^trading\d\d:\d\d:\d\d UTC$"))
    way = await visit.page.locator(".moved").inner_text()
    assert re.fullmatch(rf"(▲\s*\+.*\(\+.*|▼\s*{MINUS}.*\({MINUS}.*|[+{MINUS}]?\d\.\d\d \(0.00 %\))", way), way


async def test_a_halt_is_said_with_its_reason(visit: Visit, server: RunningServer) -> None:
    await stage(visit, server)
    status = {"ch": "status", "sym": "ACME", "t": NOW_US}
    await take(visit, {**status, "n": 1, "state": "halted", "reason": "fat_finger"})
    await expect(visit.page.locator(".state-of-market")).to_have_text("‖ halted: fat finger")
    await take(visit, {**status, "n": 2, "state": "auction", "reason": "schedule"})
    await expect(visit.page.locator(".state-of-market")).to_have_text("‖ auction")


async def test_a_wrong_checksum_is_shown_and_the_book_asked_for_anew_once(visit: Visit, server: RunningServer) -> None:
    await stage(visit, server)
    AdminClient(server).post("pause")
    AdminClient(server).until_paused()
    rows = await newest(visit, server, "book")
    await take(visit, *rows, how="reset")
    await expect(visit.page.locator(".proof")).to_have_text("✓ checksum proved 1 times")
    bad = {**rows[-1], "n": rows[-1]["n"] + 1, "crc": rows[-1]["crc"] ^ 1}
    await take(visit, bad)
    await expect(visit.page.locator(".proof .wrong")).to_have_text("✗ wrong 1: asked for anew")
    await expect(visit.page.locator(".ladder")).to_have_class(re.compile("doubtful"))
    await take(visit, *({**row, "n": bad["n"]} for row in rows), how="reset")
    await expect(visit.page.locator(".proof .wrong")).to_have_text("✗ wrong 1")
    await expect(visit.page.locator(".ladder")).not_to_have_class(re.compile("doubtful"))
    await take(visit, {**bad, "n": bad["n"] + 1})  # it has not proved itself since
    await expect(visit.page.locator(".proof .wrong")).to_have_text(re.compile("^✗ wrong 2"))
    assert await visit.page.evaluate("() => doubts") == ["ACME"]


async def test_a_hole_is_counted_and_what_was_not_owed_is_none(visit: Visit, server: RunningServer) -> None:
    await stage(visit, server)
    await take(visit, trade(5), how="reset")
    await take(visit, trade(5), trade(6), trade(6))
    await expect(visit.page.locator(".sales tbody tr:visible")).to_have_count(2)
    assert await visit.page.evaluate("() => focusing.missed") == 0
    await take(visit, trade(9))
    assert await visit.page.evaluate("() => focusing.missed") == 2
    await take(visit, trade(20), how="reset")
    await take(visit, trade(21))
    assert await visit.page.evaluate("() => focusing.missed") == 2


async def test_the_last_hundred_trades_stand_newest_first_with_their_sides(visit: Visit, server: RunningServer) -> None:
    await stage(visit, server)
    await take(visit, *(trade(n, side="sell" if n % 2 else "buy") for n in range(1, 251)))
    rows = visit.page.locator(".sales tbody tr:visible")
    await expect(rows).to_have_count(100)
    await expect(rows.first).to_have_text("14:30:00.00010.00250▲ buy")
    await expect(rows.nth(1)).to_contain_text("▼ sell")
    await take(visit, trade(251, px=9.5))
    await expect(rows.first).to_contain_text("9.50251▲ buy")
    await expect(rows.last).to_contain_text("152")
    await expect(visit.page.locator(".latest")).to_have_text("▼9.50")


async def test_without_the_library_there_is_a_plain_line(visit: Visit, server: RunningServer) -> None:
    await visit.page.route("**/vendor/*", lambda route: route.fulfill(body="", content_type="text/javascript"))
    await stage(visit, server, "ACME")
    await expect(visit.page.get_by_role("img", name="ACME, a line of closing prices, seconds")).to_be_visible()

    async def drawn() -> bool:
        return LINE in await visit.page.evaluate(COLOURS)

    await until(drawn)
    await expect(visit.page.get_by_role("link")).to_have_count(0)
    assert visit.complaints == []


async def test_where_the_library_is_not_there_an_empty_file_is_served(tmp_path: Path) -> None:
    served = Page(tmp_path, cast(Rest, None), ()).handlers()[LIBRARY]
    answer = served(cast(Request, SimpleNamespace(path=LIBRARY, read=lambda _: None)))
    assert (answer.status, answer.body) == (200, b"")  # type: ignore[union-attr]


async def test_history_that_cannot_be_had_is_said_and_asked_for_when_it_is_live_again(
    visit: Visit, server: RunningServer
) -> None:
    async def refuse(route: Route) -> None:
        await route.fulfill(status=503, json={"detail": "the server is <b>going</b> away"})

    await visit.page.route("**/v1/bars?*", refuse)
    await stage(visit, server)
    note = visit.page.locator(".chart .note")
    await expect(note).to_have_text("earlier bars could not be had: the server is <b>going</b> away")
    await visit.page.unroute("**/v1/bars?*")
    await visit.page.evaluate("() => { focusing.live(false); focusing.live(true); }")
    await expect(note).to_have_text("")
    await until(lambda: bars(visit))


async def test_what_is_not_kept_up_does_not_look_as_if_it_were(visit: Visit, server: RunningServer) -> None:
    await stage(visit, server, "ACME")
    latest = visit.page.locator(".latest")
    await expect(latest).to_have_css("opacity", "1")
    await visit.page.evaluate("() => focusing.live(false)")
    await expect(latest).to_have_css("opacity", "0.62")


async def test_words_of_the_feed_are_never_markup(visit: Visit, server: RunningServer) -> None:
    nasty = "<img src=x onerror=alert(1)>"
    await stage(visit, server, spoiled={"symbol": nasty, "name": nasty, "sector": nasty})
    await take(
        visit, {**trade(1), "sym": nasty}, {**trade(1), "ch": "status", "sym": nasty, "state": nasty, "reason": nasty}
    )
    await expect(visit.page.get_by_role("heading", name=nasty)).to_have_text(nasty)
    await expect(visit.page.locator(".called")).to_have_text(nasty + nasty)
    await expect(visit.page.locator(".state-of-market")).to_contain_text(f"{nasty}: ")
    assert await visit.page.locator("section.focus img").count() == 0
    assert [text for text in visit.complaints if "404" not in text] == []  # there are no bars of that name


async def test_the_chart_is_moved_by_keys_and_follows_the_colours_of_the_page(
    visit: Visit, server: RunningServer
) -> None:
    await stage(visit, server)
    await until(lambda: bars(visit))
    chart = visit.page.locator(".chart .canvas")
    still = await chart.screenshot()
    await chart.focus()
    await chart.press("ArrowLeft")

    async def moved() -> bool:
        return await chart.screenshot() != still

    await until(moved)
    assert not {DARK_UP} & set(await visit.page.evaluate(COLOURS))
    await visit.page.emulate_media(color_scheme="dark")
    await visit.page.keyboard.press("End")

    async def dark() -> bool:
        return bool({DARK_UP, "255,127,139"} & set(await visit.page.evaluate(COLOURS)))

    await until(dark)


@pytest.mark.parametrize("width", [390, 700, 1000, 1440])
async def test_it_fits_any_width(visit: Visit, server: RunningServer, width: int) -> None:
    await visit.page.set_viewport_size({"width": width, "height": 844})
    await stage(visit, server, "ACME")
    await expect(visit.page.locator(".ladder .proved")).to_contain_text("proved")
    assert await visit.page.evaluate("() => document.documentElement.scrollWidth") == width
    cut = """() => [...document.querySelectorAll(".focus *")].filter((one) => one.scrollWidth > one.clientWidth + 1
        && one.clientWidth > 0 && !one.closest(".canvas, .unseen") && getComputedStyle(one).display !== "inline")
        .map((one) => `${one.tagName}.${one.className}: ${one.textContent.slice(0, 40)}`)"""
    assert await visit.page.evaluate(cut) == []
    await visit.page.evaluate("() => { document.querySelector('.focus').style.height = '740px'; }")
    last = await visit.page.locator(".ladder tbody tr").last.bounding_box()
    proof = await visit.page.locator(".ladder .proof").bounding_box()
    assert last and proof and last["y"] + last["height"] <= proof["y"]
