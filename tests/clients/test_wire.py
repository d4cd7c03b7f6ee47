"""The page's readers, its connection panel and its wire inspector, each on an empty stage against a real server."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect
from wire_stage import enter

from browser import Visit, until
from conftest import RunningServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

TRANSPORTS = ("ws", "sse", "long-poll", "short-poll")
GIVEN_UP = re.compile("WebSocket is closed before the connection is established")
SLOW = ("--config", "configs/load.toml", "--instruments", "200", "--feed.tape-s", "0.2", "--stream.stall-s", "60")

# Readers that count what they have had, in `talks`, by name; `open` is the inspector with a panel, told of all of them.
SETUP = """async () => {
    const [{Socket}, {EventStream}, {LongPoll}, {ShortPoll}, {Panel}, {Wire}] = await Promise.all([
        "client/transports/websocket", "client/transports/sse", "client/transports/long_poll",
        "client/transports/short_poll", "wire/panel", "wire/wire",
    ].map((file) => import(`/${file}.js`)));
    const readers = {"ws": Socket, "sse": EventStream, "long-poll": LongPoll, "short-poll": ShortPoll};
    const base = new URL("/", location.href);
    window.talks = {};
    window.wishes = [];
    window.talk = (name, transport, wish, {since, numbers = {}, ...options} = {}) => {
        const had = {ticks: 0, holes: 0, fresh: [], shown: [], doing: [], lag: [], events: [], numbers};
        const note = (tick) => (numbers[`${tick.ch} ${tick.sym}`] = tick.n);
        const tap = (event) => {
            const packed = event.frame instanceof ArrayBuffer;
            had.events.push({...event, packed, frame: undefined, decoded: undefined});
            window.panel?.tap(event);
            window.wire?.tap(event);
        };
        const reader = new readers[transport](base, {
            onDoing: (doing) => had.doing.push(doing),
            onUp() {},
            onDown() {},
            onTicks: ({data}) => data.forEach((tick) => {
                const before = numbers[`${tick.ch} ${tick.sym}`] ?? 0;
                if (tick.n <= before) return;
                had.ticks += 1;
                if (before > 0 && !tick.fresh) had.holes += tick.n - before - 1;
                note(tick);
            }),
            onFresh: (why) => had.fresh.push(why),
            onSnapshot: (data) => data.forEach((tick) => {
                had.shown.push(`${tick.ch} ${tick.sym}`);
                note(tick);
            }),
            onLag: (dropped) => had.lag.push(dropped),
            onTook() {},
            onReport() {},
        }, {conversation: name, tap, ...options});
        talks[name] = {name, reader, had, drop: () => reader.drop("dropped by hand")};
        reader.start(wish, since);
    };
    window.open = () => {
        const told = (what) => (value) => wishes.push([what, typeof value === "string" ? value : ""]);
        const wished = {onSwitch: told("switch"), onDrop: told("drop"), onLanguage: told("language")};
        window.panel = new Panel(document.querySelector("#head"), wished);
        window.wire = new Wire(document.querySelector("#stage"), {conversations: () => Object.values(talks)}, base);
        wire.open();
        const paint = (nowMs) => {
            panel.paint(nowMs);
            wire.paint(nowMs);
            requestAnimationFrame(paint);
        };
        requestAnimationFrame(paint);
    };
}"""
FLOOD = """() => {
    const event = {conversation: "focus", way: "received", bytes: 1e5, kind: "ticks"};
    for (let n = 1; n <= 1200; n += 1) wire.tap({...event, atMs: n, text: `${n} `.padEnd(1e5, "x")});
}"""
LEAVE = """() => {
    const {reader, had} = talks.focus;
    const {position} = reader;
    reader.stop();
    return [position, had.numbers];
}"""
ACME = {"symbols": ["ACME"], "channels": ["trades", "quotes", "book"], "pace": "every"}
BYTE = {**ACME, "symbols": ["BYTE"]}


@pytest.fixture(scope="module")
def house(serve_ticker: Callable[..., RunningServer]) -> Iterator[RunningServer]:
    yield serve_ticker()


@pytest_asyncio.fixture(loop_scope="module")
async def visit(wide: Page, house: RunningServer) -> Visit:
    visit = await enter(wide, house)
    await visit.page.evaluate(SETUP)
    return visit


async def talk(visit: Visit, name: str, transport: str, wish: dict[str, Any], **options: Any) -> None:
    await visit.page.evaluate("([name, transport, wish, options]) => talk(name, transport, wish, options)",
                              [name, transport, wish, options])  # fmt: skip


async def had(visit: Visit, name: str, what: str) -> Any:
    return await visit.page.evaluate(f"() => talks['{name}'].had.{what}")


async def ticks(visit: Visit, name: str, more: int = 20) -> None:
    """Wait for some more of them, and for no hole among them."""
    before = await had(visit, name, "ticks")

    async def enough() -> bool:
        return await had(visit, name, "ticks") >= before + more

    await until(enough)
    assert await had(visit, name, "holes") == 0


async def kinds(visit: Visit, name: str, way: str = "received") -> list[str]:
    return [event["kind"] for event in await had(visit, name, "events") if event["way"] == way]


async def test_each_transport_goes_on_where_the_one_before_was(visit: Visit) -> None:
    since, numbers = None, {}
    for transport in (*TRANSPORTS, "ws"):
        options = {"since": since, "numbers": numbers} if since else {}
        await talk(visit, "focus", transport, ACME, **options)
        await ticks(visit, "focus")
        assert await had(visit, "focus", "fresh") == ([] if since else ["began afresh from a snapshot"])
        since, numbers = await visit.page.evaluate(LEAVE)
    assert visit.complaints == []


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_drop_is_told_and_resumed_without_a_hole(visit: Visit, transport: str) -> None:
    await talk(visit, "focus", transport, ACME)
    await ticks(visit, "focus")
    fresh = await had(visit, "focus", "fresh")
    await visit.page.evaluate("() => talks.focus.drop()")
    assert (await had(visit, "focus", "doing"))[-1] == "lost" or transport != "ws"
    await ticks(visit, "focus")
    assert "lost" in await had(visit, "focus", "doing")
    assert await had(visit, "focus", "fresh") == fresh
    notes = [event["text"] for event in await had(visit, "focus", "events") if event["way"] == "note"]
    assert any("dropped by hand" in note and "try 1 in" in note for note in notes)
    assert [text for text in visit.complaints if not GIVEN_UP.search(text)] == []


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_another_instrument_is_shown_and_then_followed(visit: Visit, transport: str) -> None:
    await talk(visit, "focus", transport, ACME)
    await ticks(visit, "focus")
    sockets = len(visit.sockets)
    await visit.page.evaluate("wish => talks.focus.reader.talk(wish)", BYTE)

    async def shown() -> bool:
        known = await had(visit, "focus", "shown")
        return {"quote BYTE", "book BYTE"} <= set(known)

    await until(shown)
    before = await had(visit, "focus", "numbers")
    await ticks(visit, "focus")
    after = await had(visit, "focus", "numbers")
    assert after["book BYTE"] > before["book BYTE"]
    await ticks(visit, "focus")
    assert (await had(visit, "focus", "numbers"))["book ACME"] == after["book ACME"]
    assert len(visit.sockets) == sockets
    assert visit.complaints == []


@pytest.mark.parametrize("transport", ["ws", "sse"])
async def test_only_the_newest_may_be_wanted(visit: Visit, transport: str) -> None:
    wish = {"symbols": ["*"], "channels": ["quotes", "stats"], "pace": "latest", "rate_hz": 4}
    await talk(visit, "list", transport, wish)

    async def paced() -> bool:
        return (await kinds(visit, "list")).count("ticks") >= 4 and "lag" in await kinds(visit, "list")

    await until(paced)
    asked = next(event["text"] for event in await had(visit, "list", "events") if event["kind"] in ("subscribe", "sse"))
    assert '"pace":"latest","rate_hz":4' in asked or "pace=latest&rate_hz=4" in asked
    assert len({name for name in await had(visit, "list", "shown") if name.startswith("quote ")}) == 100
    assert set(await had(visit, "list", "lag")) == {0}
    await visit.page.evaluate("() => talks.list.drop()")
    await until(lambda: kinds_after(visit, "list"))
    assert visit.complaints == []


async def kinds_after(visit: Visit, name: str) -> bool:
    """Whether ticks came after it was last dropped."""
    doing = await had(visit, name, "doing")
    return "lost" in doing and doing[-1] in ("talking", "streaming")


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_nothing_is_asked_while_nothing_is_wanted(visit: Visit, transport: str) -> None:
    await talk(visit, "focus", transport, {**ACME, "symbols": []})
    await visit.page.wait_for_timeout(300)
    assert [url for url in visit.requests if "/v1/" in url] == []
    assert await kinds(visit, "focus", "sent") == []
    await visit.page.evaluate("wish => talks.focus.reader.talk(wish)", ACME)
    await ticks(visit, "focus")
    assert visit.complaints == []


async def test_another_language_goes_on_from_the_same_position(visit: Visit) -> None:
    await talk(visit, "focus", "ws", ACME)
    await ticks(visit, "focus")
    await visit.page.evaluate("() => talks.focus.reader.speak('ticker.v1.packed')")

    async def packed() -> bool:
        return any(event["packed"] for event in await had(visit, "focus", "events"))

    await until(packed)
    await ticks(visit, "focus")
    assert await had(visit, "focus", "fresh") == ["began afresh from a snapshot"]
    assert visit.complaints == []


async def test_what_is_said_by_hand_disturbs_nobody(visit: Visit) -> None:
    await talk(visit, "focus", "ws", ACME)
    await ticks(visit, "focus")
    for text in ("nonsense", '{"op":"subscribe","symbols":["NOBODY"]}', '{"op":"ack","seq":999999999}'):
        assert await visit.page.evaluate("text => talks.focus.reader.send(text)", text)

    async def refused() -> bool:
        return (await kinds(visit, "focus")).count("error") == 3

    await until(refused)
    await ticks(visit, "focus")
    assert "lost" not in await had(visit, "focus", "doing")
    await talk(visit, "poll", "short-poll", ACME)
    assert not await visit.page.evaluate("() => talks.poll.reader.send('{}')")
    assert visit.complaints == []


async def test_the_panel_says_how_we_are_connected(visit: Visit) -> None:
    page = visit.page
    await page.evaluate("() => open()")
    await talk(visit, "focus", "ws", ACME)
    figure = page.locator(".wire-figures")
    await expect(figure.locator("[data-figure=median]")).to_contain_text("ms")
    await expect(figure.locator("[data-figure=messages]")).to_have_text(re.compile("^[1-9]"))
    await expect(figure.locator("[data-figure=bytes]")).to_have_text(re.compile("^[1-9].*B$"))
    await page.evaluate("() => panel.position('abc', 1234)")
    await expect(figure.locator("[data-figure=seq]")).to_have_text("1,234")
    await page.evaluate("() => panel.missed(3)")
    await expect(figure.locator(".wrong")).to_contain_text("3")
    await page.get_by_label("SSE").check()
    await expect(page.get_by_label("packed")).to_be_disabled()
    await page.get_by_label("WebSocket").check()
    await page.get_by_label("packed").check()
    await page.get_by_role("button", name="Drop", exact=True).click()
    assert await page.evaluate("() => wishes") == [
        ["switch", "sse"],
        ["switch", "ws"],
        ["language", "packed"],
        ["drop", ""],
    ]
    assert visit.complaints == []


def lines(page: Page) -> Locator:
    return page.locator(".wire-rows .wire-row:visible")


async def painted(page: Page) -> None:
    """Wait until what has come is on the screen: a frame may be on its way as the list is paused."""
    await page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


@pytest.mark.parametrize("subprotocol", ["ticker.v1.json", "ticker.v1.packed"])
async def test_a_frame_is_opened_decoded(visit: Visit, subprotocol: str) -> None:
    page = visit.page
    await talk(visit, "focus", "ws", ACME, subprotocol=subprotocol)
    await page.evaluate("() => open()")
    await page.locator("#wire-filter").fill('"ch":"quote"')
    await expect(lines(page).nth(3)).to_contain_text("ticks")
    await page.locator("#wire-pause").click()
    await painted(page)
    assert {text.strip() for text in await page.locator(".wire-row:visible .wire-kind").all_inner_texts()} >= {"ticks"}
    await lines(page).nth(2).click()
    await expect(lines(page).nth(2)).to_have_attribute("aria-selected", "true")
    await expect(page.locator(".wire-json")).to_contain_text('"ch": "quote", "sym": "ACME"')
    packed = subprotocol.endswith("packed")
    await expect(page.locator(".wire-head-bytes")).to_have_count(int(packed))
    if packed:
        await expect(page.locator(".wire-head-bytes code").first).to_have_text("01")
        await expect(page.locator(".wire-sections")).to_contain_text("quotes")
    assert visit.complaints == []


async def test_the_list_pauses_filters_and_is_walked_by_keys(visit: Visit) -> None:
    page = visit.page
    await talk(visit, "focus", "ws", ACME)
    await talk(visit, "list", "sse", BYTE)
    await page.evaluate("() => open()")
    await expect(lines(page).nth(5)).to_be_visible()
    await page.locator("#wire-whose").select_option("list")
    await expect(page.locator(".wire-rows .wire-row:visible .wire-whose", has_text="focus")).to_have_count(0)
    await page.locator("#wire-whose").select_option("")
    await page.locator("#wire-list").press("Home")
    await expect(page.locator("#wire-pause")).to_have_text("Go on")
    still = await lines(page).all_inner_texts()
    await page.locator("#wire-list").press("ArrowDown")
    await expect(lines(page).nth(1)).to_have_attribute("aria-selected", "true")
    await expect(page.locator(".wire-newer")).to_contain_text("newer")
    assert await lines(page).all_inner_texts() == still
    await page.locator(".wire-newer").click()
    await until(lambda: moved(page, still))
    assert visit.complaints == []


async def moved(page: Page, before: list[str]) -> bool:
    return await lines(page).all_inner_texts() != before


async def test_no_more_is_kept_than_is_shown(visit: Visit) -> None:
    page = visit.page
    await page.evaluate("() => open()")
    await page.evaluate(FLOOD)
    await expect(page.locator(".wire-count")).to_have_text("500 of 500 kept · 1,200 in all")
    await expect(lines(page).first).to_contain_text("1200 xxx")
    assert await page.locator(".wire-row").count() < 40
    await page.locator("#wire-list").press("End")
    await expect(page.locator(".wire-body")).to_contain_text("too much to keep")


async def test_markup_does_nothing_but_show(visit: Visit) -> None:
    page = visit.page
    await page.evaluate("() => open()")
    evil = '<img src=x onerror="document.title = 1"><b>bold</b>'
    event = {"conversation": evil, "way": "received", "atMs": 1, "bytes": 5, "kind": evil, "text": evil}
    await page.evaluate("event => wire.tap(event)", event)
    await lines(page).first.click()
    await expect(page.locator(".wire-json")).to_have_text(evil)
    assert await page.locator("#stage img, #stage b").count() == 0
    assert await page.title() == "Stage"


async def test_a_message_by_hand_and_its_answer(visit: Visit) -> None:
    page, answer = visit.page, visit.page.locator(".wire-answer")
    await page.evaluate("() => open()")
    await page.locator("#wire-send").click()
    await expect(answer).to_contain_text("Not sent")
    await talk(visit, "focus", "ws", ACME)
    await ticks(visit, "focus")
    await page.locator("#wire-send").click()
    await expect(answer).to_contain_text('"type": "pong"')
    await page.locator("#wire-example").select_option("no JSON")
    await page.locator("#wire-message").press("Control+Enter")
    await expect(answer).to_contain_text("bad_json")
    await page.locator("#wire-message").fill('{"op":"list","id":[1]}')
    await page.locator("#wire-send").click()
    await expect(answer).to_contain_text("bad_request")
    await page.locator("#wire-ack").click()
    await expect(page.locator(".wire-experiments [role=status]")).to_contain_text("Acked")
    assert "ack" in await kinds(visit, "focus", "sent")
    await page.locator("#wire-drop").click()
    await ticks(visit, "focus")
    assert "lost" in await had(visit, "focus", "doing")
    assert visit.complaints == []


async def test_frames_are_copied(visit: Visit) -> None:
    page = visit.page
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.evaluate("() => open()")
    event = {
        "conversation": "focus",
        "way": "received",
        "atMs": 1,
        "bytes": 5,
        "kind": "pong",
        "text": '{"type":"pong"}',
    }
    await page.evaluate("event => wire.tap(event)", event)
    await lines(page).first.click()
    await page.locator(".wire-detail .small").click()
    await expect(page.locator(".wire-detail .small")).to_have_text("Copied ✓")
    assert await page.evaluate("() => navigator.clipboard.readText()") == '{"type":"pong"}'
    await page.locator("#wire-copy").click()
    await expect(page.locator("#wire-copy")).to_have_text("Copied 1 ✓")
    assert (await page.evaluate("() => navigator.clipboard.readText()")).endswith('received focus pong {"type":"pong"}')


@pytest.mark.parametrize("streams", [True, False])
async def test_who_stops_reading_is_told_what_it_was_not_sent(
    chromium: Browser, serve_ticker: Callable[..., RunningServer], streams: bool
) -> None:
    context = await chromium.new_context()
    if not streams:
        await context.add_init_script("delete globalThis.WebSocketStream")
    server = serve_ticker(*SLOW)
    visit = await enter(await context.new_page(), server)
    page, said = visit.page, visit.page.locator(".wire-slow")
    await page.evaluate(SETUP)
    await page.evaluate("() => open()")
    await page.locator("#wire-stop").click()
    await expect(said).to_contain_text(f"Not read for 3 s, by {'WebSocketStream' if streams else 'an event stream'}")
    await page.locator("#wire-stop").click()
    await expect(said).to_contain_text(re.compile(r"✗ [1-9][\d,]* left out, in [1-9]"))
    await expect(page.locator("#wire-whose option").last).to_have_text("slow reader")
    await page.locator("#wire-hang-up").click()
    await expect(said).to_contain_text("Over: hung up.")
    await context.close()
    server.stop()


async def test_it_fits_a_phone(visit: Visit) -> None:
    await visit.page.set_viewport_size({"width": 390, "height": 844})
    await talk(visit, "focus", "ws", ACME)
    await visit.page.evaluate("() => open()")
    await expect(lines(visit.page).nth(3)).to_be_visible()
    assert await visit.page.evaluate("() => document.documentElement.scrollWidth") == 390
    await expect(visit.page.locator(".wire-row:visible .wire-bytes").nth(2)).to_be_visible()
