"""A row of the tape and its spelling by Alpaca carry the same facts, in JSON and in MessagePack."""

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialects.alpaca_wire import (
    CODECS,
    NAMES,
    STOCKS,
    built,
    codecs,
    field,
    moment,
    numbers,
    only,
    pairs,
    price,
    rendered,
    size,
    sizes,
    stocks,
    sums,
    ticks,
    times,
    told,
)
from dialects.scripted_market import AAPL, BTC, FAKEPACA, INSTRUMENTS, T0, depth_rows, row_of, rows_of
from ticker.config import MarketConfig
from ticker.dialects.alpaca.codec import Json
from ticker.dialects.alpaca.newyork import DAY_OFFSET_US, midnight_us
from ticker.dialects.alpaca.stocks import StockWords, band_percent, tape_of, tiers
from ticker.instruments import Universe
from ticker.ticks import ASK, BID, DTYPES, REASONS, STATES, STATUS, Rows
from ticker.universes import load
from ticker.venue import BAR, QUOTE, SUMMARY, TRADE

SIP, IEX, TEST, CRYPTO = "/v2/sip", "/v2/iex", "/v2/test", "/v1beta3/crypto/us"
EXCHANGES = set("NPQTZKJYUBXV")
MINUTE_US, DAY_US = 60_000_000, 86_400_000_000
OHLC = ("open_ticks", "high_ticks", "low_ticks", "close_ticks")
status_of = {name: STATES.index(name) for name in STATES}
reason_of = {name: REASONS.index(name) for name in REASONS}


def state_row(instrument: int = AAPL, **fields: int) -> Rows:
    return row_of(DTYPES[STATUS], instrument=instrument, n=1, t=T0, **fields)


@given(codecs, stocks, built(TRADE, n=numbers, t=times, price_ticks=ticks, size=sizes, side=st.integers(0, 1)))
def test_a_trade_of_a_stock(codec: str, instrument: int, rows: Rows) -> None:
    rows["instrument"] = instrument
    n, t, paid, shares = field(rows, "n", "t", "price_ticks", "size")
    said = only(SIP, codec, "trades", rows)
    assert list(said) == ["T", "S", "i", "x", "p", "s", "c", "z", "t"]
    assert said["T"] == "t" and said["S"] == NAMES[instrument] and said["i"] == n
    assert said["p"] == told(codec, price(instrument, paid))
    assert said["s"] == shares and isinstance(said["s"], int)
    assert said["c"] == (["@"] if shares >= 100 else ["@", "I"])
    assert said["t"] == moment(codec, t)
    assert said["x"] in EXCHANGES and said["z"] == tape_of(NAMES[instrument])
    assert only(IEX, codec, "trades", rows)["x"] == "V"


@given(
    codecs,
    stocks,
    built(QUOTE, n=numbers, t=times, bid_ticks=ticks, bid_size=sizes, ask_ticks=ticks, ask_size=sizes),
)
def test_a_quote_of_a_stock_has_round_lots(codec: str, instrument: int, rows: Rows) -> None:
    rows["instrument"] = instrument
    bid, bid_size, ask, ask_size = field(rows, "bid_ticks", "bid_size", "ask_ticks", "ask_size")
    said = only(SIP, codec, "quotes", rows)
    assert list(said) == ["T", "S", "bx", "bp", "bs", "ax", "ap", "as", "c", "z", "t"]
    assert (said["T"], said["S"], said["c"]) == ("q", NAMES[instrument], ["R"])
    assert (said["bp"], said["ap"]) == (told(codec, price(instrument, bid)), told(codec, price(instrument, ask)))
    for lots, shares in ((said["bs"], bid_size), (said["as"], ask_size)):
        assert isinstance(lots, int) and lots == (shares // 100 or min(1, shares))
    assert said["t"] == moment(codec, *field(rows, "t"))
    assert {said["bx"], said["ax"]} <= EXCHANGES


@pytest.mark.parametrize("codec", CODECS)
def test_a_side_that_is_empty_has_no_exchange_and_no_price(codec: str) -> None:
    said = only(SIP, codec, "quotes", row_of(QUOTE, instrument=AAPL, n=1, t=T0, ask_ticks=100, ask_size=1))
    assert (said["bx"], said["bp"], said["bs"]) == (" ", 0, 0)
    assert (said["ap"], said["as"]) == (1, 1)


bars = built(
    BAR,
    n=numbers,
    t=times,
    **dict.fromkeys(OHLC, ticks),
    volume=sums.filter(bool),
    turnover=sums,
    trades=st.integers(1, 10**9),
)


def check_bar(said: Any, codec: str, instrument: int, rows: Rows, kind: str) -> None:
    opened, high, low, closed = field(rows, *OHLC)
    volume, turnover, trades = field(rows, "volume", "turnover", "trades")
    assert list(said) == ["T", "S", "o", "h", "l", "c", "v", "t", "n", "vw"]
    assert (said["T"], said["S"], said["n"]) == (kind, NAMES[instrument], trades)
    exact = [told(codec, price(instrument, each)) for each in (opened, high, low, closed)]
    assert [said[name] for name in "ohlc"] == exact
    traded = size(instrument, volume)
    assert said["v"] == (int(traded) if instrument in STOCKS else told(codec, traded)), "shares are whole"
    digits = Decimal(1).scaleb(-max(6, INSTRUMENTS[instrument].decimals + 2))
    vwap = (price(instrument, turnover) / volume).quantize(digits, ROUND_HALF_UP)
    assert abs(Decimal(said["vw"]) - vwap) <= digits + abs(vwap) * Decimal("1e-15")


@given(codecs, stocks, bars)
def test_a_minute_of_a_stock(codec: str, instrument: int, rows: Rows) -> None:
    rows["instrument"] = instrument
    said = only(SIP, codec, "bars", rows)
    check_bar(said, codec, instrument, rows, "b")
    assert isinstance(said["v"], int) and said["t"] == moment(codec, *field(rows, "t"))


@given(codecs, pairs, bars)
def test_a_minute_and_a_day_of_a_pair(codec: str, instrument: int, rows: Rows) -> None:
    rows["instrument"] = instrument
    for channel, kind in (("crypto.bars", "b"), ("crypto.dailyBars", "d")):
        said = only(CRYPTO, codec, channel, rows)
        check_bar(said, codec, instrument, rows, kind)
        assert said["t"] == moment(codec, *field(rows, "t"))


@pytest.mark.parametrize("codec", CODECS)
def test_a_minute_of_a_pair_may_be_without_a_trade_but_not_without_a_price(codec: str) -> None:
    row = row_of(BAR, instrument=BTC, t=T0, **dict.fromkeys(OHLC, 9_500_000), done=1)
    said = only(CRYPTO, codec, "crypto.bars", row)
    assert (said["o"], said["v"], said["n"], said["vw"]) == (95_000, 0, 0, 0)
    for channel in ("crypto.bars", "crypto.dailyBars"):
        assert rendered(CRYPTO, codec, channel, row_of(BAR, instrument=BTC, t=T0, done=1)) == [None]


@given(codecs, bars)
def test_a_minute_that_is_told_again(codec: str, rows: Rows) -> None:
    for instrument, path, channel in ((AAPL, SIP, "updatedBars"), (BTC, CRYPTO, "crypto.updatedBars")):
        rows["instrument"] = instrument
        check_bar(only(path, codec, channel, rows), codec, instrument, rows, "u")


@given(codecs, bars)
def test_a_day_is_told_while_it_is_under_way(codec: str, rows: Rows) -> None:
    rows["instrument"] = AAPL
    check_bar(only(SIP, codec, "dailyBars", rows), codec, AAPL, rows, "d")
    rows["done"] = 1
    assert only(SIP, codec, "dailyBars", rows) is None


def test_a_day_begins_at_midnight_in_new_york_summer_and_winter() -> None:
    zone = ZoneInfo("America/New_York")
    for number in range(13_514, 13_514 + 366 * 40):  # from 2007 on
        opened_us = number * DAY_US + DAY_OFFSET_US
        midnight = datetime.fromordinal(datetime(1970, 1, 1).toordinal() + number).replace(tzinfo=zone)
        assert midnight_us(opened_us) == round(midnight.timestamp()) * 1_000_000
    summer = row_of(BAR, instrument=AAPL, t=1_783_314_000_000_000, trades=1)  # 2026-07-06T05:00Z
    assert only(SIP, "json", "dailyBars", summer)["t"] == "2026-07-06T04:00:00Z"


@given(codecs, pairs, built(TRADE, n=numbers, t=times, price_ticks=ticks, size=sizes, side=st.integers(0, 1)))
def test_a_trade_of_a_pair(codec: str, instrument: int, rows: Rows) -> None:
    rows["instrument"] = instrument
    n, t, paid, coins, side = field(rows, "n", "t", "price_ticks", "size", "side")
    said = only(CRYPTO, codec, "crypto.trades", rows)
    assert said == {
        "T": "t",
        "S": NAMES[instrument],
        "p": told(codec, price(instrument, paid)),
        "s": told(codec, size(instrument, coins)),
        "t": moment(codec, t),
        "i": n,
        "tks": "BS"[side],
    }
    assert codec == "json" or isinstance(said["s"], float)


@given(
    codecs,
    pairs,
    built(QUOTE, n=numbers, t=times, bid_ticks=ticks, bid_size=sizes, ask_ticks=ticks, ask_size=sizes),
)
def test_a_quote_of_a_pair(codec: str, instrument: int, rows: Rows) -> None:
    rows["instrument"] = instrument
    bid, bid_size, ask, ask_size, t = field(rows, "bid_ticks", "bid_size", "ask_ticks", "ask_size", "t")
    assert only(CRYPTO, codec, "crypto.quotes", rows) == {
        "T": "q",
        "S": NAMES[instrument],
        "bp": told(codec, price(instrument, bid)),
        "bs": told(codec, size(instrument, bid_size)),
        "ap": told(codec, price(instrument, ask)),
        "as": told(codec, size(instrument, ask_size)),
        "t": moment(codec, t),
    }


levels = st.lists(st.tuples(st.sampled_from([BID, ASK]), ticks, sizes), min_size=1, max_size=30)


@given(codecs, st.lists(st.tuples(pairs, levels, times), min_size=1, max_size=4))
def test_a_change_of_books_is_one_message_each(codec: str, changes: list[tuple[int, Any, int]]) -> None:
    parts = [depth_rows(instrument, 7, t, some) for instrument, some, t in changes]
    rows = rows_of(parts[0].dtype, *(row for part in parts for row in part.tolist()))
    said = rendered(CRYPTO, codec, "crypto.orderbooks", rows)
    assert [message is not None for message in said] == [bool(last) for last in rows["last"]]
    for message, (instrument, some, t) in zip([m for m in said if m is not None], changes, strict=True):
        sides = {
            name: [
                {"p": told(codec, price(instrument, paid)), "s": told(codec, size(instrument, coins))}
                for side, paid, coins in some
                if side == which
            ]
            for name, which in (("b", BID), ("a", ASK))
        }
        assert message == {"T": "o", "S": NAMES[instrument], "t": moment(codec, t), **sides}


def test_the_test_feed_knows_one_symbol_whatever_trades_under_it() -> None:
    assert only(TEST, "json", "trades", row_of(TRADE, instrument=FAKEPACA, n=1, t=T0))["S"] == "FAKEPACA"
    words = StockWords(Universe(INSTRUMENTS[:4]), Json(), iex=False, names={AAPL: "FAKEPACA"})
    assert words.trade(AAPL, 1, T0, 100, 100, 0, 0).S == "FAKEPACA"


# What happens to an instrument.


@pytest.mark.parametrize(
    ("reason", "cta", "utp"),
    [
        ("halt", ("2", "Trading Halt"), ("H", "Trading Halt")),
        ("resume", ("3", "Resume"), ("T", "Trading Resumption")),
        ("freeze", ("2", "Trading Halt"), ("H", "Trading Halt")),
        ("thaw", ("3", "Resume"), ("Q", "Quotation Resumption")),
    ],
)
@pytest.mark.parametrize("codec", CODECS)
def test_a_status_is_in_the_codes_of_its_tape(
    codec: str, reason: str, cta: tuple[str, str], utp: tuple[str, str]
) -> None:
    tapes = set()
    for instrument in (AAPL, FAKEPACA, BTC):
        said = only(SIP, codec, "statuses", state_row(instrument, reason=reason_of[reason]))
        assert list(said) == ["T", "S", "sc", "sm", "rc", "rm", "t", "z"]
        assert (said["sc"], said["sm"]) == (utp if said["z"] == "C" else cta)
        assert said["rc"] and said["rm"] and said["t"] == moment(codec, T0)
        tapes.add(said["z"] == "C")
    assert tapes == {True, False}, "choose symbols on both plans' tapes"


@pytest.mark.parametrize("reason", sorted(set(REASONS) - {"halt", "resume", "freeze", "thaw"}))
def test_of_all_else_there_is_no_status(reason: str) -> None:
    assert rendered(SIP, "json", "statuses", state_row(reason=reason_of[reason], price_ticks=1, size=1)) == [None]


@given(codecs, stocks, ticks, sizes, numbers, times)
def test_a_trade_that_is_taken_back(codec: str, instrument: int, paid: int, shares: int, ref: int, t: int) -> None:
    row = state_row(instrument, reason=reason_of["correction"], price_ticks=paid, size=shares, ref=ref)
    row["t"] = t
    trade = row_of(TRADE, instrument=instrument, n=ref, t=t - 1, price_ticks=paid, size=shares)
    was = only(SIP, codec, "trades", trade)
    said = only(SIP, codec, "cancelErrors", row)
    assert said == {
        "T": "x",
        **{name: was[name] for name in ("S", "i", "x", "p", "s", "z")},
        "a": "E",
        "t": moment(codec, t),
    }
    assert only(SIP, codec, "corrections", row) is None


@given(codecs, stocks, st.integers(1, 10**6), sizes, numbers, st.floats(-0.9, 2.0).filter(lambda off: abs(off) > 1e-5))
def test_a_trade_that_was_off_by_so_much_is_corrected(
    codec: str, instrument: int, right: int, shares: int, ref: int, off: float
) -> None:
    value = round(off * 1_000_000)
    wrong = max(1, round(right * (1 + value / 1_000_000)))
    row = state_row(instrument, price_ticks=wrong, size=shares, ref=ref, value_ppm=value)
    row["reason"] = reason_of["correction"]
    trade = row_of(TRADE, instrument=instrument, n=ref, t=T0, price_ticks=wrong, size=shares)
    was = only(SIP, codec, "trades", trade)
    said = only(SIP, codec, "corrections", row)
    assert list(said) == ["T", "S", "x", "oi", "op", "os", "oc", "ci", "cp", "cs", "cc", "t", "z"]
    assert [said[name] for name in ("S", "x", "oi", "op", "os", "oc", "z")] == [was[name] for name in "Sxipscz"]
    assert (said["ci"], said["cs"], said["cc"]) == (said["oi"], said["os"], said["oc"])
    # The wrong price is rounded to a tick: so exact is what it was made from.
    slack = price(instrument, 1) * (1 + Decimal(1_000_000) / (1_000_000 + value))
    assert abs(Decimal(said["cp"]) - price(instrument, right)) <= slack
    assert only(SIP, codec, "cancelErrors", row) is None


@pytest.mark.parametrize("reason", sorted(set(REASONS) - {"correction"}))
def test_only_a_correction_takes_a_trade_back(reason: str) -> None:
    row = state_row(reason=reason_of[reason], price_ticks=5, size=5, ref=5, value_ppm=100)
    assert [only(SIP, "json", channel, row) for channel in ("corrections", "cancelErrors")] == [None, None]


@pytest.mark.parametrize("codec", CODECS)
def test_an_auction_as_it_stands_is_an_imbalance(codec: str) -> None:
    for state in STATES:
        row = state_row(state=status_of[state], reason=reason_of["schedule"], price_ticks=912, size=5)
        said = only(SIP, codec, "imbalances", row)
        if state in ("pre_open", "auction"):
            assert list(said.items()) == [
                *(("T", "i"), ("S", "AAPL"), ("p", told(codec, Decimal("9.12")))),
                *(("z", tape_of("AAPL")), ("t", moment(codec, T0))),
            ]
        else:
            assert said is None
    for fields in ({"price_ticks": 912}, {"size": 5}, {"price_ticks": 912, "size": 5, "reason": reason_of["halt"]}):
        assert only(SIP, codec, "imbalances", state_row(**fields)) is None


@given(codecs, stocks, st.integers(1, 10**7), st.integers(1, 10**6), st.booleans())
def test_bands_are_around_what_was_paid(codec: str, instrument: int, paid: int, volume: int, traded: bool) -> None:
    row = row_of(SUMMARY, instrument=instrument, t=T0, close_ticks=paid if not traded else 1)
    if traded:
        row["volume"], row["turnover"] = volume, volume * paid
    said = only(SIP, codec, "lulds", row)
    assert list(said) == ["T", "S", "u", "d", "i", "t", "z"]
    dollars = price(instrument, paid)
    percent = band_percent(int(dollars * 100), tiers(Universe(INSTRUMENTS))[instrument])
    assert percent in ((5, 10) if dollars > 3 else (20, 75))
    half = price(instrument, 1) / 2
    for name, way in (("u", 1), ("d", -1)):
        assert abs(Decimal(said[name]) - dollars * (100 + way * percent) / 100) <= half + Decimal("1e-9")
    assert (said["i"], said["t"], said["z"]) == ("B", moment(codec, T0), tape_of(NAMES[instrument]))


def test_there_are_no_bands_before_there_was_a_price() -> None:
    assert rendered(SIP, "json", "lulds", row_of(SUMMARY, instrument=AAPL, t=T0)) == [None]


def test_the_livelier_half_has_the_narrower_bands() -> None:
    widths = tiers(load(MarketConfig(universe="default")))
    assert sorted(set(widths)) == [5, 10] and abs(widths.count(5) - widths.count(10)) <= 1
    assert tiers(Universe([])) == []
