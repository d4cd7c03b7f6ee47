"""The page at `/`, in a real browser, against a real server: a client like any other, with two conversations."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Route, WebSocketRoute, expect

from browser import until
from conftest import RunningServer
from market_page import Guest
from tcp_proxy import Proxy
from ticker.ticks import CHANNELS

pytestmark = pytest.mark.asyncio(loop_scope="module")

LIST = {"channels": ["quotes", "stats", "status"], "pace": "latest", "rate_hz": 8}
# The browser's own words for a server that is not there.
AWAY = re.compile("ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE_CHUNKED")


@pytest.fixture(scope="module")
def house(serve_ticker) -> RunningServer:
    return serve_ticker()


@pytest.fixture
def own_house(serve_ticker) -> Iterator[RunningServer]:
    """A server that a test may stop."""
    server = serve_ticker()
    yield server
    if server.process.poll() is None:
        server.stop()


def _moves(guest: Guest) -> Callable[[], Awaitable[bool]]:
    """Return a probe: do many prices differ from those it saw first?"""
    seen: list[list[str]] = []

    async def moves() -> bool:
        seen.append(await guest.values("last"))
        return sum(a != b for a, b in zip(seen[0], seen[-1], strict=False)) > 8

    return moves


def first_n(ticks: list[dict[str, Any]]) -> dict[tuple[str, str], list[int]]:
    """Return the numbers of ticks by symbol and channel, in the order in which they came."""
    numbers: dict[tuple[str, str], list[int]] = {}
    for tick in ticks:
        numbers.setdefault((tick["sym"], tick["ch"]), []).append(tick["n"])
    return numbers


def assert_no_hole(guest: Guest) -> None:
    """The focus has had every tick of its instrument; those that came twice are after a connection was given up."""
    ticks = [tick for message in guest.told("ticks") for tick in message["data"]]
    assert ticks
    for numbers in first_n(ticks).values():
        assert set(range(min(numbers), max(numbers) + 1)) == set(numbers)


async def test_prices_move_and_nothing_complains(guest, house):
    await guest.go(house.url)
    await expect(guest.page.locator("#count")).to_have_text("100 of 100")
    await until(_moves(guest))
    await expect(guest.page.locator("#rows [data-way=up]:not(.trend)").first).to_contain_text("▲")
    await expect(guest.page.locator("#rows [data-way=down]:not(.trend)").first).to_contain_text("▼")
    assert_no_hole(guest)
    assert guest.complaints == []


async def test_the_list_wants_the_newest_and_the_focus_every_tick(guest, house):
    await guest.go(house.url)
    await until(lambda: len(guest.asked("ack")) > 1 and len(guest.told("ticks")) > 60 and guest.list_told("ticks"))
    await until(lambda: guest.told("welcome") and guest.list_told("subscribed") and guest.asked("subscribe"))
    assert guest.list_asked("subscribe") == [{"op": "subscribe", "symbols": ["*"], **LIST, "id": 1}]
    (granted,) = guest.list_told("subscribed")
    assert (granted["pace"], granted["rate_hz"]) == ("latest", 8)
    (request,) = guest.asked("subscribe")
    assert (request["symbols"], request["pace"]) == (["ACME"], "every")
    assert set(request["channels"]) == set(CHANNELS)
    assert request["from"].startswith(guest.told("welcome")[0]["epoch"])
    assert sorted(guest.sockets) == [house.stream, f"{house.stream}?handshake=true"]
    acks = [message["seq"] for message in guest.asked("ack")]
    seqs = [message["seq"] for message in guest.told("ticks")]
    assert acks == sorted(set(acks))
    assert all(0 < seqs.index(later) - seqs.index(sooner) <= 50 for sooner, later in pairwise(acks))
    assert guest.told("error") == guest.list_told("error") == []


async def test_another_instrument_is_asked_for_on_the_living_connection(guest, house):
    await guest.go(house.url)
    await until(lambda: guest.told("ticks"))
    await guest.page.locator("#rows tr[data-symbol=BYTE]").click()
    await until(lambda: len(guest.told("subscribed")) > 1)
    assert guest.told("subscribed")[-1]["subscriptions"] == {channel: ["BYTE"] for channel in CHANNELS}
    assert len(guest.sockets) == 2
    await expect(guest.page.locator("#rows tr[aria-current=true]")).to_have_attribute("data-symbol", "BYTE")
    had = len(guest.told("ticks"))
    await until(lambda: len(guest.told("ticks")) > had + 10)
    assert {tick["sym"] for message in guest.told("ticks")[had:] for tick in message["data"]} == {"BYTE"}
    assert guest.told("error") == guest.complaints == []


async def test_quick_fingers_end_where_they_meant_to(guest, house):
    await guest.go(house.url)
    clicks = """() => { for (const symbol of ["BYTE", "CLWD", "QBIT", "ACME", "RBOT"])
        document.querySelector(`#rows tr[data-symbol=${symbol}] td`).click(); }"""
    await guest.page.evaluate(clicks)  # five before the first answer
    wanted = {channel: ["RBOT"] for channel in CHANNELS}
    await until(lambda: guest.told("subscribed") and guest.told("subscribed")[-1]["subscriptions"] == wanted)
    assert guest.told("error") == guest.complaints == []
    await expect(guest.page).to_have_url(re.compile("#market/RBOT$"))


async def test_the_search_narrows_the_subscription(guest, house):
    await guest.go(house.url)
    box = guest.page.get_by_role("searchbox")
    await until(lambda: guest.list_told("subscribed"))

    def granted() -> Any:
        answers = [said for said in guest.list_received if said["type"] in ("subscribed", "unsubscribed")]
        return answers[-1]["subscriptions"]

    await box.fill("acme")
    await expect(guest.page.locator("#rows tr:visible")).to_have_count(1)
    await until(lambda: granted() == {channel: ["ACME"] for channel in LIST["channels"]})
    await box.fill("no such thing")
    await expect(guest.page.locator("#empty")).to_be_visible()
    await until(lambda: granted() == {})
    await box.fill("")
    await until(lambda: granted() == {channel: ["*"] for channel in LIST["channels"]})
    await expect(guest.page.locator("#count")).to_have_text("100 of 100")
    await until(_moves(guest))
    assert guest.list_told("error") == guest.complaints == []


async def test_a_reload_shows_the_same_instrument(guest, house):
    await guest.go(house.url)
    await guest.page.locator("#rows tr[data-symbol=CLWD]").click()
    await expect(guest.page).to_have_url(f"{house.url}#market/CLWD")
    await guest.page.reload()
    await expect(guest.page.locator("#rows tr[aria-current=true]")).to_have_attribute("data-symbol", "CLWD")
    await until(lambda: guest.asked("subscribe")[-1]["symbols"] == ["CLWD"])
    await guest.page.get_by_role("link", name="Lesson").click()
    await expect(guest.page).to_have_url(f"{house.url}#lesson/CLWD")
    await guest.page.evaluate("() => { location.hash = '#market/BYTE'; }")
    await expect(guest.page.locator("#rows tr[aria-current=true]")).to_have_attribute("data-symbol", "BYTE")
    await guest.go(f"{house.url}#market/NOSUCH%2F%")
    await guest.page.reload()
    await expect(guest.page.locator("#rows tr[aria-current=true]")).to_have_attribute("data-symbol", "ACME")
    assert guest.complaints == []


@pytest.mark.parametrize("transport", ["sse", "long-poll", "short-poll"])
async def test_each_transport_goes_on_from_where_the_one_before_was(guest, house, transport):
    await guest.go(house.url)
    await until(lambda: len(guest.told("ticks")) > 10)
    await guest.page.locator(f"input[name=wire-transport][value={transport}]").check()
    path = "v1/sse" if transport == "sse" else "v1/ticks"
    await until(lambda: any(path in url and "symbols=ACME" in url for url in guest.requests))
    assert all("latest" in url for url in guest.requests if "v1/sse" in url and "symbols=*" in url)
    asked = next(url for url in guest.requests if path in url and "symbols=ACME" in url)
    found = re.search(r"(?:since|from)=(\w+):(\d+)", asked)
    assert found
    epoch, seq = found.groups()
    assert epoch == guest.told("welcome")[0]["epoch"]
    assert int(seq) in [message["seq"] for message in guest.told("ticks")[5:]]  # the last that it had time for
    await expect(guest.page.locator("#state")).to_have_text("live")
    await until(lambda: guest.open_sockets == [])
    await until(_moves(guest))
    had = len(guest.told("welcome"))
    await guest.page.locator("input[name=wire-transport][value=ws]").check()
    await until(lambda: len(guest.told("subscribed")) > had)
    assert guest.asked("subscribe")[-1]["from"].startswith(epoch)
    await until(_moves(guest))
    assert guest.told("error") == guest.list_told("error") == guest.complaints == []


async def test_when_the_server_goes_the_page_waits_as_long_as_it_was_asked_to(guest, own_house):
    await guest.go(own_house.url)
    await guest.take_notes()
    own_house.stop()
    await until(lambda: guest.complaints)  # a try that failed
    await expect(guest.page.locator("#state")).to_have_text("reconnecting")
    await until(lambda: guest.told("closing"))
    assert guest.told("closing")[0]["reconnect_after_s"] == 1.0
    first = await guest.noted("")
    assert re.fullmatch(r"reconnecting: .*going away \(1001\): try 1 in 1\.[0-5] s", first)
    assert [text for text in guest.complaints if not AWAY.search(text)] == []


async def test_another_tape_at_the_same_address_is_found_and_begun_anew(guest, serve_ticker):
    first = serve_ticker()
    await guest.go(first.url)
    await until(lambda: len(guest.told("ticks")) > 50)
    first.stop()
    second = serve_ticker("--port", str(first.port), "--seed", "2", "--instruments", "50")
    await until(lambda: len({said["epoch"] for said in guest.told("welcome")}) == 2)
    await expect(guest.page.locator("#state")).to_have_text("live")
    await expect(guest.page.locator("#count")).to_have_text("50 of 50")
    await until(_moves(guest))
    await expect(guest.page.locator("#rows tr[aria-current=true]")).to_have_attribute("data-symbol", "ACME")
    second.stop()


@pytest.mark.parametrize(("code", "state", "connections"), [(4008, "live", 2), (4501, "closed", 1)])
async def test_the_close_code_tells_whether_to_come_back(guest, house, code, state, connections):
    opened: list[WebSocketRoute] = []

    def pass_on(socket: WebSocketRoute) -> None:
        socket.connect_to_server()
        opened.append(socket)

    await guest.page.route_web_socket(re.compile("/v1/stream.*handshake"), pass_on)
    await guest.go(house.url)
    await guest.take_notes()
    await opened[0].close(code=code, reason="on purpose")
    await guest.noted("reconnecting: " if state == "live" else "closed: ")
    await expect(guest.page.locator("#state")).to_have_text(state)
    await asyncio.sleep(1)  # longer than the first wait before another try
    assert len(opened) == connections


async def test_a_short_absence_is_made_good_without_a_hole(guest, house):
    async with Proxy(house.port) as proxy:
        await guest.go(proxy.url)
        await until(lambda: len(guest.told("ticks")) > 20)
        proxy.accepting = False
        proxy.cut()
        await expect(guest.page.locator("#state")).to_have_text("reconnecting")
        await asyncio.sleep(0.5)
        proxy.accepting = True
        await until(lambda: len(guest.told("recovered")) > 1)
        recovered, request = guest.told("recovered")[-1], guest.asked("subscribe")[-1]
        assert recovered["from"] == request["from"] != recovered["to"]
        assert recovered["complete"]
        await expect(guest.page.locator("#state")).to_have_text("live")
        await until(lambda: guest.told("ticks")[-1]["seq"] > int(recovered["to"].split(":")[1]))
        assert_no_hole(guest)
        await until(lambda: len(guest.list_told("subscribed")) > 1)
        assert guest.list_asked("subscribe")[-1] == {"op": "subscribe", "symbols": ["*"], **LIST, "id": 2}
        await until(_moves(guest))


async def test_dropped_by_hand_it_goes_on_from_where_it_was(guest, house):
    await guest.go(house.url)
    await until(lambda: len(guest.told("ticks")) > 20)
    await guest.take_notes()
    await guest.page.get_by_role("button", name="Drop", exact=True).first.click()
    await guest.noted("reconnecting: ")
    await expect(guest.page.locator("#state")).to_have_text("live")
    await until(lambda: len(guest.told("recovered")) > 1)
    had = len(guest.told("ticks"))
    await until(lambda: len(guest.told("ticks")) > had + 10)
    assert_no_hole(guest)
    assert guest.told("error") == guest.complaints == []


async def test_what_is_off_the_tape_is_let_go(guest, serve_ticker):
    server = serve_ticker("--feed.tape_s", "1")
    async with Proxy(server.port) as proxy:
        await guest.go(proxy.url)
        await until(lambda: len(guest.told("ticks")) > 20)
        proxy.accepting = False
        proxy.cut()
        await asyncio.sleep(1.3)  # longer than the tape is kept
        proxy.accepting = True
        await until(lambda: guest.told("error"))
        assert [error["code"] for error in guest.told("error")] == ["gone"]
        await until(lambda: len(guest.told("subscribed")) > 1)
        await expect(guest.page.locator("#state")).to_have_text("live")
        await until(_moves(guest))
    server.stop()


async def test_packed_is_spoken_from_the_next_connection_on(guest, house):
    await guest.go(house.url)
    await until(lambda: len(guest.told("ticks")) > 10)
    await guest.page.locator("input[name=wire-language][value=packed]").check()
    await until(lambda: len(guest.packed) > 20)
    assert guest.asked("subscribe")[-1]["from"].startswith(guest.told("welcome")[0]["epoch"])
    await until(_moves(guest))
    assert guest.told("error") == guest.complaints == []


async def test_no_request_leaves_the_host(guest, house):
    await guest.go(house.url)
    await until(lambda: guest.told("ticks"))
    for name in ("Transports", "Upgrade", "Lesson", "Market"):
        await guest.page.get_by_role("link", name=name).click()
        await expect(guest.page.get_by_role("link", name=name)).to_have_attribute("aria-current", "page")
    assert {urlsplit(url).netloc for url in guest.requests + guest.sockets} == {urlsplit(house.url).netloc}
    assert guest.complaints == []


async def test_words_of_the_feed_are_never_markup(guest, house):
    nasty = "<img src=x onerror=alert(1)>"

    async def spoil(route: Route) -> None:
        if route.request.method == "HEAD":  # whether a token is wanted
            await route.continue_()
            return
        answer = await route.fetch()
        listed = await answer.json()
        listed["instruments"][0] |= {"name": nasty, "sector": nasty}
        await route.fulfill(response=answer, json=listed)

    await guest.page.route("**/v1/instruments", spoil)
    await guest.page.set_viewport_size({"width": 2560, "height": 900})  # all columns are there
    await guest.go(house.url)
    await expect(guest.page.locator("#rows td.name").first).to_have_text(nasty)
    await expect(guest.page.locator("#rows td.sector").first).to_have_text(nasty)
    await expect(guest.page.locator("#sector option", has_text=nasty)).to_have_count(1)
    assert await guest.page.locator("main img").count() == 0
    assert guest.complaints == []


async def test_a_phone_sees_the_prices_without_scrolling_sideways(guest, house):
    await guest.page.set_viewport_size({"width": 390, "height": 844})
    async with Proxy(house.port) as proxy:
        await guest.go(proxy.url)
        await expect(guest.page.locator("#rows td.last").first).to_be_in_viewport()
        await expect(guest.page.locator("#rows td.name").first).to_be_hidden()
        assert await guest.page.evaluate("() => document.documentElement.scrollWidth") == 390
        proxy.accepting = False
        proxy.cut()
        await expect(guest.page.locator("#why")).to_contain_text("try 2 in")  # the longest that is said of a connection
        assert await guest.page.evaluate("() => document.documentElement.scrollWidth") == 390


async def test_controls_are_offered_only_where_the_server_obeys(guest, house):
    await guest.go(f"{house.url}#controls")
    await expect(guest.page.get_by_role("link", name="Market")).to_have_attribute("aria-current", "page")
    await expect(guest.page.locator("nav a[href^='#controls']")).to_be_hidden()


async def test_the_favicon_is_served(guest, house):
    await guest.go(house.url)
    link = await guest.page.locator("link[rel=icon]").get_attribute("href")
    for path in (link, "favicon.ico"):
        answer = await guest.page.context.request.get(house.url + path)
        assert answer.headers["content-type"] == "image/svg+xml"
        assert b"<svg" in await answer.body()
