"""The sections beside the market: the same tape in five lanes, the walk through the upgrade, the lesson."""

import asyncio
import json
import re
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha1
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Locator, Route, expect

from browser import Visit, until
from conftest import RunningServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

COMPARED = ("short-poll", "long-poll", "sse", "websocket")
ALIVE = {"short-poll": "waiting", "long-poll": "held", "sse": "streaming", "websocket": "talking"}
AWAY = re.compile(
    "ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET|status of (400|503)"
)
COSTS = {
    "short-poll": r"\d new connections?, 1 request",
    "long-poll": r"\d new connections?, 1 request",
    "sse": "1 new connection, 1 request",
    "websocket": "0 new connections, 0 requests, 1 frame",
}
OWN = 2  # sockets of the page itself, for its two conversations
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
COLOURS_DRAWN = """canvas => {
    const pixels = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
    return new Set(new Uint32Array(pixels.buffer)).size;
}"""


@pytest.fixture(scope="module")
def house(serve_ticker) -> Iterator[RunningServer]:
    server = serve_ticker()
    yield server
    server.stop()


def lane(visit: Visit, kind: str) -> Locator:
    return visit.page.locator(f"[data-lane={kind}]")


async def agree(visit: Visit, ticks: int) -> None:
    """Wait until all lanes have had so many ticks in common."""

    async def enough() -> bool:
        said = await visit.page.locator(".same").inner_text()
        assert "differ" not in said
        found = re.search(r"([\d,]+) ticks", said)
        return found is not None and int(found[1].replace(",", "")) >= ticks

    await until(enough)


async def no_holes(visit: Visit) -> None:
    for kind in COMPARED:
        await expect(lane(visit, kind).locator(".holes")).to_have_text("0")


async def test_all_lanes_read_the_same_tape_without_a_hole(visit, house):
    await visit.go(f"{house.url}#transports")
    await agree(visit, 10)
    await no_holes(visit)
    for kind, doing in ALIVE.items():
        await expect(visit.page.locator(f"[data-lane={kind}][data-doing={doing}]")).to_be_visible()
        await expect(lane(visit, kind).locator(".late")).to_contain_text("ms")
    await expect(lane(visit, "long-poll").locator(".doing")).to_contain_text("held by the server for")
    await expect(lane(visit, "request").locator(".doing")).to_contain_text("silent for")
    await expect(lane(visit, "request").locator(".requests")).to_have_text("1")
    await expect(lane(visit, "sse").locator(".requests")).to_have_text("1")
    await expect(visit.page.locator(".held")).to_contain_text("of the 6 HTTP connections")
    for kind in ("request", *COMPARED):
        assert await lane(visit, kind).locator("canvas").evaluate(COLOURS_DRAWN) > 3
    assert visit.complaints == []


async def test_talking_back_costs_what_the_transport_makes_it_cost(visit, house):
    await visit.go(f"{house.url}#transports")
    await agree(visit, 2)
    for words in ("quotes too", "no quotes"):
        for kind in COMPARED:
            await lane(visit, kind).get_by_role("button", name=words).click()
        for kind, cost in COSTS.items():
            report = re.compile(rf"^in force after .* ms: {cost}$")
            await expect(lane(visit, kind).locator(".report.done")).to_have_text(report)
    await agree(visit, 5)
    await no_holes(visit)
    assert visit.complaints == []


async def test_another_symbol_is_a_change_of_mind_on_all_lanes(visit, house):
    await visit.go(f"{house.url}#transports")
    await agree(visit, 2)
    await visit.page.locator("#talk-all").click()
    await visit.page.locator("#lane-symbol").select_option("BYTE")
    for kind in ("request", *COMPARED):
        await expect(lane(visit, kind).locator(".report")).to_contain_text("in force after")
        await expect(lane(visit, kind).locator(".price")).to_contain_text(".")
        await expect(lane(visit, kind).get_by_role("button", name="no quotes")).to_be_visible()
    await agree(visit, 20)
    await no_holes(visit)
    assert visit.complaints == []


async def test_a_shorter_interval_asks_at_once_and_more_often(visit, house):
    asked: list[str] = []
    visit.page.on("request", lambda request: asked.append(request.url) if "/v1/ticks" in request.url else None)
    await visit.go(f"{house.url}#transports")
    await agree(visit, 1)
    one = lane(visit, "short-poll")
    await one.get_by_role("button", name="250 ms").click()
    await expect(one.get_by_role("button", name="250 ms")).to_have_attribute("aria-pressed", "true")
    before = sum("wait=" not in url for url in asked)
    await until(lambda: sum("wait=" not in url for url in asked) > before + 3)
    await lane(visit, "request").get_by_role("button", name="Ask again").click()
    await expect(lane(visit, "request").locator(".requests")).to_have_text("2")


async def test_a_tick_that_differs_is_noticed(visit, house):
    async def spoil(route: Route) -> None:
        answer = await route.fetch()
        told = await answer.json()
        for message in told["batches"]:
            message["data"][0]["px"] += 1
        await route.fulfill(response=answer, json=told)

    await visit.page.route(lambda url: "/v1/ticks" in url and "wait=" not in url, spoil)
    await visit.go(f"{house.url}#transports")
    await expect(visit.page.locator(".same")).to_contain_text("differ between two lanes")


async def test_a_tick_that_never_came_is_a_hole(visit, house):
    async def drop(route: Route) -> None:
        answer = await route.fetch()
        told = await answer.json()
        told["batches"] = told["batches"][1:]
        await route.fulfill(response=answer, json=told)

    await visit.page.route(lambda url: "/v1/ticks" in url and "wait=" not in url, drop)
    await visit.go(f"{house.url}#transports")
    await expect(lane(visit, "short-poll").locator(".holes")).to_have_text(re.compile("^[1-9]"))
    await expect(lane(visit, "websocket").locator(".holes")).to_have_text("0")


async def test_nothing_is_asked_while_the_section_is_closed(visit, house):
    await visit.go(house.url)
    assert not [url for url in visit.requests if "/lanes/" in url and url.endswith(".js")]
    await visit.page.get_by_role("link", name="Transports").press("Enter")
    await agree(visit, 3)
    await visit.page.get_by_role("link", name="Market").press("Enter")
    await until(lambda: len(visit.open_sockets) <= OWN)  # the page's own
    states = visit.page.locator("[data-lane]")
    assert await states.evaluate_all("lanes => lanes.map(lane => lane.dataset.doing)") == ["off"] * 5
    await expect(visit.page.locator("#rows tr").first).to_be_visible()
    requests = len(visit.requests)
    await asyncio.sleep(1.5)  # longer than a short poll's interval and a browser's wait for an event stream
    assert visit.requests[requests:] == []

    await visit.page.get_by_role("link", name="Transports").press("Enter")
    await agree(visit, 3)
    await no_holes(visit)
    assert visit.complaints == []


async def test_a_tab_in_the_background_asks_nothing(visit, house):
    hide = """hidden => {
        Object.defineProperty(document, "hidden", {value: hidden, configurable: true});
        document.dispatchEvent(new Event("visibilitychange"));
    }"""
    await visit.go(f"{house.url}#transports")
    await agree(visit, 1)
    await visit.page.evaluate(hide, True)
    await expect(visit.page.locator("[data-doing=off]")).to_have_count(5)
    await until(lambda: len(visit.open_sockets) <= OWN)
    await visit.page.evaluate(hide, False)
    await agree(visit, 1)
    await expect(visit.page.locator("[data-doing=off]")).to_have_count(0)


@pytest.mark.parametrize("seed", ["1", "2"])
async def test_every_lane_comes_back_after_the_server_does(visit, serve_ticker, seed):
    first = serve_ticker("--seed", "1")
    await visit.go(f"{first.url}#transports")
    await agree(visit, 5)
    first.stop()
    for kind in COMPARED:
        await expect(visit.page.locator(f"[data-lane={kind}][data-doing=lost] .doing")).to_contain_text("lost: ")
    serve_ticker("--port", str(first.port), "--seed", seed)
    for kind, doing in ALIVE.items():
        await expect(visit.page.locator(f"[data-lane={kind}][data-doing={doing}]")).to_be_visible()
    await agree(visit, 10)
    await no_holes(visit)
    if seed != "1":
        for kind in ("short-poll", "long-poll", "websocket"):
            await expect(lane(visit, kind).locator(".report")).to_have_text("began afresh from a snapshot")
    assert [text for text in visit.complaints if not AWAY.search(text)] == []


async def test_the_upgrade_is_told_and_its_accept_is_right(visit, house):
    await visit.go(f"{house.url}#upgrade")
    page = visit.page
    await expect(page.locator(".head .first").nth(0)).to_contain_text("GET /v1/stream?handshake=true HTTP/1.1")
    await until(lambda: visit.told("handshake"))
    told = visit.told("handshake")[0]
    await expect(page.locator(".head .first").nth(1)).to_contain_text("HTTP/1.1 101 Switching Protocols")
    key = next(value for name, value in told["request"]["headers"] if name.lower() == "sec-websocket-key")
    accept = b64encode(sha1((key + GUID).encode()).digest()).decode()
    verdict = page.locator("#accept-verdict")
    await expect(verdict).to_have_attribute("data-right", "true")
    await expect(verdict).to_contain_text(f"computed here {accept}")
    await expect(verdict).to_contain_text(f"server answered {accept}")
    assert visit.complaints == []


async def test_a_wrong_accept_would_be_noticed(visit, house):
    await visit.page.add_init_script(
        "const digest = crypto.subtle.digest.bind(crypto.subtle);"
        "crypto.subtle.digest = (name, data) => digest(name, data.slice(1));"
    )
    await visit.go(f"{house.url}#upgrade")
    await expect(visit.page.locator("#accept-verdict")).to_contain_text("not the same")


async def test_the_first_frames_are_shown_with_their_heads(visit, house):
    await visit.go(f"{house.url}#upgrade")
    frames = visit.page.locator(".frames tbody tr")
    welcome, sent = frames.first, visit.page.locator(".frames tr.sent").first
    await expect(welcome).to_contain_text('"type":"welcome"')
    await expect(sent).to_contain_text('"op":"subscribe"')
    size = int((await sent.locator(".size").inner_text()).split()[0])
    assert size == len(json.dumps(visit.sent[0], separators=(",", ":")))
    head = f"81{0x80 | size:02x}••••••••6 bytes" if size < 126 else f"81fe{size:04x}••••••••8 bytes"
    await expect(sent.locator(".bytes")).to_have_text(head)
    length = int((await welcome.locator(".size").inner_text()).split()[0])
    await expect(welcome.locator(".bytes")).to_have_text(f"817e{length >> 8:02x}{length & 255:02x}4 bytes")
    await visit.page.locator("#upgrade-again").click()
    await until(lambda: len(visit.told("handshake")) == 2)
    await expect(visit.page.locator("#accept-verdict")).to_have_attribute("data-right", "true")
    assert sum(url.endswith("?handshake=true") for url in visit.sockets) == 2
    assert visit.complaints == []


async def test_hello_is_answered_thanks_and_closed(visit, house):
    await visit.go(f"{house.url}#lesson")
    page, said = visit.page, visit.page.locator("#hello-said li")
    await expect(page.locator(".code-box")).to_contain_text("new WebSocket(address)")
    await expect(page.locator("#hello-send")).to_be_disabled()
    await page.locator("#hello-run").click()
    await expect(page.locator("#hello-states .now")).to_have_text("1 OPEN")
    await page.locator("#hello-text").fill("<b>Hello</b>")
    await page.locator("#hello-text").press("Enter")
    await expect(said.filter(has_text="page: <b>Hello</b>")).to_be_visible()
    await expect(said.filter(has_text="server: Thanks")).to_be_visible()
    await page.locator("#hello-close").click()
    await expect(said.filter(has_text=re.compile(r"closed, code \d+"))).to_be_visible()
    await expect(page.locator("#hello-states .now")).to_have_text("3 CLOSED")
    assert visit.complaints == []


async def test_the_table_of_the_lesson_measures_while_it_is_open(visit, house):
    await visit.go(f"{house.url}#lesson")
    table = visit.page.locator(".lesson-table")
    await expect(table.locator("[data-row=like] .measured").first).to_have_text(re.compile(r"^[2-9] questions for "))
    await expect(table.locator("[data-row=way] .measured").last).to_have_text(
        re.compile(r"^[1-9].* sent up while [1-9]")
    )
    heads = table.locator("[data-row=heads] .measured")

    async def measured() -> bool:
        texts = await heads.all_inner_texts()
        figures = [re.search(r"([\d.]+) bytes", text) for text in texts]
        return all(figures) and float(figures[0][1]) > 10 * float(figures[1][1])

    await until(measured)
    await visit.page.get_by_role("link", name="Upgrade").click()
    await until(lambda: len(visit.open_sockets) <= OWN)
    assert visit.complaints == []


async def test_every_section_fits_a_phone_and_stays_on_its_host(visit, house):
    await visit.page.set_viewport_size({"width": 390, "height": 844})
    for name in ("transports", "upgrade", "lesson", "market"):
        await visit.go(f"{house.url}#{name}")
        await expect(visit.page.locator("nav [aria-current=page]")).to_have_attribute("href", re.compile(f"#{name}/?"))
        await expect(visit.page.locator(f"[data-view={name}]")).to_be_visible()
        await asyncio.sleep(0.3)  # its contents are there
        assert await visit.page.evaluate("() => document.documentElement.scrollWidth") == 390
    assert {urlsplit(url).netloc for url in visit.requests + visit.sockets} == {urlsplit(house.url).netloc}
