"""Kraken's WebSocket API: transcripts, checksums, the heart's beat, and messages that say what the rows say."""

import zlib
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialects.scripted_market import BTC, CROSS, ETH, T0, ScriptedMarket, depth_rows, row_of, rows_of, universe
from dialects.venue_stage import Stage, document, messages, transcript, transcripts
from ticker.dialects.kraken import VENUE
from ticker.dialects.kraken.instruments import PAIRS_A_MESSAGE, scientific
from ticker.dialects.kraken.pairs import Pairs
from ticker.dialects.kraken.spelling import book_sum, checksum, percent
from ticker.instruments import Instrument, Universe
from ticker.ticks import ASK, BID, BUY, SELL, Rows
from ticker.venue import BAR, SHOWN, SUMMARY, TRADE, Answer, Asked, Bars, Now, Venue

PAIRS = (BTC, ETH, CROSS)
SYMBOLS = {BTC: "BTC/USDT", ETH: "ETH/USDT", CROSS: "ETH/BTC"}
KRAKEN = VENUE(universe(), strict=False)
DIALECT = KRAKEN._dialect

ASKS = (
    *(("45285.2", "0.00100000"), ("45286.4", "1.54571953"), ("45286.6", "1.54571109"), ("45289.6", "1.54560911")),
    *(("45290.2", "0.15890660"), ("45291.8", "1.54553491"), ("45294.7", "0.04454749"), ("45296.1", "0.35380000")),
    *(("45297.5", "0.09945542"), ("45299.5", "0.18772827")),
)
BIDS = (
    *(("45283.5", "0.10000000"), ("45283.4", "1.54582015"), ("45282.1", "0.10000000"), ("45281.0", "0.10000000")),
    *(("45280.3", "1.54592586"), ("45279.0", "0.07990000"), ("45277.6", "0.03310103"), ("45277.5", "0.30000000")),
    *(("45277.3", "1.54602737"), ("45276.6", "0.15445238")),
)
PUBLISHED = 3310070434
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

prices = st.integers(1, 10**9)
sizes = st.integers(1, 10**9)
times = st.integers(T0, T0 + 10**15)
numbers = st.integers(1, 2**53)
instruments = st.sampled_from(PAIRS)
sides = st.lists(st.tuples(prices, sizes), max_size=10, unique_by=lambda level: level[0])


def stage(**options: Any) -> Stage:
    return Stage(VENUE(universe(), **{"strict": False, **options}), "/v2")


def subscribe(channel: str, *symbols: str, **params: Any) -> dict[str, Any]:
    return {"method": "subscribe", "params": {"channel": channel, "symbol": list(symbols), **params}}


def rendered(channel: str, rows: Rows) -> list[Any]:
    """Return the one object in each message that rows are rendered as."""
    texts = [text for piece in DIALECT.render(channel, rows) for text in messages(piece)]
    return [document(text)["data"][0] for text in texts]


def in_units(number: Any, decimals: int) -> int:
    """Return a printed number as a count of 10**-decimals: it is printed with just so many."""
    assert -number.as_tuple().exponent == decimals
    return int(Decimal(number).scaleb(decimals))


def qty_of(i: int, size: int) -> Decimal:
    return Decimal(size).scaleb(-universe()[i].size_decimals)


@pytest.mark.parametrize("path", transcripts("kraken"), ids=lambda path: path.stem)
def test_a_conversation_is_what_its_transcript_says(path: Any) -> None:
    stage().replay(transcript(path))


def test_the_published_checksum() -> None:
    assert checksum([*ASKS, *BIDS]) == PUBLISHED


def test_the_published_checksum_from_integers() -> None:
    pair = Pairs(Universe([Instrument("BTC-USD", "Bitcoin", "crypto", 1, 1, 1, 452_852, size_decimals=8)]))[0]
    asks, bids = (
        [(in_units(document(price), 1), in_units(document(qty), 8)) for price, qty in side] for side in (ASKS, BIDS)
    )
    assert book_sum(pair, asks, bids) == PUBLISHED


@given(st.sampled_from([(2, 1, 5), (5, 1, 4), (8, 5, 0), (1, 5, 8), (0, 1, 8), (4, 25, 9)]), sides, sides)
def test_a_checksum_is_that_of_the_printed_numbers(grid: tuple[int, int, int], asks: Any, bids: Any) -> None:
    decimals, unit, size_decimals = grid
    pair = Pairs(Universe([Instrument("A-USD", "", "", decimals, unit, 1, 1, size_decimals=size_decimals)]))[0]
    printed = [(pair.prices[price], pair.sizes[size]) for price, size in [*asks, *bids]]
    assert book_sum(pair, asks, bids) == checksum(printed)


@given(instruments, sides, sides, sides, sides, times)
def test_a_book_update_says_what_changed_and_sums_what_is_shown(
    i: int, new_bids: Any, new_asks: Any, bids: Any, asks: Any, t: int
) -> None:
    changed = [*((BID, *level) for level in new_bids), *((ASK, *level) for level in new_asks)]
    shown = [*((ASK, *level) for level in asks), *((BID, *level) for level in bids)]
    rows = np.concatenate([depth_rows(i, 9, t, changed), depth_rows(i, 9, t, shown, kind=SHOWN)])
    rows["last"] = 0
    rows["last"][-1:] = 1
    told = rendered("book", rows)
    if not changed:
        assert told == []
        return
    (book,) = told
    decimals = universe()[i].decimals
    assert book["symbol"] == SYMBOLS[i]
    for side, levels in (("bids", new_bids), ("asks", new_asks)):
        assert [(in_units(level["price"], decimals), level["qty"]) for level in book[side]] == [
            (price, qty_of(i, size)) for price, size in levels
        ]
        assert all(-level["qty"].as_tuple().exponent == 8 for level in book[side])
    pair = Pairs(universe())[i]
    texts = [pair.prices[price] + pair.sizes[size] for price, size in [*asks, *bids]]
    digits = "".join(digit.lstrip("0") for text in texts for digit in _two(text, decimals))
    assert book["checksum"] == zlib.crc32(digits.encode())


def _two(text: str, decimals: int) -> tuple[str, str]:
    """Cut a price and a quantity, printed one after the other, without their points."""
    place = text.index(".") + 1 + decimals
    return text[:place].replace(".", ""), text[place:].replace(".", "")


@given(instruments, numbers, times, prices, sizes, st.sampled_from([BUY, SELL]))
def test_a_trade_says_what_its_row_says(i: int, n: int, t: int, price: int, size: int, side: int) -> None:
    (trade,) = rendered("trade", rows_of(TRADE, (i, n, t, price, size, side, 3)))
    assert (trade["symbol"], trade["trade_id"], trade["side"]) == (SYMBOLS[i], n, ("buy", "sell")[side])
    assert in_units(trade["price"], universe()[i].decimals) == price
    assert trade["qty"] == qty_of(i, size)
    assert micros(trade["timestamp"]) == t


@given(instruments, times, st.lists(prices, min_size=8, max_size=8), sizes, st.integers(0, 10**18), numbers)
def test_a_ticker_says_what_its_row_says(i: int, t: int, some: list[int], volume: int, money: int, count: int) -> None:
    names = ("open_ticks", "high_ticks", "low_ticks", "close_ticks", "bid_ticks", "bid_size", "ask_ticks", "ask_size")
    fields = {**dict(zip(names, some, strict=True)), "volume": volume, "turnover": money, "trades": count}
    decimals = universe()[i].decimals
    for channel in ("ticker", "ticker.bbo"):
        (told,) = rendered(channel, row_of(SUMMARY, instrument=i, t=t, **fields))
        for name, field in (("bid", "bid_ticks"), ("ask", "ask_ticks"), ("last", "close_ticks")):
            assert in_units(told[name], decimals) == fields[field]
        assert (in_units(told["low"], decimals), in_units(told["high"], decimals)) == (some[2], some[1])
        assert in_units(told["change"], decimals) == some[3] - some[0]
        assert (told["bid_qty"], told["ask_qty"]) == (qty_of(i, some[5]), qty_of(i, some[7]))
        assert (told["volume"], told["trades"]) == (qty_of(i, volume), count)
        assert abs(in_units(told["vwap"], decimals) * volume - money) * 2 <= volume
        assert abs(in_units(told["change_pct"], 2) * some[0] - (some[3] - some[0]) * 10_000) * 2 <= some[0]
        assert micros(told["timestamp"]) == t


@given(instruments, times, st.lists(prices, min_size=4, max_size=4), sizes, numbers, st.sampled_from([1, 1440, 21600]))
def test_a_bar_says_what_its_row_says(i: int, t: int, some: list[int], volume: int, count: int, minutes: int) -> None:
    names = ("open_ticks", "high_ticks", "low_ticks", "close_ticks")
    fields = {**dict(zip(names, some, strict=True)), "volume": volume, "trades": count, "turnover": volume * some[0]}
    row = row_of(BAR, instrument=i, t=t, until=t + minutes * 60_000_000, at=t + 5, **fields)
    (piece,) = DIALECT.render(f"ohlc.{minutes}", row)
    message = document(messages(piece)[0])
    assert micros(message["timestamp"].replace("000Z", "Z")) == t + 5
    (bar,) = message["data"]
    decimals = universe()[i].decimals
    assert [in_units(bar[name], decimals) for name in ("open", "high", "low", "close", "vwap")] == [*some, some[0]]
    assert (bar["trades"], bar["volume"], bar["interval"]) == (count, qty_of(i, volume), minutes)
    assert bar["interval_begin"][-4:] == "000Z" and micros(bar["interval_begin"][:-4] + "Z") == t
    assert micros(bar["timestamp"]) == t + minutes * 60_000_000


def micros(text: str) -> int:
    """Read a time of six digits."""
    assert len(text) == len("2026-01-05T14:30:00.000001Z")
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)


def test_a_snapshot_has_the_book_and_its_sum() -> None:
    on = stage()
    on.market.put_book(BTC, 5, [(100, 1), (99, 2)], [(101, 3)])
    on.say(subscribe("book", "BTC/USDT", depth=1000))
    (told,) = (message["data"][0] for message in on.told("book"))
    printed = [(str(level["price"]), str(level["qty"])) for level in [*told["asks"], *told["bids"]]]
    assert printed == [("1.01", "0.00003000"), ("1.00", "0.00001000"), ("0.99", "0.00002000")]
    assert told["checksum"] == checksum(printed)


def test_what_is_wanted_follows_what_is_said() -> None:
    on = stage()
    assert not on.talk.interest
    on.say(subscribe("book", "BTC/USDT", "ETH/BTC", depth=100))
    on.say(subscribe("ticker", "ETH/USDT", event_trigger="bbo"))
    on.say(subscribe("ohlc", "BTC/USDT", interval=60))
    on.say({"method": "subscribe", "params": {"channel": "instrument"}})
    assert {channel: on.talk.interest.indices(channel) for channel in on.talk.interest.channels} == {
        "book": [BTC, CROSS],
        "ticker.bbo": [ETH],
        "ohlc.60": [BTC],
        "instrument": [BTC, ETH, CROSS],
    }
    assert all(KRAKEN.study(channel) for channel in on.talk.interest.channels)
    assert KRAKEN.study("ohlc.60") == Bars(3_600_000_000, every_us=KRAKEN.study("ohlc.60").every_us)  # type: ignore[union-attr]
    on.say({**subscribe("book", "BTC/USDT", "ETH/BTC"), "method": "unsubscribe"})
    assert on.talk.interest.channels == ("instrument", "ohlc.60", "ticker.bbo")


def test_the_heart_beats_once_a_second_on_its_own_grid() -> None:
    on = stage()
    on.wait(5)
    assert on.told("heartbeat") == []
    on.say(subscribe("trade", "BTC/USDT"))
    on.wait(60)
    assert len(on.told("heartbeat")) == 60
    on.now = on.now._replace(monotonic_s=on.now.monotonic_s + 30)
    on.wait(4)
    assert 4 <= len(on.told("heartbeat")) <= 5, "those that were missed are not made up for"
    on.say({**subscribe("trade", "BTC/USDT"), "method": "unsubscribe"})
    on.told("")
    on.wait(5)
    assert on.told("heartbeat") == []


def test_what_is_not_permitted_is_not_known() -> None:
    on = stage()
    on.market.permitted = {ETH}
    (told,) = on.say(subscribe("trade", "BTC/USDT"))
    assert told["error"] == "Currency pair not supported BTC/USDT"
    (told,) = on.say({**subscribe("trade", "BTC/USDT"), "method": "unsubscribe"})
    assert told["error"] == "Currency pair not supported BTC/USDT"
    on.told("")
    on.say({"method": "subscribe", "params": {"channel": "instrument"}})
    (catalogue,) = on.told("instrument")
    assert [pair["symbol"] for pair in catalogue["data"]["pairs"]] == ["ETH/USDT"]
    assert [asset["id"] for asset in catalogue["data"]["assets"]] == ["ETH", "USDT"]


def test_a_snapshot_of_trades_has_the_last_fifty_and_of_bars_those_with_a_trade() -> None:
    on = stage()
    for number in range(60):
        on.market.trade(BTC, 100 + number, 1, t=T0 + number * 1000)
    on.market.trade(BTC, 100, 1, t=T0 + 150_000_000)
    on.say(subscribe("trade", "BTC/USDT", snapshot=True))
    on.say(subscribe("ohlc", "BTC/USDT"))
    said = list(on.said)
    (trades,) = (m["data"] for m in said if m.get("channel") == "trade")
    assert [int(trade["trade_id"]) for trade in trades] == list(range(12, 62))
    (bars,) = (m["data"] for m in said if m.get("channel") == "ohlc")
    assert [int(bar["trades"]) for bar in bars] == [60, 1]


def test_a_stop_is_announced_with_the_connection_that_was_greeted() -> None:
    on = stage()
    (greeting,) = on.told("status")
    on.take(on.talk.leaving("shutdown", on.now))
    (parting,) = on.told("status")
    assert parting["data"][0] == {**greeting["data"][0], "system": "maintenance"}
    assert greeting["data"][0]["connection_id"] > 2**53
    assert not on.talk.leaving("slow", on.now).says


def test_connections_have_ids_of_their_own() -> None:
    venue = VENUE(universe(), strict=False)
    ids = {int(Stage(venue, "/v2").told("status")[0]["data"][0]["connection_id"]) for _ in range(50)}
    assert len(ids) == 50


def test_a_large_catalogue_comes_in_several_messages() -> None:
    many = Universe(Instrument(f"A{n}-USD", "", "", 2, 1, 1, 100, size_decimals=8) for n in range(PAIRS_A_MESSAGE + 5))
    market = ScriptedMarket()
    on = Stage(VENUE(many, strict=False), "/v2", market)
    turn = on.talk.heard(b'{"method":"subscribe","params":{"channel":"instrument"}}', True, market, on.now)
    texts = [text for text in turn.says if "pairs" in str(text)]
    assert [document(text)["type"] for text in texts] == ["snapshot", "update"]
    assert sum(len(document(text)["data"]["pairs"]) for text in texts) == PAIRS_A_MESSAGE + 5
    assert max(map(len, texts)) < 1 << 20


def test_increments_have_exponents_where_they_are_small() -> None:
    assert [scientific(1, n) for n in (8, 5, 4, 2, 0)] == ["1e-08", "1e-05", "0.0001", "0.01", "1.0"]
    assert [scientific(25, n) for n in (8, 5, 1)] == ["2.5e-07", "0.00025", "2.5"]
    assert [scientific(100, n) for n in (8, 0)] == ["1e-06", "100.0"]


@given(st.integers(1, 10**9), st.integers(0, 12))
def test_an_increment_is_exact(units: int, decimals: int) -> None:
    assert Decimal(scientific(units, decimals)) == Decimal(units).scaleb(-decimals)


def test_percents_are_rounded_away_from_zero() -> None:
    assert [percent(change, 10_000) for change in (0, 1, -1, 15, -15, 10_000)] == [
        *("0.00", "0.01", "-0.01", "0.15", "-0.15", "100.00")
    ]
    assert percent(1, 20_000) == "0.01" and percent(-1, 20_000) == "-0.01"
    assert percent(5, 0) == "0.00"


def test_an_address_connects_so_often_where_limits_are_kept() -> None:
    venue: Venue = VENUE(universe(), strict=True)
    market, now = ScriptedMarket(), Now(T0, 0.0, T0)
    talks = [venue.talk(Asked("/v2", address="10.0.0.1"), market, now, None) for _ in range(151)]
    refusals = [talk for talk in talks if isinstance(talk, Answer)]
    assert [answer.status for answer in refusals] == [429]
    assert not isinstance(venue.talk(Asked("/v2", address="10.0.0.2"), market, now, None), Answer)
    loose = VENUE(universe(), strict=False)
    assert not any(isinstance(loose.talk(Asked("/v2"), market, now, None), Answer) for _ in range(500))


def test_who_asks_for_nothing_is_let_go_where_limits_are_kept() -> None:
    idle = stage(strict=True)
    idle.wait(59)
    assert idle.closed is None
    idle.say({"method": "ping"})
    idle.wait(59)
    assert idle.closed is None
    idle.wait(2)
    assert idle.closed == (1000, "")
    busy, loose = stage(strict=True), stage()
    busy.say(subscribe("trade", "BTC/USDT"))
    for other in (busy, loose):
        other.wait(200)
        assert other.closed is None


def test_paths() -> None:
    assert [path for path in ("/v2", "/v2/", "/", "", "/v1", "/0/public/Time") if KRAKEN.upgrades(path)] == [
        "/v2",
        "/v2/",
    ]


# What makes no sense.

texts = st.text(st.characters(codec="utf-8"), max_size=12)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda t: st.lists(t, max_size=3) | st.dictionaries(texts, t, max_size=3),
)
likely = st.sampled_from(
    [
        "subscribe",
        "unsubscribe",
        "ping",
        "ticker",
        "book",
        "ohlc",
        "trade",
        "instrument",
        "BTC/USDT",
        "X/Y",
        10,
        1,
        True,
    ]
)
values = likely | anything | st.lists(likely | anything, max_size=4)
params = st.dictionaries(
    st.sampled_from(["channel", "symbol", "depth", "interval", "event_trigger", "snapshot", "token"]) | texts, values
)
requests = st.dictionaries(st.sampled_from(["method", "params", "req_id"]) | texts, params | values, max_size=5)


@settings(deadline=None)
@given(st.lists(requests.map(msgspec.json.encode) | st.binary(max_size=60) | texts.map(str.encode), max_size=6))
def test_whatever_is_said_is_answered_in_the_venues_words(said: list[bytes]) -> None:
    on = stage()
    on.told("")
    for data in said:
        answers = on.say(data)
        assert answers and on.closed is None
        for answer in answers:
            assert answer.get("success") in (True, False) or answer.get("method") == "pong" or "channel" in answer
            assert "error" not in answer or answer["success"] is False
    on.wait(2)


@given(st.integers() | texts | st.booleans() | st.none() | st.floats(allow_nan=False, allow_infinity=False))
def test_an_id_comes_back_as_it_went_or_is_refused(req_id: Any) -> None:
    (answer,) = stage().say(msgspec.json.encode({"method": "ping", "req_id": req_id}) if _fits(req_id) else b"{}")
    if isinstance(req_id, int) and not isinstance(req_id, bool) and _fits(req_id):
        assert answer["req_id"] == req_id and answer["method"] == "pong"
    elif _fits(req_id) and req_id is not None:
        assert answer["error"] == "Req_id field must be a number_integer"


def _fits(req_id: Any) -> bool:
    return not isinstance(req_id, int) or -(2**63) <= req_id < 2**64


def test_answers_repeat_little_of_what_a_client_chose() -> None:
    on = stage()
    for message in ({"method": "x" * 10**6}, {"method": "ping", "y" * 10**6: 1}, subscribe("trade", "z" * 10**6)):
        assert all(len(str(answer)) < 1000 for answer in on.say(message))
    assert on.say(subscribe("trade", *["Q/Q"] * 5001))[0]["error"] == "Symbol field has too many values"
    assert on.say(b"[" * 100_000)[0]["error"] == "Malformed request"
    assert on.say(b'{"method":"ping","req_id":1e999}')[0]["success"] is False
