"""The page at `/`, in a real browser, against a real server."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from itertools import pairwise
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Route, WebSocketRoute, expect

from browser import Visit, until


def _moves(visit: Visit) -> Callable[[], Awaitable[bool]]:
    """Return a probe: do many prices differ from those it saw first?"""
    seen: list[list[str]] = []

    async def moves() -> bool:
        seen.append(await visit.lasts())
        return sum(a != b for a, b in zip(seen[0], seen[-1], strict=True)) > 20

    return moves


async def test_prices_move_and_nothing_complains(visit, ticker_server):
    await visit.go(ticker_server.url)
    await expect(visit.page.locator("#rows tr")).to_have_count(100)
    await until(_moves(visit))
    await expect(visit.page.locator("#rows [data-way=up]").first).to_contain_text("▲")
    await expect(visit.page.locator("#rows [data-way=down]").first).to_contain_text("▼")
    await expect(visit.page.locator("#ticks-rate")).not_to_have_text("0")
    await expect(visit.page.locator("#missed")).to_have_text("0")
    assert visit.complaints == []


async def test_a_row_says_what_the_instrument_is(visit, ticker_server):
    await visit.go(ticker_server.url)
    answer = await visit.page.context.request.get(f"{ticker_server.url}v1/instruments")
    instrument = (await answer.json())["instruments"][0]
    row = visit.page.locator("#rows tr").first
    for column in ("symbol", "name", "sector"):
        await expect(row.locator(f".{column}")).to_have_text(instrument[column])


def everywhere(symbol: str) -> dict[str, list[str]]:
    """Return what is subscribed where the page has a symbol on the channels that it has at first."""
    return {channel: [symbol] for channel in ("status", "quotes", "trades")}


async def test_both_ends_talk_in_readable_json(visit, ticker_server):
    await visit.go(ticker_server.url)
    await until(lambda: len(visit.asked("ack")) > 1 and len(visit.told("ticks")) > 100)
    assert visit.sockets == [f"{ticker_server.stream}?handshake=true"]
    assert visit.sent[0] == {"op": "subscribe", "channels": ["status", "quotes", "trades"], "symbols": ["*"], "id": 1}
    kinds = [message["type"] for message in visit.received[:6]]
    assert kinds == ["welcome", "handshake", "subscribed", "snapshot", "snapshot", "snapshot"]
    assert {tick["ch"] for message in visit.told("ticks") for tick in message["data"]} == {"trade", "quote"}
    acks = [message["seq"] for message in visit.asked("ack")]
    seqs = [message["seq"] for message in visit.told("ticks")]
    assert acks == sorted(set(acks))
    assert all(0 < seqs.index(later) - seqs.index(sooner) <= 50 for sooner, later in pairwise(acks))
    assert visit.told("error") == []


async def test_the_journal_shows_both_directions(visit, ticker_server):
    await visit.go(ticker_server.url)
    journal = visit.page.locator("#journal")
    await expect(journal.locator(".sent", has_text='"op":"subscribe"')).to_contain_text("→")
    await expect(journal.locator(".received", has_text='"type":"subscribed"')).to_contain_text("←")
    await expect(journal.locator(".sent", has_text='"op":"ack"').first).to_have_text(
        re.compile(r"\u00d7 ([3-9]|\d\d)$")
    )
    assert await journal.locator("li", has_text='"type":"ticks"').count() == 0


async def test_a_channel_is_switched_off_and_on_while_ticks_flow(visit, ticker_server):
    await visit.go(ticker_server.url)
    quotes = visit.page.get_by_role("button", name="quotes")
    await quotes.click()
    await until(lambda: visit.told("unsubscribed"))
    request, answer = visit.asked("unsubscribe")[0], visit.told("unsubscribed")[0]
    assert (request["channels"], request["symbols"]) == (["quotes"], ["*"])
    assert answer["id"] == request["id"]
    assert answer["subscriptions"] == {"status": ["*"], "trades": ["*"]}
    await expect(quotes).to_have_attribute("aria-pressed", "false")
    await expect(visit.page.locator("#rows")).to_have_class(re.compile(r"\bno-quotes\b"))

    await quotes.press("Enter")
    await until(lambda: len(visit.told("subscribed")) == 2)
    assert set(visit.told("subscribed")[1]["subscriptions"]) == {"status", "quotes", "trades"}
    await expect(visit.page.locator("#rows")).not_to_have_class(re.compile(r"\bno-quotes\b"))
    await expect(visit.page.locator("#missed")).to_have_text("0")


async def test_quick_fingers_end_where_they_meant_to(visit, ticker_server):
    await visit.go(ticker_server.url)
    on = "document.querySelectorAll('[data-channel][aria-pressed=true]')"
    clicks = f"() => {{ const on = [...{on}]; [1, 2, 3].forEach(() => on.forEach((one) => one.click())); }}"
    await visit.page.evaluate(clicks)  # nine before the first answer
    await until(lambda: visit.told("unsubscribed") and visit.told("unsubscribed")[-1]["subscriptions"] == {})
    assert visit.told("error") == []


async def test_the_filter_narrows_the_subscription(visit, ticker_server):
    await visit.go(ticker_server.url)
    box = visit.page.get_by_role("searchbox")
    await box.fill("acme")
    await expect(visit.page.locator("#rows tr:visible")).to_have_count(1)
    await until(lambda: visit.told("unsubscribed"))
    assert visit.told("unsubscribed")[-1]["subscriptions"] == everywhere("ACME")
    await box.fill("no such thing")
    await expect(visit.page.locator("#empty")).to_be_visible()
    await until(lambda: visit.told("unsubscribed")[-1]["subscriptions"] == {})
    await box.fill("")
    await until(lambda: visit.told("subscribed")[-1]["subscriptions"] == everywhere("*"))
    await expect(visit.page.locator("#rows tr:visible")).to_have_count(100)
    await expect(visit.page.locator("#missed")).to_have_text("0")
    assert visit.told("error") == []


async def test_ping_shows_the_round_trip(visit, ticker_server):
    await visit.go(ticker_server.url)
    await visit.page.get_by_role("button", name="Ping").click()
    await expect(visit.page.locator("#round-trip")).to_contain_text("ms")
    assert visit.told("pong")[0]["ts"] == visit.asked("ping")[0]["ts"]


# Notes what is said of the connection, however shortly it stands there.
TAKE_NOTES = """() => {
    window.notes = [];
    const [state, why] = [document.getElementById("state"), document.getElementById("why")];
    const note = () => window.notes.push(`${state.textContent}: ${why.textContent}`);
    new MutationObserver(note).observe(why, {childList: true});
}"""


async def test_when_the_server_goes_the_page_waits_as_long_as_it_was_asked_to(visit, ticker_server):
    await visit.go(ticker_server.url)
    await visit.page.evaluate(TAKE_NOTES)
    ticker_server.stop()
    await until(lambda: visit.complaints)  # a try that failed
    await expect(visit.page.locator("#state")).to_have_text("reconnecting")
    assert visit.told("closing")[0]["reconnect_after_s"] == 1.0
    first = (await visit.page.evaluate("() => window.notes"))[0]
    assert re.fullmatch(r"reconnecting: .*going away \(1001\): try 1 in 1\.[0-5] s", first)
    assert [text for text in visit.complaints if "ERR_CONNECTION_REFUSED" not in text] == []


async def test_another_tape_at_the_same_address_is_found_and_begun_anew(visit, serve_ticker):
    first = serve_ticker()
    await visit.go(first.url)
    await until(lambda: len(visit.told("ticks")) > 100)
    first.stop()
    serve_ticker("--port", str(first.port), "--seed", "2")
    await until(lambda: len(visit.told("subscribed")) == 2)
    old, new = visit.told("welcome")
    assert new["epoch"] != old["epoch"]
    await expect(visit.page.locator("#state")).to_have_text("live")
    await expect(visit.page.locator("#epoch")).to_have_text(new["epoch"])
    await until(_moves(visit))
    await expect(visit.page.locator("#missed")).to_have_text("0")


@pytest.mark.parametrize(("code", "state", "connections"), [(4008, "live", 2), (4501, "closed", 1)])
async def test_the_close_code_tells_whether_to_come_back(visit, ticker_server, code, state, connections):
    opened: list[WebSocketRoute] = []

    def pass_on(socket: WebSocketRoute) -> None:
        socket.connect_to_server()
        opened.append(socket)

    await visit.page.route_web_socket(re.compile("/v1/stream"), pass_on)
    await visit.go(ticker_server.url)
    await opened[0].close(code=code, reason="on purpose")
    if state == "live":
        await expect(visit.page.locator("#state")).to_have_text("reconnecting")
    await expect(visit.page.locator("#state")).to_have_text(state)
    await asyncio.sleep(1)  # longer than the first wait before another try
    assert len(opened) == connections


async def test_disconnect_is_obeyed_until_connect(visit, ticker_server):
    await visit.go(ticker_server.url)
    await visit.page.get_by_role("button", name="Disconnect").click()
    await expect(visit.page.locator("#state")).to_have_text("closed")
    await visit.page.get_by_role("button", name="Connect").click()
    await expect(visit.page.locator("#state")).to_have_text("live")
    await until(lambda: len(visit.told("subscribed")) == 2)
    await expect(visit.page.locator("#missed")).to_have_text("0")
    assert visit.complaints == []


async def away(visit: Visit, for_s: float = 0) -> None:
    """Disconnect, and come back after some time."""
    await until(lambda: len(visit.told("ticks")) > 20)
    await visit.page.get_by_role("button", name="Disconnect").click()
    await expect(visit.page.locator("#state")).to_have_text("closed")
    await asyncio.sleep(for_s)
    await visit.page.get_by_role("button", name="Connect").click()
    await until(lambda: len(visit.told("welcome")) == 2)


async def test_a_short_absence_is_made_good_without_a_hole(visit, ticker_server):
    await visit.go(ticker_server.url)
    await away(visit, 0.5)
    await until(lambda: visit.told("recovered"))
    request, recovered = visit.asked("subscribe")[1], visit.told("recovered")[0]
    assert recovered["from"] == request["from"] != recovered["to"]
    assert recovered["complete"]
    assert len(visit.told("snapshot")) == 3  # at the first time
    await expect(visit.page.locator("#missed")).to_have_text("0")
    ticks = [(tick["sym"], tick["ch"], tick["n"]) for message in visit.told("ticks") for tick in message["data"]]
    shown = {(tick["sym"], tick["ch"]): tick["n"] for message in visit.told("snapshot") for tick in message["data"]}
    for symbol, channel, n in ticks:  # the first again are what came after the page had hung up
        newest = shown.get((symbol, channel), 0)
        assert n <= newest + 1
        shown[symbol, channel] = max(n, newest)


async def test_with_other_wishes_it_begins_with_a_snapshot(visit, ticker_server):
    await visit.go(ticker_server.url)
    await until(lambda: visit.told("subscribed"))
    await visit.page.get_by_role("button", name="Disconnect").click()
    await visit.page.get_by_role("searchbox").fill("acme")
    await expect(visit.page.locator("#rows tr:visible")).to_have_count(1)
    await visit.page.get_by_role("button", name="Connect").click()
    await until(lambda: len(visit.told("snapshot")) == 6)
    assert visit.asked("subscribe")[1] == {
        "op": "subscribe",
        "channels": ["status", "quotes", "trades"],
        "symbols": ["ACME"],
        "id": 1,
    }
    await expect(visit.page.locator("#missed")).to_have_text("0")


async def test_what_is_off_the_tape_is_let_go(visit, serve_ticker):
    await visit.go(serve_ticker("--feed.tape_s", "1").url)
    await away(visit, 3)
    await until(lambda: len(visit.told("snapshot")) == 6)
    assert [error["code"] for error in visit.told("error")] == ["gone"]
    assert [bool(request.get("from")) for request in visit.asked("subscribe")] == [False, True, False]
    await until(_moves(visit))
    await expect(visit.page.locator("#missed")).to_have_text("0")


async def test_disconnect_ends_the_tries(visit, ticker_server):
    await visit.go(ticker_server.url)
    ticker_server.stop()
    await visit.page.get_by_role("button", name="Disconnect").click()
    await expect(visit.page.locator("#state")).to_have_text("closed")
    tries = len(visit.sockets)
    await asyncio.sleep(2)  # longer than the server asked for, with the chance on top
    assert len(visit.sockets) == tries


async def test_no_request_leaves_the_host(visit, ticker_server):
    await visit.go(ticker_server.url)
    await until(lambda: visit.told("ticks"))
    assert {urlsplit(url).netloc for url in visit.requests + visit.sockets} == {urlsplit(ticker_server.url).netloc}


async def test_words_of_the_feed_are_never_markup(visit, ticker_server):
    nasty = "<img src=x onerror=alert(1)>"

    async def spoil(route: Route) -> None:
        answer = await route.fetch()
        listed = await answer.json()
        listed["instruments"][0] |= {"name": nasty, "sector": nasty}
        await route.fulfill(response=answer, json=listed)

    await visit.page.route("**/v1/instruments", spoil)
    await visit.go(ticker_server.url)
    await expect(visit.page.locator("#rows td.name").first).to_have_text(nasty)
    await expect(visit.page.locator("#rows td.sector").first).to_have_text(nasty)
    assert await visit.page.locator("#rows img").count() == 0
    assert visit.complaints == []


async def test_a_phone_sees_the_prices_without_scrolling_sideways(visit, ticker_server):
    await visit.page.set_viewport_size({"width": 390, "height": 844})
    await visit.go(ticker_server.url)
    await expect(visit.page.locator("#rows tr")).to_have_count(100)
    await expect(visit.page.locator("#rows td.last").first).to_be_visible()
    await expect(visit.page.locator("#rows td.sector").first).to_be_hidden()
    assert await visit.page.evaluate("() => document.documentElement.scrollWidth") == 390
    ticker_server.stop()
    await expect(visit.page.locator("#why")).to_contain_text("try 2 in")  # the longest that is said of a connection
    assert await visit.page.evaluate("() => document.documentElement.scrollWidth") == 390


async def test_the_favicon_is_served(visit, ticker_server):
    await visit.go(ticker_server.url)
    link = await visit.page.locator("link[rel=icon]").get_attribute("href")
    for path in (link, "favicon.ico"):
        answer = await visit.page.context.request.get(ticker_server.url + path)
        assert answer.headers["content-type"] == "image/svg+xml"
        assert b"<svg" in await answer.body()
