"""What Binance's clients are told carries the same facts as the rows it is made of, to the last digit."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialects.binance_wire import (
    NAMES,
    PAIRS,
    built,
    dialect,
    numbers,
    only,
    pairs,
    payloads,
    price,
    size,
    sizes,
    sums,
    ticks,
    times,
    venue,
)
from dialects.scripted_market import BTC, CROSS, ETH, INSTRUMENTS, T0, depth_rows, row_of
from ticker.dialects.binance.windows import ARRAY_ROWS
from ticker.instruments import Instrument, Universe
from ticker.ticks import ASK, BID, SELL, Rows
from ticker.venue import BAR, QUOTE, SUMMARY, TRADE

sides = st.integers(0, 1)
EIGHT = Decimal("1e-8")
WINDOW = {
    **dict.fromkeys(("open_ticks", "high_ticks", "low_ticks", "close_ticks", "before_ticks"), ticks),
    **dict.fromkeys(("volume", "last_size", "bid_size", "ask_size", "month_volume"), sizes),
    **dict.fromkeys(("n", "first", "last", "trades", "book_n"), numbers),
    **dict.fromkeys(("t", "since", "until", "last_t"), times),
    **{"instrument": pairs, "turnover": sums, "last_side": sides, "bid_ticks": ticks, "ask_ticks": ticks},
}
trade_rows = built(TRADE, instrument=pairs, n=numbers, t=times, price_ticks=ticks, size=sizes, side=sides)
window_rows = built(SUMMARY, **WINDOW)
bar_rows = built(
    BAR,
    **dict.fromkeys(("open_ticks", "high_ticks", "low_ticks", "close_ticks"), ticks),
    **dict.fromkeys(("t", "until", "at"), times),
    **dict.fromkeys(("n", "first", "last", "trades"), numbers),
    **{"instrument": pairs, "volume": sizes, "taker_volume": sizes, "turnover": sums, "taker_turnover": sums},
    done=sides,
)
levels = st.lists(st.tuples(sides, ticks, sizes), min_size=1, max_size=40)


def facts(rows: Rows) -> dict[str, int]:
    """Return the one row by name of its fields."""
    return dict(zip(rows.dtype.names or (), rows.tolist()[0], strict=True))


def exactly(text: str, value: Decimal) -> bool:
    """Tell whether a text has eight decimals and this value, rounded if it has more."""
    return text == f"{value.quantize(EIGHT, ROUND_HALF_UP):f}"


def money(instrument: int, turnover: int) -> Decimal:
    """Return a turnover in the quote currency."""
    return price(instrument, turnover).scaleb(-INSTRUMENTS[instrument].size_decimals)


@given(trade_rows, st.booleans())
def test_a_trade(rows: Rows, micro: bool) -> None:
    row = facts(rows)
    told = only(dialect(micro=micro).render("trade", rows))
    i, t = row["instrument"], row["t"] // (1 if micro else 1000)
    assert list(told) == ["e", "E", "s", "t", "p", "q", "T", "m", "M"]
    assert (told["e"], told["E"], told["s"], told["t"], told["T"]) == ("trade", t, NAMES[i], row["n"], t)
    assert exactly(told["p"], price(i, row["price_ticks"])) and exactly(told["q"], size(i, row["size"]))
    assert told["m"] is (row["side"] == SELL) and told["M"] is True


@given(trade_rows)
def test_an_aggregate_is_one_trade(rows: Rows) -> None:
    trade, told = (only(dialect().render(channel, rows)) for channel in ("trade", "aggTrade"))
    assert list(told) == ["e", "E", "s", "a", "p", "q", "f", "l", "T", "m", "M"]
    assert told["a"] == told["f"] == told["l"] == trade["t"]
    assert {key: told[key] for key in "EspqTmM"} == {key: trade[key] for key in "EspqTmM"}


@given(built(QUOTE, instrument=pairs, book_n=numbers, t=times, bid_ticks=ticks, ask_ticks=ticks, bid_size=sizes))
def test_a_quote_has_the_id_of_the_book_and_no_time(rows: Rows) -> None:
    row, i = facts(rows), facts(rows)["instrument"]
    told = only(dialect().render("bookTicker", rows))
    assert list(told) == ["u", "s", "b", "B", "a", "A"]
    assert (told["u"], told["s"], told["A"]) == (row["book_n"], NAMES[i], "0.00000000")
    assert exactly(told["b"], price(i, row["bid_ticks"])) and exactly(told["a"], price(i, row["ask_ticks"]))
    assert exactly(told["B"], size(i, row["bid_size"]))


@given(bar_rows, st.sampled_from(["1s", "1m", "12h", "3d", "1w", "1M"]), st.booleans())
def test_a_candlestick(rows: Rows, interval: str, micro: bool) -> None:
    row, unit = facts(rows), 1 if micro else 1000
    told = only(dialect(micro=micro).render(f"kline_{interval}", rows))
    i, k = row["instrument"], told["k"]
    assert list(told) == ["e", "E", "s", "k"] and (told["e"], told["s"]) == ("kline", NAMES[i])
    assert "".join(k) == "tTsifLochlvnxqVQB"
    assert (k["s"], k["i"], k["f"], k["L"], k["n"]) == (NAMES[i], interval, row["first"], row["last"], row["trades"])
    assert (told["E"], k["t"], k["T"]) == (row["at"] // unit, row["t"] // unit, row["until"] // unit - 1)
    prices = {"o": "open_ticks", "c": "close_ticks", "h": "high_ticks", "l": "low_ticks"}
    assert all(exactly(k[key], price(i, row[name])) for key, name in prices.items())
    assert exactly(k["v"], size(i, row["volume"])) and exactly(k["V"], size(i, row["taker_volume"]))
    assert exactly(k["q"], money(i, row["turnover"])) and exactly(k["Q"], money(i, row["taker_turnover"]))
    assert k["x"] is bool(row["done"]) and k["B"] == "0"


def test_a_candlestick_without_a_trade() -> None:
    still = dict.fromkeys(("open_ticks", "high_ticks", "low_ticks", "close_ticks"), 966_088)
    times = {"t": T0, "until": T0 + 60_000_000, "at": T0 + 60_000_000}
    rows = row_of(BAR, **still, **times, instrument=ETH, first=-1, last=-1, done=1)
    k = only(dialect().render("kline_1m@+08:00", rows))["k"]
    assert (k["f"], k["L"], k["n"], k["i"], k["x"]) == (-1, -1, 0, "1m", True)
    assert {k[key] for key in "ochl"} == {"9660.88000000"} and {k[key] for key in "vqVQ"} == {"0.00000000"}


@given(window_rows, st.booleans())
def test_a_ticker(rows: Rows, micro: bool) -> None:
    row, unit = facts(rows), 1 if micro else 1000
    told = only(dialect(micro=micro).render("ticker", rows))
    i = row["instrument"]
    assert "".join(list(told)[1:]) == "EspPwxcQbBaAohlvqOCFLn" and told["e"] == "24hrTicker"
    prices = {"x": "before_ticks", "c": "close_ticks", "b": "bid_ticks", "a": "ask_ticks", "o": "open_ticks"}
    prices |= {"h": "high_ticks", "l": "low_ticks"}
    assert all(exactly(told[key], price(i, row[name])) for key, name in prices.items())
    amounts = {"Q": "last_size", "B": "bid_size", "A": "ask_size", "v": "volume"}
    assert all(exactly(told[key], size(i, row[name])) for key, name in amounts.items())
    whole = {"F": "first", "L": "last", "n": "trades"}
    assert all(told[key] == row[name] for key, name in whole.items())
    assert [told[key] for key in "EOC"] == [row[name] // unit for name in ("t", "since", "until")]
    assert told["s"] == NAMES[i] and exactly(told["q"], money(i, row["turnover"]))
    check_change(told, row)


def check_change(told: dict[str, Any], row: dict[str, int]) -> None:
    """Check what is computed: the change, that in percent, the mean price."""
    i, change = row["instrument"], row["close_ticks"] - row["open_ticks"]
    assert exactly(told["p"], price(i, change))
    ratio = Decimal(change) * 100 / Decimal(row["open_ticks"])
    assert Decimal(told["P"]) == ratio.quantize(Decimal("0.001"), ROUND_HALF_UP)
    assert len(told["P"].partition(".")[2]) == 3
    mean = money(i, row["turnover"]) / size(i, row["volume"]) if row["volume"] else Decimal(0)
    assert exactly(told["w"], mean)


@given(window_rows)
def test_a_mini_ticker_is_the_ticker_in_short(rows: Rows) -> None:
    whole, told = (only(dialect().render(channel, rows)) for channel in ("ticker", "miniTicker"))
    assert list(told) == ["e", "E", "s", "c", "o", "h", "l", "v", "q"] and told["e"] == "24hrMiniTicker"
    assert all(told[key] == whole[key] for key in list(told)[1:])


@given(window_rows, st.sampled_from(["1h", "4h", "1d"]))
def test_a_windowed_ticker_is_the_ticker_without_the_touch(rows: Rows, window: str) -> None:
    whole, told = (only(dialect().render(channel, rows)) for channel in ("ticker", f"ticker_{window}"))
    assert "".join(list(told)[1:]) == "EspPohlcwvqOCFLn" and told["e"] == f"{window}Ticker"
    assert all(told[key] == whole[key] for key in list(told)[1:])


@given(window_rows)
def test_an_average_price(rows: Rows) -> None:
    row, told = facts(rows), only(dialect().render("avgPrice", rows))
    whole = only(dialect().render("ticker", rows))
    assert list(told) == ["e", "E", "s", "i", "w", "T"]
    assert (told["e"], told["E"], told["i"], told["T"]) == ("avgPrice", row["t"] // 1000, "5m", row["last_t"] // 1000)
    assert told["w"] == (whole["w"] if row["volume"] else whole["c"])


def test_a_window_without_a_trade() -> None:
    told = only(dialect().render("ticker", row_of(SUMMARY, instrument=BTC, first=-1, last=-1, t=T0)))
    assert (told["p"], told["P"], told["w"], told["F"]) == ("0.00000000", "0.000", "0.00000000", -1)


@given(pairs, numbers, st.integers(0, 50), times, levels)
def test_changes_of_a_book(i: int, first: int, more: int, t: int, changed: list[tuple[int, int, int]]) -> None:
    rows = depth_rows(i, first + more, t, changed, first)
    for channel in ("depth", "depth@100ms", "depth@1000ms"):
        told = only(dialect().render(channel, rows))
        assert list(told) == ["e", "E", "s", "U", "u", "b", "a"]
        assert (told["e"], told["E"], told["s"]) == ("depthUpdate", t // 1000, NAMES[i])
        assert (told["U"], told["u"]) == (first, first + more)
        for key, side in (("b", BID), ("a", ASK)):
            assert told[key] == [[f"{price(i, px):.8f}", f"{size(i, sz):.8f}"] for s, px, sz in changed if s == side]


@given(pairs, numbers, levels)
def test_the_best_of_a_book(i: int, n: int, shown: list[tuple[int, int, int]]) -> None:
    rows = depth_rows(i, n, T0, shown, kind=1)
    told = only(dialect().render("depth20@100ms", rows))
    assert list(told) == ["lastUpdateId", "bids", "asks"] and told["lastUpdateId"] == n
    for key, side in (("bids", BID), ("asks", ASK)):
        assert told[key] == [[f"{price(i, px):.8f}", f"{size(i, sz):.8f}"] for s, px, sz in shown if s == side]


@given(st.lists(st.tuples(pairs, levels), min_size=1, max_size=5))
def test_a_message_of_a_book_is_complete_with_its_last_row(books: list[tuple[int, list[tuple[int, int, int]]]]) -> None:
    parts = [depth_rows(i, n, T0, changed) for n, (i, changed) in enumerate(books, 1)]
    pieces = dialect(wrapped=True).render("depth", np.concatenate(parts))
    assert [bool(piece) for piece in pieces] == [bool(last) for part in parts for last in part["last"]]
    told = [orjson.loads(text) for text in payloads(pieces)]
    assert [message["stream"] for message in told] == [f"{NAMES[i].lower()}@depth" for i, _ in books]
    assert [len(message["data"]["b"] + message["data"]["a"]) for message in told] == [len(c) for _, c in books]


def test_a_level_that_is_gone_has_the_size_that_clients_compare_with() -> None:
    rows = depth_rows(CROSS, 7, T0, [(ASK, 3684, 0)])
    assert only(dialect().render("depth", rows))["a"] == [["0.03684000", "0.00000000"]]


def of_each(seeds: list[Rows]) -> Rows:
    """Return a row of each pair, in order."""
    rows = np.concatenate(seeds[: len(PAIRS)])
    rows["instrument"] = PAIRS[: len(rows)]
    return rows


ARRAYS = {"!miniTicker@arr": "miniTicker", "!ticker@arr": "ticker", "!ticker_4h@arr": "ticker_4h"}
ARRAYS |= {"!miniTicker@arr@1000ms": "miniTicker", "!miniTicker@arr@3000ms": "miniTicker"}


@given(st.lists(window_rows, min_size=1, max_size=3).map(of_each), st.sampled_from(sorted(ARRAYS)))
def test_an_array_has_all_symbols_and_comes_with_the_last(rows: Rows, channel: str) -> None:
    pieces = dialect().render(channel, rows)
    assert [bool(piece) for piece in pieces] == [False] * (len(rows) - 1) + [True]
    assert only(pieces) == [orjson.loads(text) for text in payloads(dialect().render(ARRAYS[channel], rows))]
    assert only(dialect(wrapped=True).render(channel, rows)) == {"stream": channel, "data": only(pieces)}


@given(st.lists(window_rows, min_size=3, max_size=3).map(of_each), st.sets(pairs, max_size=2))
def test_an_array_for_those_who_may_have_some_symbols_only(rows: Rows, permitted: set[int]) -> None:
    mask = sum(1 << i for i in permitted)
    pieces = dialect().render(f"!ticker@arr&{mask:x}", rows)
    told = [message["s"] for text in payloads(pieces) for message in orjson.loads(text)]
    assert told == [NAMES[i] for i in sorted(permitted)]
    assert [bool(piece) for piece in pieces] == [i == max(permitted, default=-1) for i in PAIRS]
    for text in payloads(dialect(wrapped=True).render(f"!ticker@arr&{mask:x}", rows)):
        assert orjson.loads(text)["stream"] == "!ticker@arr"


def test_quotes_of_all_symbols_are_no_array() -> None:
    rows = np.concatenate([row_of(QUOTE, instrument=i, book_n=5, bid_ticks=1) for i in (BTC, ETH)])
    told = [orjson.loads(text) for text in payloads(dialect(wrapped=True).render("!bookTicker", rows))]
    assert [message["stream"] for message in told] == ["!bookTicker"] * 2
    assert [message["data"]["s"] for message in told] == ["BTCUSDT", "ETHUSDT"]


def test_an_array_of_a_thousand_symbols_and_more_fits_into_messages() -> None:
    many = 2 * ARRAY_ROWS + 1
    universe = Universe([Instrument(f"A{i}-USDT", "", "", 2, 1, 1, 1, size_decimals=8) for i in range(many)])
    rows = np.zeros(many, SUMMARY)
    for name in rows.dtype.names or ():
        rows[name] = np.arange(many) if name == "instrument" else np.iinfo(rows.dtype[name]).max
    talk = type(venue())(universe, strict=False)._dialects[True, True]
    texts = payloads(talk.render("!ticker@arr", rows))
    assert [len(orjson.loads(text)["data"]) for text in texts] == [ARRAY_ROWS, ARRAY_ROWS, 1]
    assert max(map(len, texts)) <= 1 << 20


@pytest.mark.parametrize("channel", ["trade", "kline_1m@-03:30", "depth5@1000ms", "ticker_1d"])
def test_what_is_wrapped_has_the_name_as_it_was_asked_for(channel: str) -> None:
    rows = row_of(venue().study(channel).dtype, instrument=ETH)
    if "last" in (rows.dtype.names or ()):
        rows["last"] = 1
    plain, wrapped = (only(dialect(wrapped=wrapped).render(channel, rows)) for wrapped in (False, True))
    assert wrapped == {"stream": f"ethusdt@{channel}", "data": plain}
    assert list(wrapped) == ["stream", "data"]
