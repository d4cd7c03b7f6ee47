"""Packed frames in the page: decoded in a real browser to what the JSON of the same ticks says, or refused."""

import base64
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.async_api import Page, Route

import ticker_web
from ticker.config import MarketConfig
from ticker.dialects import native
from ticker.dialects.native import NativeDialect
from ticker.dialects.packed import PackedDialect, listing
from ticker.instruments import Instrument, Universe
from ticker.market.market import Market
from ticker.ticks import CHANNELS, DTYPES, QUOTES, SELL, TRADES, Rows
from ticker.wire.packed import SNAPSHOT, TICKS, pack

FILES = Path(ticker_web.__file__).parent

# Decodes each of the frames, and gives back the message as JSON, or why there is none.
DECODE = """async ([listing, frames]) => {
    const {Unpacker} = await import("/packed.js");
    const unpacker = new Unpacker(listing);
    return frames.map((frame) => {
        try {
            const bytes = Uint8Array.from(atob(frame), (character) => character.charCodeAt(0));
            return JSON.stringify(unpacker.decode(bytes.buffer));
        } catch (error) {
            return error instanceof Error ? `${error.name}: ${error.message}` : "thrown: no Error";
        }
    });
}"""

UNIVERSE = Universe(
    [
        Instrument("AAA", "", "", 2, 1, 1, 1000),
        Instrument('NK\u00e9"\\', "", "", 0, 5, 1, 1000),
        Instrument("FX", "", "", 5, 1, 1, 1000),
        Instrument("B", "", "", 2, 25, 1, 1000),
    ]
)
TRADE = (2, 551, 1_700_000_000_123_456, 18_732, 100, SELL)
QUOTE = (0, 552, 1_700_000_000_123_456, 18_731, 300, 18_733, 200)


@pytest.fixture
async def page(visit) -> Page:
    """A page with nothing in it, beside which the page's files lie: no server is needed for them."""

    async def serve(route: Route) -> None:
        path = FILES / route.request.url.removeprefix("http://page.test/")
        if path.is_file():
            await route.fulfill(path=path, content_type="text/javascript")
        else:
            await route.fulfill(body="<!doctype html><title>empty</title>", content_type="text/html")

    await visit.page.route("http://page.test/**", serve)
    await visit.page.goto("http://page.test/")
    return visit.page


async def decoded(page: Page, universe: Universe, *frames: bytes) -> list[str]:
    said = json.loads(native.reply(listing(universe)))
    texts: list[str] = await page.evaluate(DECODE, [said, [base64.b64encode(frame).decode() for frame in frames]])
    return texts


def rows(channel: str, *of: tuple[int, ...]) -> Rows:
    return np.array(list(of), DTYPES[channel])


def in_json(universe: Universe, steps: list[tuple[int, Mapping[str, Rows]]]) -> Any:
    dialect = NativeDialect(universe)
    pieces = [piece for _, by in steps for channel in CHANNELS for piece in dialect.render(channel, by[channel])]
    return json.loads(dialect.ticks(steps[-1][0], 1_700_000_000_654_321, b"".join(pieces)))


@pytest.mark.parametrize("joined", [1, 7])
async def test_a_market_reads_the_same_packed_as_in_json(page, joined):
    market = Market(MarketConfig(instruments=30, quotes_per_s=300, trades_per_s=150))
    batches = [market.step() for _ in range(21)]
    steps = [(batch.seq, batch.rows) for batch in batches]
    parts = [steps[place : place + joined] for place in range(0, len(steps), joined)]
    frames = [PackedDialect().ticks(part[-1][0], 1_700_000_000_654_321, part) for part in parts]
    texts = await decoded(page, market.universe, *frames)
    messages = [json.loads(text) for text in texts]
    assert messages == [in_json(market.universe, part) for part in parts]
    assert sum(len(message["data"]) for message in messages) > 500


async def test_every_grid_of_prices_reads_the_same(page):
    chosen = [1, 3, 7, 100, 101, 18_731, 999_999, 123_456_789, 10**11 + 7]
    trades = [
        (instrument, n, 2**53 - 1 - n, ticks, n, n % 2) for instrument in range(4) for n, ticks in enumerate(chosen, 1)
    ]
    quotes = [(instrument, n, 2**40 + n, t, 2**52 + n, t + 1, n) for instrument, n, _, t, _, _ in trades]
    step = (2**53 - 1, {QUOTES: rows(QUOTES, *quotes), TRADES: rows(TRADES, *trades)})
    (text,) = await decoded(page, UNIVERSE, PackedDialect().ticks(step[0], 1_700_000_000_654_321, [step]))
    assert json.loads(text) == in_json(UNIVERSE, [step])


@pytest.mark.parametrize("count", [0, 1, 2])
async def test_a_snapshot_reads_the_same_packed_as_in_json(page, count):
    newest = {QUOTES: rows(QUOTES, *[QUOTE] * count), TRADES: rows(TRADES, *[TRADE] * count)}
    dialect = NativeDialect(UNIVERSE)
    texts = await decoded(
        page, UNIVERSE, *[PackedDialect().snapshot(7, channel, newest[channel]) for channel in CHANNELS]
    )
    pieces = {channel: b"".join(dialect.render(channel, newest[channel])) for channel in CHANNELS}
    assert [json.loads(text) for text in texts] == [
        json.loads(dialect.snapshot(7, channel, pieces[channel])) for channel in CHANNELS
    ]


def changed(frame: bytes, place: int, form: str, *values: int) -> bytes:
    """Return the frame with other numbers in a place."""
    return frame[:place] + struct.pack(form, *values) + frame[place + struct.calcsize(form) :]


STEPS = [(6, {QUOTES: rows(QUOTES, QUOTE)}), (7, {QUOTES: rows(QUOTES, QUOTE), TRADES: rows(TRADES, TRADE)})]
WHOLE = pack(TICKS, 7, 1234, STEPS)
TRADES_ALONE = pack(TICKS, 7, 1234, [(7, {TRADES: rows(TRADES, TRADE)})])
SECTION = 24
COLUMNS = SECTION + 8  # in a section of one row, each has eight bytes


MALFORMED = {
    "no kind": changed(WHOLE, 0, "<B", 0),
    "unknown kind": changed(WHOLE, 0, "<B", 3),
    "a snapshot of two channels": changed(WHOLE, 0, "<B", SNAPSHOT),
    "version": changed(WHOLE, 1, "<B", 2),
    "fewer sections than there are": changed(WHOLE, 2, "<H", 1),
    "more sections than there are": changed(WHOLE, 2, "<H", 3),
    "not nought": changed(WHOLE, 4, "<I", 1),
    "a step before the first": changed(WHOLE, 8, "<Q", 0),
    "seq beyond JavaScript": changed(WHOLE, 8, "<Q", 2**53),
    "seq below nought": changed(WHOLE, 8, "<Q", 2**64 - 1),
    "no channel": changed(WHOLE, SECTION, "<B", 0),
    "unknown channel": changed(TRADES_ALONE, SECTION, "<B", 3),
    "a channel twice": changed(WHOLE, SECTION, "<B", 2),
    "a channel and more": changed(WHOLE, SECTION + 1, "<B", 1),
    "fewer rows than there are": changed(WHOLE, SECTION + 4, "<I", 1),
    "four billion rows": changed(WHOLE, SECTION + 4, "<I", 2**32 - 1),
    "instrument below nought": changed(TRADES_ALONE, COLUMNS, "<i", -1),
    "unknown instrument": changed(TRADES_ALONE, COLUMNS, "<i", 4),
    "n beyond JavaScript": changed(TRADES_ALONE, COLUMNS + 16, "<q", 2**53),
    "no side": changed(TRADES_ALONE, COLUMNS + 48, "<b", 2),
    "side below nought": changed(TRADES_ALONE, COLUMNS + 48, "<b", -1),
    "a snapshot of nothing": pack(SNAPSHOT, 7, 0, []),
}


async def test_a_frame_that_is_cut_off_anywhere_is_an_error(page):
    cut = [WHOLE[:length] for length in range(len(WHOLE))] + [WHOLE + bytes(8), WHOLE + b"x"]
    *refused, whole = await decoded(page, UNIVERSE, *cut, WHOLE)
    assert len(json.loads(whole)["data"]) == 3
    assert [text for text in refused if not text.startswith("Error: packed: ")] == []


async def test_a_frame_that_does_not_add_up_is_an_error(page):
    texts = await decoded(page, UNIVERSE, *MALFORMED.values())
    said = dict(zip(MALFORMED, texts, strict=True))
    assert {name: text for name, text in said.items() if not text.startswith("Error: packed: ")} == {}


async def test_a_frame_of_no_ticks_is_no_error(page):
    (text,) = await decoded(page, UNIVERSE, pack(TICKS, 7, 1234, []))
    assert json.loads(text) == {"type": "ticks", "seq": 7, "ts": 1234, "data": []}
