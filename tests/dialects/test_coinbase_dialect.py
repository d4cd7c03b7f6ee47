"""Coinbase's feed: transcripts, deadlines, sequences, and messages that say what the rows say."""

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dialects.scripted_market import BTC, CROSS, ETH, T0, ScriptedMarket, depth_rows, pulse, row_of, rows_of, universe
from dialects.venue_stage import Stage, document, messages, transcript, transcripts
from ticker.dialects.coinbase import VENUE
from ticker.dialects.coinbase.listing import PRODUCTS_A_MESSAGE
from ticker.dialects.coinbase.products import Trimmed
from ticker.dialects.coinbase.spelling import order_ids
from ticker.dialects.coinbase.talk import SUBSCRIPTIONS_MAX
from ticker.instruments import Instrument, Universe
from ticker.ticks import ASK, BID, BUY, SELL, Rows
from ticker.venue import SUMMARY, TRADE, Answer, Asked, Depth, Now
from ticker.wire.decimals import spell

PAIRS = (BTC, ETH, CROSS)
IDS = {BTC: "BTC-USDT", ETH: "ETH-USDT", CROSS: "ETH-BTC"}
COINBASE = VENUE(universe(), strict=False)
DIALECT = COINBASE._dialect
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SIGNED = {"signature": "s", "key": "k", "passphrase": "p", "timestamp": "1767623400"}

prices = st.integers(1, 10**9)
sizes = st.integers(1, 10**9)
times = st.integers(T0, T0 + 10**15)
numbers = st.integers(1, 2**53)
instruments = st.sampled_from(PAIRS)


def stage(market: ScriptedMarket | None = None, identify: Any = None, strict: bool = False) -> Stage:
    return Stage(VENUE(universe(), strict=strict), "/", market, identify)


def subscribe(*channels: Any, products: tuple[str, ...] = ("BTC-USDT",), **fields: Any) -> dict[str, Any]:
    return {"type": "subscribe", "product_ids": list(products), "channels": list(channels), **fields}


def rendered(channel: str, rows: Rows) -> list[Any]:
    return [document(text) for piece in DIALECT.render(channel, rows) for text in messages(piece)]


def in_ticks(i: int, text: str) -> Decimal:
    return Decimal(text).scaleb(universe()[i].decimals)


def in_lots(i: int, text: str) -> Decimal:
    return Decimal(text).scaleb(universe()[i].size_decimals)


def micros(text: str) -> int:
    assert len(text) == len("2026-01-05T14:30:00.000001Z")
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(microseconds=1)


@pytest.mark.parametrize("path", transcripts("coinbase"), ids=lambda path: path.stem)
def test_a_conversation_is_what_its_transcript_says(path: Any) -> None:
    stage().replay(transcript(path))


@given(instruments, numbers, times, prices, sizes, st.sampled_from([BUY, SELL]), numbers)
def test_a_match_says_what_its_row_says(i: int, n: int, t: int, price: int, size: int, side: int, book_n: int) -> None:
    (told,) = rendered("matches", rows_of(TRADE, (i, n, t, price, size, side, book_n)))
    assert (told["type"], told["product_id"], told["trade_id"]) == ("match", IDS[i], n)
    assert told["sequence"] == n + book_n
    assert told["side"] == ("sell", "buy")[side], "the maker's"
    assert (in_ticks(i, told["price"]), in_lots(i, told["size"])) == (price, size)
    assert not told["price"].endswith(".") and not ("." in told["size"] and told["size"].endswith("0"))
    assert micros(told["time"]) == t
    orders = [uuid.UUID(told[name]) for name in ("maker_order_id", "taker_order_id")]
    assert len(set(orders)) == 2 and all(order.version == 4 for order in orders)
    assert tuple(map(str, orders)) == order_ids(IDS[i], n)


@given(instruments, times, st.lists(prices, min_size=8, max_size=8), sizes, numbers, numbers, st.sampled_from([0, 1]))
def test_a_ticker_says_what_its_row_says(
    i: int, t: int, some: list[int], volume: int, n: int, book_n: int, side: int
) -> None:
    names = ("open_ticks", "high_ticks", "low_ticks", "close_ticks", "bid_ticks", "bid_size", "ask_ticks", "ask_size")
    fields = {**dict(zip(names, some, strict=True)), "volume": volume, "month_volume": volume + 1, "trades": 1}
    last = {"last": n, "last_size": some[7], "last_side": side, "last_t": t, "book_n": book_n}
    for channel in ("ticker", "ticker_1000"):
        (told,) = rendered(channel, row_of(SUMMARY, instrument=i, t=t + 7, **fields, **last))
        said = ("open_24h", "high_24h", "low_24h", "price", "best_bid", "best_ask")
        assert [in_ticks(i, told[name]) for name in said] == [*some[:5], some[6]]
        sizes_said = ("volume_24h", "volume_30d", "best_bid_size", "best_ask_size", "last_size")
        assert [in_lots(i, told[name]) for name in sizes_said] == [volume, volume + 1, some[5], some[7], some[7]]
        assert (told["trade_id"], told["sequence"], told["side"]) == (n, n + book_n, ("buy", "sell")[side])
        assert (told["type"], told["product_id"], micros(told["time"])) == ("ticker", IDS[i], t)


@given(instruments, times, st.lists(st.tuples(st.sampled_from([BID, ASK]), prices, st.integers(0, 10**9)), min_size=1))
def test_an_update_of_a_book_says_what_its_rows_say(i: int, t: int, changed: list[tuple[int, int, int]]) -> None:
    for channel in ("level2", "level2_50"):
        (told,) = rendered(channel, depth_rows(i, 9, t, changed))
        assert (told["type"], told["product_id"], micros(told["time"])) == ("l2update", IDS[i], t)
        read = [
            (("buy", "sell").index(side), in_ticks(i, price), in_lots(i, size)) for side, price, size in told["changes"]
        ]
        assert read == changed
        assert all(size == "0.00000000" for _, _, size in told["changes"] if Decimal(size) == 0)


@given(instruments, numbers, times, numbers)
def test_a_heartbeat_says_what_its_row_says(i: int, n: int, t: int, book_n: int) -> None:
    (told,) = rendered("heartbeat", pulse(i, n, t, book_n))
    assert told == {
        **{"type": "heartbeat", "sequence": n + book_n, "last_trade_id": n, "product_id": IDS[i]},
        "time": told["time"],
    }
    assert micros(told["time"]) == t


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30))
def test_sequences_grow_on_each_channel_and_never_fall_between_them(steps: list[tuple[int, int]]) -> None:
    """A step: so many changes of the book, then so many trades, whose rows have the book's id after the step."""
    market = ScriptedMarket()
    market.put_book(BTC, 1, [(99, 1)], [(101, 1)])
    market.trade(BTC, 100, 1)
    on = stage(market)
    on.say(subscribe("matches", "ticker", "heartbeat"))
    for changes, trades in steps:
        on.wait(0.1)
        market.put_book(BTC, market.book(BTC).n + changes, [(99, 1)], [(101, 1)])
        for _ in range(trades):
            on.rows("matches", market.trade(BTC, 100, 1))
        if trades:
            on.rows("ticker", market.summaries([BTC]))
        last = int(market.trades(BTC, 1)["n"][0])
        on.rows("heartbeat", pulse(BTC, last, market.t, market.book(BTC).n))
    said = [(message["type"].removeprefix("last_"), message.get("sequence")) for message in on.said]
    for kind in ("match", "ticker"):
        its = [sequence for what, sequence in said if what == kind]
        assert all(earlier < later for earlier, later in pairwise(its))
    every = [sequence for _, sequence in said if sequence is not None]
    assert every == sorted(every)


def test_what_is_wanted_follows_what_is_said() -> None:
    on = stage()
    assert not on.talk.interest
    on.say(subscribe("level2_batch", "ticker_batch", {"name": "heartbeat", "product_ids": ["ETH-BTC"]}, "auctionfeed"))
    on.say(subscribe("level2", products=("ETH-USDT",), **SIGNED))
    assert {channel: on.talk.interest.indices(channel) for channel in on.talk.interest.channels} == {
        "level2_50": [BTC],
        "ticker_1000": [BTC],
        "heartbeat": [BTC, CROSS],
        "level2": [ETH],
    }
    assert (COINBASE.study("level2"), COINBASE.study("level2_50")) == (Depth(0), Depth(50_000))
    on.say({"type": "unsubscribe", "channels": ["level2_50", "ticker_batch"]})
    assert on.talk.interest.channels == ("heartbeat", "level2")


def test_what_stands_is_told_once() -> None:
    on = stage()
    on.market.put_book(BTC, 5, [(100, 1)], [])
    on.say(subscribe("level2_batch"))
    assert [message["type"] for message in on.say(subscribe("level2_batch"))] == ["subscriptions"]
    assert [message["type"] for message in on.say(subscribe("level2_50", products=("ETH-BTC",)))] == [
        *("subscriptions", "snapshot")
    ]


def test_a_first_subscription_comes_in_five_seconds() -> None:
    silent, wrong, quick = stage(), stage(), stage()
    wrong.say(subscribe("nonsense"))
    quick.wait(4.9)
    quick.say(subscribe("ticker"))
    for on in (silent, wrong):
        on.wait(4.8)
        assert on.closed is None
        on.wait(0.4)
        assert on.closed == (1000, "")
    quick.say({"type": "unsubscribe", "channels": ["ticker"]})
    quick.wait(600)
    assert quick.closed is None


def test_the_status_comes_each_minute_and_says_how_trading_stands() -> None:
    on = stage()
    on.say({"type": "subscribe", "channels": ["status"]})
    (told,) = on.told("status", "type")
    assert [product["id"] for product in told["products"]] == list(IDS.values())
    assert [currency["id"] for currency in told["currencies"]] == ["BTC", "USDT", "ETH"]
    on.market.states.update({BTC: "halted", ETH: "auction", CROSS: "closed"})
    on.wait(59)
    assert on.told("status", "type") == []
    on.wait(122)
    (*_, told) = later = on.told("status", "type")
    assert len(later) == 3
    flags = ("cancel_only", "auction_mode", "trading_disabled")
    assert [[product[flag] for flag in flags] for product in told["products"]] == [
        *([True, False, False], [False, True, False], [False, False, True])
    ]


def test_a_large_status_comes_in_several_messages() -> None:
    many = Universe(Instrument(f"A{n}-USD", "A / B", "", 2, 1, 1, 100) for n in range(PRODUCTS_A_MESSAGE + 5))
    on = Stage(VENUE(many, strict=False), "/", ScriptedMarket())
    turn = on.talk.heard(b'{"type":"subscribe","channels":["status"]}', True, on.market, on.now)
    told = [text for text in turn.says if document(text)["type"] == "status"]
    assert [len(document(text)["products"]) for text in told] == [PRODUCTS_A_MESSAGE, 5]
    assert max(map(len, told)) < 1 << 20


def test_what_is_not_permitted_is_not_known() -> None:
    on = stage()
    on.market.permitted = {ETH}
    (told,) = on.say(subscribe("ticker"))
    assert told["reason"] == "BTC-USDT is not a valid product"
    assert [m["type"] for m in on.say(subscribe("matches", products=("ETH-USDT",)))] == ["subscriptions"]
    on.told("", "type")
    on.say({"type": "subscribe", "channels": ["status"]})
    (told,) = on.told("status", "type")
    assert [product["id"] for product in told["products"]] == ["ETH-USDT"]
    assert [currency["id"] for currency in told["currencies"]] == ["ETH", "USDT"]


def test_a_token_comes_as_a_key_where_one_is_needed() -> None:
    keys: list[str] = []

    def identify(token: str) -> bool:
        keys.append(token)
        return token == "known"

    on = stage(identify=identify)
    for message in (subscribe("ticker"), subscribe("ticker", **SIGNED)):
        (told,) = on.say(message)
        assert (told["type"], told["reason"]) == ("error", "Authentication Failed")
    assert not on.talk.interest
    assert on.say(subscribe("heartbeat", **{**SIGNED, "key": "known"}))[0]["type"] == "subscriptions"
    assert on.say(subscribe("matches"))[0]["type"] == "subscriptions"
    assert keys == ["k", "known"]


def test_limits_are_kept_where_they_are_to_be() -> None:
    strict, loose = stage(strict=True), stage()
    for on in (strict, loose):
        for _ in range(10):
            assert on.say(subscribe("heartbeat"))[0]["type"] == "subscriptions"
    (told,) = strict.say(subscribe("heartbeat", "ticker"))
    assert told["reason"] == "more than 10 subscriptions to one product and channel"
    assert "ticker" not in strict.talk.interest.channels
    assert strict.say({"type": "unsubscribe", "channels": ["heartbeat"]})[-1]["type"] == "subscriptions"
    assert strict.say(subscribe("heartbeat"))[-1]["type"] == "subscriptions"
    for on in (strict, loose):
        on.wait(1)
        for _ in range(100):
            on.say("{}")
        assert on.closed is None
        on.say("{}")
    assert strict.closed == (1008, "ErrSlowRead") and loose.closed is None
    assert strict.said[-1]["message"] == "ErrSlowRead"


def test_an_address_connects_so_often_where_limits_are_kept() -> None:
    market, now = ScriptedMarket(), Now(T0, 0.0, T0)
    for strict in (True, False):
        venue = VENUE(universe(), strict=strict)
        talks = [venue.talk(Asked("/", address="10.0.0.1"), market, now, None) for _ in range(21)]
        assert [talk.status for talk in talks if isinstance(talk, Answer)] == [429] * strict


def test_who_is_closed_is_told_why_where_it_is_its_own_doing() -> None:
    on = stage()
    told = {reason: on.talk.leaving(reason, on.now) for reason in ("slow", "flood", "shutdown", "source")}
    assert [document(told[reason].says[0])["message"] for reason in ("slow", "flood")] == [
        *("ErrSlowConsume", "ErrSlowRead")
    ]
    assert not told["shutdown"].says and not told["source"].says


@given(st.integers(0, 10**12), st.integers(0, 9), st.sampled_from([1, 5, 25]))
def test_what_is_trimmed_is_the_same_number(count: int, decimals: int, unit: int) -> None:
    text = Trimmed(decimals, unit)[count]
    assert Decimal(text) == Decimal(spell(count * unit, decimals))
    assert "." not in text or text[-1] not in "0."


def test_paths() -> None:
    assert [path for path in ("", "/", "/v2", "/products") if COINBASE.upgrades(path)] == ["", "/"]


def test_subscriptions_are_no_more_than_an_acknowledgement_can_name() -> None:
    count = SUBSCRIPTIONS_MAX // 6 + 1
    many = Universe(Instrument(f"LONGNAME{n}-LONGQUOTE", "", "", 2, 1, 1, 100) for n in range(count))
    on = Stage(VENUE(many, strict=False), "/", ScriptedMarket())
    ids = tuple(instrument.symbol for instrument in many)
    channels = ("heartbeat", "ticker_batch", "rfq_matches", "auctionfeed", "matches", "level2_50")
    on.market.summaries = lambda *_: rows_of(SUMMARY)  # type: ignore[method-assign]
    for channel in channels[:5]:
        data = msgspec.json.encode(subscribe(channel, products=ids))
        acknowledgement = on.talk.heard(data, True, on.market, on.now).says[0]
        assert len(acknowledgement) < 1 << 20
    (told,) = on.say(subscribe(channels[5], products=ids))
    assert told["reason"] == "too many subscriptions"


# What makes no sense.

texts = st.text(st.characters(codec="utf-8"), max_size=12)
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda t: st.lists(t, max_size=3) | st.dictionaries(texts, t, max_size=3),
)
likely = st.sampled_from(
    ["subscribe", "unsubscribe", "ticker", "level2", "level2_batch", "matches", "status", "BTC-USDT", "X-Y", "full"]
)
channel = st.dictionaries(st.sampled_from(["name", "product_ids"]), likely | anything | st.lists(likely, max_size=3))
fields = likely | anything | st.lists(likely | channel | anything, max_size=4)
requests = st.dictionaries(
    st.sampled_from(["type", "channels", "product_ids", "key", "signature", "passphrase", "timestamp"]), fields
)


@settings(deadline=None)
@given(
    st.booleans(),
    st.lists(requests.map(msgspec.json.encode) | st.binary(max_size=60) | texts.map(str.encode), max_size=6),
)
def test_whatever_is_said_is_answered_in_the_venues_words(strict: bool, said: list[bytes]) -> None:
    on = stage(strict=strict)
    for data in said:
        answers = on.say(data)
        first = answers[0]
        assert first["type"] in ("error", "subscriptions")
        assert first["type"] != "error" or (len(answers) == 1 and set(first) == {"type", "message", "reason"})
    on.wait(1)
    assert on.closed is None


def test_answers_repeat_little_of_what_a_client_chose() -> None:
    on = stage()
    for message in (
        subscribe("x" * 10**6),
        subscribe("ticker", products=("y" * 10**6,)),
        subscribe({"name": "z" * 9999}),
    ):
        assert all(len(str(answer)) < 300 for answer in on.say(message))
    assert on.say(b"[" * 100_000)[0]["reason"] == "Malformed JSON"
