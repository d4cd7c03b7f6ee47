"""What Alpaca's libraries ask for over HTTP: the newest of everything, the past page by page, and what is refused."""

import json
from base64 import urlsafe_b64encode
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialects.alpaca_wire import KEYS, NOW, venue
from dialects.scripted_market import AAPL, BTC, CROSS, ETH, FAKEPACA, MINUTE_US, T0, ScriptedMarket
from ticker.dialects.alpaca.asking import LIMIT_MAX, PAGE_MAX, Page, Query, Unfit, timeframe
from ticker.dialects.alpaca.pages import CHUNK, bars_of, paged, trades_of
from ticker.ticks import SELL
from ticker.venue import DAY_US, MONTH, Answer, Asked, Bars

HOUR_US = 60 * MINUTE_US
CRYPTO = "/v1beta3/crypto/us"


def asks(market: ScriptedMarket, target: str, *, strict: bool = False, **more: Any) -> Answer:
    path, _, query = target.partition("?")
    return venue(strict=strict).answer(Asked(path, query, **more), market, NOW)


def told(market: ScriptedMarket, target: str) -> Any:
    answer = asks(market, target)
    assert answer.status == 200 and answer.content_type == "application/json", answer.body
    return json.loads(answer.body, parse_float=Decimal)


@pytest.fixture
def market() -> ScriptedMarket:
    """Two trades of a stock in one minute, one two minutes later; one of a pair; books of both."""
    made = ScriptedMarket()
    made.trade(AAPL, 25_000, 300, t=T0 + 1_000_000)
    made.trade(AAPL, 25_050, 100, SELL, t=T0 + 2_000_000)
    made.trade(AAPL, 25_010, 50, t=T0 + 2 * MINUTE_US + 5)
    made.trade(BTC, 9_500_123, 150_000, SELL, t=T0 + 30_000_000)
    made.t = T0 + 3 * MINUTE_US
    made.put_book(AAPL, 9, [(25_000, 420)], [(25_002, 99)])
    made.put_book(BTC, 5, [(9_500_122, 150_000), (9_500_000, 1)], [(9_500_124, 99)])
    return made


APPLE_QUOTE = {
    **{"bx": "Z", "bp": 250, "bs": 4, "ax": "N", "ap": Decimal("250.02"), "as": 1},
    **{"c": ["R"], "z": "A", "t": "2026-01-05T14:33:00Z"},
}
APPLE_TRADE = {"i": 3, "p": Decimal("250.1"), "s": 50, "c": ["@", "I"], "z": "A", "t": "2026-01-05T14:32:00.000005Z"}
APPLE_BARS = [
    {
        **{"o": 250, "h": Decimal("250.5"), "l": 250, "c": Decimal("250.5")},
        **{"v": 400, "t": "2026-01-05T14:30:00Z", "n": 2, "vw": Decimal("250.125")},
    },
    {
        **dict.fromkeys(("o", "h", "l", "c", "vw"), Decimal("250.1")),
        **{"v": 50, "t": "2026-01-05T14:32:00Z", "n": 1},
    },
]


def test_the_newest_quote_of_stocks(market: ScriptedMarket) -> None:
    said = told(market, "/v2/stocks/quotes/latest?symbols=AAPL,MSFT")
    assert set(said) == {"quotes"} and set(said["quotes"]) == {"AAPL"}
    assert {**said["quotes"]["AAPL"], "bx": "Z", "ax": "N"} == APPLE_QUOTE
    single = told(market, "/v2/stocks/AAPL/quotes/latest")
    assert single == {"symbol": "AAPL", "quote": said["quotes"]["AAPL"]}
    iex = told(market, "/v2/stocks/AAPL/quotes/latest?feed=iex&currency=USD")["quote"]
    assert (iex["bx"], iex["ax"]) == ("V", "V")


def test_the_newest_trade_and_bar_of_stocks(market: ScriptedMarket) -> None:
    said = told(market, "/v2/stocks/trades/latest?symbols=AAPL")
    assert said["trades"]["AAPL"] == {**APPLE_TRADE, "x": said["trades"]["AAPL"]["x"]}
    assert told(market, "/v2/stocks/AAPL/trades/latest")["trade"] == said["trades"]["AAPL"]
    assert told(market, "/v2/stocks/bars/latest?symbols=AAPL") == {"bars": {"AAPL": APPLE_BARS[1]}}
    market.t = T0 + 2 * MINUTE_US + 10  # a minute that is not over is not the newest yet
    assert told(market, "/v2/stocks/AAPL/bars/latest") == {"symbol": "AAPL", "bar": APPLE_BARS[0]}


def test_the_newest_of_pairs(market: ScriptedMarket) -> None:
    symbols = "?symbols=BTC/USDT,ETH%2FUSDT"
    assert told(market, f"{CRYPTO}/latest/quotes{symbols}") == {
        "quotes": {
            "BTC/USDT": {
                **{
                    "bp": Decimal("95001.22"),
                    "bs": Decimal("1.5"),
                    "ap": Decimal("95001.24"),
                    "as": Decimal("0.00099"),
                },
                "t": "2026-01-05T14:33:00Z",
            }
        }
    }
    trade = {"p": Decimal("95001.23"), "s": Decimal("1.5"), "t": "2026-01-05T14:30:30Z", "i": 1, "tks": "S"}
    assert told(market, f"{CRYPTO}/latest/trades{symbols}") == {"trades": {"BTC/USDT": trade}}
    assert told(market, f"/v1beta3/crypto/eu-1/latest/orderbooks{symbols}") == {
        "orderbooks": {
            "BTC/USDT": {
                "t": "2026-01-05T14:33:00Z",
                "b": [{"p": Decimal("95001.22"), "s": Decimal("1.5")}, {"p": 95000, "s": Decimal("0.00001")}],
                "a": [{"p": Decimal("95001.24"), "s": Decimal("0.00099")}],
            }
        }
    }
    bar = told(market, f"{CRYPTO}/latest/bars{symbols}")["bars"]["BTC/USDT"]
    assert (bar["t"], bar["c"], bar["v"], bar["n"]) == ("2026-01-05T14:32:00Z", Decimal("95001.23"), 0, 0)


def test_bars_of_the_past(market: ScriptedMarket) -> None:
    said = told(market, "/v2/stocks/bars?symbols=AAPL,MSFT&timeframe=1Min")
    assert said == {"bars": {"AAPL": APPLE_BARS}, "next_page_token": None}
    single = told(market, "/v2/stocks/AAPL/bars?timeframe=1Min&sort=desc")
    assert single == {"symbol": "AAPL", "bars": APPLE_BARS[::-1], "next_page_token": None}
    assert told(market, "/v2/stocks/MSFT/bars?timeframe=1Min")["bars"] == []
    market.t = T0 + 2 * MINUTE_US + 10  # a minute is told when it is over, an hour as it stands
    assert told(market, "/v2/stocks/AAPL/bars?timeframe=1Min")["bars"] == APPLE_BARS[:1]
    (hour,) = told(market, "/v2/stocks/AAPL/bars?timeframe=1Hour")["bars"]
    assert (hour["t"], hour["v"], hour["n"]) == ("2026-01-05T14:00:00Z", 450, 3)


def test_minutes_of_a_pair_have_no_hole(market: ScriptedMarket) -> None:
    bars = told(market, f"{CRYPTO}/bars?symbols=BTC/USDT&timeframe=1Min")["bars"]["BTC/USDT"]
    assert [(bar["t"][11:16], bar["v"]) for bar in bars] == [
        ("14:30", Decimal("1.5")),
        ("14:31", 0),
        ("14:32", 0),
    ]


@pytest.mark.parametrize(
    ("query", "minutes"),
    [
        ("start=2026-01-05T14:32:00Z", ["14:32"]),
        ("start=2026-01-05T15:32:00%2B01:00", ["14:32"]),
        ("start=2026-01-05T15:32:00+01:00", ["14:32"]),
        ("start=2026-01-05T14:30:00.000000001Z&end=2026-01-05T14:31:00Z", ["14:30"]),
        ("end=2026-01-05T14:32:00", ["14:30", "14:32"]),
        ("start=2026-01-05", ["14:30", "14:32"]),
        ("start=2026-01-05&end=2026-01-05", ["14:30", "14:32"]),
        ("start=2026-01-06", None),
        ("start=2026-01-04&end=2026-01-04", []),
        ("start=2020-01-01T00:00:00Z&end=2020-01-02T00:00:00Z", []),
    ],
)
def test_times_are_both_included_and_days_are_whole(
    market: ScriptedMarket, query: str, minutes: list[str] | None
) -> None:
    target = f"/v2/stocks/AAPL/bars?timeframe=1Min&{query}"
    if minutes is None:
        assert asks(market, target).status == 400
    else:
        assert [bar["t"][11:16] for bar in told(market, target)["bars"]] == minutes


def test_trades_of_the_past(market: ScriptedMarket) -> None:
    numbers = [trade["i"] for trade in told(market, "/v2/stocks/trades?symbols=AAPL")["trades"]["AAPL"]]
    assert numbers == [1, 2, 3]
    since = "start=2026-01-05T14:30:02Z"
    assert [t["i"] for t in told(market, f"/v2/stocks/AAPL/trades?{since}&sort=desc")["trades"]] == [3, 2]
    said = told(market, f"{CRYPTO}/trades?symbols=BTC/USDT")
    assert said["trades"]["BTC/USDT"][0]["tks"] == "S" and said["next_page_token"] is None


def test_a_snapshot_is_all_there_is(market: ScriptedMarket) -> None:
    market.trade(AAPL, 26_000, 10, t=T0 + DAY_US)
    said = told(market, "/v2/stocks/snapshots?symbols=AAPL,MSFT")
    assert list(said) == ["AAPL"]
    assert list(said["AAPL"]) == ["latestTrade", "latestQuote", "minuteBar", "dailyBar", "prevDailyBar"]
    assert (
        said["AAPL"]["dailyBar"]["o"] == 260
        and said["AAPL"]["dailyBar"]["t"] == "2026-01-06T05:00:00Z"
        and said["AAPL"]["prevDailyBar"]["v"] == 450
    )
    assert told(market, "/v2/stocks/AAPL/snapshot") == {"symbol": "AAPL", **said["AAPL"]}
    crypto = told(market, f"{CRYPTO}/snapshots?symbols=BTC/USDT,ETH/USDT")["snapshots"]
    assert crypto["BTC/USDT"]["latestTrade"]["i"] == 1
    assert "ETH/USDT" not in crypto


def test_nothing_has_happened_yet() -> None:
    nothing = ScriptedMarket()
    assert told(nothing, "/v2/stocks/quotes/latest?symbols=AAPL") == {"quotes": {}}
    assert told(nothing, "/v2/stocks/snapshots?symbols=AAPL") == {}
    assert told(nothing, f"{CRYPTO}/latest/orderbooks?symbols=BTC/USDT") == {"orderbooks": {}}
    for path, what in (("quotes/latest", "quote"), ("trades/latest", "trade"), ("bars/latest", "bar")):
        answer = asks(nothing, f"/v2/stocks/AAPL/{path}")
        assert (answer.status, json.loads(answer.body)) == (404, {"message": f"no {what} found for AAPL"})
    assert asks(nothing, "/v2/stocks/AAPL/snapshot").status == 404


def test_what_is_not_permitted_looks_unknown(market: ScriptedMarket) -> None:
    market.permitted = {BTC}
    assert told(market, "/v2/stocks/quotes/latest?symbols=AAPL") == {"quotes": {}}
    assert told(market, "/v2/stocks/bars?symbols=AAPL&timeframe=1Min")["bars"] == {}
    assert asks(market, "/v2/stocks/AAPL/quotes/latest").status == 404
    assert told(market, f"{CRYPTO}/latest/quotes?symbols=BTC/USDT")["quotes"]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("/v2/stocks/quotes/latest", "symbols is required"),
        ("/v2/stocks/quotes/latest?symbols=", "symbols is required"),
        ("/v2/stocks/quotes/latest?symbols=aapl", "invalid symbol: aapl"),
        ("/v2/stocks/quotes/latest?symbols=*", "invalid symbol: *"),
        ("/v2/stocks/quotes/latest?symbols=BTC/USDT", "invalid symbol: BTC/USDT"),
        ("/v1beta3/crypto/us/latest/quotes?symbols=BTCUSDT", "invalid symbol: BTCUSDT"),
        ("/v2/stocks/quotes/latest?symbols=AAPL&feed=otc", "invalid feed: otc"),
        ("/v2/stocks/AAPL/bars", "invalid timeframe: "),
        ("/v2/stocks/AAPL/bars?timeframe=60Min", "invalid timeframe: 60Min"),
        ("/v2/stocks/AAPL/bars?timeframe=24Hour", "invalid timeframe: 24Hour"),
        ("/v2/stocks/AAPL/bars?timeframe=2Day", "invalid timeframe: 2Day"),
        ("/v2/stocks/AAPL/bars?timeframe=0Min", "invalid timeframe: 0Min"),
        ("/v2/stocks/AAPL/bars?timeframe=minute", "invalid timeframe: minute"),
        ("/v2/stocks/AAPL/bars?timeframe=1Min&limit=0", "invalid limit: 0"),
        ("/v2/stocks/AAPL/bars?timeframe=1Min&limit=10001", "invalid limit: 10001"),
        ("/v2/stocks/AAPL/bars?timeframe=1Min&limit=%C2%B2", "invalid limit: ²"),
        ("/v2/stocks/AAPL/bars?timeframe=1Min&sort=up", "invalid sort: up"),
        ("/v2/stocks/AAPL/bars?timeframe=1Min&start=yesterday", "invalid start: yesterday"),
        ("/v2/stocks/AAPL/bars?timeframe=1Min&end=2020-01-01", "end should not be before start"),
        ("/v2/stocks/AAPL/bars?timeframe=1Min&page_token=!", "invalid page_token"),
        ("/v2/stocks/AAPL/bars?timeframe=1Min&page_token=QUFQTHw5OTk5OTk5OTk5OTk5OTk5OTk5", "invalid page_token"),
        ("/v2/stocks/AAPL/bars?" + "&a" * 100, "invalid query"),
    ],
)
def test_what_is_refused_is_said(market: ScriptedMarket, target: str, message: str) -> None:
    answer = asks(market, target)
    assert (answer.status, json.loads(answer.body)) == (400, {"message": message})


def test_the_end_of_time_is_a_time(market: ScriptedMarket) -> None:
    assert told(market, "/v2/stocks/AAPL/bars?timeframe=1Min&end=9999-12-31T23:59:59-23:59")["bars"] == APPLE_BARS


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/v2/stocks", "/v2/stocks/quotes", "/v2/stocks/AAPL/latest", "/v2/iex", "/v2/options/bars"),
        *("/v1beta3/crypto/mars/latest/quotes", "/v1beta3/crypto/us/BTC/bars", "/v2/stocks/AAPL/snapshots"),
        *("/v2/stocks/snapshot", "/v2/stocks/aapl/bars", "/v2/stocks/AAPL/bars/"),
    ],
)
def test_what_is_not_there_is_not_found(market: ScriptedMarket, path: str) -> None:
    answer = asks(market, f"{path}?symbols=AAPL&timeframe=1Min")
    assert (answer.status, json.loads(answer.body)) == (404, {"message": "Not Found"})


def test_one_can_only_ask(market: ScriptedMarket) -> None:
    target = "/v2/stocks/quotes/latest?symbols=AAPL"
    assert asks(market, target, method="POST").status == 405
    assert asks(market, target, method="HEAD").status == 200


def test_keys_are_asked_for_where_limits_are_kept(market: ScriptedMarket) -> None:
    target = "/v2/stocks/quotes/latest?symbols=AAPL"
    assert asks(market, target, strict=True).status == 401
    assert asks(market, target, strict=True, headers=KEYS[:1]).status == 401
    assert asks(market, target, strict=True, headers=KEYS).status == 200
    assert asks(market, target, strict=True, headers=[("authorization", "Bearer t")]).status == 200


# The past, page by page.


@pytest.mark.parametrize(
    ("text", "bars"),
    [
        ("1Min", Bars(MINUTE_US)),
        ("5T", Bars(5 * MINUTE_US)),
        ("1Hour", Bars(HOUR_US)),
        ("2H", Bars(2 * HOUR_US, HOUR_US)),
        ("1Day", Bars(DAY_US, 5 * HOUR_US)),
        ("1W", Bars(7 * DAY_US, 4 * DAY_US + 5 * HOUR_US)),
        ("1Month", Bars(MONTH, 5 * HOUR_US)),
    ],
)
def test_a_timeframe_begins_where_the_markets_day_does(text: str, bars: Bars) -> None:
    assert timeframe(text, 5 * HOUR_US) == bars


def test_a_page_is_never_too_long(market: ScriptedMarket) -> None:
    asked = Query(f"limit={LIMIT_MAX}").page(market.t, 0)
    assert asked.limit == PAGE_MAX


def busy() -> ScriptedMarket:
    """Trades in two of three minutes of half an hour, of three stocks under other names."""
    made = ScriptedMarket()
    for minute in range(30):
        for instrument in (AAPL, FAKEPACA, ETH):
            if (minute + instrument) % 3:
                made.trade(instrument, 1000 + minute, 1, t=T0 + minute * MINUTE_US)
                made.trade(instrument, 1000 + minute, 2, t=T0 + minute * MINUTE_US)
    made.t = T0 + 31 * MINUTE_US
    return made


NAMED = [("CCC", ETH), ("AAA", AAPL), ("BBB", FAKEPACA)]
minutes = st.integers(0, 31).map(lambda minute: T0 + minute * MINUTE_US)


@given(st.integers(1, 40), st.booleans(), st.sampled_from(["bars", "trades"]), minutes, minutes, st.booleans())
def test_pages_together_are_the_past(
    limit: int, newest_first: bool, what: str, since: int, until: int, empty: bool
) -> None:
    market = busy()

    def page_of(after: tuple[str, int] | None, limit: int) -> tuple[dict[str, list[Any]], str | None]:
        page = Page(since, until, limit, newest_first, after)
        fetch = trades_of(market, page)
        if what == "bars":
            fetch = bars_of(market, Bars(MINUTE_US), page, empty=empty)
        return paged(NAMED, page, fetch)

    whole, token = page_of(None, 10_000)
    assert token is None
    for symbol, instrument in NAMED:
        rows = market.trades(instrument, 1000, since_us=since, until_us=until).tolist()
        if what == "bars":
            rows = market.bars(instrument, Bars(MINUTE_US), 1000, since, until).tolist()
            rows = [row for row in rows if row[-1] and (empty or row[11])]
        assert whole.get(symbol, []) == (rows[::-1] if newest_first else rows)
    gathered: list[tuple[str, Any]] = []
    after, turns = None, 0
    while True:
        found, token = page_of(after, limit)
        assert sum(map(len, found.values())) <= limit
        gathered += [(symbol, row) for symbol, rows in found.items() for row in rows]
        turns += 1
        if token is None:
            break
        after = Query(f"page_token={token}").page(T0, 0).after
    assert gathered == [(symbol, row) for symbol, rows in whole.items() for row in rows]
    assert turns <= len(gathered) // limit + 2


def test_a_past_that_is_long_is_fetched_in_parts() -> None:
    market = ScriptedMarket()
    market.trade(AAPL, 1, 1)
    market.trade(AAPL, 1, 1, t=T0 + (CHUNK + 5) * MINUTE_US)
    for newest_first in (False, True):
        page = Page(T0, market.t, 10, newest_first)
        found = bars_of(market, Bars(5 * MINUTE_US), page, empty=False)(AAPL, None, 10)
        assert sorted(row[11] for _, row in found) == [1, 1]
    page = Page(T0, market.t, 10)
    one = bars_of(market, Bars(MINUTE_US), page, empty=False)(AAPL, None, 10)
    assert [place for place, _ in one] == [T0], "the last minute is not over"


def test_a_token_is_read_again(market: ScriptedMarket) -> None:
    said = told(market, "/v2/stocks/AAPL/bars?timeframe=1Min&limit=1")
    assert said["bars"] == APPLE_BARS[:1]
    rest = told(market, f"/v2/stocks/AAPL/bars?timeframe=1Min&limit=1&page_token={said['next_page_token']}")
    assert rest["bars"] == APPLE_BARS[1:] and rest["next_page_token"] is None


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda data: urlsafe_b64encode(data).decode()))
def test_any_query_is_understood_or_refused(text: str) -> None:
    for name in ("page_token", "start", "end", "limit", "sort"):
        try:
            page = Query(f"{name}={text}").page(T0, 0)
        except Unfit as error:
            assert error.status == 400
        else:
            assert page.since_us <= page.until_us


@given(st.text(max_size=80), st.text(max_size=80))
def test_any_request_is_answered(path: str, query: str) -> None:
    market = busy()
    for some in (path, "/v2/stocks/" + path, "/v2/stocks/bars", CRYPTO + "/latest/quotes"):
        answer = venue().answer(Asked(some, query), market, NOW)
        assert answer.status in (200, 400, 404)
        msgspec.json.decode(answer.body)


def test_what_is_traded_is_what_there_is() -> None:
    assert venue().instruments == [BTC, ETH, CROSS, AAPL, FAKEPACA]
