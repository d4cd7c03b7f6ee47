"""Books in the page: rebuilt in a real browser as Python does, proved by checksum, asked for anew where they fail."""

import json
import random
import re
from zlib import crc32

import pytest
from playwright.async_api import Page, WebSocketRoute, expect

from browser import Visit, until
from ticker.session.books import Book, Change
from ticker.ticks import ASK, BID, NO_CRC

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Takes ticks into a book, and tells of each what it said and what the book is then.
TAKE = """async ([instrument, ticks]) => {
    const {Book} = await import("/client/book.js");
    const book = new Book(instrument);
    return ticks.map((tick) => [book.take(tick), book.n, book.whole, book.verified, book.bids, book.asks]);
}"""
CRC = """async (texts) => { const {crc32} = await import("/client/book.js"); return texts.map(crc32); }"""


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


# The page, which looks at the book of one instrument.


async def proofs(visit: Visit) -> tuple[int, int]:
    """Return how many checksums the page says were right and wrong."""
    words = await visit.page.locator(".ladder .proof").inner_text()
    right, wrong = re.search(r"proved ([\d,]+) times", words), re.search(r"wrong ([\d,]+)", words)
    return (int(right[1].replace(",", "")) if right else 0, int(wrong[1].replace(",", "")) if wrong else 0)


@pytest.mark.parametrize("language", ["json", "packed"])
async def test_the_book_is_proved_in_either_language(visit: Visit, ticker_server, language: str) -> None:
    await visit.go(ticker_server.url)
    await visit.page.locator(f"input[name=wire-language][value={language}]").check()
    if language == "packed":
        await until(lambda: len(visit.packed) > 10)
    before = await proofs(visit)

    async def many() -> bool:
        return (await proofs(visit))[0] > before[0] + 100

    await until(many)
    assert (await proofs(visit))[1] == 0
    assert visit.told("error") == visit.complaints == []


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
    await expect(visit.page.locator(".ladder .wrong")).to_have_text(re.compile("^✗ wrong 1"))
    before = await proofs(visit)

    async def more() -> bool:
        return (await proofs(visit))[0] > before[0] + 200

    await until(more)  # it was asked for anew, and goes on
    assert (await proofs(visit))[1] == 1
    assert visit.complaints == []
