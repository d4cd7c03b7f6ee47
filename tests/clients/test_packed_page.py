"""Packed frames in the page: decoded in a real browser to what the JSON of the same ticks says, or refused.

Then the page that has been switched to them, against a real server.
"""

import base64
import json
import re
import struct
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from playwright.async_api import Page, WebSocketRoute, expect

from admin_client import AdminClient
from browser import Visit, until
from ticker import universes
from ticker.config import MarketConfig
from ticker.dialects import native
from ticker.dialects.native import NativeDialect
from ticker.dialects.packed import PackedDialect, listing
from ticker.instruments import Instrument, Universe
from ticker.market.market import Market
from ticker.session.kinds import KINDS
from ticker.ticks import BARS_1M, BARS_1S, BOOK, CHANNELS, DTYPES, QUOTES, SELL, STATS, STATUS, TRADES, Rows
from ticker.wire.packed import SNAPSHOT, TICKS, pack, unpack

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Decodes each of the frames, and gives back the message as JSON, or why there is none.
DECODE = """async ([listing, frames]) => {
    const {Unpacker} = await import("/client/packed.js");
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

STAMP = 1_700_000_000_123_456
BAR = (1, 7, STAMP, 18_730, 18_740, 18_700, 18_731, 1200, 22_470_001, 17, 1)
SOME = {
    STATUS: (1, 3, STAMP, 3, 1, 0, 0, -50_000, 12),
    QUOTES: QUOTE,
    BOOK: (3, 9, STAMP, 1, 18_733, 200, 4_294_967_295, 1),
    TRADES: TRADE,
    BARS_1S: BAR,
    BARS_1M: BAR,
    STATS: (1, 7, STAMP, 18_730, 18_740, 18_700, 18_731, 18_777, 10**6 + 3, 22_470_001 * 10**5, 17),
}


async def decoded(page: Page, universe: Universe, *frames: bytes) -> list[str]:
    said = json.loads(native.reply(listing(universe)))
    texts: list[str] = await page.evaluate(DECODE, [said, [base64.b64encode(frame).decode() for frame in frames]])
    return texts


def rows(channel: str, *of: tuple[int, ...]) -> Rows:
    return np.array(list(of), DTYPES[channel])


def in_json(universe: Universe, steps: list[tuple[int, Mapping[str, Rows]]]) -> Any:
    dialect = NativeDialect(universe)
    pieces = [
        piece
        for _, by in steps
        for channel in CHANNELS
        if channel in by
        for piece in dialect.render(channel, by[channel])
    ]
    return json.loads(dialect.ticks(steps[-1][0], 1_700_000_000_654_321, b"".join(pieces)))


CHANNEL_OF = {kind.__struct_config__.tag: channel for channel, kind in KINDS.items()}


@pytest.mark.parametrize("joined", [1, 7])
async def test_a_market_reads_the_same_packed_as_in_json(page, joined):
    config = MarketConfig(model="plain", instruments=30, quotes_per_s=300, trades_per_s=150)
    market = Market(config, universes.load(config))
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
    newest = {channel: rows(channel, *[SOME[channel]] * count) for channel in CHANNELS}
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
QUOTES_ALONE = pack(TICKS, 7, 1234, [(7, {QUOTES: rows(QUOTES, QUOTE)})])
SECTION = 24


def alone(channel: str) -> bytes:
    return pack(TICKS, 7, 1234, [(7, {channel: rows(channel, SOME[channel])})])


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
    "unknown channel": changed(TRADES_ALONE, SECTION, "<B", 8),
    "a channel twice": changed(TRADES_ALONE + TRADES_ALONE[SECTION:], 2, "<H", 2),
    "channels in another order": changed(TRADES_ALONE + QUOTES_ALONE[SECTION:], 2, "<H", 2),
    "another channel's rows": changed(WHOLE, SECTION, "<B", 1),
    "a word too much": WHOLE + bytes(8),
    "a byte too much": WHOLE + b"x",
    "a channel and more": changed(WHOLE, SECTION + 1, "<B", 1),
    "fewer rows than there are": changed(WHOLE, SECTION + 4, "<I", 1),
    "four billion rows": changed(WHOLE, SECTION + 4, "<I", 2**32 - 1),
    "instrument below nought": changed(TRADES_ALONE, COLUMNS, "<i", -1),
    "unknown instrument": changed(TRADES_ALONE, COLUMNS, "<i", 4),
    "n beyond JavaScript": changed(TRADES_ALONE, COLUMNS + 16, "<q", 2**53),
    "no side": changed(TRADES_ALONE, COLUMNS + 48, "<b", 2),
    "side below nought": changed(TRADES_ALONE, COLUMNS + 48, "<b", -1),
    **{
        f"no {what}": changed(alone(channel), COLUMNS + 8 * column, "<b", code)
        for channel, what, column, code in [
            (STATUS, "state", 4, 6),
            (STATUS, "reason", 5, 10),
            (BOOK, "side of a book", 4, 2),
            (BOOK, "truth of what is fresh", 8, 2),
            (BARS_1S, "truth of what is done", 11, 2),
        ]
    },
    "a snapshot of nothing": pack(SNAPSHOT, 7, 0, []),
}


async def test_a_frame_that_is_cut_off_anywhere_is_an_error(page):
    *refused, whole = await decoded(page, UNIVERSE, *[WHOLE[:length] for length in range(len(WHOLE) + 1)])
    assert len(json.loads(whole)["data"]) == 3
    assert [
        text for text in refused if not re.fullmatch(r"Error: packed: a head .*|Error: packed: .* cut off", text)
    ] == []


async def test_a_frame_that_does_not_add_up_is_an_error(page):
    texts = await decoded(page, UNIVERSE, *MALFORMED.values())
    said = dict(zip(MALFORMED, texts, strict=True))
    assert {name: text for name, text in said.items() if not text.startswith("Error: packed: ")} == {}


async def test_a_frame_of_no_ticks_is_no_error(page):
    (text,) = await decoded(page, UNIVERSE, pack(TICKS, 7, 1234, []))
    assert json.loads(text) == {"type": "ticks", "seq": 7, "ts": 1234, "data": []}


# The page, switched: what its focus says and hears.


async def speak(visit: Visit, language: str) -> None:
    """Choose how ticks are to come, and wait until some have come so."""
    had = len(visit.told("welcome")), len(visit.packed), len(visit.told("ticks"))
    await visit.page.get_by_label(language).check()
    await until(lambda: len(visit.told("welcome")) > had[0] and (language == "JSON" or visit.told("instruments")))
    await until(lambda: len(visit.packed) > had[1] + 20 or len(visit.told("ticks")) > had[2] + 20)
    await expect(visit.page.locator("#state")).to_have_text("live")


def numbers(visit: Visit) -> dict[tuple[str, str], list[int]]:
    """Return every n that came, in JSON and packed, sorted, by channel and symbol."""
    found: dict[tuple[str, str], set[int]] = {}
    for message in visit.told("ticks"):
        for tick in message["data"]:
            found.setdefault((CHANNEL_OF[tick["ch"]], tick["sym"]), set()).add(tick["n"])
    symbols = visit.told("instruments")[0]["symbols"]
    for packed in [unpack(frame) for frame in visit.packed]:
        if packed.kind == TICKS:
            for channel, ticks in packed.rows.items():
                for instrument, n in ticks[["instrument", "n"]].tolist():
                    found.setdefault((channel, symbols[instrument]), set()).add(n)
    return {key: sorted(those) for key, those in found.items()}


def acked(visit: Visit) -> bool:
    """Tell whether an ack was sent since what is wanted was last granted."""
    granted, acks = visit.told("subscribed"), visit.asked("ack")
    return bool(granted and acks) and acks[-1]["seq"] > granted[-1]["seq"]


def assert_no_hole(visit: Visit) -> None:
    for key, those in numbers(visit).items():
        assert those == list(range(those[0], those[-1] + 1)), key


async def test_packed_and_back_without_a_hole(visit, ticker_server):
    await visit.go(ticker_server.url)
    await until(lambda: len(visit.told("ticks")) > 20)
    await speak(visit, "packed")
    assert len(visit.told("instruments")) == 1
    as_json = len(visit.told("ticks"))
    await until(lambda: len(visit.packed) > 60)
    assert len(visit.told("ticks")) == as_json
    await speak(visit, "JSON")
    as_packed = len(visit.packed)
    await until(lambda: len(visit.told("ticks")) > as_json + 60)
    assert len(visit.packed) == as_packed
    await until(lambda: len(visit.told("recovered")) == 3)
    assert [said["complete"] for said in visit.told("recovered")] == [True, True, True]
    assert_no_hole(visit)
    await expect(visit.page.locator("[data-figure=missed]")).to_have_text("0 ✓")
    assert visit.told("error") == visit.complaints == []


async def test_a_page_that_hears_packed_shows_the_prices_of_the_json(visit, serve_ticker):
    server = serve_ticker("--admin.enabled")
    await visit.go(server.url)
    await speak(visit, "packed")
    AdminClient(server).post("pause")
    symbols = visit.told("instruments")[0]["symbols"]
    row = visit.page.locator("#rows tr[data-symbol=ACME]")

    def quoted() -> tuple[str, str]:
        shown: list[int] = []
        for packed in [unpack(frame) for frame in visit.packed]:
            for ticks in [ticks for channel, ticks in packed.rows.items() if channel == QUOTES]:
                for found in ticks[ticks["instrument"] == symbols.index("ACME")].tolist():
                    shown = list(found)
        return f"{shown[4] / 100:.2f}", f"{shown[6] / 100:.2f}"

    async def same() -> bool:
        # It may be that the market goes on for some frames yet.
        shown = await row.locator(".bid").text_content(), await row.locator(".ask").text_content()
        return shown == quoted()

    await until(same)
    assert visit.complaints == []


async def test_the_keyboard_reaches_the_switch(visit, ticker_server):
    await visit.go(ticker_server.url)
    await visit.page.get_by_role("group", name="Ticks come as").get_by_role("radio", name="JSON").focus()
    await visit.page.keyboard.press("ArrowRight")
    await until(lambda: len(visit.packed) > 20)
    await visit.page.keyboard.press("ArrowLeft")
    await until(lambda: len(visit.told("welcome")) == 3)
    assert visit.complaints == []


async def test_what_is_wanted_is_changed_while_packed_ticks_flow(visit, ticker_server):
    await visit.go(ticker_server.url)
    await until(lambda: visit.told("ticks"))  # or there would be nothing to go on from
    await speak(visit, "packed")
    for symbol in ("BYTE", "ACME"):
        await visit.page.locator(f"#rows tr[data-symbol={symbol}]").click()
        wanted = {channel: [symbol] for channel in CHANNELS}
        await until(lambda wanted=wanted: [said["subscriptions"] for said in visit.told("subscribed")][-1:] == [wanted])
    await until(lambda: [unpack(frame).kind for frame in visit.packed].count(SNAPSHOT) > len(CHANNELS))
    await until(lambda: acked(visit))
    await expect(visit.page.locator("[data-figure=missed]")).to_have_text("0 ✓")
    assert visit.told("error") == visit.complaints == []


async def test_the_upgrade_section_tells_binary_frames_by_their_first_byte(visit, ticker_server):
    await visit.go(ticker_server.url)
    await speak(visit, "packed")
    await visit.page.get_by_role("link", name="Upgrade").click()
    rows = visit.page.locator(".frames tbody tr", has_text="binary, ")
    await expect(rows).to_have_count(3)
    await expect(rows.first.locator(".bytes code").first).to_have_text("82")
    await expect(visit.page.locator(".head .telling", has_text="ticker.v1.packed")).to_have_count(2)


@pytest.mark.parametrize("how", ["cut off", "before the list"])
async def test_a_frame_that_does_not_add_up_ends_the_connection_and_it_comes_back(visit, ticker_server, how):
    opened: list[WebSocketRoute] = []

    def spoiled(said: str | bytes) -> str | bytes:
        if how == "cut off":
            return said[:-1] if isinstance(said, bytes) else said
        return json.dumps({"type": "heartbeat", "seq": 1}) if '"instruments"' in str(said)[:30] else said

    def spoil(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        opened.append(socket)
        bad = len(opened) == 2
        server.on_message(lambda said: socket.send(spoiled(said) if bad else said))

    await visit.page.route_web_socket(re.compile("/v1/stream.*handshake"), spoil)
    await visit.go(ticker_server.url)
    await visit.take_notes()
    await visit.page.get_by_label("packed").check()
    await visit.noted(how)
    await until(lambda: len(opened) == 3)
    await expect(visit.page.locator("#state")).to_have_text("live")
    await expect(visit.page.locator("[data-figure=missed]")).to_have_text("0 ✓")
    assert len(opened) == 3
    assert visit.complaints == []


async def test_a_compressed_connection_reads_the_same_in_both_languages(visit, serve_ticker):
    await visit.go(serve_ticker("--stream.compression", "shared").url)
    await until(lambda: len(visit.told("ticks")) > 20)
    await speak(visit, "packed")
    await speak(visit, "JSON")
    await until(lambda: len(visit.told("handshake")) == 3)
    for handshake in visit.told("handshake"):
        answered = dict(handshake["response"]["headers"])
        assert answered["Sec-WebSocket-Extensions"].startswith("permessage-deflate")
    assert_no_hole(visit)
    await until(lambda: acked(visit))
    await expect(visit.page.locator("[data-figure=missed]")).to_have_text("0 ✓")
    await visit.page.get_by_role("link", name="Upgrade").click()
    await expect(visit.page.locator(".step", has_text="Both talk, in frames")).to_contain_text("may deflate them")
    assert visit.told("error") == visit.complaints == []
