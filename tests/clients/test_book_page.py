"""Books in the page: rebuilt in a real browser as Python does, proved by checksum, asked for anew where they fail."""

import json
import random
import re
from pathlib import Path
from zlib import crc32

import pytest
from playwright.async_api import Page, Route, WebSocketRoute, expect

import ticker_web
from browser import Visit, until
from ticker.session.books import Book, Change
from ticker.ticks import ASK, BID, CHANNELS, NO_CRC

FILES = Path(ticker_web.__file__).parent

# Takes ticks into a book, and tells of each what it said and what the book is then.
TAKE = """async ([instrument, ticks]) => {
    const {Book} = await import("/book.js");
    const book = new Book(instrument);
    return ticks.map((tick) => [book.take(tick), book.n, book.whole, book.verified, book.bids, book.asks]);
}"""
CRC = """async (texts) => { const {crc32} = await import("/book.js"); return texts.map(crc32); }"""


@pytest.fixture
async def page(visit: Visit) -> Page:
    """A page with nothing in it, beside which the page's files lie."""

    async def serve(route: Route) -> None:
        path = FILES / route.request.url.removeprefix("http://page.test/")
        if path.is_file():
            await route.fulfill(path=path, content_type="text/javascript")
        else:
            await route.fulfill(body="<!doctype html><title>empty</title>", content_type="text/html")

    await visit.page.route("http://page.test/**", serve)
    await visit.page.goto("http://page.test/")
    return visit.page


async def test_the_crc_is_zlibs(page: Page) -> None:
    texts = ["", "a", "123456789", "0" * 320, "".join(random.Random(1).choices("0123456789abcdef", k=320))]
    assert await page.evaluate(CRC, texts) == [crc32(text.encode()) for text in texts]


def changes(seed: int, count: int) -> list[Change]:
    """Return rows of a book, some of them missing, wrong, known already or fresh."""
    chance, book, n = random.Random(seed), Book(), 0
    rows: list[Change] = []
    for _ in range(count):
        fresh = not book.whole or chance.random() < 0.02
        n += 2 if chance.random() < 0.02 else 0 if chance.random() < 0.02 else 1
        side, price, size = chance.choice((BID, ASK)), chance.randrange(1, 15), chance.randrange(3)
        row = Change(n, n, side, price, size, NO_CRC, int(fresh))
        if chance.random() < 0.5:
            trial = Book()
            for change in [*rows, row]:
                trial.take(change)
            row = row._replace(crc=trial.checksum() if chance.random() < 0.95 else 7)
        rows.append(row)
        book.take(row)
    return rows


@pytest.mark.parametrize("seed", range(5))
async def test_a_book_in_the_browser_is_that_of_python(page: Page, seed: int) -> None:
    rows = changes(seed, 300)
    ticks = [
        {
            **{"ch": "book", "sym": "A", "n": row.n, "t": row.t, "side": ("bid", "ask")[row.side]},
            **{"px": row.price_ticks * 5 / 100, "sz": row.size},
            **({} if row.crc == NO_CRC else {"crc": row.crc}),
            **({"fresh": True} if row.fresh else {}),
        }
        for row in rows
    ]
    book, expected = Book(), []
    for row in rows:
        said = book.take(row).name.lower().replace("nothing", "")
        expected.append(
            [said, book.n, book.whole, book.verified, [[*lv] for lv in book.bids], [[*lv] for lv in book.asks]]
        )
    assert await page.evaluate(TAKE, [{"tick_size": 0.05, "decimals": 2}, ticks]) == expected
    assert {said for said, *_ in expected} == {"", "proved", "wrong", "hole"}


# The page, with everything.


async def want_all(visit: Visit) -> None:
    """Press what is not pressed, and wait until all channels are subscribed."""
    for channel in CHANNELS:
        button = visit.page.locator(f"[data-channel='{channel}']")
        if await button.get_attribute("aria-pressed") == "false":
            await button.click()
    await until(lambda: set(visit.told("subscribed")[-1]["subscriptions"]) == set(CHANNELS))


async def proofs(visit: Visit) -> tuple[int, int]:
    """Return how many checksums the page says were right and wrong."""
    words = await visit.page.locator("#books").inner_text()
    found = re.fullmatch(r"books proved ([\d,]+) times, wrong ([\d,]+)", words)
    assert found is not None
    return int(found[1].replace(",", "")), int(found[2].replace(",", ""))


@pytest.mark.parametrize("language", ["JSON", "packed"])
async def test_all_channels_are_shown_and_books_proved(visit: Visit, ticker_server, language: str) -> None:
    await visit.go(ticker_server.url)
    await visit.page.get_by_label(language).check()
    await until(lambda: len(visit.told("welcome")) == (1 if language == "JSON" else 2))
    await expect(visit.page.locator("#state")).to_have_text("live")
    await want_all(visit)

    async def many() -> bool:
        return (await proofs(visit))[0] > 500

    await until(many)
    assert (await proofs(visit))[1] == 0
    await expect(visit.page.locator("#missed")).to_have_text("0")
    await expect(visit.page.locator("#rows tr").first.locator(".symbol")).to_have_attribute("title", "trading")
    assert visit.told("error") == visit.complaints == []


async def test_a_book_and_statistics_stand_in_for_quotes_and_trades(visit: Visit, ticker_server) -> None:
    await visit.go(ticker_server.url)
    await until(lambda: visit.told("ticks"))
    for channel in ("quotes", "trades", "book", "stats"):
        await visit.page.locator(f"[data-channel='{channel}']").click()
    await until(lambda: set(visit.told("subscribed")[-1]["subscriptions"]) == {"status", "book", "stats"})
    row = visit.page.locator("#rows tr[data-symbol=ACME]")
    for cell in (".last", ".bid", ".ask"):
        before = await row.locator(cell).inner_text()
        await expect(row.locator(cell)).not_to_have_text(before)
    assert re.fullmatch(r"\d+\.\d\d", await row.locator(".bid").inner_text())
    assert visit.told("error") == visit.complaints == []


async def test_a_halt_is_said_in_a_word(visit: Visit, ticker_server) -> None:
    def halt(said: str | bytes) -> str | bytes:
        message = json.loads(said)
        for tick in message.get("data", ()):
            if tick["ch"] == "status" and tick["sym"] == "ACME":
                tick |= {"state": "halted", "reason": "halt"}
        return json.dumps(message)

    def between(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        server.on_message(lambda said: socket.send(halt(said)))

    await visit.page.route_web_socket(re.compile("/v1/stream"), between)
    await visit.go(ticker_server.url)
    row = visit.page.locator("#rows tr[data-symbol=ACME]")
    await expect(row.locator(".state-word")).to_have_text("halted")
    await expect(row.locator(".symbol")).to_have_attribute("title", "halted: halt")
    await expect(row.locator(".symbol")).to_have_text("\u2016 ACME")
    await expect(visit.page.locator("#rows tr[data-symbol=BYTE] .state-word")).to_have_text("")


async def test_a_wrong_book_is_asked_for_anew(visit: Visit, ticker_server) -> None:
    spoiled: list[str] = []

    def spoil(said: str | bytes) -> str | bytes:
        message = json.loads(said)
        if message["type"] == "ticks" and not spoiled:
            for tick in message["data"]:
                if tick["ch"] == "book" and "crc" in tick and not tick.get("fresh"):
                    tick["crc"] ^= 1
                    spoiled.append(tick["sym"])
                    return json.dumps(message)
        return said

    def between(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        server.on_message(lambda said: socket.send(spoil(said)))

    await visit.page.route_web_socket(re.compile("/v1/stream"), between)
    await visit.go(ticker_server.url)
    await want_all(visit)
    await until(lambda: spoiled and visit.asked("unsubscribe"))
    asked = visit.asked("unsubscribe")
    assert [(request["channels"], request["symbols"]) for request in asked] == [(["book"], spoiled)]
    await until(
        lambda: (["book"], spoiled) in [(said["channels"], said["symbols"]) for said in visit.asked("subscribe")]
    )
    before = await proofs(visit)

    async def more() -> bool:
        return (await proofs(visit))[0] > before[0] + 300

    await until(more)
    assert (await proofs(visit))[1] == 1
    await expect(visit.page.locator("#missed")).to_have_text("0")
    assert len(visit.asked("unsubscribe")) == 1
    assert visit.told("error") == visit.complaints == []
