"""The venue over HTTP: conversations to the letter, facts equal to the market's rows, and no request that breaks it."""

import json
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dialects.binance_rest_scene import Asking, morning
from dialects.scripted_market import BTC, CROSS, ETH, INSTRUMENTS, MINUTE_US, T0, ScriptedMarket
from ticker import universes
from ticker.config import MarketConfig
from ticker.dialects.binance.rest import ENDPOINTS, Rest
from ticker.instruments import Instrument
from ticker.ticks import BUY, SELL, STATES
from ticker.venue import Asked, Now

TRANSCRIPTS = Path(__file__).parent / "transcripts" / "binance_rest"
BTCUSDT = INSTRUMENTS[BTC]


@pytest.mark.parametrize("file", sorted(TRANSCRIPTS.glob("*.json")), ids=lambda file: file.stem)
def test_a_conversation_goes_as_it_is_written(file: Path) -> None:
    asking = Asking(strict="strict" in file.read_text()[:40])
    for line in json.loads(file.read_text()):
        asking.passed_s += line.get("pass_s", 0)
        if "times" in line:
            for _ in range(line["times"]):
                asking.get(line["get"])
        elif "get" in line:
            answer = asking.get(line["get"], method=line.get("method", "GET"), headers=line.get("headers"))
            assert (answer.status, answer.body.decode()) == (line["status"], line["body"])
            assert answer.content_type == "application/json;charset=UTF-8"
            assert answer.headers["X-MBX-USED-WEIGHT-1M"] == str(line["used"])
            assert answer.headers.get("Retry-After") == (str(line["retry_after"]) if "retry_after" in line else None)


def price(instrument: Instrument, ticks: int) -> Decimal:
    return Decimal(ticks * instrument.tick_units).scaleb(-instrument.decimals)


def size(instrument: Instrument, units: int) -> Decimal:
    return Decimal(units).scaleb(-instrument.size_decimals)


def eight(value: Decimal) -> Decimal:
    return value.quantize(Decimal("1e-8"), ROUND_HALF_UP)


Deals = list[tuple[int, int, int, int]]
deals: st.SearchStrategy[Deals] = st.lists(
    st.tuples(
        st.integers(1, 10**9), st.integers(1, 10**9), st.sampled_from([BUY, SELL]), st.integers(0, 200 * MINUTE_US)
    ),
    min_size=1,
    max_size=12,
)


def traded(found: Deals, instrument: int) -> Asking:
    market = ScriptedMarket(T0)
    for ticks, units, side, later in sorted(found, key=lambda deal: deal[3]):
        market.trade(instrument, ticks, units, side, T0 + later)
    return Asking(market)


@given(deals, st.sampled_from([BTC, ETH, CROSS]), st.integers(1, 15))
def test_trades_say_what_the_rows_say(found: Deals, index: int, limit: int) -> None:
    asking, instrument = traded(found, index), INSTRUMENTS[index]
    name = instrument.symbol.replace("-", "")
    rows = asking.market.trades(index, limit).tolist()
    said = asking.said(f"trades?symbol={name}&limit={limit}")
    together = asking.said(f"aggTrades?symbol={name}&limit={limit}")
    assert len(said) == len(together) == len(rows) == min(limit, len(found))
    for (_, n, t, ticks, units, side, _), trade, aggregate in zip(rows, said, together, strict=True):
        paid, much = price(instrument, ticks), size(instrument, units)
        assert (trade["id"], aggregate["a"], aggregate["f"], aggregate["l"]) == (n, n, n, n)
        assert trade["time"] == aggregate["T"] == t // 1000
        assert Decimal(trade["price"]) == Decimal(aggregate["p"]) == paid
        assert Decimal(trade["qty"]) == Decimal(aggregate["q"]) == much
        assert Decimal(trade["quoteQty"]) == eight(paid * much)
        assert trade["isBuyerMaker"] == aggregate["m"] == (side == SELL)


@given(deals, st.sampled_from(["1s", "1m", "15m", "1h", "1d", "1w", "1M"]))
def test_candlesticks_say_what_the_trades_come_to(found: Deals, interval: str) -> None:
    asking = traded(found, BTC)
    candles = asking.said(f"klines?symbol=BTCUSDT&interval={interval}&limit=1000")
    trades = asking.market.trades(BTC, 1000).tolist()
    if len(candles) < 1000:
        assert sum(candle[8] for candle in candles) == len(trades)
        assert sum(Decimal(candle[5]) for candle in candles) == sum(size(BTCUSDT, row[4]) for row in trades)
    for opened, first, high, low, last, volume, closed, turnover, count, bought, paid, unused in candles:
        inside = [row for row in trades if opened * 1000 <= row[2] < (closed + 1) * 1000]
        sums = [price(BTCUSDT, row[3]) * size(BTCUSDT, row[4]) for row in inside]
        takers = [row[5] == BUY for row in inside]
        assert (count, unused) == (len(inside), "0")
        assert Decimal(volume) == sum(size(BTCUSDT, row[4]) for row in inside)
        assert Decimal(turnover) == eight(sum(sums, Decimal()))
        assert Decimal(bought) == sum(size(BTCUSDT, row[4]) for row, taker in zip(inside, takers, strict=True) if taker)
        assert Decimal(paid) == eight(sum((sum_ for sum_, taker in zip(sums, takers, strict=True) if taker), Decimal()))
        if inside:
            prices = [price(BTCUSDT, row[3]) for row in inside]
            known = (prices[0], max(prices), min(prices), prices[-1])
            assert tuple(map(Decimal, (first, high, low, last))) == known


@given(deals, st.sampled_from(["ticker/24hr", "ticker?windowSize=7d", "ticker/tradingDay"]))
def test_a_window_says_what_its_trades_come_to(found: Deals, target: str) -> None:
    asking = traded(found, ETH)
    said = asking.said(f"{target}{'&' if '?' in target else '?'}symbol=ETHUSDT")
    eth = INSTRUMENTS[ETH]
    rows = asking.market.trades(ETH, 1000).tolist()
    paid = sum((price(eth, row[3]) * size(eth, row[4]) for row in rows), Decimal())
    much = sum((size(eth, row[4]) for row in rows), Decimal())
    first, last = (price(eth, row[3]) for row in (rows[0], rows[-1]))
    assert (said["firstId"], said["lastId"], said["count"]) == (1, len(rows), len(rows))
    assert Decimal(said["openPrice"]) == first and Decimal(said["lastPrice"]) == last
    assert Decimal(said["highPrice"]) == max(price(eth, row[3]) for row in rows)
    assert Decimal(said["priceChange"]) == last - first
    percent = Decimal(said["priceChangePercent"])
    assert percent == ((last - first) * 100 / first).quantize(Decimal("0.001"), ROUND_HALF_UP)
    assert (Decimal(said["volume"]), Decimal(said["quoteVolume"])) == (much, eight(paid))
    assert Decimal(said["weightedAvgPrice"]) == eight(paid / much)


levels = st.lists(st.tuples(st.integers(1, 2**31), st.integers(1, 10**9)), max_size=10)


@given(levels, levels, st.integers(1, 20))
def test_a_book_says_what_the_image_says(bids: list[Any], asks: list[Any], limit: int) -> None:
    asking = Asking()
    asking.market.put_book(CROSS, 77, bids, asks)
    said = asking.said(f"depth?symbol=ETHBTC&limit={limit}")
    cross = INSTRUMENTS[CROSS]
    assert said["lastUpdateId"] == 77
    for side, shown in ((bids, said["bids"]), (asks, said["asks"])):
        assert [(Decimal(px), Decimal(sz)) for px, sz in shown] == [
            (price(cross, px), size(cross, sz)) for px, sz in side[:limit]
        ]


def test_every_number_has_eight_decimals() -> None:
    def texts(document: Any) -> list[str]:
        if isinstance(document, str):
            return [document]
        parts = document.values() if isinstance(document, dict) else document if isinstance(document, list) else ()
        return [text for part in parts for text in texts(part)]

    asking = Asking()
    for target in ("depth", "trades", "avgPrice", "ticker/24hr", "ticker/price", "ticker/bookTicker", "ticker"):
        numbers = [text for text in texts(asking.said(f"{target}?symbol=BTCUSDT")) if "." in text]
        assert numbers
        assert {len(text.partition(".")[2]) for text in numbers} <= ({8, 3} if "ticker" in target else {8})


@pytest.mark.parametrize("place", range(len(STATES)))
def test_how_trading_stands_is_one_of_three_words(place: int) -> None:
    asking = Asking()
    asking.market.states[BTC] = STATES[place]
    [said] = asking.said("exchangeInfo?symbol=BTCUSDT")["symbols"]
    expected = {"trading": "TRADING", "frozen": "TRADING", "halted": "HALT"}.get(STATES[place], "BREAK")
    assert said["status"] == expected
    assert len(asking.said(f"ticker/price?symbolStatus={expected}&symbols=[%22BTCUSDT%22]")) == 1


def test_who_may_not_have_a_pair_finds_none_of_that_name() -> None:
    asking = Asking()
    asking.market.permitted = {ETH}
    for target in ("depth", "ticker/price", "ticker/24hr", "exchangeInfo", "klines"):
        more = "&interval=1m" if target == "klines" else ""
        assert asking.refused(f"{target}?symbol=BTCUSDT{more}") == (-1121, "Invalid symbol.")
    assert asking.refused("ticker/price?symbols=[%22ETHUSDT%22,%22BTCUSDT%22]")[0] == -1121
    assert [row["symbol"] for row in asking.said("ticker/24hr")] == ["ETHUSDT"]
    assert [row["symbol"] for row in asking.said("exchangeInfo")["symbols"]] == ["ETHUSDT"]
    asking.market.permitted = set()
    assert asking.said("ticker/bookTicker") == []


def test_a_stock_is_no_pair() -> None:
    asking = Asking()
    assert asking.refused("ticker/price?symbol=AAPL")[0] == -1121
    assert {row["symbol"] for row in asking.said("ticker/price")} == {"BTCUSDT", "ETHUSDT", "ETHBTC"}


def test_the_rules_of_a_pair_are_those_of_its_instrument() -> None:
    universe = universes.load(MarketConfig(universe="pairs"))
    rest, market = Rest(universe, strict=False), morning()
    market.universe = universe
    answer = rest.answer(Asked("/api/v3/exchangeInfo"), market, Now(0, 0.0, 0))
    said = orjson.loads(answer.body)["symbols"]
    assert len(said) == len(universe)
    for pair, instrument in zip(said, universe, strict=True):
        rules = {rule["filterType"]: rule for rule in pair["filters"]}
        assert next(iter(rules)) == "PRICE_FILTER"
        assert f"{pair['baseAsset']}-{pair['quoteAsset']}" == instrument.symbol
        assert Decimal(rules["PRICE_FILTER"]["tickSize"]) == price(instrument, 1)
        assert Decimal(rules["PRICE_FILTER"]["maxPrice"]) > 20 * price(instrument, instrument.reference_ticks)
        assert Decimal(rules["LOT_SIZE"]["stepSize"]) == size(instrument, instrument.lot)
        dear = instrument.symbol.endswith("-BTC")
        assert Decimal(rules["NOTIONAL"]["minNotional"]) == (Decimal("0.0001") if dear else 5)


words = st.sampled_from(
    [
        *("BTCUSDT", "ETHBTC", "btcusdt", "AAPL", "", "1m", "1M", "1d", "7d", "60m", "FULL", "MINI", "TRADING", "HALT"),
        *("0", "1", "-1", "1000", "1767623400000", "1767623400000000", str(2**63), str(2**63 - 1), "9" * 20, "9" * 400),
        *('["BTCUSDT"]', "[]", '["BTCUSDT","ETHBTC"]', "%5B%22ETHBTC%22%5D", '["\\u0000"]', "[" * 500, "+08:00", "-12"),
        *("%", "%f", "%C3%28", "%00", "é", "\ud800", "Ⅷ", "٣", "nan", "1e3", "1_000", "SPOT", "true", "false", "null"),
    ]
)
names = st.sampled_from(sorted({name for endpoint in ENDPOINTS.values() for name in endpoint.takes})) | st.text()
parts = st.tuples(names, words | st.text()).map("=".join) | st.text()
queries = st.lists(parts, max_size=6).map("&".join)
paths = st.sampled_from(sorted(ENDPOINTS)) | st.text()
units = st.sampled_from(["", "MICROSECOND", "millisecond"]) | st.text()
UNIVERSE = morning().universe


@given(paths, queries, units, st.sampled_from(["GET", "HEAD", "POST"]) | st.text())
def test_no_request_breaks_it(path: str, query: str, unit: str, method: str) -> None:
    rest, market = Rest(UNIVERSE, strict=True), morning()
    answer = rest.answer(Asked(path, query, (("x-mbx-time-unit", unit),), method), market, Now(0, 0.0, T0))
    assert answer.status in (200, 400, 404, 405)
    document = orjson.loads(answer.body)
    assert answer.status == 200 or set(document) == {"code", "msg"}
    assert int(answer.headers["X-MBX-USED-WEIGHT-1M"]) >= 1


@given(st.sampled_from(sorted(ENDPOINTS)), st.dictionaries(names, words, max_size=5))
def test_no_parameters_break_it(path: str, sent: dict[str, str]) -> None:
    query = "&".join(f"{name}={value}" for name, value in {"symbol": "BTCUSDT", "interval": "1m", **sent}.items())
    rest, market = Rest(UNIVERSE, strict=False), morning()
    answer = rest.answer(Asked(path, query.encode(errors="replace").decode()), market, Now(0, 0.0, T0))
    assert answer.status in (200, 400)
    orjson.loads(answer.body)
